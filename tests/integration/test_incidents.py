"""Incidents: what is reported about a service reaches the release it is about, whatever dies in between."""
import json

import pytest
from harness import check_invariants, policy, wait_until
from test_contention import in_background, locked, wait_for_lock


def canary(target):
    document = json.loads(policy(target)["test.yaml"])
    document["stages"][0]["bake"] = "1h"
    return {"test.yaml": json.dumps(document)}


@pytest.fixture
def slow(postgres, make_daemon, target):
    return make_daemon(postgres, policies=canary(target)).start()


def report(daemon, severity, who="ann", expect=201, **more):
    body = {"service": "checkout", "environment": "prod", "severity": severity, "title": "claims fail", **more}
    status, answer, _ = daemon.post("/v1/incidents", body, who=who)
    assert status == expect, (status, answer)
    return answer


def baking(daemon, **more):
    id_ = daemon.create(**more)["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    return id_


def events(daemon, id_):
    return [row["event"] for row in daemon.get(f"/v1/releases/{id_}/timeline")[1]["timeline"]]


def test_a_p0_rolls_back_and_says_why(slow, receiver):
    id_ = baking(slow)
    incident = report(slow, "P0", link="https://tickets.example/1", key="T-1")
    assert incident["release"] == id_ and incident["reported_by"] == "ann"
    r = slow.wait_state(id_, "rolled_back")
    assert "P0 reported by ann: claims fail (https://tickets.example/1)" in r["rollback"]["reason"]
    wait_until(lambda: receiver.weights() == [10, 0], "the weight to be taken back")
    assert "incident_rollback" in events(slow, id_)


def test_p1_pauses_and_calls_p2_pauses_p3_is_noted(slow):
    id_ = baking(slow)
    report(slow, "P3", title="a typo")
    slow.wait_release(id_, "the note", lambda r: "incident_noted" in events(slow, id_))
    assert slow.release(id_)["state"] == "running"
    second = report(slow, "P2")
    r = slow.wait_state(id_, "paused")
    assert [h["name"] for h in r["holds"]] == [f"incident:{second['id']}"] and r["holds"][0]["source"] == "incident"
    third = report(slow, "P1")
    r = slow.wait_release(id_, "the second hold", lambda r: len(r["holds"]) == 2)
    assert any(c["cause"] == f"incident:{third['id']}" for c in r["calls"])
    slow.verb(id_, "resume", reason="it was the network")
    slow.wait_state(id_, "running")


def test_the_same_key_again_is_the_same_incident(slow):
    id_ = baking(slow)
    first = report(slow, "P2", key="PD-7")
    slow.wait_state(id_, "paused")
    slow.verb(id_, "resume", reason="it is over")
    again = report(slow, "P2", expect=200, key="PD-7", title="said in other words")
    assert again["id"] == first["id"] and again["title"] == "claims fail"
    assert report(slow, "P3", expect=200, key="PD-7")["id"] == first["id"]
    assert slow.release(id_)["state"] == "running"
    assert slow.sql("SELECT count(*) FROM headgate.incident") == [["1"]]


def test_an_alert_that_escalates_under_its_key_stops_and_then_rolls_back(slow):
    id_ = baking(slow)
    noted = report(slow, "P3", key="PD-7")
    worse = report(slow, "P2", key="PD-7")
    r = slow.wait_state(id_, "paused")
    assert [h["name"] for h in r["holds"]] == [f"incident:{worse['id']}"]
    worst = report(slow, "P0", key="PD-7")
    slow.wait_state(id_, "rolled_back", "stabilising")
    assert [i["severity"] for i in (noted, worse, worst)] == ["P3", "P2", "P0"]
    assert report(slow, "P2", expect=200, key="PD-7")["id"] == worst["id"], "it is not less severe by being said"
    assert report(slow, "P0", expect=200, key="PD-7")["id"] == worst["id"]
    listed = slow.get("/v1/incidents?service=checkout")[1]["incidents"]
    assert [i["id"] for i in listed] == [worst["id"], worse["id"], noted["id"]]


def test_without_an_active_release_it_is_on_record_only(slow):
    incident = report(slow, "P0")
    assert incident["release"] is None
    id_ = baking(slow)
    other = report(slow, "P0", environment="stage")
    assert other["release"] is None
    listed = slow.get("/v1/incidents?service=checkout")[1]["incidents"]
    assert [i["id"] for i in listed] == [other["id"], incident["id"]]
    listed = slow.get("/v1/incidents?service=checkout&environment=prod&limit=1", who="eve")[1]["incidents"]
    assert [i["id"] for i in listed] == [incident["id"]]
    assert slow.get("/v1/incidents?limit=0")[0] == 422
    assert slow.release(id_)["state"] == "running"
    rows = slow.sql("SELECT count(*) FROM headgate.audit WHERE chain = 'system' "
                    "AND position('claims fail'::bytea IN record) > 0")
    assert rows == [["2"]]
    for change in ("UPDATE headgate.incident SET severity = 'P3'", "DELETE FROM headgate.incident"):
        with pytest.raises(RuntimeError, match="never changed or removed"):
            slow.sql(change)


def test_who_may_report_what(slow):
    baking(slow)
    report(slow, "P3", who="eve", expect=403)
    slow.token("pager", "author", machine=True)
    wait_until(lambda: slow.get("/v1/incidents", who="pager")[0] == 200, "the token to be known")
    answer = report(slow, "P0", who="pager", expect=403)
    assert answer["permission"] == "operate"
    incident = report(slow, "P1", who="pager", author="dora")
    assert incident["reported_by"] == "dora"
    assert report(slow, "P9", expect=422)["pointer"] == "/severity"
    assert report(slow, "P3", expect=422, title="")["pointer"] == "/title"
    assert report(slow, "P3", expect=422, service="Check Out")["pointer"] == "/service"


def test_a_p0_is_taken_from_somebody_who_writes_too_much(slow):
    id_ = baking(slow)
    wait_until(lambda: slow.post(f"/v1/releases/{id_}/note", {"reason": "again"})[0] == 429, "the limit")
    report(slow, "P0")
    slow.wait_state(id_, "rolled_back", "stabilising")


def test_an_incident_is_not_lost_when_headgate_dies_behind_its_row(postgres, make_daemon, target):
    daemon = make_daemon(postgres, policies=canary(target)).start(failpoint="incident_after_commit=kill")
    id_ = baking(daemon)
    with pytest.raises(OSError):
        report(daemon, "P0")
    daemon.wait_dead()
    assert daemon.sql("SELECT release_id FROM headgate.incident") == [[str(id_)]]
    daemon.start()
    r = daemon.wait_state(id_, "rolled_back")
    assert r["incident_applied"] == 1
    assert events(daemon, id_).count("incident_rollback") == 1


def test_an_incident_of_before_a_crash_comes_first_and_once(postgres, make_daemon, target):
    daemon = make_daemon(postgres, policies=canary(target)).start(failpoint="incident_after_commit=kill")
    id_ = baking(daemon)
    with pytest.raises(OSError):
        report(daemon, "P2", key="one")
    daemon.wait_dead()
    daemon.start()
    report(daemon, "P3", key="two")
    report(daemon, "P2", key="one", expect=200)
    r = daemon.wait_release(id_, "both", lambda r: r.get("incident_applied") == 2)
    assert r["state"] == "paused" and [h["name"] for h in r["holds"]] == ["incident:1"]
    seen = [e for e in events(daemon, id_) if e.startswith("incident")]
    assert seen == ["incident_noted", "incident_pause"]


def test_another_instance_takes_the_report(postgres, make_daemon, target):
    owner = make_daemon(postgres, policies=canary(target)).start()
    id_ = baking(owner)
    other = make_daemon(postgres, policies=canary(target), database=owner.database, name="b").start()
    report(other, "P2")
    owner.wait_state(id_, "paused")
    owner.kill()
    report(other, "P0")
    other.wait_state(id_, "rolled_back", "stabilising")
    check_invariants(other)


def test_no_rollback_waits_behind_incidents_that_pour_in(slow):
    id_ = baking(slow)
    with locked(slow, id_, "NO KEY UPDATE"):
        for number in range(30):
            report(slow, "P3", title=f"slow, says user {number}")
        rollback = in_background(lambda: slow.post(f"/v1/releases/{id_}/rollback", {"reason": "enough"}))
        wait_for_lock(slow, rollback)
        for number in range(5):
            report(slow, "P3", title=f"slow, says user {30 + number}")
    slow.wait_release(id_, "all of them", lambda r: r.get("incident_applied") == 35)
    timeline = slow.get(f"/v1/releases/{id_}/timeline?limit=200")[1]["timeline"]
    told = [row["event"] for row in reversed(timeline)]
    assert told[:told.index("rollback")].count("incident_noted") <= 1
    check_invariants(slow)


def test_a_rollback_of_long_ago_still_holds_the_next_release_but_no_hotfix(postgres, make_daemon, target):
    document = json.loads(policy(target)["test.yaml"])
    document["rollback"]["incident_record"] = True
    hotfix = {**document, "policy": "hotfix", "exempt_from_reentry": True}
    daemon = make_daemon(postgres, policies={"test.yaml": json.dumps(document), "hotfix.yaml": json.dumps(hotfix)})
    daemon.write_config(limits={"writes_per_second": 100000, "writes_burst": 100000})
    daemon.start()
    id_ = baking(daemon)
    daemon.verb(id_, "rollback", reason="users complain")
    daemon.wait_state(id_, "rolled_back")
    fix = daemon.create(version="1.0.0-1", policy="hotfix")["id"]
    daemon.wait_state(fix, "completed")
    for number in range(501):
        other = daemon.create(service="others", version=f"1.0.{number}", start="manual")["id"]
        daemon.verb(other, "cancel", reason="not this one")
    daemon.stop()
    daemon.sql("SET session_replication_role = replica; "
               f"UPDATE headgate.release SET changed_at = now() - interval '1 month' WHERE id IN ({id_}, {fix})")
    daemon.start()
    after = daemon.create(version="1.0.1")["id"]
    owed = f"release {id_} has no incident record"
    daemon.wait_release(after, "the record to be asked for", lambda r: owed in json.dumps(r["waiting_for"]))
    assert daemon.release(after)["state"] == "planned"
    daemon.verb(id_, "incident", root_cause="a flag", impact="none", restore_point="0.9.0")
    daemon.wait_state(after, "running")


def counting(target, **gates):
    document = json.loads(policy(target)["test.yaml"])
    document["stages"][0]["bake"] = "2s"
    document["stages"][1]["bake"] = "1h"
    document["gates"].update(gates)
    return {"test.yaml": json.dumps(document)}


def test_the_second_of_a_day_rolls_back_whichever_release_the_first_was_about(postgres, make_daemon, target):
    twice = {"incidents": "all", "over": "24h", "above": "1", "then": "rollback"}
    daemon = make_daemon(postgres, policies=counting(target, twice=twice)).start()
    report(daemon, "P3", title="of last night")
    report(daemon, "P3", title="elsewhere", environment="stage")
    id_ = baking(daemon)
    daemon.wait_release(id_, "the next stage", lambda r: r["stage"]["index"] == 1 and r["step"] == "baking")
    assert "1 incident in 1d" in daemon.gate(id_, "twice")["sentence"]
    report(daemon, "P3", title="again")
    r = daemon.wait_state(id_, "rolled_back", "stabilising")
    assert "2 incidents in 1d" in r["rollback"]["reason"]


def test_two_of_before_do_not_hold_the_fix_of_both(postgres, make_daemon, target):
    twice = {"incidents": "critical", "over": "24h", "above": "1", "then": "rollback"}
    daemon = make_daemon(postgres, policies=counting(target, twice=twice)).start()
    for number in range(2):
        report(daemon, "P1", title=f"down {number}")
    id_ = baking(daemon)
    daemon.wait_release(id_, "the next stage", lambda r: r["stage"]["index"] == 1 and r["step"] == "baking")
    daemon.wait_release(id_, "a pass", lambda r: r["gates"].get("twice") == "pass")
    assert "none since the exposure" in daemon.gate(id_, "twice")["sentence"]


def test_a_quiet_time_is_waited_for_and_begins_anew(postgres, make_daemon, target):
    quiet = {"incidents": "all", "none_for": "6s", "then": "note"}
    daemon = make_daemon(postgres, policies=counting(target, quiet=quiet)).start()
    id_ = baking(daemon)
    waits = daemon.wait_release(id_, "the waiting", lambda r: "of 6s without an incident" in json.dumps(r["waiting_for"]))
    assert not any(h["name"] == "evidence" for h in waits["holds"])
    report(daemon, "P3")
    daemon.wait_release(id_, "the breach", lambda r: "stands: in breach" in json.dumps(r["waiting_for"])
                        or "1 new incident" in json.dumps(r["waiting_for"]))
    daemon.kill()
    daemon.start()
    daemon.wait_release(id_, "the next stage", lambda r: r["stage"]["index"] == 1)


def test_what_the_database_does_not_tell_is_not_none(postgres, make_daemon, target):
    twice = {"incidents": "all", "over": "24h", "above": "1", "then": "pause"}
    document = json.loads(counting(target, twice=twice)["test.yaml"])
    document["stages"][0]["bake"] = "1h"
    daemon = make_daemon(postgres, policies={"test.yaml": json.dumps(document)}).start()
    id_ = baking(daemon)
    daemon.wait_release(id_, "a pass", lambda r: r["gates"].get("twice") == "pass")
    daemon.sql("REVOKE SELECT ON headgate.incident FROM headgate_app")
    daemon.wait_release(id_, "no pass", lambda r: r["gates"].get("twice") == "stale")
    assert "permission denied" in daemon.gate(id_, "twice")["sentence"]
    observed = daemon.release(id_)["bake"]["observed"]
    number = daemon.gate(id_, "twice") and daemon.get(f"/v1/releases/{id_}/gates")[1]["evaluation"]["number"]
    wait_until(lambda: daemon.get(f"/v1/releases/{id_}/gates")[1]["evaluation"]["number"] > number + 2, "more looks")
    assert daemon.release(id_)["bake"]["observed"] == observed
    daemon.sql("GRANT SELECT ON headgate.incident TO headgate_app")
    daemon.wait_release(id_, "a pass again", lambda r: r["gates"].get("twice") == "pass")
