"""Who is told what: the names of the runbook in their order, committed with what they tell of, routed, throttled, told
once, and kept when they could not be told."""
import contextlib
import datetime
import json

import pytest
from harness import Daemon, check_audit_chain, check_invariants, free_port, policy, wait_until
from mta import Exim
from test_actions import Outside
from test_alertmanager import Alertmanager, people  # noqa: F401 (people is a fixture)
from test_alertmanager import to as to_alertmanager
from test_alertmanager import told as alerted
from test_destinations import Authority
from test_mail import smtp

GOOD = ["scheduler.release.planned", "notification.maintenance.scheduled", "scheduler.release.started",
        "scheduler.release.wave1", "scheduler.release.wave2", "scheduler.release.wave3", "scheduler.release.completed",
        "analytics.release.metrics", "notification.release.successful", "audit.release.logged"]
BACK = ["scheduler.release.paused", "notification.rollback.initiated", "scheduler.release.rolledback",
        "notification.rollback.completed", "audit.rollback.logged"]
ROLES = ["on_call", "release_manager", "cto"]


class Chat(Outside):
    """A receiver of notifications; .bodies() are those it answered 200, in order."""

    def bodies(self):
        with self.lock:
            return list(self.applied)

    def events(self, release=None):
        return [b["event"] for b in self.bodies() if release is None or b["release"]["id"] == release]


@pytest.fixture
def chat(folder):
    receiver = Chat(folder, "chat")
    yield receiver
    with contextlib.suppress(OSError):
        receiver.close()


def waves(target, name="test", bake="2s", **change):
    stages = [{"stage": f"at-{weight}", "weight": weight, "bake": bake, "enter": ["set_weight"]}
              for weight in (10, 50, 100)]
    return policy(target, name, stages=[*stages, {"stage": "watch", "kind": "verify", "bake": "1s"}], **change)


def web(receiver, **more):
    return {"url": f"http://127.0.0.1:{receiver.port}", "networks": ["127.0.0.0/8"], "timeout": "5s", **more}


@pytest.fixture
def make(postgres, folder, target, receiver):
    """make(notify, destinations, policies): a daemon that tells; not started."""
    made = []

    def one(notify, destinations, policies=None, name="a", database=None):
        daemon = Daemon(folder, postgres, database or postgres.database(), target, receiver, policies or waves(target),
                        name)
        daemon.write_config(destinations=destinations, notify=notify, public_url="https://headgate.example",
                            limits={"writes_per_second": 10000, "writes_burst": 10000})
        made.append(daemon)
        return daemon

    yield one
    for daemon in made:
        daemon.close()
    for daemon in made:
        check_invariants(daemon)


def to_chat(**more):
    return {"sinks": {"chat": {"to": "chat"}}, "routes": [{"sinks": ["chat"]}], **more}


def in_seconds(n):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=n)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def told(daemon, id_):
    """What is in the outbox of one release, in order."""
    return daemon.sql("SELECT action, dead, coalesce(last_text, ''), attempts FROM headgate.outbox WHERE "
                      f"class = 'notification' AND release_id = {id_} ORDER BY row_version, sequence")


# --- what is told, in which order ---

def test_a_good_release_is_told_in_the_ten_lines_of_the_runbook(make, chat):
    daemon = make(to_chat(), {"chat": web(chat)}).start()
    id_ = daemon.create(start=in_seconds(4), links={"dashboard": "https://grafana.example/d/1"})["id"]
    daemon.wait_state(id_, "completed")
    wait_until(lambda: len(chat.events()) >= 10, "ten notifications")
    assert chat.events() == GOOD
    last = chat.bodies()[7]
    assert last["milestone"] == "completed" and last["severity"] == "info"
    assert last["release"]["links"] == {"dashboard": "https://grafana.example/d/1"}
    assert last["release"]["url"] == f"https://headgate.example/v1/releases/{id_}"
    assert last["kpis"]["error_rate"]["unit"] == "ratio"
    assert [b["release"]["weight"] for b in chat.bodies()[3:6]] == [10, 50, 100]
    assert [b["release"]["wave"] for b in chat.bodies()[3:6]] == [1, 2, 3]
    ids = [r["headers"]["webhook-id"] for r in chat.requests]
    assert len(set(ids)) == len(ids)


