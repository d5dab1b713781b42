"""Alerts that stop a release: of a real Alertmanager, of the ALERTS series of a real Prometheus, and told by webhook.
What is silenced, inhibited, resolved or taken care of by a person stops nothing."""
import json
import subprocess

import pytest
from harness import Daemon, call, wait_until
from test_alertmanager import Alertmanager, alert, at, people  # noqa: F401 (people is a fixture)
from test_evidence import holds_without_moving
from test_prometheus import Prometheus


def alert_policy(sources, gates=None, **more):
    return {"alerted.yaml": json.dumps({
        "policy": "alerted", "evaluate_every": "1s", "sources": sources,
        "gates": gates or {"critical": {"alerts": '{severity="critical", service="${service}"}', "then": "pause"}},
        "stages": [{"stage": "canary", "weight": 10, "bake": "1h", "enter": ["set_weight"]}],
        "actions": {"set_weight": {"to": "deployer", "path": "/weights/${service}", "body": {"weight": 10}}},
        "rollback": {"options": [{"option": "kill_switch", "actions": ["set_weight"]}],
                     "stabilise": {"gates": ["critical"], "bake": "1h", "deadline": "2h"}}, **more})}


def of(*managers, **more):
    return {"am": {"alertmanager": [f"http://127.0.0.1:{m.port}" for m in managers], "every": "1s", "timeout": "1s",
                   **more}}


@pytest.fixture
def manager(people):  # noqa: F811
    made = Alertmanager(people)
    yield made
    made.close()


@pytest.fixture
def run(postgres, folder, receiver):
    made = []

    def start(policies, create=True, **config):
        daemon = Daemon(folder, postgres, postgres.database(), None, receiver, policies)
        daemon.write_config(**config)
        made.append(daemon)
        daemon.start()
        return daemon, daemon.create(policy="alerted")["id"] if create else None

    yield start
    for daemon in made:
        daemon.close()


def gate(daemon, id_, result, *words, name="critical"):
    def look():
        seen = daemon.gate(id_, name)
        return seen["result"] == result and all(w in json.dumps(seen) for w in words) and seen
    try:
        return wait_until(look, f"{result} {words}")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{json.dumps(daemon.gate(id_, name), indent=1)}\n{daemon.log()[-2000:]}") from None


def fire(manager, *alerts):
    manager.api("POST", "/alerts", list(alerts))


def silence(manager, **matchers):
    manager.api("POST", "/silences", {
        "matchers": [{"name": k, "value": v, "isRegex": False, "isEqual": True} for k, v in matchers.items()],
        "startsAt": at(minutes=-1), "endsAt": at(hours=1), "createdBy": "ann", "comment": "we know"})


# --- a real Alertmanager ---

def test_what_fires_stops_and_what_is_silenced_inhibited_or_resolved_does_not(run, manager):
    daemon, id_ = run(alert_policy(of(manager)))
    gate(daemon, id_, "pass", "no alert fires")
    fire(manager, alert("ReleaseHeld"), alert("Elsewhere", service="billing"), alert("Mild", severity="warning"))
    seen = gate(daemon, id_, "breach", "1 alert fires: ReleaseHeld")
    daemon.wait_state(id_, "paused")
    shown, = seen["alerts"]
    assert shown["labels"]["alertname"] == "ReleaseHeld" and shown["since"] and shown["addressed"] is False
    assert shown["fingerprint"] in [a["fingerprint"] for a in manager.alerts()]
    fire(manager, alert("ReleaseRollingBack", severity="warning"))  # inhibits it
    gate(daemon, id_, "pass")
    fire(manager, alert("ReleaseRollingBack", severity="warning", ends=at()))
    gate(daemon, id_, "breach")
    silence(manager, alertname="ReleaseHeld")
    gate(daemon, id_, "pass")
    fire(manager, alert("Other"))
    gate(daemon, id_, "breach", "1 alert fires: Other")
    fire(manager, alert("Other", ends=at()))
    gate(daemon, id_, "pass")
    daemon.verb(id_, "resume", reason="it is over")
    daemon.wait_state(id_, "running")


def test_an_alert_a_person_takes_care_of_counts_no_more_for_this_release(run, manager):
    daemon, id_ = run(alert_policy(of(manager)))
    gate(daemon, id_, "pass")
    fire(manager, alert("DiskFull"))
    fingerprint = gate(daemon, id_, "breach")["alerts"][0]["fingerprint"]
    daemon.wait_state(id_, "paused")
    daemon.verb(id_, "resume", reason="so what", expect=409)
    daemon.verb(id_, "ack", who="ci", alert=fingerprint, expect=403)
    daemon.verb(id_, "ack", alert="no/fingerprint", expect=422)
    daemon.verb(id_, "ack", alert=fingerprint, hold="critical", expect=422)
    seen = daemon.verb(id_, "ack", who="ci", author="bob", alert=fingerprint, reason="the disk is being replaced")
    assert [(a["fingerprint"], a["subject"], a["reason"]) for a in seen["addressed"]] == \
        [(fingerprint, "bob", "the disk is being replaced")]
    daemon.verb(id_, "ack", alert=fingerprint)  # again: 200, nothing changes
    shown, = gate(daemon, id_, "pass", "1 addressed")["alerts"]
    assert shown["addressed"] is True and shown["addressed_by"] == "bob"
    daemon.verb(id_, "resume", reason="it is being replaced")
    daemon.wait_state(id_, "running")
    daemon.kill()
    daemon.start()
    gate(daemon, id_, "pass", "1 addressed")
    fire(manager, alert("Other"))
    gate(daemon, id_, "breach", "1 alert fires: Other (1 addressed besides)")
    audit = daemon.get(f"/v1/releases/{id_}/audit")[1]
    assert fingerprint.encode().hex() in json.dumps(audit)


