"""What machines read: /metrics, /livez, /readyz, /openapi.json, the log; and that no secret stands in any of it."""
import base64
import json
import re
import subprocess

import pytest
from harness import Daemon, standing_daemon, wait_until


def metrics(daemon):
    status, text, headers = daemon.get("/metrics", who=None)
    assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
    rows = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            rows[name] = float(value)
    return rows


def is_clean_for_promtool(daemon):
    done = subprocess.run(["promtool", "check", "metrics"], input=daemon.get("/metrics", who=None)[1],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout + done.stderr == "", done


def test_metrics_are_clean_and_move_with_a_release(daemon):
    is_clean_for_promtool(daemon)
    before = metrics(daemon)
    assert any(name.startswith("headgate_build_info{version=") for name in before)
    assert before["headgate_store_up"] == 1
    id_ = daemon.create()["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    wait_until(lambda: metrics(daemon)["headgate_releases_active"] == 1, "the gauge")
    assert metrics(daemon)["headgate_scrape_targets"] >= 1
    daemon.wait_state(id_, "completed")
    daemon.get("/v1/nothing")
    daemon.verb(id_, "resume", expect=409)
    after = metrics(daemon)
    for name in ("loop_turns", "scrapes", "scraped_samples", "scraped_bytes", "probes", "evaluations",
                 "evaluation_seconds", "transitions", "transition_batches", "deliveries", "http_requests",
                 "http_client_errors", "refusals"):
        name = f"headgate_{name}_total"
        assert after[name] > before[name], (name, before[name], after[name])
    transitions = int(daemon.sql("SELECT count(*) FROM headgate.transition")[0][0])
    assert after["headgate_transitions_total"] == transitions
    assert after["headgate_deliveries_total"] == 2
    assert after["headgate_lease_held"] == 1 and after["headgate_lease_epoch"] >= 1
    assert after["headgate_log_errors_total"] == 0, daemon.log()
    assert after["headgate_transitions_unknown_total"] == 0
    for name in ("process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total",
                 "process_start_time_seconds"):
        assert after[name] > 0, name
    is_clean_for_promtool(daemon)
    assert 0 < after["headgate_loop_longest_recent_turn_seconds"] <= after["headgate_loop_longest_turn_seconds"]


def test_a_failing_target_shows_in_the_metrics(daemon, target):
    target.set(mode="status", health="fail")
    id_ = daemon.create()["id"]

    def failed():
        now = metrics(daemon)
        return now["headgate_scrape_failures_total"] > 0 and now["headgate_probe_failures_total"] > 0 \
            and now["headgate_scrape_targets_up"] == 0

    wait_until(failed, "the failures to be counted")
    assert daemon.release(id_)["id"] == id_


@pytest.fixture(scope="module")
def api(postgres):
    with standing_daemon(postgres) as daemon:
        wait_until(lambda: daemon.get("/readyz", who=None)[1]["owner"], "an owner")
        yield daemon


def test_livez_and_readyz_need_no_token(api):
    status, body, headers = api.get("/livez", who=None)
    assert status == 200 and body == "ok\n" and headers["cache-control"] == "no-store"
    status, body, _ = api.get("/readyz", who=None)
    assert status == 200
    assert {"status": "ok", "store": "ok", "owner": True, "loaded": True}.items() <= body.items()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", body["as_of"])
    for path in ("/livez", "/readyz", "/metrics"):
        status, body, headers = api.request("HEAD", path, who=None)
        assert status == 200 and body is None and int(headers["content-length"]) > 0, path


def test_openapi_covers_every_route(api):
    index = api.get("/", who=None)[1]
    routes = {(m, p) for m, p in re.findall(r"(?m)^(GET|POST|PUT|DELETE) +(\S+) ", index)}
    assert len(routes) > 30
    status, document, headers = api.get("/openapi.json", who=None)
    assert status == 200 and headers["content-type"].startswith("application/json")
    assert document["openapi"].startswith("3.") and document["info"]["title"] == "headgate"
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(m, re.sub(r":(\w+)", r"{\1}", p)) for m, p in routes}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["summary"].endswith("."), (method, path)
            assert [p["name"] for p in operation["parameters"]] == re.findall(r"{(\w+)}", path)
            open_to_all = path in ("/", "/metrics", "/livez", "/readyz", "/openapi.json", "/v1/actions/{id}/complete")
            assert ("security" in operation) != open_to_all, (method, path)


def test_every_route_that_is_described_is_there(api):
    for path, item in api.get("/openapi.json")[1]["paths"].items():
        for method in item:
            status, body, _ = api.request(method.upper(), re.sub(r"{\w+}", "nothing", path), who=None)
            # Without a token nothing happens; what matters is that it is neither an unknown path nor method.
            assert status in (200, 401, 429), (method, path, status, body)


LINE = re.compile(r'<[3467]>event=[a-z0-9_]+(?: [a-z0-9_]+=(?:"(?:[^"\\]|\\.)*"|[^\s"=]*))*')


def check_log(text):
    for line in text.splitlines():
        assert LINE.fullmatch(line), line
    assert text.endswith("\n")


def canaries(daemon):
    """Everything that must stand nowhere: tokens, their secret part, the receiver's key in either form."""
    found = []
    for token in daemon.tokens.values():
        found += [token, token.split("_")[2]]
    secret = daemon.receiver.secret_file.read_text().strip()
    found += [secret, secret.removeprefix("whsec_")]
    found.append(base64.b64decode(secret.removeprefix("whsec_")).hex())
    return found


def test_the_log_is_structured_and_no_secret_stands_in_anything_that_is_read(daemon, target):
    id_ = daemon.create(params={"note": 'quotes " and \\ and\nlines'}, ticket="a b=c\u2028d")["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    daemon.verb(id_, "pause", reason='said "stop"\nevent=forged <3>event=forged')
    daemon.verb(id_, "resume", reason="go on")
    target.set(errors=0.5)
    daemon.wait_state(id_, "rolled_back")
    answers = []
    for path in ("/", "/metrics", "/readyz", "/openapi.json", "/v1/releases", f"/v1/releases/{id_}", "/v1/policies",
                 "/v1/policies/test", "/v1/freeze",
                 *[f"/v1/releases/{id_}/{b}" for b in ("gates", "timeline", "evaluations", "actions", "audit")]):
        status, body, headers = daemon.get(path)
        assert status == 200, (path, body)
        answers.append(json.dumps([body, headers], ensure_ascii=False))
    token = daemon.tokens["ann"]
    for headers in ({"Authorization": f"Bearer {token}x"}, {"Authorization": f"Basic {token}"},
                    {"Authorization": token}):
        answers.append(json.dumps(daemon.get("/v1/releases", who=None, headers=headers)))
    answers.append(json.dumps(daemon.get(f"/v1/releases?token={token}")))
    answers.append(json.dumps(daemon.get("/v1/releases", who="eve")))
    answers.append(json.dumps(daemon.post("/v1/releases", {}, who="eve")))
    for (table,) in daemon.sql("SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                               "WHERE n.nspname = 'headgate' AND c.relkind = 'r'"):
        answers.append(json.dumps(daemon.sql(f"SELECT t::text FROM headgate.{table} t")))
    records = daemon.sql("SELECT encode(record, 'hex') FROM headgate.audit")
    answers += [bytes.fromhex(r[0]).decode("utf-8", "replace") for r in records]
    daemon.stop()
    log = daemon.log()
    check_log(log)
    assert "\n<3>event=forged" not in log
    assert "event=transition " in log
    for canary in canaries(daemon):
        for text in (log, *answers):
            assert canary not in text, (canary[:8], text[:300])


def test_a_database_password_is_not_shown_when_the_database_cannot_be_reached(tmp_path, postgres, target, receiver):
    daemon = Daemon(tmp_path, postgres, "nothing", target, receiver, {})
    canary = "canary-of-a-password"
    daemon.write_config(database=f"host={tmp_path}/nowhere user=headgate dbname=x password={canary}")
    daemon.start(wait=False)
    try:
        seen = wait_until(lambda: (b := daemon.get("/readyz", who=None)[1]).get("store_trouble") and b, "the trouble")
        assert seen["store"] == "unreachable"
        answers = [json.dumps(daemon.get(p)) for p in ("/readyz", "/metrics", "/v1/releases", "/v1/releases/1")]
        answers.append(json.dumps(daemon.post("/v1/releases", {})))
    finally:
        daemon.stop()
    for text in (daemon.log(), *answers):
        assert canary not in text, text
    check_log(daemon.log())
