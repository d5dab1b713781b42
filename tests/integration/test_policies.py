"""Policies: every mistake with its place, files that cannot be overwritten, and running releases that keep theirs."""
import json
import re

import pytest
from harness import free_port, policy, standing_daemon, wait_until


@pytest.fixture(scope="module")
def api(postgres):
    with standing_daemon(postgres) as daemon:
        yield daemon


FIVE_MISTAKES = """policy: five
evaluate_every: 15s
sources:
  app:
    scrape: ["http://${service}:9100/metrics"]
    every: 15 parsecs
kpis:
  requests: {unit: events, expr: "sum(increase(http_requests_total[1m]))"}
  error_rate: {unit: ratio, expr: "sum(rate(http_requests_total[1m])"}
gates:
  errors:
    threshold: eror_rate
    min_events: 100 requests
    rungs:
      - {above: 1%, for: 3 of 3, then: puase}
stages:
  - stage: canary
    weigth: 10
    bake: 15m
rollback:
  window: 24h
  options: [{option: kill, manual: true}]
  stabilise: {gates: [errors], bake: 30m, deadline: 2h}
"""
PLACES = {6: "every", 9: "expr", 12: "threshold", 15: "then", 18: "weigth"}


def check_five(problems):
    for line, key in PLACES.items():
        assert any(p["line"] == line and p["column"] >= 1 and key in p["pointer"] for p in problems), (line, key, problems)


def test_five_different_mistakes_are_all_listed_with_line_and_column(api):
    status, answer, _ = api.post("/v1/policies/validate", {"yaml": FIVE_MISTAKES})
    assert status == 200 and answer["valid"] is False
    check_five(answer["problems"])
    text = json.dumps(answer["problems"])
    for hint in ("error_rate", "weight"):
        assert f'did you mean \\"{hint}\\"' in text, text


def five_mistakes_as_json():
    return json.dumps({
        "policy": "five", "evaluate_every": "15s",
        "sources": {"app": {"scrape": ["http://${service}:9100/metrics"], "every": "15 parsecs"}},
        "kpis": {"requests": {"unit": "events", "expr": "sum(increase(http_requests_total[1m]))"},
                 "error_rate": {"unit": "ratio", "expr": "sum(rate(http_requests_total[1m])"}},
        "gates": {"errors": {"threshold": "eror_rate", "min_events": "100 requests", "rungs": [
            {"above": "1%", "for": "3 of 3", "then": "puase"}]}},
        "stages": [{"stage": "canary", "weigth": 10, "bake": "15m"}],
        "rollback": {"window": "24h", "options": [{"option": "kill", "manual": True}],
                     "stabilise": {"gates": ["errors"], "bake": "30m", "deadline": "2h"}}}, indent=2)


def test_five_different_mistakes_in_json_have_their_line_and_column_too(api):
    text = five_mistakes_as_json()
    lines = text.splitlines()
    status, answer, _ = api.request("POST", "/v1/policies/validate", text, headers={"Content-Type": "application/json"})
    assert status == 200 and answer["valid"] is False
    for wrong in ("15 parsecs", "sum(rate(http_requests_total[1m])\"", "eror_rate", "puase", "weigth"):
        line = next(i + 1 for i, text in enumerate(lines) if wrong in text)
        assert any(p.get("line") == line and p.get("column", 0) >= 1 for p in answer["problems"]), (wrong, line, answer)


@pytest.mark.parametrize("text,says", [
    ("policy: [", "line|expected|block|flow"), ("policy: a\npolicy: b\n", "twice|duplicate|already"),
    ("policy: &a x\n", "anchor"), ("policy: !!str x\n", "tag"), ("policy: a\n---\npolicy: b\n", "document"),
    ("include: [/etc/passwd]\npolicy: a\n", "include"), ("- a\n- b\n", "must be|mapping|object"), ("", ""),
    ("policy: \x00", "")])
def test_yaml_outside_the_subset_is_a_mistake_and_no_more(api, text, says):
    status, answer, _ = api.post("/v1/policies/validate", {"yaml": text})
    if "\x00" in text:
        assert status == 400  # NUL is refused before anybody looks
        return
    assert status == 200 and answer["valid"] is False and answer["problems"], answer
    assert re.search(says, json.dumps(answer["problems"])), answer
    assert "root:" not in json.dumps(answer)


def good_policy(name="mine", port=None):
    class Here:
        pass
    here = Here()
    here.port = port or free_port()
    return json.loads(policy(here, name)[f"{name}.yaml"])


