#!/usr/bin/python3
"""run.py EVALUATE [--cases N] [--seed S] [--folder F] - random expressions over random pages, headgate against Debian's
real Prometheus on the same samples. Every difference fails, and so does a run in which fewer cases had a value to
compare than ended with an error on both sides; where version 3 has another meaning than the installed
2.42, the reference is asked by the rules of reference.py, which are counted. The last line counts: N passed, N failed.

--case K runs one case and shows both sides.
"""
import argparse
import collections
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import threading

import compare
import grammar
import pages
import reference

PAGES = 6
ROUND = 3000  # cases per Prometheus
START_MS = 1700006400000  # a multiple of two hours, the length of a block
PAGE_EVERY_MS = 2400000


class Case:
    def __init__(self, number, at_ms, node, mangled):
        self.number, self.at_ms, self.node, self.mangled = number, at_ms, node, mangled
        self.mine = self.theirs = self.asked = None
        self.rules = collections.Counter()
        self.same = False

    def text(self):
        return self.node.text if self.mangled is None else self.mangled


def make_cases(seed, n, all_pages):
    cases = []
    for i in range(n):
        rng = random.Random(f"{seed} {i}")
        page = rng.choice(all_pages)
        at = page.start + rng.randrange(20, pages.SAMPLES + 25) * pages.STEP_MS
        if rng.random() < 0.6:
            at += rng.randrange(1, pages.STEP_MS)
        node = grammar.Grammar(rng, page, at).whole()
        cases.append(Case(i, at, node, grammar.mangle(rng, node.text) if rng.random() < 0.12 else None))
    return cases


def ask_ours(program, page, cases):
    """All in one process; false when it did not end well. It is told where it died."""
    lines = "".join(f"{c.at_ms / 1000:.3f} {json.dumps(c.text())}\n" for c in cases)
    done = subprocess.run([program, page], input=lines, capture_output=True, text=True, check=False)
    answers = done.stdout.splitlines()
    for case, answer in zip(cases, answers):
        case.mine = json.loads(answer)
    if len(answers) != len(cases) or done.returncode != 0:
        died = cases[len(answers)] if len(answers) < len(cases) else None
        sys.stderr.write(f"{done.stderr[-6000:]}\nended with {done.returncode} at: {died and (died.text())}\n")
        for case in cases[len(answers):]:
            case.mine = {"status": "error", "errorType": "died", "error": "the program died"}
        return False
    return True


# A number of seconds where 2.42 wants a duration, and the other way round: only where a slip has made one.
BARE_LENGTH = re.compile(r"(\[\s*|:\s*|\boffset\s*-?\s*)([0-9]+\.?[0-9]*(?:e[0-9]+)?)(?=\s*[\]:)\s,]|$)")
QUOTED_LABEL = re.compile(r'([{,]\s*)"[^"]*"(?=\s*(?:!=|=|!~))')
QUOTED_METRIC = re.compile(r'(\{(?:[^{}"]|"[^"]*")*?)(?<![=~])"[^"]+"(?=\s*[,}])')
QUOTED_GROUPING = re.compile(r'(\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*?)"[^"]*"')
COMPUTED_RANGE = re.compile(r"\[[^\[\]:]*[-+*/%^()][^\[\]:]*(?=[\]:])")
COMPUTED_STEP = re.compile(r"(\[[^\[\]:]*:)[^\[\]:]*[-+*/%^()][^\[\]:]*(?=\])")
COMPUTED_OFFSET = re.compile(r"\boffset\s*[-+]?\s*\([^()]*\)")
BARE_DURATION = re.compile(r"(?<![\[:\w.])(?<!offset )(?<!offset -)(?<!offset-)((?:[0-9]+(?:ms|[smhdwy]))+)\b")
ANY_DURATION = re.compile(r"\b(?:[0-9]+(?:ms|[smhdwy]))+\b(?![^\[]*\])")
NEWER_NAMES = {"double_exponential_smoothing": "holt_winters", "limitk": "topk", "sort_by_label": "label_join",
               **{name: "last_over_time" for name in reference.OVER_TIME}}
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}


def seconds_of(match):
    text = match[0]
    return format(sum(int(n) * UNITS[u] for n, u in re.findall(r"([0-9]+)(ms|[smhdwy])", text)), "g")


def parses(ref, text):
    try:
        ref.query(text)
    except reference.Failed as e:
        return e.args[0] != "bad_data"
    return True


def succeeds(ref, text):
    try:
        ref.query(text)
    except reference.Failed:
        return False
    return True


