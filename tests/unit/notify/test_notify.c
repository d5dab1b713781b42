/*
 * notify: what is told of a decision, under which names, to whom, and in which words.
 */
#include "../release/fixture.h"

#include "../suite.h"
#include "base/problem.h"
#include "notify/notify.h"
#include "policy/yaml.h"

static struct notify_config config;
static struct notify_result result;

static bool read_config(const char *yaml, struct problems *problems)
{
	struct positions *positions = positions_new();
	json_t *document = yaml_parse("headgate.yaml", str_of(yaml), 65536, positions, problems);
	struct decode d;
	bool ok;

	ck_assert_ptr_nonnull(document);
	decode_init(&d, problems, positions);
	ok = field_decode(&notify_table, document, &config, &d);
	decode_fini(&d);
	json_decref(document);
	positions_free(&positions);
	return ok;
}

static void configure(const char *yaml)
{
	struct problems problems;
	struct buf text;

	field_free(&notify_table, &config);
	problems_init(&problems);
	buf_init(&text, 65536);
	if (!read_config(yaml, &problems)) {
		problems_print(&problems, &text);
		ck_abort_msg("%s", buf_str(&text).p);
	}
	buf_fini(&text);
	problems_fini(&problems);
}

static const char everything[] = "sinks: {chat: {to: chat}}\n"
                                 "routes:\n"
                                 "  - {sinks: [chat]}\n"
                                 "  - {roles: [on_call, release_manager, cto], sinks: [chat]}\n";

static void tear_down(void)
{
	field_free(&notify_table, &config);
	messages_free(result.messages, result.n);
	result = (struct notify_result){0};
}

static void compose_with(const struct notify_moment *m, const struct notify_outage *outage)
{
	const struct notify_job job = {.config = &config,
	                               .moment = m,
	                               .public_url = "https://headgate.example/",
	                               .outage = outage};
	struct err err;

	messages_free(result.messages, result.n);
	ck_assert(notify_compose(&job, &result, &err));
}

/* What the outcome in `w` would be told as. */
static void compose(const struct world *w, const struct release *before)
{
	const struct notify_moment m = {.before = before,
	                                .next = w->out.next ? w->out.next : w->r,
	                                .decision = &w->out.decision,
	                                .policy = w->bound,
	                                .evaluation = w->e,
	                                .by = &rita,
	                                .reason = "because"};

	compose_with(&m, NULL);
}

static const char *names(void)
{
	static char text[2000];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < result.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n > 0 ? " " : "",
		                      result.messages[i].action);
	return text;
}