def test_an_alertmanager_that_is_away_is_no_evidence(run, manager):
    daemon, id_ = run(alert_policy(of(manager)))
    gate(daemon, id_, "pass")
    manager.stop()
    daemon.wait_release(id_, "no pass any more", lambda r: r["gates"]["critical"] in ("no_data", "stale"))
    holds_without_moving(daemon, id_, "critical")


def test_what_one_member_of_a_cluster_does_not_know_yet_fires_all_the_same(run, people):  # noqa: F811
    first, second = Alertmanager(people), Alertmanager(people)  # strangers to each other
    daemon, id_ = run(alert_policy(of(first, second)))
    gate(daemon, id_, "pass")
    fire(first, alert("A"))
    fire(second, alert("A"), alert("B"))
    gate(daemon, id_, "breach", "2 alerts fire")
    second.close()
    gate(daemon, id_, "no_data")
    first.close()


# --- the ALERTS series of a real Prometheus ---

TEXT = {"alert": "Text", "expr": "vector(1)", "labels": {"severity": "critical", "service": "checkout"}}


class RulingPrometheus(Prometheus):
    """A Prometheus whose rules a test writes, that tells an Alertmanager if there is one. It tells again every second: the
    first time after a change of its configuration it does not know the Alertmanager yet."""

    def __init__(self, folder):
        super().__init__(folder)
        self.close()
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([*self.process.args, "--rules.alert.resend-delay=1s"], stdout=log,
                                            stderr=log)
        wait_until(lambda: call("127.0.0.1", self.port, "GET", "/-/ready")[0] == 200, "Prometheus")

    def rules(self, *more, watchdog=True, manager=None):
        rules = ([{"alert": "Watchdog", "expr": "vector(1)"}] if watchdog else []) + list(more)
        (self.folder / "rules.yml").write_text(json.dumps(
            {"groups": [{"name": "app", "interval": "1s", "rules": rules}] if rules else []}))
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                  "rule_files": [f"{self.folder}/rules.yml"],
                  "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{manager.port}"]}]}]
                               if manager else []}}
        (self.folder / "prometheus.yml").write_text(json.dumps(config))
        self.process.send_signal(1)


@pytest.fixture
def prometheus(folder):
    server = RulingPrometheus(folder)
    yield server
    server.close()


def of_prometheus(server, **more):
    return {"prom": {"prometheus": f"http://127.0.0.1:{server.port}", "every": "2s", "timeout": "1s", **more}}


def test_the_alerts_a_prometheus_evaluates_itself(run, prometheus, manager):
    prometheus.rules(manager=manager)
    daemon, id_ = run(alert_policy({**of_prometheus(prometheus), **of(manager)}, {
        "critical": {"alerts": '{severity="critical", service="${service}"}', "source": "prom", "then": "pause"},
        "told": {"alerts": '{severity="critical"}', "then": "note", "source": "am", "shadow": True}},
        evaluate_every="2s"))
    gate(daemon, id_, "pass", "no alert fires")
    prometheus.rules(TEXT, manager=manager)
    shown, = gate(daemon, id_, "breach", "1 alert fires: Text")["alerts"]
    assert shown["labels"] == {"alertname": "Text", "severity": "critical", "service": "checkout"} and shown["since"]
    daemon.wait_state(id_, "paused")
    same, = gate(daemon, id_, "breach", "1 alert fires: Text", name="told")["alerts"]
    assert same["fingerprint"] == shown["fingerprint"]  # ours is Alertmanager's
    daemon.verb(id_, "ack", alert=shown["fingerprint"], reason="it is a text")
    gate(daemon, id_, "pass", "1 addressed")
    gate(daemon, id_, "pass", "1 addressed", name="told")
    prometheus.rules({**TEXT, "labels": {"severity": "critical", "service": "billing"}}, manager=manager)
    gate(daemon, id_, "pass", "no alert fires\"")


def test_without_any_alert_nothing_shows_that_alerts_are_evaluated(run, prometheus):
    prometheus.rules(watchdog=False)
    daemon, id_ = run(alert_policy(of_prometheus(prometheus), evaluate_every="2s"))
    gate(daemon, id_, "no_data", "no alert of any kind is known there")
    prometheus.rules()
    gate(daemon, id_, "pass")
    prometheus.close()
    daemon.wait_release(id_, "no pass any more", lambda r: r["gates"]["critical"] in ("no_data", "stale"))
    holds_without_moving(daemon, id_, "critical")
