"""What every integration test stands on: a private PostgreSQL, a scriptable service under release, the
reference receiver, the real daemon, and waiting for things to become true.

Nothing here sleeps to synchronise: `wait_until` looks until a generous bound is over and then says
what it saw last.
"""
import base64
import contextlib
import hashlib
import http.client
import http.server
import itertools
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("HEADGATE_BINARY", ROOT / "build" / "headgate"))
PG_BIN = pathlib.Path(os.environ.get("PG_BIN", "/usr/lib/postgresql/15/bin"))
PATIENCE_S = float(os.environ.get("HEADGATE_PATIENCE_S", "90"))


def wait_until(look, what, patience=None):
    """Returns the first true answer of look(); fails with the last one after `patience` seconds."""
    deadline = time.monotonic() + (patience or PATIENCE_S)
    seen = None
    while True:
        try:
            seen = look()
        except (OSError, http.client.HTTPException, KeyError, IndexError, TypeError) as error:
            seen = None
            last = repr(error)
        else:
            last = repr(seen)
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for: {what}; last seen: {last[:2000]}")
        time.sleep(0.05)


PORTS = itertools.count(os.getpid() * 7)


def free_port():
    """Below those the kernel gives to outgoing connections, which would take it again before it is used; of a range
    for each worker of pytest-xdist."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = 12000 + worker % 8 * 2500 + next(PORTS) % 2500
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


class Handler(http.server.BaseHTTPRequestHandler):
    """Keeps connections, says nothing, and reads whole bodies."""
    protocol_version = "HTTP/1.1"

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(handler, port=0):
    """An HTTP server in the background. Its end is shut()."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def shut(server):
    server.shutdown()
    server.server_close()


