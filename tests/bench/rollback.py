"""From the first byte of POST rollback to the first byte of its message at the receiver, the commit included, with
all releases active and evaluated once a second. The bare commit is one row inserted by one pgbench client."""
import http.client
import statistics
import time

from figures import line
from transitions import Rival

RELEASES = 200
PACE_S = 0.05  # the record of one must not be what the next one waits for


def run(world):
    daemon, receiver = world.daemon(), world.receiver
    ids = {}
    for i in range(RELEASES):
        name = f"service-{i}"
        ids[name] = daemon.create(service=name, version="1.0.0")["id"]
        receiver.wait(name)  # the canary's weight: from here on it is exposed
    for id_ in ids.values():
        daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    database = world.postgres.database()
    rival = Rival(world, database)
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port)
    connection.connect()
    took, bare = [], []
    for i, (name, id_) in enumerate(ids.items()):
        if i % 40 == 0:
            bare.append(rival.pgbench(rival.bare, 1, 1)["ms"])
        took.append(roll_back(daemon, connection, receiver, name, id_, who="ann" if i % 2 else "bob"))
        time.sleep(PACE_S)
    connection.close()
    took.sort()
    commit = statistics.median(bare)
    for name, ms in (("median", statistics.median(took)), ("p99", took[int(len(took) * 0.99)])):
        line(f"rollback: POST to receiver, {name} of {RELEASES}", ms, commit, "ms",
             f"bare commit, pgbench -c 1: {ms / commit:.0f} of them", less_is_better=True)


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
