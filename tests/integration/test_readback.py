"""Actions whose effect is read back: receivers that lie, states that a stranger changes, receivers without fences."""
import http.server
import json
import threading

import pytest
from harness import Daemon, call, check_invariants, policy, wait_until


class Holder:
    """Holds one weight. It knows no fences and does what it is told, unless a test says otherwise; GET shows what it
    holds. What it got is kept in `sent`."""

    def __init__(self, folder):
        self.secret_file = folder / "holder-secret"
        self.secret_file.write_text("a secret of some length\n")
        self.secret_file.chmod(0o600)
        self.lock = threading.Lock()
        self.weight = 0
        self.mode = "ok"        # ok, lie (200, but nothing changes), take (202, nothing changes)
        self.knows_ids = False  # what was applied once is not applied again
        self.held = None        # an event: a request waits for it before it is carried out
        self.page = None        # (status, body) instead of what it holds
        self.sent, self.reads, self.seen = [], 0, set()
        holder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body=b""):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                with holder.lock:
                    holder.reads += 1
                    status, body = holder.page or (200, json.dumps({"weight": holder.weight}))
                self.answer(status, body.encode())

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                with holder.lock:
                    held = holder.held
                    holder.sent.append({"headers": dict(self.headers), "id": self.headers["webhook-id"],
                                        "weight": body.get("weight")})
                if held is not None and self.headers["Headgate-Class"] == "advance":
                    held.wait()
                self.answer(holder.take(self.headers["webhook-id"], body))

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # the other side gave up waiting

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, id_, body):
        with self.lock:
            if self.mode == "ok" and not (self.knows_ids and id_ in self.seen):
                self.weight = body.get("weight", self.weight)
            self.seen.add(id_)
            return 202 if self.mode == "take" else 200

    def set(self, **values):
        with self.lock:
            for name, value in values.items():
                assert hasattr(self, name), name
                setattr(self, name, value)

    def ids(self):
        with self.lock:
            return [row["id"] for row in self.sent]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def holder(folder):
    receiver = Holder(folder)
    yield receiver
    if receiver.held is not None:
        receiver.held.set()
    receiver.close()


def policies(target, every="1s", callback=False, more=None, **change):
    document = json.loads(policy(target, **change)["test.yaml"])
    document["actions"].update(more or {})
    document["stages"][0]["bake"] = "1h"
    for action, weight in (("set_weight", "${stage.weight}"), ("weight_zero", 0)):
        document["actions"][action]["read"] = {"path": "/weights/${service}", "pointer": "/weight", "equals": weight,
                                               "every": every}
        if callback:
            document["actions"][action].update(acknowledge_by="callback", acknowledge="5m")
    return {"test.yaml": json.dumps(document)}


LASTING = {"stabilise": {"gates": ["lag"], "bake": "1h", "deadline": "2h"}, "window": "24h",
           "options": [{"option": "kill_switch", "actions": ["weight_zero"]}]}


@pytest.fixture
def start(postgres, folder, target, holder):
    """start(): a daemon that sends to the holder; more of them share its database. Closed and checked at the end."""
    made = []

    def make(name="a", failpoint=None, **how):
        database = made[0].database if made else postgres.database()
        daemon = Daemon(folder, postgres, database, target, holder, policies(target, **how), name)
        made.append(daemon)
        return daemon.start(failpoint=failpoint)

    yield make
    for daemon in made:
        daemon.close()
    for daemon in made:
        check_invariants(daemon)


def row_of(daemon, id_, action="set_weight"):
    rows = daemon.get(f"/v1/releases/{id_}/actions")[1]["actions"]
    return next(row for row in rows if row["action"] == action)


def wait_row(daemon, id_, what, look, action="set_weight"):
    return wait_until(lambda: (row := row_of(daemon, id_, action)) and look(row) and row, what)