def unprivileged():
    """PostgreSQL refuses root; its files then belong to nobody."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


class Postgres:
    """A private cluster on a UNIX socket. The postmaster is our direct child, so that kill -9 and a restart work
    everywhere."""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="hg-pg-"))
        self.process = None
        if os.geteuid() == 0:
            shutil.chown(self.home, "nobody", "nogroup")
        self.home.chmod(0o755)
        self.run("initdb", "-D", self.home / "data", "-U", "owner", "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8", "-N")

    def command(self, program, *args):
        return [*unprivileged(), "env", "-i", f"HOME={self.home}", "LC_ALL=C.UTF-8",
                f"PATH={PG_BIN}:/usr/bin:/bin", str(PG_BIN / program), *map(str, args)]

    def run(self, program, *args):
        subprocess.run(self.command(program, *args), check=True, capture_output=True)

    def start(self):
        log = open(self.home / "log", "ab")
        # Fast but real: durability is not what a test of ours could see, except by kill -9 of the
        # server's processes, which loses no page cache.
        self.process = subprocess.Popen(
            self.command("postgres", "-D", self.home / "data", "-k", self.home, "-c",
                         "listen_addresses=", "-c", "unix_socket_permissions=0777", "-c", "fsync=off",
                         "-c", "max_connections=200"),
            stdout=log, stderr=log)
        log.close()
        wait_until(self.answers, "PostgreSQL to answer")

    def answers(self):
        done = subprocess.run(self.command("pg_isready", "-q", "-h", self.home), check=False)
        return done.returncode == 0

    def stop(self, how=signal.SIGINT):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def kill(self):
        """As an out-of-memory killer would: the postmaster goes, then everything it left behind."""
        pids = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True,
                              text=True, check=False).stdout.split()
        self.stop(signal.SIGKILL)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def sql(self, database, statement, user="owner"):
        done = subprocess.run(
            [str(PG_BIN / "psql"), "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h",
             str(self.home), "-U", user, "-d", database, "-c", statement],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def database(self):
        """A migrated database of its own for one test."""
        name = "t" + secrets.token_hex(6)
        self.sql("postgres", f"CREATE DATABASE {name}")
        migrate(f"host={self.home} user=owner dbname={name}")
        self.sql(name, """DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'headgate') THEN
                CREATE ROLE headgate LOGIN IN ROLE headgate_app;
            END IF;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""")
        return name

    def close(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.home, ignore_errors=True)


def migrate(dsn, *flags, directory=ROOT / "migrations"):
    return subprocess.run([str(BINARY), "migrate", "--database", dsn, "--dir", str(directory), *flags],
                          capture_output=True, text=True, check="--may-fail" not in flags)


class Target:
    """The service under release: a metrics page and a health page that a test turns as it likes. Counters run by
    themselves: `rate` requests a second, of which `errors` fail and `slow` take 0.8 s."""

    def __init__(self):
        self.lock = threading.Lock()
        self.started = time.time()
        self.rate, self.errors, self.slow = 100.0, 0.0, 0.0
        self.lag, self.critical = 0, 0
        self.mode = "ok"        # ok, hang, endless, html, status, cut, refuse
        self.health = "ok"      # ok, fail, hang
        self.page = None        # a fixed page instead of the counters'
        self.openmetrics = None  # to those who ask for it: "good", "broken" (against its rules) or "cut"
        self.totals = {"good": 0.0, "bad": 0.0, "slow": 0.0}
        self.stepped = time.monotonic()
        self.scrapes = 0
        target = self

        class Page(Handler):
            def do_GET(self):
                if target.server is None:  # a kept connection must die with its process
                    self.close_connection = True
                    return
                target.answer(self)

        self.port = free_port()
        self.handler = Page
        self.server = None
        self.up()

    def up(self):
        if self.server is None:
            self.server = serve(self.handler, self.port)

    def down(self):
        if self.server is not None:
            shut(self.server)
            self.server = None

    def restart(self):
        """A new process: counters begin at zero, the start time moves."""
        with self.lock:
            self.totals = {"good": 0.0, "bad": 0.0, "slow": 0.0}
            self.started = time.time()
            self.stepped = time.monotonic()

    def step(self):
        now = time.monotonic()
        n = self.rate * (now - self.stepped)
        self.stepped = now
        self.totals["bad"] += n * self.errors
        self.totals["good"] += n * (1 - self.errors)
        self.totals["slow"] += n * self.slow

    def set(self, **values):
        with self.lock:
            self.step()
            for name, value in values.items():
                assert hasattr(self, name), name
                setattr(self, name, value)

    def text(self):
        with self.lock:
            self.step()
            self.scrapes += 1
            if self.page is not None:
                return self.page
            all_, bad, slow = (int(sum(self.totals[k] for k in ("good", "bad"))),
                               int(self.totals["bad"]), int(self.totals["slow"]))
            lines = ["# TYPE process_start_time_seconds gauge",
                     f"process_start_time_seconds {self.started}",
                     "# TYPE http_requests_total counter",
                     f'http_requests_total{{code="200"}} {all_ - bad}']
            if bad:
                lines.append(f'http_requests_total{{code="500"}} {bad}')
            lines += ["# TYPE http_request_duration_seconds histogram"]
            for bound in ("0.1", "0.25"):
                lines.append(f'http_request_duration_seconds_bucket{{le="{bound}"}} {all_ - slow}')
            for bound in ("0.5",):
                lines.append(f'http_request_duration_seconds_bucket{{le="{bound}"}} {all_ - slow}')
            for bound in ("1", "2.5", "+Inf"):
                lines.append(f'http_request_duration_seconds_bucket{{le="{bound}"}} {all_}')
            lines += [f"http_request_duration_seconds_sum {all_ * 0.05 + slow * 0.75}",
                      f"http_request_duration_seconds_count {all_}",
                      "# TYPE consumer_lag_events gauge", f"consumer_lag_events {self.lag}",
                      "# TYPE firing_critical_alerts gauge", f"firing_critical_alerts {self.critical}"]
            return "\n".join(lines) + "\n"

    def openmetrics_text(self):
        text = self.text()
        if self.openmetrics != "broken":
            text = text.replace("# TYPE http_requests_total counter", "# TYPE http_requests counter")
        return text + ("" if self.openmetrics == "cut" else "# EOF\n")

    def answer(self, request):
        is_health = request.path.startswith("/health")
        mode = self.health if is_health else self.mode
        if mode == "hang":
            time.sleep(3600)
        status = 503 if mode in ("fail", "status") else 200
        body = (b'{"status":"up"}' if is_health else self.text().encode())
        kind = "application/json" if is_health else "text/plain; version=0.0.4; charset=utf-8"
        if not is_health and self.openmetrics and "openmetrics" in request.headers.get("Accept", ""):
            body = self.openmetrics_text().encode()
            kind = "application/openmetrics-text; version=1.0.0; charset=utf-8"
        if mode == "html":
            body, kind = b"<html>not metrics</html>", "text/html"
        request.send_response(status)
        request.send_header("Content-Type", kind)
        if mode == "endless":
            request.send_header("Content-Length", str(1 << 30))
            request.end_headers()
            chunk = b"# " + b"x" * 65000 + b"\n"
            with contextlib.suppress(OSError):
                for _ in range((1 << 30) // len(chunk)):
                    request.wfile.write(chunk)
            return
        request.send_header("Content-Length", str(len(body) + (100 if mode == "cut" else 0)))
        request.end_headers()
        with contextlib.suppress(OSError):
            request.wfile.write(body)
        if mode == "cut":
            request.close_connection = True


class Receiver:
    """The reference receiver of the demo as a process; its log is what tests believe."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.log = self.folder / "applied.jsonl"
        self.secret_file = self.folder / "secret"
        self.secret_file.write_text("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        self.secret_file.chmod(0o600)
        self.port = free_port()
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", str(ROOT / "tests" / "demo" / "deployer.py"), "--port",
             str(self.port), "--secret-file", str(self.secret_file), "--log", str(self.log)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.get("/state") is not None, "the receiver to answer")

    def get(self, path):
        return call("127.0.0.1", self.port, "GET", path)[1]

    def control(self, **how):
        query = "&".join(f"{k}={v}" for k, v in how.items())
        status, body, _ = call("127.0.0.1", self.port, "POST", f"/control?{query}")
        assert status < 300, body

    def applied(self):
        """Every state that was applied, in order."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines() if line]

    def weights(self):
        return [row["state"]["weight"] for row in self.applied() if row["path"].startswith("/weights/")]

    def stop(self, how=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None


def run_headgate(*args, stdin=None, env=None, cwd=None):
    """A command of the binary, to its end: .returncode, .stdout, .stderr."""
    return subprocess.run([str(BINARY), *map(str, args)], input=stdin, capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}, timeout=120, cwd=cwd)


def call(host, port, method, path, body=None, headers=None, timeout=30):
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        data = None
        headers = dict(headers or {})
        if isinstance(body, (bytes, str)):
            data = body.encode() if isinstance(body, str) else body
        elif body is not None:
            data = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, path, body=data, headers=headers)
        answer = connection.getresponse()
        raw = answer.read()
        text = raw.decode("utf-8", "replace")
        try:
            parsed = json.loads(text) if text else None
        except ValueError:
            parsed = text
        return answer.status, parsed, {k.lower(): v for k, v in answer.getheaders()}
    finally:
        connection.close()


class Daemon:
    """headgate serve with its own database, tokens and folders."""

    def __init__(self, folder, postgres, database, target=None, receiver=None, policies=None, name="a"):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir(parents=True)
        self.postgres, self.database = postgres, database
        self.target, self.receiver = target, receiver
        self.port = free_port()
        self.process = None
        self.tokens = {}
        self.policies = pathlib.Path(folder) / "policies"
        self.policies.mkdir(exist_ok=True)
        for file, text in (policies or {}).items():
            (self.policies / file).write_text(text)
        self.tokens_file = self.folder / "tokens.yaml"
        self.write_config()
        self.token("ann", "operator,approver,author,release_manager,qa,emergency,auditor,admin")
        self.token("bob", "operator,approver,author,release_manager,qa")
        self.token("eve", "viewer")
        self.token("ci", "author,operator", machine=True)

    def dsn(self, user="headgate"):
        return f"host={self.postgres.home} user={user} dbname={self.database}"

    def write_config(self, destinations=None, **extra):
        """`destinations`: more of them than the receiver, by name: {key: value}."""
        config = {
            "listen": f"127.0.0.1:{self.port}",
            "socket": str(self.folder / "api.sock"),
            "database": self.dsn(),
            "tokens_file": str(self.tokens_file),
            "policies_dir": str(self.policies),
            "state_dir": str(self.folder / "state"),
            "log_level": "debug",
        }
        config.update(extra)
        lines = [f"{k}: {json.dumps(v)}" for k, v in config.items()]
        lines += ["networks: [127.0.0.0/8]", "roles:", "  release_manager: [view, approve, waive]",
                  "  qa: [view, submit, approve]"]
        if self.receiver is not None:
            lines += ["destinations:", "  deployer:", f'    url: "http://127.0.0.1:{self.receiver.port}"',
                      f'    secret_file: "{self.receiver.secret_file}"', "    networks: [127.0.0.0/8]",
                      "    timeout: 5s"]
            lines += [f"  {name}: {json.dumps(keys)}" for name, keys in (destinations or {}).items()]
        (self.folder / "state").mkdir(exist_ok=True)
        (self.folder / "headgate.yaml").write_text("\n".join(lines) + "\n")

    def token(self, subject, roles, machine=False):
        done = subprocess.run([str(BINARY), "token", "new", "--file", str(self.tokens_file), "--subject",
                               subject, "--roles", roles, *(["--machine"] if machine else [])],
                              capture_output=True, text=True, check=True)
        self.tokens[subject] = done.stdout.split()[-1]

    def start(self, failpoint=None, wait=True):
        env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:exitcode=99",
                   UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
        env.pop("HEADGATE_FAILPOINT", None)
        if failpoint:
            env["HEADGATE_FAILPOINT"] = failpoint
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen([str(BINARY), "serve", "--config",
                                         str(self.folder / "headgate.yaml")],
                                        stdout=log, stderr=log, env=env)
        log.close()
        if wait:
            wait_until(lambda: self.alive() and self.get("/readyz")[1]["loaded"], "the daemon to be ready")
        return self

    def died(self):
        """The exit status of a daemon that is gone or about to be; None while it lives."""
        try:
            return self.process.wait(timeout=2) if self.process is not None else None
        except subprocess.TimeoutExpired:
            return None

    def alive(self):
        assert self.process.poll() is None, f"the daemon ended with {self.process.returncode}: {self.log()[-3000:]}"
        return True

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def stop(self, how=signal.SIGTERM):
        """Ends it. It must have lived until now, and a clean end must be clean for the sanitizers too."""
        if self.process is None:
            return
        process, died = self.process, self.process.poll()
        if died is None:
            process.send_signal(how)
        try:
            status = process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            self.process = None
        assert died is None, f"the daemon had ended by itself with {died}: {self.log()[-6000:]}"
        expected = 0 if how == signal.SIGTERM else -how
        assert status == expected, f"exit status {status}: {self.log()[-6000:]}"

    def kill(self):
        self.stop(signal.SIGKILL)

    def wait_dead(self):
        """It kills itself at a fail point; anything else that ends it is a crash."""
        status = self.process.wait(timeout=PATIENCE_S)
        self.process = None
        assert status == -signal.SIGKILL, f"exit status {status}: {self.log()[-6000:]}"

    def request(self, method, path, body=None, who="ann", headers=None):
        headers = dict(headers or {})
        if who:
            headers["Authorization"] = f"Bearer {self.tokens[who]}"
        try:
            return call("127.0.0.1", self.port, method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            if self.died() not in (None, -signal.SIGKILL):
                raise ConnectionError(f"the daemon ended with {self.process.returncode} at {method} {path}: "
                                      f"{self.log()[-6000:]}") from error
            raise

    def get(self, path, who="ann", headers=None):
        return self.request("GET", path, None, who, headers)

    def post(self, path, body=None, who="ann", headers=None):
        return self.request("POST", path, body if body is not None else {}, who, headers)

    def create(self, version="1.0.0", policy="test", who="bob", expect=201, **more):
        status, body, _ = self.post("/v1/releases", {
            "service": "checkout", "environment": "prod", "version": version, "policy": policy,
            "stable_version": "0.9.0", **more}, who=who)
        assert status == expect, (status, body)
        return body

    def release(self, id_):
        status, body, _ = self.get(f"/v1/releases/{id_}")
        assert status == 200, (status, body)
        return body

    def verb(self, id_, verb, who="ann", expect=200, **body):
        status, answer, _ = self.post(f"/v1/releases/{id_}/{verb}", body, who=who)
        assert status == expect, (status, answer)
        return answer

    def wait_release(self, id_, what, look, patience=None):
        seen = {}

        def check():
            self.alive()
            seen["release"] = self.release(id_)
            return look(seen["release"]) and seen["release"]

        try:
            return wait_until(check, what, patience)
        except AssertionError as error:
            raise AssertionError(f"{error}\nrelease: {json.dumps(seen.get('release'), indent=1)}\nlog:\n"
                                 f"{self.log()[-3000:]}") from None

    def wait_state(self, id_, *states, patience=None):
        return self.wait_release(id_, f"state {states}", lambda r: r["state"] in states, patience)

    def gate(self, id_, name):
        evaluation = self.get(f"/v1/releases/{id_}/gates")[1]["evaluation"]
        return next(g for g in evaluation["gates"] if g["gate"] == name)

    def sql(self, statement, user="owner"):
        return self.postgres.sql(self.database, statement, user)

    def close(self):
        """Nothing to do where it was killed; a test that expects another end takes the process away itself."""
        self.stop()


class Nothing:
    """Where nothing is: stands for a target or receiver in tests that need none."""

    def __init__(self, folder):
        self.port = free_port()
        self.secret_file = pathlib.Path(folder) / "secret"
        self.secret_file.write_text("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        self.secret_file.chmod(0o600)


@contextlib.contextmanager
def standing_daemon(postgres, **config):
    """One daemon for a whole module of tests that do not disturb each other. No service, no receiver; writes are
    not held back unless `config` says so."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hg-"))
    nothing = Nothing(folder)
    daemon = Daemon(folder, postgres, postgres.database(), nothing, nothing, policy(nothing))
    daemon.write_config(**{"limits": {"writes_per_second": 100000, "writes_burst": 100000}, **config})
    try:
        yield daemon.start()
        daemon.close()
        check_invariants(daemon)
    finally:
        if daemon.process is not None:
            daemon.process.kill()
            daemon.process.wait()
        shutil.rmtree(folder, ignore_errors=True)


