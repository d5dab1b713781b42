"""Whatever strangers and careless clients send gets the status of the matrix and a sentence that helps; nothing
is half done, and the daemon goes on answering."""
import json
import re
import socket
import subprocess
import threading
import time

import pytest
from harness import free_port, run_headgate, standing_daemon, wait_until


@pytest.fixture(scope="module")
def api(postgres):
    with standing_daemon(postgres) as daemon:
        daemon.create(start="manual")
        yield daemon


@pytest.fixture(autouse=True)
def still_there(request):
    """Nothing partially applied, and the next client is served."""
    if "api" not in request.fixturenames:
        yield
        return
    api = request.getfixturevalue("api")
    before = api.sql("SELECT count(*), max(row_version) FROM headgate.release")
    yield
    api.alive()
    assert api.get("/livez", who=None)[0] == 200
    if request.node.get_closest_marker("writes") is None:
        assert api.sql("SELECT count(*), max(row_version) FROM headgate.release") == before


class Answer:
    """What came back over one connection: status None when it was closed without a word."""

    def __init__(self, sock):
        self.status, self.headers, self.body = None, {}, b""
        self.reader = sock.makefile("rb")
        try:
            line = self.reader.readline()
            if not line:
                return
            self.status = int(line.split()[1])
            for line in iter(self.reader.readline, b"\r\n"):
                if not line:
                    return
                name, _, value = line.decode("latin-1").partition(":")
                self.headers[name.lower()] = value.strip()
            self.body = self.reader.read(int(self.headers.get("content-length", 0)))
        except ConnectionResetError:
            pass

    def closed(self):
        """Waits for the end of the connection; another status in what comes until then would be a second answer.
        (What libmicrohttpd 0.9.75 refuses by itself has its head sent twice.)"""
        try:
            rest = self.reader.read()
        except ConnectionResetError:
            return True
        return set(re.findall(rb"HTTP/1\.[01] (\d+)", self.body + rest)) <= {str(self.status).encode()}

    def problem(self):
        assert self.headers["content-type"] == "application/problem+json", (self.headers, self.body)
        body = json.loads(self.body)
        assert body["status"] == self.status and body["title"] and body["type"]
        assert len(body["detail"]) > 10, body
        return body


def connect(api, source="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", api.port), timeout=60, source_address=(source, 0))


def raw(api, data, source="127.0.0.1"):
    sock = connect(api, source)
    try:
        sock.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it had heard enough
    return sock, Answer(sock)


