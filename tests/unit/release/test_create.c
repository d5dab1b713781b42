/*
 * create: what a client posts, what is refused about it, and that a snapshot survives its JSON
 * form.
 */
#include "../suite.h"
#include "fixture.h"

static struct world w;

static void setup(void)
{
	world_init(&w, MIGRATION_NONE, "1.3.0");
}

static void teardown(void)
{
	world_fini(&w);
}

/* Decodes a body; the problems' text in *out_said. */
static bool read_body(const char *body, struct release_request *out, char said[1000])
{
	json_t *json = json_loads(body, 0, NULL);
	struct problems problems;
	struct decode d;
	struct buf text;
	bool ok = false;

	ck_assert_msg(json != NULL, "not JSON: %s", body);
	problems_init(&problems);
	buf_init(&text, 10000);
	decode_init(&d, &problems, NULL);
	ok = field_decode(&release_request_table, json, out, &d);
	problems_print(&problems, &text);
	(void)snprintf(said, 1000, "%s", buf_str(&text).p);
	decode_fini(&d);
	buf_fini(&text);
	problems_fini(&problems);
	json_decref(json);
	return ok;
}

#define PAIR "\"service\": \"shop\", \"environment\": \"prod\", \"version\": \"1.4.0\""

static const struct {
	const char *why, *body, *said; /* said NULL: fine */
} bodies[] = {
        {"the least there is", "{" PAIR ", \"policy\": \"shop\"}", NULL},
        {"all of it",
         "{" PAIR ", \"policy\": \"shop\", \"stable_version\": \"1.3.0+b1\", \"artifact\": "
         "\"sha256:1\", \"author\": \"dora\", \"ticket\": \"CH-1\", \"migration\": \"reversible\", "
         "\"start\": \"2026-01-01T10:00:00+01:00\", \"on_active\": \"queue\", \"params\": {\"x\": "
         "1}, "
         "\"links\": {\"diff\": \"http://x\"}}",
         NULL},
        {"nothing", "{}", "\"service\" is missing"},
        {"a service in capitals",
         "{\"service\": \"Shop\", \"environment\": \"prod\", \"version\": \"1\"}", "/service"},
        {"a version with a space",
         "{\"service\": \"shop\", \"environment\": \"prod\", \"version\": \"1 4\"}", "/version"},
        {"a version with a slash",
         "{\"service\": \"shop\", \"environment\": \"prod\", \"version\": \"../1\"}", "/version"},
        {"an unknown key", "{" PAIR ", \"polcy\": \"shop\"}", "did you mean \"policy\""},
        {"params that are a list", "{" PAIR ", \"params\": [1]}", "/params: must be an object"},
        {"a migration that is maybe", "{" PAIR ", \"migration\": \"maybe\"}", "/migration"},
        {"a start in words", "{" PAIR ", \"start\": \"tomorrow\"}", "/start"},
        {"an empty author", "{" PAIR ", \"author\": \"\"}", "/author"},
};

START_TEST(a_body_is_read_strictly)
{
	struct release_request request;
	char said[1000];
	bool ok = read_body(bodies[_i].body, &request, said);

	ck_assert_msg(ok == (bodies[_i].said == NULL), "%s: %s", bodies[_i].why, said);
	ck_assert_msg(ok || strstr(said, bodies[_i].said), "%s: %s", bodies[_i].why, said);
	field_free(&release_request_table, &request);
}
END_TEST

static bool post(const char *body, const struct actor *by, struct err *err)
{
	struct release_request request;
	char said[1000];
	bool ok = false;

	ck_assert_msg(read_body(body, &request, said), "%s", said);
	outcome_fini(&w.out);
	ok = release_create(&request, w.bound, 42, 3, by, (struct wall){T0}, &w.out, err);
	field_free(&release_request_table, &request);
	return ok;
}

START_TEST(the_first_snapshot_is_planned)
{
	const struct release *r = NULL;
	struct err err;

	ck_assert_msg(post("{" PAIR ", \"policy\": \"shop\", \"start\": \"manual\", \"on_active\": "
	                   "\"queue\", \"artifact\": \"sha256:1\"}",
	                   &ann, &err),
	              "%s", err.text);
	r = w.out.next;
	ck_assert_int_eq(r->id, 42);
	ck_assert_int_eq(r->attempt, 3);
	ck_assert_int_eq(r->row_version, 1);
	ck_assert_int_eq((int)r->state, RELEASE_PLANNED);
	ck_assert(r->start_manual && r->queue && !r->exposed);
	ck_assert_str_eq(r->author, "ann");
	ck_assert_str_eq(r->poster, "ann");
	ck_assert_str_eq(r->policy_name, "shop");
	ck_assert_str_eq(r->policy_hash, w.bound->hash);
	ck_assert_int_eq(r->created_at.ms, T0);
	ck_assert_int_eq(r->rollback.option, -1);
	ck_assert_str_eq(release_event_names[w.out.decision.event], "create");
	ck_assert_str_eq(json_string_value(json_object_get(w.out.decision.detail, "artifact")),
	                 "sha256:1");
}
END_TEST

