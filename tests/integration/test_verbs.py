"""What people do, and what they are told when it does not work."""
import json

import pytest
from harness import policy, wait_until


@pytest.fixture
def slow(postgres, make_daemon, target):
    """A canary that bakes for an hour."""
    document = json.loads(policy(target)["test.yaml"])
    document["stages"][0]["bake"] = "1h"
    return make_daemon(postgres, policies={"test.yaml": json.dumps(document)}).start()


@pytest.fixture
def staffed(postgres, make_daemon, target):
    """Preflight with a check and an approval, then a manual stage."""
    document = json.loads(policy(target)["test.yaml"])
    document["stages"].insert(0, {"stage": "go", "kind": "preflight", "checks": {"tests": "qa"},
                                  "approvals": {"release_manager": 1}})
    document["stages"][1]["promotion"] = "manual"
    document["gates"]["errors"]["waivable_by"] = ["release_manager"]
    return make_daemon(postgres, policies={"test.yaml": json.dumps(document)}).start()


def baking(daemon, **more):
    release = daemon.create(**more)
    daemon.wait_release(release["id"], "baking", lambda r: r["step"] == "baking")
    return release["id"]


def test_pause_and_resume_keep_the_bake(slow):
    id_ = baking(slow)
    slow.wait_release(id_, "some green time", lambda r: r["bake"]["observed"] not in ("0s", "0ms"))
    paused = slow.verb(id_, "pause", reason="looking at a graph")
    assert paused["state"] == "paused" and paused["holds"][0]["reason"] == "looking at a graph"
    resumed = slow.verb(id_, "resume", reason="it was the graph")
    assert resumed["state"] == "running" and resumed["step"] == "baking"
    assert resumed["bake"]["observed"] != "0s"


def test_promote_skips_the_rest_of_the_bake_but_passes_no_gate(slow, target):
    id_ = baking(slow)
    target.set(mode="status")
    slow.wait_release(id_, "no data", lambda r: r["gates"].get("errors") in ("no_data", "stale"))
    status, body, _ = slow.post(f"/v1/releases/{id_}/promote", {"reason": "we are in a hurry"})
    assert status == 409 and "passes no gate: gate" in body["detail"], body
    assert slow.release(id_)["stage"]["index"] == 0
    target.set(mode="ok")
    slow.wait_release(id_, "a pass", lambda r: r["verdict"] == "pass")
    slow.verb(id_, "promote", reason="the graphs are flat")
    slow.wait_release(id_, "the next stage", lambda r: r["stage"]["index"] == 1)


def test_promote_needs_a_reason(slow):
    status, body, _ = slow.post(f"/v1/releases/{baking(slow)}/promote", {})
    assert status == 422 and body["pointer"] == "/reason"


