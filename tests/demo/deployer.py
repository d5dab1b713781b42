#!/usr/bin/python3
"""deployer - the reference receiver: what a deployer does with headgate's messages. Copy it.

A message is a desired state ("weight 10", "version 1.0.0"), sent at least once. In this order a receiver:

 1. checks the signature and its age          (else 401: a stranger, or a replay)
 2. looks for the message's id                (seen: 200 "already applied", nothing is done)
 3. compares (epoch, fence) with the highest seen for this service and environment
                                              (not higher: 409 with what it has: late, from before a newer one)
 4. applies the state                         (cannot: 503, headgate tries again)
 5. writes it down, fsync, and only then answers 200

A crash between 4 and 5 makes it apply the same state twice, which is harmless; a crash after 5 makes it answer
"already applied". Everything it knows is read back from its log at start. The log holds one JSON line per
applied state, and tests believe it.

To see how headgate takes failures, it can be told to misbehave:

    curl -X POST 'localhost:PORT/control?fail=500&count=3'   the next three messages are answered 500
    curl -X POST 'localhost:PORT/control?refuse=400'         answered 400 until cleared
    curl -X POST 'localhost:PORT/control?delay=2'            answered two seconds late
    curl -X POST 'localhost:PORT/control?hang=60'            no answer and no effect for so long, then cut off
    curl -X POST 'localhost:PORT/control?mute=1&count=1'     applied, but the answer is lost
    curl -X POST 'localhost:PORT/control?lie=1'              answered 200, and nothing is done
    curl -X POST localhost:PORT/control/clear
    curl -X POST 'localhost:PORT/control?stranger=55'        somebody else sets every weight, behind its back

GET /state shows what is applied and what was turned away. GET /weights/SERVICE and /deploy/SERVICE read one service
back (?environment=ENV when it is in several). Python's standard library only.
"""

import argparse
import base64
import hashlib
import hmac
import http.server
import json
import os
import re
import signal
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

MAX_AGE_SECONDS = 300
MAX_BODY_BYTES = 64 * 1024
DISCARD_BYTES = 16 * 1024 * 1024
CONTROLS = {"fail": int, "refuse": int, "delay": float, "hang": float, "mute": int, "lie": int, "count": int,
            "stranger": int}
STATE = ("stable", "canary", "weight", "release")
# /weights/checkout {"weight": 10, "version": "1.1.0"} and /deploy/checkout {"version": "1.0.0"}
PATHS = re.compile(r"^/(weights|deploy)/([a-z0-9._-]{1,64})$")


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status, **body):
        super().__init__(body.get("error"))
        self.status = status
        self.body = body


def read_secret(path):
    with open(path, "rb") as f:
        secret = f.read().strip()
    if secret.startswith(b"whsec_"):  # the notation of Standard Webhooks
        return base64.b64decode(secret[len(b"whsec_"):])
    return secret


def verify(secret, headers, body, now):
    """Standard Webhooks: HMAC-SHA256 over id.timestamp.body, any of several signatures."""
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not message_id or not timestamp.isdecimal():
        raise Refusal(401, error="webhook-id or webhook-timestamp is missing")
    if abs(now - int(timestamp)) > MAX_AGE_SECONDS:
        raise Refusal(401, error="the message is too old, or from the future")
    signed = message_id.encode() + b"." + timestamp.encode() + b"." + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    good = False
    for signature in headers.get("webhook-signature", "").split():
        version, _, value = signature.partition(",")
        if version == "v1" and hmac.compare_digest(value.encode(), expected.encode()):
            good = True
    if not good:
        raise Refusal(401, error="no signature fits")
    return message_id


def read_order(headers):
    """What orders messages, (epoch, fence), and the sequence, which does not: messages of one decision share a fence
    and may come in any order."""
    try:
        epoch, fence, sequence = (int(headers[f"Headgate-{name}"]) for name in ("Epoch", "Fence", "Sequence"))
        return (epoch, fence), sequence
    except (KeyError, TypeError, ValueError):
        raise Refusal(400, error="Headgate-Epoch, Headgate-Fence and Headgate-Sequence are numbers") from None


