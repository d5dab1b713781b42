"""Alerts told by webhook: by a real Alertmanager, and bodies written by hand."""
import copy
import json

import pytest
from harness import wait_until
from test_alert_gate import alert_policy, fire, gate, run, silence  # noqa: F401 (run is a fixture)
from test_alertmanager import Alertmanager, alert, at

TOLD = {"told": {"alerts_webhook": '{alertname="Watchdog"}', "every": "10s"}}
SELDOM = {"told": {**TOLD["told"], "every": "1h"}}
CONFIG = """
route:
  receiver: headgate
  group_by: [alertname, service]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1s
receivers:
  - name: headgate
    webhook_configs:
      - url: http://127.0.0.1:{port}/v1/alerts
        send_resolved: true
        http_config:
          authorization:
            credentials_file: {token}
inhibit_rules:
  - source_matchers: [alertname = ReleaseRollingBack]
    target_matchers: [alertname = ReleaseHeld]
    equal: [service]
"""


class Teller(Alertmanager):
    """An Alertmanager that tells this daemon."""

    def __init__(self, daemon, folder):
        token = folder / "am-token"
        token.write_text(daemon.tokens["ci"])
        self.text = CONFIG.format(port=daemon.port, token=token)
        super().__init__(daemon)

    def start(self):
        (self.home / "config.yml").write_text(self.text)
        super().start()


WATCHDOG = {"labels": {"alertname": "Watchdog", "severity": "none"}}


@pytest.fixture
def tell(folder):
    made = []

    def start(daemon):
        made.append(Teller(daemon, folder))
        return made[-1]

    yield start
    for manager in made:
        manager.close()


def test_a_real_alertmanager_tells_what_fires_and_what_is_over(run, tell):  # noqa: F811
    daemon, id_ = run(alert_policy(TOLD))
    gate(daemon, id_, "no_data", "the alert that always fires was not told so far")
    manager = tell(daemon)
    silence(manager, alertname="Silenced")
    fire(manager, WATCHDOG)
    gate(daemon, id_, "pass", "no alert fires")
    # First what inhibits: told at once with it, the other may go out before it is known.
    fire(manager, alert("ReleaseRollingBack", severity="warning"))
    wait_until(lambda: daemon.sql("SELECT count(*) FROM headgate.alert") == [["2"]], "the Watchdog and what inhibits")
    fire(manager, alert("Silenced"), alert("ReleaseHeld"), alert("Elsewhere", service="billing"))
    wait_until(lambda: daemon.sql("SELECT count(*) FROM headgate.alert") == [["3"]],
               "the Watchdog, ReleaseRollingBack and Elsewhere, and nothing silenced or inhibited")
    gate(daemon, id_, "pass", "no alert fires")
    fire(manager, alert("DiskFull"))
    shown, = gate(daemon, id_, "breach", "1 alert fires: DiskFull")["alerts"]
    assert shown["fingerprint"] in [a["fingerprint"] for a in manager.alerts()] and shown["since"]
    daemon.wait_state(id_, "paused")
    daemon.kill()
    daemon.start()
    gate(daemon, id_, "breach", "1 alert fires: DiskFull")
    fire(manager, alert("DiskFull", ends=at()))
    gate(daemon, id_, "pass", "no alert fires")
    daemon.verb(id_, "resume", reason="there is room again")
    manager.stop()
    gate(daemon, id_, "stale", "so long ago the alert that always fires was told")


# --- by hand ---

def body(*alerts, group="{}:{}", **more):
    return {"version": "4", "groupKey": group, "receiver": "headgate", "status": "firing", "truncatedAlerts": 0,
            "alerts": [{"status": "firing", "startsAt": "2026-01-01T00:00:00Z", **a} if isinstance(a, dict) else a
                       for a in alerts], **more}


def named(name, **more):
    return {"labels": {"alertname": name, "severity": "critical", "service": "checkout"}, **more}


def post(daemon, document, expect=200, who="ci"):
    status, answer, _ = daemon.post("/v1/alerts", document, who=who)
    assert status == expect, (status, answer)
    return answer


def watched(daemon, id_):
    """The alert that always fires, told while the release is exposed."""
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    post(daemon, body(WATCHDOG, group="dog"))


def rows(daemon):
    return sorted(r[0] for r in daemon.sql("SELECT labels->>'alertname' FROM headgate.alert"))


def test_a_group_is_told_whole(run):  # noqa: F811
    daemon, id_ = run(alert_policy(SELDOM))
    watched(daemon, id_)
    assert post(daemon, body(named("A"), named("B"), named("B"))) == {"firing": 2, "resolved": 0}
    gate(daemon, id_, "breach", "2 alerts fire")
    post(daemon, body(named("B")))  # an Alertmanager without send_resolved
    assert rows(daemon) == ["B", "Watchdog"]
    gate(daemon, id_, "breach", "1 alert fires: B")
    post(daemon, body(named("B"), group="another"))  # the same alert by another route
    gate(daemon, id_, "breach", "1 alert fires: B")
    post(daemon, body({**named("B"), "status": "resolved"}))
    gate(daemon, id_, "breach", "1 alert fires: B")
    assert post(daemon, body({**named("B"), "status": "resolved"}, group="another")) == {"firing": 0, "resolved": 1}
    gate(daemon, id_, "pass", "no alert fires")


