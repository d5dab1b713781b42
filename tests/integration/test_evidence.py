"""Missing, stale or broken evidence: never an advance, never a rollback by itself, and `waiting_for` says in words
what is missing."""
import copy
import json

import pytest
from harness import policy, wait_until


def holds_without_moving(daemon, release_id, *words, rounds=4):
    """Looks at `rounds` further evaluations: the release stays where it is and says why."""
    first = daemon.release(release_id)
    number = evaluation_number(daemon, release_id)
    seen = daemon.wait_release(release_id, f"{words} in waiting_for",
                               lambda r: all(w in json.dumps(r["waiting_for"]) for w in words))
    wait_until(lambda: evaluation_number(daemon, release_id) >= number + rounds, "more evaluations")
    seen = daemon.release(release_id)
    assert seen["state"] == "running" and seen["stage"]["index"] == first["stage"]["index"], seen
    assert seen["verdict"] == "hold"
    return seen


def evaluation_number(daemon, release_id):
    return (daemon.get(f"/v1/releases/{release_id}/gates")[1]["evaluation"] or {"number": 0})["number"]


def baking(daemon):
    release = daemon.create()
    daemon.wait_release(release["id"], "baking", lambda r: r["step"] == "baking")
    return release["id"]


def passing(daemon):
    id_ = baking(daemon)
    daemon.wait_release(id_, "a pass", lambda r: r["gates"].get("errors") == "pass")
    return id_


@pytest.fixture
def slow_daemon(postgres, make_daemon, target):
    """A bake long enough that only evidence decides."""
    change = json.loads(policy(target)["test.yaml"])
    change["stages"][0]["bake"] = "1h"
    change["gates"].pop("health")
    return make_daemon(postgres, policies={"test.yaml": json.dumps(change)}).start()


def test_no_traffic_is_insufficient_and_holds(slow_daemon, target):
    target.set(rate=0.0)
    id_ = baking(slow_daemon)
    seen = holds_without_moving(slow_daemon, id_, "insufficient")
    assert seen["bake"]["observed"] == "0s"


def test_a_dead_target_holds(slow_daemon, target):
    id_ = passing(slow_daemon)
    target.down()
    slow_daemon.wait_release(id_, "no pass any more", lambda r: r["gates"]["errors"] in ("no_data", "stale"))
    holds_without_moving(slow_daemon, id_, "errors")


def test_a_target_that_hangs_holds(slow_daemon, target):
    id_ = passing(slow_daemon)
    target.set(mode="hang")
    slow_daemon.wait_release(id_, "no pass any more", lambda r: r["gates"]["errors"] in ("no_data", "stale"))
    holds_without_moving(slow_daemon, id_, "errors")


def test_a_page_of_a_gigabyte_holds_and_is_cut_off(slow_daemon, target):
    id_ = passing(slow_daemon)
    target.set(mode="endless")
    slow_daemon.wait_release(id_, "no pass any more", lambda r: r["gates"]["errors"] in ("no_data", "stale"))
    holds_without_moving(slow_daemon, id_, "errors")


@pytest.mark.parametrize("mode", ["html", "status", "cut"])
def test_a_page_that_is_no_whole_metrics_page_holds(slow_daemon, target, mode):
    id_ = passing(slow_daemon)
    target.set(mode=mode)
    slow_daemon.wait_release(id_, "no pass any more", lambda r: r["gates"]["errors"] in ("no_data", "stale"))
    holds_without_moving(slow_daemon, id_, "errors")


def test_nan_never_passes(slow_daemon, target):
    id_ = passing(slow_daemon)
    target.set(page=target.text().replace("consumer_lag_events 0", "consumer_lag_events NaN"))
    slow_daemon.wait_release(id_, "lag not passing",
                             lambda r: r["gates"]["lag"] in ("error", "no_data", "insufficient"))
    holds_without_moving(slow_daemon, id_, "lag")


