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
