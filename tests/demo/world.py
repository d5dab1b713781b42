"""world - everything headgate needs around it, on one machine: its own PostgreSQL, a service to release, a deployer.

Used by `make run` (run.py) and `make demo` (tour.py). All processes are children in groups of their own, so a
Ctrl-C reaches only the script, which then ends them in order: daemon, deployer, service, database.
"""

import base64
import contextlib
import errno
import getpass
import json
import os
import pathlib
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADGATE = pathlib.Path(os.environ.get("HEADGATE", ROOT / "build" / "headgate"))
SERVICE = "checkout"
ENVIRONMENT = "demo"
TOKEN_MAX_AGE_SECONDS = 30 * 86400  # tokens live 90 days; a demo's is made anew long before


class Trouble(Exception):
    """Something a person should read, without a traceback."""


def free_port(preferred=0):
    for port in (preferred, 0):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError as e:
                if e.errno != errno.EADDRINUSE:
                    raise
                continue
            return s.getsockname()[1]
    raise Trouble("there is no free port")


def http(method, url, body=None, headers=None, timeout=10):
    """(status, decoded body, headers)."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=dict(headers or {}))
    if data is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            status, raw, head = answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as e:
        status, raw, head = e.code, e.read(), e.headers
    try:
        return status, json.loads(raw) if raw else None, head
    except ValueError:
        return status, raw.decode("utf-8", "replace"), head


class World:
    def __init__(self, state):
        self.state = pathlib.Path(state).resolve()
        self.logs = self.state / "log"
        self.token_file = self.state / "token"
        self.config_file = self.state / "headgate.yaml"
        self.receiver_log = self.state / "applied.jsonl"
        self.children = []  # (name, process), in order of start
        self.database_runs = False
        self.api = self.service = self.deployer = None  # base addresses

    # --- up ---

    def start(self):
        self.refuse_second()
        self.state.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        (self.state / "pid").write_text(f"{os.getpid()}\n")
        self.start_database()
        self.service = self.start_demo("service", 9100)
        self.make_secret()
        self.deployer = self.start_demo(
            "deployer", 9101, "--log", self.receiver_log, "--secret-file", self.state / "deployer.secret",
            "--push-to", self.service + "/traffic")
        self.make_token()
        self.start_daemon()

    def refuse_second(self):
        """Two of these on one state folder would fight over everything in it."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.state / "pid").read_text())
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            if pid != os.getpid() and b"tests/demo/" in command:
                raise Trouble(f"already running as process {pid}, in {self.state}")

    def postgres(self, verb, *args):
        done = subprocess.run([str(ROOT / "scripts" / "private-postgres"), verb, str(self.state), *args],
                              stdout=subprocess.PIPE, text=True, check=False, start_new_session=True)
        if done.returncode != 0:
            raise Trouble("the private PostgreSQL cluster does not work, see above")
        return done.stdout.strip()

    def start_database(self):
        self.database_runs = True
        self.postgres("start")
        with open(self.logs / "migrate.log", "ab") as log:
            done = subprocess.run([str(HEADGATE), "migrate", "--database", self.postgres("dsn", "headgate_owner")],
                                  stdout=log, stderr=log, check=False)
        if done.returncode != 0:
            raise Trouble(f"{self.log_end('migrate', 1)}\nTo begin afresh, without the data kept so far:  "
                          f"scripts/private-postgres drop {shown(self.state)} && rm -r {shown(self.state)}")

    def spawn(self, name, command):
        with open(self.logs / f"{name}.log", "ab") as log:
            # Should this script be killed, its children end too. The database stays, and is found by the next start.
            process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *[str(part) for part in command]],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.state,
                                       start_new_session=True)
        self.children.append((name, process))
        return process

    def start_demo(self, name, preferred_port, *args):
        port_file = self.state / f"{name}.port"
        port_file.unlink(missing_ok=True)
        process = self.spawn(name, ["/usr/bin/python3", ROOT / "tests" / "demo" / f"{name}.py", "--port",
                                    free_port(preferred_port), "--port-file", port_file, *args])
        self.wait(port_file.exists, name, process)
        return f"http://127.0.0.1:{int(port_file.read_text())}"

    def make_secret(self):
        path = self.state / "deployer.secret"
        if not path.exists():
            self.write_private(path, "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode() + "\n")

    @staticmethod
    def write_private(path, text):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as f:
            f.write(text)

    def make_token(self):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - self.token_file.stat().st_mtime < TOKEN_MAX_AGE_SECONDS:
                return
        done = subprocess.run(
            [str(HEADGATE), "token", "new", "--subject", getpass.getuser(), "--roles",
             "author,operator,emergency,auditor", "--expires", "89d", "--file", str(self.state / "tokens.yaml")],
            stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise Trouble("headgate token new failed, see above")
        self.write_private(self.token_file, done.stdout.strip() + "\n")

    def copy_policies(self):
        """Those that need nothing but the deployer: of others the daemon would warn that their destinations are missing."""
        folder = self.state / "policies"
        (folder / "common").mkdir(parents=True, exist_ok=True)
        for name in ("demo.yaml", "starter.yaml", "minor-canary.yaml", "common/http.yaml"):
            shutil.copyfile(ROOT / "config" / "policies" / name, folder / name)
        return folder

    def write_config(self, port):
        quoted = {name: json.dumps(str(value)) for name, value in {
            "socket": self.state / "headgate.socket", "database": self.postgres("dsn"),
            "tokens": self.state / "tokens.yaml", "policies": self.copy_policies(),
            "state": self.state, "secret": self.state / "deployer.secret", "deployer": self.deployer}.items()}
        lines = [
            "# Written by the demo at every start; config/headgate.yaml explains all keys.",
            f'listen: "127.0.0.1:{port}"',
            f"database: {quoted['database']}",
            f"tokens_file: {quoted['tokens']}",
            f"policies_dir: {quoted['policies']}",
            f"state_dir: {quoted['state']}",
            "destinations:",
            f"  deployer: {{url: {quoted['deployer']}, secret_file: {quoted['secret']}, timeout: 5s}}",
        ]
        if len(str(self.state / "headgate.socket")) < 100:  # what fits into a socket's address
            lines.insert(2, f"socket: {quoted['socket']}")
        self.config_file.write_text("\n".join(lines) + "\n")

    def start_daemon(self):
        port = free_port(8080)
        self.write_config(port)
        process = self.spawn("headgate", [HEADGATE, "serve", "--config", self.config_file])
        self.api = f"http://127.0.0.1:{port}"
        self.wait(self.is_ready, "headgate", process)

    def is_ready(self):
        try:
            status, body, _ = http("GET", self.api + "/v1/releases?limit=1", headers=self.bearer(), timeout=2)
        except OSError:
            return False
        if status == 401:
            raise Trouble(f"the token in {self.token_file} is refused: remove that file and start again")
        return status == 200 and http("GET", self.api + "/readyz")[1].get("owner", True)

    def wait(self, look, name, process, seconds=30):
        deadline = time.monotonic() + seconds
        while not look():
            if process.poll() is not None or time.monotonic() > deadline:
                how = f"ended with status {process.returncode}" if process.poll() is not None else "is not ready"
                raise Trouble(f"{name} {how}; the end of {self.logs}/{name}.log:\n{self.log_end(name)}")
            time.sleep(0.05)

    def log_end(self, name, lines=8):
        with contextlib.suppress(OSError):
            return "\n".join((self.logs / f"{name}.log").read_text(errors="replace").splitlines()[-lines:])
        return ""

    def check_children(self):
        for name, process in self.children:
            if process.poll() is not None:
                raise Trouble(f"{name} ended with status {process.returncode}; the end of {self.logs}/{name}.log:\n"
                              f"{self.log_end(name)}")

    # --- down ---

    def stop(self):
        """Ends what start() began, and nothing else."""
        for _, process in reversed(self.children):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.children.clear()
        if self.database_runs:
            self.database_runs = False
            self.postgres("stop")
            with contextlib.suppress(OSError):
                (self.state / "pid").unlink()

    # --- talking to headgate ---

    def bearer(self):
        return {"Authorization": "Bearer " + self.token_file.read_text().strip()}

    def ask(self, method, path, body=None):
        """An answer of headgate's API; Trouble when it is no success."""
        try:
            status, answer, _ = http(method, self.api + path, body, self.bearer())
        except OSError as e:
            self.check_children()
            raise Trouble(f"{method} {path}: {e}") from None
        if status >= 400:
            detail = answer.get("detail", answer) if isinstance(answer, dict) else answer
            raise Trouble(f"{method} {path}: {status}: {detail}")
        return answer

    def releases(self):
        return self.ask("GET", f"/v1/releases?service={SERVICE}&environment={ENVIRONMENT}&limit=100")["releases"]

    def deployed(self):
        """What the deployer says is live: {"stable", "canary", "weight"}."""
        for pair in http("GET", self.deployer + "/state")[1]["services"]:
            if pair["service"] == SERVICE and pair["environment"] == ENVIRONMENT:
                return pair
        return {"stable": "1.0.0", "canary": None, "weight": 0}

    def post_release(self, version, stable):
        return self.ask("POST", "/v1/releases", {
            "service": SERVICE, "environment": ENVIRONMENT, "version": version, "stable_version": stable,
            "policy": "demo", "params": {"port": int(self.service.rpartition(":")[2])},
            "ticket": "DEMO-" + version})

    def fault(self, query):
        status, answer, _ = http("POST", f"{self.service}/fault{query}", body={} if query == "/clear" else None)
        if status != 200:
            raise Trouble(f"the demo service refuses {query}: {answer}")

    def applied(self):
        """The receiver's log: what was really done, in order."""
        if not self.receiver_log.exists():
            return []
        return [json.loads(line) for line in self.receiver_log.read_text().splitlines()]


# --- one line per change ---

def gates_text(gates):
    """"4 gates pass, errors breach, 2 warming": breaches by name, the rest counted."""
    counts = {}
    for result in gates.values():
        counts[result] = counts.get(result, 0) + 1
    words = {"pass": "gate passes" if counts.get("pass") == 1 else "gates pass", "no_data": "no data"}
    parts = [f"{counts[result]} {words.get(result, result)}"
             for result in ("pass", "warming", "insufficient", "no_data", "stale", "error") if result in counts]
    return ", ".join([f"{name} breach" for name, result in gates.items() if result == "breach"] + parts)


def state_line(release):
    """What moves of a release, as text: printed whenever it differs from the last one."""
    stage = release.get("stage") or {}
    where, step = stage.get("name", ""), release["step"]
    if stage.get("weight") is not None:
        where += f" {stage['weight']} %"
    if release["state"] not in ("running", "paused"):
        where = step = ""
    gates = gates_text(release.get("gates") or {}) if release["state"] in ("running", "paused", "stabilising") else ""
    return "  ".join(part for part in (release["state"], where, step if step != "none" else "", gates) if part)


class Follower:
    """Prints a release's changes, and why it waits when that lasts."""

    def __init__(self, world, release_id, out=sys.stdout):
        self.world, self.id, self.out = world, release_id, out
        self.last = None
        self.last_holds = []

    def look(self):
        release = self.world.ask("GET", f"/v1/releases/{self.id}")
        line = state_line(release)
        if line != self.last:
            self.last = line
            bake = release["bake"]
            progress = f"  baked {bake['observed']} of {bake['required']}" if release["step"] == "baking" else ""
            self.say(f"{release['service']}@{release['version']}  {line}{progress}")
        holds = [f"{hold['name']}: {hold.get('reason') or ''}" for hold in release.get("holds", [])]
        for hold in holds:
            if hold not in self.last_holds:
                self.say(f"    held by {hold}")
        self.last_holds = holds
        return release

    def say(self, text):
        print(f"{time.strftime('%H:%M:%S')}  {text}", file=self.out, flush=True)

    def until(self, reached, seconds, what):
        deadline = time.monotonic() + seconds
        while True:
            release = self.look()
            if reached(release):
                return release
            if time.monotonic() > deadline:
                waiting = "; ".join(row["sentence"] for row in release.get("waiting_for", []))
                raise Trouble(f"waited {seconds} s in vain for {what}: it is {release['state']} ({waiting})")
            self.world.check_children()
            time.sleep(0.25)


def shown(path):
    """A path as a person would type it here."""
    with contextlib.suppress(ValueError):
        return shlex.quote(str(pathlib.Path(path).relative_to(pathlib.Path.cwd())))
    return shlex.quote(str(path))