INVARIANTS = {
    "versions have no gaps (I3)":
        "SELECT r.id FROM headgate.release r WHERE r.row_version <> "
        "(SELECT count(*) FROM headgate.transition t WHERE t.release_id = r.id)",
    "each transition has one audit row (I4)":
        "SELECT t.id FROM headgate.transition t LEFT JOIN headgate.audit a "
        "ON a.chain = 'release/' || t.release_id AND a.sequence = t.row_version WHERE a.chain IS NULL",
    "no advance after a rollback (I5)":
        "SELECT a.id FROM headgate.transition a JOIN headgate.transition b ON a.release_id = b.release_id "
        "AND b.row_version > a.row_version WHERE a.to_state = 'rolling_back' AND b.to_state = 'running'",
    "the head of every chain is the release's (I20)":
        "SELECT r.id FROM headgate.release r JOIN headgate.audit a ON a.chain = 'release/' || r.id "
        "AND a.sequence = r.row_version WHERE a.hash <> r.last_hash",
}


def check_invariants(daemon):
    for what, query in INVARIANTS.items():
        assert daemon.sql(query) == [], what


def check_audit_chain(daemon, release_id):
    """Recomputes the chain from the database alone (I20)."""
    previous = bytes(32)
    rows = daemon.sql(f"SELECT sequence, encode(record, 'hex'), encode(hash, 'hex') FROM headgate.audit "
                      f"WHERE chain = 'release/{release_id}' ORDER BY sequence")
    for i, (sequence, record, digest) in enumerate(rows):
        assert int(sequence) == i + 1
        previous = hashlib.sha256(previous + bytes.fromhex(record)).digest()
        assert previous.hex() == digest, f"row {sequence} of the chain does not fit"
    return len(rows)


