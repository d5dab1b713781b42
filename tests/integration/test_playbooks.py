"""The rollback sections of the five playbooks, each as a story on the real daemon: what triggers it, who decides, what
reaches whom and in which order, and what is owed before the next release.

The policies are those of config/policies; story.py says what is shortened in them.
"""
import threading

import pytest
from harness import check_audit_chain, check_invariants, wait_until
from story import ROLES, Alertmanager, Redis, Service, Story, World, in_seconds, sequence, variant

HTTP = {'http_requests_total{code="200"}': 100.0, 'http_requests_total{code="500"}': 0.0,
        'http_request_duration_seconds_bucket{le="0.25"}': 100.0,
        'http_request_duration_seconds_bucket{le="0.5"}': 100.0,
        'http_request_duration_seconds_bucket{le="4"}': 100.0,
        'http_request_duration_seconds_bucket{le="+Inf"}': 100.0}
ERRORS = 'http_requests_total{code="500"}'


# Everything is told to one bus; who is called hears it on a pager. That a busy machine held a release up for a moment
# belongs to no playbook.
QUIET = {"held": [], "evidence_back": []}
TOLD = {"sinks": {"bus": {"to": "bus"}, "pager": {"to": "pager"}},
        "routes": [{"sinks": ["bus"]}, {"roles": list(ROLES), "sinks": ["pager"]}]}

GOOD = sequence("""
    scheduler.release.planned
    notification.maintenance.scheduled
    scheduler.release.started
    scheduler.release.wave1
    scheduler.release.wave2
    scheduler.release.wave3
    scheduler.release.completed
    analytics.release.metrics
    notification.release.successful
    audit.release.logged
    """)
ROLLED_BACK = sequence("""
    scheduler.release.paused
    notification.rollback.initiated
    scheduler.release.rolledback
    notification.rollback.completed
    audit.rollback.logged
    """)
PLANNED, _, STARTED, WAVE1, WAVE2 = GOOD[:5]
FAILED, CONTINUED = "notification.rollback.failed", "notification.rollback.continued"


@pytest.fixture
def begin(folder, postgres):
    """begin(policy, service page, destinations): a story, closed and checked at the end."""
    open_ = []

    def make(policy, page, *destinations, alertmanager=None, elsewhere=None, events=None, **durations):
        world = World(folder, *destinations, "bus", "pager")
        address = f"127.0.0.1:{page.port}"
        alerts = f"127.0.0.1:{alertmanager.port}" if alertmanager else None
        story = Story(folder, postgres, variant(policy, address, alerts, **durations), world, elsewhere,
                      notify={**TOLD, "events": {**QUIET, **(events or {})}})
        open_.append((story, page, world))
        return story.start()

    yield make
    for story, page, world in open_:
        story.close()
        page.down()
        world.close()
        check_invariants(story)


# --- erp-release-runbook.txt ---

DOCUMENT = {"service": "document-domain", "policy": "erp-minor", "version": "1.3.0", "stable_version": "1.2.4",
            "artifact": "valero-neuroerp:1.3.0", "migration": "reversible", "params": {"feature": "new-pdf-renderer"},
            "links": {"release_notes": "https://docs.example/rn.pdf", "rollback_plan": "https://docs.example/rollback"}}


def erp_page():
    return Service(HTTP, {"consumer_lag_events": 0})


@pytest.fixture
def redis(folder):
    server = Redis(folder)
    server.ask("SET", "feature:new-pdf-renderer", "true")
    yield server
    server.close()


def erp_release(begin, page, redis, events=None, **durations):
    """Announced, prepared, pre-checked; its start has not come yet."""
    story = begin("erp-minor", page, "deployer", elsewhere={"redis": redis.destination()}, events=events, **durations)
    id_ = story.create(who="devops", start=in_seconds(4), **DOCUMENT)["id"]
    story.report(id_, product_owner=["changelog"], qa=["tests", "schema_compatibility"],
                 devops=["version_and_image", "migration_dry_run"], release_manager=["stakeholders_informed"])
    story.verb(id_, "approve", who="release_manager", role="release_manager", stage="preparation")
    return story, id_


PILOT = 'deployer POST /weights/document-domain tenants=["pilot-1"] version=1.3.0 weight=10'
BACK = "deployer POST /weights/document-domain schema=1.2.4 weight=0"


