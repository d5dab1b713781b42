"""Receivers that take a message first and say later how it ended: acknowledged by callback."""
import json
import threading

import pytest
from harness import Daemon, Handler, call, check_invariants, policy, serve, shut, wait_until


class Taker:
    """Answers 202 to everything at once, applies nothing, and keeps what it got."""

    def __init__(self, folder):
        self.secret_file = folder / "taker-secret"
        self.secret_file.write_text("a secret of some length\n")
        self.secret_file.chmod(0o600)
        self.lock = threading.Lock()
        self.requests = []
        taker = self

        class Taking(Handler):
            def do_POST(self):
                body = self.body()
                with taker.lock:
                    taker.requests.append({"headers": dict(self.headers), "body": json.loads(body)})
                self.answer(202)

        self.server = serve(Taking)
        self.port = self.server.server_address[1]

    def got(self, n):
        """The nth message, from 1."""
        return wait_until(lambda: len(self.requests) >= n and self.requests[n - 1], f"message {n}")

    def close(self):
        shut(self.server)


@pytest.fixture
def taker(folder):
    receiver = Taker(folder)
    yield receiver
    receiver.close()


def policies(target, acknowledge="5m"):
    document = json.loads(policy(target)["test.yaml"])
    document["stages"][0]["bake"] = "1h"
    for action in ("set_weight", "weight_zero"):
        document["actions"][action].update(acknowledge_by="callback", acknowledge=acknowledge)
    return {"test.yaml": json.dumps(document)}


@pytest.fixture
def start(postgres, folder, target, taker):
    """start(): a daemon that sends to the taker; more of them share its database. Closed and checked at the end."""
    made = []

    def make(name="a", acknowledge="5m"):
        database = made[0].database if made else postgres.database()
        daemon = Daemon(folder, postgres, database, target, taker, policies(target, acknowledge), name)
        daemon.write_config(public_url=f"http://127.0.0.1:{daemon.port}/")
        made.append(daemon)
        return daemon.start()

    yield make
    for daemon in made:
        daemon.close()
    for daemon in made:
        check_invariants(daemon)


def complete(daemon, message, status="ok", token=None, id_=None, text=""):
    """As a receiver does it: no bearer token."""
    headers = {"Headgate-Callback-Token": token or message["headers"]["Headgate-Callback-Token"]}
    path = f"/v1/actions/{id_ or message['headers']['webhook-id']}/complete"
    return call("127.0.0.1", daemon.port, "POST", path, {"status": status, "text": text}, headers)


def row_of(daemon, id_, action):
    rows = daemon.get(f"/v1/releases/{id_}/actions")[1]["actions"]
    return next(row for row in rows if row["action"] == action)


def awaiting(daemon, id_, action="set_weight"):
    return wait_until(lambda: (row := row_of(daemon, id_, action))["state"] == "awaiting_callback" and row,
                      f"{action} to await its callback")


def test_what_is_taken_counts_when_its_receiver_calls_back(start, taker):
    daemon = start()
    id_ = daemon.create()["id"]
    message = taker.got(1)
    row = awaiting(daemon, id_)
    assert row["acknowledge_by"] == "callback" and row["acknowledged_at"] is None
    assert row["awaiting_callback_until"] == row["due_at"] and row["last_status"] == 202
    assert daemon.release(id_)["step"] == "entering"
    headers = message["headers"]
    assert headers["Headgate-Callback-Url"] == \
        f"http://127.0.0.1:{daemon.port}/v1/actions/{headers['webhook-id']}/complete"
    status, body, _ = complete(daemon, message, text="weight is 10")
    assert (status, body) == (200, {"id": headers["webhook-id"], "status": "ok"})
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    row = row_of(daemon, id_, "set_weight")
    assert row["state"] == "acknowledged" and row["awaiting_callback_until"] is None
    assert row["callback"]["status"] == "ok" and row["callback"]["text"] == "weight is 10"
    # The token's first use counts.
    assert complete(daemon, message)[0] == 200
    assert complete(daemon, message, status="failed")[0] == 409
    assert row_of(daemon, id_, "set_weight")["state"] == "acknowledged"
    assert len(taker.requests) == 1
    # The way back is acknowledged the same way, and the token appears nowhere but at its receiver.
    daemon.verb(id_, "rollback", reason="to see it")
    back = taker.got(2)
    assert back["body"] == {"weight": 0}
    awaiting(daemon, id_, "weight_zero")
    assert daemon.release(id_)["state"] == "rolling_back"
    assert complete(daemon, back)[0] == 200
    daemon.wait_state(id_, "rolled_back")
    everything = daemon.log() + json.dumps(daemon.get(f"/v1/releases/{id_}/actions")[1])
    for sent in (message, back):
        assert sent["headers"]["Headgate-Callback-Token"] not in everything


