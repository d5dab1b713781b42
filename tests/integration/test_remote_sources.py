"""Numbers that others have worked out: a real Prometheus that is asked, servers that answer oddly, and documents with
numbers in them. Whatever is not a whole, fresh, unwarned answer holds the release and says why."""
import http.server
import itertools
import json
import threading
import time
import urllib.parse

import pytest
from harness import Daemon, call, free_port, run_headgate, wait_until
from test_evidence import holds_without_moving
from test_prometheus import P95, Prometheus, Traffic

REQUESTS = 'sum(increase(prometheus_http_requests_total[5s]))'
ERRORS = '(sum(rate(prometheus_http_requests_total{code="500"}[5s])) or vector(0)) / ' \
         'sum(rate(prometheus_http_requests_total[5s]))'
BAD = '(sum(rate(prometheus_http_requests_total{code=~"4.."}[5s])) or vector(0)) / ' \
      'sum(rate(prometheus_http_requests_total[5s]))'


class Web:
    """A server whose answers a test scripts: routes {path: function(query, headers) -> (status, text)}."""

    def __init__(self, kind="application/json"):
        self.routes, self.seen = {}, []
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                path, _, query = self.path.partition("?")
                asked = dict(urllib.parse.parse_qsl(body or query))
                web.seen.append((path, asked, dict(self.headers)))
                status, text = web.routes[path](asked, self.headers)
                data = text if isinstance(text, bytes) else text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.port = free_port()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Oracle(Web):
    """Answers instant queries like a Prometheus whose one selector had its newest sample `age` seconds ago."""

    def __init__(self):
        super().__init__()
        self.value, self.age, self.skew, self.status, self.extra = "0.001", 0.2, 0.0, 200, {}
        self.queries = []
        self.routes["/prom/api/v1/query"] = self.answer

    def answer(self, asked, headers):
        self.queries.append((asked, headers))
        if self.status != 200:
            return self.status, json.dumps({"status": "error", "errorType": "bad_data", "error": "no such thing"})
        now = float(asked.get("time", time.time() + self.skew))
        parts = {"now": now, "0": now - self.age, "1": now - self.age}
        rows = [{"metric": {}, "value": [now, self.value() if callable(self.value) else self.value]}]
        if "timestamp(" in asked["query"]:
            rows = [{"metric": {"headgate_part": k}, "value": [now, str(v)]} for k, v in parts.items()
                    if k == "now" or f'"{k}"' in asked["query"]]
        return 200, json.dumps({"status": "success", "data": {"resultType": "vector", "result": rows}, **self.extra})


def release_policy(source, kpis, min_events="0", above="1%", **more):
    """One stage that bakes for an hour on the gate `errors`."""
    return {"remote.yaml": json.dumps({
        "policy": "remote", "evaluate_every": "1s", "sources": {"metrics": {"every": "1s", "timeout": "1s", **source}},
        "kpis": kpis,
        "gates": {"errors": {"threshold": "error_rate", "min_events": min_events, "above": above, "for": "2 of 2",
                             "then": "pause"}},
        "stages": [{"stage": "canary", "weight": 10, "bake": "1h", "enter": ["set_weight"]}],
        "actions": {"set_weight": {"to": "deployer", "path": "/weights/${service}", "body": {"weight": 10}}},
        "rollback": {"options": [{"option": "kill_switch", "actions": ["set_weight"]}],
                     "stabilise": {"gates": ["errors"], "bake": "5s", "deadline": "60s"}}, **more})}


@pytest.fixture
def run(postgres, folder, receiver):
    """run(policies, **config): a daemon with a release that has begun: (daemon, id)."""
    made = []

    def start(policies, create=True, **config):
        daemon = Daemon(folder, postgres, postgres.database(), None, receiver, policies)
        daemon.write_config(**config)
        made.append(daemon)
        daemon.start()
        return daemon, daemon.create(policy="remote")["id"] if create else None

    yield start
    for daemon in made:
        daemon.close()


def passes(daemon, id_):
    return daemon.wait_release(id_, "a pass", lambda r: r["gates"].get("errors") == "pass")


def says(daemon, id_, result, *words):
    def look():
        gate = daemon.gate(id_, "errors")
        return gate["result"] == result and all(w in json.dumps(gate) for w in words) and gate
    try:
        return wait_until(look, f"{result} {words}")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{json.dumps(daemon.gate(id_, 'errors'), indent=1)}\n"
                             f"{daemon.log()[-2000:]}") from None


# --- a real Prometheus ---

