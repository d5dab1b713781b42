"""CPU and memory of scraping: headgate and Debian's Prometheus side by side on the same targets.

One page server, a process of its own, answers on every address of 127.0.0.0/8; its counters rise. headgate has an
active release for every 100 targets, with a policy of the five usual KPIs; Prometheus scrapes the same addresses at the
same interval and has the same five expressions as recording rules. CPU is user and system time of each process,
divided by its scrapes: evaluation and all else it does meanwhile included. Prometheus also stores every sample.
"""
import gzip
import json
import re
import shutil
import subprocess
import time

from figures import line
from harness import Daemon, call, free_port, policy, wait_until
from world import QuickReceiver, cpu_seconds

VERSIONS = 32
PER_RELEASE = 100
WARM_S, MEASURE_S = 10, 20
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf")
WINDOW = 10  # scrapes in the range of a KPI


def page(series, version):
    """An application's page: a tenth of its series are requests, a seventh a histogram, the rest nobody asks for."""
    lines = ["# HELP process_start_time_seconds Start of the process.", "# TYPE process_start_time_seconds gauge",
             "process_start_time_seconds 1.7e+09", "# TYPE consumer_lag_events gauge",
             f"consumer_lag_events {version % 7}", "# TYPE firing_critical_alerts gauge", "firing_critical_alerts 0",
             "# HELP http_requests_total Requests answered.", "# TYPE http_requests_total counter"]
    lines += [f'http_requests_total{{method="GET",code="{200 if i % 10 else 500}",path="/v1/part/{i}"}} '
              f"{(1000 if i % 10 else 1) * (version + 1) + i}" for i in range(series // 10)]
    lines += ["# HELP http_request_duration_seconds Time to answer.", "# TYPE http_request_duration_seconds histogram"]
    for path in range(series // 100):
        labels = f'path="/v1/part/{path}"'
        lines += [f'http_request_duration_seconds_bucket{{{labels},le="{le}"}} {(version + 1) * 100 * (i + 1)}'
                  for i, le in enumerate(BOUNDS)]
        lines += [f"http_request_duration_seconds_sum{{{labels}}} {(version + 1) * 31.5}",
                  f"http_request_duration_seconds_count{{{labels}}} {(version + 1) * 100 * len(BOUNDS)}"]
    family = 0
    while (left := series - sum(not text.startswith("#") for text in lines)) > 0:
        name = f"shop_part{family:03d}_operations_total"
        lines += [f"# HELP {name} Operations of part {family}.", f"# TYPE {name} counter"]
        lines += [f'{name}{{operation="read",result="good",shard="{i}",zone="eu-central-1"}} {version * 17 + i}'
                  for i in range(min(20, left))]
        family += 1
    return "\n".join(lines) + "\n"


def address(target, port):
    return f"127.1.{target // PER_RELEASE + 1}.{target % PER_RELEASE + 1}:{port}"


def expressions(window_s, by):
    """The five usual KPIs; `by` is the label that tells one release's targets from another's."""
    errors, all_ = (f"sum{by}(rate(http_requests_total{code}[{window_s}s]))" for code in ('{code=~"5.."}', ""))
    le = by.replace(")", ", le) ") if by else " by (le) "
    return {"requests": f"sum{by}(increase(http_requests_total[{window_s}s]))", "error_rate": f"{errors} / {all_}",
            "p95": f"histogram_quantile(0.95, sum{le}(rate(http_request_duration_seconds_bucket[{window_s}s])))",
            "lag": f"sum{by}(consumer_lag_events)", "critical": f"sum{by}(firing_critical_alerts)"}


class Pages:
    def __init__(self, world, series, coding):
        self.port = free_port()
        folder = world.folder / f"pages-{self.port}"
        folder.mkdir()
        files = []
        for version in range(VERSIONS):
            text = page(series, version).encode()
            files.append(folder / f"{version:02d}")
            files[-1].write_bytes(gzip.compress(text, 6) if coding == "gzip" else text)
        self.process = subprocess.Popen([world.programs / "pages", str(self.port), coding, *files])
        wait_until(lambda: call("127.0.0.1", self.port, "GET", "/metrics")[0] == 200, "the page server")

    def close(self):
        self.process.kill()
        self.process.wait()


class Scraper:
    """Something that scrapes: `pid`, and scrapes() so far."""

    def text(self):
        return call("127.0.0.1", self.port, "GET", "/metrics")[1]

    def number(self, name):
        return sum(float(value) for value in re.findall(rf"(?m)^{name}(?:{{.*}})? (\S+)$", self.text()))

    def read(self):
        return {"cpu": cpu_seconds(self.pid), "scrapes": self.number(self.SCRAPES)}

    def resident_mb(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) / 1024


class Ours(Scraper):
    SCRAPES = "headgate_scrapes_total"

    def __init__(self, world, targets, pages, every_s):
        folder = world.folder / f"scrape-{pages.port}"
        folder.mkdir()
        self.receiver = QuickReceiver(folder)
        urls = [f"http://127.1.${{service}}.{i + 1}:{pages.port}/metrics" for i in range(min(targets, PER_RELEASE))]
        document = json.loads(policy(pages)["test.yaml"])
        document["sources"]["app"] = {"scrape": urls, "every": f"{every_s}s", "timeout": f"{every_s}s"}
        document["evaluate_every"] = f"{every_s}s"
        for name, expr in expressions(every_s * WINDOW, "").items():
            document["kpis"][name]["expr"] = expr
        del document["gates"]["health"]
        document["stages"] = [{"stage": "canary", "weight": 10, "bake": "24h", "enter": ["set_weight"]}]
        self.daemon = Daemon(folder, world.postgres, world.postgres.database(), None, self.receiver,
                             {"test.yaml": json.dumps(document)})
        self.daemon.write_config(log_level="error", limits={"writes_per_second": 1000000, "writes_burst": 1000000,
                                                            "targets": 10000})
        self.daemon.start()
        self.port, self.pid = self.daemon.port, self.daemon.process.pid
        self.empty_mb = self.resident_mb()
        for release in range(-(-targets // PER_RELEASE)):
            self.daemon.create(service=str(release + 1))
        self.releases = release + 1

    def up(self):
        return self.number("headgate_scrape_targets_up")

    def close(self):
        self.daemon.kill()
        self.receiver.close()


class Prometheus(Scraper):
    SCRAPES = "prometheus_target_interval_length_seconds_count"

    def __init__(self, world, targets, pages, every_s):
        self.folder = world.folder / f"prometheus-scrape-{pages.port}"
        self.folder.mkdir()
        self.port = free_port()
        groups = {}
        for i in range(targets):
            groups.setdefault(str(i // PER_RELEASE + 1), []).append(address(i, pages.port))
        jobs = [{"job_name": "app", "static_configs": [{"targets": list_, "labels": {"service": name}}
                                                       for name, list_ in groups.items()]}]
        rules = [{"record": f"kpi_{name}", "expr": expr}
                 for name, expr in expressions(every_s * WINDOW, " by (service)").items()]
        (self.folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "kpis", "rules": rules}]}))
        (self.folder / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": f"{every_s}s", "scrape_timeout": f"{every_s}s",
                       "evaluation_interval": f"{every_s}s"},
            "rule_files": [str(self.folder / "rules.yml")], "scrape_configs": jobs}))
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log)
        self.pid = self.process.pid
        wait_until(lambda: call("127.0.0.1", self.port, "GET", "/-/ready")[0] == 200, "Prometheus")

    def up(self):
        result = call("127.0.0.1", self.port, "GET", "/api/v1/query?query=sum(up)")[1]["data"]["result"]
        return float(result[0]["value"][1]) if result else 0

    def close(self):
        self.process.kill()
        self.process.wait()


