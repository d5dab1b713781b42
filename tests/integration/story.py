"""What the stories of the playbooks stand on: the policies of config/policies in seconds instead of days, the world
they act on, and a diary of everything that reached it.

A story runs the policy as it stands in its file. Only durations, ranges of expressions and addresses are replaced,
here and nowhere else, so that a day passes in seconds and every host is this one.
"""
import datetime
import json
import re
import subprocess
import sys
import threading
import time

from harness import ROOT, Daemon, Handler, Target, call, free_port, serve, shut, wait_until

sys.path.insert(0, str(ROOT / "tests" / "demo"))
import deployer  # noqa: E402  the reference receiver: how signature and order are read

RANGE = "3s"
KEYS = {"every": "1s", "evaluate_every": "1s", "bake": "2s", "for": "2s", "notice": "1s", "deadline": "60s", "capture": "9s",
        "none_for": "3s"}
AFTER = {"15m": "1s", "30m": "2s"}


def variant(name, address, alertmanager=None, **keys):
    """{file: text} of one policy and what it includes. `keys` gives durations of this story (bake="1h")."""
    folder = ROOT / "config" / "policies"
    text = (folder / f"{name}.yaml").read_text()
    included = re.search(r"^include: \[(.*)\]", text, re.M)
    files = [f"{name}.yaml", *(included.group(1).split(", ") if included else [])]
    canary = keys.pop("canary", address)   # where the page of a canary is, when it has one of its own
    return {file: shortened((folder / file).read_text(), address, alertmanager or address, {**KEYS, **keys}).replace(
        f'"{TRACK}-canary"', f'"{canary}"').replace(f'"{TRACK}"', f'"{address}"') for file in files}


TRACK = "the page of the service"


def shortened(text, address, alertmanager, keys):
    text = re.sub(r'"\$\{service\}(-canary)?\.internal:9100"', rf'"{TRACK}\1"', text)
    text = re.sub(r"^  (allow|deny): \[.*\]$", "", text, flags=re.M).replace("windows:\n\n\n", "")  # any day will do
    text = re.sub(r'alertmanager: "http://[^"]*"', f'alertmanager: "http://{alertmanager}"', text)
    text = re.sub(r"http://([a-z${}.-]+):\d+(/[a-z0-9/-]+)(\??)",
                  lambda m: f"http://{address}{m.group(2)}?{m.group(1)}{'&' if m.group(3) else ''}", text)
    text = re.sub(r"\[\d+[smhd]\]", f"[{RANGE}]", text)
    text = re.sub(r"^    window: \d+[mhd]$", f"    window: {RANGE}", text, flags=re.M)  # of a KPI
    text = re.sub(r"\bafter: (\w+)", lambda m: f"after: {AFTER[m.group(1)]}", text)
    text = re.sub(r"\b(" + "|".join(keys) + r"): \d+(?:ms|s|m|h|d)(?=[\s,}])",
                  lambda m: f"{m.group(1)}: {keys[m.group(1)]}", text)
    assert ".internal" not in re.sub("#.*|[?][^\"]*", "", text) and "-domain:" not in re.sub("#.*", "", text), text
    return text


class Service(Target):
    """A service whose page shows any series: `rates` are counters with their growth per second, `gauges` stand."""

    def __init__(self, rates, gauges=None):
        self.rates, self.gauges, self.counted = dict(rates), dict(gauges or {}), {}
        self.integrity = {"valid": True}   # what the audit says of its own trail
        super().__init__()

    def answer(self, request):
        if request.path.startswith("/analytics/"):
            body = {"generated_at": in_seconds(0), "metrics": self.gauges}
        elif request.path.startswith("/audit/"):
            assert "from=20" in request.path, request.path
            body = self.integrity
        else:
            return super().answer(request)
        return request.answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def step(self):
        now = time.monotonic()
        for series, rate in self.rates.items():
            self.counted[series] = self.counted.get(series, 0.0) + rate * (now - self.stepped)
        self.stepped = now

    def turn(self, **series):
        """turn(automation_loops_total=1.0): a counter's rate, or a gauge's value, from now on."""
        with self.lock:
            self.step()
            for name, value in series.items():
                (self.gauges if name in self.gauges else self.rates)[name] = value

    def text(self):
        with self.lock:
            self.step()
            self.scrapes += 1
            shown = {**{series: int(total) for series, total in self.counted.items()}, **self.gauges,
                     "process_start_time_seconds": self.started}
        return "".join(f"{series} {value}\n" for series, value in sorted(shown.items()))