def request_text(method, target, *headers, host="Host: h", body=b""):
    lines = [f"{method} {target} HTTP/1.1", *([host] if host else []), *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


JSON_TYPE = "Content-Type: application/json"
FRAMING = [
    # why, bytes, status (a set when the library may also just close)
    ("both a length and a coding", request_text("POST", "/v1/releases", "Content-Length: 2",
                                                "Transfer-Encoding: chunked", body=b"{}"), 501),
    ("chunked", request_text("POST", "/v1/releases", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 501),
    ("two lengths", request_text("POST", "/v1/releases", "Content-Length: 2", "Content-Length: 3", body=b"{} "), 400),
    ("two equal lengths", request_text("POST", "/v1/releases", "Content-Length: 2", "Content-Length: 2",
                                       body=b"{}"), 400),
    ("a list of lengths", request_text("POST", "/v1/releases", "Content-Length: 2, 2", body=b"{}"), 400),
    ("a negative length", request_text("POST", "/v1/releases", "Content-Length: -1"), 400),
    ("an empty length", request_text("POST", "/v1/releases", "Content-Length:"), 400),
    ("a signed length", request_text("POST", "/v1/releases", "Content-Length: +3", body=b"{} "), 400),
    ("a hexadecimal length", request_text("POST", "/v1/releases", "Content-Length: 0x2", body=b"{}"), 400),
    ("a length of 2^63", request_text("POST", "/v1/releases", "Content-Length: 9223372036854775808"), 400),
    ("two hosts", request_text("GET", "/livez", "Host: i"), 400),
    ("no host", request_text("GET", "/livez", host=None), 400),
    ("an empty host", request_text("GET", "/livez", host="Host:"), 400),
    ("absolute form", request_text("GET", "http://h/livez"), 400),
    ("no path", request_text("GET", "livez"), 400),
    ("an escaped NUL", request_text("GET", "/livez%00"), 400),
    ("an escaped NUL before a suffix", request_text("GET", "/livez%00.json"), 400),
    ("dots", request_text("GET", "/v1/../metrics"), 400),
    ("escaped dots", request_text("GET", "/v1/%2e%2e/metrics"), 400),
    ("an encoded slash", request_text("GET", "/v1%2freleases"), 400),
    ("a control character in a value", request_text("GET", "/livez", "X-A: a\x01b"), 400),
    ("a blank in a header name", request_text("GET", "/livez", "X A: b"), 400),
    ("a blank before the colon", request_text("POST", "/v1/releases", "Transfer-Encoding : chunked"), 400),
    ("two Authorization headers", request_text("GET", "/v1/releases", "Authorization: Bearer a",
                                               "Authorization: Bearer b"), 400),
    ("two Idempotency-Keys", request_text("POST", "/v1/releases", "Idempotency-Key: a", "Idempotency-Key: b"), 400),
    ("GET with a body", request_text("GET", "/livez", JSON_TYPE, "Content-Length: 2", body=b"{}"), 400),
    ("DELETE with a body", request_text("DELETE", "/livez", JSON_TYPE, "Content-Length: 2", body=b"{}"), 400),
    ("a method nobody has", request_text("BREW", "/livez"), 405),
    ("CONNECT", request_text("CONNECT", "h:443"), 405),
    ("an expectation nobody meets", request_text("POST", "/v1/releases", "Expect: 200-ok", "Content-Length: 0"), 417),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("a fraction of a version", b"GET /livez HTTP/1\r\nHost: h\r\n\r\n", {400, 505, None}),
    ("HTTP/0.9", b"GET /livez\r\n\r\n", {400, 505, None}),
    ("TLS", bytes.fromhex("16030100b5010000b10303") + bytes(range(180)) + b"\r\n\r\n", {400, 405, None}),
    ("garbage", b"\x00\xff\xfe garbage \x07\r\n\r\n", {400, 405, None}),
    ("an empty line and garbage", b"\r\n\r\n\r\nxyz\r\n\r\n", {400, 405, None}),
    ("65 headers", request_text("GET", "/livez", *[f"X-{i}: y" for i in range(64)]), 431),
    ("1000 headers", request_text("GET", "/livez", *[f"X-{i}: y" for i in range(1000)]), 431),
    ("a header of 20 KiB", request_text("GET", "/livez", "X-A: " + "a" * 20480), 431),
    ("a URL of 20 KiB", request_text("GET", "/v1/releases?service=" + "a" * 20480), 414),
]


@pytest.mark.parametrize("why,data,expected", FRAMING, ids=[row[0] for row in FRAMING])
def test_what_two_readers_may_read_differently_is_refused_and_closed(api, why, data, expected):
    sock, answer = raw(api, data)
    allowed = expected if isinstance(expected, set) else {expected}
    if None in allowed:
        sock.shutdown(socket.SHUT_WR)
    assert answer.status in allowed, (why, answer.status, answer.body)
    assert answer.closed(), why
    # What the library itself refuses has a page of its own; all else is ours.
    if answer.status is not None and "problem+json" in answer.headers.get("content-type", ""):
        answer.problem()
    if answer.status == 405:
        assert "GET" in answer.headers["allow"]
    sock.close()


def test_a_second_request_behind_a_smuggled_one_is_not_answered(api):
    data = request_text("POST", "/v1/releases", "Content-Length: 40", "Transfer-Encoding: chunked",
                        body=b"0\r\n\r\n" + request_text("GET", "/livez"))
    sock, answer = raw(api, data)
    assert answer.status == 501 and answer.closed()
    sock.close()


def authorised(api, *headers, who="ann"):
    return f"Authorization: Bearer {api.tokens[who]}", *headers


def test_the_connection_goes_on_after_a_refusal_that_leaves_no_doubt(api):
    sock = connect(api)
    for target, status in (("/v1/nothing", 404), ("/v1/releases?limit=x", 422), ("/livez", 200)):
        sock.sendall(request_text("GET", target, *authorised(api)))
        assert Answer(sock).status == status
    sock.close()


# --- bodies: size and type ---

def test_a_body_above_64_kib_is_413_and_says_the_limit(api):
    body = b'{"service":"' + b"a" * 70000 + b'"}'
    status, answer, _ = api.request("POST", "/v1/releases", body, headers={"Content-Type": "application/json"})
    assert status == 413 and "65536" in answer["detail"], answer


def test_a_body_of_10_mb_is_413(api):
    status, answer, _ = api.request("POST", "/v1/releases", b"x" * (10 << 20), headers={"Content-Type": "application/json"})
    assert status == 413 and "65536" in answer["detail"], answer


def test_a_body_that_is_announced_as_gigabytes_is_413_at_once(api):
    sock, answer = raw(api, request_text("POST", "/v1/releases", *authorised(api, JSON_TYPE, "Content-Length: 5000000000")))
    assert answer.status == 413 and answer.closed()
    assert "65536" in answer.problem()["detail"]
    sock.close()


@pytest.mark.parametrize("expect", [[], ["-H", "Expect:"]], ids=["asking before", "without asking"])
def test_curl_with_a_body_of_10_mb_shows_the_413(api, tmp_path, expect):
    big = tmp_path / "big.json"
    big.write_bytes(b'{"reason":"' + b"x" * (10 << 20) + b'"}')
    done = subprocess.run(
        ["curl", "-sS", *expect, "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {api.tokens['ann']}", "-H",
         JSON_TYPE, "--data-binary", f"@{big}", f"http://127.0.0.1:{api.port}/v1/releases"],
        capture_output=True, text=True, check=False)
    body, _, status = done.stdout.rpartition("\n")
    assert status == "413", done
    assert json.loads(body)["status"] == 413, done


def test_policies_may_be_larger_than_other_bodies(api):
    text = "# " + "x" * 100000 + "\npolicy: p\n"
    status, answer, _ = api.post("/v1/policies/validate", {"yaml": text})
    assert status == 200 and answer["valid"] is False
    status, _, _ = api.post("/v1/policies/validate", {"yaml": "# " + "x" * (1 << 20)})
    assert status == 413


@pytest.mark.parametrize("kind", ["text/xml", "multipart/form-data; boundary=x", "application/json; charset=utf-16",
                                  None])
def test_a_content_type_nobody_reads_is_415_and_names_the_two(api, kind):
    headers = [JSON_TYPE.replace("application/json", kind)] if kind else []
    sock, answer = raw(api, request_text("POST", "/v1/releases", *authorised(api, "Content-Length: 2", *headers),
                                         body=b"{}"))
    assert answer.status == 415
    detail = answer.problem()["detail"]
    assert "application/json" in detail and "application/x-www-form-urlencoded" in detail
    sock.close()


def test_a_compressed_body_is_415(api):
    status, answer, _ = api.request("POST", "/v1/releases", b"\x1f\x8b", headers={
        "Content-Type": "application/json", "Content-Encoding": "gzip"})
    assert status == 415 and "Content-Encoding" in answer["detail"]


def test_an_accept_nobody_meets_is_406(api):
    assert api.get("/v1/releases", headers={"Accept": "image/png"})[0] == 406
    assert api.get("/v1/releases", headers={"Accept": "text/html, */*;q=0.1"})[0] == 200


# --- bodies: JSON and forms ---

NOT_JSON = [
    ("cut off", b'{"service": "x"', 1),
    ("a bare word on line 2", b'{\n  "service": nope\n}', 2),
    ("single quotes", b"{'service': 'x'}", 1),
    ("a trailing comma", b'{"service": "x",}', 1),
    ("a comment", b'{"service": "x"} // y', 1),
    ("trailing data", b'{"service": "x"}\n{}', 2),
    ("a duplicate key", b'{"service": "x",\n "service": "y"}', 2),
    ("a duplicate key by escape", b'{"service": "x", "s\\u0065rvice": "y"}', 1),
    ("a raw NUL", b'{"service": "a\0b"}', 1),
    ("an escaped NUL", b'{"service": "a\\u0000b"}', 1),
    ("a raw newline in a string", b'{"service": "a\nb"}', 1),
    ("bad UTF-8", b'{"service": "\xff\xfe"}', 1),
    ("half a surrogate pair", b'{"service": "\\ud800"}', 1),
    ("a byte order mark", b'\xef\xbb\xbf{"service": "x"}', 1),
    ("nested too deep", b'{"params": ' + b"[" * 40 + b"]" * 40 + b"}", 1),
    ("nested very deep", b"[" * 60000, 1),
    ("a scalar", b"12", 1),
    ("a string", b'"service"', 1),
    ("null", b"null", 1),
    ("a list", b"[1, 2]", 1),
    ("only blanks", b"   ", 1),
    ("NaN", b'{"params": {"x": NaN}}', 1),
    ("Infinity", b'{"params": {"x": Infinity}}', 1),
    ("1e999", b'{"params": {"x": 1e999}}', 1),
    ("1e-999", b'{"params": {"x": 1e-999}}', 1),
    ("2^63", b'{"params": {"x": 9223372036854775808}}', 1),
    ("too many tokens", b'{"params": [' + b"1," * 20000 + b"1]}", 1),
    ("a form called JSON", b"service=checkout", 1),
]


@pytest.mark.parametrize("why,body,line", NOT_JSON, ids=[row[0] for row in NOT_JSON])
def test_a_body_that_is_not_json_is_400_with_line_and_column(api, why, body, line):
    status, answer, _ = api.request("POST", "/v1/releases", body, headers={"Content-Type": "application/json"})
    assert status == 400, answer
    place = re.search(r"line (\d+), column (\d+)", answer["detail"])
    assert place and abs(int(place[1]) - line) <= 1 and int(place[2]) >= 1, answer


@pytest.mark.parametrize("body", [b"service=a&service=b", b"service=%zz", b"service=%ff", b"service=a%00b", b"=a",
                                  b"&".join(b"a%d=b" % i for i in range(1000))])
def test_a_form_that_cannot_be_read_is_400(api, body):
    status, answer, _ = api.request("POST", "/v1/releases", body,
                                    headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 400 and "form" in answer["detail"], answer


GOOD = {"service": "checkout", "environment": "prod", "version": "2.0.0", "policy": "test", "start": "manual"}
WRONG = [
    # why, change to a good release, pointer, what the sentence says
    ("an unknown field", {"servcie": "x"}, "/servcie", 'did you mean "service"'),
    ("a field far from any other", {"zzzzzzzzz": 1}, "/zzzzzzzzz", "unknown"),
    ("a number for a text", {"service": 5}, "/service", "must be"),
    ("null for a text", {"version": None}, "/version", "must be"),
    ("a list for a text", {"environment": ["prod"]}, "/environment", "must be"),
    ("an object for a text", {"policy": {}}, "/policy", "must be"),
    ("an empty service", {"service": ""}, "/service", "empty"),
    ("an upper-case service", {"service": "Checkout"}, "/service", "a-z"),
    ("a blank in a service", {"service": "check out"}, "/service", "a-z"),
    ("a slash in a service", {"service": "a/b"}, "/service", "a-z"),
    ("an @ in a service", {"service": "a@b"}, "/service", "a-z"),
    ("a service of 65 characters", {"service": "a" * 65}, "/service", "64"),
    ("a service that is not ASCII", {"service": "café"}, "/service", "a-z"),
    ("an environment with a dollar", {"environment": "${x}"}, "/environment", "a-z"),
    ("an empty version", {"version": ""}, "/version", "empty"),
    ("a blank in a version", {"version": "1 0"}, "/version", "A-Z"),
    ("a quote in a version", {"version": "1'--"}, "/version", "A-Z"),
    ("a version of 129 characters", {"version": "1" * 129}, "/version", "128"),
    ("a bad stable version", {"stable_version": "a b"}, "/stable_version", "A-Z"),
    ("a policy nobody has", {"policy": "tset"}, "/policy", "test"),
    ("an unknown migration", {"migration": "irreversable"}, "/migration", "irreversible"),
    ("a start that is no instant", {"start": "tomorrow"}, "/start", "instant"),
    ("params that are a list", {"params": [1]}, "/params", "object"),
    ("links that are a text", {"links": "x"}, "/links", "object"),
    ("an overlong ticket", {"ticket": "x" * 5000}, "/ticket", "512"),
]


@pytest.mark.parametrize("why,change,pointer,says", WRONG, ids=[row[0] for row in WRONG])
def test_a_release_with_a_mistake_is_422_with_a_pointer(api, why, change, pointer, says):
    status, answer, _ = api.post("/v1/releases", {**GOOD, **change}, who="bob")
    assert status == 422, answer
    found = [p for p in answer["problems"] if p["pointer"] == pointer]
    assert found, answer
    assert says in found[0]["detail"], found


def test_every_mistake_of_a_release_is_listed_at_once(api):
    status, answer, _ = api.post("/v1/releases", {"service": 1, "environment": [], "verison": "1", "policy": "test",
                                                  "migration": "maybe"})
    assert status == 422
    assert {p["pointer"] for p in answer["problems"]} >= {"/service", "/environment", "/verison", "/migration"}
    assert any("version" in p["detail"] and "verison" not in p["pointer"] for p in answer["problems"]), answer


def test_an_empty_body_names_what_is_needed(api):
    status, answer, _ = api.request("POST", "/v1/releases")
    assert status == 422
    text = json.dumps(answer["problems"])
    assert "service" in text and "environment" in text and "version" in text


VERBS = [
    ("promote", {}, 422, "/reason"),
    ("promote", {"reason": ""}, 422, "/reason"),
    ("pause", {"reson": "x"}, 422, "/reson"),
    ("pause", {"reason": 7}, 422, "/reason"),
    ("pause", {"reason": "x" * 100000}, 413, None),
    ("pause", {"reason": "x" * 3000}, 422, "/reason"),
    ("pause", {"reason": "x", "expires": "soon"}, 422, "/expires"),
    ("pause", {"reason": "x", "expires_in": "-5m"}, 422, "/expires_in"),
    ("pause", {"reason": "x", "expires_in": 5}, 422, "/expires_in"),
    ("rollback", {"option": ["kill_switch"]}, 422, "/option"),
    ("rollback", {"optoin": "kill_switch"}, 422, "/optoin"),
    ("waive", {"gate": "nothing", "reason": "x"}, 422, "/gate"),
    ("waive", {"reason": "x"}, 422, "/gate"),
    ("approve", {"role": "qa", "stage": "nothing"}, 422, "/stage"),
    ("cancel", [1], 400, None),
]


@pytest.mark.parametrize("verb,body,expected,pointer", VERBS,
                         ids=[f"{v} {json.dumps(b)[:40]}" for v, b, _, _ in VERBS])
def test_a_verb_with_a_wrong_body_says_where(api, verb, body, expected, pointer):
    status, answer, _ = api.post(f"/v1/releases/1/{verb}", body)
    # A verb that is not legal here may say so first; a body that cannot be read is refused either way.
    if status == 409 and verb in ("waive", "approve", "promote"):
        assert "legal" in answer
        return
    assert status == expected, answer
    if pointer:
        assert answer["pointer"] == pointer, answer


def test_a_misspelt_field_of_a_verb_gets_a_did_you_mean(api):
    status, answer, _ = api.post("/v1/releases/1/pause", {"reson": "x"})
    assert status == 422 and 'did you mean "reason"' in answer["detail"], answer


def test_a_freeze_with_a_mistake_is_422(api):
    for body, pointer in (({"scope": "galaxy", "reason": "x"}, "/scope"), ({"scope": "environment", "reason": "x"}, "/name"),
                          ({"scope": "global", "name": "x", "reason": "x"}, "/name"), ({"scope": "global", "reason": ""}, "/reason")):
        status, answer, _ = api.post("/v1/freeze", body)
        assert status == 422 and answer["pointer"] == pointer, answer
    status, answer, _ = api.post("/v1/freeze", {})
    assert status == 422 and "reason" in answer["detail"], answer
    assert api.get("/v1/freeze")[1]["freezes"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "limit=1.5", "limit=", "cursor=0", "cursor=-1",
                                   "cursor=9223372036854775808", "state=flying"])
def test_a_list_with_a_wrong_filter_is_422_and_names_it(api, query):
    status, answer, _ = api.get(f"/v1/releases?{query}")
    assert status == 422 and answer["parameter"] == query.split("=")[0], answer


@pytest.mark.parametrize("query", ["service=%zz", "service=a&service=b", "service=%ff", "service=%00"])
def test_a_query_that_cannot_be_read_is_400(api, query):
    assert api.get(f"/v1/releases?{query}")[0] == 400


# --- places and methods ---

@pytest.mark.parametrize("path", ["/v1/nothing", "/v2/releases", "/v1/releases/", "//v1/releases", "/v1/releases/1/",
                                  "/v1/releases/1/explode", "/etc/passwd", "/LIVEZ"])
def test_an_unknown_path_is_404(api, path):
    status, answer, _ = api.get(path)
    assert status == 404 and answer["detail"], answer


@pytest.mark.parametrize("name", ["999999", "0", "-1", "9223372036854775807", "9223372036854775808", "1e3", "0x1",
                                  "checkout@9.9.9", "checkout@", "@1.0.0", "nobody@1.0.0", "checkout", "a@b@c",
                                  "x" * 300 + "@1"])
def test_an_unknown_release_is_404_and_says_how_to_name_one(api, name):
    for method, below in (("GET", ""), ("GET", "/timeline"), ("POST", "/rollback"), ("POST", "/resume")):
        status, answer, _ = api.request(method, f"/v1/releases/{name}{below}",
                                        {"reason": "x"} if method == "POST" else None)
        assert status == 404 and "service@version" in answer["detail"], (method, below, answer)


def test_a_wrong_method_is_405_with_allow(api):
    for method, path, allow in (("DELETE", "/v1/releases", {"GET", "HEAD", "POST"}),
                                ("PUT", "/v1/releases/1/pause", {"POST"}), ("GET", "/v1/releases/1/pause", {"POST"}),
                                ("POST", "/metrics", {"GET", "HEAD"}),
                                ("POST", "/v1/policies/test", {"GET", "HEAD", "PUT"})):
        status, answer, headers = api.request(method, path)
        assert status == 405, (method, path, answer)
        assert set(re.split(r",\s*", headers["allow"])) == allow, (method, path, headers)


# --- who asks ---

def edited_tokens(api, subject, change):
    """Puts a changed entry into the tokens file; the daemon looks at it every two seconds."""
    text = api.tokens_file.read_text()
    entries = re.split(r"(?m)^(?=  - kid)", text)
    api.tokens_file.write_text("".join(change(e) if f'subject: "{subject}"' in e else e for e in entries))


def ask_with(api, token, source):
    headers = [f"Authorization: Bearer {token}"] if token else []
    sock, answer = raw(api, request_text("GET", "/v1/releases", *headers), source)
    sock.close()
    return answer


def test_a_token_that_is_missing_garbled_unknown_expired_or_revoked_gets_the_same_401(api):
    api.token("old", "viewer")
    api.token("gone", "viewer")
    wait_until(lambda: ask_with(api, api.tokens["gone"], "127.0.2.1").status == 200 or None, "the new tokens to work")
    edited_tokens(api, "old", lambda e: re.sub(r"expires: .*", "expires: 2020-01-01T00:00:00Z", e))
    kid = api.tokens["gone"].split("_")[1]
    assert run_headgate("token", "revoke", kid, "--file", api.tokens_file).returncode == 0
    wait_until(lambda: ask_with(api, api.tokens["gone"], "127.0.2.2").status in (401, 429), "the revocation to work")
    right = api.tokens["ann"]
    wrong = [("missing", None), ("garbled", "hg_nonsense"), ("empty", " "),
             ("another's secret", right.split("_")[0] + "_" + right.split("_")[1] + "_" + api.tokens["eve"].split("_", 2)[2]),
             ("one letter changed", right[:-1] + ("a" if right[-1] != "a" else "b")),
             ("expired", api.tokens["old"]), ("revoked", api.tokens["gone"])]
    seen = set()
    for i, (why, token) in enumerate(wrong):
        answer = ask_with(api, token, f"127.0.3.{i + 1}")  # failures are counted by address
        assert answer.status == 401, (why, answer.status, answer.body)
        assert answer.headers["www-authenticate"].startswith("Bearer"), why
        seen.add(answer.body)
    assert len(seen) == 1, seen
    # Another scheme is as good as none.
    sock, answer = raw(api, request_text("GET", "/v1/releases", "Authorization: Basic YTpi"), "127.0.3.200")
    assert answer.status == 401 and answer.body in seen
    sock.close()


def test_guessing_tokens_is_slowed_down_but_a_good_one_passes(api):
    statuses = [ask_with(api, f"hg_guess{i}", "127.0.4.1") for i in range(8)]
    assert [a.status for a in statuses[:5]] == [401] * 5
    assert statuses[-1].status == 429 and int(statuses[-1].headers["retry-after"]) >= 1
    assert ask_with(api, api.tokens["eve"], "127.0.4.1").status == 200


def denied_records(api):
    return api.sql("SELECT chain, sequence, encode(record, 'hex'), encode(hash, 'hex') FROM headgate.audit "
                   "WHERE chain LIKE 'denied%' ORDER BY chain, sequence")


def test_a_wrong_role_is_403_says_what_is_missing_and_lands_in_the_denied_chain(api):
    import hashlib
    for method, path, permission in (("POST", "/v1/releases", "submit"), ("POST", "/v1/releases/1/rollback", "operate"),
                                     ("PUT", "/v1/policies/other", "admin"), ("POST", "/v1/freeze", "operate"),
                                     ("GET", "/v1/releases/1/audit", "audit")):
        status, answer, _ = api.request(method, path, {} if method != "GET" else None, who="eve")
        assert status == 403 and answer["permission"] == permission, (path, answer)
        assert "eve" in answer["detail"]

    def recorded():
        rows = [bytes.fromhex(row[2]) for row in denied_records(api)]
        return all(any(b"eve" in r and what in r for r in rows)
                   for what in (b"POST /v1/releases", b"/rollback", b"PUT /v1/policies", b"/v1/freeze"))

    wait_until(recorded, "the denials to be recorded")
    previous = {}
    for chain, sequence, record, digest in denied_records(api):
        before = previous.get(chain, (0, bytes(32)))
        assert int(sequence) == before[0] + 1
        here = hashlib.sha256(before[1] + bytes.fromhex(record)).digest()
        assert here.hex() == digest, (chain, sequence)
        previous[chain] = (int(sequence), here)


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                                     {"Origin": "http://evil.example"}, {"Origin": "null"}])
def test_a_page_of_another_site_cannot_write(api, headers):
    status, answer, _ = api.post("/v1/releases/1/rollback", {"reason": "x"}, headers=headers)
    assert status == 403 and "another site" in answer["detail"], answer
    assert api.get("/v1/releases", headers=headers)[0] == 200


