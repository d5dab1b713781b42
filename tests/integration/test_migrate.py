"""The schema: brought up and down by numbered files, one runner at a time; and what the database refuses on its
own, whoever asks."""
import re
import secrets
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import BINARY, ROOT, run_headgate, standing_daemon, wait_until

MIGRATIONS = ROOT / "migrations"
NAMES = sorted(p.name.removesuffix(".up.sql") for p in MIGRATIONS.glob("*.up.sql"))


@pytest.fixture
def empty(postgres):
    """A database without anything: (cluster, its name, its address)."""
    name = "m" + secrets.token_hex(6)
    postgres.sql("postgres", f"CREATE DATABASE {name}")
    return postgres, name, f"host={postgres.home} user=owner dbname={name}"


def migrate(dsn, *args, directory=MIGRATIONS):
    return run_headgate("migrate", "--database", dsn, "--dir", directory, *args)


def tables(database):
    cluster, name, _ = database
    return cluster.sql(name, "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                             "WHERE n.nspname = 'headgate' AND c.relkind = 'r' ORDER BY 1")


def applied(database):
    cluster, name, _ = database
    return [row[0] for row in cluster.sql(name, "SELECT name FROM headgate.migration ORDER BY version")]


def test_up_from_empty_and_again_changes_nothing(empty):
    first = migrate(empty[2])
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[:-1] == [f"applied {name}" for name in NAMES]
    before = tables(empty)
    again = migrate(empty[2])
    assert again.returncode == 0 and again.stdout.splitlines() == [f"schema is at version {len(NAMES)}"]
    assert tables(empty) == before and applied(empty) == NAMES


def test_a_dry_run_prints_what_would_happen_and_leaves_no_trace(empty):
    dry = migrate(empty[2], "--dry-run")
    assert dry.returncode == 0 and dry.stdout.splitlines() == [f"would apply {name}" for name in NAMES]
    assert empty[0].sql(empty[1], "SELECT 1 FROM pg_namespace WHERE nspname = 'headgate'") == []
    assert migrate(empty[2]).returncode == 0
    assert migrate(empty[2], "--dry-run").stdout == ""
    down = migrate(empty[2], "--down", "--dry-run")
    assert down.stdout.splitlines() == [f"would undo {NAMES[-1]}"]
    assert applied(empty) == NAMES


def test_down_and_to_zero_leave_an_empty_database(empty):
    assert migrate(empty[2]).returncode == 0
    down = migrate(empty[2], "--down", str(len(NAMES)))
    assert down.returncode == 0, down.stderr
    assert [line for line in down.stdout.splitlines() if line.startswith("undone")] == [
        f"undone {name}" for name in reversed(NAMES)]
    assert empty[0].sql(empty[1], "SELECT 1 FROM pg_namespace WHERE nspname = 'headgate'") == []
    assert migrate(empty[2]).returncode == 0
    assert migrate(empty[2], "--to", "0").returncode == 0
    assert empty[0].sql(empty[1], "SELECT 1 FROM pg_namespace WHERE nspname = 'headgate'") == []
    # Undoing what was never done does nothing.
    assert migrate(empty[2], "--down").returncode == 0
    assert empty[0].sql(empty[1], "SELECT 1 FROM pg_namespace WHERE nspname = 'headgate'") == []


def shape(database):
    cluster, name, _ = database
    return [cluster.sql(name, statement) for statement in (
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'headgate' ORDER BY 1, 2",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'headgate' ORDER BY 1",
        "SELECT table_name, column_name, privilege_type FROM information_schema.column_privileges "
        "WHERE grantee = 'headgate_app' AND table_schema = 'headgate' ORDER BY 1, 2, 3",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 2")]


def test_a_step_down_leaves_what_the_step_up_had_found(empty):
    before = []
    for version in range(1, len(NAMES) + 1):
        assert migrate(empty[2], "--to", str(version)).returncode == 0
        before.append(shape(empty))
    for version in range(len(NAMES) - 1, 0, -1):
        assert migrate(empty[2], "--to", str(version)).returncode == 0
        assert shape(empty) == before[version - 1], f"at version {version}"


def test_to_a_number_there_is_no_file_for_is_wrong_usage(empty):
    done = migrate(empty[2], "--to", "999")
    assert done.returncode == 2 and "999" not in done.stdout


def more_migrations(tmp_path, extra):
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    for name, (up, down) in extra.items():
        (folder / f"{name}.up.sql").write_text(up)
        (folder / f"{name}.down.sql").write_text(down)
    return folder


def next_name(word):
    return f"{len(NAMES) + 1:04d}_{word}"


def test_a_new_file_is_applied_and_can_be_undone_alone(empty, tmp_path):
    assert migrate(empty[2]).returncode == 0
    name = next_name("more")
    folder = more_migrations(tmp_path, {name: ("CREATE TABLE headgate.more (x int);", "DROP TABLE headgate.more;")})
    done = migrate(empty[2], directory=folder)
    assert done.returncode == 0 and f"applied {name}" in done.stdout
    assert ["more"] in tables(empty)
    back = migrate(empty[2], "--to", str(len(NAMES)), directory=folder)
    assert back.returncode == 0 and f"undone {name}" in back.stdout
    assert ["more"] not in tables(empty) and applied(empty) == NAMES


def test_a_changed_file_is_refused_by_name(empty, tmp_path):
    assert migrate(empty[2]).returncode == 0
    folder = more_migrations(tmp_path, {})
    file = folder / f"{NAMES[0]}.up.sql"
    file.write_text(file.read_text() + "\n-- an afterthought\n")
    done = migrate(empty[2], directory=folder)
    assert done.returncode == 1 and f"{NAMES[0]}.up.sql" in done.stderr and "changed" in done.stderr, done


def test_a_failing_file_is_undone_whole_and_named(empty, tmp_path):
    name = next_name("broken")
    folder = more_migrations(tmp_path, {name: ("CREATE TABLE headgate.half (x int); SELECT 1 / 0;", "SELECT 1;")})
    done = migrate(empty[2], directory=folder)
    assert done.returncode == 1 and name in done.stderr and "division by zero" in done.stderr
    assert applied(empty) == NAMES and ["half"] not in tables(empty)


def test_a_database_that_is_ahead_of_the_files_is_left_alone(empty, tmp_path):
    name = next_name("future")
    folder = more_migrations(tmp_path, {name: ("SELECT 1;", "SELECT 1;")})
    assert migrate(empty[2], directory=folder).returncode == 0
    done = migrate(empty[2])
    assert done.returncode == 1 and name in done.stderr
    assert applied(empty) == [*NAMES, name]


@pytest.mark.parametrize("files", [["0002_gap.up.sql"], ["0001_a.up.sql", "0001_b.up.sql"],
                                   ["0001_a.up.sql", "0003_c.up.sql"]], ids="+".join)
def test_numbers_with_gaps_or_twice_are_refused(empty, tmp_path, files):
    for file in files:
        (tmp_path / file).write_text("SELECT 1;")
    done = migrate(empty[2], directory=tmp_path)
    assert done.returncode == 1 and done.stderr
    assert empty[0].sql(empty[1], "SELECT 1 FROM pg_namespace WHERE nspname = 'headgate'") == []


def test_a_folder_that_is_not_there_is_named(empty, tmp_path):
    done = migrate(empty[2], directory=tmp_path / "nowhere")
    assert done.returncode == 1 and "nowhere" in done.stderr


def test_a_server_that_is_not_there_is_status_3(tmp_path):
    done = migrate(f"host={tmp_path} dbname=x")
    assert done.returncode == 3 and done.stderr


def test_an_owner_without_rights_is_status_4(empty):
    cluster, name, _ = empty
    role = "r" + secrets.token_hex(4)
    cluster.sql(name, f"CREATE ROLE {role} LOGIN")
    done = migrate(f"host={cluster.home} user={role} dbname={name}")
    assert done.returncode == 4, done


def test_any_number_of_runs_at_once_apply_each_file_once(empty, tmp_path):
    name = next_name("slow")
    folder = more_migrations(tmp_path, {name: (
        "CREATE TABLE headgate.slow (x int); SELECT pg_sleep(0.3);", "DROP TABLE headgate.slow;")})
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: migrate(empty[2], directory=folder), range(4)))
    assert [d.returncode for d in done] == [0] * 4, [d.stderr for d in done]
    for each in [*NAMES, name]:
        assert sum(d.stdout.count(f"applied {each}\n") for d in done) == 1, each
    assert applied(empty) == [*NAMES, name]


def test_a_runner_waits_for_the_one_that_is_at_work(empty):
    cluster, name, dsn = empty
    holder = subprocess.Popen(["/usr/lib/postgresql/15/bin/psql", "-X", "-q", "-h", str(cluster.home), "-U", "owner",
                               "-d", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        holder.stdin.write("BEGIN; SELECT pg_advisory_xact_lock(1751213415, 0);\n")
        holder.stdin.flush()
        locked = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = " \
                 "(SELECT oid FROM pg_database WHERE datname = current_database())"
        waits = locked.replace("AND granted", "AND NOT granted")
        wait_until(lambda: cluster.sql(name, locked), "the lock to be held")
        runner = subprocess.Popen([str(BINARY), "migrate", "--database", dsn, "--dir", str(MIGRATIONS)],
                                  stdout=subprocess.PIPE, text=True)
        wait_until(lambda: cluster.sql(name, waits), "the runner to wait")
        assert tables(empty) == []
        holder.stdin.write("ROLLBACK;\n\\q\n")
        holder.stdin.flush()
        assert runner.wait(timeout=120) == 0
    finally:
        holder.stdin.close()
        holder.wait(timeout=60)
    assert applied(empty) == NAMES


# --- a daemon and a schema that do not fit ---

def starts_held_back(daemon, says):
    """It answers, says why, and takes no release."""
    daemon.start(wait=False)
    body = wait_until(lambda: daemon.alive() and daemon.get("/readyz", who=None)[1], "an answer")
    body = wait_until(lambda: (b := daemon.get("/readyz", who=None)[1]).get("store_trouble") and b, "the trouble in words")
    assert body["store"] == "unreachable" and body["owner"] is False, body
    wait_until(lambda: re.search(says, daemon.get("/readyz", who=None)[1].get("store_trouble", "")), f"the words {says}")
    status, answer, headers = daemon.post("/v1/releases", {"service": "a", "environment": "b", "version": "1",
                                                           "policy": "test"})
    assert status == 503 and "retry-after" in headers, answer
    assert re.search(says, daemon.log())


@pytest.mark.parametrize("case,statement,says", [
    ("none", "DROP SCHEMA headgate CASCADE", "migrate|schema"),
    ("older", "DELETE FROM headgate.migration WHERE version = (SELECT max(version) FROM headgate.migration)",
     "migrate|schema"),
    ("newer", "INSERT INTO headgate.migration (version, name, checksum) "
              "SELECT max(version) + 1, 'future', 'x' FROM headgate.migration", "newer|schema")])
def test_a_daemon_whose_schema_is_missing_older_or_newer_does_not_act(postgres, make_daemon, case, statement, says):
    database = postgres.database()
    postgres.sql(database, statement)
    daemon = make_daemon(postgres, database=database)
    starts_held_back(daemon, says)
    if case == "none":
        # It comes to life by itself once somebody has migrated.
        assert migrate(f"host={postgres.home} user=owner dbname={database}").returncode == 0
        postgres.sql(database, "GRANT headgate_app TO headgate")
        wait_until(lambda: daemon.get("/readyz")[1]["owner"], "the daemon to act")
    else:
        assert postgres.sql(database, "SELECT holder, epoch FROM headgate.lease") == [["", "0"]]
        daemon.stop()
        # As the teardown's look at the invariants needs it.
        postgres.sql(database, "DELETE FROM headgate.migration WHERE name = 'future'")


# --- the database on its own ---

@pytest.fixture(scope="module")
def api(postgres):
    with standing_daemon(postgres) as daemon:
        daemon.create(start="manual")
        yield daemon


def refused(api, statement, says, user="owner"):
    with pytest.raises(RuntimeError) as caught:
        api.sql(f"BEGIN; {statement}; ROLLBACK", user)
    assert re.search(says, str(caught.value)), caught.value


def test_the_seeded_edges_are_those_of_the_transition_table(api):
    rows = run_headgate("reference", "transitions").stdout.splitlines()[2:]
    pairs = set()
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        pairs.add((cells[0].split("/")[0], cells[2].split("/")[0]))
    assert len(pairs) > 20
    assert {tuple(row) for row in api.sql("SELECT from_state, to_state FROM headgate.release_edge")} == pairs


STATES = ("planned", "running", "paused", "rolling_back", "stabilising", "completed", "rolled_back", "failed", "resolved",
          "cancelled")


def test_the_database_refuses_every_edge_that_is_not_seeded(api):
    edges = {tuple(row) for row in api.sql("SELECT from_state, to_state FROM headgate.release_edge")}
    change = "UPDATE headgate.release SET state = '{}', row_version = row_version + 1, transition = gen_random_uuid() " \
             "WHERE id = 1"
    walk = {"planned": [], "running": ["running"], "paused": ["running", "paused"],
            "rolling_back": ["running", "rolling_back"], "stabilising": ["running", "rolling_back", "stabilising"],
            "completed": ["running", "completed"],
            "rolled_back": ["running", "rolling_back", "stabilising", "rolled_back"],
            "failed": ["running", "rolling_back", "failed"], "resolved": ["running", "rolling_back", "failed", "resolved"],
            "cancelled": ["cancelled"]}
    for from_, path in walk.items():
        way = "; ".join(change.format(state) for state in path)
        for to in STATES:
            statement = f"{way}; {change.format(to)}" if way else change.format(to)
            if (from_, to) in edges:
                api.sql(f"BEGIN; {statement}; ROLLBACK")
            else:
                refused(api, statement, f"no way from {from_} to {to}")


@pytest.mark.parametrize("change,says", [
    ("row_version = row_version", "does not follow"), ("row_version = row_version + 2", "does not follow"),
    ("row_version = row_version + 1, service = 'x'", "never changes"),
    ("row_version = row_version + 1, policy_hash = 'x'", "not moved to another policy"),
    ("row_version = row_version + 1, author = 'x'", "never changes"),
    ("row_version = row_version + 1, state = 'sleeping'", "check|no way"),
    ("row_version = row_version + 1, last_hash = 'x'", "check")])
def test_the_database_refuses_gaps_and_changes_of_identity(api, change, says):
    refused(api, f"UPDATE headgate.release SET transition = gen_random_uuid(), {change} WHERE id = 1", says)


COPY = "INSERT INTO headgate.release SELECT (r).* FROM (SELECT jsonb_populate_record(r, '{}') AS r " \
       "FROM headgate.release r WHERE id = 1) q"


def test_the_database_refuses_a_release_that_does_not_begin_planned_at_version_1(api):
    refused(api, COPY.format('{"id": 900, "version": "9", "state": "running"}'), "begins planned")
    refused(api, COPY.format('{"id": 900, "version": "9", "row_version": 2}'), "begins planned")
    api.sql("BEGIN; " + COPY.format('{"id": 900, "version": "9"}') + "; ROLLBACK")
    refused(api, COPY.format('{"id": 900}'), "release_attempt")


def test_the_database_refuses_a_second_active_release_of_the_pair(api):
    run = "UPDATE headgate.release SET state = 'running', row_version = row_version + 1, transition = gen_random_uuid() " \
          "WHERE id = {}"
    twin = COPY.format('{"id": 900, "version": "9"}')
    api.sql(f"BEGIN; {twin}; {run.format(1)}; ROLLBACK")
    refused(api, f"{twin}; {run.format(1)}; {run.format(900)}", "release_active_pair")


def test_the_database_refuses_two_transitions_at_one_version(api):
    refused(api, "INSERT INTO headgate.transition SELECT (t).* FROM (SELECT jsonb_populate_record(t, "
                 "jsonb_build_object('id', gen_random_uuid())) AS t FROM headgate.transition t WHERE release_id = 1) q",
            "transition_version")


def test_a_transition_that_was_given_up_cannot_commit_any_more(api):
    given_up = "00000000-0000-4000-8000-000000000001"
    refused(api, f"SELECT headgate.settle(1, '{given_up}'); UPDATE headgate.release SET row_version = row_version + 1, "
                 f"transition = '{given_up}' WHERE id = 1", "given up")
    assert api.sql("SELECT headgate.settle(1, transition) FROM headgate.release WHERE id = 1") == [["t"]]


def all_tables(api):
    return [row[0] for row in api.sql("SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                      "WHERE n.nspname = 'headgate' AND c.relkind = 'r'")]


@pytest.mark.parametrize("table", ["audit", "transition"])
@pytest.mark.parametrize("statement", ["UPDATE headgate.{} SET at = now()", "DELETE FROM headgate.{}",
                                       "TRUNCATE headgate.{} CASCADE",
                                       "ALTER TABLE headgate.{} DISABLE TRIGGER ALL", "DROP TABLE headgate.{} CASCADE",
                                       "DROP TRIGGER {0}_append ON headgate.{0}"])
def test_the_daemon_s_role_cannot_change_or_remove_what_was_recorded(api, table, statement):
    refused(api, statement.format(table), "permission denied|must be owner", user="headgate")


@pytest.mark.parametrize("table", ["audit", "transition"])
@pytest.mark.parametrize("statement", ["UPDATE headgate.{} SET at = now()", "DELETE FROM headgate.{}",
                                       "TRUNCATE headgate.{} CASCADE"])
def test_even_the_owner_has_to_disable_a_trigger_first(api, table, statement):
    refused(api, statement.format(table), "never changed or removed")


def test_the_daemon_s_role_deletes_nothing_anywhere(api):
    for table in all_tables(api):
        refused(api, f"DELETE FROM headgate.{table}", "permission denied", user="headgate")
        refused(api, f"TRUNCATE headgate.{table}", "permission denied", user="headgate")
        refused(api, f"ALTER TABLE headgate.{table} DISABLE TRIGGER ALL", "must be owner|permission denied",
                user="headgate")


@pytest.mark.parametrize("statement,says", [
    ("CREATE TABLE headgate.mine (x int)", "permission denied"),
    ("CREATE FUNCTION headgate.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "permission denied"),
    ("CREATE TABLE public.mine (x int)", "permission denied"),
    ("CREATE SCHEMA mine", "permission denied"),
    ("SET session_replication_role = replica", "permission denied"),
    ("UPDATE headgate.release SET service = 'x'", "permission denied"),
    ("UPDATE headgate.release_edge SET to_state = 'running'", "permission denied"),
    ("INSERT INTO headgate.release_edge VALUES ('cancelled', 'running')", "permission denied"),
    ("INSERT INTO headgate.lease (shard) VALUES (7)", "permission denied"),
    ("INSERT INTO headgate.audit (chain, sequence, record, hash, at) VALUES ('x', 1, '', '', now())",
     "permission denied"),
    ("UPDATE headgate.outbox SET body = '{}'", "permission denied"),
    ("UPDATE headgate.outbox SET destination = 'x'", "permission denied"),
    ("UPDATE headgate.outbox SET callback_ms = NULL", "permission denied"),
    ("UPDATE headgate.callback_key SET key = decode(repeat('00', 32), 'hex')", "permission denied"),
    ("INSERT INTO headgate.callback_key (key) VALUES (decode(repeat('00', 32), 'hex'))", "permission denied"),
    ("UPDATE headgate.policy SET document = '{}'", "permission denied"),
    ("UPDATE headgate.idempotency SET status = 200", "permission denied"),
    ("INSERT INTO headgate.migration (version, name, checksum) VALUES (99, 'x', 'x')", "permission denied"),
    ("SET ROLE owner", "permission denied"),
])
def test_the_daemon_s_role_has_no_more_than_it_needs(api, statement, says):
    refused(api, statement, says, user="headgate")


def test_a_stranger_of_the_cluster_sees_nothing(api):
    role = "s" + secrets.token_hex(4)
    api.sql(f"CREATE ROLE {role} LOGIN")
    for table in all_tables(api):
        refused(api, f"SELECT * FROM headgate.{table}", "permission denied", user=role)


def test_old_idempotency_keys_are_the_one_thing_the_daemon_may_have_removed(api):
    api.sql("INSERT INTO headgate.idempotency VALUES ('s', 'r', 'old', 'f', 200, '{}', now() - interval '8 days'), "
            "('s', 'r', 'new', 'f', 200, '{}', now())")
    # The daemon prunes as well; whoever comes first removes just the old one.
    api.sql("SELECT headgate.idempotency_prune()", user="headgate")
    assert api.sql("SELECT key FROM headgate.idempotency WHERE subject = 's'") == [["new"]]