def test_erp_minor_a_good_release_is_told_in_the_ten_lines_of_the_runbook(begin, redis):
    story, id_ = erp_release(begin, erp_page(), redis, bake="1s")
    story.report(id_, qa=["uat_smoke_tests"], devops=["logs_watched", "kpi_comparison"], audit_officer=["audit_log_complete"],
                 product_owner=["release_notes_published"], release_manager=["retrospective_planned"])
    story.wait_state(id_, "completed")
    story.heard(*GOOD)
    assert story.world.lines() == [
        PILOT, "deployer POST /weights/document-domain "
        'tenants=["pilot-1", "pilot-2", "pilot-3", "pilot-4", "pilot-5"] version=1.3.0 weight=50',
        'deployer POST /weights/document-domain tenants=["all"] version=1.3.0 weight=100']
    assert story.world.told("pager") == [] and redis.ask("GET", "feature:new-pdf-renderer") == "true"


def test_erp_minor_above_two_percent_people_are_called_and_the_release_manager_goes_back(begin, redis):
    page = erp_page()
    story, id_ = erp_release(begin, page, redis)
    story.at_stage(id_, "wave1")
    page.turn(**{ERRORS: 5.0})
    # Two rungs: above 1 % it is paused, above 2 % somebody must decide. The chain: on-call, release manager, CTO.
    held = story.wait_release(id_, "paused, and all three called", lambda r: r["state"] == "paused" and any(
        c["cause"] == "ask:errors-severe" and len(c["called"]) == 3 for c in r["calls"]))
    call_ = next(c for c in held["calls"] if c["cause"] == "ask:errors-severe")
    assert call_["called"] == ["on_call", "release_manager", "cto"]
    wait_until(lambda: len(story.called("ask:errors-severe")) == 3, "the pager to go three times")
    assert story.called("ask:errors-severe") == ["on_call", "release_manager", "cto"]
    assert story.world.lines() == [PILOT] and redis.ask("GET", "feature:new-pdf-renderer") == "true"
    story.verb(id_, "rollback", who="qa", expect=403, reason="QA does not decide this")
    story.verb(id_, "rollback", who="release_manager", reason="5 % of the documents fail")
    page.turn(**{ERRORS: 0.0})
    gone = story.wait_state(id_, "rolled_back")
    assert story.world.lines() == [PILOT, BACK]
    assert redis.ask("GET", "feature:new-pdf-renderer") == "false"
    story.heard(*GOOD[:4], *ROLLED_BACK)
    assert set(story.world.told("pager")) == {"notification.escalation.called", "notification.escalation.ended"}
    # "Audit-Log": reason, time and who is responsible, in a chain nobody can change unseen.
    assert gone["rollback"]["subject"] == "release_manager" and gone["rollback"]["since"]
    assert gone["rollback"]["reason"] == "5 % of the documents fail"
    check_audit_chain(story, id_)
    # "Bei Rollback": the next release is planned as ever, and starts when the incident is on record.
    next_ = story.create(who="devops", start="manual", **{**DOCUMENT, "version": "1.3.1"})["id"]
    story.blocked(next_, f"release {id_} has no incident record")
    story.verb(id_, "incident", who="devops", root_cause="renderer leaks handles", impact="1 in 20 documents",
               restore_point="1.2.4")
    story.report(id_, release_manager=["stakeholders_told"], devops=["post_mortem_planned"])
    wait_until(lambda: "start" in story.release(next_)["legal"], "the start to be legal", 10)


def test_erp_minor_a_failed_health_check_rolls_back_by_itself_and_other_names_are_told(begin, redis):
    page = erp_page()
    names = {"planned": "audit.release.planned", "prechecked": "audit.precheck.completed",
             "wave": ["scheduler.release.deployed", "notification.release.progress"], "paused": [],
             "rollback_decided": [], "rolled_back": "notification.rollback.executed",
             "stabilised": "audit.release.rolledback"}
    story, id_ = erp_release(begin, page, redis, events=names)
    story.at_stage(id_, "wave1")
    page.set(health="fail")
    story.wait_state(id_, "rolling_back", "stabilising")
    page.set(health="ok")
    gone = story.wait_state(id_, "rolled_back")
    assert gone["rollback"]["subject"] == "headgate"
    assert story.world.lines() == [PILOT, BACK]
    assert redis.ask("GET", "feature:new-pdf-renderer") == "false"
    story.heard(*sequence("""
        audit.release.planned
        notification.maintenance.scheduled
        scheduler.release.started
        audit.precheck.completed
        audit.precheck.completed
        scheduler.release.deployed
        notification.release.progress
        notification.rollback.executed
        audit.release.rolledback
        """))


