"""The policies that come along and are not in test_playbooks.py, each run once on the real daemon, as it stands in its
file but for durations and addresses (story.py)."""
import threading

from story import Service, Story, World, in_seconds, sequence, variant
from test_playbooks import DOCUMENT, ERRORS, HTTP, begin, erp_page  # noqa: F401  `begin` is a fixture

LINKS = {name: f"https://docs.example/{name}" for name in (
    "release_notes", "rollback_plan", "migration_guide", "api_changelog", "migration", "backup")}


def every_second(what):
    """Calls it until the returned function is called."""
    over = threading.Event()
    thread = threading.Thread(target=lambda: [what() for _ in iter(lambda: over.wait(1), True)])
    thread.start()

    def end():
        over.set()
        thread.join()

    return end


def test_erp_hotfix_rolls_out_at_once_and_undoes_it_at_once(begin):  # noqa: F811
    page = erp_page()
    story = begin("erp-hotfix", page, "deployer")
    body = {**DOCUMENT, "policy": "erp-hotfix", "version": "1.3.1"}
    refused = story.create(who="devops", expect=422, **body)
    assert "requires a ticket" in refused["detail"], refused
    id_ = story.create(who="devops", **body, ticket="INC-4711")["id"]
    story.report(id_, qa=["unit_tests", "e2e_regression"])
    story.verb(id_, "approve", who="release_manager", role="release_manager")
    story.at_stage(id_, "rolling")
    page.integrity = {"valid": False}
    story.wait_state(id_, "stabilising", "rolled_back")
    page.integrity = {"valid": True}
    gone = story.wait_state(id_, "rolled_back")
    assert "the check says no: /valid is false" in gone["rollback"]["reason"], gone["rollback"]
    assert story.world.lines() == ["deployer POST /deploy/document-domain version=1.3.1",
                                   "deployer POST /deploy/document-domain version=1.2.4"]


def test_erp_major_green_beside_blue_until_blue_is_let_go(begin):  # noqa: F811
    page = erp_page()
    story = begin("erp-major", page, "deployer", elsewhere={"redis": {"program": "/bin/true"}})
    id_ = story.create(who="devops", **{**DOCUMENT, "policy": "erp-major", "version": "2.0.0", "links": LINKS,
                                        "start": in_seconds(5)})["id"]
    for suite in ("unit", "integration", "load", "chaos"):
        story.verb(id_, f"evidence/{suite}_tests", who="qa", status="passed", link="https://ci.example/4711")
    story.report(id_, product_owner=["changelog", "downtime_agreed"], release_manager=["stakeholders_informed"],
                 devops=["version_and_image", "breaking_changes_documented", "contract_step_left_out", "migration_dry_run"],
                 qa=["schema_compatibility", "green_tested"])
    for role in ("release_manager", "product_owner"):
        story.verb(id_, "approve", who=role, role=role, stage="preparation")
    story.at_stage(id_, "switch", step="ready")
    assert story.release(id_)["comparison"], story.release(id_)
    story.verb(id_, "promote", who="release_manager", reason="blue is not needed any more")
    story.at_stage(id_, "post-checks")
    # Blue is gone, so the way back to it is refused, and the previous version is deployed.
    story.world.answers[("deployer", "/weights/document-domain")] = 409
    page.set(health="fail")
    story.wait_release(id_, "the second option", lambda r: r["rollback"] and r["rollback"]["option"] == 1)
    page.set(health="ok")
    story.wait_state(id_, "rolled_back")
    tenants = '["pilot-1", "pilot-2", "pilot-3"]', '["pilot-1", "pilot-2", "pilot-3", "pilot-4", "pilot-5"]'
    assert story.world.lines("deployer") == sequence(f"""
        deployer POST /green/document-domain version=2.0.0
        deployer POST /weights/document-domain tenants=["pilot-1"] version=2.0.0 weight=10
        deployer POST /weights/document-domain tenants={tenants[0]} version=2.0.0 weight=25
        deployer POST /weights/document-domain tenants={tenants[1]} version=2.0.0 weight=50
        deployer POST /weights/document-domain tenants=["all"] version=2.0.0 weight=100
        deployer POST /blue/document-domain replicas=0
        deployer POST /deploy/document-domain version=1.2.4
        """)


