"""Where targets come from and how they are scraped: labels, files and documents of service discovery that change while
a release runs, compressed pages, logins, TLS; and what the API shows of it."""
import gzip
import json
import os
import ssl
import zlib

import pytest
from harness import Daemon, Target, call, run_headgate, wait_until
from test_destinations import Authority
from test_evidence import holds_without_moving
from test_remote_sources import Web, passes, release_policy, says

RATE = '(sum(rate(http_requests_total{code=~"5.."}[3s])) or vector(0)) / sum(rate(http_requests_total[3s]))'
PAGE = "# TYPE http_requests_total counter\nhttp_requests_total 100\n# TYPE errors gauge\nerrors 0\n"
ERRORS = {"error_rate": {"unit": "ratio", "expr": "sum(errors) / sum(http_requests_total)"}}


@pytest.fixture
def run(postgres, folder, receiver):
    """run(policies, **config): a daemon with a release that has begun: (daemon, id). Targets are found in `targets`."""
    made = []
    (folder / "targets").mkdir()

    def start(policies, **config):
        daemon = Daemon(folder, postgres, postgres.database(), None, receiver, policies)
        daemon.write_config(targets_dir=str(folder / "targets"), **config)
        made.append(daemon)
        return daemon.start(), daemon.create(policy="remote")["id"]

    yield start
    for daemon in made:
        daemon.close()


def of(source, expr=RATE):
    source.setdefault("every", "1s")
    return release_policy(source, {"error_rate": {"unit": "ratio", "expr": expr}})


def source_of(daemon, id_):
    return daemon.get(f"/v1/releases/{id_}/targets")[1]["sources"][0]


def at(target):
    return f"127.0.0.1:{target.port}"


@pytest.fixture
def second():
    service = Target()
    yield service
    service.down()


def test_targets_with_labels_of_their_own(run, target, second):
    second.set(errors=0.5)
    daemon, id_ = run(of({"scrape": [
        {"targets": [at(target)], "labels": {"track": "stable", "instance": "a", "__metrics_path__": "/m"}},
        {"targets": [at(second)], "labels": {"track": "canary-${service}"}}], "params": {"x": ["1", "2"]}},
        expr=RATE.replace("{code", '{track="canary-checkout",code').replace("total[", 'total{track="canary-checkout"}[')))
    wait_until(lambda: (daemon.gate(id_, "errors")["value"] or 0) == pytest.approx(0.5, abs=0.1), "the canary's errors")
    source = source_of(daemon, id_)
    assert source["total"] == 2 == source["up"] and source["left_out"] == 0 and source["quorum"] == 1
    rows = {row["labels"]["track"]: row for row in source["targets"]}
    assert rows["stable"]["url"] == f"http://{at(target)}/m?x=1&x=2"
    assert rows["stable"]["labels"] == {"job": "metrics", "instance": "a", "track": "stable"}
    assert rows["canary-checkout"]["labels"]["instance"] == at(second)
    assert rows["stable"]["health"] == "up" and rows["stable"]["samples"] > 3 and rows["stable"]["error"] is None
    assert 0 <= rows["stable"]["age_ms"] < 10000 and rows["stable"]["duration_ms"] >= 0


def test_a_label_of_the_page_gives_way_and_is_kept_as_exported(run, target):
    target.set(page='errors{track="x",code="1"} 0.25\n')
    daemon, id_ = run(of({"scrape": [{"targets": [at(target)], "labels": {"track": "canary"}}]},
                         expr='sum(errors{track="canary",exported_track="x"})'))
    wait_until(lambda: daemon.gate(id_, "errors")["value"] == 0.25, "the page's own label under another name")


def test_a_pushgateways_page_keeps_its_own_labels(run, target):
    target.set(page='errors{job="nightly",instance=""} 0.25\n')
    daemon, id_ = run(of({"scrape": [at(target)], "honor_labels": True}, expr='sum(errors{job="nightly",instance=""})'))
    wait_until(lambda: daemon.gate(id_, "errors")["value"] == 0.25, "the page's own labels")


