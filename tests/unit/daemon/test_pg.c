/* pg: one connection in pipeline mode, against a real server and against none. */
#include "postgres_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "log.h"
#include "loop/pg.h"
#include "loop/resolve.h"
#include "metrics.h"

static const struct pg_statement sql_echo = {"echo", "SELECT $1::text, $2::text[]", 2};
static const struct pg_statement sql_divide = {"divide", "SELECT 1 / $1::bigint", 1};
static const struct pg_statement sql_sleep = {"sleep", "SELECT pg_sleep($1::bigint)", 1};
static const struct pg_statement sql_warn = {"warn", "DO $$ BEGIN RAISE WARNING 'careful'; END $$",
                                             0};
static const struct pg_statement sql_missing = {"missing", "SELECT * FROM nowhere.nothing", 0};
static const struct pg_statement sql_jit = {"jit", "SELECT current_setting('jit')", 0};
static const struct pg_statement *const good[] = {&sql_echo, &sql_divide, &sql_sleep,
                                                  &sql_warn, &sql_jit,    NULL};
static const struct pg_statement *const bad[] = {&sql_echo, &sql_missing, NULL};

struct said {
	struct pg *pg;
	int calls;
	enum pg_outcome outcome;
	char sqlstate[6], cells[2][256];
	bool warned;
};
struct line {
	struct pg *pg;
	int ups, downs;
	struct err err;
};
static struct line line;
static struct metrics metrics;

static void line_up(void *ctx)
{
	((struct line *)ctx)->ups++;
}
static void line_down(void *ctx, const struct err *err)
{
	((struct line *)ctx)->downs++;
	((struct line *)ctx)->err = *err;
}

static void line_open(const char *dsn, const struct pg_statement *const *statements)
{
	const struct pg_options options = {.conninfo = dsn,
	                                   .statement_deadline_ms = 400,
	                                   .connect_deadline_ms = 700,
	                                   .max_queue = 8,
	                                   .statements = statements,
	                                   .up = line_up,
	                                   .down = line_down,
	                                   .ctx = &line};
	struct err err = {0};

	line = (struct line){0};
	line.pg = pg_new(the_loop, &metrics, &options, &err);
	ck_assert_msg(line.pg != NULL, "%s", err.text);
}

static void on_reply(void *ctx, const struct pg_reply *reply)
{
	struct said *s = ctx;

	s->calls++;
	s->outcome = reply->outcome;
	memcpy(s->sqlstate, reply->sqlstate, sizeof(s->sqlstate));
	s->warned = pg_warned(s->pg);
	for (int i = 0; reply->result != NULL && i < 2 && i < PQnfields(reply->result); i++)
		snprintf(s->cells[i], sizeof(s->cells[i]), "%s", pg_text(reply->result, 0, i));
}

static bool say(struct said *s, const struct pg_statement *statement, struct pg_args *args)
{
	struct err err;

	*s = (struct said){.pg = line.pg};
	return pg_send_take(line.pg, statement, args, on_reply, s, &err);
}

static struct pg_args *number(int64_t n)
{
	struct pg_args *args = pg_args_new();

	arg_i64(args, n);
	return args;
}

static void pg_begin(void)
{
	struct err err = {0};

	log_set_level(getenv("TEST_LOG") != NULL ? LOG_DEBUG : (enum log_level)0);
	the_loop = loop_new(&metrics, &err);
	ck_assert(the_loop != NULL);
}

static void pg_end(void)
{
	pg_free(&line.pg);
	loop_free(&the_loop);
}