def test_erp_migration_is_judged_by_the_importer_and_by_analytics(begin):  # noqa: F811
    page = Service(HTTP, {"requests": 6000, "error_rate": 0.5, "p95_latency": 180, "consumer_lag": 3})
    story = begin("erp-migration", page, "importer", "deployer")
    story.world.answers.update({("importer", "/imports/l3"): 202, ("importer", "/restore/crm-domain"): 202})
    body = {**DOCUMENT, "service": "crm-domain", "policy": "erp-migration", "version": "2026.1", "stable_version": "l3",
            "migration": "irreversible", "links": LINKS, "params": {"source": "l3", "backup": "run-81"}}
    refused = story.create(who="devops", expect=422, **{**body, "links": {}}, start="manual")
    assert "links.backup" in refused["detail"], refused
    id_ = story.create(who="devops", **body, start=in_seconds(5))["id"]
    story.report(id_, devops=["field_mapping", "backup_restored_once"], qa=["trial_import"],
                 release_manager=["stakeholders_informed"])
    for role in ("release_manager", "product_owner"):
        story.verb(id_, "approve", who=role, role=role, stage="preparation")
    story.complete(story.world.found("importer", "/imports/l3"), text="4000 rows")
    story.at_stage(id_, "pilot")
    end = every_second(lambda: story.verb(id_, "measurements", who="devops", measurements=[
        {"kpi": "rows", "value": 4000}, {"kpi": "rejected_rows", "value": 0.002},
        {"kpi": "dual_run_differences", "value": 0}]))
    try:
        story.verb(id_, "evidence/plausibility", who="qa", status="passed")
        story.at_stage(id_, "pilot", step="ready")
    finally:
        end()
    # What analytics-domain gives as 1.5 is 1.5 %.
    page.turn(error_rate=1.5)
    paused = story.wait_state(id_, "paused")
    assert any(h["name"] == "errors" and "1.5 %" in h["reason"] for h in paused["holds"]), paused["holds"]
    story.verb(id_, "rollback", who="release_manager", reason="the importer starves the rest")
    restore = story.world.found("importer", "/restore/crm-domain")
    assert restore["body"] == {"backup": "run-81"}
    page.turn(error_rate=0.5)
    story.complete(restore, text="restored")
    story.wait_state(id_, "rolled_back")


def test_canary_is_compared_with_the_track_beside_it(folder, postgres):
    stable, canary = Service(HTTP), Service(HTTP)
    world = World(folder, "deployer")
    story = Story(folder, postgres, variant("canary", f"127.0.0.1:{stable.port}", canary=f"127.0.0.1:{canary.port}"), world)
    try:
        story.start()
        # Both fail 3 %: nobody's fault.
        for page in (stable, canary):
            page.turn(**{ERRORS: 3.0})
        id_ = story.create(who="devops", policy="canary", version="1.1.0")["id"]
        story.at_stage(id_, "half")
        canary.turn(**{ERRORS: 6.0})
        gone = story.wait_state(id_, "rolling_back", "stabilising")
        assert "above baseline + 2 points" in gone["rollback"]["reason"], gone["rollback"]
        canary.turn(**{ERRORS: 0.0})
        story.wait_state(id_, "rolled_back")
    finally:
        story.close()
        for page in (stable, canary):
            page.down()
        world.close()


def test_blue_green_switches_and_switches_back(begin):  # noqa: F811
    page = Service(HTTP)
    story = begin("blue-green", page, "deployer")
    id_ = story.create(who="devops", policy="blue-green", version="1.1.0")["id"]
    story.report(id_, qa=["tests"])
    story.at_stage(id_, "switch", step="ready")
    page.turn(**{ERRORS: 3.0})
    story.wait_state(id_, "stabilising", "rolled_back")
    page.turn(**{ERRORS: 0.0})
    story.wait_state(id_, "rolled_back")
    assert story.world.lines() == sequence("""
        deployer POST /green/checkout version=1.1.0
        deployer POST /switch/checkout active=green
        deployer POST /switch/checkout active=blue
        """)


def test_just_watch_looks_on_and_does_nothing(begin):  # noqa: F811
    page = Service(HTTP)
    story = begin("just-watch", page, "deployer")
    page.turn(**{ERRORS: 3.0})
    id_ = story.create(who="devops", policy="just-watch", version="1.1.0")["id"]
    story.blocked(id_, "gate errors")
    page.turn(**{ERRORS: 0.0})
    story.wait_state(id_, "completed")
    assert story.world.lines() == []
