"""PostgreSQL goes away under load, and comes back. Two daemons share one database."""
import signal

from harness import Daemon, check_invariants, wait_until


def baking(daemon, version="1.0.0", **more):
    id_ = daemon.create(version=version, **more)["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    return id_


def test_a_hangup_ends_nothing_and_says_that_nothing_was_read_again(own_postgres, make_daemon):
    daemon = make_daemon(own_postgres).start()
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "not_reloaded" in daemon.log(), "the hangup to be answered")
    assert daemon.get("/livez")[0] == 200


def test_stopping_postgresql_holds_everything_and_it_goes_on_by_itself(own_postgres, make_daemon, receiver):
    daemon = make_daemon(own_postgres).start()
    id_ = baking(daemon)
    own_postgres.kill()
    wait_until(lambda: daemon.get("/readyz")[1]["store"] == "unreachable", "the outage to be noticed")
    before = daemon.release(id_)
    assert before["as_of"] and before["state"] == "running"
    assert daemon.get("/livez")[0] == 200
    assert daemon.get("/v1/releases")[1]["releases"][0]["id"] == id_
    status, body, headers = daemon.post(f"/v1/releases/{id_}/rollback", {"reason": "now"})
    assert status == 503 and "retry-after" in headers, body
    status, body, _ = daemon.post("/v1/releases", {"service": "x", "environment": "prod", "version": "1", "policy": "test"})
    assert status == 503, body
    own_postgres.start()
    wait_until(lambda: daemon.get("/readyz")[1]["store"] == "ok", "the database to be back")
    daemon.wait_state(id_, "completed")
    assert receiver.weights() == [10, 100]
    assert daemon.sql(f"SELECT count(*) FROM headgate.transition WHERE release_id = {id_} AND event = 'rollback'") == [["0"]]


def test_a_frozen_server_that_answers_nothing_is_noticed(own_postgres, make_daemon, receiver):
    daemon = make_daemon(own_postgres).start()
    id_ = baking(daemon)
    pids = [own_postgres.process.pid] + children(own_postgres.process.pid)
    for pid in pids:
        signal_safely(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: daemon.get("/readyz")[1]["store"] == "unreachable", "the hang to be noticed")
        assert daemon.release(id_)["id"] == id_
    finally:
        for pid in pids:
            signal_safely(pid, signal.SIGCONT)
    daemon.wait_state(id_, "completed")
    assert receiver.weights() == [10, 100]


def children(pid):
    import subprocess
    return [int(p) for p in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True,
                                           check=False).stdout.split()]


def signal_safely(pid, how):
    import os
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        pass


def test_a_second_daemon_on_the_same_database_does_not_act_twice(postgres, make_daemon, receiver):
    first = make_daemon(postgres, name="a").start()
    second = make_daemon(postgres, database=first.database, name="b").start()
    id_ = first.create()["id"]
    first.wait_state(id_, "completed")
    assert receiver.weights() == [10, 100]
    owners = [d.get("/readyz")[1]["owner"] for d in (first, second)]
    assert owners.count(True) == 1
    wait_until(lambda: second.release(id_)["state"] == "completed", "the standby to show it")


def test_a_standby_takes_over_when_the_owner_is_killed(postgres, make_daemon, receiver):
    first = make_daemon(postgres, name="a").start()
    wait_until(lambda: first.get("/readyz")[1]["owner"], "an owner")
    second = make_daemon(postgres, database=first.database, name="b").start()
    id_ = baking(first)
    first.kill()
    wait_until(lambda: second.get("/readyz")[1]["owner"], "the take-over")
    second.wait_state(id_, "completed")
    assert receiver.weights() == [10, 100]


def test_a_rollback_asked_of_the_standby_is_committed_and_delivered(postgres, make_daemon, receiver):
    first = make_daemon(postgres, name="a").start()
    wait_until(lambda: first.get("/readyz")[1]["owner"], "an owner")
    second = make_daemon(postgres, database=first.database, name="b").start()
    id_ = baking(first)
    wait_until(lambda: second.get(f"/v1/releases/{id_}")[0] == 200, "the standby to know it")
    assert second.verb(id_, "rollback", reason="from the other one")["state"] == "rolling_back"
    first.wait_state(id_, "rolled_back")
    assert receiver.weights()[-1] == 0


def test_a_standby_that_cannot_send_a_rollback_leaves_it_to_the_owner(postgres, make_daemon, folder, target, receiver):
    """It claimed it, gave it back for a second later, claimed it again."""
    first = make_daemon(postgres, name="a").start()
    wait_until(lambda: first.get("/readyz")[1]["owner"], "an owner")
    id_ = baking(first)
    second = Daemon(folder, postgres, first.database, target, None, name="b").start()
    wait_until(lambda: second.get(f"/v1/releases/{id_}")[0] == 200, "the standby to know it")
    second.verb(id_, "rollback", reason="from the other one")
    first.wait_state(id_, "rolled_back")
    assert receiver.weights()[-1] == 0
    assert first.sql("SELECT max(attempts) FROM headgate.outbox WHERE class = 'rollback'") == [["1"]]
    second.close()


def test_an_owner_that_was_stopped_for_long_does_not_act_after_the_take_over(postgres, make_daemon, receiver):
    first = make_daemon(postgres, name="a").start()
    wait_until(lambda: first.get("/readyz")[1]["owner"], "an owner")
    second = make_daemon(postgres, database=first.database, name="b").start()
    id_ = baking(first)
    first.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: second.get("/readyz")[1]["owner"], "the take-over")
    second.wait_state(id_, "completed")
    first.process.send_signal(signal.SIGCONT)
    wait_until(lambda: first.get("/readyz")[1]["owner"] is False, "the old owner to step back")
    wait_until(lambda: first.release(id_)["state"] == "completed", "the old owner to know")
    assert receiver.weights() == [10, 100]
    check_invariants(second)