def test_a_good_policy_is_valid_and_its_hash_does_not_depend_on_spelling(api):
    document = good_policy()
    first = api.post("/v1/policies/validate", document)[1]
    assert first["valid"] is True and first["problems"] == [], first
    as_yaml = api.post("/v1/policies/validate", {"yaml": json.dumps(document, indent=3)})[1]
    assert as_yaml["hash"] == first["hash"]
    document["gates"]["errors"]["rungs"][0]["above"] = "0.01"
    assert api.post("/v1/policies/validate", document)[1]["hash"] == first["hash"]
    document["gates"]["errors"]["rungs"][0]["above"] = "1.5%"
    assert api.post("/v1/policies/validate", document)[1]["hash"] != first["hash"]


def test_a_policy_can_be_put_read_listed_and_used(api):
    document = good_policy("put-one")
    status, answer, _ = api.request("PUT", "/v1/policies/put-one", document)
    assert status == 200, answer
    status, read, headers = api.get("/v1/policies/put-one")
    assert status == 200 and read["hash"] == answer["hash"] and headers["etag"] == f'"{answer["hash"]}"'
    assert read["policy"]["gates"]["errors"]
    # What is read back, with all defaults written out, is the same policy.
    assert api.post("/v1/policies/validate", read["policy"])[1]["hash"] == answer["hash"]
    row = next(p for p in api.get("/v1/policies")[1]["policies"] if p["name"] == "put-one")
    assert row["origin"] == "api" and row["hash"] == answer["hash"]
    release = api.create(policy="put-one", start="manual", service="user-of-put-one")
    assert release["policy"] == {"name": "put-one", "hash": answer["hash"]}
    changed = dict(document, evaluate_every="2s")
    newer = api.request("PUT", "/v1/policies/put-one", changed)[1]["hash"]
    assert newer != answer["hash"]
    assert api.release(release["id"])["policy"]["hash"] == answer["hash"]
    assert api.create(policy="put-one", start="manual", service="second-user")["policy"]["hash"] == newer
    assert api.sql("SELECT count(*) FROM headgate.audit WHERE chain = 'system' "
                   "AND position('put-one'::bytea in record) > 0") != [["0"]]


def test_a_policy_that_was_put_survives_a_restart(api):
    put = api.request("PUT", "/v1/policies/kept", good_policy("kept"))[1]["hash"]
    api.stop()
    api.start()
    assert api.get("/v1/policies/kept")[1]["hash"] == put


def test_a_policy_that_was_put_back_stays_so_after_a_restart(api):
    """What a release has pinned says nothing about what the name means."""
    before = good_policy("put-back")
    put = api.request("PUT", "/v1/policies/put-back", before)[1]["hash"]
    api.request("PUT", "/v1/policies/put-back", dict(before, evaluate_every="2s"))
    api.create(policy="put-back", start="manual", service="user-of-the-other")
    api.request("PUT", "/v1/policies/put-back", before)
    # Not lately: what names have come to mean since is told again.
    api.sql("UPDATE headgate.policy_name SET updated_at = updated_at - interval '1 hour'")
    api.stop()
    api.start()
    assert api.create(policy="put-back", start="manual", service="user-of-put-back")["policy"]["hash"] == put


def test_a_policy_with_mistakes_or_another_name_cannot_be_put(api):
    status, answer, _ = api.request("PUT", "/v1/policies/five", {"yaml": FIVE_MISTAKES})
    assert status == 422
    check_five(answer["problems"])
    status, answer, _ = api.request("PUT", "/v1/policies/other", good_policy("mine"))
    assert status == 422 and answer["problems"][0]["pointer"] == "/policy", answer
    assert api.get("/v1/policies/five")[0] == 404 and api.get("/v1/policies/other")[0] == 404


def test_a_policy_from_a_file_cannot_be_put(api):
    before = api.get("/v1/policies/test")[1]
    status, answer, _ = api.request("PUT", "/v1/policies/test", dict(good_policy("test"), evaluate_every="3s"))
    assert status == 409 and "policies_dir" in answer["detail"], answer
    assert api.get("/v1/policies/test")[1] == before


def test_a_policy_nobody_has_is_404(api):
    status, answer, _ = api.get("/v1/policies/nothing")
    assert status == 404 and "/v1/policies" in answer["detail"]


def test_warnings_do_not_make_a_policy_invalid(api):
    document = good_policy()
    document["gates"]["lag"]["for"] = "1s"
    answer = api.post("/v1/policies/validate", document)[1]
    assert answer["valid"] is True and isinstance(answer["warnings"], list)


def test_a_large_policy_on_one_line_costs_no_lease(api):
    """Who stops the loop for long is not the owner of its releases any more."""
    def epoch():
        return re.search(r"(?m)^headgate_lease_epoch (\S+)$", api.get("/metrics", who=None)[1])[1]

    before = epoch()
    text = "stages: [{stage: a, checks: {" + ", ".join(f"c{i}: qa" for i in range(9000)) + "}}]"
    answer = api.post("/v1/policies/validate", {"yaml": text})[1]
    assert any("9000 entries" in p["detail"] for p in answer["problems"]), answer
    assert epoch() == before