@pytest.fixture
def prometheus(folder):
    server = Prometheus(folder)
    yield server
    server.close()


@pytest.fixture
def traffic(prometheus):
    load = Traffic(prometheus.port)
    yield load
    load.close()


def of_prometheus(prometheus, expr, **more):
    return release_policy({"prometheus": f"http://127.0.0.1:{prometheus.port}/", "every": "2s"},
                          {"requests": {"unit": "events", "expr": REQUESTS},
                           "error_rate": {"unit": "ratio", "expr": expr}},
                          min_events="20 requests", above="10%", evaluate_every="2s", **more)


def test_a_release_bakes_on_what_a_real_prometheus_says_and_failing_traffic_pauses_it(run, prometheus, traffic):
    daemon, id_ = run(of_prometheus(prometheus, BAD))
    passes(daemon, id_)
    # Nothing has failed so far: the selector of errors has no series, and its metric is known all the same.
    daemon.wait_release(id_, "green time", lambda r: r["bake"]["observed"] != "0s")
    gate = daemon.gate(id_, "errors")
    assert gate["value"] == 0 and gate["events"] > 20
    traffic.errors = 0.5
    paused = daemon.wait_state(id_, "paused")
    assert [h["name"] for h in paused["holds"]] == ["errors"]
    wait_until(lambda: abs(daemon.gate(id_, "errors")["value"] - prometheus.value(BAD)) < 0.15, "the same rate")


def test_a_metric_that_prometheus_does_not_know_is_no_data(run, prometheus, traffic):
    daemon, id_ = run(of_prometheus(prometheus, ERRORS.replace("prometheus_http", "promehteus_http", 1)))
    says(daemon, id_, "no_data", "metric promehteus_http_requests_total is not known there")
    holds_without_moving(daemon, id_, "promehteus_http_requests_total")


def test_a_selector_whose_samples_have_stopped_is_no_evidence(run, prometheus, traffic, folder):
    """The server answers on; it just has nothing new of the service (rule K5)."""
    daemon, id_ = run(of_prometheus(prometheus, BAD))
    passes(daemon, id_)
    (prometheus.folder / "prometheus.yml").write_text("global: {scrape_interval: 1h}\nscrape_configs:\n"
                                                      "  - job_name: other\n    static_configs: "
                                                      "[{targets: ['127.0.0.1:1']}]\n")
    prometheus.process.send_signal(1)
    daemon.wait_release(id_, "no pass any more", lambda r: r["gates"]["errors"] in ("no_data", "stale"))
    holds_without_moving(daemon, id_, "errors")


def test_a_limit_that_no_bucket_of_prometheus_reaches_is_blind(run, prometheus, traffic):
    """Its highest finite bucket of request durations is 120 s (rule K9)."""
    policies = release_policy({"prometheus": f"http://127.0.0.1:{prometheus.port}/", "every": "2s"},
                              {"error_rate": {"unit": "seconds", "expr": P95}}, above="120s", evaluate_every="2s")
    daemon, id_ = run(policies)
    says(daemon, id_, "error", "blind", "never above 120 s, the highest finite bucket")
    holds_without_moving(daemon, id_, "errors", "blind")


def test_a_counter_of_prometheus_that_stands_still_is_told(run, prometheus, traffic):
    """A release that gets no traffic, while the rest of the service does."""
    call("127.0.0.1", prometheus.port, "GET", "/api/v1/labels")
    still = 'sum(increase(prometheus_http_requests_total{handler="/api/v1/labels"}[5s]))'
    policies = json.loads(of_prometheus(prometheus, BAD)["remote.yaml"])
    policies["kpis"]["requests"]["expr"] = still + " or vector(0)"
    daemon, id_ = run({"remote.yaml": json.dumps(policies)})
    says(daemon, id_, "insufficient", "has not moved in 5s, other series have")


def test_errors_that_are_no_longer_reported_are_no_evidence(run, prometheus, target):
    """The pod that failed is gone: other series of that name live on and do not speak for it (rule K5)."""
    (prometheus.folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: app\n    static_configs: "
        f"[{{targets: ['127.0.0.1:{target.port}']}}]\n")
    prometheus.process.send_signal(1)
    both = "# TYPE jobs_total counter\njobs_total{kind=\"good\"} 100\njobs_total{kind=\"bad\"} 1\n"
    target.set(page=both)
    expr = '(sum(rate(jobs_total{kind="bad"}[15s])) or vector(0)) + 0 * sum(rate(jobs_total{kind="good"}[15s]))'
    daemon, id_ = run(release_policy({"prometheus": f"http://127.0.0.1:{prometheus.port}/", "every": "2s"},
                                     {"error_rate": {"unit": "ratio", "expr": expr}}, evaluate_every="2s"))
    passes(daemon, id_)
    target.set(page=both.rpartition("jobs_total")[0])
    says(daemon, id_, "stale", 'jobs_total{kind=\\"bad\\"} has samples in its 15s and none that is current')
    passes(daemon, id_)  # and when they are out of the range, there are none


