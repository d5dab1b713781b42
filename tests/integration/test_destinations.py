"""Destinations over real TLS: whose certificate is believed, what we show and send, and how secrets change."""
import base64
import hashlib
import hmac
import json
import socket
import ssl
import subprocess
import warnings

import pytest
from harness import Daemon, check_invariants, run_headgate, wait_until
from test_actions import Outside, actions, baking, long_canary

TOKEN = "canary-token-that-nobody-may-log"
PASSWORD = "canary password"


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)


class Authority:
    """A certificate authority for one test."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.cert, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        openssl("req", "-x509", *self.new_key(self.key), "-days", "2", "-subj", f"/CN={name}", "-out", self.cert,
                "-addext", "keyUsage=critical,keyCertSign")

    @staticmethod
    def new_key(path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path]

    def issue(self, name, san):
        cert, key, request = (self.folder / f"{self.name}-{name}.{end}" for end in ("crt", "key", "csr"))
        extensions = self.folder / "extensions"
        extensions.write_text(f"subjectAltName={san}\n")
        openssl("req", *self.new_key(key), "-subj", f"/CN={name}", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", "2",
                "-extfile", extensions, "-out", cert)
        key.chmod(0o600)
        return cert, key


class TlsOutside(Outside):
    """The same behind TLS; `clients`: whose certificate a client must show. A handshake that fails is counted."""

    def __init__(self, folder, pair, clients=None, most=None):
        super().__init__(folder)
        self.refused, self.subjects, self.versions = 0, [], []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        if most is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = most
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients)
        plain, outside = self.server.finish_request, self

        def finish_request(request, address):
            try:
                request = context.wrap_socket(request, server_side=True)
                plain(request, address)
            except OSError:
                with outside.lock:
                    outside.refused += 1

        self.server.finish_request = finish_request

    def take(self, request, body):
        with self.lock:
            self.subjects.append(dict(pair[0] for pair in (request.connection.getpeercert() or {}).get("subject", [])))
            self.versions.append(request.connection.version())
        super().take(request, body)


@pytest.fixture
def trusted(folder):
    return Authority(folder, "trusted")


@pytest.fixture
def stranger(folder):
    return Authority(folder, "stranger")


@pytest.fixture
def start(postgres, folder, target):
    """start(receiver, keys...): a daemon whose destination has these keys beside url and networks."""
    made = []

    def begin(receiver, scheme="https", host="127.0.0.1", policies=None, more="", **keys):
        daemon = Daemon(folder, postgres, postgres.database(), target, receiver, policies or long_canary(target))
        made.append((daemon, receiver))
        file = daemon.folder / "headgate.yaml"
        head, _, _ = file.read_text().partition("destinations:")
        lines = [f"    {key}: {json.dumps(value if isinstance(value, (list, dict)) else str(value))}"
                 for key, value in {"secret_file": receiver.secret_file, **keys}.items()]
        file.write_text("\n".join([head + "destinations:", "  deployer:",
                                   f'    url: "{scheme}://{host}:{receiver.port}"', "    networks: [127.0.0.0/8]",
                                   "    timeout: 5s", *lines]) + "\n" + more)
        return daemon.start()

    yield begin
    for daemon, receiver in made:
        daemon.close()
        receiver.close()
        check_invariants(daemon)
        assert "canary-" not in daemon.log() and PASSWORD not in daemon.log()


def secret_file(folder, name, text):
    path = folder / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def tried_in_vain(daemon, receiver, reason):
    """The advance is tried again and again, says why, and nothing ever reaches the receiver."""
    id_ = daemon.create()["id"]
    row = wait_until(lambda: next((a for a in actions(daemon, id_) if a["attempts"] >= 2 and a["last_text"]), None),
                     "two attempts")
    assert reason in row["last_text"].lower(), row
    assert daemon.release(id_)["step"] == "entering"
    assert receiver.requests == []


# --- whom we trust ---

def test_a_receiver_with_a_certificate_of_the_authority_is_spoken_to(start, folder, trusted):
    receiver = TlsOutside(folder, trusted.issue("deployer", "IP:127.0.0.1"))
    daemon = start(receiver, ca_file=trusted.cert)
    id_ = baking(daemon)
    daemon.verb(id_, "rollback", reason="the way back is the same")
    daemon.wait_state(id_, "rolled_back")
    assert receiver.weights() == [10, 0] and receiver.refused == 0
    assert set(receiver.versions) <= {"TLSv1.2", "TLSv1.3"} and receiver.subjects == [{}, {}]


def test_a_certificate_of_another_authority_is_refused(start, folder, trusted, stranger):
    receiver = TlsOutside(folder, stranger.issue("deployer", "IP:127.0.0.1"))
    tried_in_vain(start(receiver, ca_file=trusted.cert), receiver, "certificate")
    wait_until(lambda: receiver.refused >= 2, "two handshakes that failed")


def test_without_ca_file_the_system_s_authorities_count(start, folder, trusted):
    receiver = TlsOutside(folder, trusted.issue("deployer", "IP:127.0.0.1"))
    tried_in_vain(start(receiver), receiver, "certificate")


def test_a_certificate_for_another_name_is_refused(start, folder, trusted):
    receiver = TlsOutside(folder, trusted.issue("deployer", "DNS:deployer.example"))
    tried_in_vain(start(receiver, ca_file=trusted.cert), receiver, "matches target host")


def test_a_kept_connection_of_one_destination_is_not_used_for_another(start, folder, target, trusted, stranger):
    """Two destinations are one address, but only one of them trusts it."""
    receiver = TlsOutside(folder, trusted.issue("deployer", "IP:127.0.0.1"))
    other = json.loads(long_canary(target)["test.yaml"])
    other["policy"] = "other"
    for action in other["actions"].values():
        action["to"] = "careful"
    more = (f'  careful:\n    url: "https://127.0.0.1:{receiver.port}"\n    networks: [127.0.0.0/8]\n'
            f'    timeout: 5s\n    ca_file: "{stranger.cert}"\n')
    daemon = start(receiver, policies={**long_canary(target), "other.yaml": json.dumps(other)}, more=more,
                   ca_file=trusted.cert)
    baking(daemon)
    id_ = daemon.create(service="billing", policy="other")["id"]
    wait_until(lambda: actions(daemon, id_)[0]["attempts"] >= 2, "two attempts")
    assert "certificate" in json.dumps(actions(daemon, id_)[0])
    assert [r["headers"]["Headgate-Service"] for r in receiver.requests] == ["checkout"]


def test_tls_1_1_is_not_spoken(start, folder, trusted):
    receiver = TlsOutside(folder, trusted.issue("deployer", "IP:127.0.0.1"), most=ssl.TLSVersion.TLSv1_1)
    tried_in_vain(start(receiver, ca_file=trusted.cert), receiver, "protocol")


# --- who we are ---

def test_a_receiver_that_asks_for_our_certificate_is_shown_it(start, folder, trusted):
    clients = Authority(folder, "clients")
    cert, key = clients.issue("headgate", "DNS:headgate")
    receiver = TlsOutside(folder, trusted.issue("deployer", "IP:127.0.0.1"), clients=clients.cert)
    baking(start(receiver, ca_file=trusted.cert, client_cert_file=cert, client_key_file=key))
    assert receiver.weights() == [10] and receiver.subjects == [{"commonName": "headgate"}]


def test_without_the_certificate_a_receiver_asks_for_nothing_gets_through(start, folder, trusted):
    clients = Authority(folder, "clients")
    receiver = TlsOutside(folder, trusted.issue("deployer", "IP:127.0.0.1"), clients=clients.cert)
    # In TLS 1.3 the client has finished by then and learns of it, or only of the end, with its first bytes.
    tried_in_vain(start(receiver, ca_file=trusted.cert), receiver, "")
    wait_until(lambda: receiver.refused >= 2, "two handshakes that failed")


def test_a_token_is_sent_and_never_shown(start, folder, trusted):
    receiver = TlsOutside(folder, trusted.issue("deployer", "IP:127.0.0.1"))
    daemon = start(receiver, ca_file=trusted.cert, bearer_file=secret_file(folder, "token", TOKEN))
    id_ = baking(daemon)
    assert [r["headers"]["Authorization"] for r in receiver.requests] == [f"Bearer {TOKEN}"]
    for path in (f"/v1/releases/{id_}", f"/v1/releases/{id_}/actions", "/metrics"):
        assert TOKEN not in json.dumps(daemon.get(path)[1]), path


def test_a_user_name_and_password_are_sent(start, folder, trusted):
    receiver = TlsOutside(folder, trusted.issue("deployer", "IP:127.0.0.1"))
    baking(start(receiver, ca_file=trusted.cert, basic_user="häd",
                 basic_password_file=secret_file(folder, "password", PASSWORD)))
    expected = base64.b64encode(f"häd:{PASSWORD}".encode()).decode()
    assert [r["headers"]["Authorization"] for r in receiver.requests] == [f"Basic {expected}"]


def test_a_large_message_gets_through_to_a_slow_reader(start, folder, target, trusted):
    """More than fits into the socket's buffers, so that writing has to wait in the middle of a record."""
    receiver = TlsOutside(folder, trusted.issue("deployer", "IP:127.0.0.1"))
    receiver.server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    policy = json.loads(long_canary(target)["test.yaml"])
    policy["actions"]["set_weight"]["body"]["padding"] = [f"{i:08}" * 100 for i in range(600)]
    baking(start(receiver, policies={"test.yaml": json.dumps(policy)}, ca_file=trusted.cert))
    assert receiver.weights() == [10] and len(receiver.requests) == 1
    assert json.loads(receiver.requests[0]["body"])["padding"][599] == "00000599" * 100