START_TEST(each_milestone_is_told_under_its_names)
{
	/* clang-format off */
	static const struct {
		const char *why;
		enum release_state state;
		enum stage_step step;
		int64_t stage;
		enum release_event event;
		const char *names;
	} rows[] = {
		{ "a start", RELEASE_PLANNED, STEP_NONE, STAGE_GO, EVENT_START_SILENT, "scheduler.release.started" },
		{ "the preflight is left", RELEASE_RUNNING, STEP_READY, STAGE_GO, EVENT_ADVANCE, "" },
		{ "a wave", RELEASE_RUNNING, STEP_ENTERING, STAGE_CANARY, EVENT_ENTERED, "scheduler.release.wave1" },
		{ "the next wave", RELEASE_RUNNING, STEP_ENTERING, STAGE_FULL, EVENT_ENTERED, "scheduler.release.wave2" },
		{ "between waves", RELEASE_RUNNING, STEP_READY, STAGE_CANARY, EVENT_ADVANCE, "" },
		{ "the last wave is over", RELEASE_RUNNING, STEP_READY, STAGE_FULL, EVENT_ADVANCE_SILENT, "scheduler.release.completed" },
		{ "the end", RELEASE_RUNNING, STEP_READY, STAGE_WATCH, EVENT_FINISH,
		  "analytics.release.metrics notification.release.successful audit.release.logged" },
		{ "a pause", RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY, EVENT_PAUSE, "scheduler.release.paused" },
		{ "one more hold", RELEASE_PAUSED, STEP_NONE, STAGE_CANARY, EVENT_PAUSE_AGAIN, "" },
		{ "a resume", RELEASE_PAUSED, STEP_NONE, STAGE_CANARY, EVENT_RESUME, "scheduler.release.resumed" },
		{ "a rollback while it runs", RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY, EVENT_ROLLBACK,
		  "scheduler.release.paused notification.rollback.initiated" },
		{ "a rollback of a paused one", RELEASE_PAUSED, STEP_NONE, STAGE_CANARY, EVENT_ROLLBACK, "notification.rollback.initiated" },
		{ "a rollback afterwards", RELEASE_COMPLETED, STEP_NONE, STAGE_WATCH, EVENT_ROLLBACK, "notification.rollback.initiated" },
		{ "another way back", RELEASE_ROLLING_BACK, STEP_NONE, STAGE_CANARY, EVENT_ROLLBACK_JUMP, "notification.rollback.continued" },
		{ "it is back", RELEASE_ROLLING_BACK, STEP_NONE, STAGE_CANARY, EVENT_ROLLBACK_ACKED, "scheduler.release.rolledback" },
		{ "it is stable", RELEASE_STABILISING, STEP_NONE, STAGE_CANARY, EVENT_STABILISED,
		  "notification.rollback.completed audit.rollback.logged" },
		{ "announced", RELEASE_PLANNED, STEP_NONE, STAGE_GO, EVENT_ANNOUNCE, "notification.maintenance.scheduled" },
		{ "no way back is left", RELEASE_ROLLING_BACK, STEP_NONE, STAGE_CANARY, EVENT_ROLLBACK_EXHAUSTED, "notification.rollback.failed" },
		{ "the same once more", RELEASE_FAILED, STEP_NONE, STAGE_CANARY, EVENT_RETRY, "notification.rollback.continued" },
		{ "the data is restored", RELEASE_ROLLING_BACK, STEP_NONE, STAGE_CANARY, EVENT_RESTORE_CONFIRMED, "" },
		{ "a smoke test fails", RELEASE_STABILISING, STEP_NONE, STAGE_CANARY, EVENT_SMOKE_FAILING, "" },
		{ "settled by hand", RELEASE_FAILED, STEP_NONE, STAGE_CANARY, EVENT_RESOLVE,
		  "notification.rollback.resolved audit.rollback.logged" },
		{ "cancelled", RELEASE_PLANNED, STEP_NONE, STAGE_GO, EVENT_CANCEL, "scheduler.release.cancelled" },
		{ "held", RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY, EVENT_NO_EVIDENCE, "notification.release.held" },
		{ "not held any more", RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY, EVENT_EVIDENCE_BACK, "notification.release.evidence_back" },
		{ "a note", RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY, EVENT_NOTE, "" },
	};
	/* clang-format on */

	configure(everything);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct transition *row =
		        release_transition(rows[i].state, rows[i].step, rows[i].event);
		struct decision decision = {.event = rows[i].event, .why = "so it is"};
		struct notify_moment m;
		struct world w;

		ck_assert_msg(row != NULL, "%s: no such row", rows[i].why);
		world_init(&w, MIGRATION_NONE, "1.3.0");
		put(&w, row->to, row->to_step,
		    rows[i].stage + ((row->effects & FX_ENTER_STAGE) != 0));
		decision.from_state = row->state;
		decision.from_step = row->step;
		decision.to_state = row->to;
		decision.to_step = row->to_step;
		m = (struct notify_moment){.next = w.r, .decision = &decision, .policy = w.bound};
		compose_with(&m, NULL);
		ck_assert_msg(strcmp(names(), rows[i].names) == 0, "%s: %s", rows[i].why, names());
		world_fini(&w);
	}
}
END_TEST

