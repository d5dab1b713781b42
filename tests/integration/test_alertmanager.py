"""Notifications as alerts, through real Alertmanagers: grouped, silenced, inhibited and resolved as any alert."""
import datetime
import json
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from harness import call, free_port, run_headgate, wait_until
from test_actions import Outside
from test_mail import arrived, dead, notify, row, start, tried  # noqa: F401 (start is a fixture)

CONFIG = """
route:
  receiver: people
  group_by: [service]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: people
    webhook_configs:
      - url: http://127.0.0.1:{port}/people
        send_resolved: true
inhibit_rules:
  - source_matchers: [alertname = ReleaseRollingBack]
    target_matchers: [alertname = ReleaseHeld]
    equal: [service]
"""


class Alertmanager:
    def __init__(self, people, peers=()):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="hg-am-"))
        self.port, self.cluster = free_port(), free_port()
        (self.home / "config.yml").write_text(CONFIG.format(port=people.port))
        self.process, self.peers = None, peers
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["prometheus-alertmanager", f"--config.file={self.home}/config.yml", f"--storage.path={self.home}/data",
             f"--web.listen-address=127.0.0.1:{self.port}", f"--cluster.listen-address=127.0.0.1:{self.cluster}",
             "--cluster.settle-timeout=0s", "--cluster.gossip-interval=50ms", "--cluster.peer-timeout=1s",
             *[f"--cluster.peer=127.0.0.1:{peer.cluster}" for peer in self.peers]],
            stdout=subprocess.DEVNULL, stderr=open(self.home / "log", "ab"))
        wait_until(lambda: call("127.0.0.1", self.port, "GET", "/-/ready")[0] == 200, "the Alertmanager to be ready")

    def api(self, method, path, body=None):
        status, answer, _ = call("127.0.0.1", self.port, method, f"/api/v2{path}", body)
        assert status == 200, answer
        return answer

    def alerts(self):
        return self.api("GET", "/alerts")

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture
def people(folder):
    """Where Alertmanager tells."""
    told = Outside(folder, "people")
    yield told
    told.close()


def told(people, status="firing"):
    """The names of the alerts of each notification."""
    with people.lock:
        bodies = [json.loads(r["body"]) for r in people.requests]
    return [sorted(a["labels"]["alertname"] for a in b["alerts"] if a["status"] == status) for b in bodies]


def at(**offset):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**offset)).isoformat()


def alert(name="ReleaseHeld", ends=None, **labels):
    return {"labels": {"alertname": name, "service": "checkout", "severity": "critical", **labels},
            "annotations": {"summary": "nobody knows how it does"}, "startsAt": at(minutes=-1),
            "endsAt": ends or at(hours=4), "generatorURL": "http://gate.example/v1/releases/1"}


def to(*managers, **keys):
    urls = [f"http://127.0.0.1:{m.port}" for m in managers]
    return {"alertmanager": urls if len(urls) > 1 else urls[0], "networks": ["127.0.0.0/8"], "timeout": "3s", **keys}


def test_an_alert_arrives_as_it_is_and_is_resolved(start, people):
    manager = Alertmanager(people)
    daemon = start([manager], {"alerts": to(manager)})
    sent = alert()
    assert arrived(daemon, notify(daemon, sent, "alerts"))["status"] == 200
    got, = manager.alerts()
    assert got["labels"] == sent["labels"] and got["annotations"] == sent["annotations"]
    assert got["generatorURL"] == sent["generatorURL"] and got["status"]["state"] == "active"
    wait_until(lambda: ["ReleaseHeld"] in told(people), "people to be told")
    arrived(daemon, notify(daemon, {**sent, "endsAt": at()}, "alerts"))
    wait_until(lambda: ["ReleaseHeld"] in told(people, "resolved"), "people to be told that it is over")
    assert manager.alerts() == []


def test_the_same_alert_twice_is_one(start, people):
    manager = Alertmanager(people)
    daemon = start([manager], {"alerts": to(manager)})
    sent = alert()
    for _ in range(2):
        arrived(daemon, notify(daemon, sent, "alerts"))
    assert len(manager.alerts()) == 1