def test_a_prometheus_that_is_away_holds_and_is_told_apart_from_one_that_refuses(run, prometheus, traffic):
    daemon, id_ = run(of_prometheus(prometheus, BAD))
    passes(daemon, id_)
    prometheus.close()
    daemon.wait_release(id_, "no pass any more", lambda r: r["gates"]["errors"] in ("no_data", "stale"))
    assert "onnect" in json.dumps(daemon.gate(id_, "errors"))


def test_an_expression_that_fails_there_is_an_error(run, prometheus, traffic):
    expr = 'sum(prometheus_http_requests_total / on(job) prometheus_http_response_size_bytes_count)'
    daemon, id_ = run(of_prometheus(prometheus, expr))
    says(daemon, id_, "error", "status 422", "found duplicate series")


def test_quantiles_come_as_prometheus_has_them(run, prometheus, traffic):
    daemon, id_ = run(of_prometheus(prometheus, P95))
    says(daemon, id_, "pass")
    wait_until(lambda: daemon.gate(id_, "errors")["value"] == pytest.approx(prometheus.value(P95), rel=0.5), "p95")


# --- one that answers oddly ---

@pytest.fixture
def oracle():
    server = Oracle()
    yield server
    server.close()


def of_oracle(oracle, expr='sum(errors{service="${service}"}) / sum(all)', **source):
    return release_policy({"prometheus": oracle.url + "/prom", **source},
                          {"error_rate": {"unit": "ratio", "expr": expr}})


def test_what_is_asked_and_by_whom(run, oracle, folder):
    (folder / "token").write_text("s3cret\n")
    (folder / "token").chmod(0o600)
    policies = of_oracle(oracle, credentials="mimir", query_params={"dedup": "true", "team": "${service}"})
    daemon, id_ = run(policies, credentials={"mimir": {
        "hosts": [f"127.0.0.1:{oracle.port}"], "bearer_file": str(folder / "token"),
        "headers": {"X-Scope-OrgID": "erp"}}})
    passes(daemon, id_)
    asked = list(oracle.queries)
    assert {q["query"] for q, _ in asked if "timestamp(" not in q["query"]} == \
        {'sum(errors{service="checkout"}) / sum(all)'}
    for form, headers in asked:
        assert form["partial_response"] == "false" and form["dedup"] == "true" and form["team"] == "checkout"
        assert headers["Authorization"] == "Bearer s3cret" and headers["X-Scope-OrgID"] == "erp"
    # Two questions a look: the ages, then the value at the instant of the ages.
    assert all("time" in q for q, _ in asked if "timestamp(" not in q["query"])
    assert "s3cret" not in daemon.log() + json.dumps(daemon.get(f"/v1/releases/{id_}/gates")[1])


def test_two_releases_that_ask_the_same_are_one_question(run, oracle):
    oracle.value = map("0.001{:06}".format, itertools.count()).__next__  # no answer twice
    daemon, id_ = run(of_oracle(oracle, expr="sum(errors) / sum(all)"))
    second = daemon.create(policy="remote", service="billing")["id"]
    passes(daemon, id_)
    passes(daemon, second)
    wait_until(lambda: daemon.gate(id_, "errors")["value"] == daemon.gate(second, "errors")["value"], "the same answer")


@pytest.mark.parametrize("change, result, words", [
    ({"extra": {"warnings": ["store-1 did not answer"]}}, "no_data", ["it warns: store-1 did not answer"]),
    ({"age": 2.5}, "stale", ["newest sample"]),
    ({"skew": 90.0}, "error", ["its clock is", "ahead of ours"]),
    ({"skew": -90.0}, "error", ["its clock is", "behind ours"]),
    ({"status": 400}, "error", ["status 400, bad_data: no such thing"]),
    ({"status": 503}, "no_data", ["status 503"]),
    ({"value": "+Inf"}, "error", ["+Inf"]),
    ({"value": "NaN"}, "insufficient", []),
])
def test_an_answer_with_a_flaw_is_no_evidence(run, oracle, change, result, words):
    daemon, id_ = run(of_oracle(oracle))
    passes(daemon, id_)
    for name, value in change.items():
        setattr(oracle, name, value)
    if result == "insufficient":  # 0/0: nothing happened
        daemon.wait_release(id_, "no pass", lambda r: r["gates"]["errors"] != "pass")
    else:
        says(daemon, id_, result, *words)
    holds_without_moving(daemon, id_, "errors")