def test_a_rollback_is_told_in_the_five_lines_of_the_runbook(make, chat, target):
    daemon = make(to_chat(), {"chat": web(chat)}, waves(target, bake="1h")).start()
    id_ = daemon.create()["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    daemon.verb(id_, "rollback", reason="complaints")
    daemon.wait_state(id_, "rolled_back")
    wait_until(lambda: chat.events()[-1:] == BACK[-1:], "the last of it")
    assert chat.events() == [*GOOD[:1], *GOOD[2:4], *BACK]
    initiated = chat.bodies()[-4]
    assert (initiated["actor"], initiated["reason"]) == ("ann", "complaints")


def test_other_names_by_configuration_in_their_order(make, chat):
    names = {"wave": ["scheduler.release.wave${event.wave}", "notification.release.progress"], "planned": [],
             "prechecked": "audit.precheck.completed", "completed": "audit.release.completed"}
    daemon = make(to_chat(events=names), {"chat": web(chat)}).start()
    id_ = daemon.create()["id"]
    daemon.wait_state(id_, "completed")
    wait_until(lambda: "audit.release.completed" in chat.events(), "the end of it")
    progress = "notification.release.progress"
    assert chat.events() == [GOOD[2], GOOD[3], progress, GOOD[4], progress, GOOD[5], progress, GOOD[6],
                             "audit.release.completed"]


def test_a_failing_receiver_is_overtaken_and_hears_of_it_later(make, chat):
    chat.plan = [503, 503, 503]
    daemon = make(to_chat(), {"chat": web(chat)}).start()
    id_ = daemon.create()["id"]
    daemon.wait_state(id_, "completed")
    wait_until(lambda: len(chat.events()) == 9, "all of it")
    assert sorted(chat.events()) == sorted(GOOD[:1] + GOOD[2:])


# --- to whom ---

def test_routes_pick_services_severities_and_roles(make, chat, folder, target):
    others = {name: Chat(folder, name) for name in ("shop", "grave", "on_call", "everybody")}
    sinks = {name: {"to": name} for name in others}
    notify = {"sinks": sinks, "routes": [
        {"services": ["shop*"], "sinks": ["shop"]},
        {"severity": "warning", "sinks": ["grave"]},
        {"roles": ["on_call"], "sinks": ["on_call"]},
        {"events": ["notification.escalation.called"], "sinks": ["everybody", "everybody"]},
        {"events": ["*"], "services": ["nothing"], "sinks": ["everybody"]}]}
    # The gate pauses and calls people.
    daemon = make(notify, {name: web(r) for name, r in others.items()}, waves(target, bake="1h")).start()
    id_ = daemon.create()["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    target.critical = 1
    daemon.wait_state(id_, "paused")
    wait_until(lambda: others["on_call"].events() and others["everybody"].events() and others["grave"].events(),
               "people to be called")
    assert others["grave"].events() == ["scheduler.release.paused"]
    called = others["on_call"].bodies()[0]
    assert (called["event"], called["role"], called["cause"]) == ("notification.escalation.called", "on_call",
                                                                  "critical-alerts")
    daemon.verb(id_, "ack", reason="looking")
    wait_until(lambda: len(others["on_call"].events()) == 2, "it to be called off")
    assert others["on_call"].bodies()[1]["dedup_key"] == called["dedup_key"]
    assert others["on_call"].events()[1] == "notification.escalation.ended"
    assert others["everybody"].events() == ["notification.escalation.called"]
    assert others["shop"].events() == []
    for receiver in others.values():
        receiver.close()


def test_a_call_that_nobody_hears_is_logged_and_counted(make, chat, target):
    daemon = make(to_chat(), {"chat": web(chat)}, waves(target, bake="1h")).start()
    assert "event=calls_go_unheard" in daemon.log()
    id_ = daemon.create()["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    target.critical = 1
    daemon.wait_state(id_, "paused")
    wait_until(lambda: "event=call_unheard" in daemon.log(), "the line")
    assert "headgate_calls_unheard_total 1" in daemon.get("/metrics")[1]


def test_without_routes_nothing_is_sent(make, chat):
    daemon = make({"sinks": {"chat": {"to": "chat"}}}, {"chat": web(chat)}).start()
    id_ = daemon.create()["id"]
    daemon.wait_state(id_, "completed")
    assert told(daemon, id_) == []


# --- crashes ---

@pytest.mark.parametrize("point", ["transition_after_commit:3", "delivery_after_claim:2", "delivery_after_reply:3"])
def test_kill_9_around_a_notification_loses_none_and_repeats_under_one_id(make, chat, point):
    daemon = make(to_chat(), {"chat": web(chat)}).start(failpoint=f"{point}=kill", wait=False)

    def until_dead():
        if daemon.process.poll() is not None:
            return True
        with contextlib.suppress(OSError):
            daemon.post("/v1/releases", {"service": "checkout", "environment": "prod", "version": "1.0.0",
                                         "policy": "test", "stable_version": "0.9.0"}, who="bob")
        return False

    wait_until(until_dead, f"death at {point}")
    daemon.wait_dead()
    daemon.start()
    id_ = daemon.create(expect=200)["id"]
    daemon.wait_state(id_, "completed")
    expected = GOOD[:1] + GOOD[2:]
    wait_until(lambda: set(chat.events()) == set(expected), "all of it")
    by_id = {}
    for request in chat.requests:
        by_id.setdefault(request["headers"]["webhook-id"], set()).add(request["body"])
    assert len(by_id) == len(expected)
    assert all(len(bodies) == 1 for bodies in by_id.values())
    first = list(dict.fromkeys(chat.events()))
    assert first == expected


# --- too many, and not at all ---

def test_what_exceeds_the_throttle_is_kept_counted_and_can_be_replayed(make, chat, target):
    daemon = make(to_chat(throttle={"messages": 2, "per": "24h"}), {"chat": web(chat)},
                  waves(target, bake="1h")).start()
    id_ = daemon.create()["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    daemon.verb(id_, "pause", reason="wait")
    wait_until(lambda: len(told(daemon, id_)) == 4, "the pause in the outbox")
    daemon.verb(id_, "rollback", reason="no")
    daemon.wait_state(id_, "rolled_back")
    wait_until(lambda: len(chat.events()) == 6, "all that may go")
    assert chat.events() == [GOOD[0], GOOD[2], *BACK[1:]], "what is urgent always goes"
    assert [b["held_back"] for b in chat.bodies()] == [0, 0, 2, 0, 0, 0]
    assert "2 earlier messages were held back" in chat.bodies()[2]["text"]
    assert "headgate_notifications_throttled_total 2" in daemon.get("/metrics")[1]
    dead = daemon.get("/v1/actions")[1]["actions"]
    assert [(d["action"], d["state"], d["last_text"], d["attempts"], d["release"]) for d in dead] == [
        (BACK[0], "given_up", "throttled", 0, id_), (GOOD[3], "given_up", "throttled", 0, id_)]
    status, _, _ = daemon.post(f"/v1/actions/{dead[1]['id']}/replay", {"reason": "for the record"})
    assert status == 200
    wait_until(lambda: chat.events()[-1] == GOOD[3], "the replay")
    assert [d["action"] for d in daemon.get("/v1/actions?state=given_up")[1]["actions"]] == [BACK[0]]


def test_a_dead_letter_is_listed_and_replayed_once_by_whom_may(make, chat, target):
    chat.plan = [404]
    daemon = make(to_chat(), {"chat": web(chat)}, waves(target, bake="1h")).start()
    id_ = daemon.create()["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    dead, = wait_until(lambda: daemon.get("/v1/actions?state=given_up,refused&limit=5", who="eve")[1]["actions"],
                       "the dead letter")
    assert (dead["action"], dead["last_status"], dead["service"]) == (GOOD[0], 404, "checkout")
    assert daemon.get("/v1/actions?state=refused")[1]["actions"] == []
    path = f"/v1/actions/{dead['id']}/replay"
    assert daemon.post(path, {"reason": "x"}, who="eve")[0] == 403
    assert daemon.post(path, {})[0] == 422
    assert daemon.get("/v1/actions?state=pending")[0] == 422
    assert daemon.get("/v1/actions?limit=0")[0] == 422
    assert daemon.post(path, {"reason": "they mended it"})[0] == 200
    wait_until(lambda: GOOD[0] in chat.events(), "the replay")
    ids = [r["headers"]["webhook-id"] for r in chat.requests]
    assert ids.count(dead["id"]) == 2
    assert daemon.post(path, {"reason": "again"})[0] == 200
    rows = daemon.sql("SELECT encode(record, 'hex') FROM headgate.audit WHERE chain = 'system'")
    replays = [r for r in (bytes.fromhex(row[0]) for row in rows) if b"replay" in r]
    assert len(replays) == 1 and b"they mended it" in replays[0] and b"ann" in replays[0]
    advance = next(a for a in daemon.get(f"/v1/releases/{id_}/actions")[1]["actions"] if a["class"] == "advance")
    status, answer, _ = daemon.post(f"/v1/actions/{advance['id']}/replay", {"reason": "x"})
    assert status == 409 and "retry" in answer["detail"]
    assert daemon.post("/v1/actions/none.1/replay", {"reason": "x"})[0] == 404
    assert chat.events().count(GOOD[0]) == 1
    check_audit_chain(daemon, id_)


def test_an_outage_of_a_source_is_told_once_for_twenty_releases_and_across_a_restart(make, chat, target):
    held, back = "notification.release.held", "notification.release.evidence_back"
    notify = {"sinks": {"chat": {"to": "chat"}}, "routes": [{"events": [held, back], "sinks": ["chat"]}]}
    daemon = make(notify, {"chat": web(chat)}, waves(target, bake="1h")).start()

    def post(n):
        status, body, _ = daemon.post("/v1/releases", {
            "service": f"shop-{n}", "environment": "prod", "version": "1.0.0", "policy": "test",
            "stable_version": "0.9.0"}, who="bob")
        assert status == 201, body
        return body["id"]

    def are_held(ids):
        return wait_until(lambda: all(any(h["source"] == "evidence" for h in daemon.release(i)["holds"]) for i in ids),
                          "all to be held")

    ids = [post(n) for n in range(20)]
    for id_ in ids:
        daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    target.mode = "status"
    are_held(ids)
    daemon.stop()
    daemon.start()
    ids.append(post(20))
    are_held(ids[-1:])
    wait_until(lambda: chat.events() == [held], "one notification")
    text = chat.bodies()[0]["text"]
    assert "source app" in text and f":{target.port}/metrics" in text and "20 releases hang on it" in text
    assert len(daemon.sql(f"SELECT 1 FROM headgate.outbox WHERE action = '{held}'")) == 1
    target.mode = "ok"
    wait_until(lambda: not any(h["source"] == "evidence" for i in ids for h in daemon.release(i)["holds"]),
               "all to be free")
    wait_until(lambda: chat.events() == [held, back], "it to be over, once")
    assert "answers again" in chat.bodies()[1]["text"]
    assert len(daemon.sql(f"SELECT 1 FROM headgate.outbox WHERE action = '{back}'")) == 1
    # A later outage is another one.
    target.mode = "status"
    are_held(ids)
    wait_until(lambda: chat.events() == [held, back, held], "the second outage")
    target.mode = "ok"


def test_an_alertmanager_that_is_away_is_told_of_once(make, chat, target):
    notify = {"sinks": {"chat": {"to": "chat"}}, "routes": [{"events": ["*.held"], "sinks": ["chat"]}]}
    document = json.loads(waves(target, bake="1h")["test.yaml"])
    document["sources"]["alerts"] = {"alertmanager": f"http://127.0.0.1:{free_port()}", "every": "1s", "timeout": "1s"}
    for gate in ("critical-alerts", "paging"):  # two gates, two questions, one server
        document["gates"][gate] = {"alerts": f'{{severity="{gate}"}}', "then": "pause"}
    daemon = make(notify, {"chat": web(chat)}, {"test.yaml": json.dumps(document)}).start()
    ids = [daemon.post("/v1/releases", {"service": f"shop-{n}", "environment": "prod", "version": "1.0.0",
                                        "policy": "test", "stable_version": "0.9.0"}, who="bob")[1]["id"]
           for n in range(3)]
    for id_ in ids:
        daemon.wait_release(id_, "hold", lambda r: any(h["source"] == "evidence" for h in r["holds"]))
    wait_until(lambda: chat.events() == ["notification.release.held"], "one notification")
    assert "source alerts (http://127.0.0.1:" in chat.bodies()[0]["text"]
    assert len(daemon.sql("SELECT 1 FROM headgate.outbox WHERE class = 'notification'")) == 1


def test_a_release_held_for_its_own_reasons_is_told_for_itself(make, chat, target):
    notify = {"sinks": {"chat": {"to": "chat"}}, "routes": [{"events": ["*.held"], "sinks": ["chat"]}]}
    daemon = make(notify, {"chat": web(chat)}, waves(target, bake="1h")).start()
    ids = []
    for service in ("shop", "billing"):
        ids.append(daemon.post("/v1/releases", {"service": service, "environment": "prod", "version": "1.0.0",
                                                "policy": "test", "stable_version": "0.9.0"}, who="bob")[1]["id"])
        daemon.wait_release(ids[-1], "baking", lambda r: r["step"] == "baking")
    target.page = "up 1\n"  # the source answers, and has nothing to say
    wait_until(lambda: len(chat.events()) == 2, "both to be told")
    assert sorted(b["release"]["id"] for b in chat.bodies()) == sorted(ids)


def test_credentials_stand_in_no_message_and_no_answer(make, chat, folder, target):
    token = folder / "chat-token"
    token.write_text("canary-4711\n")
    token.chmod(0o600)
    notify = to_chat()
    notify["sinks"]["chat"].update(path="/hooks/${service}", headers={"X-Event": "${event.name}"},
                                   body={"event": "${event.name}", "text": "*${version}*: ${event.text}"})
    daemon = make(notify, {"chat": web(chat, bearer_file=str(token), secret_file=str(chat.secret_file))},
                  waves(target, bake="1h")).start()
    id_ = daemon.create()["id"]
    wait_until(lambda: chat.requests, "a notification")
    first = chat.requests[0]
    assert first["headers"]["Authorization"] == "Bearer canary-4711" and "webhook-signature" in first["headers"]
    assert (first["path"], first["headers"]["X-Event"], first["headers"]["ce-type"]) == ("/hooks/checkout", GOOD[0],
                                                                                         GOOD[0])
    assert json.loads(first["body"]) == {"event": GOOD[0], "text": "*1.0.0*: created"}
    kept = str(daemon.sql("SELECT * FROM headgate.outbox")) + json.dumps(
        daemon.get(f"/v1/releases/{id_}/actions")[1]) + daemon.log()
    assert "canary-4711" not in kept and chat.secret_file.read_text().strip() not in kept


def test_a_template_with_an_unknown_name_ends_the_start_with_its_place(make, chat):
    notify = to_chat()
    notify["sinks"]["chat"]["body"] = {"text": "${servce}"}
    daemon = make(notify, {"chat": web(chat)})
    daemon.start(wait=False)
    assert daemon.process.wait(timeout=60) == 78
    daemon.process = None
    assert "did you mean ${service}" in daemon.log() and "headgate.yaml:" in daemon.log()


# --- calls, through what people really use ---

def test_a_call_climbs_through_an_alertmanager_until_it_is_acknowledged(make, target, people):  # noqa: F811
    manager = Alertmanager(people)
    notify = {"sinks": {"alerts": {"to": "alerts", "labels": {"team": "${service}"}}},
              "routes": [{"roles": ROLES, "sinks": ["alerts"]}]}
    policies = waves(target, bake="1h", escalation=[{"role": "on_call", "after": "0s"},
                                                    {"role": "release_manager", "after": "2s"},
                                                    {"role": "cto", "after": "1h"}])
    daemon = make(notify, {"alerts": to_alertmanager(manager)}, policies).start()
    try:
        id_ = daemon.create(links={"runbook": "https://wiki.example/checkout"})["id"]
        daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
        target.critical = 1
        first, second = wait_until(lambda: len(manager.alerts()) == 2 and
                                   sorted(manager.alerts(), key=lambda a: a["labels"]["role"]), "two levels of calls")
        assert first["labels"] == {
            "alertname": "HeadgateEscalation", "severity": "critical", "service": "checkout", "environment": "prod",
            "version": "1.0.0", "release": str(id_), "cause": "critical-alerts", "role": "on_call", "team": "checkout"}
        assert second["labels"] == {**first["labels"], "role": "release_manager"}
        assert first["startsAt"] == second["startsAt"]
        assert first["annotations"]["link_runbook"] == "https://wiki.example/checkout"
        assert first["generatorURL"] == f"https://headgate.example/v1/releases/{id_}"
        assert "event=calls_go_unheard" not in daemon.log()
        daemon.verb(id_, "ack", reason="looking")
        wait_until(lambda: manager.alerts() == [], "both alerts to be over")
        wait_until(lambda: sum(len(names) for names in alerted(people, "resolved")) >= 1, "people to be told")
    finally:
        manager.close()


def test_stakeholders_are_mailed_that_it_succeeded(make, target, folder):
    authority = Authority(folder, "trusted")
    server = Exim(authority.issue("mail", "IP:127.0.0.1"))
    notify = {"sinks": {"mail": {"to": "mail", "recipients": ["ann@people.example", "bob@people.example"],
                                 "subject": "${service} ${version}: ${event.milestone}"}},
              "routes": [{"events": ["notification.release.successful"], "sinks": ["mail"]}]}
    daemon = make(notify, {"mail": smtp(server, ca_file=str(authority.cert))}).start()
    try:
        id_ = daemon.create()["id"]
        daemon.wait_state(id_, "completed")
        for who in ("ann", "bob"):
            got = wait_until(lambda who=who: server.mails(who), f"a mail for {who}")[0]
            assert got["Subject"] == "checkout 1.0.0: completed"
            assert got["X-Headgate-Event"] == "notification.release.successful"
            assert f"https://headgate.example/v1/releases/{id_}" in got.get_content()
            assert "Version:     1.0.0 (stable before: 0.9.0)" in got.get_content()
        assert server.accepted() == 1
    finally:
        daemon.close()
        server.close()
