"""Debian's Prometheus over backfilled samples, and what version 3 would say where the installed one is older.

A rule is a reason why the reference is asked something else than headgate, or its answer computed anew; every use
is counted by name. Nothing is ever left out.
"""
import collections
import http.client
import json
import math
import pathlib
import socket
import statistics
import subprocess
import time
import urllib.parse

RULES = {
    "left-open": "3.0: ranges and subqueries exclude their left edge: asked with a range shorter by 1 ms",
    "look-back": "3.0: the look-back of five minutes excludes its left edge: the server runs with 1 ms less",
    "rate": "3.0: extrapolation towards zero by at most half an interval, left-open window: computed from the samples",
    "deviation": "3.0: stddev and stdvar of NaN or Inf are NaN: asked for + 0 * sum",
    "newer-function": "not in 2.42: computed from the samples",
    "renamed": "3.0: holt_winters is double_exponential_smoothing",
    "seconds": "3.0: a plain number where a duration stands is in seconds: asked with the unit",
    "duration-number": "3.0: a duration where a number stands is in seconds: asked with the number",
    "computed": "3: lengths may be computed: asked with plain ones",
    "quoted": "3.0: label and metric names may stand in quotes, and be any text: asked with plain ones",
    "mean": "3.0: averages are exact sums divided once: asked for so",
    "filtered": "3: elements match twice is an error before the comparison filters them: also asked with bool",
    "name": "2.43: atan2 drops the metric name: asked for * 1",
    "limitk": "not in 2.42: which elements is free, their number is not",
    "sorted-by-label": "not in 2.42: sorted here",
    "early": "headgate refuses bad label names and patterns while parsing, Prometheus while evaluating",
    "ties": "which of equal elements topk and bottomk take is free",
}