def test_a_pipe_among_the_files_of_targets_does_not_stop_the_daemon(run, folder, target):
    os.mkfifo(folder / "targets" / "checkout-1.json")
    daemon, id_ = run(of({"file_sd": ["checkout-*.json"], "sd_refresh": "1s"}))
    says(daemon, id_, "no_data")
    assert "is no file" in source_of(daemon, id_)["discovery"][0]["error"]


@pytest.mark.parametrize("name", ["checkout.json", "checkout.yaml"])
def test_files_of_targets_are_read_again_while_the_release_runs(run, folder, target, second, name):
    file = folder / "targets" / name

    def write(*targets):
        text = json.dumps([{"targets": [t], "labels": {"__meta_a": "b", "zone": "z1"}} for t in targets])
        if name.endswith(".yaml"):
            text = "".join(f"- targets: ['{t}']\n  labels:\n    __meta_a: b\n    zone: z1\n" for t in targets)
        part = folder / "part"
        part.write_text(text)
        part.rename(file)

    daemon, id_ = run(of({"file_sd": ["${service}*" + file.suffix], "sd_refresh": "1s"}))
    says(daemon, id_, "no_data", "source metrics has no targets")  # an empty beginning proves nothing
    assert source_of(daemon, id_)["discovery"][0]["error"] == "there is no such file"
    write(at(target))
    passes(daemon, id_)
    row = source_of(daemon, id_)["targets"][0]
    assert row["labels"] == {"job": "metrics", "instance": at(target), "zone": "z1"}
    assert row["discovered_by"] == str(file)
    # The quorum counts what was found.
    second.down()
    write(at(target), at(second))
    says(daemon, id_, "no_data", "1 of 2 targets answer")
    source = source_of(daemon, id_)
    assert [t["health"] for t in source["targets"]] == ["down", "up"] and source["up"] == 1
    write(at(target))
    passes(daemon, id_)
    # What is not right, and a file that is gone, change nothing and are told.
    for breaks, words in ((lambda: file.write_text("[{"), "line" if name.endswith("json") else ""),
                          (lambda: file.write_text('[{"targets": ["a b"]}]'), "is no host:port"),
                          (file.unlink, "there is no such file")):
        breaks()
        wait_until(lambda words=words: words in (source_of(daemon, id_)["discovery"][0]["error"] or "\0"), words)
        assert source_of(daemon, id_)["total"] == 1
    passes(daemon, id_)
    assert "event=discovery_failed" in daemon.log() and "targets=kept" in daemon.log()
    write(at(target))
    wait_until(lambda: source_of(daemon, id_)["discovery"][0]["error"] is None, "the file again")
    # An empty list is a list.
    file.write_text("[]")
    says(daemon, id_, "no_data", "source metrics has no targets")


def test_a_list_that_never_came_is_not_an_empty_one(run, folder, target, second):
    """The pods that were not found may be the failing ones: the others do not speak for them."""
    web = Web()
    try:
        web.status = 500
        web.routes["/targets"] = lambda asked, headers: (web.status, "[]")
        (folder / "targets" / "pods-a.json").write_text(json.dumps([{"targets": [at(second)]}]))
        (folder / "targets" / "pods-b.json").write_text("[{")
        daemon, id_ = run(of({"scrape": [at(target)], "file_sd": ["pods-*.json", "more.json"],
                              "http_sd": [web.url + "/targets"], "sd_refresh": "1s"}))
        wait_until(lambda: source_of(daemon, id_)["up"] == 2, "the targets that are known")
        says(daemon, id_, "no_data", "not all targets of source metrics are known", "pods-b.json", "is not JSON")
        holds_without_moving(daemon, id_, "not all targets")
        (folder / "targets" / "pods-b.json").write_text("[]")
        says(daemon, id_, "no_data", "more.json", "there is no such file")
        (folder / "targets" / "more.json").write_text("[]")
        says(daemon, id_, "no_data", "/targets: status 500")
        assert "/targets: status 500" in source_of(daemon, id_)["incomplete"]
        web.status = 200
        passes(daemon, id_)
        assert source_of(daemon, id_)["incomplete"] is None
        # What was known once stays known.
        web.status = 500
        wait_until(lambda: any(d["error"] for d in source_of(daemon, id_)["discovery"]), "the failure")
        passes(daemon, id_)
    finally:
        web.close()


