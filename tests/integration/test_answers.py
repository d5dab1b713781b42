"""Answers that must say so: what a service writes into its health page, and what an integrity check answers. Only a
statement that was made, and made twice, is a breach; nothing readable is no evidence."""
import json
import urllib.parse

import pytest
from harness import Daemon, wait_until
from test_evidence import holds_without_moving
from test_remote_sources import Web


def answering_policy(gate, **more):
    return {"answers.yaml": json.dumps({
        "policy": "answers", "evaluate_every": "1s", "gates": {"answer": {"every": "1s", "timeout": "1s", **gate}},
        "stages": [{"stage": "canary", "weight": 10, "bake": "1h", "enter": ["set_weight"]}],
        "actions": {"set_weight": {"to": "deployer", "path": "/weights/${service}", "body": {"weight": 10}}},
        "rollback": {"options": [{"option": "kill_switch", "actions": ["set_weight"]}],
                     "stabilise": {"gates": ["answer"], "bake": "1h", "deadline": "2h"}}, **more})}


@pytest.fixture
def web():
    server = Web()
    yield server
    server.close()


@pytest.fixture
def run(postgres, folder, receiver):
    made = []

    def start(gate, **create):
        daemon = Daemon(folder, postgres, postgres.database(), None, receiver, answering_policy(gate))
        made.append(daemon)
        daemon.start()
        return daemon, daemon.create(policy="answers", **create)["id"]

    yield start
    for daemon in made:
        daemon.close()


def result(daemon, id_, wanted, *words):
    def look():
        gate = daemon.gate(id_, "answer")
        return gate["result"] == wanted and all(w in gate["sentence"] for w in words) and gate
    return wait_until(look, f"{wanted} {words}")


def test_a_service_that_answers_and_says_it_is_down_is_rolled_back(run, web):
    body = {"status": "up", "version": "1.0.0"}
    web.routes["/health"] = lambda *_: (200, json.dumps(body))
    daemon, id_ = run({"health": [f"{web.url}/health"], "pointer": "/status", "equals": "up", "then": "rollback"})
    gate = result(daemon, id_, "pass", "1 of 1 URLs answer, in ")
    assert gate["latency_ms"] >= 0
    body["status"] = "down"
    r = daemon.wait_state(id_, "stabilising")
    assert '/status is "down", not "up"' in r["rollback"]["reason"]


def test_a_health_page_may_have_to_name_the_version_that_is_released(run, web):
    body = {"version": "0.9.0"}
    web.routes["/health"] = lambda *_: (200, json.dumps(body))
    daemon, id_ = run({"health": [f"{web.url}/health"], "pointer": "/version", "equals": "${version}", "then": "note"})
    result(daemon, id_, "breach", '/version is "0.9.0", not "1.0.0"')
    body["version"] = "1.0.0"
    result(daemon, id_, "pass")


def integrity(web, **more):
    return {"integrity": f"{web.url}/audit/check?from=${{started_at}}", "pointer": "/valid", "then": "rollback",
            **more}


def asked_from(web):
    return [asked["from"] for path, asked, _ in web.seen if path == "/audit/check"]


def test_an_integrity_check_is_asked_from_the_start_of_the_release_and_its_no_rolls_back(run, web):
    answer = {"valid": True, "entries": 12}
    web.routes["/audit/check"] = lambda *_: (200, json.dumps(answer))
    daemon, id_ = run(integrity(web), start="manual")
    result(daemon, id_, "pass")
    wait_until(lambda: len(set(asked_from(web))) > 2, "the check to be asked about now before the start")
    daemon.verb(id_, "start")
    result(daemon, id_, "pass", "the check says so, in ")
    started = daemon.release(id_)["started_at"]
    wait_until(lambda: asked_from(web)[-3:] == [started] * 3, "the check to be asked from the start on")
    answer["valid"] = False
    r = daemon.wait_state(id_, "stabilising")
    assert "/valid is false, not true" in r["rollback"]["reason"]


def test_a_check_that_does_not_say_or_does_not_answer_holds_and_rolls_nothing_back(run, web):
    answer = [200, '{"valid": true}']
    web.routes["/audit/check"] = lambda *_: tuple(answer)
    daemon, id_ = run(integrity(web))
    result(daemon, id_, "pass")
    for status, text, words in ((200, "<html>please log in</html>", "is not JSON"), (503, "overloaded", "status 503"),
                                (200, '{"vaild": true}', "there is no /valid"), (500, '{"valid": true}', "status 500")):
        answer[:] = [status, text]
        result(daemon, id_, "error", words)
        holds_without_moving(daemon, id_, words)
    web.close()
    result(daemon, id_, "error", "does not say")
    assert daemon.release(id_)["state"] == "running"


def test_an_integrity_check_says_no_with_any_status(run, web):
    web.routes["/audit/check"] = lambda *_: (409, '{"valid": false}')
    daemon, id_ = run(integrity(web))
    daemon.wait_state(id_, "stabilising")


def test_a_release_that_goes_on_after_a_restart_is_asked_about_from_the_same_start(run, web):
    web.routes["/audit/check"] = lambda *_: (200, '{"valid": true}')
    daemon, id_ = run(integrity(web))
    result(daemon, id_, "pass")
    started = daemon.release(id_)["started_at"]
    daemon.kill()
    n = len(web.seen)
    daemon.start()
    wait_until(lambda: len(web.seen) > n + 1, "the check to be asked again")
    assert set(asked_from(web)[n + 1:]) == {started}


def test_placeholders_are_escaped_into_the_address(run, web):
    web.routes["/audit/check"] = lambda *_: (200, '{"valid": true}')
    daemon, id_ = run({**integrity(web), "integrity": f"{web.url}/audit/check?from=${{started_at}}&v=${{version}}"},
                      version="1.0.0+b")
    result(daemon, id_, "pass")
    assert web.seen[-1][1]["v"] == "1.0.0+b" and urllib.parse.unquote(web.seen[-1][1]["from"]).endswith("Z")