START_TEST(texts_and_arrays_arrive_as_they_were)
{
	static const char odd[] = "a \"b\" \\c {d},NULL 'e' \xc3\xa4\n";
	struct pg_args *args = pg_args_new();
	struct said s;

	line_open(dsn_admin, good);
	UNTIL(line.ups == 1);
	arg_text(args, odd);
	arg_array_begin(args);
	arg_array_text(args, odd);
	arg_array_text(args, NULL);
	arg_array_text(args, "");
	arg_array_end(args);
	ck_assert(say(&s, &sql_echo, args));
	UNTIL(s.calls == 1);
	ck_assert_int_eq(s.outcome, PG_DONE);
	ck_assert_str_eq(s.cells[0], odd);
	ck_assert_str_eq(s.cells[1], "{\"a \\\"b\\\" \\\\c {d},NULL 'e' \xc3\xa4\n\",NULL,\"\"}");
}
END_TEST

/* With some thousand messages in retry the server compiled each claim anew, for seconds: rollbacks
 * waited for it, and then for the connection that was given up. */
START_TEST(the_server_compiles_no_statement_of_ours)
{
	struct said s;

	line_open(dsn_admin, good);
	UNTIL(line.ups == 1);
	ck_assert(say(&s, &sql_jit, pg_args_new()));
	UNTIL(s.calls == 1);
	ck_assert_str_eq(s.cells[0], "off");
}
END_TEST

START_TEST(an_error_rejects_its_own_statement_only)
{
	struct said s[3];

	line_open(dsn_admin, good);
	UNTIL(line.ups == 1);
	ck_assert(say(&s[0], &sql_divide, number(1)));
	ck_assert(say(&s[1], &sql_divide, number(0)));
	ck_assert(say(&s[2], &sql_divide, number(1)));
	UNTIL(s[2].calls == 1);
	ck_assert_int_eq(s[0].outcome, PG_DONE);
	ck_assert_int_eq(s[1].outcome, PG_REJECTED);
	ck_assert_str_eq(s[1].sqlstate, "22012");
	ck_assert_int_eq(s[2].outcome, PG_DONE);
}
END_TEST

START_TEST(a_warning_is_seen_with_its_statement)
{
	struct said s[2];

	line_open(dsn_admin, good);
	UNTIL(line.ups == 1);
	ck_assert(say(&s[0], &sql_warn, pg_args_new()));
	ck_assert(say(&s[1], &sql_divide, number(1)));
	UNTIL(s[1].calls == 1);
	ck_assert(s[0].warned && !s[1].warned);
}
END_TEST

START_TEST(a_late_answer_closes_the_connection_and_leaves_the_outcome_open)
{
	struct said s[2];

	line_open(dsn_admin, good);
	UNTIL(line.ups == 1);
	ck_assert(say(&s[0], &sql_sleep, number(30)));
	ck_assert(say(&s[1], &sql_divide, number(1)));
	UNTIL(line.downs == 1);
	ck_assert(s[0].calls == 1 && s[0].outcome == PG_UNKNOWN);
	ck_assert(s[1].calls == 1 && s[1].outcome == PG_UNKNOWN);
	ck_assert(strstr(line.err.text, "no answer within 400 ms") != NULL);
	UNTIL(line.ups == 2);
	ck_assert(say(&s[0], &sql_divide, number(1)));
	UNTIL(s[0].calls == 1);
	ck_assert_int_eq(s[0].outcome, PG_DONE);
}
END_TEST

START_TEST(the_queue_is_bounded)
{
	struct said s[9];

	line_open(dsn_admin, good);
	UNTIL(line.ups == 1);
	for (int i = 0; i < 8; i++)
		ck_assert(say(&s[i], &sql_divide, number(1)));
	ck_assert(!say(&s[8], &sql_divide, number(1)));
	ck_assert_int_eq(s[0].calls, 0); /* never inside the call */
	UNTIL(s[7].calls == 1);
	ck_assert_int_eq(s[8].calls, 0);
}
END_TEST

START_TEST(a_statement_that_cannot_be_prepared_is_no_connection)
{
	line_open(dsn_admin, bad);
	UNTIL(line.downs >= 2);
	ck_assert_int_eq(line.ups, 0);
	ck_assert_int_eq(line.err.code, ERR_INVALID);
	ck_assert(!pg_is_up(line.pg));
}
END_TEST