def test_documents_of_targets_come_with_the_sources_credentials(run, folder, target):
    web = Web()
    try:
        web.document = [{"targets": [at(target)], "labels": {"__scheme__": "http", "__metrics_path__": "/metrics"}}]
        web.routes["/targets"] = lambda asked, headers: (
            200 if headers["Authorization"] == "Bearer s3cret" else 401,
            json.dumps(web.document) if web.document else "<html>")
        (folder / "token").write_text("s3cret\n")
        (folder / "token").chmod(0o600)
        daemon, id_ = run(of({"http_sd": [web.url + "/targets"], "sd_refresh": "1s", "credentials": "sd"}),
                          credentials={"sd": {"hosts": ["127.0.0.1"], "bearer_file": str(folder / "token")}})
        passes(daemon, id_)
        headers = web.seen[0][2]
        assert headers["X-Prometheus-Refresh-Interval-Seconds"] == "1" and "gzip" in headers["Accept-Encoding"]
        web.document = None
        wait_until(lambda: source_of(daemon, id_)["discovery"][0]["error"], "a mistake in the document")
        assert source_of(daemon, id_)["total"] == 1
        passes(daemon, id_)
        web.document = [{"targets": []}]
        says(daemon, id_, "no_data", "has no targets")
        assert "s3cret" not in daemon.log() + json.dumps(source_of(daemon, id_))
    finally:
        web.close()


def test_a_file_outside_of_the_folder_is_not_read(run, folder, target):
    (folder / "secret.json").write_text(json.dumps([{"targets": [at(target)]}]))
    daemon, _ = run(of({"scrape": [f"http://{at(target)}/metrics"]}))
    for path, words in (("/etc/passwd.json", "must lie below targets_dir"), ("../secret.json", "must lie below"),
                        ("*/a.json", "last part of its path"), ("a.txt", "must end in .json")):
        (folder / "p.yaml").write_text(of({"file_sd": [path]})["remote.yaml"])
        done = run_headgate("check", folder / "p.yaml")
        assert done.returncode == 1 and words in done.stdout + done.stderr, done
    body = json.loads(of({"file_sd": ["${params.where}/secret.json"]})["remote.yaml"])
    body["policy"] = "sly"
    assert daemon.request("PUT", "/v1/policies/sly", body)[0] in (200, 201)
    answer = daemon.create(policy="sly", service="other", params={"where": ".."}, expect=422)
    assert "../secret.json: must lie below targets_dir" in answer["detail"]


# --- how a page comes ---

class Page(Web):
    """A page that a test may have come compressed, or only for who logs in."""

    def __init__(self, context=None):
        self.encoding, self.login, self.raw, self.asked = None, None, None, []
        super().__init__("text/plain; version=0.0.4")
        page = self
        handler = self.server.RequestHandlerClass

        def do_GET(request):
            page.asked.append(dict(request.headers))
            data = PAGE.encode()
            if page.encoding == "gzip":
                data = gzip.compress(data)
            if page.raw is not None:
                data = page.raw
            refused = page.login and request.headers.get("Authorization") != page.login
            request.send_response(401 if refused else 200)
            request.send_header("Content-Type", "text/plain; version=0.0.4")
            if page.encoding:
                request.send_header("Content-Encoding", page.encoding)
            request.send_header("Content-Length", str(len(data)))
            request.end_headers()
            request.wfile.write(data)

        handler.do_GET = do_GET
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)


@pytest.fixture
def page():
    server = Page()
    yield server
    server.close()


def test_a_compressed_page_is_read(run, page):
    page.encoding = "gzip"
    daemon, id_ = run(release_policy({"scrape": [page.url + "/metrics"]}, ERRORS))
    passes(daemon, id_)
    assert page.asked[0]["Accept-Encoding"] == "gzip"