def test_a_policy_cannot_have_a_secret_sent_anywhere_else(run, oracle, folder):
    (folder / "token").write_text("s3cret\n")
    (folder / "token").chmod(0o600)
    stranger = Oracle()
    try:
        for port, error in ((stranger.port, "may not be sent to 127.0.0.1"), (oracle.port, None)):
            policies = of_oracle(oracle, credentials="prom")
            text = policies["remote.yaml"].replace(str(oracle.port), str(port))
            (folder / "p.yaml").write_text(text)
        credentials = {"prom": {"hosts": [f"127.0.0.1:{oracle.port}"], "bearer_file": str(folder / "token")}}
        # One whose address is only known with the release: nothing is sent.
        text = of_oracle(oracle, credentials="prom")["remote.yaml"].replace(str(oracle.port), "${params.port}")
        daemon, _ = run({"remote.yaml": text}, create=False, credentials=credentials)
        id_ = daemon.create(policy="remote", params={"port": str(stranger.port)})["id"]
        says(daemon, id_, "no_data", "credentials prom may not be sent to 127.0.0.1")
        assert stranger.queries == []
        # One that says it openly is refused when it is put.
        body = json.loads(of_oracle(stranger, credentials="prom")["remote.yaml"])
        body["policy"] = "thief"
        status, answer, _ = daemon.request("PUT", "/v1/policies/thief", body)
        assert status == 422 and "may not be sent to" in json.dumps(answer), (status, answer)
        body["sources"]["metrics"]["credentials"] = "nobody"
        status, answer, _ = daemon.request("PUT", "/v1/policies/thief", body)
        assert status == 422 and "are not in headgate.yaml" in json.dumps(answer), (status, answer)
    finally:
        stranger.close()


def test_credentials_are_checked_at_start(folder):
    def check(credentials):
        (folder / "headgate.yaml").write_text("credentials: " + json.dumps({"c": credentials}) + "\n")
        return run_headgate("check", "--config", folder / "headgate.yaml")
    (folder / "token").write_text("abc\n")
    (folder / "token").chmod(0o600)
    good = {"hosts": ["prometheus.example:9090", "*.example", "[::1]:9090"], "bearer_file": "token"}
    assert check(good).returncode == 0, check(good).stderr
    for bad, words in (({"bearer_file": "token"}, "hosts"), ({**good, "hosts": ["http://a"]}, "is no host"),
                       ({**good, "bearer_file": "none"}, "/credentials/c/bearer_file"),
                       ({**good, "basic_user": "a"}, "basic_password_file"),
                       ({**good, "headers": {"Host": "b"}}, "is no header name"),
                       ({**good, "insecure_skip_verify": "true"}, "insecure_skip_verify"),
                       ({**good, "networks": ["10.0.0.0/99"]}, "networks")):
        done = check(bad)
        assert done.returncode == 1 and words in done.stdout + done.stderr, (bad, done)


# --- documents ---

KPIS = {"requests": {"unit": "events", "pointer": "/data/requests", "window": "3s"},
        "error_rate": {"unit": "ratio", "pointer": "/data/error_rate", "at": "/generated_at", "given_in": "percent",
                       "window": "3s"}}


@pytest.fixture
def erp():
    """The realtime KPIs of an ERP, as its runbook has them."""
    server = Web()
    server.document = {"data": {"error_rate": "0.4", "p95_latency": 310, "requests": 500}}
    server.routes["/analytics/api/v1/kpis/realtime"] = lambda asked, _: (200, json.dumps(
        {"generated_at": time.time(), **server.document}) if isinstance(server.document, dict) else server.document)
    yield server
    server.close()


def of_erp(erp, kpis=None, min_events="100 requests"):
    return release_policy({"json": erp.url + "/analytics/api/v1/kpis/realtime?metric=error_rate,p95_latency&"
                                             "service=${service}"}, kpis or KPIS, min_events=min_events)