def test_alerts_that_were_cut_off_are_not_taken_for_silence(run):  # noqa: F811
    daemon, id_ = run(alert_policy(SELDOM))
    watched(daemon, id_)
    post(daemon, body(named("A")))
    post(daemon, body(named("B"), truncatedAlerts=1))
    assert rows(daemon) == ["A", "B", "Watchdog"]
    gate(daemon, id_, "breach", "2 alerts fire")  # whatever fires besides
    resolved = {**named("A"), "status": "resolved"}, {**named("B"), "status": "resolved"}
    post(daemon, body(*resolved, truncatedAlerts=1))  # the one that fires is not among the first
    assert rows(daemon) == ["Watchdog"]
    gate(daemon, id_, "no_data", "a notification was cut off (max_alerts) at 20")
    post(daemon, body(*resolved))
    gate(daemon, id_, "pass", "no alert fires")


def refused(daemon):
    return daemon.sql("SELECT origin <> '', why FROM headgate.alert_refusal ORDER BY 1")


def test_what_a_refused_notification_said_is_not_taken_for_silence(run):  # noqa: F811
    daemon, id_ = run(alert_policy({"told": {**SELDOM["told"], "repeat": "2h"}}))
    watched(daemon, id_)
    gate(daemon, id_, "pass", "no alert fires")
    post(daemon, body(*[{"labels": {}}] * 501), expect=422)
    post(daemon, body(WATCHDOG, group="dog"))  # is as fresh as can be
    gate(daemon, id_, "no_data", "a notification was refused (422) at 20", "what fires is not known")
    daemon.kill()
    daemon.start()
    gate(daemon, id_, "no_data", "a notification was refused (422) at 20")
    post(daemon, body(group="another"))
    assert refused(daemon) == [["t", "was refused (422)"]]
    post(daemon, body(named("A")))
    assert refused(daemon) == []
    gate(daemon, id_, "breach", "1 alert fires: A")
    post(daemon, body())
    gate(daemon, id_, "pass", "no alert fires")


def test_a_refused_notification_of_nobody_knows_whom_counts_for_as_long_as_it_is_repeated(run):  # noqa: F811
    daemon, id_ = run(alert_policy({"told": {**SELDOM["told"], "repeat": "2h"}}))
    watched(daemon, id_)
    gate(daemon, id_, "pass", "no alert fires")
    for document, status in ((json.dumps(body(named("A", annotations={"text": "x" * (1 << 20)}))), 413), ("[]", 400)):
        got, answer, _ = daemon.request("POST", "/v1/alerts", document, "ci", {"Content-Type": "application/json"})
        assert got == status, answer
        gate(daemon, id_, "no_data", f"a notification was refused ({status}) at 20")
    post(daemon, body(named("A")))
    gate(daemon, id_, "breach", "1 alert fires: A")  # what is known stops it all the same
    post(daemon, body())
    gate(daemon, id_, "no_data", "a notification was refused (400) at 20")
    daemon.sql("UPDATE headgate.alert_refusal SET refused_at = now() - interval '2 hours 1 second'")
    gate(daemon, id_, "pass", "no alert fires")


def test_strangers_refuse_nothing_on_anybodys_behalf(run):  # noqa: F811
    daemon, _ = run(alert_policy(SELDOM), create=False)
    for who, status in (("eve", 403), (None, 401)):
        for document in ("[]", json.dumps(body(named("A", annotations={"text": "x" * (1 << 20)})))):
            got, answer, _ = daemon.request("POST", "/v1/alerts", document, who, {"Content-Type": "application/json"})
            assert got == status, answer
    assert refused(daemon) == []


def test_an_alertmanager_that_writes_too_often_is_told_to_try_again(run):  # noqa: F811
    daemon, _ = run(alert_policy(SELDOM), create=False, limits={"writes_per_second": 1, "writes_burst": 1})
    seen = set()
    wait_until(lambda: seen.add(daemon.post("/v1/alerts", body(named("A")), who="ci")[0]) or 503 in seen, "503")
    assert seen <= {200, 503}  # and never 429, after which none tries again
    assert refused(daemon) == []


