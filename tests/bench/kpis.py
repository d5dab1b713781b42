"""The five usual KPIs over 10,000 series, against Debian's Prometheus on the same samples: evaluation alone, as each
program measures it itself. Then what a kept series takes in memory: 5 minutes at 15 s.
"""
import math
import shutil
import urllib.parse

from figures import in_turn, line, numbers
from harness import call
from promql import AT_S, SAMPLES, START_S, STEP_S, Prometheus
from scrape import BOUNDS, expressions

REQUESTS, HISTOGRAMS, GAUGES = 4000, 416, 504  # 4,000 + 416 x 12 + 2 x 504 are 10,000
EXPRESSIONS = expressions(300, "")


def samples(f):
    """As instances of one service would have them."""
    times = [(j, START_S + j * STEP_S) for j in range(SAMPLES)]
    f.write("# TYPE http_requests counter\n")
    for i in range(REQUESTS):
        labels = f'instance="127.0.0.1:{i // 20}",job="shop",code="{500 if i % 10 == 0 else 200}",path="/v1/part/{i % 20}"'
        f.writelines(f"http_requests_total{{{labels}}} {j * (i % 7 + 1)} {at}\n" for j, at in times)
    f.write("# TYPE http_request_duration_seconds histogram\n")
    for i in range(HISTOGRAMS):
        labels = f'instance="127.0.0.1:{i // 2}",job="shop",path="/v1/part/{i % 2}"'
        for j, at in times:
            f.writelines(f'http_request_duration_seconds_bucket{{{labels},le="{le}"}} {j * (b + 1) * 10} {at}\n'
                         for b, le in enumerate(BOUNDS))
    for name in ("consumer_lag_events", "firing_critical_alerts"):
        f.write(f"# TYPE {name} gauge\n")
        for i in range(GAUGES):
            f.writelines(f'{name}{{instance="127.0.0.1:{i}",job="shop"}} {i % 3} {at}\n' for _, at in times)
    f.write("# EOF\n")


def ask(server, expr):
    data = call("127.0.0.1", server.port, "GET",
                f"/api/v1/query?query={urllib.parse.quote(expr)}&time={AT_S}&stats=all")[1]["data"]
    return data["stats"]["timings"]["execTotalTime"] * 1e6, float(data["result"][0]["value"][1])


def theirs(server):
    found = [ask(server, expr) for expr in EXPRESSIONS.values()]
    return {f"{what}{i}": pair[k] for i, pair in enumerate(found) for k, what in enumerate(("us", "value"))}


def run(world):
    page = world.folder / "kpis.om"
    with open(page, "w", encoding="ascii") as f:
        samples(f)
    ways = {"ours": lambda: numbers(world.programs / "kpis", page, AT_S * 1000, *EXPRESSIONS.values())}
    server = Prometheus(world.folder / "prometheus-kpis", page) if shutil.which("prometheus") else None
    try:
        if server:
            theirs(server)  # the first one reads from disk
            ways["theirs"] = lambda: theirs(server)
        found = in_turn(ways)
    finally:
        if server:
            server.close()
    ours, peer = found["ours"], found.get("theirs")
    total = {}
    for i, name in enumerate(EXPRESSIONS):
        same = not peer or math.isclose(ours[f"value{i}"], peer[f"value{i}"], rel_tol=1e-6)
        for who, values in found.items():
            total[who] = total.get(who, 0) + values[f"us{i}"]
        line(f"kpis: {name}", ours[f"us{i}"], peer and peer[f"us{i}"], "µs",
             "prometheus, evaluation only" + ("" if same else "; THE RESULTS DIFFER"), less_is_better=True)
    rate = {who: 1e6 * len(EXPRESSIONS) / us for who, us in total.items()}
    line(f"kpis: the five over {ours['series']:,.0f} series", rate["ours"], rate.get("theirs"), "/s", "prometheus")
    line("kpis: memory of a kept series, 20 samples", ours["bytes_per_series"], 600, "B", "the target of 600 bytes",
         less_is_better=True)
