"""On real input: Debian's Prometheus is the service under release, and the judge of our numbers."""
import json
import pathlib
import subprocess
import threading
import time
import urllib.parse

import pytest
from harness import BINARY, Daemon, call, free_port, wait_until

ERRORS = '(sum(rate(prometheus_http_requests_total{code=~"4..|5.."}[10s])) or vector(0)) / ' \
         'sum(rate(prometheus_http_requests_total[10s]))'
P95 = 'histogram_quantile(0.95, sum by (le) (rate(prometheus_http_request_duration_seconds_bucket[10s])))'
REQUESTS = 'sum(increase(prometheus_http_requests_total[10s]))'


class Prometheus:
    """Scrapes itself every second; its own pages are what headgate scrapes too."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "prometheus"
        self.folder.mkdir()
        self.port = free_port()
        (self.folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n  - job_name: app\n    "
            f"static_configs: [{{targets: ['127.0.0.1:{self.port}']}}]\n")
        log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log)
        log.close()
        wait_until(lambda: call("127.0.0.1", self.port, "GET", "/-/ready")[0] == 200, "Prometheus")

    def query(self, expr, at=None):
        path = "/api/v1/query?" + urllib.parse.urlencode({"query": expr, **({"time": at} if at else {})})
        return call("127.0.0.1", self.port, "GET", path)[1]["data"]

    def value(self, expr, at=None):
        data = self.query(expr, at)
        if data["resultType"] == "scalar":
            return float(data["result"][1])
        return float(data["result"][0]["value"][1]) if data["result"] else None

    def close(self):
        self.process.terminate()
        self.process.wait()


class Traffic:
    """Good and failing requests, a fixed number a second."""

    def __init__(self, port):
        self.port, self.errors, self.running = port, 0.0, True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        n = 0
        while self.running:
            bad = (n * self.errors) % 1 + self.errors > 1 - 1e-9
            n += 1
            try:
                call("127.0.0.1", self.port, "GET",
                     "/api/v1/query?query=bad{" if bad else "/api/v1/query?query=1")
            except OSError:
                pass
            time.sleep(0.01)  # the pace of the traffic, not a synchronisation

    def close(self):
        self.running = False
        self.thread.join()


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


def prometheus_policy(port):
    return {"prom.yaml": json.dumps({
        "policy": "prom", "evaluate_every": "1s",
        "sources": {"app": {"scrape": [f"http://127.0.0.1:{port}/metrics"], "every": "1s", "timeout": "1s"}},
        "kpis": {"requests": {"unit": "events", "expr": REQUESTS},
                 "error_rate": {"unit": "ratio", "expr": ERRORS}, "p95": {"unit": "seconds", "expr": P95}},
        "gates": {"errors": {"threshold": "error_rate", "min_events": "50 requests", "rungs": [
                      {"above": "10%", "for": "2 of 2", "then": "pause"}]},
                  "latency": {"threshold": "p95", "min_events": "50 requests", "above": "500ms", "for": "2 of 2",
                              "then": "pause"}},
        "stages": [{"stage": "canary", "weight": 10, "bake": "1h", "enter": ["set_weight"]}],
        "actions": {"set_weight": {"to": "deployer", "path": "/weights/${service}", "body": {"weight": "${stage.weight}"}}},
        "rollback": {"options": [{"option": "kill_switch", "actions": ["set_zero"]}],
                     "stabilise": {"gates": ["errors"], "bake": "5s", "deadline": "60s"}},
    }).replace('"set_weight": {"to"', '"set_zero": {"to": "deployer", "path": "/weights/${service}", "body": '
               '{"weight": 0}}, "set_weight": {"to"')}


def ours(daemon, id_, gate):
    return daemon.gate(id_, gate)


def test_a_release_of_a_real_prometheus_bakes_green_then_failing_traffic_pauses_it(
        postgres, folder, receiver, prometheus, traffic):
    daemon = Daemon(folder, postgres, postgres.database(), None, receiver, prometheus_policy(prometheus.port)).start()
    try:
        id_ = daemon.create(policy="prom")["id"]
        daemon.wait_release(id_, "green", lambda r: r["gates"].get("errors") == "pass" == r["gates"].get("latency"))

        def close_enough():
            # Two scrapers look at different instants: the rates differ by what changed in between.
            gate, theirs = ours(daemon, id_, "latency"), prometheus.value(P95)
            return theirs and gate["value"] and abs(gate["value"] - theirs) <= 0.5 * theirs
        wait_until(close_enough, "the same p95")
        assert ours(daemon, id_, "errors")["value"] == 0 == prometheus.value(ERRORS)
        traffic.errors = 0.25
        paused = daemon.wait_state(id_, "paused")
        assert [h["name"] for h in paused["holds"]] == ["errors"]

        def same_errors():
            mine, theirs = ours(daemon, id_, "errors")["value"], prometheus.value(ERRORS)
            return theirs and mine and abs(mine - theirs) <= 0.2 * theirs
        wait_until(same_errors, "the same error rate")
    finally:
        daemon.close()


NAMES = ("prometheus_http_requests_total", "prometheus_http_request_duration_seconds_bucket",
         "prometheus_http_request_duration_seconds_count", "process_resident_memory_bytes", "go_goroutines")


def steady_window(prometheus):
    """(instant, samples of the minute before it), or None: where a series begins or a scrape was late at an edge of
    the window, 2.42 clamps its extrapolation differently than 3 does."""
    at = round(time.time() - 4, 3)  # long enough ago for every scrape before it to have been kept
    samples = {name: prometheus.query(f"{name}[60s]", f"{at:.3f}")["result"] for name in NAMES}
    for series in (row for rows in samples.values() for row in rows):
        times = [t for t, _ in series["values"] if at - 10.0005 < t]
        # 2.42 includes a sample on the left edge of the window, 3 does not.
        if len(times) < 2 or times[0] < at - 9.9995:
            return None
        step = (times[-1] - times[0]) / (len(times) - 1)
        if times[0] - (at - 10) > 1.05 * step or at - times[-1] > 1.05 * step:
            return None
    return at, samples


@pytest.mark.parametrize("expr", [ERRORS, P95, REQUESTS,
                                  "sum by (handler) (increase(prometheus_http_requests_total[10s]))",
                                  "max(process_resident_memory_bytes) / 1024",
                                  "avg_over_time(go_goroutines[10s])",
                                  "topk(3, sum by (handler) (prometheus_http_request_duration_seconds_count))"])
def test_the_same_samples_give_the_same_value_as_prometheus(folder, prometheus, traffic, expr):
    """Prometheus' own stored samples, read back and asked of `headgate query`."""
    wait_until(lambda: (prometheus.value(REQUESTS) or 0) > 20, "some traffic")
    traffic.errors = 0.2
    wait_until(lambda: (prometheus.value(ERRORS) or 0) > 0.05, "some errors")
    at, samples = wait_until(lambda: steady_window(prometheus), "ten seconds without a late scrape")
    page = folder / "samples.prom"
    with open(page, "w") as out:
        for name, rows in samples.items():
            for series in rows:
                labels = ",".join(f"{k}={json.dumps(v)}" for k, v in series["metric"].items() if k != "__name__")
                for t, value in series["values"]:
                    out.write(f"{name}{{{labels}}} {value} {round(t * 1000)}\n")
    theirs = prometheus.query(expr, f"{at:.3f}")["result"]
    done = subprocess.run([str(BINARY), "query", "--data", str(page), "--at", f"{at:.3f}", expr],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    mine = json.loads(done.stdout)["data"]["result"]

    def as_map(rows):
        return {json.dumps(r["metric"], sort_keys=True): float(r["value"][1]) for r in rows}
    assert as_map(mine).keys() == as_map(theirs).keys()
    for key, value in as_map(theirs).items():
        assert as_map(mine)[key] == pytest.approx(value, rel=1e-9, nan_ok=True), key
