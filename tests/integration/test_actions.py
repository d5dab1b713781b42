"""Messages to the outside: at least once, in order, under one id, signed; and a rollback that always gets through."""
import base64
import hashlib
import hmac
import json
import secrets
import threading
import time

import pytest
from harness import Daemon, Handler, call, check_invariants, policy, serve, shut, wait_until


class Outside:
    """A receiver that answers as told and writes down what it is sent. `plan` holds the next answers: a status, a
    (status, headers), an Event to wait for before 200, or "endless"; then it is 200."""

    def __init__(self, folder, name="outside"):
        self.secret = secrets.token_bytes(32)
        self.secret_file = folder / f"{name}-secret"
        self.secret_file.write_text("whsec_" + base64.b64encode(self.secret).decode() + "\n")
        self.secret_file.chmod(0o600)
        self.lock = threading.Lock()
        self.requests, self.applied, self.plan = [], [], []
        outside = self

        class Scripted(Handler):
            def do_POST(self):
                outside.take(self, self.body())

            do_GET = do_PUT = do_PATCH = do_POST

        self.server = serve(Scripted)
        self.port = self.server.server_address[1]

    def take(self, request, body):
        with self.lock:
            self.requests.append({"method": request.command, "path": request.path, "headers": dict(request.headers),
                                  "body": body, "at": time.monotonic()})
            answer = self.plan.pop(0) if self.plan else 200
        status, headers = answer if isinstance(answer, tuple) else (200 if not isinstance(answer, int) else answer, {})
        if isinstance(answer, threading.Event):
            answer.wait(300)
        if status == 200:
            with self.lock:
                self.applied.append(json.loads(body))
        try:
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            size = 1 << 30 if answer == "endless" else 2
            request.send_header("Content-Length", str(size))
            request.end_headers()
            request.wfile.write(b"{}")
            while answer == "endless":
                request.wfile.write(b"x" * 65536)
        except OSError:
            request.close_connection = True

    def weights(self):
        with self.lock:
            return [body["weight"] for body in self.applied if "weight" in body]

    def close(self):
        shut(self.server)


@pytest.fixture
def outside(folder):
    receiver = Outside(folder)
    yield receiver
    receiver.close()


def long_canary(target):
    document = json.loads(policy(target)["test.yaml"])
    document["stages"][0]["bake"] = "1h"
    return {"test.yaml": json.dumps(document)}


@pytest.fixture
def slow(postgres, make_daemon, target):
    """A canary that bakes for an hour, with the reference receiver."""
    return make_daemon(postgres, policies=long_canary(target)).start()


@pytest.fixture
def told(postgres, folder, target, outside):
    """The same with a receiver that answers as told."""
    daemon = Daemon(folder, postgres, postgres.database(), target, outside, long_canary(target))
    yield daemon.start()
    daemon.close()
    check_invariants(daemon)


def actions(daemon, id_):
    return daemon.get(f"/v1/releases/{id_}/actions")[1]["actions"]