def measure(world, kinds, targets, series, coding, every_s):
    """{kind: {"us": CPU per scrape, "mb": resident, "lost": targets that were not up}}"""
    pages, running = Pages(world, series, coding), []
    try:
        running += [kind(world, targets, pages, every_s) for kind in kinds]
        for one in running:
            wait_until(lambda one=one: one.read()["scrapes"] >= targets, f"{targets} targets to be scraped")
        time.sleep(WARM_S)
        before = [one.read() for one in running]
        time.sleep(MEASURE_S)
        found = {}
        for one, was in zip(running, before):
            now = one.read()
            found[type(one)] = {"us": (now["cpu"] - was["cpu"]) / (now["scrapes"] - was["scrapes"]) * 1e6,
                                "rate": (now["scrapes"] - was["scrapes"]) / MEASURE_S,
                                "mb": one.resident_mb(), "lost": targets - one.up()}
            found[type(one)]["grown_mb"] = found[type(one)]["mb"] - getattr(one, "empty_mb", 0)
        return found
    finally:
        for one in [*running, pages]:
            one.close()


def run(world):
    kinds = [Ours, Prometheus] if shutil.which("prometheus") else [Ours]
    for targets, series in ((500, 1000), (2000, 100)):
        for coding in ("gzip", "identity"):
            found = measure(world, kinds, targets, series, coding, every_s=5)
            ours, theirs = found[Ours], found.get(Prometheus, {})
            lost = "".join(f"; {int(one['lost'])} {name} TARGETS LOST" for name, one in (("OUR", ours), ("THEIR", theirs))
                           if one.get("lost"))
            what = f"scrape: {targets:,} x {series:,}, {coding}"
            line(f"{what}, CPU per scrape", ours["us"], theirs.get("us"), "µs",
                 f"prometheus, same targets and KPIs{lost}", less_is_better=True)
            line(f"{what}, resident", ours["mb"], theirs.get("mb"), "MB", "prometheus", less_is_better=True)