def test_a_release_bakes_on_a_document_and_a_bad_number_in_it_pauses_it(run, erp):
    daemon, id_ = run(of_erp(erp))
    passes(daemon, id_)
    gate = daemon.gate(id_, "errors")
    assert gate["value"] == pytest.approx(0.004) and gate["events"] == 500
    assert erp.seen[0][1] == {"metric": "error_rate,p95_latency", "service": "checkout"}
    erp.document["data"]["error_rate"] = 4.2
    paused = daemon.wait_state(id_, "paused")
    assert [h["name"] for h in paused["holds"]] == ["errors"]


@pytest.mark.parametrize("document, result, words", [
    ("<html>login</html>", "error", "the answer is not JSON (line 1, column 1)"),
    ({"data": {"requests": 500}}, "no_data", "there is no /data/error_rate in the answer"),
    ({"data": {"error_rate": None, "requests": 500}}, "no_data", "/data/error_rate is null"),
    ({"data": {"error_rate": "low", "requests": 500}}, "error", "/data/error_rate is a text that is no number"),
    ({"data": {"error_rate": 0.1, "requests": 5}}, "insufficient", ""),
    ({"data": {"error_rate": 0.1, "requests": 500}, "generated_at": 1700000000}, "stale", "newest sample"),
    ({"data": {"error_rate": 0.1, "requests": 500}, "generated_at": "soon"}, "error", "/generated_at is no instant"),
])
def test_a_document_with_a_flaw_is_no_evidence(run, erp, document, result, words):
    daemon, id_ = run(of_erp(erp))
    passes(daemon, id_)
    erp.document = document
    says(daemon, id_, result, words)
    holds_without_moving(daemon, id_, "errors")


def test_a_document_that_is_refused_or_too_large_is_no_data(run, erp):
    daemon, id_ = run(of_erp(erp))
    passes(daemon, id_)
    good = erp.routes["/analytics/api/v1/kpis/realtime"]
    erp.routes["/analytics/api/v1/kpis/realtime"] = lambda *_: (503, "{}")
    says(daemon, id_, "no_data", "status 503")
    erp.routes["/analytics/api/v1/kpis/realtime"] = good
    passes(daemon, id_)
    erp.routes["/analytics/api/v1/kpis/realtime"] = lambda *_: (200, "[" + "0," * 600000 + "0]")
    says(daemon, id_, "no_data", "more than 1048576 bytes")


@pytest.mark.parametrize("source, kpi, words", [
    ({"json": "http://a"}, {"unit": "ratio", "expr": "sum(a)"}, "there is no source of kind scrape or prometheus"),
    ({"prometheus": "http://a"}, {"unit": "ratio", "pointer": "/a"}, "there is no source of kind json"),
    ({"json": "http://a"}, {"unit": "ratio", "pointer": "a"}, "is no JSON Pointer"),
    ({"json": "http://a"}, {"unit": "events", "pointer": "/a", "given_in": "ms"}, "does not go with the KPI's unit"),
    ({"json": "http://a"}, {"unit": "ratio"}, "a KPI needs expr, or pointer"),
    ({"json": "http://a"}, {"unit": "ratio", "pointer": "/a", "expr": "sum(a)"}, "may not stand beside expr"),
    ({"json": "http://a"}, {"unit": "ratio", "pointer": "/a", "may_be_absent": ["b"]}, "belongs to KPIs with an expr"),
    ({"prometheus": "http://a"}, {"unit": "ratio", "expr": "sum(a)", "window": "5m"}, "belongs to KPIs with a pointer"),
    ({"json": ["http://a", "http://b"]}, {"unit": "ratio", "pointer": "/a"}, "a source of kind json has one address"),
    ({"prometheus": "http://a", "query_params": {"time": "1"}}, {"unit": "ratio", "expr": "sum(a)"},
     "is set by headgate itself"),
    ({"json": "http://a", "query_params": {"b": "1"}}, {"unit": "ratio", "pointer": "/a"},
     "belongs to sources of kind prometheus"),
    ({"prometheus": "http://me:pw@a"}, {"unit": "ratio", "expr": "sum(a)"}, "credentials live in headgate.yaml"),
    ({"prometheus": "http://a"}, {"unit": "ratio", "expr": "+".join(f"sum(a{i})" for i in range(33))},
     "has 33 selectors"),
])
def test_a_policy_says_what_does_not_fit(folder, source, kpi, words):
    text = release_policy(source, {"error_rate": kpi})["remote.yaml"]
    (folder / "remote.yaml").write_text(text)
    done = run_headgate("check", folder / "remote.yaml")
    assert done.returncode == 1 and words in done.stdout + done.stderr, done