def policy(target, name="test", **change):
    """A policy in seconds instead of minutes. `change` replaces whole top-level parts."""
    base = f"http://127.0.0.1:{target.port}"
    document = {
        "policy": name,
        "evaluate_every": "1s",
        "sources": {"app": {"scrape": [f"{base}/metrics"], "every": "1s", "timeout": "1s"}},
        "kpis": {
            "requests": {"unit": "events", "expr": "sum(increase(http_requests_total[3s]))"},
            "error_rate": {"unit": "ratio", "expr": '(sum(rate(http_requests_total{code=~"5.."}[3s])) or vector(0))'
                                                    ' / sum(rate(http_requests_total[3s]))'},
            "p95": {"unit": "seconds", "expr": "histogram_quantile(0.95, sum by (le) "
                                               "(rate(http_request_duration_seconds_bucket[3s])))"},
            "lag": {"unit": "events", "expr": "sum(consumer_lag_events)"},
            "critical": {"unit": "number", "expr": "sum(firing_critical_alerts)"},
        },
        "gates": {
            "errors": {"threshold": "error_rate", "min_events": "20 requests", "rungs": [
                {"above": "1%", "for": "2 of 2", "then": "pause"},
                {"above": "2%", "for": "2 of 2", "then": "rollback"}]},
            "latency": {"threshold": "p95", "min_events": "20 requests", "above": "500ms", "for": "2 of 2",
                        "then": "pause"},
            "lag": {"threshold": "lag", "above": "1000", "for": "2s", "then": "pause"},
            "critical-alerts": {"threshold": "critical", "above": "0", "for": "1 of 1", "then": "pause"},
            "health": {"health": [f"{base}/health"], "every": "1s", "in": "all", "then": "rollback kill_switch"},
        },
        "stages": [
            {"stage": "canary", "weight": 10, "bake": "4s", "enter": ["set_weight"]},
            {"stage": "full", "weight": 100, "bake": "4s", "enter": ["set_weight"]},
        ],
        "actions": {
            "set_weight": {"to": "deployer", "path": "/weights/${service}", "body": {"weight": "${stage.weight}"}},
            "weight_zero": {"to": "deployer", "path": "/weights/${service}", "body": {"weight": 0}},
            "redeploy": {"to": "deployer", "path": "/deploy/${service}", "body": {"version": "${stable_version}"}},
        },
        "rollback": {
            "window": "24h",
            "options": [{"option": "kill_switch", "actions": ["weight_zero"]},
                        {"option": "previous_version", "actions": ["redeploy"]}],
            "stabilise": {"gates": ["lag"], "bake": "2s", "deadline": "60s"},
        },
    }
    document.update(change)
    return {f"{name}.yaml": json.dumps(document, indent=1)}
