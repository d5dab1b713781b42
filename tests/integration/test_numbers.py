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


def test_a_captured_baseline_is_waited_for_and_survives_a_kill(postgres, make_daemon, target):
    worse = {"baseline": "lag", "capture": "6s", "above": "baseline + 10%", "for": "1 of 1", "then": "pause"}
    change = numbers_policy(target, {"worse": worse})
    document = json.loads(change["test.yaml"])
    document["stages"].insert(0, {"stage": "go", "kind": "preflight", "bake": "1s", "min_evaluations": 1})
    daemon = make_daemon(postgres, policies={"test.yaml": json.dumps(document)}).start()
    target.set(lag=200)
    id_ = daemon.create()["id"]
    waits = wait_gate(daemon, id_, "worse", "a baseline being captured",
                      lambda g: "being captured" in g.get("sentence", ""))
    assert waits["result"] == "insufficient" and waits["counts"] is True
    assert daemon.release(id_)["stage"]["name"] == "go"
    daemon.wait_release(id_, "the canary", lambda r: r["stage"]["name"] == "canary" and r["step"] == "baking")
    held = wait_gate(daemon, id_, "worse", "a pass that is held against it",
                     lambda g: g["result"] == "pass" and "limit baseline + 10%" in g["sentence"])
    assert held["baseline"]["value"] == 200 and held["baseline"]["label"] == "unpaired"
    assert held["baseline"]["measurements_behind"] >= 3 and held["baseline"]["from"] < held["baseline"]["to"]
    daemon.kill()
    target.set(lag=221)
    daemon.start()
    daemon.wait_state(id_, "paused")
    breach = daemon.gate(id_, "worse")
    assert breach["baseline"] == held["baseline"]
    assert breach["value"] == 221 and breach["rung"]["above"] == pytest.approx(220)
    assert breach["rung"]["limit"] == "baseline + 10%"
    assert "above baseline + 10% (220 events)" in breach["sentence"]


def test_a_live_baseline_is_read_at_every_look(postgres, make_daemon, target):
    worse = {"baseline": "lag", "against": "critical", "above": "baseline + 5", "for": "1 of 1", "then": "pause"}
    change = numbers_policy(target, {"worse": worse})
    document = json.loads(change["test.yaml"])
    document["kpis"]["critical"]["unit"] = "events"
    daemon = make_daemon(postgres, policies={"test.yaml": json.dumps(document)}).start()
    target.set(lag=0)
    id_ = daemon.create()["id"]
    held = wait_gate(daemon, id_, "worse", "a pass", lambda g: g["result"] == "pass")
    assert held["value"] == 0 and held["baseline"]["value"] == 0, "nothing against nothing passes"
    assert held["baseline"]["label"] == "concurrent" and held["baseline"]["against"] == "critical"
    target.set(lag=6)
    daemon.wait_state(id_, "paused")


def test_a_trend_pauses_while_the_value_itself_is_still_fine(postgres, make_daemon, target):
    creeping = {"trend": "lag", "per": "1m", "min_measurements": 4, "above": 600, "for": "1 of 1", "then": "pause"}
    change = numbers_policy(target, {"creeping": creeping})
    daemon = make_daemon(postgres, policies={"test.yaml": change["test.yaml"]}).start()
    target.set(lag=100)
    id_ = daemon.create()["id"]
    flat = wait_gate(daemon, id_, "creeping", "a trend", lambda g: g["result"] == "pass")
    assert flat["value"] == 0 and flat["trend"]["statistic"] == "theil_sen" and flat["trend"]["per"] == "1m"
    assert flat["trend"]["n"] == len(flat["trend"]["measurements"]) >= 4
    lag = 100

    def rises(release):
        nonlocal lag
        lag = min(lag + 20, 990)     # never above what the gate `lag` allows
        target.set(lag=lag)
        return release["state"] == "paused"

    paused = daemon.wait_release(id_, "paused by the trend", rises)
    assert [h["name"] for h in paused["holds"]] == ["creeping"]
    steep = daemon.gate(id_, "creeping")
    assert steep["trend"]["slope"] > 600 and "per 1m over" in steep["sentence"]


def test_kpis_are_compared_before_and_after_and_the_audit_keeps_it(postgres, make_daemon, target):
    change = numbers_policy(target, {}, compare=["lag", "error_rate"])
    document = json.loads(change["test.yaml"])
    document["stages"] = [{"stage": "go", "kind": "preflight", "bake": "2s", "min_evaluations": 1},
                          {"stage": "whole", "weight": 100, "bake": "5s", "enter": ["set_weight"]}]
    daemon = make_daemon(postgres, policies={"test.yaml": json.dumps(document)}).start()
    target.set(lag=100)
    id_ = daemon.create()["id"]
    daemon.wait_release(id_, "a value from before", lambda r: r["comparison"][0]["before"] is not None)
    daemon.wait_release(id_, "exposed", lambda r: r["exposed"])
    target.set(lag=300)
    done = daemon.wait_state(id_, "completed")
    lag = done["comparison"][0]
    assert lag["kpi"] == "lag" and lag["unit"] == "events" and lag["label"] == "unpaired"
    assert lag["before"]["value"] == 100 and lag["before"]["measurements"] >= 1
    assert 100 < lag["after"]["value"] <= 300 and lag["change"] == lag["after"]["value"] - lag["before"]["value"]
    kept = daemon.sql(f"SELECT 1 FROM headgate.audit WHERE chain = 'release/{id_}' "
                      f"AND position('\"comparison\":['::bytea IN record) > 0")
    assert len(kept) == 1, "the record of the finish has it"
    daemon.kill()
    daemon.start()
    assert daemon.release(id_)["comparison"] == done["comparison"]
