/*
 * migrate - the subcommand that brings the schema to where this program needs it: numbered SQL
 * files, each applied once.
 *
 * Not on the loop: its own direct connection, synchronous. Each file and its record are one
 * transaction under an advisory lock, so any number of runners at once are harmless and an
 * interrupted run goes on where it stopped. A file that was changed after it was applied is refused
 * by name.
 */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/macros.h"
#include "base/problem.h"
#include "base/units.h"
#include "cli/commands.h"
#include "config.h"
#include "store/migrations.h"

#define DEFAULT_CONFIG "/etc/headgate/headgate.yaml"
#define TEXT_MAX_BYTES ((size_t)64 * 1024)

struct request {
	const char *config, *database, *dir;
	bool dry_run;
	int64_t down; /* how many to undo; 0: none */
	int64_t to;   /* target version; -1: all there are */
};

struct run {
	const struct request *request;
	struct migrations files;
	PGconn *conn;
	int64_t at;     /* newest applied version */
	int64_t target; /* -1 until known */
	int status;
};

static const char usage_text[] =
        "usage: headgate migrate [--config FILE | --database CONNINFO] [--dir DIR] [--dry-run]\n"
        "                        [--down [N] | --to N]\n"
        "\n"
        "Brings the database's schema to the newest version, or undoes the newest N migrations\n"
        "(1 when not said), or goes to version N either way. Undoing removes data.\n";

/* Only reads when the table is missing: a dry run leaves no trace. */
static const char sql_table_exists[] = "SELECT to_regclass('headgate.migration') IS NOT NULL";
static const char sql_create_table[] =
        "CREATE SCHEMA IF NOT EXISTS headgate;"
        "CREATE TABLE IF NOT EXISTS headgate.migration ("
        " version bigint PRIMARY KEY,"
        " name text NOT NULL,"
        " checksum text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT clock_timestamp())";
static const char sql_lock[] = "SELECT pg_advisory_xact_lock(1751213415, 0)";
static const char sql_applied[] =
        "SELECT version, name, checksum FROM headgate.migration ORDER BY version";
static const char sql_record[] =
        "INSERT INTO headgate.migration (version, name, checksum) VALUES ($1::bigint, $2, $3)";
static const char sql_forget[] = "DELETE FROM headgate.migration WHERE version = $1::bigint";
static const char sql_drop_table[] = "DROP TABLE headgate.migration; DROP SCHEMA headgate";

/* --- talking to the server --- */

static void run_fail(struct run *run, int status, const char *what, const char *text)
{
	run->status = status;
	(void)fprintf(stderr, "headgate: migrate: %s%s%s\n", what, *text != '\0' ? ": " : "", text);
}

static bool result_ok(struct run *run, const PGresult *r, const char *what)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	ExecStatusType status = PQresultStatus(r);
	int code = EXIT_BAD;

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return true;
	if (state == NULL || PQstatus(run->conn) == CONNECTION_BAD)
		code = EXIT_UNREACHABLE;
	else if (strcmp(state, "42501") == 0)
		code = EXIT_DENIED;
	run_fail(run, code, what, PQerrorMessage(run->conn));
	return false;
}

static bool execute(struct run *run, const char *what, const char *sql)
{
	PGresult *r = PQexec(run->conn, sql); /* constants and the migrations' own files */
	bool ok = result_ok(run, r, what);

	PQclear(r);
	return ok;
}

static bool execute_record(struct run *run, const char *sql, const struct migration_file *m, int n)
{
	char version[24];
	const char *values[] = {version, m->name, m->checksum};
	PGresult *r;
	bool ok;

	(void)snprintf(version, sizeof(version), "%lld", (long long)m->version);
	r = PQexecParams(run->conn, sql, n, NULL, values, NULL, NULL, 0);
	ok = result_ok(run, r, m->name);
	PQclear(r);
	return ok;
}

/* --- comparing --- */

static bool compare_row(struct run *run, int64_t version, const char *name, const char *checksum)
{
	const struct migration_file *m;
	char text[400];

	if (version != run->at + 1 || version > (int64_t)run->files.n) {
		(void)snprintf(text, sizeof(text),
		               "the database has migration %s (%lld), this directory has not: "
		               "a newer program has been here",
		               name, (long long)version);
		run_fail(run, EXIT_BAD, text, "");
		return false;
	}
	m = &run->files.items[version - 1];
	if (strcmp(m->checksum, checksum) != 0 || strcmp(m->name, name) != 0) {
		(void)snprintf(
		        text, sizeof(text),
		        "%s.up.sql was changed after it had been applied as %s "
		        "(SHA-256 recorded %.12s, file %.12s): write a new migration instead",
		        m->name, name, checksum, m->checksum);
		run_fail(run, EXIT_BAD, text, "");
		return false;
	}
	run->at = version;
	return true;
}

