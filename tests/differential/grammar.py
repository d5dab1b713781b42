"""Random expressions: what headgate is asked, and, by the rules of reference.py, what the reference is asked.

`exact`: the value is free of rounding, so that comparing, rounding and printing it is safe. A function that jumps is
only put over exact values; else the last digit, which is free, would decide.
"""
import re

from pages import JOBS, ZONES, escape
import reference

LABELS = {
    "req_total": ("job", "instance", "code"),
    "big_total": ("job", "instance"),
    "temp": ("job", "instance", "zone"),
    "load": ("job",),
    "meta": ("job", "version", "zone"),
    "odd": ("job", "i"),
    "lat_bucket": ("job", "instance", "le"),
    "many": ("job", "i", "l01", "l02"),
}
VALUES = {"job": JOBS, "instance": ("0", "1", "2"), "code": ("200", "404", "500"), "zone": ZONES, "le": ("0.1", "1", "+Inf"),
          "version": ("v1", "v2"), "i": ("0", "1"), "l01": ("x",), "l02": ("x",)}
PATTERNS = {"job": ("a.*", "api|web", ".+", "d?b", "[aw].*", ".*i", ""), "instance": ("[0-1]", "0|2", "\\\\d"),
            "code": ("5..", "4.*|2.*", "20[0-9]"), "zone": (".*", "a|b", "[^a]+", "é.*", "ét."), "le": ("0.*", ".*Inf")}
ARITHMETIC = ("+", "-", "*", "/", "%", "^", "atan2")
COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")
SETS = ("and", "or", "unless")
SMOOTH = ("sqrt", "exp", "ln", "log2", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asinh", "atan", "asin", "acos",
          "acosh", "atanh", "deg", "rad")
JUMPING = ("ceil", "floor", "sgn", "abs")
DATES = ("minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year")
EXACT_RANGES = ("min_over_time", "max_over_time", "sum_over_time", "count_over_time", "last_over_time",
                "present_over_time", "changes", "resets", "idelta")
ROUNDED_RANGES = ("avg_over_time", "stddev_over_time", "stdvar_over_time", "irate", "deriv")
RATES = ("rate", "increase", "delta")


class Node:
    """`text` for headgate; ask(ref) is the same for the reference. `check`: how results are compared, at the root."""

    def __init__(self, kind, text, ask, exact=False, check=None, name=None, odd=False):
        self.kind, self.text, self.ask, self.exact, self.check = kind, text, ask, exact, check
        self.name = name  # of the metric, where there is just one
        self.odd = odd    # may hold NaN or Inf

    def __str__(self):
        return self.text


def constant(kind, text, exact=True, **more):
    return Node(kind, text, lambda ref: text, exact, **more)


def duration(rng, ms):
    """The same length in one of its spellings."""
    if ms % 60000 == 0 and rng.random() < 0.7:
        return f"{ms // 60000}m"
    if ms % 1000 == 0:
        return rng.choice((f"{ms // 1000}s", f"{ms // 60000}m{ms // 1000 % 60}s" if ms > 60000 else f"{ms // 1000}s"))
    return f"{ms}ms"