def test_a_page_of_our_own_may_write(api):
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": f"http://127.0.0.1:{api.port}"}):
        assert api.post("/v1/policies/validate", {}, headers=headers)[0] == 200


# --- preconditions and keys ---

def test_if_match_that_is_weak_or_a_star_is_400_and_a_stale_one_412(api):
    etag = api.get("/v1/releases/1")[2]["etag"]
    for value in ("W/" + etag, "*", "1.1.0", '""', '"x"', '"1"', etag + ", " + etag):
        status, answer, _ = api.post("/v1/releases/1/start", {}, headers={"If-Match": value})
        assert status == 400 and "ETag" in answer["detail"], (value, answer)
    id_, version, evaluation = etag.strip('"').split(".")
    stale = f'"{id_}.{int(version) + 7}.{evaluation}"'
    status, answer, _ = api.post("/v1/releases/1/start", {}, headers={"If-Match": stale})
    assert status == 412 and "read" in answer["detail"], answer


@pytest.mark.parametrize("key", ['""', "a b", "x" * 256, '"open', 'open"', '"a"b"', "café", "a\\b"])
def test_a_malformed_idempotency_key_is_400(api, key):
    sock, answer = raw(api, request_text("POST", "/v1/releases", *authorised(
        api, JSON_TYPE, f"Idempotency-Key: {key}", "Content-Length: 2"), body=b"{}"))
    assert answer.status == 400 and "Idempotency-Key" in answer.problem()["detail"], (key, answer.body)
    sock.close()


