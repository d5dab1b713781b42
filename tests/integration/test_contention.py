"""Others hold what a decision needs: a row's lock, a newer row, the database itself."""
import contextlib
import signal
import subprocess
import threading
import time

from harness import PG_BIN, wait_until
from test_outage import baking, children, signal_safely


@contextlib.contextmanager
def locked(daemon, id_, lock="UPDATE"):
    """Somebody's psql holds the release's row."""
    psql = subprocess.Popen([str(PG_BIN / "psql"), "-X", "-q", "-h", str(daemon.postgres.home), "-U", "owner", "-d",
                             daemon.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    psql.stdin.write(f"BEGIN;\nSELECT 'has it', id FROM headgate.release WHERE id = {id_} FOR {lock};\n")
    psql.stdin.flush()
    while "has it" not in psql.stdout.readline():
        assert psql.poll() is None
    try:
        yield
    finally:
        psql.kill()
        psql.wait()


def in_background(what):
    seen = {}

    def run():
        with contextlib.suppress(OSError):
            seen["answer"] = what()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    seen["thread"] = thread
    return seen


def metric(daemon, name):
    text = daemon.get("/metrics")[1]
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


def wait_for_lock(daemon, waiting):
    """Until the verb's statement waits for the row, or has given up on it."""
    wait_until(lambda: "answer" in waiting or daemon.sql(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"),
        "the verb to reach the row that is held")


def test_a_row_somebody_holds_does_not_stop_the_other_releases(postgres, make_daemon):
    daemon = make_daemon(postgres).start()
    held = baking(daemon)
    other = baking(daemon, service="basket")
    with locked(daemon, held):
        waiting = in_background(lambda: daemon.post(f"/v1/releases/{held}/rollback", {"reason": "stuck"}))
        wait_for_lock(daemon, waiting)
        connections = metric(daemon, "headgate_store_reconnects_total")
        for version in range(3):
            daemon.verb(other, "note", reason=f"still here {version}")
        assert daemon.verb(other, "rollback", reason="now")["state"] == "rolling_back"
        assert daemon.get("/readyz")[1]["store"] == "ok"
        assert metric(daemon, "headgate_store_reconnects_total") == connections
        waiting["thread"].join(60)
        status, body, headers = waiting["answer"]
        assert status == 503 and "nothing has changed" in body["detail"] and "retry-after" in headers
    assert daemon.verb(held, "rollback", reason="again")["state"] == "rolling_back"


def test_the_same_post_to_two_instances_makes_one_release(postgres, make_daemon):
    first = make_daemon(postgres, name="a").start()
    second = make_daemon(postgres, database=first.database, name="b").start()
    for version in ("1", "2", "3"):
        id_ = first.create(version=version, start="manual")["id"]
        assert second.create(version=version, start="manual", expect=200)["id"] == id_
        assert second.create(version=version, start="manual", expect=200)["id"] == id_


def test_a_pause_right_after_a_resume_elsewhere_is_not_taken_for_done(postgres, make_daemon):
    first = make_daemon(postgres, name="a").start()
    wait_until(lambda: first.get("/readyz")[1]["owner"], "an owner")
    second = make_daemon(postgres, database=first.database, name="b").start()
    id_ = baking(first)
    first.verb(id_, "pause", reason="look")
    for _ in range(3):
        wait_until(lambda: second.get(f"/v1/releases/{id_}")[1].get("state") == "paused", "the standby to see it")
        first.verb(id_, "resume", reason="fine")
        assert second.verb(id_, "pause", reason="not fine")["state"] == "paused"
        assert first.sql(f"SELECT state FROM headgate.release WHERE id = {id_}") == [["paused"]]


def test_a_verb_in_doubt_is_said_to_be_in_doubt_when_the_database_stays_away(own_postgres, make_daemon):
    daemon = make_daemon(own_postgres).start()
    id_ = baking(daemon)
    daemon.verb(id_, "pause", reason="quiet")
    pids = [own_postgres.process.pid] + children(own_postgres.process.pid)
    for pid in pids:
        signal_safely(pid, signal.SIGSTOP)
    try:
        status, body, headers = daemon.post(f"/v1/releases/{id_}/rollback", {"reason": "now"})
        assert status == 503 and "not known" in body["detail"] and "retry-after" in headers, body
    finally:
        for pid in pids:
            signal_safely(pid, signal.SIGCONT)
    wait_until(lambda: daemon.get("/readyz")[1]["store"] == "ok", "the database to be back")
    if daemon.release(id_)["state"] == "paused":
        daemon.verb(id_, "rollback", reason="again")
    daemon.wait_state(id_, "rolled_back")
    assert daemon.sql(f"SELECT count(*) FROM headgate.transition WHERE release_id = {id_} AND event = 'rollback'") \
        == [["1"]]


def test_two_signals_while_verbs_wait_end_without_a_crash(postgres, make_daemon):
    daemon = make_daemon(postgres).start()
    id_ = baking(daemon)
    with locked(daemon, id_):
        waiting = [in_background(lambda: daemon.post(f"/v1/releases/{id_}/note", {"reason": "one"}))]
        wait_for_lock(daemon, waiting[0])
        waiting += [in_background(lambda: daemon.post(f"/v1/releases/{id_}/note", {"reason": "two"}))]
        wait_until(lambda: metric(daemon, "headgate_http_connections") >= 3 or "answer" in waiting[0],
                   "both verbs to be under way beside this look")
        daemon.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "event=stopping" in daemon.log(), "the first signal to be heard")
        daemon.process.send_signal(signal.SIGTERM)
        status = daemon.process.wait(timeout=60)
    daemon.process = None
    assert status == 0, daemon.log()[-4000:]


def test_a_policy_that_was_not_written_in_an_outage_is_not_written_later(own_postgres, make_daemon):
    daemon = make_daemon(own_postgres).start()
    document = daemon.get("/v1/policies/test")[1]["policy"]
    document["policy"] = "later"
    own_postgres.kill()
    wait_until(lambda: daemon.get("/readyz")[1]["store"] == "unreachable", "the outage to be noticed")
    assert daemon.request("PUT", "/v1/policies/later", document)[0] == 503
    own_postgres.start()
    wait_until(lambda: daemon.get("/readyz")[1]["store"] == "ok", "the database to be back")
    daemon.create()  # written after whatever the start of the connection wrote
    assert daemon.sql("SELECT name FROM headgate.policy_name ORDER BY name") == [["test"]]
    assert daemon.get("/v1/policies/later")[0] == 404


def test_a_freeze_is_listed_once_whatever_else_is_read(postgres, make_daemon):
    daemon = make_daemon(postgres).start()
    assert daemon.post("/v1/freeze", {"scope": "service", "name": "checkout", "reason": "stop"})[0] == 200
    until = time.monotonic() + 2.5  # polls of the database go on meanwhile
    while time.monotonic() < until:
        daemon.get("/v1/releases/9999999")
        assert len(daemon.get("/v1/freeze")[1]["freezes"]) == 1