class Grammar:
    def __init__(self, rng, page, at_ms):
        self.rng, self.page, self.at_ms = rng, page, at_ms
        self.inside = 0  # of subqueries

    def chance(self, p):
        return self.rng.random() < p

    # Selectors.

    def matchers(self, name):
        out = []
        for label in self.rng.sample(LABELS[name], min(len(LABELS[name]), self.rng.choice((0, 0, 0, 0, 1, 1, 2)))):
            op = self.rng.choice(("=", "!=", "=~", "!~"))
            if op in ("=~", "!~") and label in PATTERNS:
                value = self.rng.choice(PATTERNS[label])
            elif op in ("=~", "!~"):
                value = ".*"
            else:
                value = escape(self.rng.choice(VALUES[label] * 3 + ("nobody", "")))
            quote = '"'
            out.append(f"{label}{op}{quote}{value}{quote}")
        return out

    def selector_text(self, names=None):
        name = self.rng.choice(names or tuple(LABELS) + ("req_total", "temp", "req_total", "absent_name"))
        matchers = self.matchers(name) if name in LABELS else ['job="api"'][:self.rng.randrange(2)]
        if self.chance(0.08):
            matchers.insert(0, f'__name__="{name}"')
            return name, "{" + ",".join(matchers) + "}"
        return name, name + ("{" + ",".join(matchers) + self.rng.choice(("", "", ",")) + "}" if matchers or self.chance(0.1) else "")

    def place(self, whole_seconds=False):
        """(text for headgate, text for the reference, ms from the evaluation's time, rules)."""
        rng, text, theirs, shift, rules = self.rng, "", "", 0, []
        parts = []
        if self.chance(0.1) and not self.inside:
            at = rng.choice(("start()", "end()", None, None))
            if at is None:
                ms = self.at_ms - rng.randrange(0, 600) * 1000
                at, shift = f"{ms / 1000:.3f}", ms - self.at_ms
            parts.append((f" @ {at}",) * 2)
        if self.chance(0.15):
            ms = rng.choice((15000, 60000, 30000, 120000, -15000, -60000)) + (0 if whole_seconds or self.chance(0.8) else 250)
            shift -= ms
            sign = "-" if ms < 0 else rng.choice(("", "", "")) 
            written = duration(rng, abs(ms))
            mine = written
            if self.chance(0.1):
                mine = f"{abs(ms) / 1000:g}"
                rules.append("seconds")
            parts.append((f" offset {sign}{mine}", f" offset {sign}{written}"))
        rng.shuffle(parts)
        for mine, other in parts:
            text, theirs = text + mine, theirs + other
        return text, theirs, shift, rules

    def instant(self, names=None):
        name, text = self.selector_text(names)
        mine, theirs, _, rules = self.place()

        def ask(ref):
            for rule in rules:
                ref.rule(rule)
            return text + theirs
        return Node("vector", text + mine, ask, True, name=name, odd=name == "odd")

    def range(self, names=None):
        """A range selector as (name, text, plain, left-open, range_ms, shift_ms, rules)."""
        rng = self.rng
        name, text = self.selector_text(names)
        ms = rng.choice((30000, 45000, 60000, 60000, 120000, 300000, 300000, 600000, 67000, 12345))
        mine, theirs, shift, rules = self.place(bool(self.inside))
        written, asked = duration(rng, ms), duration(rng, ms)
        rules = list(rules)
        if self.chance(0.06):
            written = f"{ms / 1000:g}"
            rules.append("seconds")
        return name, f"{text}[{written}]{mine}", f"{text}[{asked}]{theirs}", f"{text}[{ms - 1}ms]{theirs}", ms, shift, rules

    def left_open(self, sel):
        def ask(ref):
            for rule in sel[6]:
                ref.rule(rule)
            ref.rule("left-open")
            return sel[3]
        return ask

    def subquery(self, body):
        """(text, ask for the left-open one, plain ask, range ms, shift)."""
        rng = self.rng
        ms = rng.choice((120000, 180000, 300000, 240000))
        step = rng.choice((None, 10000, 15000, 30000, 60000, 45000))
        mine, theirs, shift, rules = self.place(True)
        end = ":" + (duration(rng, step) if step else "") + "]"

        def asker(length):
            def ask(ref):
                for rule in rules:
                    ref.rule(rule)
                if length != ms:
                    ref.rule("left-open")
                return f"{body.ask(ref)}[{length}ms{end}{theirs}"
            return ask
        return f"{body.text}[{duration(rng, ms)}{end}{mine}", asker(ms - 1), asker(ms), ms, shift

    # Functions over ranges.

    def over_range(self, depth):
        rng = self.rng
        roll = rng.random()
        if roll < 0.3:
            return self.rate()
        if roll < 0.36 and not self.inside:
            return self.newer()
        if roll < 0.5 and depth > 0 and self.inside < 2:
            return self.over_subquery(depth)
        sel = self.range()
        return self.function_of_range(sel[0], sel[1], self.left_open(sel))

    def function_of_range(self, name, text, ask, exact=True):
        rng = self.rng
        odd = name == "odd"
        roll = rng.random()
        if roll < 0.12:
            q = rng.choice(("0.5", "0.9", "0", "1", "-1", "2", "0.25"))
            return Node("vector", f"quantile_over_time({q}, {text})", lambda ref: f"quantile_over_time({q}, {ask(ref)})",
                        False, odd=odd)
        if roll < 0.18:
            seconds = rng.choice(("60", "3600", "-30", "5m"))
            return Node("vector", f"predict_linear({text}, {seconds})", self.with_number(
                lambda ref, s: f"predict_linear({ask(ref)}, {s})", seconds), odd=odd)
        if roll < 0.23:
            return Node("vector", f"double_exponential_smoothing({text}, 0.5, 0.25)", self.ruled(
                "renamed", lambda ref: f"holt_winters({ask(ref)}, 0.5, 0.25)"), odd=odd)
        if roll < 0.28:
            return Node("vector", f"absent_over_time({text})", lambda ref: f"absent_over_time({ask(ref)})", True)
        function = rng.choice(EXACT_RANGES if rng.random() < 0.65 else ROUNDED_RANGES)
        if function in ("stddev_over_time", "stdvar_over_time"):
            def deviation(ref):
                ref.rule("deviation")
                inner = ask(ref)
                return f"({function}({inner}) + 0 * sum_over_time({inner}))"
            return Node("vector", f"{function}({text})", deviation, odd=odd)
        if function == "avg_over_time":
            def mean(ref):
                ref.rule("mean")
                inner = ask(ref)
                return f"(sum_over_time({inner}) / count_over_time({inner}))"
            return Node("vector", f"{function}({text})", mean, odd=odd)
        return Node("vector", f"{function}({text})", lambda ref: f"{function}({ask(ref)})",
                    exact and not odd and function in EXACT_RANGES, odd=odd)

    @staticmethod
    def ruled(rule, ask):
        def wrapped(ref):
            ref.rule(rule)
            return ask(ref)
        return wrapped

    @staticmethod
    def with_number(ask, text):
        """Where a number stands, "5m" is one in version 3."""
        seconds = {"5m": "300", "1m30s": "90"}.get(text)

        def wrapped(ref):
            if seconds:
                ref.rule("duration-number")
            return ask(ref, seconds or text)
        return wrapped

    def rate(self):
        kind = self.rng.choice(RATES)
        if self.inside:
            sel = self.range(("big_total",))
            return Node("vector", f"{kind}({sel[1]})", self.noted(sel[6], lambda ref: f"{kind}({sel[2]})"))
        sel = self.range(("req_total", "req_total", "big_total", "lat_bucket") if self.chance(0.9) else None)
        return Node("vector", f"{kind}({sel[1]})", self.noted(
            sel[6], lambda ref: reference.rate_node(ref, kind, sel[3], sel[2], sel[4], sel[5])), odd=sel[0] == "odd")

    @staticmethod
    def noted(rules, ask):
        def wrapped(ref):
            for rule in rules:
                ref.rule(rule)
            return ask(ref)
        return wrapped

    def newer(self):
        function = self.rng.choice(tuple(reference.OVER_TIME))
        sel = self.range(("temp", "req_total", "load", "many"))
        return Node("vector", f"{function}({sel[1]})", self.noted(
            sel[6], lambda ref: reference.over_time(ref, function, sel[3])), function == "first_over_time")

    def over_subquery(self, depth):
        self.inside += 1
        body = self.vector(min(depth - 1, 2))
        self.inside -= 1
        body = wrap(body)
        text, ask, plain, ms, shift = self.subquery(body)
        if not self.inside and self.chance(0.2):
            kind = self.rng.choice(RATES)
            return Node("vector", f"{kind}({text})", lambda ref: reference.rate_node(
                ref, kind, ask(ref), plain(ref), ms, shift), odd=True)
        node = self.function_of_range("odd" if body.odd else body.name, text, ask, body.exact)
        return node

    # Vectors.

    def vector(self, depth):
        rng = self.rng
        if depth <= 0:
            return self.instant() if self.chance(0.7) else self.over_range(0)
        make = rng.choices(
            (self.instant, lambda: self.over_range(depth), lambda: self.aggregation(depth), lambda: self.binary(depth),
             lambda: self.call(depth), lambda: self.quantile(depth), lambda: self.labels(depth),
             lambda: self.signed(depth)),
            (10, 22, 22, 24, 14, 6, 6, 3))[0]
        return make()

    def signed(self, depth):
        n = self.vector(depth - 1)
        sign = self.rng.choice("-+-")
        return Node("vector", f"{sign}{wrap(n).text}", lambda ref: f"{sign}{wrap(n).ask(ref)}", n.exact, odd=n.odd)

    def scalar(self, depth):
        rng = self.rng
        roll = rng.random()
        if roll < 0.5 or depth <= 0:
            return constant("scalar", rng.choice(("0", "1", "2", "0.5", "100", "-3", "1e3", "0x10", ".25", "8")))
        if roll < 0.55:
            return constant("scalar", rng.choice(("NaN", "Inf", "-Inf", "+Inf")), odd=True)
        if roll < 0.62:
            text = rng.choice(("5m", "1m30s"))
            return Node("scalar", text, self.with_number(lambda ref, s: s, text), True)
        if roll < 0.7:
            return constant("scalar", rng.choice(("time()", "pi()")), False)
        if roll < 0.85:
            n = self.vector(depth - 1)
            return Node("scalar", f"scalar({n})", lambda ref: f"scalar({n.ask(ref)})", n.exact, odd=True)
        a, b = wrap(self.scalar(depth - 1)), wrap(self.scalar(depth - 1))
        if self.chance(0.3) and a.exact and b.exact:
            op = f"{rng.choice(COMPARISONS)} bool"
        else:
            op = rng.choice(ARITHMETIC if a.exact and b.exact else ("+", "*", "/"))
        return Node("scalar", f"{a} {op} {b}", lambda ref: f"{a.ask(ref)} {op} {b.ask(ref)}",
                    a.exact and b.exact and op in ("+", "-", "*"), odd=True)

    def grouping(self, n):
        rng = self.rng
        labels = ("job", "instance", "code", "zone", "le", "version", "i")
        if self.chance(0.25):
            return ""
        some = rng.sample(labels, rng.randrange(0, 3))
        if self.chance(0.4):
            some = ["job"]
        if self.chance(0.05):
            some.append("__name__")
        return f"{rng.choice(('by', 'by', 'without'))} ({', '.join(some)}{',' if some and self.chance(0.1) else ''})"

    def aggregation(self, depth):
        rng = self.rng
        n, by = self.vector(depth - 1), self.grouping(None)
        name = rng.choice(("sum", "sum", "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile", "topk", "bottomk",
                           "count_values"))
        if name == "count_values":
            if not n.exact or n.odd:
                n = self.instant(("load", "req_total", "temp"))
            return self.aggregate_text(name, '"v"', by, n, True)
        if name == "quantile":
            return self.aggregate_text(name, rng.choice(("0.5", "0.9", "0", "1", "-1", "1.5", "NaN", "0.33")), by, n, False)
        if name in ("topk", "bottomk"):
            # Which of equal elements it takes is free, and would show in what is made of it.
            return self.top(name, by, self.instant(("temp",)))
        if name in ("stddev", "stdvar"):
            by = by.replace(", __name__", "").replace("__name__", "")  # + drops it
            if any(word in n.text for word in ("time(", "ts_of", "timestamp", "big_total", "odd")):
                n = self.instant(("temp", "req_total", "odd"))  # far from zero only the order of adding shows

            def ask(ref):
                ref.rule("deviation")
                inner = n.ask(ref)
                return f"({name} {by} ({inner}) + 0 * sum {by} ({inner}))"
            return Node("vector", f"{name} {by} ({n})", ask, odd=n.odd)
        if name == "avg":
            by = by.replace(", __name__", "").replace("__name__", "")  # / drops it

            def mean(ref):
                ref.rule("mean")
                inner = n.ask(ref)
                return f"(sum {by} ({inner}) / count {by} ({inner}))"
            return Node("vector", f"avg {by} ({n})", mean, odd=n.odd)
        return self.aggregate_text(name, None, by, n, n.exact and name != "avg" or name in ("count", "group"))

    def aggregate_text(self, name, param, by, n, exact):
        before = self.chance(0.7)
        head = f"{param}, " if param else ""

        def form(inner):
            return f"{name} {by} ({head}{inner})" if before else f"{name}({head}{inner}) {by}"
        return Node("vector", form(n.text), lambda ref: form(n.ask(ref)), exact,
                    odd=n.odd and name not in ("count", "group", "count_values"))

    def top(self, name, by, n):
        k = self.rng.choice(("1", "2", "3", "0", "-1", "2.7", "100"))
        text = f"{name} {by} ({k}, {n})"
        return Node("vector", text, lambda ref: f"{name} {by} ({k}, {n.ask(ref)})", False, check="ties", odd=n.odd)

    def matching(self, a, b):
        rng = self.rng
        roll = rng.random()
        if roll < 0.45:
            return ""
        word = rng.choice(("on", "on", "on", "ignoring"))
        labels = rng.sample(("job", "instance", "zone", "code", "le", "version", "i"), rng.randrange(0, 4)) \
            if word == "ignoring" else rng.choice((["job"], ["job"], ["job", "instance"], [], ["zone"]))
        text = f" {word} ({', '.join(labels)})"
        if self.chance(0.5):
            extra = rng.choice(("", "", "()", "(version)", "(zone)", "(version, zone)"))
            text += rng.choice((" group_left", " group_right", " group_left")) + extra
        return text

    def binary(self, depth):
        rng = self.rng
        roll = rng.random()
        if roll < 0.35:
            a, b = wrap(self.vector(depth - 1)), wrap(self.scalar(depth - 1))
            if self.chance(0.4):
                a, b = b, a
            match = ""
        else:
            a, b = wrap(self.vector(depth - 1)), wrap(self.vector(depth - 1))
            if self.chance(0.25):
                # Something that fits: the same labels on both sides.
                b = wrap(self.instant((a.name,))) if a.name in LABELS else b
            match = self.matching(a, b)
        both = a.kind == b.kind == "vector"
        exact = a.exact and b.exact
        if both and roll > 0.8:
            op = rng.choice(SETS)
            match = match.split(" group_")[0]
            keeps = exact
        elif self.chance(0.35) and (exact or not both):
            op, keeps = rng.choice(COMPARISONS), exact
            if not exact:
                op = rng.choice((">", "<"))
            if self.chance(0.4):
                op, keeps = op + " bool", True
        else:
            op = rng.choice(ARITHMETIC if exact else ("+", "*", "/", "-" if exact else "+"))
            keeps = exact and op in ("+", "-") or exact and op == "*" and a.text.count("*") + b.text.count("*") < 2

        # "group_left (" would begin a list of labels, and what is asked may begin with a parenthesis.
        bare = match.endswith(("left", "right"))
        if bare and b.text.startswith("("):
            match, bare = f"{match} ()", False

        def ask(ref):
            plain = f"{a.ask(ref)} {op}{match}{' ()' if bare else ''} {b.ask(ref)}"
            if op in COMPARISONS and both:
                # Asked for once more in a form that filters nothing and adds nothing, for its errors.
                ref.rule("filtered")
                every = f"{a.ask(ref)} {op} bool{match}{' ()' if bare else ''} {b.ask(ref)}"
                return f"(({plain}) unless on () (({every}) < 0))"
            if op != "atan2":
                return plain
            ref.rule("name")
            return f"(({plain}) * 1)"
        return Node("vector", f"({a} {op}{match} {b})" if op == "atan2" else f"{a} {op}{match} {b}", ask, keeps,
                    odd=a.odd or b.odd or op in ("/", "%", "^"))

    # Other functions.

    def call(self, depth):
        rng = self.rng
        n = self.vector(depth - 1)
        roll = rng.random()
        if roll < 0.25:
            f = rng.choice(SMOOTH)
            # Of something huge they tell one library of mathematics from the other.
            if f in ("sin", "cos", "tan") and re.search(r"exp\(|sinh\(|cosh\(|\^", n.text):
                f = "atan"
            return self.of(f, n, False)
        if roll < 0.4:
            return self.of(rng.choice(JUMPING), n if n.exact else self.instant(), not n.odd)
        if roll < 0.5:
            n = n if n.exact else self.instant()
            to = rng.choice(("", ", 1", ", 10", ", 0.5", ", 0.25", ", -2", ", 0"))
            return Node("vector", f"round({n}{to})", lambda ref: f"round({n.ask(ref)}{to})", False, odd=n.odd)
        if roll < 0.62:
            f, more = rng.choice((("clamp", ", -5, 5"), ("clamp", ", 5, -5"), ("clamp_min", ", 3"), ("clamp_max", ", 0.5"),
                                  ("clamp", ", NaN, 1"), ("clamp_max", ", NaN")))
            return Node("vector", f"{f}({n}{more})", lambda ref: f"{f}({n.ask(ref)}{more})", n.exact, odd=n.odd or "NaN" in more)
        if roll < 0.68:
            inner = self.instant()
            return self.of("timestamp", inner, True)
        if roll < 0.74:
            f = rng.choice(DATES)
            if self.chance(0.3):
                return constant("vector", f"{f}()", True)
            return self.of(f, self.of("timestamp", self.instant(), True), True)
        if roll < 0.82:
            return self.of("absent", n, True)
        if roll < 0.9:
            s = self.scalar(depth - 1)
            return Node("vector", f"vector({s})", lambda ref: f"vector({s.ask(ref)})", s.exact, odd=s.odd)
        return self.of("sgn", self.instant(("temp", "odd", "req_total")), True)

    @staticmethod
    def of(function, n, exact):
        return Node("vector", f"{function}({n})", lambda ref: f"{function}({n.ask(ref)})", exact and n.exact, odd=n.odd)

    def quantile(self, depth):
        rng = self.rng
        q = rng.choice(("0.5", "0.9", "0.99", "0", "1", "-0.1", "1.1", "NaN", "0.001"))
        roll = rng.random()
        if roll < 0.3:
            n = self.instant(("lat_bucket",))
        elif self.inside:
            n = self.instant(("lat_bucket",))
        else:
            sel = self.range(("lat_bucket",))
            kind = rng.choice(("rate", "increase"))
            n = Node("vector", f"{kind}({sel[1]})", self.noted(sel[6], lambda ref: reference.rate_node(
                ref, kind, sel[3], sel[2], sel[4], sel[5])))
        if self.chance(0.6):
            by = rng.choice(("by (le)", "by (job, le)", "without (instance)"))
            n = self.aggregate_text("sum", None, by, n, False)
        return Node("vector", f"histogram_quantile({q}, {n})", lambda ref: f"histogram_quantile({q}, {n.ask(ref)})", odd=True)

    def labels(self, depth):
        n = self.vector(depth - 1)
        args = self.rng.choice((
            ('label_replace', '"new", "$1", "job", "(.*)"'), ('label_replace', '"new", "x-$2$1", "job", "(.)(.*)"'),
            ('label_replace', '"job", "", "job", ".*"'), ('label_replace', '"zone", "${1}z", "zone", "(é|a).*"'),
            ('label_replace', '"__name__", "renamed", "job", "a.*"'), ('label_replace', '"new", "v", "nothing", ""'),
            ('label_join', '"new", "-", "job", "instance"'), ('label_join', '"instance", ",", "zone"'),
            ('label_join', '"job", ""')))
        return Node("vector", f"{args[0]}({n}, {args[1]})", lambda ref: f"{args[0]}({n.ask(ref)}, {args[1]})", n.exact, odd=n.odd)

    # The whole.

    def whole(self):
        rng = self.rng
        roll = rng.random()
        if roll < 0.06:
            sel = self.range()
            return Node("matrix", sel[1], self.left_open(sel), True)
        if roll < 0.09:
            self.inside += 1
            body = wrap(self.vector(1))
            self.inside -= 1
            text, ask, _, _, _ = self.subquery(body)
            return Node("matrix", text, ask)
        if roll < 0.14:
            return self.scalar(3)
        if roll < 0.15:
            return constant("string", rng.choice(('"a\\tb\\u00e9"', "'x'", "`raw\\n`")))
        if roll < 0.19:
            n = self.vector(2)
            return Node("vector", f"{(f := rng.choice(('sort', 'sort_desc')))}({n})", lambda ref: f"{f}({n.ask(ref)})", check="sorted")
        if roll < 0.21:
            n = self.instant(("temp", "req_total", "lat_bucket"))
            return Node("vector", f'sort_by_label({n}, "code", "le", "zone", "job", "instance")', n.ask, check="by-label")
        if roll < 0.24:
            return self.top(rng.choice(("topk", "bottomk")), self.grouping(None), self.vector(2))
        if roll < 0.26:
            n, k, by = self.instant(), rng.choice(("1", "2", "0", "10")), self.grouping(None)
            node = Node("vector", f"limitk {by} ({k}, {n})", n.ask, check="limitk")
            node.count = f"clamp_max(count {by} (%s), {k})"
            return node
        return self.vector(rng.choice((1, 2, 2, 3, 3, 4)))