START_TEST(a_machine_names_the_author)
{
	struct err err;

	ck_assert(!post("{" PAIR "}", &robot, &err));
	ck_assert_int_eq((int)err.code, ERR_INVALID);
	ck_assert_int_eq((int)w.out.refused, REFUSED_INVALID);
	ck_assert_str_eq(w.out.pointer, "/author");
	ck_assert_msg(post("{" PAIR ", \"author\": \"dora\"}", &robot, &err), "%s", err.text);
	ck_assert_str_eq(w.out.next->author, "dora");
	ck_assert_str_eq(w.out.next->poster, "dora");
}
END_TEST

/* Rule H5. The start that is answered is taken when it is posted again. */
START_TEST(a_start_keeps_to_the_notice)
{
	/* clang-format off */
	static const struct {
		const char *why, *start;
		bool good;
	} rows[] = {
		{ "left out is now",         "",                                        false },
		{ "now",                     ", \"start\": \"now\"",                      false },
		{ "a moment too early",      ", \"start\": \"2026-01-01T23:59:59.999Z\"", false },
		{ "just in time",            ", \"start\": \"2026-01-02T00:00:00Z\"",     true },
		{ "the one that is offered", ", \"start\": \"2026-01-02T00:01:00.000Z\"", true },
		{ "by hand, later",          ", \"start\": \"manual\"",                   true },
	};
	/* clang-format on */

	w.bound->notice_ms = 24 * (int64_t)HOUR;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char body[300];
		struct err err = {0};

		(void)snprintf(body, sizeof(body), "{" PAIR "%s}", rows[i].start);
		ck_assert_msg(post(body, &ann, &err) == rows[i].good, "%s: %s", rows[i].why,
		              err.text);
		if (rows[i].good)
			continue;
		ck_assert_int_eq((int)w.out.refused, REFUSED_INVALID);
		ck_assert_str_eq(w.out.pointer, "/start");
		ck_assert_str_eq(err.text, "policy shop asks for 1d of notice: start is "
		                           "2026-01-02T00:01:00.000Z or later, or manual");
	}
}
END_TEST

START_TEST(a_release_without_stages_cannot_be)
{
	size_t n = w.bound->nstages;
	struct err err;

	w.bound->nstages = 0;
	ck_assert(!post("{" PAIR "}", &ann, &err));
	w.bound->nstages = n;
}
END_TEST

START_TEST(a_snapshot_survives_its_json_form)
{
	struct problems problems;
	struct release read;
	json_t *first = NULL;
	json_t *second = NULL;
	struct decode d;

	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	w.r->params = json_pack("{s:[i,s]}", "x", 1, "y");
	commit(&w, &(struct event){.kind = EVENT_APPROVE, .by = mia, .stage = "full"});
	commit(&w,
	       &(struct event){.kind = EVENT_CHECK, .by = quin, .check = "smoke", .done = true});
	commit(&w, &(struct event){
	                   .kind = EVENT_WAIVE, .by = rita, .gate = "errors", .reason = "broken"});
	commit(&w, &(struct event){.kind = EVENT_PAUSE, .by = ann, .expires = {T0 + 1}});
	first = field_encode(&release_table, w.r);
	problems_init(&problems);
	decode_init(&d, &problems, NULL);
	ck_assert(field_decode(&release_table, first, &read, &d));
	second = field_encode(&release_table, &read);
	ck_assert(json_equal(first, second));
	ck_assert_uint_eq(read.nholds, 1);
	ck_assert_int_eq(read.holds[0].expires.ms, T0 + 1);
	decode_fini(&d);
	problems_fini(&problems);
	field_free(&release_table, &read);
	json_decref(first);
	json_decref(second);
}
END_TEST

START_TEST(a_copy_is_deep_and_whole)
{
	struct release *copy = NULL;

	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	done(&w, EVENT_PAUSE, ann, "lunch");
	w.r->last_hash.bytes[5] = 7;
	copy = release_copy(w.r);
	ck_assert_int_eq(copy->row_version, w.r->row_version);
	ck_assert_str_eq(copy->transition, w.r->transition);
	ck_assert_int_eq(copy->last_hash.bytes[5], 7);
	ck_assert_ptr_ne(copy->holds, w.r->holds);
	ck_assert_str_eq(copy->holds[0].reason, "lunch");
	release_free(&copy);
	ck_assert_ptr_null(copy);
	release_free(&copy);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("create");
	TCase *t = tcase_create("create");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_body_is_read_strictly, 0, ARRAY_LEN(bodies));
	tcase_add_test(t, the_first_snapshot_is_planned);
	tcase_add_test(t, a_machine_names_the_author);
	tcase_add_test(t, a_start_keeps_to_the_notice);
	tcase_add_test(t, a_release_without_stages_cannot_be);
	tcase_add_test(t, a_snapshot_survives_its_json_form);
	tcase_add_test(t, a_copy_is_deep_and_whole);
	suite_add_tcase(s, t);
	return suite_run(s);
}