class World:
    """Everything a policy acts on: one HTTP server per destination, each with a state by path, and one diary for all
    of them. Signatures are verified, and what is older than what was applied is refused, as the contract says."""

    def __init__(self, folder, *names):
        self.folder = folder
        self.lock = threading.Lock()
        self.diary = []      # what was applied, once per message
        self.state = {}      # (destination, path) -> body
        self.answers = {}    # (destination, path) -> status instead of 200
        self.seen, self.order = set(), {}
        self.servers = {name: self.serve(name) for name in names}

    def serve(self, name):
        world = self
        secret = self.folder / f"{name}.secret"
        secret.write_text(f"the secret of the {name}\n")
        secret.chmod(0o600)

        class Part(Handler):
            def do_POST(self):
                self.answer(world.take(name, self, self.body()), b"{}")

            do_GET = do_PUT = do_PATCH = do_DELETE = do_POST

        return serve(Part)

    def take(self, name, request, body):
        headers = request.headers
        try:
            id_ = deployer.verify(f"the secret of the {name}".encode(), headers, body, time.time())
            order, sequence = deployer.read_order(headers)
        except deployer.Refusal as refusal:
            return refusal.status
        with self.lock:
            status = self.answers.get((name, request.path), 200)
            if status >= 300 or id_ in self.seen:
                return status
            if headers["Headgate-Class"] != "notification":
                if order < self.order.get(name, (-1, -1)):
                    return 409
                self.order[name] = order
            self.seen.add(id_)
            self.state[(name, request.path)] = json.loads(body) if body else None
            self.diary.append({"to": name, "method": request.command, "path": request.path, "headers": dict(headers),
                               "body": json.loads(body) if body else None, "decided": (order, sequence)})
        return status

    def lines(self, *destinations):
        """The diary as lines, "flags PUT /flags/x value=false". Messages that were decided on together and go to
        different receivers may arrive in any order; here they stand in the order of the policy."""
        with self.lock:
            rows = [row for row in self.diary if row["headers"]["Headgate-Class"] != "notification" and
                    (not destinations or row["to"] in destinations)]
        return [line_of(row) for row in sorted(rows, key=lambda row: row["decided"])]

    def told(self, name):
        """The names of the events a sink was told, in the order they came."""
        with self.lock:
            return [row["body"]["event"] for row in self.diary if row["to"] == name]

    def found(self, to, path):
        """The newest message there, once there is one."""
        def look():
            with self.lock:
                return next((row for row in reversed(self.diary) if (row["to"], row["path"]) == (to, path)), None)
        return wait_until(look, f"{path} at {to}")

    def destinations(self):
        return {name: {"url": f"http://127.0.0.1:{server.server_address[1]}", "networks": ["127.0.0.0/8"],
                       "secret_file": str(self.folder / f"{name}.secret"), "timeout": "5s"}
                for name, server in self.servers.items()}

    def close(self):
        for server in self.servers.values():
            shut(server)


def line_of(row):
    body = row["body"] or {}
    told = "" if set(body) == {"service", "environment", "version", "action"} else \
        " ".join(f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in sorted(body.items()))
    return f"{row['to']} {row['method']} {row['path']} {told}".rstrip()


def in_seconds(n):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=n)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def sequence(text):
    """The lines of a playbook's sequence as they stand there, without blank ones and indentation."""
    return [line.strip() for line in text.splitlines() if line.strip()]


class Redis:
    """Debian's, in memory."""

    def __init__(self, folder):
        self.port = free_port()
        log = open(folder / "redis.log", "wb")
        self.process = subprocess.Popen(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                                         "--dir", str(folder)], stdout=log, stderr=log)
        log.close()
        wait_until(lambda: self.ask("PING") == "PONG", "Redis")

    def ask(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True,
                              check=False).stdout.strip()

    def destination(self):
        return {"program": "/usr/bin/redis-cli", "arguments": ["-e", "-p", str(self.port)], "timeout": "5s"}

    def close(self):
        self.process.terminate()
        self.process.wait()