START_TEST(a_real_rollback_says_who_why_and_where)
{
	struct world w;
	const json_t *body;

	configure(everything);
	world_init(&w, MIGRATION_NONE, "1.3.0");
	w.r->links = json_pack("{s:s}", "dashboard", "https://grafana/d/1");
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	verb(&w, EVENT_ROLLBACK, rita, "because");
	compose(&w, w.r);
	ck_assert_str_eq(names(), "scheduler.release.paused notification.rollback.initiated");
	body = result.messages[1].body;
	ck_assert_str_eq(json_string_value(json_object_get(body, "milestone")), "rollback_decided");
	ck_assert_str_eq(json_string_value(json_object_get(body, "severity")), "critical");
	ck_assert_str_eq(json_string_value(json_object_get(body, "actor")), "rita");
	ck_assert_str_eq(json_string_value(json_object_get(body, "reason")), "because");
	body = json_object_get(body, "release");
	ck_assert_str_eq(json_string_value(json_object_get(body, "stage")), "canary");
	ck_assert_int_eq(json_integer_value(json_object_get(body, "weight")), 10);
	ck_assert_int_eq(json_integer_value(json_object_get(body, "wave")), 1);
	ck_assert_str_eq(json_string_value(json_object_get(body, "url")),
	                 "https://headgate.example/v1/releases/1");
	ck_assert_str_eq(
	        json_string_value(json_object_get(json_object_get(body, "links"), "dashboard")),
	        "https://grafana/d/1");
	ck_assert_int_eq(result.messages[0].class, MESSAGE_NOTIFICATION);
	ck_assert_str_eq(result.messages[0].destination, "chat");
	world_fini(&w);
}
END_TEST

START_TEST(each_level_is_called_and_each_that_was_is_called_off_once)
{
	struct release *before;
	struct world w;
	char key[512];

	configure(everything);
	world_init(&w, MIGRATION_NONE, "1.3.0");
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	ask(&w, &(struct event){.kind = EVENT_RUNG_PAUSE, .gate = "errors"});
	compose(&w, w.r);
	ck_assert_str_eq(names(), "scheduler.release.paused notification.escalation.called");
	ck_assert_str_eq(json_string_value(json_object_get(result.messages[1].body, "role")),
	                 "on_call");
	(void)snprintf(key, sizeof(key), "%s",
	               json_string_value(json_object_get(result.messages[1].body, "dedup_key")));
	commit(&w, &(struct event){.kind = EVENT_RUNG_PAUSE, .gate = "errors"});
	later(&w, 16 * MINUTE);
	ask(&w, &(struct event){.kind = EVENT_ESCALATE, .hold = w.r->calls[0].cause});
	compose(&w, w.r);
	ck_assert_str_eq(names(), "notification.escalation.called");
	ck_assert_str_eq(json_string_value(json_object_get(result.messages[0].body, "role")),
	                 "release_manager");
	ck_assert_str_eq(json_string_value(json_object_get(result.messages[0].body, "dedup_key")),
	                 key);
	commit(&w, &(struct event){.kind = EVENT_ESCALATE, .hold = w.r->calls[0].cause});
	before = release_copy(w.r);
	verb(&w, EVENT_ACK, ann, "on it");
	compose(&w, before);
	ck_assert_str_eq(names(), "notification.escalation.ended notification.escalation.ended");
	ck_assert_str_eq(json_string_value(json_object_get(result.messages[1].body, "dedup_key")),
	                 key);
	release_free(&before);
	done(&w, EVENT_ACK, ann, "on it");
	before = release_copy(w.r);
	verb(&w, EVENT_RESUME, rita, "fine");
	compose(&w, before);
	ck_assert_str_eq(names(), "scheduler.release.resumed");
	release_free(&before);
	world_fini(&w);
}
END_TEST

START_TEST(names_are_what_the_configuration_says)
{
	struct world w;

	configure("sinks: {chat: {to: chat}}\n"
	          "routes: [{sinks: [chat]}]\n"
	          "events:\n"
	          "  wave: [\"scheduler.release.wave${event.wave}\", "
	          "notification.release.progress]\n"
	          "  paused: []\n"
	          "  prechecked: audit.precheck.completed\n");
	world_init(&w, MIGRATION_NONE, "1.3.0");
	put(&w, RELEASE_RUNNING, STEP_ENTERING, STAGE_FULL);
	ask(&w, &(struct event){.kind = EVENT_ENTERED});
	compose(&w, w.r);
	ck_assert_str_eq(names(), "scheduler.release.wave2 notification.release.progress");
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_FULL);
	verb(&w, EVENT_PAUSE, ann, "wait");
	compose(&w, w.r);
	ck_assert_str_eq(names(), "");
	put(&w, RELEASE_RUNNING, STEP_READY, STAGE_GO);
	bake(&w);
	w.r->napprovals = 0;
	{
		struct decision d = {.event = EVENT_ADVANCE,
		                     .from_state = RELEASE_RUNNING,
		                     .to_state = RELEASE_RUNNING};
		struct notify_moment m = {.next = w.r, .decision = &d, .policy = w.bound};

		w.r->stage = STAGE_CANARY;
		compose_with(&m, NULL);
		ck_assert_str_eq(names(), "audit.precheck.completed");
	}
	world_fini(&w);
}
END_TEST

