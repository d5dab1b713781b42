"""Receivers that hang hold up nobody but themselves: a rollback goes out at once, and so does what others wait for."""
import json
import socket

import pytest
from harness import Daemon, check_invariants, policy, wait_until

STUCK = 200
HANG = "5m"  # nothing that hangs ends within these tests: what goes out does so beside it


@pytest.fixture
def hole():
    """Takes every connection and never says a word."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    yield listener.getsockname()[1]
    listener.close()


@pytest.fixture
def crowded(postgres, folder, target, receiver, hole):
    """A daemon with a good destination and one that hangs, and a policy for each."""
    hanging = policy(target, name="hanging", evaluate_every="10s", gates={"lag": {
        "threshold": "lag", "above": "1000", "for": "20s", "then": "pause"}},
        sources={"app": {"scrape": [f"http://127.0.0.1:{target.port}/metrics"], "every": "10s", "timeout": "1s"}})
    document = json.loads(hanging["hanging.yaml"])
    for action in document["actions"].values():
        action["to"] = "hole"
    document["rollback"]["options"][0]["acknowledge"] = "1h"
    good = json.loads(policy(target)["test.yaml"])
    good["stages"][0]["bake"] = "1h"
    daemon = Daemon(folder, postgres, postgres.database(), target, receiver,
                    {"test.yaml": json.dumps(good), "hanging.yaml": json.dumps(document)})
    daemon.write_config(destinations={"hole": {"url": f"http://127.0.0.1:{hole}", "networks": ["127.0.0.0/8"],
                                               "secret_file": str(receiver.secret_file), "timeout": HANG}},
                        limits={"writes_per_second": 100000, "writes_burst": 100000})
    yield daemon.start()
    daemon.close()
    check_invariants(daemon)


def in_flight(daemon, class_):
    return int(daemon.sql("SELECT count(*) FROM headgate.outbox WHERE destination = 'hole' AND done_at IS NULL "
                          f"AND class = '{class_}' AND claim_until > clock_timestamp()")[0][0])


def still_hang(daemon, class_):
    """None of them has ended, so what went out has not waited for one."""
    ended = daemon.sql("SELECT count(*) FROM headgate.outbox WHERE destination = 'hole' AND last_status IS NOT NULL "
                       f"AND class = '{class_}'")[0][0]
    return in_flight(daemon, class_) > 0 and ended == "0"


def open_at_hole(daemon):
    return int(daemon.sql("SELECT count(*) FROM headgate.outbox WHERE destination = 'hole' AND done_at IS NULL "
                          "AND superseded_by IS NULL")[0][0])


def baking(daemon, service):
    id_ = daemon.create(service=service, version="1.0.0")["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    return id_


def rolls_back(daemon, receiver, id_, service):
    daemon.verb(id_, "rollback", reason="customers complain")
    wait_until(lambda: any(row["service"] == service and row["class"] == "rollback" for row in receiver.applied()),
               f"the rollback of {service} at its receiver")


def stuck(daemon):
    """Releases whose first message hangs; each commit lets the daemon look for more to send."""
    ids = [daemon.create(service=f"stuck-{i}", policy="hanging", start="now")["id"] for i in range(STUCK)]
    wait_until(lambda: open_at_hole(daemon) >= STUCK, "all of them to have a message")
    wait_until(lambda: in_flight(daemon, "advance") > 0, "messages in flight")
    return ids


def test_a_rollback_goes_out_while_hundreds_of_advances_hang(crowded, receiver):
    id_ = baking(crowded, "basket")
    stuck(crowded)
    rolls_back(crowded, receiver, id_, "basket")
    crowded.wait_state(id_, "rolled_back")
    assert still_hang(crowded, "advance")


def test_a_rollback_goes_out_while_hundreds_of_rollbacks_hang(crowded, receiver):
    id_ = baking(crowded, "basket")
    for i, other in enumerate(stuck(crowded)):
        who = ("ann", "bob", "ci")[i % 3]
        wait_until(lambda who=who, other=other: crowded.post(f"/v1/releases/{other}/rollback", {"reason": "stuck"},
                                                             who=who)[0] == 200, "a rollback to be taken")
    wait_until(lambda: in_flight(crowded, "rollback") > 0, "rollbacks in flight")
    rolls_back(crowded, receiver, id_, "basket")
    crowded.wait_state(id_, "rolled_back")
    assert still_hang(crowded, "rollback")


def test_one_destination_that_hangs_does_not_starve_the_advances_of_others(crowded, receiver):
    stuck(crowded)
    for service in ("basket", "search", "login"):
        baking(crowded, service)
    assert still_hang(crowded, "advance")