def test_alerts_are_grouped_silenced_and_inhibited(start, people):
    manager = Alertmanager(people)
    daemon = start([manager], {"alerts": to(manager)})
    manager.api("POST", "/silences", {
        "matchers": [{"name": "service", "value": "billing", "isRegex": False, "isEqual": True}],
        "startsAt": at(minutes=-1), "endsAt": at(hours=1), "createdBy": "ann", "comment": "we know"})
    for body in (alert("ReleaseRollingBack"), alert("ReleaseHeld"), alert("OnCallCalled"),
                 alert("OnCallCalled", service="billing")):
        arrived(daemon, notify(daemon, body, "alerts"))
    wait_until(lambda: ["OnCallCalled", "ReleaseRollingBack"] in told(people), "one notification of both")
    states = {(a["labels"]["alertname"], a["labels"]["service"]): a["status"] for a in manager.alerts()}
    assert states["ReleaseHeld", "checkout"]["inhibitedBy"] and states["OnCallCalled", "billing"]["silencedBy"]
    assert states["OnCallCalled", "checkout"]["state"] == "active"
    assert not any("ReleaseHeld" in names for names in told(people))


def test_every_member_of_a_cluster_gets_it_and_one_is_enough(start, people):
    first = Alertmanager(people)
    second = Alertmanager(people, [first])
    daemon = start([first, second], {"alerts": to(first, second)})
    arrived(daemon, notify(daemon, alert("A"), "alerts"))
    assert len(first.alerts()) == len(second.alerts()) == 1
    first.stop()
    done = arrived(daemon, notify(daemon, alert("B"), "alerts"))
    assert "1 of 2 took it" in done["text"] and done["attempts"] == 1
    assert {a["labels"]["alertname"] for a in second.alerts()} == {"A", "B"}
    second.stop()
    id_ = notify(daemon, alert("C"), "alerts")
    assert not tried(daemon, id_)["done"]
    second.start()
    arrived(daemon, id_)


def test_what_alertmanager_refuses_is_a_dead_letter_with_its_words(start, people):
    manager = Alertmanager(people)
    daemon = start([manager], {"alerts": to(manager)})
    gone = dead(daemon, notify(daemon, alert(**{"no-such-label": "x"}), "alerts"))
    assert gone["status"] == 400 and "no-such-label" in gone["text"] and gone["attempts"] == 1
    gone = dead(daemon, notify(daemon, {**alert(), "startsAt": "yesterday"}, "alerts"))
    assert gone["status"] == 400 and "yesterday" in gone["text"], gone
    for body in ({"labels": {}}, {"annotations": {}}, [alert()]):
        gone = dead(daemon, notify(daemon, body, "alerts"))
        assert gone["attempts"] == 1 and "labels" in gone["text"] or "object" in gone["text"], gone
    assert manager.alerts() == []


def test_credentials_and_a_path_before_the_api(start, folder):
    outside = Outside(folder, "proxy")
    token = folder / "token"
    token.write_text("canary-token\n")
    token.chmod(0o600)
    outside.plan = [503, 404, 200]
    daemon = start([outside], {"alerts": {**to(outside), "alertmanager": f"http://127.0.0.1:{outside.port}/am/",
                                          "bearer_file": str(token)}})
    id_ = notify(daemon, alert(), "alerts")
    assert arrived(daemon, id_)["attempts"] == 3
    request = outside.requests[2]
    assert request["path"] == "/am/api/v2/alerts" and request["method"] == "POST"
    assert request["headers"]["Authorization"] == "Bearer canary-token"
    assert request["headers"]["User-Agent"] == "headgate" and request["headers"]["Content-Type"] == "application/json"
    assert not any(name.lower().startswith(("headgate-", "webhook-", "ce-")) for name in request["headers"])
    assert len(json.loads(request["body"])) == 1 and row(daemon, id_)["status"] == 200


def test_mistakes_are_listed(folder):
    file = folder / "headgate.yaml"
    file.write_text("destinations:\n  a:\n    alertmanager: [http://a.example, ftp://b.example]\n"
                    "  b:\n    alertmanager: http://a.example\n    secret_file: x\n")
    done = run_headgate("check", "--config", file)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "/destinations/a/alertmanager/1: must begin with http:// or https://" in said
    assert "/destinations/b/secret_file: belongs to a destination with url or url_file" in said
