"""Durable transitions per second through the real store, against pgbench on the same cluster: the best we know of
plain SQL, one prepared statement with the same four writes on 16 connections.

The rival's tables are copies of ours with their indexes and defaults, without triggers and foreign keys, and it
checks neither freezes nor a lease: it may only be faster.
"""
import re
import subprocess

from figures import PG_BIN, in_turn, line, numbers

SECONDS = 3
RELEASES = 1024

SCHEMA = """
CREATE SCHEMA rival;
CREATE TABLE rival.release (LIKE headgate.release INCLUDING ALL);
CREATE TABLE rival.transition (LIKE headgate.transition INCLUDING ALL);
CREATE TABLE rival.audit (LIKE headgate.audit INCLUDING ALL);
CREATE TABLE rival.outbox (LIKE headgate.outbox INCLUDING ALL);
CREATE TABLE rival.one (id bigint);
INSERT INTO rival.release SELECT r.id - m.first + 1, service, environment, version, attempt, state, step, stage,
	row_version, exposed, shard, activation, policy_name, policy_hash, author, created_at, updated_at, changed_at,
	transition, last_hash, detail FROM headgate.release r, (SELECT min(id) AS first FROM headgate.release) m;
ANALYZE;
"""

STATEMENT = r"""
\set id random(1, :releases)
WITH changed AS (
 UPDATE rival.release SET state = CASE state WHEN 'paused' THEN 'running' ELSE 'paused' END,
  row_version = row_version + 1, updated_at = now(), changed_at = clock_timestamp(), transition = gen_random_uuid(),
  last_hash = sha256(last_hash), detail = detail
 WHERE id = :id RETURNING id, row_version, state, transition, last_hash),
told AS (
 INSERT INTO rival.transition (id, release_id, row_version, event, from_state, to_state, from_step, to_step, stage,
  actor, origin, reason, text, at)
 SELECT transition, id, row_version, 'pause', 'running', state, 'none', 'none', 0, 'ann', '127.0.0.1',
  'p95 looks odd', 'somebody asked for it', now() FROM changed),
audited AS (
 INSERT INTO rival.audit (chain, sequence, record, hash)
 SELECT 'release/' || id, row_version, decode(repeat('61', 220), 'hex'), last_hash FROM changed)
INSERT INTO rival.outbox (id, release_id, row_version, sequence, fence, epoch, class, action, destination, method,
 path, body)
SELECT transition || '.1', id, row_version, 1, nextval('headgate.fence'), 1, 'notification', 'tell', 'chat', 'POST',
 '/hooks/releases', '{"text":"checkout 1.2.3 is paused"}' FROM changed
"""


class Rival:
    def __init__(self, world, database):
        self.world, self.database = world, database
        world.postgres.sql(database, SCHEMA)
        self.statement, self.bare = world.folder / "statement.sql", world.folder / "bare.sql"
        self.statement.write_text(STATEMENT)
        self.bare.write_text("INSERT INTO rival.one VALUES (1)\n")

    def pgbench(self, script, clients, seconds=SECONDS):
        done = subprocess.run(
            [str(PG_BIN / "pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)), "-T",
             str(seconds), "-f", str(script), "-D", f"releases={RELEASES}", "-h", str(self.world.postgres.home), "-U",
             "owner", self.database], capture_output=True, text=True, check=True)
        rate = float(re.search(r"tps = ([\d.]+)", done.stdout)[1])
        return {"rate": rate, "ms": clients / rate * 1000}


def run(world):
    database = world.postgres.database()
    first = iter(range(1, 1 << 40, RELEASES))

    def ours(depth, seconds=SECONDS):
        return numbers(world.programs / "commits", f"host={world.postgres.home} user=headgate dbname={database}",
                       next(first), depth, seconds)

    ours(16, 1)  # leaves releases for the rival to copy
    rival = Rival(world, database)
    found = in_turn({"ours 512": lambda: ours(512), "ours 16": lambda: ours(16), "ours 1": lambda: ours(1, 2),
                     "rival 16": lambda: rival.pgbench(rival.statement, 16),
                     "rival 1": lambda: rival.pgbench(rival.statement, 1, 2)})
    peer = "pgbench, one CTE of four writes, -c "
    line("transitions: 512 at a time, 1 connection", found["ours 512"]["rate"], found["rival 16"]["rate"], "/s",
         peer + "16")
    line("transitions: 16 at a time, 1 connection", found["ours 16"]["rate"], found["rival 16"]["rate"], "/s",
         peer + "16")
    line("transitions: median commit, 1 at a time", found["ours 1"]["p50"], found["rival 1"]["ms"], "ms", peer + "1",
         less_is_better=True)