def patch_in_the_canary(begin, page, receiver):
    """With the reference deployer."""
    deployer = {"url": f"http://127.0.0.1:{receiver.port}", "secret_file": str(receiver.secret_file),
                "networks": ["127.0.0.0/8"]}
    story = begin("erp-patch", page, elsewhere={"deployer": deployer})
    id_ = story.create(who="devops", **{**DOCUMENT, "policy": "erp-patch", "version": "1.2.5"})["id"]
    story.report(id_, qa=["unit_tests", "e2e_regression"])
    story.verb(id_, "approve", who="release_manager", role="release_manager")
    story.at_stage(id_, "canary")
    return story, id_


def test_erp_patch_above_two_percent_goes_back_without_asking(begin, receiver):
    page = erp_page()
    story, id_ = patch_in_the_canary(begin, page, receiver)
    page.turn(**{ERRORS: 5.0})
    gone = story.wait_state(id_, "stabilising", "rolled_back")
    assert gone["rollback"]["subject"] == "headgate" and "above 2 %" in gone["rollback"]["reason"]
    page.turn(**{ERRORS: 0.0})
    story.wait_state(id_, "rolled_back")
    assert receiver.weights() == [10, 0]
    story.heard(PLANNED, STARTED, WAVE1, *ROLLED_BACK)


def test_erp_patch_incidents_of_four_severities_go_on_pause_call_and_roll_back(begin, receiver):
    story, id_ = patch_in_the_canary(begin, erp_page(), receiver)
    story.incident("document-domain", "P3", "qa", title="a button is grey", key="INC-1")
    story.wait_release(id_, "the note", lambda r: "incident_noted" in story.events(id_))
    assert story.release(id_)["state"] == "running"
    story.incident("document-domain", "P2", "qa", title="slow exports", key="INC-2")
    paused = story.wait_state(id_, "paused")
    assert paused["calls"] == []
    story.verb(id_, "resume", who="release_manager", reason="analysed: the exports of last night")
    story.incident("document-domain", "P1", "on_call", title="contracts cannot be signed", key="INC-3")
    called = story.wait_state(id_, "paused")
    assert [c["called"][0] for c in called["calls"]] == ["on_call"]
    story.incident("document-domain", "P0", "qa", expect=403, title="nothing works", key="INC-4")
    story.incident("document-domain", "P0", "on_call", title="nothing works", key="INC-4")
    gone = story.wait_state(id_, "rolled_back")
    assert "P0 reported by on_call: nothing works" in gone["rollback"]["reason"]
    assert receiver.weights() == [10, 0]


# --- rollback-runbook.txt ---

STAMPS = {"service": "stamps", "policy": "rollback-runbook", "version": "2.5.0", "stable_version": "2.4.1",
          "ticket": "CHG-1207", "links": {"migration": "https://docs.example/2.5"}, "params": {"stable_artifact": "sha256:4711", "stable_run": "runs/815"}}


def stamps_page():
    return Service({**HTTP, "token_reuse_total": 0.0, "device_proof_failures_total": 0.0}, {"cost_per_tenant_euros": 1.2})


def stamps_in_the_canary(begin, page, **more):
    story = begin("rollback-runbook", page, "deployer", "flags", "workers", "pipeline", "app")
    story.world.answers[("pipeline", "/actions/deploy")] = 202  # taken; the environment's approval is asked for
    id_ = story.create(who="devops", **{**STAMPS, **more})["id"]
    story.report(id_, devops=["stable_artifact_pinned", "migration_status_known", "flags_and_secrets_at_hand"],
                 release_manager=["stakeholders_informed"])
    story.at_stage(id_, "canary")
    return story, id_