@pytest.mark.writes
def test_a_refused_request_may_be_mended_under_a_new_key_only(api):
    key = {"Idempotency-Key": "mend-1"}
    body = {**GOOD, "service": "mended", "version": "1"}
    status, answer, _ = api.post("/v1/releases", {**body, "version": ""}, who="bob", headers=key)
    assert status == 422
    again = api.post("/v1/releases", {**body, "version": ""}, who="bob", headers=key)
    assert again[0] == 422 and again[1]["detail"] == answer["detail"]
    status, answer, _ = api.post("/v1/releases", body, who="bob", headers=key)
    assert status == 422 and "new key" in answer["detail"], answer
    status, answer, _ = api.post("/v1/releases", body, who="bob", headers={"Idempotency-Key": "mend-2"})
    assert status == 201, answer


# --- time ---

def drip(api, head, endless, result):
    """Sends `head`, then one byte at a time until the other side has had enough."""
    began = time.monotonic()
    with connect(api) as sock:
        sock.sendall(head)
        sock.settimeout(0.2)
        while True:
            try:
                if endless:
                    sock.sendall(b"a")
                if sock.recv(4096) == b"":
                    break
            except socket.timeout:
                continue
            except OSError:
                break
    result.append(time.monotonic() - began)


def test_a_drip_is_cut_off_at_the_total_time_while_others_are_served(api):
    heads = [b"GET /livez HTTP/1.1\r\nHost: h\r\nX-A: ", request_text("POST", "/v1/releases", *authorised(
        api, JSON_TYPE, "Content-Length: 60000")), b""]
    results = [[] for _ in heads]
    threads = [threading.Thread(target=drip, args=(api, head, head != b"", result), daemon=True)
               for head, result in zip(heads, results)]
    for thread in threads:
        thread.start()

    def all_cut_off():
        assert api.get("/livez", who=None)[0] == 200
        return not any(thread.is_alive() for thread in threads)

    wait_until(all_cut_off, "the drips to be cut off")
    for result in results:
        # Ten seconds are promised; the lower bound is what matters (an honest slow client is served).
        assert result and result[0] > 5, results