def is_closed(text):
    """A name, a number, or a call whose first parenthesis is closed by the last."""
    plain = text.replace("_", "a").replace(".", "0").replace(":", "a")
    if plain.isalnum():
        return True
    head, bracket, rest = plain.partition("(")
    if not bracket or not rest.endswith(")") or not (head == "" or head.isalnum()) or '"' in text:
        return False
    depth = 1
    for c in rest[:-1]:
        depth += {"(": 1, ")": -1}.get(c, 0)
        if depth == 0:
            return False
    return True


def wrap(n):
    """In parentheses where what stands around it could bind otherwise."""
    if is_closed(n.text):
        return n
    return Node(n.kind, f"({n.text})", lambda ref: f"({n.ask(ref)})", n.exact, n.check, n.name, n.odd)


# What a slip of the pen does to an expression.

def mangle(rng, text):
    tokens = re.findall(r'"[^"]*"|[A-Za-z_0-9.:]+|\s+|[=!<>]=|[=!]~|.', text)
    for _ in range(rng.choice((1, 1, 2))):
        if not tokens:
            break
        i = rng.randrange(len(tokens))
        roll = rng.random()
        if roll < 0.35:
            del tokens[i]
        elif roll < 0.5:
            tokens.insert(i, tokens[rng.randrange(len(tokens))])
        elif roll < 0.65:
            j = rng.randrange(len(tokens))
            tokens[i], tokens[j] = tokens[j], tokens[i]
        else:
            tokens[i] = rng.choice(("(", ")", "[5m]", "[5m:]", "{", "}", ",", "by", "on (job)", "bool", "offset 1m", "offset", "@ 5",
                                    "and", "^", "-", "==", "=~", "sum", "rate", "1", "5m", "up", '"x"', "NaN", "without", "#", "group_left",
                                    "1e", "0x", "'", "`", "[", "]", "5", "ignoring()", "unless", "start()", "*", "1h1h", "atan2"))
    return "".join(tokens)
