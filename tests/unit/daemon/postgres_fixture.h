/*
 * postgres_fixture - a private PostgreSQL of the test's own, migrated, and a loop that is turned
 * from here.
 */
#ifndef TESTS_POSTGRES_FIXTURE_H
#define TESTS_POSTGRES_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "../suite.h"
#include "cli/commands.h"
#include "loop/loop.h"

#define PATIENCE_MS 20000

static char cluster_dir[64], dsn_admin[256], dsn_owner[256], dsn_app[256];

/* --- the cluster --- */

static void cluster_run(const char *verb)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		execl("scripts/private-postgres", "private-postgres", verb, cluster_dir,
		      (char *)NULL);
		_exit(127);
	}
	/* also called outside of tests, where Check cannot report */
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "private-postgres %s failed\n", verb);
		abort();
	}
}

static void socket_dir(char *out, size_t size)
{
	snprintf(out, size, "%s/postgres/socket", cluster_dir);
}

static void use_database(const char *name)
{
	char socket[128];

	socket_dir(socket, sizeof(socket));
	snprintf(dsn_admin, sizeof(dsn_admin), "host=%s user=postgres dbname=%s", socket, name);
	snprintf(dsn_owner, sizeof(dsn_owner), "host=%s user=headgate_owner dbname=%s", socket,
	         name);
	snprintf(dsn_app, sizeof(dsn_app), "host=%s user=headgate dbname=%s", socket, name);
}

/* One statement, or its error's SQLSTATE; the first cell, in a buffer of its own until the next 8
 * calls. */
__attribute__((unused)) static const char *sql_as(const char *dsn, const char *text)
{
	static char cells[8][4096];
	static unsigned turn;
	char *cell = cells[turn++ % 8];
	PGconn *conn = PQconnectdb(dsn);
	PGresult *r;
	const char *state;

	ck_assert_msg(PQstatus(conn) == CONNECTION_OK, "%s", PQerrorMessage(conn));
	r = PQexec(conn, text);
	state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	if (state != NULL)
		snprintf(cell, sizeof(cells[0]), "error %s", state);
	else
		snprintf(cell, sizeof(cells[0]), "%s",
		         PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : PQcmdTuples(r));
	PQclear(r);
	PQfinish(conn);
	return cell;
}

__attribute__((unused)) static const char *sql(const char *text)
{
	return sql_as(dsn_admin, text);
}

static void sql_unchecked(const char *text)
{
	PGconn *conn = PQconnectdb(dsn_admin);

	PQclear(PQexec(conn, text));
	PQfinish(conn);
}

static int cluster_begin(void)
{
	static char name[] = "migrate", dir[] = "--dir", files[] = "migrations",
	            base[] = "--database";
	char *args[] = {name, base, dsn_owner, dir, files, NULL};

	snprintf(cluster_dir, sizeof(cluster_dir), "/tmp/headgate-store-XXXXXX");
	if (mkdtemp(cluster_dir) == NULL || chmod(cluster_dir, 0755) != 0)
		return 1;
	cluster_run("start");
	use_database("headgate");
	/* Here servers die, machines do not: what was written survives without being synced. */
	sql_unchecked("ALTER SYSTEM SET fsync = off");
	sql_unchecked("SELECT pg_reload_conf()");
	return migrate_command(5, args);
}

static void cluster_end(void)
{
	cluster_run("drop");
	rmdir(cluster_dir);
}

/* Takes the suite; its tests share one cluster. */
static int suite_run_in_cluster(Suite *suite)
{
	int status;

	if (cluster_begin() != 0)
		return EXIT_FAILURE;
	status = suite_run(suite);
	cluster_end();
	return status;
}

/* --- the loop --- */

static struct loop *the_loop;

static void turn(void)
{
	ev_run(loop_ev(the_loop), EVRUN_NOWAIT);
}

static int64_t now_ms(void)
{
	return loop_clock().ns / 1000000;
}

/* Turns the loop until the condition holds; fails after a generous while. */
#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		int64_t end_ = now_ms() + PATIENCE_MS;                                             \
		while (!(condition)) {                                                             \
			ck_assert_msg(now_ms() < end_, "waited in vain for %s", #condition);        \
			turn();                                                                    \
			usleep(500);                                                               \
		}                                                                                  \
	} while (0)

#endif