def test_rollback_works_by_name_and_version_with_a_form_body_and_twice(slow, receiver):
    baking(slow)
    status, body, _ = slow.request("POST", "/v1/releases/checkout@1.0.0/rollback", "reason=p95+looks+odd",
                                   headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 200 and body["state"] == "rolling_back", body
    again = slow.verb("checkout@1.0.0", "rollback")
    assert again["rollback"]["transition"] == body["rollback"]["transition"]
    slow.wait_state(body["id"], "rolled_back")
    assert receiver.weights()[-1] == 0
    assert slow.verb(body["id"], "rollback")["state"] == "rolled_back"


def test_resume_after_rollback_is_409_and_names_what_is_legal(slow):
    id_ = baking(slow)
    slow.verb(id_, "rollback", reason="no")
    status, body, headers = slow.post(f"/v1/releases/{id_}/resume", {"reason": "yes"})
    assert status == 409 and "legal" in body and body["status"] == 409
    assert headers["content-type"].startswith("application/problem+json")


def test_cancel_works_only_before_exposure(slow):
    planned = slow.create(version="2.0.0", start="manual")
    assert planned["state"] == "planned"
    assert slow.verb(planned["id"], "cancel", reason="not today")["state"] == "cancelled"
    id_ = baking(slow, version="2.0.1")
    status, body, _ = slow.post(f"/v1/releases/{id_}/cancel", {"reason": "x"})
    assert status == 409 and "rollback" in body["detail"]


def test_check_and_approval_by_others_open_the_preflight_stage(staffed):
    release = staffed.create(who="bob")
    id_ = release["id"]
    staffed.wait_release(id_, "waiting for people", lambda r: "release_manager" in json.dumps(r["waiting_for"]))
    status, body, _ = staffed.post(f"/v1/releases/{id_}/approve", {"role": "release_manager"}, who="bob")
    assert status == 403, body  # the author
    staffed.verb(id_, "approve", who="ann", role="release_manager", reason="looked at it")
    status, body, _ = staffed.post(f"/v1/releases/{id_}/checks/tests", {"evidence": "https://ci/1"}, who="ann")
    assert status == 200, body
    staffed.wait_release(id_, "the canary", lambda r: r["stage"]["name"] == "canary")
    staffed.wait_release(id_, "ready", lambda r: r["step"] == "ready")
    assert "promote" in staffed.release(id_)["legal"]
    staffed.verb(id_, "promote", reason="good")
    staffed.wait_state(id_, "completed")


def test_reject_holds_until_the_same_role_approves(staffed):
    id_ = staffed.create(who="bob")["id"]
    staffed.wait_release(id_, "running", lambda r: r["state"] == "running")
    held = staffed.verb(id_, "reject", who="ann", role="release_manager", reason="no changelog")
    assert any(h["source"] == "rejected" for h in held["holds"])
    status, _, _ = staffed.post(f"/v1/releases/{id_}/resume", {"reason": "please"}, who="bob")
    assert status in (403, 409)
    cleared = staffed.verb(id_, "approve", who="ann", role="release_manager", reason="changelog is there")
    assert not any(h["source"] == "rejected" for h in cleared["holds"])


def test_a_waived_gate_does_not_count_in_that_stage(staffed, target):
    id_ = staffed.create(who="bob")["id"]
    staffed.verb(id_, "approve", who="ann", role="release_manager")
    staffed.verb(id_, "checks/tests", who="ann")
    staffed.wait_release(id_, "the canary", lambda r: r["stage"]["name"] == "canary" and r["step"] != "entering")
    target.set(errors=0.015)
    paused = staffed.wait_state(id_, "paused")
    status, body, _ = staffed.post(f"/v1/releases/{id_}/resume", {"reason": "known"})
    assert status == 409 and "errors" in body["detail"], body
    status, body, _ = staffed.post(f"/v1/releases/{id_}/waive", {"gate": "errors", "reason": "known bot"}, who="bob")
    assert status == 403, body
    waived = staffed.verb(id_, "waive", who="ann", gate="errors", reason="a known bot causes these")
    assert waived["waivers"][0]["gate"] == "errors"
    staffed.verb(id_, "resume", reason="waived")
    staffed.wait_release(id_, "ready", lambda r: r["step"] == "ready")
    assert paused["state"] == "paused"


def test_a_freeze_stops_every_advance_until_it_is_lifted(daemon):
    status, body, _ = daemon.post("/v1/freeze", {"scope": "environment", "name": "prod", "reason": "black friday"})
    assert status == 200, body
    id_ = daemon.create()["id"]
    daemon.wait_release(id_, "the freeze in words", lambda r: "black friday" in json.dumps(r["waiting_for"]))
    assert daemon.release(id_)["state"] == "planned"
    assert daemon.get("/v1/freeze")[1]["freezes"][0]["name"] == "prod"
    status, body, _ = daemon.post("/v1/unfreeze", {"scope": "environment", "name": "prod", "reason": "over"})
    assert status == 200 and body["freezes"] == []
    daemon.wait_state(id_, "completed")


def test_etags_spare_the_body_and_if_match_refuses_an_old_look(slow):
    id_ = baking(slow)
    status, body, headers = slow.get(f"/v1/releases/{id_}")
    assert headers["etag"].startswith(f'"{id_}.{body["row_version"]}.')
    slow.verb(id_, "note", reason="first")
    status, answer, _ = slow.post(f"/v1/releases/{id_}/promote", {"reason": "go"}, headers={"If-Match": headers["etag"]})
    assert status == 412, answer
    for path in (f"/v1/releases/{id_}", f"/v1/releases/{id_}/gates"):
        status, body, _ = slow.get(path, headers={"If-None-Match": headers["etag"]})
        assert status == 200 and body  # the note is news
        # An evaluation between the two is news too.
        wait_until(lambda: slow.get(path, headers={"If-None-Match": slow.get(path)[2]["etag"]})[:2] == (304, None),
                   "no body for who has it")
    policies = slow.get("/v1/policies/test")
    assert slow.get("/v1/policies/test", headers={"If-None-Match": policies[2]["etag"]})[0] == 304


def test_the_same_idempotency_key_gives_the_same_answer(daemon):
    body = {"service": "checkout", "environment": "prod", "version": "3", "policy": "test", "stable_version": "2"}
    key = {"Idempotency-Key": '"k-1"'}
    first = daemon.post("/v1/releases", body, who="bob", headers=key)
    again = daemon.post("/v1/releases", body, who="bob", headers=key)
    assert first[0] == 201 and again[0] == 201 and again[1]["id"] == first[1]["id"]
    other = daemon.post("/v1/releases", dict(body, version="4"), who="bob", headers=key)
    assert other[0] == 422, other


def test_posting_the_same_again_is_200_and_other_content_409(slow):
    id_ = slow.create()["id"]
    assert slow.create(expect=200)["id"] == id_
    status, body, _ = slow.post("/v1/releases", {"service": "checkout", "environment": "prod", "version": "1.0.0",
                                                 "policy": "test", "stable_version": "0.1"}, who="bob")
    assert status == 409, body


def test_a_second_release_of_the_pair_is_refused_or_queued(slow):
    id_ = baking(slow)
    status, body, _ = slow.post("/v1/releases", {"service": "checkout", "environment": "prod", "version": "2",
                                                 "policy": "test", "stable_version": "1"}, who="bob")
    assert status == 409, body
    queued = slow.create(version="3", on_active="queue")
    assert queued["state"] == "planned"
    slow.verb(id_, "rollback", reason="next one")
    slow.wait_state(id_, "rolled_back")
    slow.wait_state(queued["id"], "running")


def test_lists_filter_and_page(slow):
    ids = [slow.create(version=str(i), start="manual")["id"] for i in range(5)]
    page = slow.get("/v1/releases?state=planned&limit=2")[1]
    assert [r["id"] for r in page["releases"]] == ids[:-3:-1]
    rest = slow.get(f"/v1/releases?state=planned&limit=10&cursor={page['next_cursor']}")[1]
    assert [r["id"] for r in rest["releases"]] == ids[2::-1]
    assert slow.get("/v1/releases?service=other")[1]["releases"] == []


def test_nobody_answers_and_the_next_level_is_called_until_one_acknowledges(postgres, make_daemon, target):
    document = json.loads(policy(target)["test.yaml"])
    document["stages"][0]["bake"] = "1h"
    document["escalation"] = [{"role": "nurse"}, {"role": "release_manager", "after": "2s"},
                              {"role": "cto", "after": "1h"}]
    daemon = make_daemon(postgres, policies={"test.yaml": json.dumps(document)}).start()
    id_ = baking(daemon)
    assert daemon.release(id_)["calls"] == []
    status, body, _ = daemon.post(f"/v1/releases/{id_}/ack")
    assert status == 409 and "nothing to acknowledge" in body["detail"], body
    target.set(lag=5000)
    seen = daemon.wait_release(id_, "a second level", lambda r: r["calls"] and len(r["calls"][0]["called"]) == 2)
    assert seen["state"] == "paused" and "ack" in seen["legal"]
    call = seen["calls"][0]
    assert call["cause"] == "lag" and call["called"] == ["nurse", "release_manager"], call
    assert call["next"]["role"] == "cto" and call["acknowledged_by"] is None, call
    assert any("cto follows at" in w["sentence"] for w in seen["waiting_for"]), seen["waiting_for"]
    daemon.kill()
    daemon.start()
    acknowledged = daemon.verb(id_, "ack", hold="lag")
    assert acknowledged["state"] == "paused" and acknowledged["calls"][0]["acknowledged_by"] == "ann"
    assert acknowledged["calls"][0]["next"] is None
    daemon.verb(id_, "rollback", reason="not today")
    assert all(c["cause"] != "lag" for c in daemon.release(id_)["calls"])


def test_a_start_without_notice_is_422_and_the_offered_one_is_taken(postgres, make_daemon, target):
    document = json.loads(policy(target)["test.yaml"])
    document["notice"] = "24h"
    daemon = make_daemon(postgres, policies={"test.yaml": json.dumps(document)}).start()
    body = daemon.create(expect=422)
    assert body["pointer"] == "/start" and "1d of notice" in body["detail"], body
    offered = body["detail"].split("start is ")[1].split(" or later")[0]
    release = daemon.create(start=offered)
    assert release["start"] == offered and release["state"] == "planned"
    status, body, _ = daemon.post(f"/v1/releases/{release['id']}/start")
    assert status == 409 and "may not start before" in body["detail"], body
    assert "start" not in body["legal"]


def test_curl_gets_the_answer_to_why_is_it_not_moving_in_plain_words(slow, target):
    id_ = baking(slow)
    target.set(errors=0.015)
    slow.wait_state(id_, "paused")
    status, text, headers = slow.get(f"/v1/releases/{id_}", headers={"Accept": "text/plain, */*;q=0.1"})
    assert status == 200 and headers["content-type"] == "text/plain; charset=utf-8" and headers["vary"] == "Accept"
    lines = text.splitlines()
    assert lines[0].startswith("checkout 1.0.0 in prod is paused in canary (weight 10); release ")
    assert lines[1] == "it waits:" and any("hold errors" in line for line in lines)
    assert any(line.startswith("possible now:") and " rollback" in line for line in lines), text
    status, body, headers = slow.get(f"/v1/releases/{id_}", headers={"Accept": "application/json, text/plain"})
    assert status == 200 and body["state"] == "paused" and headers["vary"] == "Accept"
