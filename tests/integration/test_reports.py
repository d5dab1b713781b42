"""What schedulers report to a release: it is on record, counts once, and survives whatever dies."""
import json

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