def test_a_callback_reaches_a_daemon_that_was_killed_meanwhile(start, taker):
    daemon = start()
    id_ = daemon.create()["id"]
    message = taker.got(1)
    awaiting(daemon, id_)
    daemon.kill()
    daemon.start()
    assert daemon.release(id_)["step"] == "entering"
    assert complete(daemon, message)[0] == 200
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    assert len(taker.requests) == 1


@pytest.mark.parametrize("where", ["delivery_after_reply", "delivery_after_record"])
def test_a_daemon_that_dies_with_the_answer_in_hand(start, taker, where):
    daemon = start()
    daemon.stop()
    daemon.start(failpoint=f"{where}=kill")
    id_ = daemon.create()["id"]
    message = taker.got(1)
    daemon.wait_dead()
    daemon.start()
    assert complete(daemon, message)[0] == 200
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    assert {r["headers"]["webhook-id"] for r in taker.requests} == {message["headers"]["webhook-id"]}


def test_any_instance_takes_the_callback(start, taker):
    first = start()
    second = start("b")
    id_ = first.create()["id"]
    message = taker.got(1)
    awaiting(first, id_)
    owner = first.get("/readyz")[1]["owner"]
    other = second if owner else first
    assert complete(other, message)[0] == 200
    first.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    assert complete(first, message)[0] == 200 and complete(second, message, status="failed")[0] == 409


def test_failed_refuses_an_advance_and_a_rollback_is_sent_again(start, taker):
    daemon = start()
    id_ = daemon.create()["id"]
    message = taker.got(1)
    awaiting(daemon, id_)
    assert complete(daemon, message, status="failed", text="no such version")[0] == 200
    held = daemon.wait_release(id_, "the hold", lambda r: any(h["source"] == "action" for h in r["holds"]))
    assert held["step"] == "entering"
    row = row_of(daemon, id_, "set_weight")
    assert row["state"] == "refused" and row["callback"]["text"] == "no such version"
    assert complete(daemon, message, status="failed")[0] == 200
    assert complete(daemon, message)[0] == 409
    daemon.verb(id_, "rollback", reason="it will not be taken")
    back = taker.got(2)
    assert back["headers"]["Headgate-Class"] == "rollback"
    assert complete(daemon, back, status="failed")[0] == 200
    # Again under its id; the next option as well.
    mine = back["headers"]["webhook-id"]
    wait_until(lambda: [r["headers"]["webhook-id"] for r in taker.requests].count(mine) >= 2, "the same rollback again")
    wait_until(lambda: complete(daemon, back)[0] == 200, "its second answer to count")
    daemon.wait_state(id_, "rolled_back")


def test_only_the_token_of_the_message_completes_it(start, taker):
    daemon = start()
    id_ = daemon.create()["id"]
    message = taker.got(1)
    awaiting(daemon, id_)
    assert complete(daemon, message, token="A" * 43)[0] == 403
    unknown = "00000000-0000-4000-8000-000000000000.1"
    assert complete(daemon, message, id_=unknown)[0] == 404
    path = f"/v1/actions/{message['headers']['webhook-id']}/complete"
    # A person's token is none of this message's.
    status, _, headers = daemon.post(path, {"status": "ok"})
    assert status == 401 and "www-authenticate" in headers
    status, body, _ = complete(daemon, message, status="done")
    assert status == 422 and body["pointer"] == "/status"
    # Guessing ends soon; the right token still works.
    seen = [complete(daemon, message, token="A" * n)[0] for n in range(1, 8)]
    assert seen[-1] == 429, seen
    assert daemon.release(id_)["step"] == "entering"
    assert complete(daemon, message)[0] == 200


def test_without_a_callback_it_is_sent_again_with_the_same_id_and_token(start, taker):
    daemon = start(acknowledge="3s")
    id_ = daemon.create()["id"]
    first, second = taker.got(1), taker.got(2)
    for name in ("webhook-id", "Headgate-Callback-Token", "Headgate-Fence"):
        assert first["headers"][name] == second["headers"][name]
    assert daemon.release(id_)["step"] == "entering"
    assert complete(daemon, first)[0] == 200
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