START_TEST(patterns_take_any_characters_for_a_star)
{
	/* clang-format off */
	static const struct { const char *pattern, *text; bool matches; } rows[] = {
		{ "*", "", true }, { "*", "a.b", true }, { "a.*", "a.b.c", true }, { "a.*", "a", false },
		{ "*.rollback.*", "notification.rollback.failed", true }, { "*.rollback.*", "audit.release.logged", false },
		{ "a*b*c", "aXbYbZc", true }, { "a*b*c", "aXbYbZ", false }, { "abc", "abc", true }, { "abc", "abcd", false },
		{ "", "", true }, { "", "a", false }, { "**", "x", true }, { "*aab", "aaaab", true },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(notify_pattern_matches(rows[i].pattern, rows[i].text) ==
		                      rows[i].matches,
		              "%s: %s", rows[i].pattern, rows[i].text);
}
END_TEST

START_TEST(routes_pick_by_event_service_environment_severity_and_role)
{
	/* clang-format off */
	static const struct {
		const char *why, *route, *event;
		enum severity severity;
		const char *role;
		bool matches;
	} rows[] = {
		{ "everything", "{}", "scheduler.release.started", SEVERITY_INFO, NULL, true },
		{ "its events", "{events: [\"*.rollback.*\"]}", "audit.rollback.logged", SEVERITY_INFO, NULL, true },
		{ "no others", "{events: [\"*.rollback.*\"]}", "audit.release.logged", SEVERITY_INFO, NULL, false },
		{ "its services", "{services: [\"shop*\"]}", "scheduler.release.started", SEVERITY_INFO, NULL, true },
		{ "no others", "{services: [billing]}", "scheduler.release.started", SEVERITY_INFO, NULL, false },
		{ "its environments", "{environments: [stage]}", "scheduler.release.started", SEVERITY_INFO, NULL, false },
		{ "not grave enough", "{severity: warning}", "scheduler.release.started", SEVERITY_INFO, NULL, false },
		{ "graver", "{severity: warning}", "notification.rollback.failed", SEVERITY_CRITICAL, NULL, true },
		{ "its role", "{roles: [cto]}", "notification.escalation.called", SEVERITY_CRITICAL, "cto", true },
		{ "another role", "{roles: [cto]}", "notification.escalation.called", SEVERITY_CRITICAL, "on_call", false },
		{ "roles take nothing else", "{roles: [cto]}", "notification.rollback.failed", SEVERITY_CRITICAL, NULL, false },
		{ "calls are not for everybody", "{}", "notification.escalation.called", SEVERITY_CRITICAL, "cto", false },
		{ "nor by a pattern", "{events: [\"notification.*\"]}", "notification.escalation.called", SEVERITY_CRITICAL, "cto", false },
		{ "but by name", "{events: [notification.escalation.called]}", "notification.escalation.called", SEVERITY_CRITICAL, "cto", true },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char yaml[400], route[300];

		(void)snprintf(route, sizeof(route), "%s", rows[i].route);
		route[strlen(route) - 1] = '\0';
		(void)snprintf(yaml, sizeof(yaml),
		               "{sinks: {s: {to: x}}, routes: [%s%s sinks: [s]}]}", route,
		               strlen(route) > 1 ? "," : "");
		configure(yaml);
		ck_assert_msg(notify_route_matches(&config.routes[0], rows[i].event,
		                                   rows[i].severity, rows[i].role, "shop",
		                                   "prod") == rows[i].matches,
		              "%s", rows[i].why);
	}
}
END_TEST

START_TEST(whether_people_would_hear_is_known_at_the_start)
{
	configure("{sinks: {s: {to: x}}, routes: [{sinks: [s]}]}");
	ck_assert(!notify_hears_calls(&config));
	configure("{}");
	ck_assert(!notify_hears_calls(&config));
	configure("{sinks: {s: {to: x}}, routes: [{roles: [on_call], sinks: [s]}]}");
	ck_assert(notify_hears_calls(&config));
	configure("{sinks: {s: {to: x}}, events: {called: page.me}, routes: [{events: page.me, "
	          "services: [shop], sinks: [s]}]}");
	ck_assert(notify_hears_calls(&config));
}
END_TEST

START_TEST(one_sink_gets_one_event_once)
{
	struct world w;

	configure("sinks: {b: {to: x}, a: {to: y}}\n"
	          "routes: [{sinks: [a, b]}, {events: [\"*.paused\"], sinks: [b, b]}]\n");
	world_init(&w, MIGRATION_NONE, "1.3.0");
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	verb(&w, EVENT_PAUSE, ann, "wait");
	compose(&w, w.r);
	ck_assert_uint_eq(result.n, 2);
	ck_assert_str_eq(result.messages[0].destination, "x");
	ck_assert_str_eq(result.messages[1].destination, "y");
	world_fini(&w);
}
END_TEST

START_TEST(templates_are_filled_and_never_stop_anything)
{
	struct world w;

	configure("sinks:\n"
	          "  chat:\n"
	          "    to: chat\n"
	          "    path: /rooms/${service}/${links.room}\n"
	          "    headers: {X-Event: \"${event.name}\"}\n"
	          "    body: {text: \"*${service} ${version}*: ${event.text}\", weight: "
	          "\"${release.weight}\", role: \"<${event.role}>\", missing: \"${links.none}\", "
	          "errors: \"${comparison.error_rate}\"}\n"
	          "routes: [{sinks: [chat]}]\n");
	world_init(&w, MIGRATION_NONE, "1.3.0");
	w.r->links = json_pack("{s:s}", "room", "..");
	w.r->comparison = json_pack("[{s:s, s:{s:f}, s:{s:f}}]", "kpi", "error_rate", "before",
	                            "value", 0.02, "after", "value", 0.022);
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	verb(&w, EVENT_PAUSE, ann, "say \"hi\"\n");
	compose(&w, w.r);
	ck_assert_uint_eq(result.n, 1);
	/* A link that would climb leaves the path empty instead of the event untold. */
	ck_assert_str_eq(result.messages[0].path, "/rooms//");
	ck_assert_str_eq(json_string_value(json_object_get(result.messages[0].headers, "X-Event")),
	                 "scheduler.release.paused");
	ck_assert_str_eq(json_string_value(json_object_get(result.messages[0].body, "text")),
	                 "*shop 1.4.0*: paused by a person (ann): say \"hi\"\n");
	ck_assert_int_eq(json_integer_value(json_object_get(result.messages[0].body, "weight")),
	                 10);
	ck_assert_str_eq(json_string_value(json_object_get(result.messages[0].body, "role")), "<>");
	ck_assert_str_eq(json_string_value(json_object_get(result.messages[0].body, "missing")),
	                 "");
	ck_assert_str_eq(json_string_value(json_object_get(result.messages[0].body, "errors")),
	                 "2 % before, 2.2 % after");
	world_fini(&w);
}
END_TEST

/* Ten thousand times e acute: what is sent stays below a webhook's 8 KiB. */
START_TEST(a_rollback_with_a_long_reason_reaches_people)
{
	static char reason[20001];
	struct world w;

	for (size_t i = 0; i + 1 < sizeof(reason); i += 2)
		memcpy(&reason[i], "\xc3\xa9", 2);
	configure("sinks: {chat: {to: chat, path: \"/rooms?why=${event.reason}\"}}\n"
	          "routes: [{sinks: [chat]}]\n");
	world_init(&w, MIGRATION_NONE, "1.3.0");
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	verb(&w, EVENT_ROLLBACK, rita, reason);
	{
		struct notify_moment m = {.before = w.r,
		                          .next = w.out.next,
		                          .decision = &w.out.decision,
		                          .policy = w.bound,
		                          .reason = reason};

		compose_with(&m, NULL);
	}
	ck_assert_uint_eq(result.n, 2);
	ck_assert_uint_eq(strlen(result.messages[0].path), 11 + RELEASE_MAX_REASON / 2 * 6);
	ck_assert_uint_eq(json_string_length(json_object_get(result.messages[0].body, "reason")),
	                  RELEASE_MAX_REASON);
	world_fini(&w);
}
END_TEST

START_TEST(a_mail_has_recipients_one_line_of_subject_and_a_text)
{
	const json_t *body;
	struct world w;

	configure("sinks: {mail: {to: mailer, recipients: [a@example.org, b@example.org], "
	          "subject: \"${event.reason}: ${version}\"}}\n"
	          "routes: [{sinks: [mail]}]\n");
	config.sinks[0].kind = NOTIFY_MAIL;
	world_init(&w, MIGRATION_NONE, "1.3.0");
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	verb(&w, EVENT_PAUSE, ann, "x");
	{
		struct notify_moment m = {.next = w.r,
		                          .decision = &w.out.decision,
		                          .policy = w.bound,
		                          .reason = "two\r\nlines"};

		compose_with(&m, NULL);
	}
	body = result.messages[0].body;
	ck_assert_uint_eq(json_array_size(json_object_get(body, "to")), 2);
	ck_assert_str_eq(json_string_value(json_object_get(body, "subject")), "two  lines: 1.4.0");
	ck_assert_ptr_nonnull(
	        strstr(json_string_value(json_object_get(body, "text")), "Service:     shop\n"));
	world_fini(&w);
}
END_TEST

START_TEST(an_alert_ends_under_the_labels_it_began_with)
{
	json_t *labels;
	const json_t *body;
	struct world w;

	configure("sinks: {alerts: {to: am, labels: {team: \"${service}-team\"}}}\n"
	          "routes: [{roles: [on_call], sinks: [alerts]}]\n");
	config.sinks[0].kind = NOTIFY_ALERT;
	world_init(&w, MIGRATION_NONE, "1.3.0");
	w.r->links = json_pack("{s:s}", "dash board", "https://grafana/d/1");
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	ask(&w, &(struct event){.kind = EVENT_RUNG_PAUSE, .gate = "errors"});
	compose(&w, w.r);
	ck_assert_uint_eq(result.n, 1);
	body = result.messages[0].body;
	labels = json_incref(json_object_get(body, "labels"));
	ck_assert_str_eq(json_string_value(json_object_get(labels, "alertname")),
	                 "HeadgateEscalation");
	ck_assert_str_eq(json_string_value(json_object_get(labels, "team")), "shop-team");
	ck_assert_str_eq(json_string_value(json_object_get(labels, "role")), "on_call");
	ck_assert_str_eq(json_string_value(json_object_get(labels, "cause")), "errors");
	ck_assert_str_eq(json_string_value(json_object_get(labels, "release")), "1");
	ck_assert_str_eq(json_string_value(json_object_get(body, "startsAt")),
	                 "2026-01-01T00:00:00.000Z");
	ck_assert_str_eq(json_string_value(json_object_get(body, "endsAt")),
	                 "2026-01-31T00:00:00.000Z");
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(body, "annotations"),
	                                                   "link_dash_board")),
	                 "https://grafana/d/1");
	commit(&w, &(struct event){.kind = EVENT_RUNG_PAUSE, .gate = "errors"});
	later(&w, MINUTE);
	verb(&w, EVENT_ACK, ann, "on it");
	compose(&w, w.r);
	ck_assert_uint_eq(result.n, 1);
	body = result.messages[0].body;
	ck_assert(json_equal(labels, json_object_get(body, "labels")));
	ck_assert_str_eq(json_string_value(json_object_get(body, "startsAt")),
	                 "2026-01-01T00:00:00.000Z");
	ck_assert_str_eq(json_string_value(json_object_get(body, "endsAt")),
	                 "2026-01-01T00:01:00.000Z");
	json_decref(labels);
	world_fini(&w);
}
END_TEST