class Failed(Exception):
    """The reference answered with an error; args[0] is its type."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, folder, text):
        self.folder = pathlib.Path(folder)
        page = self.folder / "page.om"
        page.write_text(text, encoding="utf-8")
        subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", str(page), str(self.folder / "data")],
                       check=True, capture_output=True)
        (self.folder / "prometheus.yml").write_text("scrape_configs: []\n")
        self.port = free_port()
        with open(self.folder / "prometheus.log", "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={self.folder}/prometheus.yml",
                 f"--storage.tsdb.path={self.folder}/data", "--storage.tsdb.retention.time=100y",
                 "--query.lookback-delta=4m59s999ms", f"--web.listen-address=127.0.0.1:{self.port}"],
                stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self.is_ready():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"Prometheus does not start: {(self.folder / 'prometheus.log').read_text()[-2000:]}")
            time.sleep(0.05)

    def is_ready(self):
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            c.request("GET", "/-/ready")
            return c.getresponse().status == 200
        except OSError:
            return False

    def close(self):
        self.process.kill()
        self.process.wait()


class Client:
    """One kept connection; one per thread."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def query(self, expr, at_ms):
        body = urllib.parse.urlencode({"query": expr, "time": f"{at_ms / 1000:.3f}"})
        self.connection.request("POST", "/api/v1/query", body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = json.loads(self.connection.getresponse().read())
        if answer["status"] != "success":
            raise Failed(answer.get("errorType", "?"), answer.get("error", "?"))
        return answer["data"]


class Reference:
    """One case: what the reference is to be asked at this time, and which rules that took."""

    def __init__(self, client, at_ms):
        self.client, self.at_ms = client, at_ms
        self.rules = collections.Counter()

    def rule(self, name):
        assert name in RULES, name
        self.rules[name] += 1

    def query(self, expr):
        return self.client.query(expr, self.at_ms)

    def matrix(self, expr):
        """[(labels, [(ms, value)])] of a range."""
        return [(row["metric"], [(round(float(t) * 1000), float(v)) for t, v in row["values"]])
                for row in self.query(expr)["result"]]

    def vector(self, expr):
        return [(row["metric"], float(row["value"][1])) for row in self.query(expr)["result"]]


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def literal(elements):
    """An expression that is just this vector."""
    seen, parts = set(), []
    for labels, value in elements:
        key = frozenset((k, v) for k, v in labels.items() if k != "__name__")
        if key in seen:
            raise Failed("execution", "the same label set twice")
        seen.add(key)
        part = f"vector({'NaN' if math.isnan(value) else repr(value).replace('inf', 'Inf')})"
        for name, text in labels.items():
            part = f'label_replace({part}, "{name}", {quoted(text.replace("$", "$$"))}, "", "")'
        parts.append(part)
    return f"({' or '.join(parts)})" if parts else "(vector(1) < 0)"


def unnamed(labels):
    return {k: v for k, v in labels.items() if k != "__name__"}


def rate_by(samples, start, end, kind, newest):
    """increase, rate or delta of one series in a window, by the rules of version 3 (`newest`) or 2.42."""
    is_counter = kind != "delta"
    if len(samples) < 2:
        return None
    (first_at, first), (last_at, last) = samples[0], samples[-1]
    change = last - first
    if is_counter:
        change += sum(a for (_, a), (_, b) in zip(samples, samples[1:]) if b < a)
    span = (last_at - first_at) / 1000
    average = span / (len(samples) - 1)
    before, after, most = (first_at - start) / 1000, (end - last_at) / 1000, average * 1.1
    to_zero = span * (first / change) if is_counter and change > 0 and first >= 0 else math.inf
    if newest:
        before = min(average / 2 if before >= most else before, to_zero)
    else:
        before = min(before, to_zero)
        before = before if before < most else average / 2
    whole = span + before + (after if after < most else average / 2)
    factor = whole / span
    return change * factor / ((end - start) / 1000 if kind == "rate" else 1)


def same(a, b):
    return a == b or (a != a and b != b) or (math.isfinite(a) and math.isfinite(b) and
                                             abs(a - b) <= 1e-12 * max(abs(a), abs(b)))


def rate_node(ref, kind, ours_left_open, plain, range_ms, shift_ms):
    """What to ask for rate(range): the range as it is where both versions agree, else the values of version 3.

    `ours_left_open` selects the samples version 3 looks at, `plain` is the range as written, `shift_ms` how far its
    end lies from the evaluation's time."""
    end = ref.at_ms + shift_ms
    new = {}
    for labels, samples in ref.matrix(ours_left_open):
        value = rate_by(samples, end - range_ms, end, kind, True)
        if value is not None:
            new[frozenset(labels.items())] = value
    old = {}
    for labels, samples in ref.matrix(plain):
        value = rate_by(samples, end - range_ms, end, kind, False)
        if value is not None:
            old[frozenset(labels.items())] = value
    if old.keys() == new.keys() and all(same(old[k], new[k]) for k in old):
        return f"{kind}({plain})"
    ref.rule("rate")
    return literal([(unnamed(dict(k)), v) for k, v in new.items()])


def median_deviation(values):
    if any(v != v for v in values):
        return None
    middle = statistics.median(values)
    return statistics.median([abs(v - middle) for v in values])


OVER_TIME = {
    "first_over_time": lambda s: s[0][1],
    "mad_over_time": lambda s: median_deviation([v for _, v in s]),
    "ts_of_first_over_time": lambda s: s[0][0] / 1000,
    "ts_of_last_over_time": lambda s: s[-1][0] / 1000,
}


def over_time(ref, name, selector):
    """A function of newer versions over a range, as a literal vector."""
    ref.rule("newer-function")
    keeps_name = name == "first_over_time"
    out = []
    for labels, samples in ref.matrix(selector):
        value = OVER_TIME[name](samples)
        assert value is not None, "mad_over_time of NaN"
        out.append((labels if keeps_name else unnamed(labels), value))
    return literal(out)