class Alertmanager:
    """Debian's, with nobody to notify."""

    def __init__(self, folder):
        self.port = free_port()
        home = folder / "alertmanager"
        home.mkdir()
        (home / "config.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
        log = open(home / "log", "wb")
        self.process = subprocess.Popen(
            ["prometheus-alertmanager", f"--config.file={home}/config.yml", f"--storage.path={home}/data",
             f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="], stdout=log, stderr=log)
        log.close()
        wait_until(lambda: call("127.0.0.1", self.port, "GET", "/-/ready")[0] == 200, "the Alertmanager")

    def fire(self, **labels):
        status, body, _ = call("127.0.0.1", self.port, "POST", "/api/v2/alerts", [{"labels": labels}])
        assert status == 200, body

    def close(self):
        self.process.terminate()
        self.process.wait()


# Who may do what, in every story; the names are those of the playbooks. A role decides nothing by its permissions alone:
# the policy says which role approves, reports a check or takes a way back.
DECIDES, CARRIES_OUT, REPORTS = ["view", "submit", "operate", "approve", "waive"], ["view", "submit", "operate"], \
    ["view", "submit"]
ROLES = {
    "release_manager": DECIDES, "medical_lead": DECIDES, "support_lead": DECIDES, "owner": DECIDES,
    "support_ops": DECIDES, "devops": CARRIES_OUT, "backend_lead": CARRIES_OUT, "engineering": CARRIES_OUT,
    "on_call": CARRIES_OUT, "incident_commander": CARRIES_OUT, "cto": CARRIES_OUT, "qa": REPORTS,
    "product_owner": DECIDES, "audit_officer": REPORTS, "ops_owner": REPORTS, "pm": REPORTS,
}


class Story(Daemon):
    """The real daemon with a world around it; everybody has the name of their role."""

    def __init__(self, folder, postgres, policies, world, destinations=None, **config):
        self.world, self.config = world, config
        self.destinations = {**world.destinations(), **(destinations or {})}
        (folder / "policies" / "common").mkdir(parents=True)
        super().__init__(folder, postgres, postgres.database(), policies=policies)
        for role in ROLES:
            self.token(role, role)

    def write_config(self, **extra):
        super().write_config(**extra)
        file = self.folder / "headgate.yaml"
        text = re.sub(r"^roles:\n(  .*\n)*", "", file.read_text(), flags=re.M)
        parts = {"roles": ROLES, "public_url": f"http://127.0.0.1:{self.port}", "destinations": self.destinations,
                 **self.config}
        file.write_text(text + "".join(f"{key}: {json.dumps(value)}\n" for key, value in parts.items()))

    def report(self, id_, **checks):
        """report(7, qa=["tests"]): each by the role that owns it."""
        for role, names in checks.items():
            for name in names:
                self.verb(id_, f"checks/{name}", who=role, evidence="https://ci.example/4711")

    def incident(self, service, severity, who, expect=201, **more):
        status, answer, _ = self.post("/v1/incidents", {"service": service, "environment": "prod", "severity": severity,
                                                        **more}, who=who)
        assert status == expect, answer
        return answer

    def at_stage(self, id_, stage, step="baking"):
        return self.wait_release(id_, f"{step} in {stage}", lambda r: r["stage"]["name"] == stage and r["step"] == step)

    def blocked(self, id_, text):
        return self.wait_release(id_, f"{text!r} in waiting_for",
                                 lambda r: any(text in w["sentence"] for w in r["waiting_for"]))

    def complete(self, message, status="ok", text=""):
        """A receiver calls back."""
        answer = call("127.0.0.1", self.port, "POST", f"/v1/actions/{message['headers']['webhook-id']}/complete",
                      {"status": status, "text": text},
                      {"Headgate-Callback-Token": message["headers"]["Headgate-Callback-Token"]})
        assert answer[0] == 200, answer

    def heard(self, *events):
        """The bus is told these, in this order, and nothing else."""
        wait_until(lambda: len(self.world.told("bus")) >= len(events), "all events")
        assert self.world.told("bus") == list(events)

    def called(self, cause):
        """Whom the pager called for that cause, in order."""
        with self.world.lock:
            return [row["body"]["role"] for row in self.world.diary if row["to"] == "pager" and
                    row["body"]["cause"] == cause and row["body"]["milestone"] == "called"]

    def events(self, id_):
        """Every decision about the release, by name."""
        rows = self.get(f"/v1/releases/{id_}/timeline")[1]["timeline"]
        return [row["event"] for row in rows]