def judge_mangled(case, ref):
    """Both take it, or both refuse it."""
    mine = case.mine.get("errorType") not in ("bad_data", "died")
    case.asked = case.mangled
    theirs = parses(ref, case.asked)
    if mine and not theirs:
        older = case.asked
        for old, new in NEWER_NAMES.items():
            if old in older:
                ref.rule("renamed" if new == "holt_winters" else "newer-function")
                older = older.replace(old, new)
        for rule, pattern, newer in (("seconds", BARE_LENGTH, lambda m: f"{m[1]}{round(float(m[2]) * 1000)}ms"),
                                     ("quoted", QUOTED_LABEL, r"\1quoted"),
                                     ("quoted", QUOTED_METRIC, r'\1__name__="quoted"'),
                                     ("quoted", QUOTED_GROUPING, r"\1quoted"), ("computed", COMPUTED_RANGE, "[5m"),
                                     ("computed", COMPUTED_STEP, r"\g<1>1m"), ("computed", COMPUTED_OFFSET, "offset 5m"),
                                     ("duration-number", BARE_DURATION, seconds_of),
                                     ("duration-number", ANY_DURATION, seconds_of)):
            if not parses(ref, older) and (changed := pattern.sub(newer, older)) != older:
                ref.rule(rule)
                older = changed
        case.asked, theirs = older, parses(ref, older)
    if not mine and theirs and not succeeds(ref, case.asked):
        ref.rule("early")
        theirs = False
    case.theirs = "taken" if theirs else "refused"
    case.same = mine == theirs and case.mine.get("errorType") != "died"


def judge(case, client):
    ref = reference.Reference(client, case.at_ms)
    try:
        if case.mangled is not None:
            judge_mangled(case, ref)
            return
        case.asked = case.node.ask(ref)
        ref.rule("look-back")
        case.theirs = ref.query(case.asked)
        if case.mine["status"] == "success":
            case.same = compare.same_result(ref, case.node, case.mine["data"], case.theirs, 0.0)
    except reference.Failed as e:
        case.theirs = {"error": e.args}
        case.same = case.mine["status"] == "error" and case.mine["errorType"] == e.args[0]
    finally:
        case.rules = ref.rules


def judge_all(cases, port):
    waiting = iter(cases)
    lock = threading.Lock()
    broken = []

    def work():
        client = reference.Client(port)
        while not broken:
            with lock:
                case = next(waiting, None)
            if case is None:
                return
            try:
                judge(case, client)
            except Exception as e:
                broken.append((case, e))
                raise
    threads = [threading.Thread(target=work) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if broken:
        raise RuntimeError(f"case {broken[0][0].number}: {broken[0][0].node.text}") from broken[0][1]


def show(case, seed):
    def cut(value):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return text if len(text) < 1500 else text[:1500] + "..."
    print(f"--- seed {seed} case {case.number} at {case.at_ms / 1000:.3f}\n  expression {case.text()}")
    if case.asked != case.text():
        print(f"  asked      {cut(case.asked)}")
    print(f"  headgate   {cut(case.mine)}\n  prometheus {cut(case.theirs)}")


def run_round(program, seed, n, only, folder):
    rng = random.Random(f"pages {seed}")
    all_pages = [pages.Page(rng, START_MS + i * PAGE_EVERY_MS) for i in range(PAGES)]
    text = pages.openmetrics(all_pages)
    page = pathlib.Path(folder) / "page.txt"
    page.write_text(text if seed % 2 else pages.prometheus_text(text), encoding="utf-8")
    cases = make_cases(seed, n, all_pages)
    if only is not None:
        cases = cases[only:only + 1]
    ended_well = ask_ours(program, page, cases)
    server = reference.Server(folder, text)
    try:
        judge_all(cases, server.port)
    finally:
        server.close()
    return cases, ended_well


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--cases", type=int, default=ROUND)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int)
    parser.add_argument("--show", type=int, default=20, help="how many differences")
    options = parser.parse_args()
    passed = failed = shown = values = errors = deaths = 0
    rules = collections.Counter()
    for round_ in range(-(-options.cases // ROUND)):
        n = min(ROUND, options.cases - round_ * ROUND)
        with tempfile.TemporaryDirectory(prefix="headgate-differential-") as folder:
            cases, ended_well = run_round(options.program, options.seed + round_, n if options.case is None else options.case + 1,
                              options.case, folder)
        deaths += not ended_well
        for case in cases:
            rules.update(case.rules.keys())
            passed, failed = passed + case.same, failed + (not case.same)
            if not case.same and shown < options.show or options.case is not None:
                show(case, options.seed + round_)
                shown += 1
            if case.mangled is None:
                errors += case.mine["status"] == "error"
                values += case.mine["status"] == "success" and len(case.mine["data"]["result"]) > 0
    print(f"with a value {values}, with an error {errors}")
    for name, count in rules.most_common():
        print(f"rule {name}: {count} cases ({reference.RULES[name]})")
    unproven = [why for is_so, why in (
        (deaths > 0, f"headgate's side ended badly {deaths} times"),
        (passed + failed != (options.cases if options.case is None else 1), "not every case was judged"),
        (options.case is None and values <= errors, "more errors than values: hardly anything was compared")) if is_so]
    for why in unproven:
        print(f"fails: {why}")
    if failed == 0:
        failed = len(unproven)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