# --- secrets ---

def test_a_receiver_may_know_the_old_secret_or_the_new_one(start, folder, trusted):
    receiver = TlsOutside(folder, trusted.issue("deployer", "IP:127.0.0.1"))
    new = b"the secret that will be the only one"
    baking(start(receiver, ca_file=trusted.cert,
                 secret_file=[str(secret_file(folder, "new", new.decode())), str(receiver.secret_file)]))
    headers, body = receiver.requests[0]["headers"], receiver.requests[0]["body"]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert headers["webhook-signature"].split(" ") == [
        "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        for key in (new, receiver.secret)]


def test_secrets_in_headers_and_body_are_added_when_it_is_sent(start, folder, trusted):
    receiver = TlsOutside(folder, trusted.issue("deployer", "IP:127.0.0.1"))
    key, routing = (str(secret_file(folder, name, text)) for name, text in (("key", TOKEN), ("routing", "canary-rk")))
    daemon = start(receiver, ca_file=trusted.cert, header_files={"X-Api-Key": key}, body_files={"routing_key": routing})
    id_ = baking(daemon)
    request = receiver.requests[0]
    assert request["headers"]["X-Api-Key"] == TOKEN
    assert json.loads(request["body"]) == {"weight": 10, "routing_key": "canary-rk"}
    signed = f"{request['headers']['webhook-id']}.{request['headers']['webhook-timestamp']}.".encode() + request["body"]
    digest = hmac.new(receiver.secret, signed, hashlib.sha256).digest()
    assert request["headers"]["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    assert "canary" not in json.dumps(daemon.sql("SELECT to_jsonb(o) FROM headgate.outbox o"))
    assert "canary" not in json.dumps(daemon.get(f"/v1/releases/{id_}/actions")[1])


def test_an_action_may_go_to_an_address_that_is_a_secret(start, folder, target):
    receiver = Outside(folder)
    url = secret_file(folder, "hook.url", f"http://127.0.0.1:{receiver.port}/hook?sig=canary-sig")
    policy = json.loads(long_canary(target)["test.yaml"])
    policy["actions"]["set_weight"].update(to="hook", path="")
    daemon = start(receiver, scheme="http", policies={"test.yaml": json.dumps(policy)},
                   more=f'  hook:\n    url_file: "{url}"\n  mail:\n    smtp: smtp://127.0.0.1\n    from: a@b.example\n')
    baking(daemon)
    assert [r["path"] for r in receiver.requests] == ["/hook?sig=canary-sig"]
    for to, path, said in (("hook", "/x", "has its whole address in url_file"), ("mail", "/x", "takes notifications")):
        policy["actions"]["set_weight"].update(to=to, path=path)
        assert said in json.dumps(daemon.post("/v1/policies/validate", policy)[1])


def test_an_address_that_is_a_secret_is_checked_and_never_shown(folder):
    file = folder / "headgate.yaml"
    for text, said in (("http://chat.example/canary", "must hold one address that begins with https://"),
                       ("https://canary:pw@chat.example/x", "must hold one address"),
                       ("https://chat.example/canary#x", "must hold one address"), ("canary", "must hold one address"),
                       ("", "must hold at least 1 byte of text")):
        address = secret_file(folder, "chat.url", text)
        file.write_text("destinations:\n  chat:\n    url_file: chat.url\n")
        done = run_headgate("check", "--config", file)
        assert done.returncode == 1 and f"{file}:3:5: /destinations/chat/url_file: " in done.stdout + done.stderr
        assert said in done.stdout + done.stderr and "canary" not in done.stdout + done.stderr
    secret_file(folder, "chat.url", "https://chat.example/hook?sig=canary")
    file.write_text(file.read_text() + "notify:\n  sinks:\n    chat: {to: chat, path: /x}\n")
    said = run_headgate("check", "--config", file).stdout
    assert f"{file}:6:22: /notify/sinks/chat/path: destination chat is a whole address" in said, said
    file.write_text(file.read_text().replace(", path: /x", ""))
    assert run_headgate("check", "--config", file).returncode == 0
    address.chmod(0o644)
    assert "is open to everybody" in run_headgate("check", "--config", file).stdout


def test_plain_http_to_another_machine_is_warned_of_once(start, folder):
    receiver = Outside(folder)
    daemon = start(receiver, scheme="http", more='  far:\n    url: "http://deployer.example:8080"\n'
                   f'    bearer_file: "{secret_file(folder, "token", TOKEN)}"\n')
    baking(daemon)
    lines = [line for line in daemon.log().splitlines() if "event=destination_without_tls" in line]
    assert len(lines) == 1 and lines[0].startswith("<4>") and "destination=far" in lines[0], lines


def test_mistakes_are_listed_with_their_places_before_anything_starts(folder, trusted, stranger):
    cert, _ = trusted.issue("headgate", "DNS:headgate")
    _, key = stranger.issue("headgate", "DNS:headgate")
    open_ = secret_file(folder, "open", TOKEN)
    open_.chmod(0o644)
    file = folder / "headgate.yaml"
    file.write_text(f"""destinations:
  a:
    url: https://deployer.example
    client_cert_file: {cert}
    client_key_file: {key}
  b:
    url: https://deployer.example
    bearer_file: {open_}
    ca_file: {folder}/nowhere.pem
""")
    done = run_headgate("check", "--config", file)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert f"{file}:5:5: /destinations/a/client_key_file: does not belong" in said, said
    assert f"{file}:8:5: /destinations/b/bearer_file: {open_} is open to everybody (mode 0644)" in said, said
    assert f"{file}:9:5: /destinations/b/ca_file: {folder}/nowhere.pem: cannot be opened" in said, said
    assert TOKEN not in said
    assert run_headgate("serve", "--config", file).returncode == 78