def test_rollback_runbook_5xx_goes_back_to_the_pinned_artefact(begin):
    page = stamps_page()
    story, id_ = stamps_in_the_canary(begin, page, migration="reversible")
    page.turn(**{ERRORS: 5.0})
    story.wait_state(id_, "rolling_back")
    deploy = story.world.found("pipeline", "/actions/deploy")
    # Until the pipeline calls back, with the approval of the environment, nothing counts as done and nothing is tried.
    assert not story.world.lines("app")
    page.turn(**{ERRORS: 0.0})
    story.complete(deploy, text="approved for prod by the environment's owners, deployed")
    story.wait_state(id_, "rolled_back")
    assert story.world.lines() == sequence("""
        deployer POST /weights/stamps version=2.5.0 weight=10
        flags PUT /services/stamps/off
        workers POST /pause/stamps
        flags PUT /services/stamps/read-only
        pipeline POST /actions/deploy artifact=sha256:4711 environment=prod migrate_down=true run=runs/815 service=stamps version=2.4.1
        app GET /health
        app POST /v1/stamps/claim dry_run=true
        app POST /v1/rewards/redeem dry_run=true
        app POST /smoke/pwa-core
        """)
    story.heard(PLANNED, STARTED, WAVE1, *ROLLED_BACK)


def test_rollback_runbook_an_irreversible_migration_goes_back_only_with_a_restore(begin):
    page = stamps_page()
    story, id_ = stamps_in_the_canary(begin, page, migration="irreversible")
    # A P1 stops it and calls; whoever is on call decides. What dampens goes out at once, the code stays where it is.
    story.incident("stamps", "P1", "on_call", title="tokens can be replayed")
    story.wait_state(id_, "paused")
    story.verb(id_, "rollback", who="on_call", reason="tokens can be replayed")
    story.wait_state(id_, "failed")
    story.blocked(id_, "rollback option after_restore is passed over: it requires a confirmed restore")
    story.world.found("workers", "/pause/stamps")
    assert not story.world.lines("pipeline")
    refused = story.verb(id_, "rollback", who="on_call", expect=409, option="after_restore")
    assert "restore_confirmed=true" in refused["detail"], refused
    # The database is restored (restore-db.md), and somebody says so.
    story.verb(id_, "rollback", who="incident_commander", option="after_restore", restore_confirmed=True,
               reason="restored to 14:00")
    deploy = story.world.found("pipeline", "/actions/deploy")
    story.world.answers[("app", "/v1/stamps/claim")] = 422
    story.complete(deploy)
    # "Smoke-Tests weiterhin rot": the incident is escalated, level by level, until somebody takes it.
    called = story.wait_release(id_, "three levels", lambda r: any(len(c["called"]) == 3 for c in r["calls"]))
    call = next(c for c in called["calls"] if c["cause"] == "smoke")
    assert call["called"] == ["on_call", "incident_commander", "cto"] and called["state"] == "stabilising"
    story.verb(id_, "ack", who="cto", hold="smoke", reason="the claim service still had its old key")
    story.world.answers.clear()
    story.wait_state(id_, "rolled_back")
    assert story.world.lines() == sequence("""
        deployer POST /weights/stamps version=2.5.0 weight=10
        flags PUT /services/stamps/off
        workers POST /pause/stamps
        flags PUT /services/stamps/read-only
        pipeline POST /actions/deploy artifact=sha256:4711 environment=prod migrate_down=false run=runs/815 service=stamps version=2.4.1
        app GET /health
        app POST /v1/stamps/claim dry_run=true
        app POST /v1/rewards/redeem dry_run=true
        app POST /smoke/pwa-core
        """)
    story.heard(PLANNED, STARTED, WAVE1, *ROLLED_BACK[:2], FAILED, CONTINUED, *ROLLED_BACK[2:])
    # Step 6: nothing of the service is released before it is written down.
    next_ = story.create(who="devops", **{**STAMPS, "version": "2.5.1"})["id"]
    story.blocked(next_, f"release {id_} has no incident record")
    story.report(id_, devops=["decision_log"], release_manager=["stakeholders_told"], incident_commander=["post_mortem"])
    assert story.release(next_)["state"] == "planned"
    story.verb(id_, "incident", who="incident_commander", root_cause="token check left out", impact="none seen",
               restore_point="2.4.1, database of 14:00")
    story.wait_state(next_, "running")


# --- support-automation-release.txt ---