def test_a_misspelt_metric_behind_or_vector_0_is_no_data(postgres, make_daemon, target):
    document = json.loads(policy(target)["test.yaml"])
    document["kpis"]["error_rate"]["expr"] = \
        '(sum(rate(http_request_total{code=~"5.."}[3s])) or vector(0)) / sum(rate(http_requests_total[3s]))'
    daemon = make_daemon(postgres, policies={"test.yaml": json.dumps(document)}).start()
    id_ = baking(daemon)
    seen = holds_without_moving(daemon, id_, "http_request_total")
    assert seen["gates"]["errors"] == "no_data"


def test_a_restart_of_the_target_makes_gates_warm_up_again(slow_daemon, target):
    id_ = passing(slow_daemon)
    target.restart()
    slow_daemon.wait_release(id_, "warming", lambda r: r["gates"]["errors"] in ("warming", "insufficient"))
    slow_daemon.wait_release(id_, "a pass again", lambda r: r["gates"]["errors"] == "pass")
    assert slow_daemon.release(id_)["state"] == "running"


def test_a_health_check_that_hangs_never_passes(postgres, make_daemon, target):
    document = json.loads(policy(target)["test.yaml"])
    document["gates"]["health"]["then"] = "pause"
    document["gates"]["health"]["timeout"] = "1s"
    document["stages"][0]["bake"] = "1h"
    daemon = make_daemon(postgres, policies={"test.yaml": json.dumps(document)}).start()
    target.set(health="hang")
    release = daemon.create()
    daemon.wait_release(release["id"], "health not passing", lambda r: r["gates"].get("health") not in (None, "pass"))
    assert daemon.release(release["id"])["stage"]["index"] == 0


def test_evidence_that_comes_back_lets_the_release_go_on(daemon, target):
    target.set(mode="status")
    id_ = baking(daemon)
    daemon.wait_release(id_, "the hold of evidence", lambda r: any(h["source"] == "evidence" for h in r["holds"]))
    target.set(mode="ok")
    daemon.wait_state(id_, "completed")


# --- gates that could never see what they watch for (rule K9) ---

def blind_policy(target, **kpis):
    document = json.loads(policy(target)["test.yaml"])
    document["stages"][0]["bake"] = "1h"
    document["gates"].pop("health")
    document["gates"]["latency"]["above"] = "30s"
    document["kpis"].update(kpis)
    return {"test.yaml": json.dumps(document)}


def test_a_limit_above_the_highest_bucket_is_an_error_and_said_once(postgres, make_daemon, target):
    daemon = make_daemon(postgres, policies=blind_policy(target)).start()
    id_ = baking(daemon)
    seen = holds_without_moving(daemon, id_, "latency", "blind", "highest finite bucket", "above 30 s")
    assert seen["gates"]["latency"] == "error" and seen["bake"]["observed"] == "0s"
    gates = {g["gate"]: g for g in daemon.get(f"/v1/releases/{id_}/gates")[1]["evaluation"]["gates"]}
    assert gates["latency"]["blind"] and "cannot happen" in gates["latency"]["sentence"]
    assert gates["errors"]["blind"] is None and gates["errors"]["result"] in ("pass", "warming")
    assert daemon.log().count("gate_blind") == 1


def test_a_misspelt_metric_is_told_what_was_meant(postgres, make_daemon, target):
    daemon = make_daemon(postgres, policies=blind_policy(
        target, error_rate={"unit": "ratio", "expr": "sum(rate(http_request_total[3s])) or vector(0)"})).start()
    holds_without_moving(daemon, baking(daemon), "did you mean http_requests_total?")


def test_a_label_nobody_has_is_named_with_those_there_are(postgres, make_daemon, target):
    daemon = make_daemon(postgres, policies=blind_policy(
        target, lag={"unit": "events", "expr": 'sum(http_requests_total{code="20"})'})).start()
    holds_without_moving(daemon, baking(daemon), 'code=\\"20\\"', "there are 200")
