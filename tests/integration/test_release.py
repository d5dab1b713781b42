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