def bomb(size):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    line = b"# " + b"x" * 4093 + b"\n"
    return b"".join(packer.compress(line) for _ in range(size // len(line))) + packer.flush()


def test_a_page_that_unpacks_to_more_than_is_allowed_is_thrown_away(run, page):
    page.encoding, page.raw = "gzip", bomb(200 << 20)
    assert len(page.raw) < 1 << 20
    daemon, id_ = run(release_policy({"scrape": [page.url + "/metrics"]}, ERRORS))
    says(daemon, id_, "no_data", "more than 10485760 bytes")
    holds_without_moving(daemon, id_, "errors")
    page.raw = None
    passes(daemon, id_)


@pytest.mark.parametrize("encoding, raw, words", [
    ("gzip", gzip.compress(PAGE.encode())[:-6], "the compressed answer ends too early"),
    ("gzip", gzip.compress(PAGE.encode())[:40], "the compressed answer ends too early"),
    ("gzip", gzip.compress(PAGE.encode())[:-8] + b"\0" * 8, "Content-Encoding is broken or unknown"),
    ("gzip", PAGE.encode(), "Content-Encoding is broken or unknown"),
    ("br", PAGE.encode(), "Content-Encoding is broken or unknown"),
    ("gzip, gzip", gzip.compress(gzip.compress(PAGE.encode())), "Content-Encoding is broken or unknown"),
], ids=["no trailer", "half", "wrong checksum", "no gzip", "brotli", "twice"])
def test_a_compressed_page_that_is_not_whole_is_no_evidence(run, page, encoding, raw, words):
    daemon, id_ = run(release_policy({"scrape": [page.url + "/metrics"]}, ERRORS))
    passes(daemon, id_)
    page.encoding, page.raw = encoding, raw
    says(daemon, id_, "no_data", words)
    page.raw = gzip.compress(PAGE.encode()[:60]) + gzip.compress(PAGE.encode()[60:])  # two streams are one page
    page.encoding = "gzip"
    passes(daemon, id_)


@pytest.mark.parametrize("how, header", [
    ({"bearer_file": "page-secret"}, "Bearer s3cret"),
    ({"basic_user": "hg", "basic_password_file": "page-secret"}, "Basic aGc6czNjcmV0"),
])
def test_pages_behind_a_login(run, folder, page, how, header):
    (folder / "page-secret").write_text("s3cret\n")
    (folder / "page-secret").chmod(0o600)
    page.login = header
    how = {k: str(folder / v) if k.endswith("_file") else v for k, v in how.items()}
    daemon, id_ = run(release_policy({"scrape": [page.url + "/metrics"], "credentials": "app"}, ERRORS),
                      credentials={"app": {"hosts": [f"127.0.0.1:{page.port}"], **how}})
    passes(daemon, id_)
    page.login = "Bearer other"
    says(daemon, id_, "no_data", "status 401")


def test_pages_over_tls_of_an_own_authority_who_ask_who_we_are(run, folder):
    authority = Authority(folder, "trusted")
    cert, key = authority.issue("app", "IP:127.0.0.1")
    own_cert, own_key = authority.issue("headgate", "DNS:headgate")
    own_key.chmod(0o600)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(authority.cert)
    context.verify_mode = ssl.CERT_REQUIRED
    page = Page(context)
    try:
        good = {"hosts": ["127.0.0.1"], "ca_file": str(authority.cert), "client_cert_file": str(own_cert),
                "client_key_file": str(own_key)}
        daemon, id_ = run(release_policy({"scrape": [f"127.0.0.1:{page.port}"], "scheme": "https",
                                          "credentials": "app"}, ERRORS), credentials={"app": good})
        passes(daemon, id_)
        daemon.stop()
        daemon.write_config(credentials={"app": {k: v for k, v in good.items() if k != "ca_file"}})
        daemon.start()
        says(daemon, id_, "no_data", "certificate")
    finally:
        page.close()


def test_a_target_is_told_of_before_it_was_ever_scraped(run, target):
    target.set(mode="hang")
    daemon, id_ = run(of({"scrape": [at(target)], "timeout": "1s"}))
    wait_until(lambda: source_of(daemon, id_)["targets"][0]["health"] == "down", "the timeout")
    assert source_of(daemon, id_)["targets"][0]["error"]
    assert call("127.0.0.1", daemon.port, "GET", f"/v1/releases/{id_}/targets")[0] == 401