static bool read_applied(struct run *run)
{
	PGresult *r = PQexec(run->conn, sql_applied);
	bool ok = result_ok(run, r, "reading headgate.migration");

	run->at = 0;
	for (int i = 0; ok && i < PQntuples(r); i++) {
		int64_t version = 0;
		struct err err;

		ok = int_parse(str_of(PQgetvalue(r, i, 0)), &version, &err) &&
		     compare_row(run, version, PQgetvalue(r, i, 1), PQgetvalue(r, i, 2));
	}
	PQclear(r);
	return ok;
}

static bool choose_target(struct run *run)
{
	const struct request *q = run->request;

	if (run->target >= 0)
		return true; /* other runners may move on meanwhile; the target stays */
	run->target = q->to >= 0 ? q->to : (int64_t)run->files.n;
	if (q->down > 0)
		run->target = run->at > q->down ? run->at - q->down : 0;
	if (run->target > (int64_t)run->files.n) {
		run_fail(run, EXIT_USAGE, "--to: there is no migration of that number", "");
		return false;
	}
	return true;
}

/* --- applying --- */

static bool apply_up(struct run *run, const struct migration_file *m)
{
	return execute(run, m->name, m->up) && execute_record(run, sql_record, m, 3);
}

static bool apply_down(struct run *run, const struct migration_file *m)
{
	if (m->down == NULL) {
		run_fail(run, EXIT_BAD, m->name, "has no .down.sql: it cannot be undone");
		return false;
	}
	if (!execute(run, m->name, m->down) || !execute_record(run, sql_forget, m, 1))
		return false;
	return m->version > 1 || execute(run, "removing the empty schema", sql_drop_table);
}

static bool table_exists(struct run *run, bool *out)
{
	PGresult *r = PQexec(run->conn, sql_table_exists);
	bool ok = result_ok(run, r, "looking for headgate.migration");

	*out = ok && PQntuples(r) == 1 && PQgetvalue(r, 0, 0)[0] == 't';
	PQclear(r);
	return ok;
}

/* CREATE ... IF NOT EXISTS asks for the right to create even when there is nothing to do. */
static bool ensure_table(struct run *run)
{
	bool exists;

	return table_exists(run, &exists) &&
	       (exists || execute(run, "creating headgate.migration", sql_create_table));
}

/* One transaction: lock, look, one step. False with status EXIT_DONE: nothing is left to do. */
static bool step(struct run *run)
{
	bool up;
	const struct migration_file *m;

	if (!execute(run, "begin", "BEGIN") || !execute(run, "locking", sql_lock) ||
	    !ensure_table(run) || !read_applied(run) || !choose_target(run))
		return false;
	if (run->at == run->target)
		return false;
	up = run->at < run->target;
	m = &run->files.items[up ? run->at : run->at - 1];
	if (!(up ? apply_up(run, m) : apply_down(run, m)) || !execute(run, "commit", "COMMIT"))
		return false;
	run->at += up ? 1 : -1;
	(void)printf("%s %s\n", up ? "applied" : "undone", m->name);
	return run->at > 0 || run->target > 0; /* at 0 the table is gone, and so is the work */
}

static void show_plan(struct run *run)
{
	bool exists;

	if (!table_exists(run, &exists) || (exists && !read_applied(run)) || !choose_target(run))
		return;
	for (int64_t v = run->at + 1; v <= run->target; v++)
		(void)printf("would apply %s\n", run->files.items[v - 1].name);
	for (int64_t v = run->at; v > run->target; v--)
		(void)printf("would undo %s\n", run->files.items[v - 1].name);
}

static void migrate(struct run *run)
{
	bool exists = true;

	if (run->request->dry_run) {
		show_plan(run);
		return;
	}
	/* Undoing what was never done must not create a schema. */
	if (run->request->down > 0 || run->request->to == 0) {
		if (!table_exists(run, &exists) || !exists)
			return;
	}
	while (step(run))
		;
	if (PQtransactionStatus(run->conn) != PQTRANS_IDLE) {
		/* A transaction that found nothing to do may have created the table: keep it. */
		const char *end = run->status == EXIT_DONE ? "COMMIT" : "ROLLBACK";

		PQclear(PQexec(run->conn, end));
	}
	if (run->status == EXIT_DONE)
		(void)printf("schema is at version %lld\n", (long long)run->at);
}

