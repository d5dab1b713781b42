"""How long a rollback takes to the first byte of its message at the receiver.

Plain: from the first byte of POST rollback, the commit included, with all releases active and evaluated once a second.
In retry: the same while 500 other releases' messages fail, half of them answered 500, half hanging until their time is
over, all of them tried again and again. By a gate: from the page of metrics that shows the breach, and from the
evaluation that saw it. The bare commit is one row inserted by one pgbench client."""
import http.client
import json
import socketserver
import statistics
import threading
import time

from figures import line, show
from harness import policy, wait_until
from transitions import Rival

RELEASES = 200
STUCK = 500
BREACHES = 40
PACE_S = 0.05  # the record of one must not be what the next one waits for


def run(world):
    daemon = world.daemon()
    rival = Rival(world, world.postgres.database())
    commits = []
    plain(world, "", bake(world, "service", RELEASES), rival, commits)
    by_gate(world, statistics.median(commits))
    ids = bake(world, "waiting", RELEASES)
    stick(world)
    before = attempts(daemon)
    began = time.monotonic()
    plain(world, f", {STUCK} in retry", ids, rival, commits)
    print(f"    (meanwhile {(attempts(daemon) - before) / (time.monotonic() - began):.0f} attempts a second failed, "
          f"{in_retry(daemon)} messages in retry at the end)")


def bake(world, prefix, n, **more):
    """Ids by service, each exposed: the canary's weight is set."""
    daemon = world.daemon()
    ids = {f"{prefix}-{i}": None for i in range(n)}
    for name in ids:
        ids[name] = daemon.create(service=name, version="1.0.0", **more)["id"]
        world.receiver.wait(name)
    for id_ in ids.values():
        daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    return ids


def plain(world, how, ids, rival, commits):
    daemon, receiver = world.daemon(), world.receiver
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port)
    connection.connect()
    took, bare = [], []
    for i, (name, id_) in enumerate(ids.items()):
        if i % 40 == 0:
            bare.append(rival.pgbench(rival.bare, 1, 1)["ms"])
        took.append(roll_back(daemon, connection, receiver, name, id_, who="ann" if i % 2 else "bob"))
        time.sleep(PACE_S)
    connection.close()
    commits += bare
    say(f"rollback: POST to receiver{how}", took, statistics.median(bare))


def say(what, took, commit):
    took.sort()
    for name, ms in (("median", statistics.median(took)), ("p99", took[int(len(took) * 0.99)])):
        line(f"{what}, {name}", ms, commit, "ms", f"bare commit, pgbench -c 1: {show(ms / commit)} of them",
             less_is_better=True)


def roll_back(daemon, connection, receiver, name, id_, who):
    """Milliseconds. Two people in turn: one alone may halt a hundred at once, then ten a second."""
    receiver.seen.pop(name, None)
    start = time.monotonic()
    connection.request("POST", f"/v1/releases/{id_}/rollback", b'{"reason":"customers complain"}',
                       {"Authorization": f"Bearer {daemon.tokens[who]}", "Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"rollback of {name}: {answer.status}")
    return (receiver.wait(name) - start) * 1000


# --- messages that fail all the time ---

def stick(world):
    """Half of them answered 500, half of them not at all."""
    daemon = world.daemon()
    for to in ("broken", "hole"):
        document = json.loads(policy(world.target, name=to)[f"{to}.yaml"])
        for action in document["actions"].values():
            action["to"] = to
        put(daemon, document)
    for i in range(STUCK):
        daemon.create(service=f"stuck-{i}", version="1.0.0", policy="hole" if i % 2 else "broken")
    wait_until(lambda: in_retry(daemon) >= STUCK / 2 and attempts(daemon) > STUCK, "messages in retry")


def put(daemon, document):
    status, answer, _ = daemon.request("PUT", f"/v1/policies/{document['policy']}", document)
    if status not in (200, 201):
        raise RuntimeError(f"policy {document['policy']}: {status} {answer}")


def attempts(daemon):
    return int(daemon.sql("SELECT coalesce(sum(attempts), 0) FROM headgate.outbox WHERE destination <> 'deployer'")[0][0])


def in_retry(daemon):
    return int(daemon.sql("SELECT count(*) FROM headgate.outbox WHERE destination <> 'deployer' AND attempts > 0 "
                          "AND done_at IS NULL")[0][0])


# --- a gate that fires ---

class Pages(socketserver.ThreadingTCPServer):
    """A page of metrics per service. `shown` holds when the page that shows a breach had been sent."""

    allow_reuse_address = daemon_threads = True

    def __init__(self):
        pages = self
        self.bad, self.shown = set(), {}

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                while request := self.rfile.readline():
                    while self.rfile.readline() not in (b"\r\n", b""):
                        pass
                    pages.answer(self.wfile, request.split()[1].decode().rpartition("/")[2])

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, out, name):
        is_bad = name in self.bad
        text = f"# TYPE consumer_lag_events gauge\nconsumer_lag_events {5000 if is_bad else 0}\n"
        out.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(text)}\r\n\r\n"
                  f"{text}".encode())
        if is_bad:
            self.shown.setdefault(name, time.monotonic())


def by_gate(world, commit):
    daemon, receiver, pages = world.daemon(), world.receiver, Pages()
    document = json.loads(policy(world.target, name="watched")["watched.yaml"])
    document["sources"]["app"]["scrape"] = [f"http://127.0.0.1:{pages.server_address[1]}/pages/${{service}}"]
    document["kpis"] = {"lag": {"unit": "events", "expr": "sum(consumer_lag_events)"}}
    document["gates"] = {"lag": {"threshold": "lag", "above": "1000", "for": "1 of 1", "then": "rollback"}}
    document["stages"] = [{"stage": "canary", "weight": 10, "bake": "24h", "enter": ["set_weight"]}]
    put(daemon, document)
    ids = bake(world, "watched", BREACHES, policy="watched")
    offset = time.time() - time.monotonic()
    scraped, seen = [], []
    for name, id_ in ids.items():
        receiver.seen.pop(name, None)
        pages.bad.add(name)
        came = receiver.wait(name)
        scraped.append((came - pages.shown[name]) * 1000)
        at = float(daemon.sql(f"SELECT extract(epoch FROM at) FROM headgate.transition WHERE release_id = {id_} "
                              "AND to_state = 'rolling_back' ORDER BY row_version LIMIT 1")[0][0])
        seen.append((came + offset - at) * 1000)
    say("rollback: evaluation to receiver", seen, commit)
    say("rollback: page to receiver", scraped, commit)
    pages.shutdown()
    pages.server_close()
