"""The command line: what each command prints and with which status it ends."""
import http.server
import json
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import threading

import pytest
from harness import BINARY, ROOT, run_headgate, unprivileged

POLICIES = sorted(ROOT.glob("config/policies/*.yaml")) + sorted(ROOT.glob("tests/demo/policies/*.yaml"))
PAGE = """# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200"} 90 60000
http_requests_total{code="500"} 10 60000
# TYPE lag gauge
lag 1e3
weird{a="quote \\" and \\\\ and \\n"} NaN
"""


@pytest.fixture
def page(tmp_path):
    file = tmp_path / "page.txt"
    file.write_text(PAGE)
    return file


# --- usage ---

def test_without_a_command_the_usage_is_printed_with_status_2():
    done = run_headgate()
    assert done.returncode == 2 and "usage: headgate" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("word", ["help", "--help", "-h"])
def test_help_lists_every_command_with_status_0(word):
    done = run_headgate(word)
    assert done.returncode == 0
    for command in ("serve", "migrate", "check", "probe", "query", "token", "version"):
        assert re.search(rf"(?m)^  {command} ", done.stdout), command


def test_an_unknown_command_is_named():
    done = run_headgate("explode")
    assert done.returncode == 2 and '"explode"' in done.stderr


@pytest.mark.parametrize("args", [
    ["serve", "--confg", "x"], ["serve", "extra"], ["serve", "--config"], ["migrate", "--explode"],
    ["migrate", "--to"], ["migrate", "--to", "x"], ["migrate", "--to", "-1"], ["migrate", "extra"],
    ["migrate", "--config", "a", "--database", "b"], ["migrate", "--down", "1", "--to", "0"], ["check"],
    ["check", "--explode"], ["check", "--config"], ["probe"], ["probe", "a", "b"], ["probe", "--explode", "a"],
    ["query"], ["query", "up"], ["query", "--data", "x", "up"], ["query", "--data", "x", "--at", "noon", "up"],
    ["query", "--data", "x", "--at", "1", "up", "down"], ["query", "--data", "x", "--at", "1"],
    ["query", "--data", "x", "--at", "1", "--format", "yaml", "up"], ["token"], ["token", "explode"],
    ["token", "new"], ["token", "new", "--subject", "a"], ["token", "revoke"], ["token", "list", "extra"],
    ["reference"], ["reference", "explode"]], ids=" ".join)
def test_wrong_usage_is_status_2_and_shows_the_right_one(args):
    done = run_headgate(*args)
    assert done.returncode == 2, done
    assert "usage" in done.stderr and done.stdout == "", done


def test_version():
    done = run_headgate("version")
    assert done.returncode == 0 and re.fullmatch(r"headgate \d+\.\d+\.\d+\S*\n", done.stdout)


def test_failpoints_are_listed():
    done = run_headgate("failpoints")
    assert done.returncode == 0
    assert re.search(r"(?m)^transition_before_send +\S", done.stdout)


@pytest.mark.parametrize("what,says", [("policy", "evaluate_every"), ("config", "tokens_file"),
                                       ("transitions", "| running/baking |")])
def test_reference_prints_the_tables(what, says):
    done = run_headgate("reference", what)
    assert done.returncode == 0 and says in done.stdout


# --- check ---

def test_there_are_policies_to_check():
    assert POLICIES


@pytest.mark.parametrize("file", POLICIES, ids=[f.stem for f in POLICIES])
def test_every_policy_that_comes_along_is_good(file):
    done = run_headgate("check", file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r": ok: policy \S+, \d+ stages, \d+ gates, hash [0-9a-f]{12}", done.stdout)
    assert "warning" not in done.stdout + done.stderr, done.stdout + done.stderr


def test_the_types_of_release_that_come_along_are_policies_that_come_along():
    text = (ROOT / "config" / "headgate.yaml").read_text()
    types = re.search(r"(?m)^release_types:\n((?:  .*\n)+)", text).group(1)
    named = set(re.findall(r"erp-\w+", types))
    assert len(named) == 5 and named <= {file.stem for file in POLICIES}, named


