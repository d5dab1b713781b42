"""The way back as a policy may write it: what dampens it first, options that wait for somebody, smoke tests."""
import json
import threading

import pytest
from harness import Daemon, check_invariants, policy, wait_until
from test_actions import Outside, actions, baking


def paths(outside):
    with outside.lock:
        return [r["path"] for r in outside.requests]


def careful(target, **rollback):
    """An hour in the canary; a way back with everything."""
    document = json.loads(policy(target)["test.yaml"])
    document["stages"][0]["bake"] = "1h"
    for name in ("flags_off", "workers_paused", "health", "claim"):
        document["actions"][name] = {"to": "deployer", "path": f"/{name}", "body": {"do": name}}
    document["rollback"].update({"dampen": ["flags_off", "workers_paused"], "smoke": ["health", "claim"], **rollback})
    return {"test.yaml": json.dumps(document)}


class Paths(Outside):
    """Answers by path: `answers["/x"]` is a status or an Event to wait for before 200."""

    def __init__(self, folder):
        super().__init__(folder)
        self.answers = {}

    def take(self, request, body):
        with self.lock:
            self.plan = [self.answers.get(request.path, 200)]
        super().take(request, body)


@pytest.fixture
def outside(folder):
    receiver = Paths(folder)
    yield receiver
    for answer in receiver.answers.values():
        if isinstance(answer, threading.Event):
            answer.set()
    receiver.close()


def daemon_with(folder, postgres, target, outside, policies):
    return Daemon(folder, postgres, postgres.database(), target, outside, policies)


@pytest.fixture
def told(postgres, folder, target, outside):
    daemon = daemon_with(folder, postgres, target, outside, careful(target))
    yield daemon.start()
    daemon.close()
    check_invariants(daemon)


def waiting(release, text):
    return any(text in w["sentence"] for w in release["waiting_for"])


def test_what_dampens_goes_first_and_smoke_tests_last(told, outside):
    id_ = baking(told)
    told.verb(id_, "rollback", reason="to see the order")
    told.wait_state(id_, "rolled_back")
    seen = paths(outside)
    assert sorted(seen[1:3]) == ["/flags_off", "/workers_paused"]
    assert seen[3] == "/weights/checkout" and sorted(seen[4:]) == ["/claim", "/health"]
    assert told.release(id_)["rollback"]["smoke_passed"]


def test_what_dampens_and_hangs_costs_the_rollback_one_attempt_at_most(told, outside):
    id_ = baking(told)
    outside.answers["/flags_off"] = outside.answers["/workers_paused"] = threading.Event()
    outside.answers["/weights/checkout"] = 503
    told.verb(id_, "rollback", reason="with a receiver that hangs")
    told.wait_release(id_, "first attempts", lambda r: paths(outside).count("/weights/checkout") >= 1)
    # The option is tried again while what dampens hangs in its second attempt: it does not wait for that.
    wait_until(lambda: paths(outside).count("/flags_off") >= 2, "a second attempt that hangs")
    outside.answers["/weights/checkout"] = 200
    r = told.wait_state(id_, "stabilising", "rolled_back")
    assert waiting(r, "of the dampening actions (flags_off, workers_paused) not acknowledged yet")
    told.wait_state(id_, "rolled_back")


def test_what_dampens_and_is_refused_moves_no_option(told, outside):
    id_ = baking(told)
    outside.answers["/flags_off"] = 404
    told.verb(id_, "rollback", reason="with a flag nobody knows")
    r = told.wait_state(id_, "rolled_back")
    assert r["rollback"]["option"] == 0
    assert "/deploy/checkout" not in paths(outside)


def test_green_time_waits_for_the_smoke_tests_and_people_hear_of_one_that_is_refused(told, outside):
    id_ = baking(told)
    outside.answers["/claim"] = 404
    told.verb(id_, "rollback", reason="with a claim that fails")
    r = told.wait_release(id_, "people to be called", lambda r: r["rollback"].get("smoke_called"))
    assert r["state"] == "stabilising" and waiting(r, "claim fails: green time does not count yet")
    assert r["bake"]["observed"] == "0s"
    told.wait_release(id_, "a repeat of the smoke test", lambda r: paths(outside).count("/claim") >= 3)
    assert told.release(id_)["state"] == "stabilising"
    outside.answers["/claim"] = 200
    told.wait_state(id_, "rolled_back")


def test_a_smoke_test_that_fails_until_the_deadline_takes_the_next_option(postgres, folder, target, outside):
    policies = careful(target, stabilise={"gates": ["lag"], "bake": "2s", "deadline": "4s"})
    daemon = daemon_with(folder, postgres, target, outside, policies).start()
    id_ = baking(daemon)
    outside.answers["/claim"] = 500
    daemon.verb(id_, "rollback", reason="with a claim that fails")
    daemon.wait_release(id_, "the next option", lambda r: r["rollback"]["option"] == 1)
    outside.answers["/claim"] = 200
    daemon.wait_state(id_, "rolled_back")
    assert paths(outside).count("/flags_off") == 1
    daemon.close()
    check_invariants(daemon)