START_TEST(a_listener_that_says_nothing_runs_into_the_deadline)
{
	char dsn[128];
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 8) == 0);
	ck_assert(getsockname(fd, (struct sockaddr *)&at, &n) == 0);
	/* the name goes through the resolver */
	snprintf(dsn, sizeof(dsn), "host=localhost,127.0.0.1 port=%d dbname=x", ntohs(at.sin_port));
	line_open(dsn, good);
	UNTIL(line.downs == 1);
	ck_assert(strstr(line.err.text, "no connection within 700 ms") != NULL);
	close(fd);
	UNTIL(line.downs == 2); /* refused now */
	ck_assert(strstr(line.err.text, "refused") != NULL);
}
END_TEST

START_TEST(bad_connection_strings_are_refused_without_repeating_them)
{
	static const char *const texts[] = {"password='secret", "nonsense=1", "service=x",
	                                    "host=a,b,c,d,e,f,g,h,i"};
	const struct pg_options options = {
	        .statement_deadline_ms = 1, .connect_deadline_ms = 1, .max_queue = 1};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct pg_options o = options;
		struct err err = {0};

		o.conninfo = texts[i];
		o.statements = good;
		ck_assert(pg_new(the_loop, &metrics, &o, &err) == NULL);
		ck_assert_int_eq(err.code, ERR_INVALID);
		ck_assert(strstr(err.text, "secret") == NULL);
	}
}
END_TEST

/* --- names --- */

struct found {
	bool come;
	size_t n;
	char first[RESOLVE_ADDRESS_TEXT];
};

static void on_found(void *ctx, const char (*addresses)[RESOLVE_ADDRESS_TEXT], size_t n,
                     const struct err *err)
{
	struct found *f = ctx;

	f->come = true;
	f->n = n;
	if (n > 0)
		memcpy(f->first, addresses[0], sizeof(f->first));
	else
		ck_assert_int_eq(err->code, ERR_UNAVAILABLE);
}

START_TEST(names_are_looked_up_on_the_loop)
{
	struct found local = {0}, none = {0};
	struct err err = {0};
	struct resolver *r = resolver_new(the_loop, &err);

	ck_assert(r != NULL);
	ck_assert(resolve_start(r, "localhost", on_found, &local, &err));
	ck_assert(resolve_start(r, "no such name!", on_found, &none, &err));
	ck_assert(!local.come && !none.come);
	UNTIL(local.come && none.come);
	ck_assert_uint_gt(local.n, 0);
	ck_assert(resolve_is_address(local.first));
	ck_assert_uint_eq(none.n, 0);
	ck_assert(resolve_start(r, "localhost", on_found, &local, &err));
	resolver_free(&r); /* what is under way is forgotten */
	turn();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pg");
	TCase *tcase = tcase_create("pg");

	tcase_add_checked_fixture(tcase, pg_begin, pg_end);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, texts_and_arrays_arrive_as_they_were);
	tcase_add_test(tcase, the_server_compiles_no_statement_of_ours);
	tcase_add_test(tcase, an_error_rejects_its_own_statement_only);
	tcase_add_test(tcase, a_warning_is_seen_with_its_statement);
	tcase_add_test(tcase, a_late_answer_closes_the_connection_and_leaves_the_outcome_open);
	tcase_add_test(tcase, the_queue_is_bounded);
	tcase_add_test(tcase, a_statement_that_cannot_be_prepared_is_no_connection);
	tcase_add_test(tcase, a_listener_that_says_nothing_runs_into_the_deadline);
	tcase_add_test(tcase, bad_connection_strings_are_refused_without_repeating_them);
	tcase_add_test(tcase, names_are_looked_up_on_the_loop);
	suite_add_tcase(suite, tcase);
	return suite_run_in_cluster(suite);
}