# --- files ---

def test_a_broken_policy_file_ends_the_start_with_78_and_its_place(postgres, make_daemon):
    daemon = make_daemon(postgres, policies={"five.yaml": FIVE_MISTAKES})
    daemon.start(wait=False)
    assert daemon.process.wait(timeout=120) == 78
    daemon.process = None
    log = daemon.log()
    for line in PLACES:
        assert re.search(rf"{re.escape(str(daemon.policies / 'five.yaml'))}:{line}:\d+: ", log), (line, log)


def test_two_files_of_one_name_end_the_start_with_78(postgres, make_daemon, target):
    text = policy(target)["test.yaml"]
    daemon = make_daemon(postgres, policies={"a.yaml": text, "b.yaml": text})
    daemon.start(wait=False)
    assert daemon.process.wait(timeout=120) == 78
    daemon.process = None
    assert "b.yaml" in daemon.log() and '"test"' in daemon.log()


def test_files_may_include_others(postgres, make_daemon, target):
    document = json.loads(policy(target)["test.yaml"])
    common = {"kpis": document.pop("kpis")}
    document["include"] = ["common/kpis.yaml"]
    daemon = make_daemon(postgres, policies={"test.yaml": json.dumps(document)})
    (daemon.policies / "common").mkdir()
    (daemon.policies / "common" / "kpis.yaml").write_text(json.dumps(common))
    daemon.start()
    assert "error_rate" in daemon.get("/v1/policies/test")[1]["policy"]["kpis"]


def test_an_edited_policy_never_changes_a_running_release(postgres, make_daemon, target):
    document = json.loads(policy(target)["test.yaml"])
    document["stages"][0]["bake"] = "1h"
    daemon = make_daemon(postgres, policies={"test.yaml": json.dumps(document)}).start()
    first = daemon.create()
    daemon.wait_release(first["id"], "baking", lambda r: r["step"] == "baking")
    daemon.stop()
    stricter = json.loads(json.dumps(document))
    stricter["gates"]["errors"]["rungs"] = [{"above": "0.01%", "for": "1 of 1", "then": "rollback"}]
    stricter["stages"][0]["bake"] = "2s"
    (daemon.policies / "test.yaml").write_text(json.dumps(stricter))
    daemon.start()
    newer = daemon.get("/v1/policies/test")[1]["hash"]
    kept = daemon.release(first["id"])
    assert kept["policy"] == first["policy"] and kept["policy"]["hash"] != newer
    assert kept["bake"]["required"] == "1h"
    # Half a percent: nothing for the pinned 1 %, a rollback for the file's 0.01 %.
    target.set(errors=0.005)

    def judged():
        gate = daemon.gate(first["id"], "errors")
        return gate.get("value") is not None and gate["value"] > 0.001 and gate["result"] == "pass"

    wait_until(judged, "an evaluation of half a percent that passes")
    assert daemon.release(first["id"])["state"] == "running"
    second = daemon.create(service="other")
    assert second["policy"]["hash"] == newer
    daemon.wait_state(second["id"], "rolling_back", "stabilising", "rolled_back")
    assert daemon.release(first["id"])["state"] == "running"


def test_a_file_that_is_gone_does_not_stop_the_release_that_pinned_it(postgres, make_daemon, target, receiver):
    daemon = make_daemon(postgres).start()
    id_ = daemon.create()["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    daemon.stop()
    (daemon.policies / "test.yaml").unlink()
    daemon.start()
    daemon.wait_state(id_, "completed")
    assert receiver.weights() == [10, 100]


def test_a_policy_file_can_be_sent_as_it_is(api):
    """curl --data-binary @policy.yaml -H 'Content-Type: application/yaml'"""
    yaml = {"Content-Type": "application/yaml"}
    status, body, _ = api.request("POST", "/v1/policies/validate", FIVE_MISTAKES, headers=yaml)
    assert status == 200 and body["valid"] is False
    assert {p["line"] for p in body["problems"]} >= set(PLACES)
    status, body, _ = api.request("POST", "/v1/policies/validate", "policy: [", headers=yaml)
    assert status == 200 and body["problems"][0]["line"] >= 1, body
    status, body, _ = api.request("PUT", "/v1/policies/five", FIVE_MISTAKES, headers=yaml)
    assert status == 422 and len(body["problems"]) >= 5, body
    status, _, _ = api.request("POST", "/v1/policies/validate", "no json",
                               headers={"Content-Type": "application/json"})
    assert status == 400