def test_an_option_sent_anew_is_not_acknowledged_by_what_it_was_told_before(postgres, folder, target, outside):
    """Acknowledged once, left for a later option, and asked for again once that one has failed: from then on only the
    new messages speak for it."""
    options = [{"option": "kill_switch", "actions": ["weight_zero"]},
               {"option": "previous_version", "actions": ["redeploy"]},
               {"option": "workers_off", "actions": ["workers_paused"]}]
    policies = careful(target, options=options, dampen=[], smoke=["claim"])
    daemon = daemon_with(folder, postgres, target, outside, policies).start()
    id_ = baking(daemon)
    outside.answers.update({"/claim": 503, "/workers_paused": 404})
    daemon.verb(id_, "rollback", reason="claims fail")
    daemon.wait_state(id_, "stabilising")
    daemon.verb(id_, "rollback", option="workers_off", reason="they still fail")
    daemon.wait_state(id_, "failed")
    outside.answers.update({"/weights/checkout": 404, "/deploy/checkout": 503})
    daemon.verb(id_, "rollback", option="kill_switch", reason="once more")
    r = daemon.wait_release(id_, "a second attempt of the next option",
                            lambda r: paths(outside).count("/deploy/checkout") >= 2)
    assert (r["state"], r["rollback"]["option"]) == ("rolling_back", 1)
    outside.answers.update({"/deploy/checkout": 200, "/claim": 200})
    daemon.wait_state(id_, "rolled_back")
    told = [row["event"] for row in daemon.get(f"/v1/releases/{id_}/timeline")[1]["timeline"]]
    assert told.count("rollback_acked") == 2
    daemon.close()
    check_invariants(daemon)


def test_smoke_tests_survive_a_crash(postgres, folder, target, outside):
    daemon = daemon_with(folder, postgres, target, outside, careful(target)).start()
    id_ = baking(daemon)
    outside.answers["/claim"] = 503
    daemon.verb(id_, "rollback", reason="and a crash")
    daemon.wait_release(id_, "a smoke test that fails", lambda r: waiting(r, "claim fails"))
    daemon.kill()
    outside.answers["/claim"] = 200
    daemon.start()
    daemon.wait_state(id_, "rolled_back")
    daemon.close()
    check_invariants(daemon)


def test_an_option_of_a_role_is_denied_to_others_and_open_to_its_role(postgres, folder, target, outside):
    options = [{"option": "last_config", "actions": ["redeploy"], "roles": ["medical_lead"]},
               {"option": "kill_switch", "actions": ["weight_zero"]}]
    daemon = daemon_with(folder, postgres, target, outside, careful(target, options=options))
    daemon.token("mia", "operator,medical_lead")
    daemon.start()
    id_ = baking(daemon)
    answer = daemon.verb(id_, "rollback", expect=403, option="last_config")
    assert answer["pointer"] == "/option" and "medical_lead" in answer["detail"]
    outside.answers["/weights/checkout"] = 503
    r = daemon.verb(id_, "rollback", reason="as far as I may")
    assert r["rollback"]["option"] == 1
    assert waiting(r, "rollback option last_config is passed over: only a person who holds role medical_lead")
    outside.answers["/weights/checkout"] = 404
    daemon.wait_state(id_, "failed")
    outside.answers["/weights/checkout"] = 200
    daemon.verb(id_, "rollback", who="mia", option="last_config", reason="the risk is not bearable")
    daemon.wait_state(id_, "rolled_back")
    assert "/deploy/checkout" in paths(outside)
    daemon.close()
    check_invariants(daemon)


def test_the_next_release_waits_for_the_incident_record(postgres, folder, target, outside):
    daemon = daemon_with(folder, postgres, target, outside, careful(target, incident_record=True)).start()
    old = baking(daemon)
    daemon.verb(old, "incident", expect=409, root_cause="a", impact="b", restore_point="c")
    daemon.verb(old, "rollback", reason="claims fail")
    r = daemon.wait_state(old, "rolled_back")
    assert waiting(r, "the incident record is owed") and "incident_record" not in r
    new = daemon.create("1.0.1")["id"]
    r = daemon.release(new)
    assert r["state"] == "planned" and waiting(r, f"release {old} has no incident record")
    assert waiting(r, f"/v1/releases/{old}/incident")
    answer = daemon.verb(new, "start", expect=409)
    assert "no incident record" in answer["detail"]
    answer = daemon.verb(old, "incident", expect=422, root_cause="a flag without a default", impact=" ")
    assert answer["pointer"] == "/impact"
    assert daemon.verb(old, "incident", who="eve", expect=403, root_cause="a", impact="b", restore_point="c")
    assert daemon.release(new)["state"] == "planned"
    daemon.kill()
    daemon.start()
    status, r, _ = daemon.request("POST", f"/v1/releases/{old}/incident",
                                  "root_cause=a+flag&impact=3+%25+of+claims&restore_point=0.9.0",
                                  headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 200, r
    assert r["incident_record"]["impact"] == "3 % of claims" and r["incident_record"]["subject"] == "ann"
    daemon.wait_release(new, "its start", lambda r: r["state"] == "running")
    audit = daemon.get(f"/v1/releases/{old}/audit")[1]["audit"]
    assert any("3 % of claims" in bytes.fromhex(row["record"]).decode("utf-8", "replace") for row in audit)
    daemon.verb(old, "incident", impact="4 % of claims")
    kept = daemon.release(old)["incident_record"]
    assert (kept["root_cause"], kept["impact"]) == ("a flag", "4 % of claims")
    daemon.close()
    check_invariants(daemon)
