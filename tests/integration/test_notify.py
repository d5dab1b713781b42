"""Who is told what: the names of the runbook in their order, committed with what they tell of, routed, throttled, told
once, and kept when they could not be told."""
import contextlib
import datetime
import json
import time

import pytest
from harness import Daemon, check_audit_chain, check_invariants, policy, wait_until
from test_actions import Outside

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