def test_the_configuration_that_comes_along_is_good():
    done = run_headgate("check", "--config", ROOT / "config" / "headgate.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_check_looks_at_all_and_fails_if_one_is_bad(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("policy: bad\nstages: []\nkpsi: {}\n")
    good = ROOT / "config" / "policies" / "demo.yaml"
    done = run_headgate("check", "--config", ROOT / "config" / "headgate.yaml", good, bad, good)
    assert done.returncode == 1
    assert done.stdout.count(": ok: policy") == 2
    assert re.search(rf"{bad}:3:\d+: .*kpsi.*did you mean \"kpis\"", done.stdout), done.stdout


def test_check_of_a_file_that_is_not_there_says_so(tmp_path):
    for args in (["check", tmp_path / "none.yaml"], ["check", "--config", tmp_path / "none.yaml"]):
        done = run_headgate(*args)
        assert done.returncode == 1 and "none.yaml" in done.stdout, done


def test_check_names_a_secret_file_that_is_missing_with_its_place(tmp_path):
    file = tmp_path / "headgate.yaml"
    file.write_text("destinations:\n  deployer:\n    url: http://h\n    secret_file: not-there\n")
    done = run_headgate("check", "--config", file)
    assert done.returncode == 1 and re.search(rf"{file}:4:\d+: .*not-there", done.stdout), done


# --- probe ---

def test_probe_prints_the_series_of_a_page(page):
    done = run_headgate("probe", page)
    assert done.returncode == 0
    assert 'http_requests_total{code="200"} 90' in done.stdout.splitlines()
    assert "lag 1000" in done.stdout.splitlines()
    assert "4 samples in 4 series" in done.stderr


def test_probe_reads_standard_input_and_prints_json():
    done = run_headgate("probe", "-", "--json", stdin=PAGE)
    assert done.returncode == 0
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"metric": {"__name__": "http_requests_total", "code": "500"}, "value": "10"} in rows
    assert {"metric": {"__name__": "weird", "a": 'quote " and \\ and \n'}, "value": "NaN"} in rows


@pytest.mark.parametrize("text,place", [
    ("a 1\nb{ 2\n", r":?2:\d+|line 2"), ("<html></html>\n", r":?1:\d+|line 1"),
    ('a{b="x} 1\n', r":?1:\d+|line 1"), ("a 0x1p3\n", r":?1:\d+|line 1"), ("a 1", r"")])
def test_probe_of_a_bad_page_is_status_1_with_the_place(text, place):
    done = run_headgate("probe", "-", stdin=text)
    if text == "a 1":  # the last line feed may be missing, or not: either is said
        assert done.returncode in (0, 1)
        return
    assert done.returncode == 1 and re.search(place, done.stderr), done
    assert done.stdout == ""


def test_a_series_that_stands_twice_counts_once_and_is_told_when_the_two_differ():
    agreeing = run_headgate("probe", "-", stdin="a 1\na 1\nb 2\n")
    assert agreeing.returncode == 0 and agreeing.stdout.splitlines() == ["a 1", "b 2"]
    assert "already" not in agreeing.stderr
    differing = run_headgate("probe", "-", stdin="a 1\na 3\nb 2\n")
    assert differing.returncode == 0 and differing.stdout.splitlines() == ["a 1", "b 2"]
    assert "1 sample(s) of a series that stands there already" in differing.stderr
    assert "headgate serve refuses" in differing.stderr


def test_probe_of_a_file_that_is_not_there_is_status_3(tmp_path):
    done = run_headgate("probe", tmp_path / "none.txt")
    assert done.returncode == 3 and "none.txt" in done.stderr