START_TEST(an_outage_is_told_once_for_all_it_hits)
{
	const struct notify_outage outage = {
	        .source = "app", .address = "http://shop/metrics", .since = {T0}, .releases = 20};
	struct world w;

	configure(everything);
	world_init(&w, MIGRATION_NONE, "1.3.0");
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	ask(&w, &(struct event){.kind = EVENT_NO_EVIDENCE, .gate = "errors"});
	{
		struct notify_moment m = {
		        .next = w.r, .decision = &w.out.decision, .policy = w.bound};

		compose_with(&m, &outage);
	}
	ck_assert_str_eq(names(), "notification.release.held");
	ck_assert_str_eq(result.messages[0].dedupe,
	                 "outage:http://shop/metrics:2026-01-01T00:00:00.000Z:chat:"
	                 "notification.release.held");
	ck_assert_ptr_nonnull(
	        strstr(json_string_value(json_object_get(result.messages[0].body, "text")),
	               "20 releases hang on it"));
	world_fini(&w);
}
END_TEST

static bool admit_none(void *ctx, size_t sink, bool is_urgent, int64_t *out_held_back)
{
	(void)ctx;
	(void)sink;
	*out_held_back = 3;
	return is_urgent;
}

START_TEST(what_is_throttled_is_kept_and_the_next_one_says_so)
{
	struct world w;
	struct err err;

	configure(everything);
	world_init(&w, MIGRATION_NONE, "1.3.0");
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	verb(&w, EVENT_ROLLBACK, rita, "because");
	{
		const struct notify_moment m = {
		        .next = w.out.next, .decision = &w.out.decision, .policy = w.bound};
		const struct notify_job job = {
		        .config = &config, .moment = &m, .admit = admit_none};

		ck_assert(notify_compose(&job, &result, &err));
	}
	ck_assert_uint_eq(result.n, 2);
	ck_assert_uint_eq(result.withheld, 1);
	ck_assert_str_eq(result.messages[0].withheld, "throttled"); /* paused */
	ck_assert_ptr_null(result.messages[1].withheld);            /* rollback initiated */
	ck_assert_int_eq(json_integer_value(json_object_get(result.messages[1].body, "held_back")),
	                 3);
	ck_assert_ptr_nonnull(
	        strstr(json_string_value(json_object_get(result.messages[1].body, "text")),
	               "(3 earlier messages were held back)"));
	world_fini(&w);
}
END_TEST

