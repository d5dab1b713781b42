"""200 rollbacks, each decided while an advance is in flight to a receiver that delays, hangs, answers late, drops the
connection or fails, with the daemon killed in between: every one ends rolled back, and no advance comes after it."""
import http.server
import json
import os
import queue
import random
import threading
import time

import pytest
from harness import Daemon, Nothing, check_audit_chain, check_invariants, policy, wait_until

SEED = int(os.environ.get("HEADGATE_STORM_SEED", "1"))
RUNS = 200
KILLS = (40, 90, 140)  # after so many rollbacks were answered
TIMEOUT_S = 1.0  # of a request
MOODS = ("delays", "answers late", "comes late", "hangs", "drops", "does it and drops", "fails", "does it and fails")


class Stormy(Nothing):
    """Half of the services are fenced: what is older than what they have done is refused at the moment it would be
    done. What it did stands in `done`, in order."""

    def __init__(self, folder, dice_for):
        super().__init__(folder)
        self.dice_for, self.lock = dice_for, threading.Lock()
        self.done, self.fences, self.ids, self.attempts = [], {}, set(), {}
        self.arrived = queue.Queue()  # services of advances
        stormy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                stormy.take(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 1024

            def handle_error(self, *_):
                pass  # a daemon that was killed

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, request, body):
        service, class_ = request.headers["Headgate-Service"], request.headers["Headgate-Class"]
        with self.lock:
            n = self.attempts[service, class_] = self.attempts.get((service, class_), 0) + 1
        dice = self.dice_for(f"{service}/{class_}/{n}")
        mood = self.mood(dice, class_, n)
        if class_ == "advance":
            self.arrived.put(service)
        status = 200
        if mood == "delays":
            time.sleep(dice.uniform(0.05, 0.7) * TIMEOUT_S)
            status = self.do(request.headers, body)
        elif mood == "answers late":
            status = self.do(request.headers, body)
            time.sleep(dice.uniform(1.2, 2.5) * TIMEOUT_S)
        elif mood == "comes late":
            time.sleep(dice.uniform(1.2, 3) * TIMEOUT_S)
            status = self.do(request.headers, body)
        elif mood == "hangs":
            time.sleep(3 * TIMEOUT_S)
        elif mood.startswith("does it") or mood == "ok":
            status = self.do(request.headers, body)
        if mood in ("hangs", "drops", "does it and drops"):
            request.close_connection = True
            return
        self.answer(request, 503 if mood.endswith("fails") else status)

    @staticmethod
    def mood(dice, class_, n):
        """An advance never gets a good answer in time, so that it is in flight or in doubt when the rollback comes; a
        rollback's third attempt does."""
        if class_ == "advance":
            return dice.choice(MOODS[1:])
        return dice.choice((*MOODS, "ok", "ok")) if n <= 2 else "ok"

    def do(self, headers, body):
        service, id_ = headers["Headgate-Service"], headers["webhook-id"]
        order = int(headers["Headgate-Epoch"]), int(headers["Headgate-Fence"])
        with self.lock:
            if is_fenced(service):
                if id_ in self.ids:
                    return 200
                if order < self.fences.get(service, (0, 0)):
                    return 409
                self.fences[service] = order
                self.ids.add(id_)
            self.done.append({"service": service, "class": headers["Headgate-Class"], "order": order, **body})
        return 200

    @staticmethod
    def answer(request, status):
        try:
            request.send_response(status)
            request.send_header("Content-Length", "2")
            request.end_headers()
            request.wfile.write(b"{}")
        except OSError:
            request.close_connection = True

    def of(self, service):
        with self.lock:
            return [d for d in self.done if d["service"] == service]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def is_fenced(service):
    return int(service.partition("-")[2]) % 2 == 0


@pytest.fixture
def stormy(folder):
    receiver = Stormy(folder, lambda what: random.Random(f"{SEED}/{what}"))
    yield receiver
    receiver.close()


