"""sum(rate(x[5m])) over many series, against Debian's Prometheus on the same samples.

Both times are the evaluation alone, as each program measures it itself: Prometheus' own execTotalTime, without
HTTP and JSON. Ours reads plain samples in memory, Prometheus decodes compressed ones from a block on disk that the
system has cached.
"""
import math
import shutil
import subprocess

from figures import in_turn, line, numbers
from harness import call, free_port, wait_until

SIZES = (1000, 20000)
SAMPLES, STEP_S, START_S = 20, 15, 1700000010  # as in promql.c
AT_S = START_S + (SAMPLES - 1) * STEP_S


def write_samples(page, nseries):
    with open(page, "w", encoding="ascii") as f:
        f.write("# TYPE x counter\n")
        for i in range(nseries):
            labels = f'instance="{i}",job="shop",zone="eu-central-1"'
            f.writelines(f"x_total{{{labels}}} {j * (i % 7 + 1)} {START_S + j * STEP_S}\n" for j in range(SAMPLES))
        f.write("# EOF\n")
    return page


class Prometheus:
    """Started over backfilled samples; nothing is scraped."""

    def __init__(self, folder, page):
        self.folder = folder
        self.folder.mkdir()
        subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", str(page), str(self.folder / "data")],
                       check=True, capture_output=True)
        (self.folder / "prometheus.yml").write_text("scrape_configs: []\n")
        self.port = free_port()
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={self.folder}/prometheus.yml",
                 f"--storage.tsdb.path={self.folder}/data", "--storage.tsdb.retention.time=100y",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log)
        wait_until(lambda: call("127.0.0.1", self.port, "GET", "/-/ready")[0] == 200, "Prometheus")

    def query(self):
        data = call("127.0.0.1", self.port, "GET",
                    f"/api/v1/query?query=sum(rate(x_total%5B5m%5D))&time={AT_S}&stats=all")[1]["data"]
        return {"us": data["stats"]["timings"]["execTotalTime"] * 1e6, "value": float(data["result"][0]["value"][1])}

    def close(self):
        self.process.kill()
        self.process.wait()


def run(world):
    for n in SIZES:
        ours, name = (lambda n=n: numbers(world.programs / "promql", n)), f"promql: sum(rate(x[5m])), {n:,} series"
        if not shutil.which("prometheus"):
            line(name, in_turn({"ours": ours})["ours"]["us"], None, "µs", "prometheus is not installed")
            continue
        server = Prometheus(world.folder / f"prometheus-{n}", write_samples(world.folder / f"{n}.om", n))
        try:
            server.query()  # the first one reads from disk
            found = in_turn({"ours": ours, "theirs": server.query}, rounds=7)
        finally:
            server.close()
        same = math.isclose(found["ours"]["value"], found["theirs"]["value"], rel_tol=1e-6)
        line(name, found["ours"]["us"], found["theirs"]["us"], "µs",
             "prometheus, evaluation only" + ("" if same else "; THE RESULTS DIFFER"), less_is_better=True)