SUPPORT = {"service": "support", "policy": "support-automation", "version": "9.0.0", "stable_version": "8.7.0",
           "params": {"template": "delivered_not_received"}, "links": {
               name: f"https://docs.example/{name}" for name in ("go_no_go", "manual_qa", "dashboards", "operator_runbook")}}


FINDING = 'safety_findings_open{finding="%s"}'


def support_page():
    return Service({"tickets_routed_total": 30.0, "tickets_misrouted_total": 0.0,
                    'vendor_responses_total{code="200"}': 30.0, 'vendor_responses_total{code="429"}': 0.0,
                    "llm_cost_euros_total": 1.0, "automation_complaints_total": 0.0, "tickets_failed_total": 0.0,
                    'ticket_routing_seconds_bucket{le="5"}': 30.0, 'ticket_routing_seconds_bucket{le="60"}': 30.0,
                    'ticket_routing_seconds_bucket{le="+Inf"}': 30.0, "mapping_drift_total": 0.0,
                    'order_matches_total{kind="deterministic"}': 29.5, "order_lookups_total": 30.0,
                    "tier2_verifier_false_positives_total": 0.0},
                   {"queue_oldest_message_age_seconds": 20.0, FINDING % "automation_loop": 0,
                    FINDING % "tier0_auto_answered": 0, FINDING % "private_data": 0})


BASELINE = 'switches PUT /services/support/switches automation_enabled=false safe_mode=true templates=[] tier2=off'
LIMITED = 'switches PUT /services/support/switches automation_enabled=true safe_mode=false ' \
          'templates=["ask_order_number", "delivered_not_received", "basic_troubleshooting"] tier2=off'
KILLED = "switches PUT /services/support/switches automation_enabled=false safe_mode=true"
PROBED = "router POST /probe/route dry_run=true"


def support_with_automation_on(begin, page):
    story = begin("support-automation", page, "switches", "deployer", "router")
    id_ = story.create(who="engineering", **SUPPORT)["id"]
    story.report(id_, engineering=["ci_gates", "llm_regression"], qa=["staging_smoke"],
                 support_lead=["dashboards_and_alarms"])
    story.verb(id_, "approve", who="support_lead", role="support_lead")
    story.at_stage(id_, "baseline")
    story.verb(id_, "evidence/health_checks", who="engineering", status="passed")
    story.at_stage(id_, "limited-automation")
    return story, id_


@pytest.mark.parametrize("signal", [FINDING % "automation_loop", FINDING % "tier0_auto_answered",
                                    FINDING % "private_data", "automation_complaints_total"])
def test_support_automation_a_signal_pulls_the_kill_switch_and_routing_goes_on(begin, signal):
    page = support_page()
    story, id_ = support_with_automation_on(begin, page)
    page.turn(**{signal: 3.0})
    story.wait_state(id_, "stabilising", "rolled_back")
    story.world.found("router", "/probe/route")
    assert story.world.lines() == [BASELINE, LIMITED, KILLED, PROBED]
    story.wait_state(id_, "rolled_back")
    story.heard(PLANNED, STARTED, WAVE1, WAVE2, *ROLLED_BACK)


def test_support_automation_the_support_lead_goes_from_one_template_to_the_kill_switch_to_the_version(begin):
    story, id_ = support_with_automation_on(begin, support_page())
    denied = story.verb(id_, "rollback", who="engineering", expect=403, option="template_kill")
    assert "support_lead" in denied["detail"], denied
    story.world.answers[("router", "/probe/route")] = 503  # so that there is time to go further
    story.verb(id_, "rollback", who="support_lead", option="template_kill", reason="one template misunderstands")
    story.wait_state(id_, "stabilising")
    story.verb(id_, "rollback", who="support_lead", option="kill_switch", reason="it is not that template alone")
    story.wait_release(id_, "stabilising", lambda r: r["state"] == "stabilising" and r["rollback"]["option"] == 1)
    story.verb(id_, "rollback", who="support_lead", option="previous_version", reason="routing suffers as well")
    story.wait_release(id_, "stabilising", lambda r: r["state"] == "stabilising" and r["rollback"]["option"] == 2)
    story.world.answers.clear()
    story.wait_state(id_, "rolled_back")
    assert story.world.lines() == [
        BASELINE, LIMITED, "switches DELETE /services/support/templates/delivered_not_received", KILLED,
        "deployer POST /deploy/support version=8.7.0", PROBED]
    initiated, back, *proved = ROLLED_BACK[1:]
    story.heard(PLANNED, STARTED, WAVE1, WAVE2, ROLLED_BACK[0], initiated, back, CONTINUED, back, CONTINUED, back, *proved)