POLICY = """
policy: probed
sources:
  app: {scrape: ["http://127.0.0.1:1/metrics"]}
kpis:
  requests: {unit: events, expr: 'sum(increase(requests_total[1m]))'}
  waiting: {unit: number, expr: 'sum(queue_length{version="${version}"})'}
  p95: {unit: seconds, expr: 'histogram_quantile(0.95, sum by (le) (rate(latency_bucket[1m])))'}
  typo: {unit: number, expr: 'sum(queue_lenght)'}
gates:
  latency: {threshold: p95, above: 3s, for: 2 of 3, then: pause, min_events: 10 requests}
stages: [{stage: canary, weight: 5, bake: 5m}]
rollback: {options: [{option: people, manual: true}], stabilise: {gates: [latency], bake: 5m, deadline: 1h}}
"""
PROBED = """requests_total 5
queue_length{version="2"} 7
latency_bucket{le="0.5"} 3
latency_bucket{le="2.5"} 4
latency_bucket{le="+Inf"} 5
"""


@pytest.fixture(name="probed")
def probed_page():
    """A page that grows with every scrape."""
    class Page(http.server.BaseHTTPRequestHandler):
        scrapes = 0

        def do_GET(self):
            Page.scrapes += 1
            text = PROBED.replace("total 5", f"total {5 * Page.scrapes}").encode()
            self.send_response(200 if self.path == "/metrics" else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()


@pytest.fixture(name="probed_policy")
def probed_policy_file(tmp_path):
    path = tmp_path / "probed.yaml"
    path.write_text(POLICY)
    return path


def test_probe_of_a_url_prints_its_series(probed):
    done = run_headgate("probe", probed)
    assert done.returncode == 0 and 'queue_length{version="2"} 7' in done.stdout.splitlines(), done


def test_probe_of_a_url_without_a_page_is_status_3(probed):
    done = run_headgate("probe", probed + "/nothing")
    assert done.returncode == 3 and "404" in done.stderr, done
    assert run_headgate("probe", "http://127.0.0.1:1/metrics").returncode == 3


def test_probe_with_a_policy_says_which_kpis_the_page_can_feed(probed, probed_policy):
    done = run_headgate("probe", probed, "--policy", probed_policy, "--set", "version=2", "--samples", "1")
    assert done.returncode == 1 and done.stderr == "", done
    assert done.stdout.splitlines() == [
        "kpi p95: needs 1m of samples, has one page: try --samples 13 --every 5s",
        "kpi requests: needs 1m of samples, has one page: try --samples 13 --every 5s",
        "kpi typo: metric queue_lenght is not on this page: did you mean queue_length?",
        "kpi waiting: reads 7",
        "gate latency: blind: p95 is never above 2.5 s, the highest finite bucket of latency_bucket, so \"above 3 s\" "
        "cannot happen"]


def test_probe_with_a_policy_scrapes_as_often_as_it_is_told(probed, probed_policy):
    probed_policy.write_text(POLICY.replace("[1m]", "[1s]").replace("3s", "2s").replace("lenght", "length"))
    done = run_headgate("probe", probed, "--policy", probed_policy, "--set", "version=2", "--samples", "13", "--every",
                        "100ms", "--json")
    rows = {row["kpi"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, done
    assert rows["requests"]["result"] == "value" and rows["requests"]["value"] > 20, rows
    assert "has not moved" not in rows["waiting"]["text"], rows  # a gauge may stand still


def test_probe_with_a_policy_asks_for_what_a_placeholder_stands_for(probed, probed_policy):
    done = run_headgate("probe", probed, "--policy", probed_policy)
    assert done.returncode == 1 and "version" in done.stderr and "--set" in done.stderr, done


def test_probe_with_a_policy_takes_a_page_with_timestamps(probed_policy, tmp_path):
    page = tmp_path / "page.txt"
    page.write_text("".join(f"requests_total {n} {n * 15000}\n" for n in range(1, 10)) + "queue_length 2 135000\n" +
                    "".join(f'latency_bucket{{le="{le}"}} {n} {n * 15000}\n' for le in ("0.5", "5", "+Inf")
                            for n in range(1, 10)))
    probed_policy.write_text(POLICY.replace('{version="${version}"}', "").replace("lenght", "length"))
    done = run_headgate("probe", page, "--policy", probed_policy)
    assert done.returncode == 0, done
    assert "kpi requests: reads 4 events" in done.stdout.splitlines(), done


# --- query ---

def test_query_prints_what_prometheus_prints(page):
    done = run_headgate("query", "--data", page, "--at", "60", "sum(http_requests_total)")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"status": "success", "data": {
        "resultType": "vector", "result": [{"metric": {}, "value": [60, "100"]}]}}
    done = run_headgate("query", "--data", page, "--at", "60.5", "--format", "prometheus",
                        'http_requests_total{code="500"} / ignoring(code) sum(http_requests_total)')
    assert json.loads(done.stdout)["data"]["result"][0]["value"] == [60.5, "0.1"]
    done = run_headgate("query", "--data", page, "--at", "60", "1 + 1")
    assert json.loads(done.stdout)["data"] == {"resultType": "scalar", "result": [60, "2"]}


def test_query_looks_back_by_subquery_and_at(page):
    """The page's samples stand at one time; steps before it see nothing, those behind it look back."""
    done = run_headgate("query", "--data", page, "--at", "60", "count(count_over_time(http_requests_total[30s:10s]))")
    assert done.returncode == 0, done
    now = run_headgate("query", "--data", page, "--at", "60", "sum(http_requests_total)")
    then = run_headgate("query", "--data", page, "--at", "9999", "sum(http_requests_total @ 60)")
    assert json.loads(then.stdout)["data"]["result"][0]["value"] == [
        9999, json.loads(now.stdout)["data"]["result"][0]["value"][1]]


def test_query_prints_bytes_that_are_no_text_as_prometheus_does(page):
    done = run_headgate("query", "--data", page, "--at", "60", r'"a\xff\u00e4"')
    assert json.loads(done.stdout)["data"] == {"resultType": "string", "result": [60, "a\ufffdä"]}


@pytest.mark.parametrize("expr,column", [("sum(", r"1:\d+"), ("rate(http_requests_total)", r"1:\d+"), ("a b", "1:3"),
                                         ("", r"1:1")])
def test_query_of_a_bad_expression_is_status_1_with_the_place(page, expr, column):
    done = run_headgate("query", "--data", page, "--at", "60", expr)
    assert done.returncode == 1 and re.search(column, done.stderr), done
    assert done.stdout == ""


def stamped(page, *seconds):
    """The page as it was at these times, counters a little higher each time."""
    lines = []
    for line in page.splitlines():
        name, _, value = line.rpartition(" ")
        lines += [line] if line.startswith("#") else [f"{name} {float(value) + i * 3} {s * 1000}"
                                                      for i, s in enumerate(seconds)]
    return "\n".join(lines) + "\n"


BLIND_PAGE = """# TYPE http_requests_total counter
http_requests_total{version="1",code="200"} 100
http_requests_total{version="2",code="200"} 7
# TYPE duration_seconds histogram
duration_seconds_bucket{le="0.5"} 10
duration_seconds_bucket{le="2.5"} 20
duration_seconds_bucket{le="+Inf"} 20
duration_seconds_sum 9
duration_seconds_count 20
"""
QUANTILE = "histogram_quantile(0.95, sum by (le) (rate(duration_seconds_bucket[30s])))"


@pytest.fixture
def probe_policy(tmp_path):
    def write(kpis, address="http://127.0.0.1:9/metrics", above="1s", p95=QUANTILE):
        file = tmp_path / "policy.yaml"
        file.write_text(json.dumps({
            "policy": "shop", "sources": {"app": {"scrape": [address], "every": "5s"}},
            "kpis": {"p95": {"unit": "seconds", "expr": p95},
                     **{name: {"unit": "events", "expr": expr} for name, expr in kpis.items()}},
            "gates": {"latency": {"threshold": "p95", "above": above, "for": "2 of 3", "then": "pause",
                                  "min_events": "0"}},
            "stages": [{"stage": "full", "weight": 100, "bake": "1m"}],
            "rollback": {"options": [{"option": "back", "manual": True}],
                         "stabilise": {"gates": ["latency"], "bake": "1m", "deadline": "10m"}},
        }))
        return file
    return write


def test_probe_shows_what_a_rate_reads_before_its_range_is_full(probe_policy):
    file = probe_policy({"recent": "sum(increase(http_requests_total[1m]))",
                         "requests": 'sum(http_requests_total{version="${version}"})'})
    page = stamped(BLIND_PAGE, 1000, 1015, 1030, 1045)
    done = run_headgate("probe", "-", "--policy", file, "--set", "version=2", stdin=page)
    assert done.returncode == 0, done
    assert re.search(r"kpi recent: reads \d+ events so far; needs 1m of samples, has 45s", done.stdout), done.stdout
    assert "kpi requests: reads 16 events" in done.stdout and "kpi p95: reads" in done.stdout


@pytest.mark.parametrize("expr,says", [
    ("sum(http_request_total)", "metric http_request_total is not on this page: did you mean http_requests_total?"),
    ("sum(http_requests)", "did you mean http_requests_total?"),
    ("http_requests_total", "2 series: wrap in sum() or max()"),
    ('sum(http_requests_total{version="3"})', 'no series of http_requests_total has version="3" (there are 1, 2)'),
    ('sum(http_requests_total{region="x"})', 'has region="x" (none has that label)')])
def test_probe_tells_why_a_kpi_cannot_be_fed(probe_policy, expr, says):
    done = run_headgate("probe", "-", "--policy", probe_policy({"odd": expr}), stdin=BLIND_PAGE)
    assert done.returncode == 1 and says in done.stdout, done
    assert "kpi p95: needs 30s of samples, has one page" in done.stdout, done.stdout


def test_probe_tells_of_a_counter_that_stands_still_while_others_move(probe_policy):
    file = probe_policy({"canary": 'sum(increase(http_requests_total{version="2"}[1m]))'})
    page = re.sub(r'(version="2".*) \S+ (\d+)$', r"\1 7 \2", stamped(BLIND_PAGE, 940, 960, 1000), flags=re.M)
    done = run_headgate("probe", "-", "--policy", file, stdin=page)
    assert 'http_requests_total{version="2"} has not moved in 1m, other counters have' in done.stdout, done


@pytest.mark.parametrize("above,is_blind", [("2499ms", False), ("2.5s", True), ("10s", True)])
def test_probe_finds_a_limit_that_no_bucket_reaches(probe_policy, above, is_blind):
    done = run_headgate("probe", "-", "--policy", probe_policy({}, above=above), stdin=BLIND_PAGE)
    assert done.returncode == (1 if is_blind else 0) and ("gate latency: blind" in done.stdout) == is_blind, done


def test_probe_adds_the_labels_of_the_source(probe_policy, target):
    address = f"http://127.0.0.1:{target.port}/metrics"
    file = probe_policy({"requests": f'sum(increase(http_requests_total{{job="app",instance="127.0.0.1:{target.port}"}}'
                                     '[1s]))'}, address=address, p95=QUANTILE.replace("duration", "http_request_duration"))
    done = run_headgate("probe", address, "--policy", file, "--samples", "4", "--every", "500ms", "--json")
    rows = {row.get("kpi"): row for row in map(json.loads, done.stdout.splitlines())}
    assert rows["requests"]["value"] > 0 and rows["p95"]["result"] == "warming", rows
    assert run_headgate("probe", address, "--policy", file, "--source", "none").returncode == 1


def test_probe_leaves_the_page_its_labels_where_the_source_does(probe_policy):
    file = probe_policy({"nightly": 'sum(jobs_total{job="nightly",instance=""})'})
    policy = json.loads(file.read_text())
    page = 'jobs_total{job="nightly",instance=""} 7\n' + BLIND_PAGE
    assert "no_data" in run_headgate("probe", "-", "--policy", file, "--source", "app", "--json", stdin=page).stdout
    policy["sources"]["app"]["honor_labels"] = True
    file.write_text(json.dumps(policy))
    done = run_headgate("probe", "-", "--policy", file, "--source", "app", stdin=page)
    assert "kpi nightly: reads 7 events" in done.stdout, done


@pytest.mark.parametrize("p95,above,says", [
    (QUANTILE.replace("by (le)", "by (job)"), "1s", "drops the label le"),
    (QUANTILE.replace("0.95", "95"), "1s", "between 0 and 1"),
    (f"clamp_max({QUANTILE}, 2)", "2s", 'never above 2 s, so "above 2 s" cannot happen')])
def test_check_refuses_a_gate_that_is_blind_without_any_page(probe_policy, p95, above, says):
    done = run_headgate("check", probe_policy({}, p95=p95, above=above))
    assert done.returncode == 1 and "/gates/latency: blind" in done.stdout and says in done.stdout, done


@pytest.mark.parametrize("expr,below,says", [
    ('count(up{job="app"} == 1)', "1", 'is never below 1, so "below 1" cannot happen'),
    ('sum(rate(jobs_total[1m]))', "0", 'is never below 0, so "below 0" cannot happen'),
    ('count(up{job="app"} == 1) or vector(0)', "1", None), ('sum(rate(jobs_total[1m]))', "0.1", None)])
def test_check_refuses_a_lower_limit_that_nothing_falls_below(probe_policy, expr, below, says):
    file = probe_policy({})
    policy = json.loads(file.read_text())
    policy["kpis"]["alive"] = {"unit": "number", "expr": expr}
    policy["gates"]["latency"] = {"threshold": "alive", "below": below, "for": "2 of 3", "then": "pause"}
    file.write_text(json.dumps(policy))
    done = run_headgate("check", file)
    assert done.returncode == (1 if says else 0) and (says or "") in done.stdout, done


def test_query_shows_where_an_error_stands(page):
    done = run_headgate("query", "--data", page, "--at", "60", "sum(lag) + ] 1")
    assert done.stderr.splitlines()[1:] == ["  sum(lag) + ] 1", "             ^"], done


def test_query_shows_where_an_error_stands_in_an_expression_of_several_lines(page):
    done = run_headgate("query", "--data", page, "--at", "60", "sum(lag)\n  + ]")
    first, *shown = done.stderr.splitlines()
    assert first.startswith("parse error: 2:5: ") and shown == ["    + ]", "      ^"], done


@pytest.mark.parametrize("at", ["NaN", "now", "1e400", "2023-11-14T22:13:20Z"])
def test_query_says_what_is_no_time(page, at):
    done = run_headgate("query", "--data", page, "--at", at, "lag")
    assert done.returncode == 2 and done.stderr.startswith(f"{at} is no time: "), done


def test_query_reads_standard_input():
    done = run_headgate("query", "--data", "-", "--at", "60", "lag", stdin=PAGE)
    assert json.loads(done.stdout)["data"]["result"][0]["value"] == [60, "1000"], done


def test_query_that_fails_while_evaluating_is_status_1(page):
    done = run_headgate("query", "--data", page, "--at", "60", "http_requests_total + on() http_requests_total")
    assert done.returncode == 1 and "evaluation error" in done.stderr and done.stdout == "", done


def test_query_over_a_file_that_is_not_there_is_status_3(tmp_path):
    assert run_headgate("query", "--data", tmp_path / "none.txt", "--at", "1", "up").returncode == 3


# --- token ---

def test_tokens_are_made_listed_and_revoked(tmp_path):
    file = tmp_path / "tokens.yaml"
    made = run_headgate("token", "new", "--file", file, "--subject", "ann@example.org", "--roles", "viewer,operator")
    assert made.returncode == 0
    token = made.stdout.strip()
    assert re.fullmatch(r"hg_[^_]+_[0-9A-Za-z]{43}_\S+", token)
    robot = run_headgate("token", "new", f"--file={file}", "--subject=ci", "--roles=author", "--machine",
                         "--expires=1d").stdout.strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    # Only hashes are kept.
    assert token not in file.read_text() and token.split("_")[2] not in file.read_text()
    listed = run_headgate("token", "list", "--file", file)
    assert listed.returncode == 0 and token.split("_")[2] not in listed.stdout
    rows = listed.stdout.splitlines()
    assert len(rows) == 2
    assert rows[0].split()[0] == token.split("_")[1] and "person" in rows[0] and "viewer,operator" in rows[0]
    assert "machine" in rows[1] and "ci" in rows[1]
    gone = run_headgate("token", "revoke", token.split("_")[1], "--file", file)
    assert gone.returncode == 0
    assert [r.split()[0] for r in run_headgate("token", "list", "--file", file).stdout.splitlines()] == [
        robot.split("_")[1]]
    again = run_headgate("token", "revoke", token.split("_")[1], "--file", file)
    assert again.returncode == 1 and token.split("_")[1] in again.stderr


@pytest.mark.parametrize("args", [["--expires", "91d"], ["--expires", "-1d"], ["--expires", "soon"], ["--expires", "0s"]])
def test_a_token_lives_90_days_at_most(tmp_path, args):
    done = run_headgate("token", "new", "--file", tmp_path / "t.yaml", "--subject", "a", "--roles", "viewer", *args)
    assert done.returncode == 1 and done.stdout == "", done
    assert not (tmp_path / "t.yaml").exists()


@pytest.mark.parametrize("subject,roles", [("a b", "viewer"), ("", "viewer"), ("a", ""), ("a", "viewer,,author"),
                                           ("a", "Vie wer"), ("a\nb", "viewer")])
def test_a_token_with_a_strange_subject_or_role_is_refused(tmp_path, subject, roles):
    done = run_headgate("token", "new", "--file", tmp_path / "t.yaml", "--subject", subject, "--roles", roles)
    assert done.returncode in (1, 2) and done.stdout == "" and done.stderr, done
    assert not (tmp_path / "t.yaml").exists()


def test_tokens_files_that_are_missing_open_or_broken_are_named(tmp_path):
    assert run_headgate("token", "list", "--file", tmp_path / "none.yaml").returncode in (1, 3)
    nowhere = run_headgate("token", "new", "--file", tmp_path / "no" / "t.yaml", "--subject", "a", "--roles", "viewer")
    assert nowhere.returncode == 3 and nowhere.stdout == ""
    file = tmp_path / "t.yaml"
    file.write_text("tokens: []\n")
    file.chmod(0o644)
    open_ = run_headgate("token", "list", "--file", file)
    assert open_.returncode == 3 and "0600" in open_.stderr
    file.chmod(0o600)
    file.write_text("tokens:\n  - kid: x\n    subjcet: a\n")
    broken = run_headgate("token", "list", "--file", file)
    assert broken.returncode == 1 and re.search(rf"{file}:3:\d+: .*did you mean \"subject\"", broken.stderr), broken


def test_tokens_made_at_the_same_time_are_all_kept(tmp_path):
    from concurrent.futures import ThreadPoolExecutor
    file = tmp_path / "tokens.yaml"
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda i: run_headgate("token", "new", "--file", file, "--subject", f"s{i}", "--roles",
                                                    "viewer"), range(12)))
    assert all(d.returncode == 0 for d in done), [d.stderr for d in done]
    assert len(run_headgate("token", "list", "--file", file).stdout.splitlines()) == 12


def test_a_tokens_file_that_may_not_be_read_is_status_3():
    with tempfile.TemporaryDirectory(prefix="hg-cli-") as name:
        home = pathlib.Path(name)
        home.chmod(0o755)
        headgate = shutil.copy(BINARY, home)  # a clone under /root is closed to others
        file = home / "tokens.yaml"
        file.write_text("tokens: []\n")

        def listed():
            return subprocess.run([*unprivileged(), headgate, "token", "list", "--file", file], capture_output=True,
                                  text=True, check=False)
        if unprivileged():
            shutil.chown(file, "nobody")
        file.chmod(0o600)
        assert listed().returncode == 0
        file.chmod(0)
        closed = listed()
        assert closed.returncode == 3 and "Permission denied" in closed.stderr, closed