@pytest.fixture
def daemon(postgres, folder, target, stormy):
    calm = policy(target, evaluate_every="2s", gates={"lag": {"threshold": "lag", "above": "1000", "for": "20s",
                                                              "then": "pause"}})
    daemon = Daemon(folder, postgres, postgres.database(), target, stormy, calm)
    file = daemon.folder / "headgate.yaml"
    daemon.write_config(limits={"writes_per_second": 100000, "writes_burst": 100000}, log_level="info")
    file.write_text(file.read_text().replace("timeout: 5s", f"timeout: {TIMEOUT_S * 1000:.0f}ms"))
    yield daemon.start()
    daemon.close()
    check_invariants(daemon)


class People:
    """Ask for the rollback of whatever is in flight, again and again until it is taken, whether the daemon lives or
    not; the daemon is killed after the rollbacks in KILLS."""

    def __init__(self, daemon, stormy, ids):
        self.daemon, self.stormy, self.ids = daemon, stormy, ids
        self.lock = threading.Lock()
        self.asked, self.taken, self.failed = set(), 0, []
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(16)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while self.taken < RUNS and not self.failed:
            try:
                service = self.stormy.arrived.get(timeout=0.2)
            except queue.Empty:
                continue
            dice = random.Random(f"{SEED}/{service}/people")
            with self.lock:
                if service not in self.ids or service in self.asked:
                    continue
                self.asked.add(service)
            # Not to wait for something: the moment is what varies, into the second attempt.
            time.sleep(dice.choice((0, dice.uniform(0, 0.4), dice.uniform(0.5, 2))) * TIMEOUT_S)
            try:
                wait_until(lambda service=service: self.ask(service), f"the rollback of {service} to be taken")
            except AssertionError as error:
                self.failed.append(error)

    def ask(self, service):
        who = ("ann", "bob", "ci")[self.ids[service] % 3]
        status, answer, _ = self.daemon.post(f"/v1/releases/{self.ids[service]}/rollback", {"reason": "storm"}, who=who)
        if status != 200:
            return False
        with self.lock:
            self.taken += 1
            kill = self.taken in KILLS
        if kill:
            self.daemon.kill()
            self.daemon.start(wait=False)
        return answer


def look(daemon, stormy, service, id_):
    release, done = daemon.release(id_), stormy.of(service)
    assert release["state"] == "rolled_back", release
    assert done and done[-1]["class"] == "rollback" and done[-1]["weight"] == 0, done
    if is_fenced(service):
        classes = [d["class"] for d in done]
        assert "advance" not in classes[classes.index("rollback"):], done
        assert [d["order"] for d in done] == sorted(d["order"] for d in done), done
    if id_ % 10 == 0:
        check_audit_chain(daemon, id_)


def test_200_rollbacks_while_advances_are_in_flight_all_end_rolled_back(daemon, stormy):
    try:
        ids = {}
        people = People(daemon, stormy, ids)
        for i in range(RUNS):
            service = f"storm-{i}"
            body = {"service": service, "environment": "prod", "version": "1.0.0", "policy": "test",
                    "stable_version": "0.9.0"}
            ids[service] = wait_until(lambda body=body: daemon.post("/v1/releases", body, who="bob")[1].get("id"),
                                      f"{service} to be taken")
        wait_until(lambda: people.taken == RUNS or people.failed, "all rollbacks to be taken")
        assert not people.failed, people.failed
        wait_until(lambda: daemon.sql("SELECT count(*) FROM headgate.release WHERE state <> 'rolled_back'") == [["0"]],
                   "all releases to be rolled back")
        wait_until(lambda: daemon.sql("SELECT count(*) FROM headgate.outbox WHERE superseded_by IS NULL "
                                      "AND (done_at IS NULL OR resend_at IS NOT NULL)") == [["0"]],
                   "nothing to be sent any more")
        for service, id_ in ids.items():
            look(daemon, stormy, service, id_)
        moved = daemon.sql("SELECT count(*) FROM headgate.outbox WHERE class = 'rollback' AND resent")
        assert int(moved[0][0]) > RUNS // 4, f"too few rollbacks overlapped with an advance: {moved}"
    except AssertionError as error:
        raise AssertionError(f"HEADGATE_STORM_SEED={SEED}: {error}") from None