# --- the configuration ---

GOOD_CONFIG = """listen: "127.0.0.1:{port}"
database: "host=/nonexistent dbname=x"
tokens_file: {folder}/tokens.yaml
policies_dir: {folder}
state_dir: {folder}
"""
BAD_CONFIG = [
    ("an unknown key", "listne: x\n", 6, 'did you mean "listen"'),
    ("a duplicate key", "log_level: info\nlog_level: debug\n", 7, "twice|duplicate|already"),
    ("an unknown level", "log_level: loud\n", 6, "debug"),
    ("a bad network", "networks: [127.0.0.0/33]\n", 6, "127.0.0.0/33"),
    ("a bad duration", "limits: {request_timeout: fast}\n", 6, "request_timeout"),
    ("a limit too low", "limits: {connections: 1}\n", 6, "16"),
    ("a URL with a password", "destinations: {d: {url: 'http://u:p@h'}}\n", 6, "user name or password"),
    ("a URL of another kind", "destinations: {d: {url: 'file:///etc/passwd'}}\n", 6, "http"),
    ("a destination without a URL", "destinations: {d: {}}\n", 6, "url"),
    ("an unknown permission", "roles: {x: [aprove]}\n", 6, "approve"),
    ("a tab", "limits:\n\tconnections: 20\n", 7, ""),
    ("not YAML", "limits: [\n", 7, ""),
]


