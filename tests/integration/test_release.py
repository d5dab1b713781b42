"""The main job: a good release goes through its stages, a bad one does not."""
from harness import check_audit_chain


def test_a_good_release_completes_and_every_weight_arrives_once(daemon, receiver):
    release = daemon.create()
    assert release["state"] in ("planned", "running")
    done = daemon.wait_state(release["id"], "completed")
    assert receiver.weights() == [10, 100]
    assert done["exposed"] is True
    timeline = daemon.get(f"/v1/releases/{release['id']}/timeline")[1]["timeline"]
    assert [t["to"].split("/")[0] for t in timeline][0] == "completed"
    assert check_audit_chain(daemon, release["id"]) == done["row_version"]


def test_error_rate_above_one_percent_pauses_with_the_right_number(daemon, target, receiver):
    release = daemon.create()
    daemon.wait_release(release["id"], "baking", lambda r: r["step"] == "baking")
    target.set(errors=0.015)
    paused = daemon.wait_state(release["id"], "paused")
    assert any(hold["name"] == "errors" for hold in paused["holds"]), paused["holds"]
    assert receiver.weights()[-1] != 0
    gate = daemon.gate(release["id"], "errors")
    assert gate["result"] == "breach"
    assert 0.010 < gate["value"] < 0.020
    # Nobody resumes into a breach; what is legal now is what would work now.
    assert "rollback" in paused["legal"] and "resume" not in paused["legal"]
    target.set(errors=0)
    daemon.wait_release(release["id"], "resume to be legal", lambda r: "resume" in r["legal"])
    assert any("errors" in w["sentence"] for w in paused["waiting_for"])


def test_error_rate_above_two_percent_rolls_back_and_stabilises(daemon, target, receiver):
    release = daemon.create()
    daemon.wait_release(release["id"], "baking", lambda r: r["step"] == "baking")
    target.set(errors=0.10)
    daemon.wait_state(release["id"], "rolling_back", "stabilising", "rolled_back")
    assert daemon.wait_state(release["id"], "rolled_back")["state"] == "rolled_back"
    assert receiver.weights()[-1] == 0


def test_p95_above_500_ms_pauses(daemon, target):
    release = daemon.create()
    daemon.wait_release(release["id"], "baking", lambda r: r["step"] == "baking")
    target.set(slow=0.2)
    paused = daemon.wait_state(release["id"], "paused")
    assert [h["name"] for h in paused["holds"]] == ["latency"]
    assert daemon.gate(release["id"], "latency")["value"] > 0.5


def test_consumer_lag_above_1000_pauses(daemon, target):
    release = daemon.create()
    daemon.wait_release(release["id"], "baking", lambda r: r["step"] == "baking")
    target.set(lag=1001)
    assert [h["name"] for h in daemon.wait_state(release["id"], "paused")["holds"]] == ["lag"]


def test_consumer_lag_of_exactly_1000_does_not_pause(daemon, target):
    target.set(lag=1000)
    release = daemon.create()
    daemon.wait_state(release["id"], "completed")


def test_a_firing_critical_alert_pauses(daemon, target):
    release = daemon.create()
    daemon.wait_release(release["id"], "baking", lambda r: r["step"] == "baking")
    target.set(critical=1)
    assert [h["name"] for h in daemon.wait_state(release["id"], "paused")["holds"]] == ["critical-alerts"]


def test_failed_health_checks_roll_back(daemon, target, receiver):
    release = daemon.create()
    daemon.wait_release(release["id"], "baking", lambda r: r["step"] == "baking")
    target.set(health="fail")
    daemon.wait_state(release["id"], "rolling_back", "stabilising", "rolled_back")
    daemon.wait_release(release["id"], "weight zero", lambda r: receiver.weights()[-1] == 0)


def test_a_release_bakes_green_with_no_error_series_at_all(daemon, target):
    release = daemon.create()
    daemon.wait_release(release["id"], "a pass", lambda r: r["gates"].get("errors") == "pass")
    assert daemon.gate(release["id"], "errors")["value"] == 0
    assert 'code="500"' not in target.text()


def test_a_release_that_ended_long_ago_is_still_found(daemon):
    old = daemon.create(version="0.0.1", start="manual")
    daemon.verb(old["id"], "cancel", reason="only an example")
    daemon.stop()
    # 600 younger ones that ended too, so that memory does not hold the old one after the start.
    daemon.sql(f"""BEGIN;
        ALTER TABLE headgate.release DISABLE TRIGGER ALL;
        INSERT INTO headgate.release SELECT {old['id']} + n, service, environment, 'v' || n, attempt, state, step,
            stage, row_version, exposed, shard, activation, policy_name, policy_hash, author, created_at, updated_at,
            changed_at, gen_random_uuid(), last_hash,
            detail || jsonb_build_object('id', {old['id']} + n, 'version', 'v' || n)
            FROM headgate.release, generate_series(1, 600) n WHERE id = {old['id']};
        ALTER TABLE headgate.release ENABLE TRIGGER ALL;
        COMMIT""")
    daemon.start()
    assert old["id"] not in [r["id"] for r in daemon.get("/v1/releases?limit=500")[1]["releases"]]
    assert daemon.release(old["id"])["state"] == "cancelled"
    assert daemon.release("checkout@0.0.1")["id"] == old["id"]
    assert daemon.get("/v1/releases/99999")[0] == 404
    assert daemon.get("/v1/releases/checkout@nope")[0] == 404
    daemon.sql("DELETE FROM headgate.release WHERE version LIKE 'v%'")