def baking(daemon):
    id_ = daemon.create()["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    return id_


def held_by_an_action(daemon, id_):
    return daemon.wait_release(id_, "the hold of an action", lambda r: any(h["source"] == "action" for h in r["holds"]))


def applied_once(receiver):
    ids = [row["id"] for row in receiver.applied()]
    assert len(set(ids)) == len(ids), "a message was applied twice"
    return receiver.weights()


# --- what a message looks like ---

def test_a_message_is_signed_named_and_ordered(told, outside):
    id_ = baking(told)
    told.verb(id_, "rollback", reason="to see its message")
    told.wait_state(id_, "rolled_back")
    assert outside.weights() == [10, 0]
    fences = []
    for request in outside.requests:
        headers = request["headers"]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request["body"]
        expected = base64.b64encode(hmac.new(outside.secret, signed, hashlib.sha256).digest()).decode()
        assert f"v1,{expected}" in headers["webhook-signature"].split()
        assert headers["Idempotency-Key"] == f'"{headers["webhook-id"]}"'
        assert headers["ce-specversion"] == "1.0" and headers["ce-id"] == headers["webhook-id"]
        assert headers["Content-Type"] == "application/json"
        assert headers["Headgate-Service"] == "checkout" and headers["Headgate-Environment"] == "prod"
        assert "Authorization" not in headers
        fences.append(tuple(int(headers[f"Headgate-{n}"]) for n in ("Epoch", "Fence", "Sequence")))
    assert fences == sorted(set(fences))
    assert [r["path"] for r in outside.requests] == ["/weights/checkout"] * 2
    assert [r["headers"]["Headgate-Class"] for r in outside.requests] == ["advance", "rollback"]


def test_with_a_wrong_secret_nothing_is_applied_and_the_release_holds(slow, receiver):
    receiver.stop()
    receiver.secret_file.write_text("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
    receiver.start()
    id_ = slow.create()["id"]
    held = held_by_an_action(slow, id_)
    assert held["step"] == "entering" and receiver.applied() == []
    assert receiver.get("/state")["turned_away"] >= 1
    row = actions(slow, id_)[0]
    assert row["action"] == "set_weight" and "401" in json.dumps(row)


# --- advances ---

def test_a_receiver_that_fails_for_a_while_gets_every_weight_once_and_in_order(daemon, receiver):
    receiver.control(fail=500, count=3)
    id_ = daemon.create()["id"]
    daemon.wait_state(id_, "completed")
    assert applied_once(receiver) == [10, 100]
    first = min(actions(daemon, id_), key=lambda row: row["row_version"])
    assert first["attempts"] == 4


def test_a_receiver_that_is_down_gets_its_message_when_it_is_back(slow, receiver):
    receiver.stop()
    id_ = slow.create()["id"]
    slow.wait_release(id_, "a second attempt", lambda r: (a := actions(slow, id_)) and a[0]["attempts"] >= 2)
    assert slow.release(id_)["step"] == "entering"
    receiver.start()
    slow.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    assert applied_once(receiver) == [10]


def test_a_slow_receiver_is_waited_for(daemon, receiver):
    receiver.control(delay=2)
    id_ = daemon.create()["id"]
    daemon.wait_state(id_, "completed")
    assert applied_once(receiver) == [10, 100]


def test_a_receiver_that_hangs_is_given_up_and_asked_again(slow, receiver):
    receiver.control(hang=600, count=1)
    id_ = slow.create()["id"]
    slow.wait_release(id_, "the first attempt", lambda r: (a := actions(slow, id_)) and a[0]["attempts"] >= 1)
    # Meanwhile everything else goes on.
    other = slow.create(service="other", version="1")["id"]
    slow.wait_release(other, "the other to bake", lambda r: r["step"] == "baking")
    slow.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    assert applied_once(receiver) == [10, 10]


def test_an_answer_that_is_lost_does_not_apply_twice(slow, receiver):
    receiver.control(mute=1, count=1)
    id_ = baking(slow)
    assert applied_once(receiver) == [10]
    assert receiver.get("/state")["repeated"] >= 1
    assert actions(slow, id_)[0]["attempts"] >= 2


def test_a_429_is_asked_again_when_its_retry_after_is_over(told, outside):
    outside.plan = [(429, {"Retry-After": "4"})]
    baking(told)
    assert len(outside.requests) == 2
    first, second = outside.requests
    assert second["at"] - first["at"] > 3.5  # never earlier; later is no mistake
    assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]
    assert first["body"] == second["body"]


def test_a_redirect_is_not_followed_and_holds(told, outside, folder):
    trap = Outside(folder, "trap")
    outside.plan = [(302, {"Location": f"http://127.0.0.1:{trap.port}/weights/checkout"})]
    id_ = told.create()["id"]
    held = held_by_an_action(told, id_)
    assert held["state"] == "running" and held["step"] == "entering"
    assert any("set_weight" in w["sentence"] for w in held["waiting_for"]), held["waiting_for"]
    assert trap.requests == [] and len(outside.requests) == 1
    trap.close()


def test_a_400_holds_at_once_and_the_way_back_is_open(slow, receiver):
    receiver.control(refuse=400)
    id_ = slow.create()["id"]
    held = held_by_an_action(slow, id_)
    assert held["step"] == "entering" and "rollback" in held["legal"]
    row = actions(slow, id_)[0]
    assert row["attempts"] == 1 and "400" in json.dumps(row), row
    call("127.0.0.1", receiver.port, "POST", "/control/clear")
    slow.verb(id_, "rollback", reason="it will not be taken")
    slow.wait_state(id_, "rolled_back")
    assert applied_once(receiver) == [0]


def test_an_endless_answer_counts_by_its_status_and_is_cut_off(told, outside):
    outside.plan = ["endless"]
    baking(told)
    assert outside.weights() == [10]


def test_an_address_outside_the_destination_s_networks_is_never_connected_to(postgres, folder, target, outside):
    daemon = Daemon(folder, postgres, postgres.database(), target, outside, long_canary(target))
    file = daemon.folder / "headgate.yaml"
    head, _, tail = file.read_text().rpartition("    networks: [127.0.0.0/8]")
    file.write_text(f"{head}    networks: [10.0.0.0/8]{tail}")
    daemon.start()
    held_by_an_action(daemon, daemon.create()["id"])
    assert outside.requests == []
    daemon.close()


# --- rollbacks ---

def test_a_rollback_overtakes_an_advance_in_flight_and_a_late_advance_changes_nothing(slow, receiver):
    receiver.control(delay=4, count=1)
    id_ = slow.create()["id"]
    slow.wait_release(id_, "the advance to be in flight", lambda r: (a := actions(slow, id_)) and a[0]["attempts"] == 1)
    slow.verb(id_, "rollback", reason="changed my mind")
    wait_until(lambda: receiver.weights() == [0], "the rollback to be applied")
    wait_until(lambda: receiver.get("/state")["stale"] >= 1, "the late advance to be turned away")
    slow.wait_state(id_, "rolled_back")
    assert applied_once(receiver) == [0]
    assert [s["weight"] for s in receiver.get("/state")["services"]] == [0]


def test_a_receiver_without_fences_is_told_once_more_after_the_advance_in_flight_has_lapsed(told, outside):
    late = threading.Event()
    outside.plan = [late]
    id_ = told.create()["id"]
    wait_until(lambda: outside.requests, "the advance to be in flight")
    told.verb(id_, "rollback", reason="changed my mind")
    wait_until(lambda: outside.weights() == [0], "the rollback")
    late.set()
    wait_until(lambda: outside.weights()[:2] == [0, 10], "the late advance")
    wait_until(lambda: outside.weights() == [0, 10, 0], "the rollback once more", patience=180)
    ids = [r["headers"]["webhook-id"] for r in outside.requests]
    assert ids[1] == ids[2] and ids[0] != ids[1]


def test_a_rollback_goes_on_through_refusals_and_the_next_option_is_tried_as_well(slow, receiver):
    id_ = baking(slow)
    receiver.control(refuse=400)
    slow.verb(id_, "rollback", reason="p95 looks odd")
    slow.wait_state(id_, "failed")

    def tried():
        rows = {row["action"]: row["attempts"] for row in actions(slow, id_)}
        return rows.get("weight_zero", 0) >= 3 and rows.get("redeploy", 0) >= 2

    wait_until(tried, "both options to be tried again and again")
    call("127.0.0.1", receiver.port, "POST", "/control/clear")
    slow.wait_state(id_, "rolled_back")
    # Whichever came first; the other is then the same state again, or older than it.
    assert applied_once(receiver)[0] == 10
    assert [row["class"] for row in receiver.applied()][-1] == "rollback"
    assert [s["weight"] for s in receiver.get("/state")["services"]] == [0]


def test_a_rollback_goes_on_while_the_receiver_is_down_and_after_a_restart(slow, receiver):
    id_ = baking(slow)
    receiver.stop()
    slow.verb(id_, "rollback", reason="now")
    wait_until(lambda: any(r["action"] == "weight_zero" and r["attempts"] >= 2 for r in actions(slow, id_)), "attempts")
    slow.kill()
    receiver.start()
    slow.start()
    slow.wait_state(id_, "rolled_back")
    assert applied_once(receiver) == [10, 0]