@pytest.mark.parametrize("why,text,line,says", BAD_CONFIG, ids=[row[0] for row in BAD_CONFIG])
def test_a_configuration_with_a_mistake_ends_the_start_with_78_and_its_place(tmp_path, why, text, line, says):
    file = tmp_path / "headgate.yaml"
    file.write_text(GOOD_CONFIG.format(port=free_port(), folder=tmp_path) + text)
    for args, expected in ((["serve", "--config", file], 78), (["check", "--config", file], 1)):
        done = run_headgate(*args)
        assert done.returncode == expected, (why, done)
        place = re.search(rf"{re.escape(str(file))}:(\d+):(\d+): ", done.stdout + done.stderr)
        assert place, done
        assert abs(int(place[1]) - line) <= 1, (why, done)
        assert re.search(says, done.stdout + done.stderr), done


def test_a_secret_that_everybody_can_read_ends_the_start_with_78(tmp_path):
    (tmp_path / "secret").write_text("x" * 40)
    (tmp_path / "secret").chmod(0o644)
    file = tmp_path / "headgate.yaml"
    file.write_text(GOOD_CONFIG.format(port=free_port(), folder=tmp_path) +
                    "destinations: {d: {url: 'http://h', secret_file: secret}}\n")
    done = run_headgate("serve", "--config", file)
    assert done.returncode == 78 and "0600" in done.stderr and "xxxx" not in done.stderr, done


def test_a_configuration_that_is_not_there_ends_the_start_with_78(tmp_path):
    done = run_headgate("serve", "--config", tmp_path / "none.yaml")
    assert done.returncode == 78 and "none.yaml" in done.stderr
