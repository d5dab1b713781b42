"""A policy that turned out wrong is mended while its release is on its way."""
import json

from harness import check_audit_chain, check_invariants, policy


def document(target, limit, **keys):
    text = json.loads(policy(target)["test.yaml"])
    text["policy"] = "limits"
    text["gates"]["errors"]["rungs"] = [{"above": limit, "for": "1 of 1", "then": "pause"}]
    text["stages"][0].update({"bake": "1h", "approvals": {"release_manager": 1}})
    text.update(keys)
    return text


def put(daemon, document, expect=(200, 201)):
    status, answer, _ = daemon.request("PUT", "/v1/policies/limits", document, "ann")
    assert status in expect, (status, answer)


def test_a_release_is_moved_to_the_mended_policy_and_what_was_proved_begins_anew(postgres, make_daemon, target):
    daemon = make_daemon(postgres, policies=policy(target)).start()
    put(daemon, document(target, "1%", repin_by=["release_manager"]))
    release = daemon.create(policy="limits")
    id_ = release["id"]
    old = release["policy"]["hash"]
    daemon.wait_release(id_, "some green time", lambda r: r["bake"]["observed"] not in ("0s", "0ms"))
    daemon.verb(id_, "approve", who="ann", reason="looks fine")
    assert daemon.release(id_)["sign_offs"][0]["given"] == 1
    put(daemon, document(target, "90%", repin_by=["release_manager"]))

    status, answer, _ = daemon.post(f"/v1/releases/{id_}/repin", {"reason": "limit", "policy": "nowhere"}, who="ann")
    assert status == 422 and answer["pointer"] == "/policy", answer
    status, answer, _ = daemon.post(f"/v1/releases/{id_}/repin", {}, who="ann")
    assert status == 422 and answer["pointer"] == "/reason", answer
    status, answer, _ = daemon.post(f"/v1/releases/{id_}/repin", {"reason": "limit"}, who="bob")
    assert status == 403, answer

    moved = daemon.verb(id_, "repin", who="ann", reason="the limit was wrong")
    assert moved["policy"]["hash"] != old and moved["state"] == "running" and moved["step"] == "baking"
    assert moved["sign_offs"][0]["given"] == 0 and moved["bake"]["observed"] == "0s"
    target.set(errors=0.3)
    daemon.wait_release(id_, "green time by the new limit", lambda r: r["bake"]["observed"] not in ("0s", "0ms"))
    again = daemon.verb(id_, "repin", who="ann", reason="twice")
    assert again["row_version"] == daemon.release(id_)["row_version"]

    daemon.kill()
    daemon.start()
    kept = daemon.wait_release(id_, "an evaluation after the crash", lambda r: r["verdict"] == "pass")
    assert kept["policy"]["hash"] == moved["policy"]["hash"]
    check_invariants(daemon)
    check_audit_chain(daemon, id_)