def test_refusals_are_bounded(run):  # noqa: F811
    daemon, _ = run(alert_policy(SELDOM), create=False)
    daemon.sql("INSERT INTO headgate.alert_refusal SELECT 'x' || i, 'was refused' FROM generate_series(1, 64) i")
    post(daemon, body(7, group="one more"), expect=422)
    assert daemon.sql("SELECT count(*) FROM headgate.alert_refusal") == [["65"]]
    post(daemon, body(7, group="two more"), expect=422)
    assert daemon.sql("SELECT count(*) FROM headgate.alert_refusal") == [["65"]]
    daemon.sql("UPDATE headgate.alert_refusal SET refused_at = now() - interval '9 days'")
    post(daemon, body(7, group="three more"), expect=422)
    assert daemon.sql("SELECT count(*) FROM headgate.alert_refusal") == [["2"]]


def broken():
    yield 422, {}
    yield 422, body(version="3")
    yield 422, body(version=4)
    yield 422, {k: v for k, v in body().items() if k != "groupKey"}
    yield 422, body(group="")
    yield 422, body(group="x" * 16385)
    yield 422, body(receiver=7)
    yield 422, body(truncatedAlerts=-1)
    yield 422, body(truncatedAlerts="many")
    yield 422, {**body(), "alerts": {}}
    yield 422, {k: v for k, v in body().items() if k != "alerts"}
    yield 422, body(*[{"labels": {}}] * 501)
    yield 400, body(*[named("A")] * 1001)  # more than any JSON body may hold
    yield 422, {**body(), "alerts": [7]}
    yield 422, body({"labels": {}, "status": "pending"})
    yield 422, body(named("A"), {"status": "firing"})
    yield 422, body({"labels": []})
    yield 422, body({"labels": {"alertname": 7}})
    yield 422, body({"labels": {"a": "x" * 2049}})
    yield 422, body({"labels": {"a" * 257: "x"}})
    yield 422, body({"labels": {f"l{i}": "x" for i in range(65)}})
    yield 422, body({"labels": {f"l{i}": "x" * 2000 for i in range(5)}})
    yield 422, body(named("A", fingerprint="no fingerprint"))
    yield 422, body(named("A", fingerprint=7))
    yield 422, body(named("A", startsAt=7))
    yield 400, '{"version": "4", "version": "4"}'
    yield 400, "[]"
    yield 400, '{"version": "4"'
    yield 413, json.dumps(body(named("A", annotations={"text": "x" * (1 << 20)})))


def test_what_is_not_understood_changes_nothing(run):  # noqa: F811
    daemon, _ = run(alert_policy(SELDOM), create=False)
    post(daemon, body(named("Before")))
    before = daemon.sql("SELECT * FROM headgate.alert")
    for status, document in broken():
        got, answer, _ = daemon.request("POST", "/v1/alerts", document, "ci", {"Content-Type": "application/json"})
        assert got == status, (status, got, answer, str(document)[:200])
        assert answer["detail"]
    post(daemon, body(named("A")), expect=403, who="eve")
    post(daemon, body(named("A")), expect=401, who=None)
    assert daemon.sql("SELECT * FROM headgate.alert") == before
    post(daemon, body(named("A", annotations={"any": ["thing"]}), more={"of": "it"}))
    assert rows(daemon) == ["A"]


def test_the_table_is_bounded_and_pruned(run):  # noqa: F811
    daemon, _ = run(alert_policy(SELDOM), create=False)
    post(daemon, body(named("Old"), group="old"))
    daemon.sql("UPDATE headgate.alert SET received_at = now() - interval '6 days 1 second'")
    post(daemon, body(named("New"), group="new"))
    assert rows(daemon) == ["New"]
    daemon.sql("INSERT INTO headgate.alert (origin, fingerprint, labels, cut_off) "
               "SELECT 'x', 'f' || i, '{}', 0 FROM generate_series(1, 1999) i")
    post(daemon, body(named("New"), group="new"))
    answer = post(daemon, body(named("New"), named("More"), group="new"), expect=503)
    assert "more than 2000 alerts are firing" in answer["detail"]
    assert daemon.sql("SELECT count(*) FROM headgate.alert") == [["2000"]]
    assert refused(daemon) == [["t", "found no room (2000 alerts)"]]
    post(daemon, body(named("New"), group="new"))
    assert refused(daemon) == []


def test_a_policy_needs_an_alert_that_always_fires(run):  # noqa: F811
    daemon, _ = run(alert_policy(SELDOM), create=False)
    document = json.loads(alert_policy(SELDOM)["alerted.yaml"])
    for watchdog, text in (("http://x", "must be label matchers in braces"), ("{a=}", "does not parse"),
                           (["{a=\"1\"}", "{b=\"1\"}"], "has one address")):
        changed = copy.deepcopy(document)
        changed["sources"]["told"]["alerts_webhook"] = watchdog
        status, answer, _ = daemon.post("/v1/policies/validate", changed)
        assert text in json.dumps(answer), (status, answer)
    slow = copy.deepcopy(document)
    slow["sources"]["told"]["every"] = "10m"  # says nothing about how often gates are looked at
    assert daemon.post("/v1/policies/validate", slow)[0] == 200