def baking(daemon, **more):
    id_ = daemon.create(**more)["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    return id_


def events(daemon, id_):
    return [row["event"] for row in daemon.get(f"/v1/releases/{id_}/timeline")[1]["timeline"]]


def drift_holds(release):
    return [h for h in release["holds"] if h["source"] == "drift"]


def test_what_was_set_counts_once_it_was_seen(start, holder):
    daemon = start()
    id_ = baking(daemon)
    row = row_of(daemon, id_)
    assert row["state"] == "acknowledged" and row["repairs"] == 0 and not row["drifted"]
    assert row["read"]["pointer"] == "/weight" and row["read"]["equals"] == 10
    assert row["read_text"] == "/weight reads 10" and row["read_at"]
    seen = holder.reads
    wait_until(lambda: holder.reads > seen + 1, "it to be looked at again and again")
    assert len(holder.sent) == 1
    daemon.verb(id_, "rollback", reason="to see it")
    daemon.wait_state(id_, "rolled_back")
    assert holder.weight == 0


def test_a_receiver_that_says_yes_and_does_nothing_is_not_believed(start, holder):
    holder.set(mode="lie", knows_ids=True)
    daemon = start()
    id_ = daemon.create()["id"]
    row = wait_row(daemon, id_, "the lie to be found out", lambda r: r["repairs"] >= 2)
    assert row["last_text"] == "status 200, but /weight reads 0, not 10" and row["last_status"] == 200
    assert row["acknowledged_at"] is None
    assert daemon.release(id_)["step"] == "entering"
    holder.set(mode="ok")
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    assert holder.weight == 10
    # Each attempt after a look that found something else has an id of its own, of one message.
    ids = holder.ids()
    assert len(set(ids)) == len(ids) and ids[1:] == [f"{ids[0]}.r{n}" for n in range(1, len(ids))]


def test_a_rollback_is_not_done_while_the_state_says_otherwise(start, holder):
    daemon = start()
    id_ = baking(daemon)
    holder.set(mode="lie", knows_ids=True)
    daemon.verb(id_, "rollback", reason="to see it")
    wait_row(daemon, id_, "the lie to be found out", lambda r: r["repairs"] >= 2, "weight_zero")
    assert daemon.release(id_)["state"] == "rolling_back"
    assert holder.weight == 10
    holder.set(mode="ok")
    daemon.wait_state(id_, "rolled_back")
    assert holder.weight == 0


def test_a_strangers_change_is_mended_and_told(start, holder):
    daemon = start()
    id_ = baking(daemon)
    holder.set(mode="lie")
    holder.set(weight=77)
    held = daemon.wait_release(id_, "the hold", drift_holds)
    assert drift_holds(held)[0]["name"] == "drift:set_weight" and held["state"] == "running"
    row = wait_row(daemon, id_, "the drift", lambda r: r["drifted"])
    assert row["repairs"] >= 1 and row["acknowledged_at"] is None
    holder.set(mode="ok")
    wait_until(lambda: holder.weight == 10, "the weight to be set again")
    daemon.wait_release(id_, "no hold", lambda r: not drift_holds(r))
    row = row_of(daemon, id_)
    assert row["state"] == "acknowledged" and not row["drifted"]
    assert holder.ids()[-1] == f"{holder.ids()[0]}.r{row['repairs']}"
    told = events(daemon, id_)
    assert "drift" in told and "drift_over" in told


def test_the_reference_receiver_takes_a_repair(postgres, folder, target, receiver):
    daemon = Daemon(folder, postgres, postgres.database(), target, receiver, policies(target)).start()
    id_ = baking(daemon)
    receiver.control(stranger=55)
    wait_until(lambda: receiver.weights() == [10, 10], "the weight to be set again")
    rows = receiver.applied()
    assert rows[1]["id"] == f"{rows[0]['id']}.r1" and rows[1]["fence"] > rows[0]["fence"]
    daemon.verb(id_, "rollback", reason="to see it")
    daemon.wait_state(id_, "rolled_back")
    daemon.close()
    check_invariants(daemon)


def test_a_late_advance_at_a_receiver_without_fences_ends_rolled_back(start, holder):
    holder.set(held=threading.Event())
    daemon = start(rollback=LASTING)
    id_ = daemon.create()["id"]
    wait_until(lambda: holder.sent, "the advance to be on its way")
    daemon.verb(id_, "rollback", reason="at the worst moment")
    daemon.wait_state(id_, "stabilising")
    # Every message of the way back is through; only now the advance is carried out.
    row = wait_row(daemon, id_, "the repeat of the rollback", lambda r: r["resent"], "weight_zero")
    assert row["state"] == "acknowledged" and holder.weight == 0
    holder.held.set()
    wait_until(lambda: holder.weight == 10, "the late advance")
    wait_until(lambda: holder.weight == 0, "the way back")
    row = wait_row(daemon, id_, "the repair", lambda r: r["state"] == "acknowledged" and not r["drifted"],
                   "weight_zero")
    assert row["repairs"] == 1
    assert "drift" in events(daemon, id_)


def test_people_are_called_once_for_a_drift_whatever_other_way_back_is_taken(start, holder):
    flag = {"to": "deployer", "path": "/flags/${service}", "body": {"flag": "off"}}
    options = [*LASTING["options"], {"option": "flag_off", "actions": ["flag"]}]
    daemon = start(rollback={**LASTING, "options": options}, more={"flag": flag})
    id_ = baking(daemon)
    daemon.verb(id_, "rollback", reason="to see it")
    daemon.wait_state(id_, "stabilising")
    wait_row(daemon, id_, "the way back", lambda r: r["state"] == "acknowledged", "weight_zero")
    holder.set(mode="lie")
    holder.set(weight=77)
    daemon.wait_release(id_, "the call", lambda r: any(c["cause"] == "drift" for c in r.get("calls", [])))
    daemon.verb(id_, "rollback", option="flag_off", reason="the other way")
    wait_row(daemon, id_, "the other way back", lambda r: r["state"] == "acknowledged", "flag")
    daemon.wait_state(id_, "stabilising")
    seen = holder.reads
    wait_until(lambda: holder.reads >= seen + 3, "three more looks")
    told = [e for e in events(daemon, id_) if e.startswith("drift")]
    assert told == ["drift"], "it never was over"


def test_a_reader_that_is_down_is_no_drift_but_no_proof_either(start, holder):
    holder.set(page=(503, "{}"))
    daemon = start()
    id_ = daemon.create()["id"]
    wait_row(daemon, id_, "the failure",
             lambda r: r["last_text"] == "status 200, but /weights/checkout cannot be read: status 503")
    assert daemon.release(id_)["step"] == "entering"
    holder.set(page=None)
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    assert len(set(holder.ids())) == 1, "what could not be read is the same message still"
    holder.set(page=(503, "{}"), weight=77)
    wait_row(daemon, id_, "the failure",
             lambda r: r["read_text"] == "/weights/checkout cannot be read: status 503")
    seen, sent = holder.reads, len(holder.sent)
    wait_until(lambda: holder.reads >= seen + 3, "three more looks")
    assert not row_of(daemon, id_)["drifted"] and not drift_holds(daemon.release(id_))
    assert len(holder.sent) == sent
    assert daemon.log().count("event=read_back_failed") == 1
    holder.set(page=None)
    wait_until(lambda: holder.weight == 10, "the drift to be mended once it is seen")


@pytest.mark.parametrize(("page", "text"), [
    ((200, '{"heft": 10}'), "there is no /weight in the answer of /weights/checkout"),
    ((200, "weight=10"), "/weights/checkout cannot be read: the answer is not JSON"),
    ((302, "{}"), "/weights/checkout cannot be read: status 302, redirects are not followed"),
    ((200, '{"weight": "10"}'), '/weight reads "10", not 10'),
    ((200, '{"weight": "' + "x" * 70000 + '"}'), "/weights/checkout cannot be read: "),
])
def test_an_answer_that_proves_nothing(start, holder, page, text):
    holder.set(page=page)
    daemon = start()
    id_ = daemon.create()["id"]
    wait_row(daemon, id_, text, lambda r: (r["last_text"] or "").startswith(f"status 200, but {text}"))
    holder.set(page=(200, '{"weight": 10.0}'))
    daemon.wait_release(id_, "baking: 10.0 is 10", lambda r: r["step"] == "baking")


def complete(daemon, sent, status="ok"):
    headers = {"Headgate-Callback-Token": sent["headers"]["Headgate-Callback-Token"]}
    return call("127.0.0.1", daemon.port, "POST", f"/v1/actions/{sent['id']}/complete", {"status": status}, headers)


def test_a_callback_counts_once_the_state_was_seen(start, holder):
    holder.set(mode="take")
    daemon = start(callback=True)
    id_ = daemon.create()["id"]
    first = wait_until(lambda: holder.sent and holder.sent[0], "the message")
    wait_row(daemon, id_, "it to be taken", lambda r: r["state"] == "awaiting_callback")
    assert complete(daemon, first)[0] == 200
    # Said to be done, and it is not: the message comes again, under an id of its own.
    row = wait_row(daemon, id_, "the lie to be found out", lambda r: r["repairs"] == 1)
    assert row["last_text"] == "the receiver says that it is done, but /weight reads 0, not 10"
    second = wait_until(lambda: len(holder.sent) > 1 and holder.sent[1], "the message again")
    assert second["id"] == f"{first['id']}.r1"
    assert second["headers"]["Headgate-Callback-Token"] == first["headers"]["Headgate-Callback-Token"]
    assert daemon.release(id_)["step"] == "entering"
    holder.set(weight=10)
    wait_until(lambda: complete(daemon, second)[0] == 200, "the call to count")
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    assert complete(daemon, second)[0] == 200 and complete(daemon, second, "failed")[0] == 409
    assert len(holder.sent) == 2


def test_kill_9_between_the_decision_to_mend_and_the_sending(start, holder):
    daemon = start(failpoint="drift_after_repair=kill")
    id_ = baking(daemon)
    holder.set(weight=77)
    daemon.wait_dead()
    assert holder.weight == 77 and len(holder.sent) == 1
    daemon.start()
    wait_until(lambda: holder.weight == 10, "the weight to be set again")
    wait_row(daemon, id_, "its end", lambda r: r["state"] == "acknowledged" and not r["drifted"])
    assert holder.ids()[-1] == f"{holder.ids()[0]}.r1"


def test_what_is_paused_or_frozen_is_kept_as_it_is(start, holder):
    daemon = start()
    id_ = baking(daemon)
    daemon.verb(id_, "pause", reason="lunch")
    status, _, _ = daemon.post("/v1/freeze", {"reason": "peak season"})
    assert status < 300
    holder.set(weight=77)
    wait_until(lambda: holder.weight == 10, "the weight to be set again")
    wait_row(daemon, id_, "its end", lambda r: r["state"] == "acknowledged" and not r["drifted"])
    assert daemon.release(id_)["state"] == "paused"


def test_nothing_is_mended_after_the_end(start, holder):
    daemon = start()
    id_ = baking(daemon)
    daemon.verb(id_, "rollback", reason="to see it")
    daemon.wait_state(id_, "rolled_back")
    wait_until(lambda: daemon.sql("SELECT 1 FROM headgate.outbox WHERE read_at IS NOT NULL AND superseded_by IS NULL")
               == [], "the looks to end")
    assert row_of(daemon, id_, "weight_zero")["read_at"] is None
    seen, sent = holder.reads, len(holder.sent)
    holder.set(weight=77)
    later = baking(daemon, version="1.1.0", stable_version="0.9.0")
    assert holder.weight == 10 and len(holder.sent) == sent + 1 and holder.reads > seen
    assert row_of(daemon, later)["state"] == "acknowledged"


def test_two_instances_share_the_looks(start, holder):
    first = start()
    second = start("b")
    id_ = baking(first)
    owner, other = (first, second) if first.get("/readyz")[1]["owner"] else (second, first)
    for weight in (71, 72, 73):
        holder.set(weight=weight)
        wait_until(lambda: holder.weight == 10, "the weight to be set again")
        wait_row(owner, id_, "its end", lambda r: r["state"] == "acknowledged" and not r["drifted"])
    row = row_of(owner, id_)
    assert row["repairs"] == 3 and holder.ids()[-1].endswith(".r3") and len(holder.sent) == 4
    owner.wait_release(id_, "no hold", lambda r: not drift_holds(r))
    # The one that is left goes on alone, whose look it ever was.
    owner.kill()
    holder.set(weight=74)
    wait_until(lambda: holder.weight == 10, "the other one to mend it")


PROGRAM = """#!/usr/bin/python3
import json, sys, urllib.request
request = urllib.request.Request("http://127.0.0.1:%d/", data=json.dumps({"weight": int(sys.argv[1])}).encode(),
                                 headers={"webhook-id": "by a command", "Headgate-Class": "command"})
urllib.request.urlopen(request, timeout=10).read()
"""


def test_what_a_command_has_set_is_read_back_elsewhere(postgres, folder, target, holder):
    program = folder / "program"
    program.write_text(PROGRAM % holder.port)
    program.chmod(0o755)
    document = json.loads(policies(target)["test.yaml"])
    for name, weight in (("set_weight", "${stage.weight}"), ("weight_zero", "0")):
        read = document["actions"][name]["read"] | {"from": "deployer"}
        document["actions"][name] = {"to": "run", "arguments": [weight], "read": read}
    daemon = Daemon(folder, postgres, postgres.database(), target, holder, {"test.yaml": json.dumps(document)})
    with open(daemon.folder / "headgate.yaml", "a", encoding="utf-8") as file:
        file.write(f'  run:\n    program: "{program}"\n')
    holder.set(mode="lie")
    daemon.start()
    id_ = daemon.create()["id"]
    row = wait_row(daemon, id_, "the lie to be found out", lambda r: r["repairs"] >= 1)
    assert row["last_text"].endswith("but /weight reads 0, not 10"), row["last_text"]
    holder.set(mode="ok")
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    holder.set(weight=77)
    wait_until(lambda: holder.weight == 10, "the weight to be set again")
    daemon.verb(id_, "rollback", reason="to see it")
    daemon.wait_state(id_, "rolled_back")
    assert holder.weight == 0
    daemon.close()
    check_invariants(daemon)
