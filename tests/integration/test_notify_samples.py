"""The samples of config/notify: taken as they are, only their addresses changed to ones within reach, and what the
daemon then sends is held against what the makers of those services have published."""
import datetime
import json
import re

import pytest
from harness import ROOT, Daemon, check_invariants, run_headgate, wait_until
from mta import Exim
from test_actions import Outside
from test_alertmanager import Alertmanager
from test_destinations import Authority, secret_file
from test_notify import waves

SAMPLES = sorted((ROOT / "config" / "notify").glob("*.yaml"))
SECRETS = {"slack.url": "https://hooks.slack.com/services/T0/B0/canary-slack",
           "teams.url": "https://prod-1.westeurope.logic.azure.com/workflows/1/triggers/manual?sig=canary-teams",
           "pagerduty.key": "canary0123456789canary0123456789", "statuspage.key": "OAuth canary-statuspage",
           "listener.secret": "canary-listener-secret", "mail.password": "canary-mail"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.name)
def test_the_sample_is_accepted(folder, sample):
    for name, text in SECRETS.items():
        secret_file(folder, name, text)
    file = folder / "headgate.yaml"
    file.write_text(sample.read_text())
    done = run_headgate("check", "--config", file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "canary" not in done.stdout + done.stderr
    for name in SECRETS:
        if re.search(rf": {re.escape(name)}\b", sample.read_text()):
            (folder / name).unlink()
            assert f"{name}: cannot be opened" in "".join(run_headgate("check", "--config", file).stdout)


@pytest.fixture
def start(postgres, folder, target, receiver):
    """start(sample, {text of it: another}, {secret: its text}): a daemon that is told by the sample whom to tell."""
    made = []

    def begin(sample, changed, secrets=()):
        daemon = Daemon(folder, postgres, postgres.database(), target, receiver, waves(target, bake="1h"))
        daemon.write_config(public_url="https://gate.example")
        made.append(daemon)
        for name, text in {**SECRETS, **dict(secrets)}.items():
            secret_file(daemon.folder, name, text)
        text = (ROOT / "config" / "notify" / sample).read_text()
        for old, new in changed.items():
            assert old in text, old
            text = text.replace(old, new)
        file = daemon.folder / "headgate.yaml"
        head, _, own = file.read_text().partition("destinations:\n")
        file.write_text(head + text.replace("destinations:\n", "destinations:\n" + own, 1))
        return daemon.start()

    yield begin
    for daemon in made:
        daemon.close()
        check_invariants(daemon)
        assert "canary" not in daemon.log()
        assert "canary" not in json.dumps(daemon.sql("SELECT to_jsonb(o) FROM headgate.outbox o"))


@pytest.fixture
def vendor(folder):
    outside = Outside(folder, "vendor")
    yield outside
    outside.close()


def story(daemon, target):
    """A release that calls people, is acknowledged, rolled back and stable again; its id."""
    id_ = daemon.create()["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    target.critical = 1
    daemon.wait_state(id_, "paused")
    daemon.verb(id_, "ack", reason="looking <!channel> [at](http://evil.example) it")
    daemon.verb(id_, "rollback", reason="complaints <!channel> & more")
    target.critical = 0
    daemon.wait_state(id_, "rolled_back")
    wait_until(lambda: daemon.sql("SELECT count(*) FROM headgate.outbox WHERE class = 'notification' AND done_at IS NULL"
                                  " AND NOT dead") == [["0"]], "everything to be told")
    assert daemon.sql("SELECT action, destination, last_text FROM headgate.outbox WHERE dead") == []
    return id_


def sent(vendor):
    with vendor.lock:
        return [(r["method"], r["path"], r["headers"], json.loads(r["body"])) for r in vendor.requests]


def only(value, *keys):
    assert set(value) <= set(keys), value


def test_slack_gets_messages_of_blocks(start, vendor, target):
    path = "/services/T0/B0/canary"
    daemon = start("slack.yaml", {}, {"slack.url": f"http://127.0.0.1:{vendor.port}{path}"})
    story(daemon, target)
    got = sent(vendor)
    assert len(got) >= 8 and any("is called" in m[3]["text"] or "escalation.called" in m[3]["text"] for m in got)
    for method, at, headers, body in got:
        assert (method, at, headers["Content-Type"]) == ("POST", path, "application/json")
        only(body, "text", "blocks")
        assert 0 < len(body["text"]) <= 4000 and "<" not in body["text"]
        assert len(body["blocks"]) <= 50
        for block in body["blocks"]:
            texts = [block["text"]] if block["type"] == "section" else block["elements"]
            assert block["type"] in ("section", "context") and 0 < len(texts) <= 10
            for text in texts:
                only(text, "type", "text", "emoji")
                assert text["type"] == "plain_text" and 0 < len(text["text"]) <= 3000 and text["emoji"] is False
    assert any("complaints <!channel> & more" in m[3]["blocks"][0]["text"]["text"] for m in got)


def test_teams_gets_adaptive_cards(start, vendor, target):
    path = "/workflows/1/triggers/manual/paths/invoke?api-version=2016-06-01&sig=canary"
    daemon = start("teams.yaml", {}, {"teams.url": f"http://127.0.0.1:{vendor.port}{path}"})
    vendor.plan = [202] * 3
    story(daemon, target)
    got = sent(vendor)
    assert len(got) >= 8
    for method, at, _, body in got:
        assert (method, at) == ("POST", path)
        only(body, "type", "attachments")
        assert body["type"] == "message"
        attachment, = body["attachments"]
        only(attachment, "contentType", "contentUrl", "content")
        assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
        card = attachment["content"]
        assert card["$schema"] == "http://adaptivecards.io/schemas/adaptive-card.json"
        assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4") and len(json.dumps(body)) < 28 * 1024
        assert [e["type"] for e in card["body"]] == ["TextBlock", "RichTextBlock", "FactSet"]
        assert card["body"][0]["text"] == "checkout 1.0.0 (prod)" and card["body"][0]["size"] == "medium"
        assert all(i["type"] == "TextRun" and isinstance(i["text"], str) for i in card["body"][1]["inlines"])
        assert all(set(f) == {"title", "value"} and isinstance(f["value"], str) for f in card["body"][2]["facts"])


def test_pagerduty_gets_events_of_its_api_version_2(start, vendor, target):
    daemon = start("pagerduty.yaml", {"https://events.pagerduty.com": f"http://127.0.0.1:{vendor.port}"})
    vendor.plan = [202] * 2
    id_ = story(daemon, target)
    got = sent(vendor)
    for method, path, _, body in got:
        assert (method, path) == ("POST", "/v2/enqueue")
        only(body, "routing_key", "event_action", "dedup_key", "client", "client_url", "payload", "links", "images")
        assert body["routing_key"] == SECRETS["pagerduty.key"] and len(body["routing_key"]) == 32
        assert body["event_action"] in ("trigger", "acknowledge", "resolve") and 0 < len(body["dedup_key"]) <= 255
        if body["event_action"] != "trigger":
            continue
        payload = body["payload"]
        only(payload, "summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details")
        assert 0 < len(payload["summary"]) <= 1024 and payload["source"]
        assert payload["severity"] in ("critical", "error", "warning", "info")
        assert datetime.datetime.fromisoformat(payload["timestamp"].replace("Z", "+00:00"))
        assert payload["component"] == "checkout" and payload["group"] == "prod"
    steps = [(b["event_action"], b["dedup_key"]) for _, _, _, b in got]
    called, back = f"headgate:{id_}:critical-alerts", f"headgate:{id_}:rollback"
    assert [s for s in steps if s[1] == called] == [("trigger", called), ("resolve", called)]
    assert [s for s in steps if s[1] == back] == [("trigger", back), ("acknowledge", back), ("resolve", back)]
    assert len(steps) == 5


def test_a_status_page_is_turned_and_turned_back(start, vendor, target):
    daemon = start("statuspage.yaml", {"https://api.statuspage.io": f"http://127.0.0.1:{vendor.port}"})
    vendor.plan = [201]
    story(daemon, target)
    got = sent(vendor)
    page = "/v1/pages/y60zrdzj8nzl"
    assert [(m, p.removeprefix(page)) for m, p, _, _ in got] in (
        [("POST", "/incidents"), ("PATCH", "/components/ftgks51sfs2d"), ("PATCH", "/components/ftgks51sfs2d")],
        [("PATCH", "/components/ftgks51sfs2d"), ("POST", "/incidents"), ("PATCH", "/components/ftgks51sfs2d")])
    for _, _, headers, _ in got:
        assert headers["Authorization"] == SECRETS["statuspage.key"]
    incident = next(b["incident"] for m, _, _, b in got if m == "POST")
    only(incident, "name", "status", "impact_override", "body", "component_ids", "deliver_notifications")
    assert incident["status"] in ("investigating", "identified", "monitoring", "resolved")
    assert incident["impact_override"] in ("none", "maintenance", "minor", "major", "critical")
    assert incident["component_ids"] == ["ftgks51sfs2d"] and incident["deliver_notifications"] is True
    assert "complaints" not in json.dumps([b for _, _, _, b in got])
    assert [b for m, _, _, b in got if m == "PATCH"] == [{"component": {"status": "degraded_performance"}},
                                                         {"component": {"status": "operational"}}]


def test_any_receiver_of_json(start, vendor, target):
    daemon = start("generic.yaml", {"https://events.example.org": f"http://127.0.0.1:{vendor.port}"})
    story(daemon, target)
    got = sent(vendor)
    assert {p for _, p, _, _ in got} == {"/releases"} and all("webhook-signature" in h for _, _, h, _ in got)
    names = [b["event"] for _, _, _, b in got]
    assert "notification.escalation.called" in names and "audit.rollback.logged" in names
    assert all(h["ce-type"].endswith(b["event"]) for _, _, h, b in got)


def test_alertmanager_hears_of_calls_and_rollbacks(start, folder, vendor, target):
    manager = Alertmanager(vendor)
    try:
        daemon = start("alertmanager.yaml", {"http://alertmanager-1.example.org:9093": f"http://127.0.0.1:{manager.port}",
                                             "http://alertmanager-2.example.org:9093": "http://127.0.0.1:1"})
        id_ = daemon.create()["id"]
        daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
        target.critical = 1
        daemon.wait_state(id_, "paused")
        call_ = wait_until(lambda: next((a for a in manager.alerts() if a["labels"]["alertname"] ==
                                         "HeadgateEscalation"), None), "the call")
        assert call_["labels"]["role"] == "on_call" and call_["labels"]["cause"] == "critical-alerts"
        assert call_["labels"]["team"] == call_["labels"]["service"] == "checkout"
        assert call_["labels"]["severity"] == "critical" and call_["labels"]["release"] == str(id_)
        assert call_["generatorURL"] == call_["annotations"]["release_url"] == f"https://gate.example/v1/releases/{id_}"
        daemon.verb(id_, "ack", reason="looking")
        wait_until(lambda: not any(a["labels"]["alertname"] == "HeadgateEscalation" for a in manager.alerts()),
                   "the call to be over")
        daemon.verb(id_, "rollback", reason="complaints")
        wait_until(lambda: any(a["labels"]["alertname"] == "HeadgateRollbackDecided" for a in manager.alerts()),
                   "the rollback")
        daemon.wait_state(id_, "rolled_back")
    finally:
        manager.close()


def test_mails_to_those_who_are_called_and_to_the_team(start, folder, target):
    trusted = Authority(folder, "trusted")
    server = Exim(trusted.issue("mail", "IP:127.0.0.1"), SECRETS["mail.password"])
    server.turn("closed-shop")
    try:
        daemon = start("mail.yaml", {"smtp://mail.example.org:587": f"smtp://127.0.0.1:{server.port}\n"
                                     f"    ca_file: {trusted.cert}"})
        id_ = story(daemon, target)
        called = wait_until(lambda: len(m := server.mails("on-call")) == 2 and m, "both mails of the call")
        assert [m["Subject"] for m in called] == ["[firing] checkout 1.0.0 (prod): critical-alerts",
                                                  "[resolved] checkout 1.0.0 (prod): critical-alerts"]
        assert f"https://gate.example/v1/releases/{id_}" in called[0].get_content()
        for who in ("releases", "support"):
            subjects = wait_until(lambda who=who: len(m := server.mails(who)) == 2 and [x["Subject"] for x in m],
                                  "both mails of the rollback")
            assert subjects == ["checkout 1.0.0 (prod): notification.rollback.initiated",
                                "checkout 1.0.0 (prod): notification.rollback.completed"]
        assert "complaints <!channel> & more" in server.mails("releases")[0].get_content()
        assert server.mails("release-managers") == []
    finally:
        server.close()