def test_support_automation_a_routing_spike_is_raised_and_people_decide(begin):
    page = support_page()
    story, id_ = support_with_automation_on(begin, page)
    page.turn(tickets_misrouted_total=10.0)
    asked = story.wait_release(id_, "a question", lambda r: any(h["name"] == "ask:routing-errors" for h in r["holds"]))
    assert asked["state"] == "running" and asked["calls"][0]["called"] == ["on_call"], asked
    assert story.world.lines() == [BASELINE, LIMITED]
    story.verb(id_, "rollback", who="support_lead", reason="the spike is ours")
    story.wait_state(id_, "stabilising", "rolled_back")
    assert story.world.lines("switches") == [BASELINE, LIMITED, KILLED]


# --- feature-stages-plan.txt ---

WRITER = {"service": "writer", "policy": "feature-stages", "version": "3.2.0", "stable_version": "3.1.0",
          "params": {"feature": "searchLite", "green_ledger": "dec-20260301-007"}, "links": {
              name: f"https://docs.example/{name}" for name in ("pull_request", "run_logs", "dataset_meta")}}


def writer_page():
    return Service({"runs_total": 20.0, "runs_passed_total": 19.0, "runs_failed_total": 0.0,
                    "run_duration_seconds_sum": 20.0, "run_duration_seconds_count": 20.0,
                    'run_duration_seconds_bucket{le="1"}': 19.0, 'run_duration_seconds_bucket{le="4"}': 20.0,
                    'run_duration_seconds_bucket{le="8"}': 20.0, 'run_duration_seconds_bucket{le="+Inf"}': 20.0,
                    "tag_suggestions_total": 0.0, "tag_suggestions_corrected_total": 0.0, "runs_vetoed_total": 1.0,
                    "tags_set_total": 20.0})


def daily_report(story, id_, **more):
    story.verb(id_, "measurements", who="engineering", measurements=[{"kpi": kpi, "value": value} for kpi, value in {
        "sampled": 400, "average_score": 4.1, "top_issue_rate": 0.02, "difficulty_divergence": 0.01,
        "style_violations": 0.05, "repetitions": 0.01, **more}.items()])


def test_feature_stages_an_explosion_of_errors_switches_off_and_replays_the_green_ledger(begin):
    page = writer_page()
    story = begin("feature-stages", page, "flags", "engine")
    story.world.answers[("engine", "/replay/writer")] = 202
    id_ = story.create(who="engineering", **WRITER)["id"]
    daily_report(story, id_, top_issue_rate=0.04)
    story.report(id_, qa=["suite_0", "mini_bench"], engineering=["docs_updated_0"])
    story.verb(id_, "approve", who="owner", role="owner", stage="internal")
    story.at_stage(id_, "internal")
    story.verb(id_, "evidence/suite", who="engineering", status="passed")
    reports = threading.Event()  # a day is three seconds here
    reporter = threading.Thread(target=lambda: [daily_report(story, id_) for _ in iter(lambda: reports.wait(3), True)])
    reporter.start()
    try:
        story.at_stage(id_, "dogfood")
    finally:
        reports.set()
        reporter.join()
    page.turn(runs_failed_total=5.0, runs_passed_total=14.0)
    story.wait_state(id_, "rolling_back")
    replay = story.world.found("engine", "/replay/writer")
    page.turn(runs_failed_total=0.0, runs_passed_total=19.0)
    assert story.release(id_)["state"] == "rolling_back"  # until the replay is through
    story.complete(replay, text="reproduced")
    story.wait_state(id_, "rolled_back")
    assert story.world.lines() == sequence("""
        flags PUT /products/writer/flags A=off B=on C=internal D=internal E=on F=on
        flags PUT /products/writer/flags A=off B=on C=logged D=logged E=on F=on
        flags PUT /products/writer/feature.searchLite value=false
        engine PUT /products/writer/guardianProfileId value=default
        engine POST /replay/writer guardianProfileId=default ledger=dec-20260301-007
        """)
    story.heard(PLANNED, STARTED, WAVE1, WAVE2, *ROLLED_BACK)
    next_ = story.create(who="engineering", **{**WRITER, "version": "3.2.1"})["id"]
    story.verb(id_, "incident", who="pm", root_cause="searchLite times out", impact="one run in four",
               restore_point="dec-20260301-007")
    story.blocked(next_, "re-entry after the last rollback is open: ledger_entry")
    story.report(id_, pm=["ledger_entry", "rollback_notice"])
    story.wait_state(next_, "running")


