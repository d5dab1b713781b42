"""Gates that look at more than one number: means, baselines, trends; every number behind them can be read."""
import json

import pytest
from harness import policy


def numbers_policy(target, gates, **change):
    document = json.loads(policy(target)["test.yaml"])
    document["gates"] = {"health": document["gates"]["health"], "lag": document["gates"]["lag"], **gates}
    document["stages"][0]["bake"] = "1h"
    document.update(change)
    return {"test.yaml": json.dumps(document)}


def wait_gate(daemon, id_, name, what, look):
    daemon.wait_release(id_, what, lambda _: look(daemon.gate(id_, name) or {"result": "none"}))
    return daemon.gate(id_, name)


def test_a_mean_of_three_survives_a_kill_and_pauses(postgres, make_daemon, target):
    mean = {"average": "lag", "of": 3, "vote_every": "4s", "above": 1000, "for": "1 of 1", "then": "pause"}
    change = numbers_policy(target, {"mean": mean})
    document = json.loads(change["test.yaml"])
    document["gates"].pop("lag")
    document["rollback"]["stabilise"]["gates"] = ["mean"]
    daemon = make_daemon(postgres, policies={"test.yaml": json.dumps(document)}).start()
    target.set(lag=100)
    id_ = daemon.create()["id"]
    one = wait_gate(daemon, id_, "mean", "a measurement",
                    lambda g: g["result"] == "insufficient" and len(g["average"]["measurements"]) == 1)
    assert one["average"]["of"] == 3 and "1 of 3 measurements" in one["sentence"]
    daemon.kill()
    daemon.start()
    passed = wait_gate(daemon, id_, "mean", "a mean", lambda g: g["result"] == "pass")
    taken = passed["average"]["measurements"]
    assert taken[0]["at"] == one["average"]["measurements"][0]["at"], "the one from before the kill is among them"
    assert [m["value"] for m in taken] == [100, 100, 100] and passed["value"] == 100
    target.set(lag=5000)
    paused = daemon.wait_state(id_, "paused")
    assert [h["name"] for h in paused["holds"]] == ["mean"]
    breach = daemon.gate(id_, "mean")
    values = [m["value"] for m in breach["average"]["measurements"]]
    assert breach["value"] == pytest.approx(sum(values) / 3) and breach["value"] > 1000