class Deployer:
    def __init__(self, log_path, secret, push_to):
        self.log_path = log_path
        self.secret = secret
        self.push_to = push_to
        self.pairs = {}  # (service, environment) -> {"stable", "canary", "weight", "release", "fence"}
        self.seen = set()
        self.counts = {"applied": 0, "repeated": 0, "stale": 0, "turned_away": 0}
        self.read_back()
        self.log = open(log_path, "ab")

    # --- memory ---

    def pair(self, service, environment):
        return self.pairs.setdefault((service, environment), {
            "stable": "1.0.0", "canary": None, "weight": 0, "release": None, "fence": (-1, -1)})

    def read_back(self):
        """The last line may be half written: it was never answered, so headgate sends it again."""
        try:
            with open(self.log_path, "rb") as f:
                text = f.read()
        except FileNotFoundError:
            return
        whole = text[:text.rfind(b"\n") + 1]
        if len(whole) < len(text):
            os.truncate(self.log_path, len(whole))
        for line in whole.splitlines():
            self.remember(json.loads(line))

    def remember(self, record):
        pair = self.pair(record["service"], record["environment"])
        pair.update(record["state"])
        pair["fence"] = max(pair["fence"], (record["epoch"], record["fence"]))
        self.seen.add(record["id"])

    def write_down(self, record):
        self.log.write(json.dumps(record).encode() + b"\n")
        self.log.flush()
        os.fsync(self.log.fileno())
        self.remember(record)
        self.counts["applied"] += 1

    # --- one message ---

    def receive(self, headers, path, body):
        message_id = verify(self.secret, headers, body, time.time())
        fence, sequence = read_order(headers)
        match = PATHS.match(path)
        service, environment = headers.get("Headgate-Service"), headers.get("Headgate-Environment")
        if not match or match[2] != service or not environment or not headers.get("Headgate-Release"):
            raise Refusal(400, error="POST /weights/SERVICE or /deploy/SERVICE, with headgate's headers")
        pair = self.pair(service, environment)
        if message_id in self.seen:
            self.counts["repeated"] += 1
            return {"result": "already applied", **self.show(pair)}
        if fence < pair["fence"]:
            self.counts["stale"] += 1
            raise Refusal(409, error="stale", **self.show(pair))
        wanted, state = self.next_state(pair, match[1], body, headers.get("Headgate-Release"))
        self.apply(service, environment, state)
        self.write_down({
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "id": message_id, "service": service,
            "environment": environment, "release": headers.get("Headgate-Release"),
            "row_version": headers.get("Headgate-Release-Version"), "class": headers.get("Headgate-Class"),
            "epoch": fence[0], "fence": fence[1], "sequence": sequence, "path": path, "body": wanted, "state": state})
        return {"result": "applied", **self.show(pair)}

    @staticmethod
    def show(pair):
        epoch, fence = pair["fence"]
        return {"stable": pair["stable"], "canary": pair["canary"], "weight": pair["weight"],
                "epoch": epoch, "fence": fence}

    @staticmethod
    def next_state(pair, what, body, release):
        """What was asked for, and the whole state after it: a receiver never adds or subtracts."""
        state = {key: pair[key] for key in STATE}
        try:
            wanted = json.loads(body)
            if what == "weights":
                weight = wanted["weight"]
                if not isinstance(weight, int) or not 0 <= weight <= 100:
                    raise ValueError("weight is a whole number from 0 to 100")
                if release != state["release"]:
                    if state["weight"] == 100:
                        state["stable"] = state["canary"]  # the last one went all the way
                    state.update(release=release, canary=str(wanted.get("version", f"release {release}")))
                state["weight"] = weight
            else:
                state.update(stable=str(wanted["version"]), weight=0)
        except (ValueError, KeyError, TypeError) as e:
            raise Refusal(400, error=f"the body cannot be used: {e}") from None
        return wanted, state

    def apply(self, service, environment, state):
        """Here your load balancer, your service mesh or your package manager is told. Must bear repeating."""
        if not self.push_to:
            return
        request = urllib.request.Request(self.push_to, data=json.dumps(state).encode(), method="PUT")
        try:
            with urllib.request.urlopen(request, timeout=5):
                pass
        except (urllib.error.URLError, OSError) as e:
            raise Refusal(503, error=f"{service} in {environment} cannot be reached: {e}") from None

    def apply_last(self):
        """After a start: what was applied last is applied still."""
        for (service, environment), pair in self.pairs.items():
            try:
                self.apply(service, environment, {key: pair[key] for key in STATE})
            except Refusal as e:
                sys.stderr.write(f"{e}\n")

    def set_behind(self, weight):
        for pair in self.pairs.values():
            pair["weight"] = weight

    def find(self, service, environment):
        """What is so now, for those who ask; not what was asked for last. Here your load balancer is asked."""
        found = [pair for (name, where), pair in self.pairs.items()
                 if name == service and environment in (None, where)]
        if len(found) != 1:
            raise Refusal(404, error=f"{len(found)} environments of {service}: name one with ?environment=")
        return self.show(found[0])

    def state(self):
        return {"services": [{"service": service, "environment": environment, **self.show(pair)}
                             for (service, environment), pair in sorted(self.pairs.items())], **self.counts}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    deployer = None  # set by main
    control = {}
    lock = threading.Lock()

    def answer(self, status, body):
        data = (json.dumps(body) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        with self.lock:
            if self.path in ("/", "/state"):
                self.answer(200, self.deployer.state())
                return
            url = urllib.parse.urlsplit(self.path)
            match = PATHS.match(url.path)
            environment = dict(urllib.parse.parse_qsl(url.query)).get("environment")
            try:
                if not match:
                    raise Refusal(404, error="GET /state, /weights/SERVICE or /deploy/SERVICE")
                self.answer(200, self.deployer.find(match[2], environment))
            except Refusal as e:
                self.answer(e.status, e.body)

    def do_POST(self):
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self.discard(int(length) if length.isdecimal() else 0)
            self.answer(413, {"error": "the body is too large"})
            return
        body = self.rfile.read(int(length))
        if self.path.startswith("/control"):
            self.take_control()
            return
        misbehaviour = self.take_misbehaviour()
        if "hang" in misbehaviour:
            time.sleep(misbehaviour["hang"])
            self.close_connection = True
            return
        time.sleep(misbehaviour.get("delay", 0))
        if "status" in misbehaviour:
            self.answer(misbehaviour["status"], {"error": "told to fail"})
            return
        if misbehaviour.get("lie"):
            self.answer(200, {"result": "applied"})
            return
        status, answer = self.receive(body)
        if misbehaviour.get("mute"):
            self.close_connection = True
            return
        self.answer(status, answer)

    def discard(self, length):
        """A connection that is closed with bytes unread is reset, and the answer on it may be lost."""
        left = min(length, DISCARD_BYTES)
        while left > 0 and (chunk := self.rfile.read(min(left, MAX_BODY_BYTES))):
            left -= len(chunk)

    def receive(self, body):
        with self.lock:
            try:
                return 200, self.deployer.receive(self.headers, self.path, body)
            except Refusal as e:
                if e.status != 409:
                    self.deployer.counts["turned_away"] += 1
                return e.status, e.body

    def take_control(self):
        path, _, query = self.path.partition("?")
        wanted = {}
        try:
            for key, value in urllib.parse.parse_qsl(query):
                wanted[key] = CONTROLS[key](value)
        except (KeyError, ValueError):
            self.answer(400, {"error": f"POST /control?{'=N&'.join(CONTROLS)}=N or /control/clear"})
            return
        with self.lock:
            if "stranger" in wanted:
                self.deployer.set_behind(wanted["stranger"])
                self.answer(200, {"weight": wanted["stranger"]})
                return
            self.control.clear()
            if path != "/control/clear":
                self.control.update(wanted)
            self.answer(200, {"control": self.control})

    def take_misbehaviour(self):
        with self.lock:
            taken = {key: value for key, value in self.control.items() if key not in ("count", "fail", "refuse")}
            if "fail" in self.control or "refuse" in self.control:
                taken["status"] = self.control.get("fail") or self.control["refuse"]
            if "count" in self.control:
                self.control["count"] -= 1
                if self.control["count"] <= 0:
                    self.control.clear()
            return taken

    def log_message(self, format, *args):
        if self.command != "GET":
            sys.stderr.write(f"{self.command} {self.path} {args[1]} "
                             f"{self.headers.get('Headgate-Class', '')} {self.headers.get('webhook-id', '')}\n")


def main():
    parser = argparse.ArgumentParser(description="headgate's reference receiver")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    parser.add_argument("--port-file", help="where to write the port once it listens")
    parser.add_argument("--log", required=True, help="one JSON line per applied state")
    parser.add_argument("--secret-file", required=True, help="shared with the destination in headgate.yaml")
    parser.add_argument("--push-to", help="the demo service's /traffic")
    options = parser.parse_args()
    Handler.deployer = Deployer(options.log, read_secret(options.secret_file), options.push_to)
    Handler.deployer.apply_last()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    port = server.server_address[1]
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if options.port_file:
        with open(options.port_file + ".new", "w", encoding="ascii") as f:
            f.write(f"{port}\n")
        os.replace(options.port_file + ".new", options.port_file)
    print(f"deployer: http://127.0.0.1:{port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