/* --- the command --- */

static void notice(void *ctx, const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	(void)ctx;
	if (severity != NULL && text != NULL && strcmp(severity, "WARNING") == 0)
		(void)fprintf(stderr, "headgate: migrate: warning: %s\n", text);
}

/* Beside the installed program, else beside a build, else in the working directory. */
static const char *default_dir(char *out, size_t size)
{
	static const char *const places[] = {"../share/headgate/migrations", "../../migrations"};
	char program[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (n > 0) {
		program[n] = '\0';
		*strrchr(program, '/') = '\0';
		for (size_t i = 0; i < ARRAY_LEN(places); i++) {
			int length = snprintf(out, size, "%s/%s", program, places[i]);

			if (length > 0 && (size_t)length < size && access(out, R_OK) == 0)
				return out;
		}
	}
	return "migrations";
}

static int run_request(const struct request *q, const char *database)
{
	struct run run = {.request = q, .target = -1};
	char dir[PATH_MAX + 64];
	struct err err;

	if (!migrations_read(&run.files, q->dir != NULL ? q->dir : default_dir(dir, sizeof(dir)),
	                     &err)) {
		(void)fprintf(stderr, "headgate: migrate: %s\n", err.text);
		return EXIT_BAD;
	}
	run.conn = PQconnectdb(database);
	if (PQstatus(run.conn) != CONNECTION_OK) {
		run_fail(&run, EXIT_UNREACHABLE, "no connection", PQerrorMessage(run.conn));
	} else {
		(void)PQsetNoticeReceiver(run.conn, notice, NULL);
		migrate(&run);
	}
	PQfinish(run.conn);
	migrations_fini(&run.files);
	return run.status;
}

static bool read_number(const char *text, int64_t *out)
{
	struct err err;

	return int_parse(str_of(text), out, &err) && *out >= 0;
}

/* "--down" may be followed by a number that is an argument of its own. */
static bool read_down(struct request *q, int argc, char **argv)
{
	q->down = 1;
	if (optind < argc && argv[optind][0] != '-')
		return read_number(argv[optind++], &q->down) && q->down > 0;
	return true;
}

static bool request_read(struct request *q, int argc, char **argv)
{
	static const struct option options[] = {
	        {"config", required_argument, NULL, 'c'},
	        {"database", required_argument, NULL, 'd'},
	        {"dir", required_argument, NULL, 'm'},
	        {"dry-run", no_argument, NULL, 'n'},
	        {"down", no_argument, NULL, 'u'},
	        {"to", required_argument, NULL, 't'},
	        {NULL, 0, NULL, 0},
	};
	bool ok = true;
	int c;

	optind = 1;
	while (ok && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			q->config = optarg;
			break;
		case 'd':
			q->database = optarg;
			break;
		case 'm':
			q->dir = optarg;
			break;
		case 'n':
			q->dry_run = true;
			break;
		case 'u':
			ok = read_down(q, argc, argv);
			break;
		case 't':
			ok = read_number(optarg, &q->to);
			break;
		default:
			ok = false;
		}
	}
	return ok && optind == argc && (q->config == NULL || q->database == NULL) &&
	       (q->down == 0 || q->to < 0);
}

static int run_configured(const struct request *q)
{
	const char *file = q->config != NULL ? q->config : DEFAULT_CONFIG;
	struct problems problems;
	struct config *config;
	int status = EXIT_CONFIG;

	problems_init(&problems);
	config = config_load(file, &problems);
	if (config != NULL) {
		status = run_request(q, config->database);
	} else {
		struct buf text;

		buf_init(&text, TEXT_MAX_BYTES);
		problems_print(&problems, &text);
		(void)fwrite(buf_str(&text).p, 1, buf_str(&text).n, stderr);
		buf_fini(&text);
	}
	config_free(&config);
	problems_fini(&problems);
	return status;
}

int migrate_command(int argc, char **argv)
{
	struct request q = {.to = -1};

	if (!request_read(&q, argc, argv)) {
		(void)fputs(usage_text, stderr);
		return EXIT_USAGE;
	}
	return q.database != NULL ? run_request(&q, q.database) : run_configured(&q);
}
