"""What a release brings along, when it may move, and what people are still asked for."""
import json

from harness import policy


def started_with(postgres, make_daemon, target, **keys):
    document = json.loads(policy(target)["test.yaml"])
    document.update(keys)
    return make_daemon(postgres, policies={"test.yaml": json.dumps(document)}).start()


def sentences(release):
    return [w["sentence"] for w in release["waiting_for"]]


def test_a_release_without_what_the_policy_requires_is_refused_naming_each(postgres, make_daemon, target):
    daemon = started_with(postgres, make_daemon, target,
                          requires={"ticket": "refuse", "rollback_plan": "refuse", "stable_version": "refuse"})
    body = {"service": "shop", "environment": "prod", "version": "1.4.0", "policy": "test", "stable_version": "latest"}
    status, answer, _ = daemon.post("/v1/releases", body)
    assert status == 422 and answer["pointer"] == "/links", answer
    for missing in ("a ticket", "links.rollback_plan", "a pinned stable_version"):
        assert missing in answer["detail"], answer
    status, answer, _ = daemon.post("/v1/releases", dict(
        body, stable_version="1.3.0", ticket="CHG-7", links={"rollback_plan": "https://wiki/rollback"}))
    assert status == 201, answer


def test_a_type_of_release_stands_for_a_policy(postgres, make_daemon):
    daemon = make_daemon(postgres)
    daemon.write_config(release_types={"minor": "test", "odd": {"policy": "gone"}})
    daemon.start()
    body = {"service": "shop", "environment": "prod", "version": "1.4.0", "stable_version": "1.3.0"}
    status, answer, _ = daemon.post("/v1/releases", dict(body, type="minor"))
    assert status == 201 and answer["policy"]["name"] == "test", answer
    status, again, _ = daemon.post("/v1/releases", dict(body, type="minor"))
    assert status == 200 and again["id"] == answer["id"], again
    for more, says in (({"type": "mayor"}, 'release_types of headgate.yaml has no "mayor"'),
                       ({"type": "odd"}, 'no policy is named "gone"'), ({}, "name a policy, or a type"),
                       ({"type": "minor", "policy": "test"}, "a policy or a type, not both")):
        status, answer, _ = daemon.post("/v1/releases", {**body, "version": "1.5.0", **more})
        assert status == 422 and says in answer["detail"], answer


def test_a_backup_that_nobody_confirmed_holds_a_migration_back(postgres, make_daemon, target):
    daemon = started_with(postgres, make_daemon, target, requires={"backup": "qa"})
    release = daemon.create(migration="irreversible")
    assert release["state"] == "planned"
    assert any("check backup (owner qa) is open" in s for s in sentences(release)), release["waiting_for"]
    assert release["checklist"] == [{"name": "backup", "for": "start", "done": False, "owner": "qa"}]
    status, answer, _ = daemon.post(f"/v1/releases/{release['id']}/start", {})
    assert status == 409 and "check backup" in answer["detail"], answer
    daemon.verb(release["id"], "checks/backup", who="ann", evidence="https://backups/81")
    running = daemon.wait_release(release["id"], "the start", lambda r: r["state"] == "running")
    assert running["checklist"][0]["evidence"] == "https://backups/81"


def test_outside_the_windows_nothing_starts_and_the_answer_says_when(postgres, make_daemon, target):
    daemon = started_with(postgres, make_daemon, target, windows={"deny": ["2020-01-01/2099-12-31"]})
    release = daemon.create()
    assert release["state"] == "planned"
    assert any("outside the policy's windows (not 2020-01-01/2099-12-31, in UTC)" in s for s in sentences(release))
    status, answer, _ = daemon.post(f"/v1/releases/{release['id']}/start", {})
    assert status == 409 and "outside the policy's windows" in answer["detail"], answer


def test_windows_that_make_no_sense_are_refused_with_their_place(postgres, make_daemon, target):
    daemon = started_with(postgres, make_daemon, target)
    for windows, says in [({"allow": ["monday"]}, "/windows/allow/0"), ({"allow": ["mon-fri 8-16"]}, "hours in UTC"),
                          ({"deny": ["daily"]}, "deny covers everything"), ({"permit": ["daily"]}, "/windows/permit")]:
        document = dict(json.loads(policy(target)["test.yaml"]), windows=windows)
        _, answer, _ = daemon.post("/v1/policies/validate", document)
        assert not answer["valid"] and says in json.dumps(answer), answer