START_TEST(a_bucket_lets_so_many_through_and_counts_the_rest)
{
	const struct notify_throttle throttle = {.messages = 2, .per_ms = 1000};
	struct notify_bucket b = {0};
	int64_t held = -1;

	ck_assert(notify_bucket_take(&b, &throttle, 5000, false, &held) && held == 0);
	ck_assert(notify_bucket_take(&b, &throttle, 5000, false, &held));
	ck_assert(!notify_bucket_take(&b, &throttle, 5100, false, &held));
	ck_assert(!notify_bucket_take(&b, &throttle, 5200, false, &held));
	ck_assert(notify_bucket_take(&b, &throttle, 5300, true, &held) && held == 2);
	ck_assert(!notify_bucket_take(&b, &throttle, 5300, false, &held));
	ck_assert(notify_bucket_take(&b, &throttle, 5500, false, &held) && held == 1);
	ck_assert(!notify_bucket_take(&b, &throttle, 5600, false, &held));
	ck_assert(notify_bucket_take(&b, &throttle, 99000, false, &held));
	ck_assert(notify_bucket_take(&b, &throttle, 99000, false, &held));
	ck_assert(!notify_bucket_take(&b, &throttle, 99000, false, &held));
	notify_bucket_put_back(&b, &throttle, false, 0); /* none of that was committed */
	notify_bucket_put_back(&b, &throttle, true, 1);
	ck_assert(notify_bucket_take(&b, &throttle, 99000, false, &held) && held == 1);
}
END_TEST

