"""Random pages of metrics: counters with resets and gaps, gauges, odd values, histograms good and bad, many labels.

All values are small multiples of 1/8, so that sums and products of them are exact and no order of adding shows;
histogram bounds and NaN and Inf aside. Times are in milliseconds.
"""

STEP_MS = 15000
SAMPLES = 90
SPAN_MS = STEP_MS * SAMPLES
JOBS = ("api", "web", "db")
ZONES = ("a", "b", "été", 'q"\\x')
BOUNDS = ("0.005", "0.1", "0.25", "0.5", "1", "2.5", "10")


class Series:
    def __init__(self, name, labels, samples):
        self.name, self.labels, self.samples = name, labels, samples


class Page:
    """One stretch of time. `start` and `end` in ms; `series` in an order OpenMetrics allows."""

    def __init__(self, rng, start):
        self.rng, self.start, self.end = rng, start, start + SPAN_MS
        self.series = []
        for make in (self.requests, self.steady, self.gauges, self.per_job, self.odd, self.histograms, self.many):
            make()

    def times(self, phase=0, missing=0.05):
        """When one target was scraped: some scrapes missing, now and then a long gap, or a late start."""
        rng, out, k = self.rng, [], 0
        if rng.random() < 0.25:
            k = rng.randrange(SAMPLES)
        until = SAMPLES if rng.random() < 0.8 else rng.randrange(k, SAMPLES)
        while k <= until:
            if rng.random() < 0.004:
                k += rng.randrange(5, 30)
            elif rng.random() >= missing:
                out.append(self.start + k * STEP_MS + phase)
            k += 1
        return out

    def add(self, name, labels, times, values):
        samples = list(zip(times, values))
        if samples:
            self.series.append(Series(name, labels, samples))

    def counter(self, n, first, most, reset):
        """Values of a counter."""
        rng, value, out = self.rng, first, []
        for _ in range(n):
            out.append(value)
            if rng.random() < reset:
                value = rng.randrange(0, 40) / 8
            elif rng.random() < 0.8:
                value += rng.randrange(0, most) / 8
        return out

    def requests(self):
        for job in JOBS:
            for instance in range(self.rng.randrange(1, 4)):
                phase = self.rng.choice((0, 0, self.rng.randrange(1, 1000)))
                for code in self.rng.sample(("200", "404", "500", "503"), 2):
                    times = self.times(phase)
                    first = self.rng.choice((0, 1, 8000, self.rng.randrange(0, 800)))
                    self.add("req_total", {"job": job, "instance": str(instance), "code": code}, times,
                             self.counter(len(times), first, self.rng.choice((9, 80, 900)), self.rng.choice((0, 0.03, 0.2))))

    def steady(self):
        """Counters that never reset, far above zero, whose samples never stand on a whole second: their rate is the
        same by every version's rules, also within subqueries."""
        for job in JOBS:
            for instance in range(2):
                times = self.times(self.rng.randrange(1, 1000))
                self.add("big_total", {"job": job, "instance": str(instance)}, times,
                         self.counter(len(times), 1 << 24, 400, 0))

    def gauges(self):
        for job in JOBS:
            for instance in range(self.rng.randrange(1, 4)):
                times = self.times(self.rng.choice((0, 0, 500)), 0.1)
                labels = {"job": job, "instance": str(instance)}
                if self.rng.random() < 0.8:
                    labels["zone"] = self.rng.choice(ZONES)
                self.add("temp", labels, times, [self.rng.randrange(-800, 800) / 8 for _ in times])

    def per_job(self):
        for job in JOBS:
            times = self.times()
            self.add("load", {"job": job}, times, [self.rng.randrange(0, 80) / 8 for _ in times])
            self.add("meta", {"job": job, "version": self.rng.choice(("v1", "v2")), "zone": "a"}, times, [1] * len(times))

    def odd(self):
        strange = (float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1.5, 1e18, 2.0**-30, -3.0)
        for i in range(5):
            times = self.times()
            few = self.rng.sample(strange, 4) if i else (float("nan"),)
            self.add("odd", {"job": self.rng.choice(JOBS), "i": str(i)}, times, [self.rng.choice(few) for _ in times])

    def histograms(self):
        for job in JOBS:
            for instance in range(2):
                bounds = sorted(self.rng.sample(BOUNDS, self.rng.randrange(1, len(BOUNDS))), key=float)
                if self.rng.random() < 0.85:
                    bounds.append("+Inf")
                times = self.times(0, 0.02)
                rows, below = [], [0.0] * len(times)
                torn = self.rng.random() < 0.15
                for le in bounds:
                    more = self.counter(len(times), self.rng.randrange(0, 9), 20, 0)
                    below = [a + b for a, b in zip(below, more)]
                    rows.append((le, [max(0.0, v - self.rng.randrange(0, 40)) if torn else v for v in below]))
                if self.rng.random() < 0.15 and "1" in bounds:
                    rows.append(("1.0", dict(rows)["1"]))
                for le, values in rows:
                    self.add("lat_bucket", {"job": job, "instance": str(instance), "le": le}, times, values)

    def many(self):
        for i in range(2):
            times = self.times()
            labels = {f"l{n:02}": self.rng.choice(("", "x", "y" * 40)) for n in range(20)}
            labels = {"job": self.rng.choice(JOBS), "i": str(i), **{k: v for k, v in labels.items() if v}}
            self.add("many", labels, times, [self.rng.randrange(-80, 80) / 8 for _ in times])


def number(value):
    if value != value:
        return "NaN"
    return {float("inf"): "+Inf", float("-inf"): "-Inf"}.get(value, repr(float(value)))


def escape(text):
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def openmetrics(pages):
    """The text both sides read. Family by family; histograms as unknown, since many of them are none."""
    lines = []
    by_series = {}
    for page in pages:
        for s in page.series:
            by_series.setdefault((s.name, tuple(sorted(s.labels.items()))), []).extend(s.samples)
    family = None
    for name, labels in sorted(by_series):
        if name != family:
            family = name
            is_counter = name.endswith("_total")
            lines.append(f"# TYPE {name.removesuffix('_total')} {'counter' if is_counter else 'unknown'}")
        inside = ",".join(f'{k}="{escape(v)}"' for k, v in labels)
        for at, value in sorted(by_series[name, labels]):
            lines.append(f"{name}{{{inside}}} {number(value)} {at / 1000:.3f}")
    lines.append("# EOF\n")
    return "\n".join(lines)


def prometheus_text(text):
    """The same page in Prometheus' format: every other seed is read from it."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            line, at = line.rsplit(" ", 1)
            lines.append(f"{line} {round(float(at) * 1000)}")
    return "\n".join(lines) + "\n"