# --- clinical-staged-rollout.txt ---

CASES = {"service": "nv5", "policy": "clinical", "version": "0.8", "stable_version": "0.7", "links": {
    name: f"https://docs.example/{name}" for name in ("go_no_go", "readiness_report", "weekly_review_template",
                                                      "execution_checklist")}}


def cases_page():
    return Service({"cases_total": 30.0, "case_clarification_loops_total": 1.0, "case_followups_total": 30.0,
                    "case_followups_resolved_total": 27.0, "case_hard_stops_total": 0.0})


@pytest.fixture
def alertmanager(folder):
    server = Alertmanager(folder)
    yield server
    server.close()


def cases_in_the_canary(begin, page, alertmanager):
    story = begin("clinical", page, "deployer", "intake", alertmanager=alertmanager)
    id_ = story.create(who="backend_lead", **CASES)["id"]
    story.report(id_, ops_owner=["go_no_go_documented", "alerting_probe"], backend_lead=["rollback_tabletop"],
                 medical_lead=["critical_alerts_reviewed", "safety_topics_reviewed"])
    story.verb(id_, "approve", who="medical_lead", role="medical_lead")
    story.at_stage(id_, "canary")
    return story, id_


def test_clinical_a_critical_alert_stops_and_the_medical_lead_alone_decides_the_risk(begin, alertmanager):
    page = cases_page()
    story, id_ = cases_in_the_canary(begin, page, alertmanager)
    alertmanager.fire(alertname="unsafe_advice", severity="critical", service="nv5")
    stopped = story.wait_state(id_, "paused")
    assert stopped["calls"][0]["called"][0] == "ops_owner"
    assert story.world.lines("intake") == []  # stopped, not gone back
    denied = story.verb(id_, "rollback", who="backend_lead", expect=403, option="medical_risk")
    assert "only a person who holds role medical_lead" in denied["detail"], denied
    story.verb(id_, "rollback", who="medical_lead", option="medical_risk", reason="the advice may harm")
    story.wait_state(id_, "rolled_back")
    assert story.world.lines() == sequence("""
        deployer POST /weights/nv5 version=0.8 weight=5
        intake POST /volume/nv5 increase=false
        intake POST /configuration/nv5 version=0.7
        deployer POST /deploy/nv5 version=0.7
        """)
    story.heard(PLANNED, STARTED, WAVE1, *ROLLED_BACK)
    # "Re-Entry-Kriterien": the next attempt waits for the note and for them.
    next_ = story.create(who="backend_lead", **{**CASES, "version": "0.8.1"})["id"]
    story.blocked(next_, f"release {id_} has no incident record")
    story.verb(id_, "incident", who="ops_owner", root_cause="hypothesis: dosage table of the old unit",
               impact="three cases, reviewed by hand", restore_point="0.7")
    story.blocked(next_, "re-entry after the last rollback is open: reentry_criteria")
    story.report(id_, medical_lead=["reentry_criteria"])
    story.wait_state(next_, "running")


def test_clinical_a_trend_beyond_its_threshold_reactivates_the_stable_configuration(begin, alertmanager):
    page = cases_page()
    story, id_ = cases_in_the_canary(begin, page, alertmanager)
    page.turn(case_followups_resolved_total=12.0)
    gone = story.wait_state(id_, "stabilising", "rolled_back")
    assert gone["rollback"]["option"] == 0
    story.wait_state(id_, "rolled_back")
    assert story.world.lines() == sequence("""
        deployer POST /weights/nv5 version=0.8 weight=5
        intake POST /volume/nv5 increase=false
        intake POST /configuration/nv5 version=0.7
        deployer POST /weights/nv5 weight=0
        """)
    story.heard(PLANNED, STARTED, WAVE1, *ROLLED_BACK)
