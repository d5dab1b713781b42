"""What schedulers report to a release: it is on record, counts once, and survives whatever dies."""
import contextlib
import http.client
import json
import threading

import pytest
from harness import check_audit_chain, check_invariants, policy, wait_until


def nightly(target):
    document = json.loads(policy(target)["test.yaml"])
    document["gates"] = {"suite": {"evidence": "nightly", "valid_for": "1h", "then": "pause"}}
    document["rollback"]["stabilise"] = {"gates": ["suite"], "bake": "1s", "deadline": "60s"}
    document["stages"][0]["bake"] = "2s"
    return {"test.yaml": json.dumps(document)}


@pytest.fixture
def daemon(postgres, make_daemon, target):
    return make_daemon(postgres, policies=nightly(target)).start()


def report(daemon, id_, status, name="nightly", who="ann", expect=200, headers=None, **more):
    code, answer, _ = daemon.post(f"/v1/releases/{id_}/evidence/{name}", {"status": status, **more}, who=who,
                                  headers=headers)
    assert code == expect, (code, answer)
    return answer


def baking(daemon, **more):
    id_ = daemon.create(**more)["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    return id_


def test_a_reported_pass_lets_it_go_on_and_a_failure_pauses(daemon):
    id_ = baking(daemon)
    daemon.wait_release(id_, "the reason", lambda r: "no result nightly was reported yet" in json.dumps(r["waiting_for"]))
    answer = report(daemon, id_, "passed", who="ci", author="dora", link="https://ci.example/1")
    assert [r["name"] for r in answer["results"]] == ["nightly"] and answer["results"][0]["person"] == "dora"
    daemon.wait_release(id_, "the next stage", lambda r: r["stage"]["index"] == 1 and r["step"] == "baking")
    # What passed before this exposure proves nothing about it.
    daemon.wait_release(id_, "warming", lambda r: r["gates"].get("suite") == "warming")
    report(daemon, id_, "failed", note="3 of 812", link="https://ci.example/2")
    r = daemon.wait_state(id_, "paused")
    assert [h["name"] for h in r["holds"]] == ["suite"]
    assert daemon.post(f"/v1/releases/{id_}/resume", {"reason": "x"})[0] == 409
    report(daemon, id_, "passed")
    daemon.wait_release(id_, "a pass", lambda r: r["gates"].get("suite") == "pass")
    daemon.verb(id_, "resume", reason="it was flaky")
    daemon.wait_state(id_, "completed")
    seen = [row for row in daemon.get(f"/v1/releases/{id_}/timeline")[1]["timeline"] if row["event"] == "evidence"]
    assert len(seen) == 3 and seen[1]["detail"]["status"] == "failed" and seen[1]["reason"] == "3 of 812"
    assert "nightly failed: 3 of 812" in seen[1]["text"]
    check_audit_chain(daemon, id_)
    check_invariants(daemon)


def test_what_is_wrong_is_said_with_its_place(daemon):
    id_ = baking(daemon)
    for more, pointer in ((dict(status="fine"), "/status"), (dict(), ""),
                          (dict(status="passed", expires="2020-01-01T00:00:00Z"), "/expires"),
                          (dict(status="passed", valid_for="1h", expires="2036-01-01T00:00:00Z"), "/valid_for"),
                          (dict(status="passed", valid_for="400d"), "/valid_for"),
                          (dict(status="passed", link="x" * 1001), "/link"),
                          (dict(status="passed", note="x" * 2001), "/note"),
                          (dict(status="passed", color="red"), "/color")):
        code, answer, _ = daemon.post(f"/v1/releases/{id_}/evidence/nightly", more)
        assert (code, answer["pointer"]) == (422, pointer), answer
    assert report(daemon, id_, "passed", name="weekly", expect=422)["pointer"] == "/name"
    assert report(daemon, id_, "passed", who="ci", expect=422)["pointer"] == "/author"
    report(daemon, id_, "passed", who="eve", expect=403)
    assert "results" not in daemon.release(id_)


def test_a_repeated_request_is_one_report(daemon):
    id_ = baking(daemon)
    first = report(daemon, id_, "passed", headers={"Idempotency-Key": "n1"})
    again = report(daemon, id_, "passed", headers={"Idempotency-Key": "n1"})
    assert first["transition"] == again["transition"]
    report(daemon, id_, "failed", headers={"Idempotency-Key": "n1"}, expect=422)
    assert daemon.sql("SELECT count(*) FROM headgate.transition WHERE event = 'evidence'") == [["1"]]


def test_another_instance_takes_the_report_and_a_restart_keeps_it(postgres, make_daemon, target):
    owner = make_daemon(postgres, policies=nightly(target)).start()
    id_ = baking(owner)
    other = make_daemon(postgres, policies=nightly(target), database=owner.database, name="b").start()
    report(other, id_, "failed")
    owner.wait_state(id_, "paused")
    owner.kill()
    other.wait_release(id_, "the failure seen by the new owner", lambda r: r["gates"].get("suite") == "breach")
    report(other, id_, "passed")
    other.wait_release(id_, "a pass", lambda r: r["gates"].get("suite") == "pass")
    other.kill()
    other.start()
    other.wait_release(id_, "a pass after the restart", lambda r: r["gates"].get("suite") == "pass")
    other.verb(id_, "resume", reason="go on")
    other.wait_release(id_, "the next stage", lambda r: r["stage"]["index"] == 1)
    check_invariants(other)


def test_while_the_database_is_away_nothing_is_taken_for_reported(own_postgres, make_daemon, target):
    daemon = make_daemon(own_postgres, policies=nightly(target)).start()
    id_ = baking(daemon)
    own_postgres.kill()
    try:
        wait_until(lambda: daemon.post(f"/v1/releases/{id_}/evidence/nightly", {"status": "passed"})[0] == 503,
                   "the outage to be told")
    finally:
        own_postgres.start()
    wait_until(lambda: daemon.post(f"/v1/releases/{id_}/evidence/nightly", {"status": "passed"})[0] == 200,
               "the report to be taken")
    daemon.wait_state(id_, "running")
    assert daemon.sql("SELECT count(*) FROM headgate.transition WHERE event = 'evidence'") == [["1"]]


def batch(target):
    document = json.loads(policy(target)["test.yaml"])
    document["kpis"] = {"cases": {"unit": "events", "pushed": "1h"},
                        "wrong": {"unit": "ratio", "pushed": "1h", "given_in": "percent"}}
    document["gates"] = {"quality": {"threshold": "wrong", "min_events": "100 cases", "above": "1%", "for": "2 of 2",
                                     "then": "rollback"}}
    document["rollback"]["stabilise"] = {"gates": ["quality"], "bake": "1s", "deadline": "60s"}
    document["stages"][0]["bake"] = "2s"
    return {"test.yaml": json.dumps(document)}


def push(daemon, id_, expect=200, who="ann", headers=None, **body):
    code, answer, _ = daemon.post(f"/v1/releases/{id_}/measurements", body, who=who, headers=headers)
    assert code == expect, (code, answer)
    return answer


def test_pushed_numbers_are_held_against_limits_and_one_is_one_vote(postgres, make_daemon, target):
    daemon = make_daemon(postgres, policies=batch(target)).start()
    id_ = baking(daemon)
    daemon.wait_release(id_, "the reason", lambda r: "no measurement was pushed yet" in json.dumps(r["waiting_for"]))
    push(daemon, id_, measurements=[{"kpi": "wrong", "value": 0.5}, {"kpi": "cases", "value": 99}])
    daemon.wait_release(id_, "too few", lambda r: "99 of 100 cases" in json.dumps(r["waiting_for"]))
    push(daemon, id_, kpi="cases", value=100)
    daemon.wait_release(id_, "the next stage", lambda r: r["stage"]["index"] == 1 and r["step"] == "baking")
    daemon.wait_release(id_, "no proof of before", lambda r: "of before this exposure" in json.dumps(r["waiting_for"]))
    push(daemon, id_, who="ci", author="dora",
         measurements=[{"kpi": "wrong", "value": 0.02, "given_in": "unit"}, {"kpi": "cases", "value": 4000}])
    daemon.wait_release(id_, "the breach", lambda r: r["gates"].get("quality") == "breach")
    number = daemon.get(f"/v1/releases/{id_}/gates")[1]["evaluation"]["number"]
    wait_until(lambda: daemon.get(f"/v1/releases/{id_}/gates")[1]["evaluation"]["number"] > number + 4, "more looks")
    assert daemon.gate(id_, "quality")["votes"] == 1 and daemon.release(id_)["state"] == "running"
    seen = daemon.get(f"/v1/releases/{id_}/gates")[1]["measurements"]
    assert [(m["kpi"], m["value"]) for m in seen][-2:] == [("wrong", 0.02), ("cases", 4000.0)]
    push(daemon, id_, kpi="wrong", value=1.5)
    r = daemon.wait_state(id_, "rolling_back", "stabilising")
    assert "2 of 2 votes above 1 %" in r["rollback"]["reason"]
    push(daemon, id_, kpi="wrong", value=0.1)
    push(daemon, id_, kpi="cases", value=300)
    daemon.wait_state(id_, "stabilising", "rolled_back")
    if daemon.release(id_)["state"] == "stabilising":
        push(daemon, id_, measurements=[{"kpi": "wrong", "value": 0.1}, {"kpi": "cases", "value": 300}])
    daemon.wait_state(id_, "rolled_back")
    row = next(r for r in daemon.get(f"/v1/releases/{id_}/timeline")[1]["timeline"]
               if r["event"] == "measurement" and "cases 4,000" in r["text"])
    assert "wrong 2 %" in row["text"] and row["detail"]["person"] == "dora"
    check_audit_chain(daemon, id_)
    check_invariants(daemon)


def test_what_is_wrong_with_a_measurement_is_said_with_its_place(postgres, make_daemon, target):
    daemon = make_daemon(postgres, policies=batch(target)).start()
    id_ = baking(daemon)
    good = {"kpi": "wrong", "value": 1}
    for body, pointer in (({"kpi": "wrong"}, ""), ({"value": 1}, ""), ({**good, "value": "x"}, "/value"),
                          ({**good, "value": -1}, "/value"), ({**good, "kpi": "wrogn"}, "/kpi"),
                          ({**good, "at": "2036-01-01T00:00:00Z"}, "/at"), ({**good, "given_in": "ms"}, "/given_in"),
                          ({"measurements": []}, "/measurements"), ({"measurements": [good] * 65}, "/measurements"),
                          ({"measurements": good}, "/measurements"), ({**good, "measurements": [good]}, "/kpi"),
                          ({"measurements": [good, {"kpi": "wrong"}]}, "/measurements/1"),
                          ({"measurements": [good, {**good, "value": 1e400}]}, None),
                          ({"measurements": [good, {**good, "value": -0.1}]}, "/measurements/1/value"),
                          ({**good, "note": "x" * 2001}, "/note")):
        code, answer, _ = daemon.post(f"/v1/releases/{id_}/measurements", body)
        if pointer is None:
            assert code == 400, answer
            continue
        assert (code, answer["pointer"]) == (422, pointer), (body, answer)
    assert push(daemon, id_, who="ci", expect=422, **good)["pointer"] == "/author"
    push(daemon, id_, who="eve", expect=403, **good)
    assert "measurements" not in daemon.get(f"/v1/releases/{id_}/gates")[1]


def test_a_measurement_said_again_is_one(postgres, make_daemon, target):
    daemon = make_daemon(postgres, policies=batch(target)).start()
    id_ = baking(daemon)
    good = {"kpi": "wrong", "value": 1}
    first = push(daemon, id_, headers={"Idempotency-Key": "m1"}, **good)
    assert push(daemon, id_, headers={"Idempotency-Key": "m1"}, **good)["transition"] == first["transition"]
    of_then = {**good, "at": "2026-03-01T02:00:00Z"}
    again = push(daemon, id_, **of_then)
    assert push(daemon, id_, **of_then)["row_version"] == again["row_version"]
    push(daemon, id_, kpi="wrong", value=2, at="2026-03-01T02:00:00Z")
    seen = daemon.get(f"/v1/releases/{id_}/gates")[1]["measurements"]
    assert [m["value"] for m in seen] == [0.02, 0.01]
    push(daemon, id_, measurements=[{"kpi": "wrong", "value": number, "at": f"2026-03-01T03:00:{number:02}Z"}
                                    for number in range(40)])
    seen = daemon.get(f"/v1/releases/{id_}/gates")[1]["measurements"]
    assert len(seen) == 32 and (seen[0]["at"], seen[-1]["value"]) == ("2026-03-01T03:00:09.000Z", 0.01)


def test_no_number_of_reports_holds_up_a_rollback(postgres, make_daemon, target):
    document = json.loads(nightly(target)["test.yaml"])
    document["gates"]["lag"] = {"threshold": "lag", "above": "1000", "for": "1 of 1", "then": "rollback"}
    document["stages"][0]["bake"] = "1h"
    daemon = make_daemon(postgres, policies={"test.yaml": json.dumps(document)})
    daemon.write_config(limits={"writes_per_second": 100000, "writes_burst": 100000}, log_level="info")
    daemon.start()
    id_ = baking(daemon)
    report(daemon, id_, "passed")
    daemon.wait_release(id_, "green", lambda r: r["gates"].get("lag") == "pass")
    over, told = threading.Event(), []

    def report_on_and_on():
        while not over.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                told.append(daemon.post(f"/v1/releases/{id_}/evidence/nightly", {"status": "passed"}, who="ann")[0])

    crowd = [threading.Thread(target=report_on_and_on) for _ in range(8)]
    for one in crowd:
        one.start()
    try:
        wait_until(lambda: told.count(200) > 50, "a crowd of reports")
        target.lag = 5000
        daemon.wait_release(id_, "the way back", lambda r: r["state"] in ("rolling_back", "stabilising"))
        n = len(told)
        wait_until(lambda: len(told) > n + 50, "reports that are still heard")
    finally:
        over.set()
        for one in crowd:
            one.join()
    check_invariants(daemon)