START_TEST(mistakes_are_found_before_anything_is_told)
{
	/* clang-format off */
	static const struct { const char *why, *yaml, *problem; } rows[] = {
		{ "no such milestone", "{events: {pausd: [x]}}", "did you mean \"paused\"" },
		{ "no such placeholder in a name", "{events: {wave: [\"wave${event.wav}\"]}}", "did you mean ${event.wave}" },
		{ "a star in a name", "{events: {wave: [\"wave*\"]}}", "no \"*\"" },
		{ "no such sink", "{routes: [{sinks: [chat]}]}", "no such sink" },
		{ "an event nobody tells", "{sinks: {s: {to: x}}, routes: [{events: [scheduler.relase.*], sinks: [s]}]}", "fits no event" },
		{ "a severity", "{sinks: {s: {to: x}}, routes: [{severity: fatal, sinks: [s]}]}", "critical" },
		{ "a route to nowhere", "{routes: [{sinks: []}]}", "one sink at least" },
		{ "no such placeholder in a body", "{sinks: {s: {to: x, body: {a: [\"${servce}\"]}}}}", "did you mean ${service}" },
		{ "never closed", "{sinks: {s: {to: x, path: \"/${service\"}}}", "without \"}\"" },
		{ "a secret that would be shown", "{sinks: {s: {to: x, headers: {authorization: hush}}}}", "bearer_file" },
		{ "a method without body", "{sinks: {s: {to: x, method: GET}}}", "POST, PUT or PATCH" },
		{ "a path that climbs", "{sinks: {s: {to: x, path: \"/../${service}\"}}}", "\"..\"" },
		{ "no address", "{sinks: {s: {to: x, recipients: [ann]}}}", "not an address" },
		{ "a label", "{sinks: {s: {to: x, labels: {1a: b}}}}", "no digit first" },
		{ "no throttle", "{throttle: {messages: 0}}", "messages" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct problems problems;
		struct buf text;

		problems_init(&problems);
		buf_init(&text, 65536);
		ck_assert_msg(!read_config(rows[i].yaml, &problems), "%s", rows[i].why);
		field_free(&notify_table, &config);
		problems_print(&problems, &text);
		ck_assert_msg(strstr(buf_str(&text).p, rows[i].problem) != NULL, "%s: %s",
		              rows[i].why, buf_str(&text).p);
		ck_assert(problems.list[0].line > 0);
		buf_fini(&text);
		problems_fini(&problems);
	}
}
END_TEST

START_TEST(the_keys_of_a_sink_fit_its_destination)
{
	const char *key = NULL;
	struct err err;

	configure("sinks: {a: {to: x, body: {}}, b: {to: x, recipients: [a@b]}, c: {to: x}}");
	ck_assert(notify_sink_check(&config.sinks[0], &key, &err));
	ck_assert(!notify_sink_check(&config.sinks[1], &key, &err));
	ck_assert_str_eq(key, "recipients");
	config.sinks[0].kind = NOTIFY_ALERT;
	ck_assert(!notify_sink_check(&config.sinks[0], &key, &err));
	ck_assert_str_eq(key, "body");
	config.sinks[1].kind = config.sinks[2].kind = NOTIFY_MAIL;
	ck_assert(notify_sink_check(&config.sinks[1], &key, &err));
	ck_assert(!notify_sink_check(&config.sinks[2], &key, &err));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("notify");
	TCase *tcase = tcase_create("notify");

	tcase_add_checked_fixture(tcase, NULL, tear_down);
	tcase_add_test(tcase, each_milestone_is_told_under_its_names);
	tcase_add_test(tcase, a_real_rollback_says_who_why_and_where);
	tcase_add_test(tcase, each_level_is_called_and_each_that_was_is_called_off_once);
	tcase_add_test(tcase, names_are_what_the_configuration_says);
	tcase_add_test(tcase, patterns_take_any_characters_for_a_star);
	tcase_add_test(tcase, routes_pick_by_event_service_environment_severity_and_role);
	tcase_add_test(tcase, whether_people_would_hear_is_known_at_the_start);
	tcase_add_test(tcase, one_sink_gets_one_event_once);
	tcase_add_test(tcase, templates_are_filled_and_never_stop_anything);
	tcase_add_test(tcase, a_rollback_with_a_long_reason_reaches_people);
	tcase_add_test(tcase, a_mail_has_recipients_one_line_of_subject_and_a_text);
	tcase_add_test(tcase, an_alert_ends_under_the_labels_it_began_with);
	tcase_add_test(tcase, an_outage_is_told_once_for_all_it_hits);
	tcase_add_test(tcase, what_is_throttled_is_kept_and_the_next_one_says_so);
	tcase_add_test(tcase, a_bucket_lets_so_many_through_and_counts_the_rest);
	tcase_add_test(tcase, mistakes_are_found_before_anything_is_told);
	tcase_add_test(tcase, the_keys_of_a_sink_fit_its_destination);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
