/*
 * kpi: what a few scraped pages say about one expression, and why there is no value when there is
 * none.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "gate/kpi.h"

#define EVERY_MS 15000
#define T0 1700000000000
#define TARGETS_MAX 4

/* A source whose targets are scraped by hand. Seconds count from T0. */
struct bench {
	struct target *targets[TARGETS_MAX];
	const struct target *borrowed[TARGETS_MAX];
	struct kpi_source source;
	struct kpi kpi;
	struct arena arena;
	struct kpi_reading reading;
};

static void bench_init_as(struct bench *b, size_t ntargets, bool honor_labels)
{
	memset(b, 0, sizeof(*b));
	for (size_t i = 0; i < ntargets; i++) {
		const char *names[] = {"a:1", "b:1", "c:1", "d:1"};
		struct label instance = {STR("instance"), str_of(names[i])};
		struct target_options options = {.labels = &instance,
		                                 .nlabels = 1,
		                                 .honor_labels = honor_labels,
		                                 .honor_timestamps = true,
		                                 .retention_ms = 3600 * 1000,
		                                 .max_series = 1000,
		                                 .seed = 1};
		struct err err;

		b->targets[i] = target_new(&options, &err);
		ck_assert_ptr_nonnull(b->targets[i]);
		b->borrowed[i] = b->targets[i];
	}
	b->source = (struct kpi_source){
	        .every_ms = EVERY_MS, .quorum = 1, .targets = b->borrowed, .ntargets = ntargets};
	b->kpi.source = text_dup("app");
	arena_init(&b->arena, 1 << 20);
}

static void bench_init(struct bench *b, size_t ntargets)
{
	bench_init_as(b, ntargets, false);
}

static void bench_fini(struct bench *b)
{
	for (size_t i = 0; i < TARGETS_MAX; i++)
		target_free(&b->targets[i]);
	promql_free(&b->kpi.parsed);
	free(b->kpi.source);
	arena_fini(&b->arena);
}

/* A page of one sample; a second one when `other` is not NULL. */
static void page_of(struct bench *b, size_t target, double at_s, const char *name, double value,
                    const char *other, double other_value)
{
	struct target *t = b->targets[target];
	int64_t at_ms = T0 + (int64_t)(at_s * 1000);
	struct err err;

	ck_assert(target_page_begin(t, at_ms, &err));
	ck_assert(target_page_add(t, str_of(name), NULL, 0, value, false, 0, false, &err));
	if (other)
		ck_assert(target_page_add(t, str_of(other), NULL, 0, other_value, false, 0, false,
		                          &err));
	ck_assert(target_page_commit(t, other ? 2 : 1, &err));
}

static void page(struct bench *b, size_t target, double at_s, const char *name, double value)
{
	page_of(b, target, at_s, name, value, NULL, 0);
}

static const struct kpi_reading *ask(struct bench *b, const char *expr, int64_t at_s,
                                     int64_t exposed_s)
{
	struct promql_position at;
	struct err err;

	promql_free(&b->kpi.parsed);
	b->kpi.parsed = promql_parse(str_of(expr), &at, &err);
	ck_assert_msg(b->kpi.parsed != NULL, "%s: %s", expr, err.text);
	arena_clear(&b->arena);
	kpi_read(&b->kpi, &b->source, 0, (struct wall){T0 + at_s * 1000},
	         (struct wall){exposed_s < 0 ? 0 : T0 + exposed_s * 1000}, &b->arena, &b->reading);
	return &b->reading;
}

static void expect(const struct kpi_reading *r, enum gate_result result, const char *why)
{
	ck_assert_msg(r->result == result && strcmp(r->why, why) == 0, "result %d: %s",
	              (int)r->result, r->why);
}

START_TEST(what_two_gateways_both_tell_is_not_counted_twice)
{
	struct label pushed = {STR("instance"), STR("batch")};
	struct bench b;
	struct err err;

	bench_init_as(&b, 2, true);
	for (size_t i = 0; i < 2; i++) {
		struct target *t = b.targets[i];

		ck_assert(target_page_begin(t, T0, &err));
		ck_assert(target_page_add(t, STR("jobs_done"), &pushed, 1, 60, false, 0, false,
		                          &err));
		ck_assert(target_page_add(t, STR("own"), NULL, 0, 1 + (double)i, false, 0, false,
		                          &err));
		ck_assert(target_page_commit(t, 2, &err));
	}
	expect(ask(&b, "sum(jobs_done)", 10, -1), GATE_ERROR,
	       "more than one target tells of the series jobs_done{instance=\"batch\"}");
	expect(ask(&b, "max_over_time(sum(jobs_done)[1m:1s])", 10, -1), GATE_ERROR,
	       "more than one target tells of the series jobs_done{instance=\"batch\"}");
	expect(ask(&b, "sum(own)", 10, -1), GATE_PASS, "");
	ck_assert_double_eq(b.reading.value, 3);
	bench_fini(&b);
}
END_TEST

START_TEST(a_kpi_is_one_number)
{
	/* clang-format off */
	static const struct {
		const char *expr;
		enum gate_result result;
		double value;
		const char *why;
	} rows[] = {
		{ "sum(up_things)", GATE_PASS, 3, "" },
		{ "up_things{instance=\"a:1\"}", GATE_PASS, 1, "" },
		{ "scalar(sum(up_things))", GATE_PASS, 3, "" },
		{ "up_things", GATE_ERROR, 0, "2 series: wrap in sum() or max()" },
		{ "up_things[1m]", GATE_ERROR, 0, "a matrix: a KPI is one number" },
		{ "\"text\"", GATE_ERROR, 0, "a string: a KPI is one number" },
		{ "up_things{instance=\"z:1\"}", GATE_NO_DATA, 0,
		  "nothing came back: no series of up_things has instance=\"z:1\" (there are a:1, b:1)" },
		{ "sum(up_things) / 0", GATE_ERROR, 0, "the value is +Inf" },
		{ "-sum(up_things) / 0", GATE_ERROR, 0, "the value is -Inf" },
	};
	/* clang-format on */
	struct bench b;

	bench_init(&b, 2);
	page(&b, 0, 0, "up_things", 1);
	page(&b, 1, 0, "up_things", 2);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct kpi_reading *r = ask(&b, rows[i].expr, 10, -1);

		ck_assert_msg(r->result == rows[i].result && strcmp(r->why, rows[i].why) == 0,
		              "%s: %d %s", rows[i].expr, (int)r->result, r->why);
		if (r->result == GATE_PASS)
			ck_assert_double_eq(r->value, rows[i].value);
	}
	bench_fini(&b);
}
END_TEST

START_TEST(nan_is_left_to_the_gate_which_knows_the_events)
{
	struct bench b;

	bench_init(&b, 1);
	page(&b, 0, 0, "requests", 0);
	ck_assert_int_eq(ask(&b, "sum(requests) / sum(requests)", 0, -1)->result, GATE_PASS);
	ck_assert(isnan(b.reading.value));
	bench_fini(&b);
}
END_TEST

static void counters(struct bench *b, int64_t at_s, double one, double two)
{
	struct label version = {STR("version"), STR("1")};
	struct target *t = b->targets[0];
	struct err err;

	ck_assert(target_page_begin(t, T0 + at_s * 1000, &err));
	ck_assert(target_page_add(t, STR("hits_total"), &version, 1, one, false, 0, true, &err));
	version.value = STR("2");
	ck_assert(target_page_add(t, STR("hits_total"), &version, 1, two, false, 0, true, &err));
	ck_assert(target_page_commit(t, 2, &err));
}

START_TEST(a_count_of_nothing_tells_which_counter_stands_still)
{
	struct bench b;

	bench_init(&b, 1);
	b.kpi.unit = KPI_EVENTS;
	for (int64_t i = 0; i < 3; i++)
		counters(&b, i * 15, (double)i, 7);
	ck_assert_str_eq(ask(&b, "sum(increase(hits_total{version=\"2\"}[1m]))", 30, -1)->stuck,
	                 "hits_total{version=\"2\"} has not moved in 30s, other counters have");
	ck_assert_str_eq(ask(&b, "sum(increase(hits_total[1m]))", 30, -1)->stuck, "");
	bench_fini(&b);
	bench_init(&b, 1);
	b.kpi.unit = KPI_EVENTS;
	for (int64_t i = 0; i < 3; i++)
		counters(&b, i * 15, 7, 7);
	ck_assert_str_eq(ask(&b, "sum(increase(hits_total{version=\"2\"}[1m]))", 30, -1)->stuck,
	                 "");
	bench_fini(&b);
}
END_TEST

START_TEST(a_misspelt_name_never_reads_as_zero)
{
	char name[] = "http_request_total", *absent[] = {name};
	struct bench b;

	bench_init(&b, 2);
	page(&b, 0, 0, "http_requests_total", 5);
	page(&b, 1, 0, "other", 5);
	expect(ask(&b, "sum(http_request_total) or vector(0)", 10, -1), GATE_NO_DATA,
	       "metric http_request_total is not on any page of source app; did you mean "
	       "http_requests_total?");
	expect(ask(&b, "absent(http_request_total)", 10, -1), GATE_NO_DATA,
	       "metric http_request_total is not on any page of source app; did you mean "
	       "http_requests_total?");
	expect(ask(&b, "sum(http_requests_total{code=\"500\"}) or vector(0)", 10, -1), GATE_PASS,
	       "");
	ck_assert_double_eq(b.reading.value, 0);
	expect(ask(&b, "sum({__name__=~\"http_requests_.*\"})", 10, -1), GATE_PASS, "");
	b.kpi.may_be_absent = absent;
	b.kpi.nmay_be_absent = 1;
	expect(ask(&b, "sum(http_request_total) or vector(0)", 10, -1), GATE_PASS, "");
	bench_fini(&b);
}
END_TEST

START_TEST(a_name_on_an_old_page_of_a_target_that_went_away_is_not_there)
{
	struct bench b;

	bench_init(&b, 2);
	b.source.quorum = 0.5;
	page(&b, 0, 0, "errors", 5);
	page(&b, 1, 30, "other", 5);
	target_page_abort(b.targets[0], T0 + 30000, "connection refused");
	ck_assert_int_eq(ask(&b, "sum(errors) or vector(0)", 30, -1)->result, GATE_NO_DATA);
	bench_fini(&b);
}
END_TEST

START_TEST(evidence_older_than_two_intervals_is_stale)
{
	struct bench b;

	bench_init(&b, 1);
	page(&b, 0, 0, "lag", 5);
	expect(ask(&b, "lag", 30, -1), GATE_PASS, "");
	expect(ask(&b, "lag", 31, -1), GATE_STALE,
	       "the newest good scrape is 31s old; it should come every 15s");
	bench_fini(&b);
}
END_TEST

START_TEST(a_page_whose_own_timestamps_stand_still_is_stale)
{
	struct bench b;
	struct err err;

	bench_init(&b, 1);
	for (int64_t at = 0; at <= 60; at += 15) {
		ck_assert(target_page_begin(b.targets[0], T0 + at * 1000, &err));
		ck_assert(target_page_add(b.targets[0], STR("lag"), NULL, 0, 5, true, T0, false,
		                          &err));
		ck_assert(target_page_commit(b.targets[0], 1, &err));
	}
	expect(ask(&b, "lag", 60, -1), GATE_STALE,
	       "the newest sample is 1m old; it should come every 15s");
	bench_fini(&b);
}
END_TEST

START_TEST(a_target_whose_own_timestamps_stand_still_does_not_answer)
{
	struct bench b;
	struct err err;

	bench_init(&b, 2);
	for (int64_t at = 0; at <= 60; at += 15) {
		page(&b, 0, (double)at, "lag", 5);
		ck_assert(target_page_begin(b.targets[1], T0 + at * 1000, &err));
		ck_assert(target_page_add(b.targets[1], STR("lag"), NULL, 0, 5, true, T0, false,
		                          &err));
		ck_assert(target_page_add(b.targets[1], STR("other"), NULL, 0, 5, false, 0, false,
		                          &err));
		ck_assert(target_page_commit(b.targets[1], 2, &err));
	}
	expect(ask(&b, "sum(lag)", 30, -1), GATE_PASS, "");
	expect(ask(&b, "sum(lag)", 60, -1), GATE_NO_DATA,
	       "1 of 2 targets answer, the quorum is 2: its newest sample of lag is 1m old");
	expect(ask(&b, "sum(other)", 60, -1), GATE_PASS, "");
	b.source.quorum = 0.5;
	expect(ask(&b, "max(lag)", 60, -1), GATE_PASS, "");
	ck_assert_uint_eq(b.reading.targets_good, 1);
	bench_fini(&b);
}
END_TEST

START_TEST(a_target_that_marks_its_own_series_stale_does_not_answer)
{
	char name[] = "lag", *absent[] = {name};
	struct bench b;
	double marker;
	uint64_t bits = UINT64_C(0x7ff0000000000002);

	memcpy(&marker, &bits, sizeof(marker));
	bench_init(&b, 2);
	page(&b, 0, 0, "lag", 5);
	page(&b, 1, 0, "lag", marker);
	expect(ask(&b, "sum(lag)", 0, -1), GATE_NO_DATA,
	       "1 of 2 targets answer, the quorum is 2: its page has lag without a sample that "
	       "counts");
	b.kpi.may_be_absent = &absent[0];
	b.kpi.nmay_be_absent = 1;
	expect(ask(&b, "sum(lag)", 0, -1), GATE_PASS, "");
	bench_fini(&b);
}
END_TEST

/* The clock was set back: nothing says how old those pages really are. */
START_TEST(a_page_of_the_future_is_an_error)
{
	struct bench b;

	bench_init(&b, 1);
	for (int64_t at = 0; at <= 600; at += 15)
		page(&b, 0, (double)at, "lag", 5);
	expect(ask(&b, "lag", 540, -1), GATE_PASS, "");
	expect(ask(&b, "lag", 530, -1), GATE_ERROR,
	       "the newest good scrape is more than 60 s ahead of now");
	bench_fini(&b);
}
END_TEST

START_TEST(a_source_not_watched_yet_keeps_the_range)
{
	struct bench b;

	bench_init(&b, 1);
	(void)ask(&b, "rate(lag[10m])", 0, -1);
	kpi_read(&b.kpi, NULL, 0, (struct wall){T0}, (struct wall){0}, &b.arena, &b.reading);
	expect(&b.reading, GATE_NO_DATA, "the source is not watched yet");
	ck_assert_int_eq(b.reading.range_ms, 600000);
	bench_fini(&b);
}
END_TEST

START_TEST(an_offset_is_not_staleness)
{
	struct bench b;

	bench_init(&b, 1);
	for (int64_t at = 0; at <= 300; at += 15)
		page(&b, 0, (double)at, "lag", 5);
	expect(ask(&b, "lag offset 4m", 300, -1), GATE_PASS, "");
	expect(ask(&b, "lag - lag offset 4m", 300, -1), GATE_PASS, "");
	bench_fini(&b);
}
END_TEST

/* Its steps are whole minutes, and the last one may lie nearly a minute back. */
START_TEST(the_last_step_of_a_subquery_is_not_staleness)
{
	struct bench b;

	bench_init(&b, 1);
	for (int64_t at = 0; at <= 375; at += 15) {
		page(&b, 0, (double)at, "lag", 5);
		if (at >= 300)
			expect(ask(&b, "max_over_time(lag[2m:])", at, -1), GATE_PASS, "");
	}
	expect(ask(&b, "max_over_time(lag[2m:])", 420, -1), GATE_STALE,
	       "the newest good scrape is 45s old; it should come every 15s");
	ck_assert_int_eq(b.reading.range_ms, 120000);
	bench_fini(&b);
}
END_TEST

START_TEST(a_timestamp_far_ahead_is_an_error)
{
	struct bench b;
	struct err err;

	bench_init(&b, 1);
	ck_assert(target_page_begin(b.targets[0], T0, &err));
	ck_assert(target_page_add(b.targets[0], STR("lag"), NULL, 0, 5, true, T0 + 61000, false,
	                          &err));
	ck_assert(target_page_add(b.targets[0], STR("other"), NULL, 0, 5, false, 0, false, &err));
	ck_assert(target_page_commit(b.targets[0], 2, &err));
	expect(ask(&b, "other", 0, -1), GATE_ERROR, "a sample's timestamp is more than 60 s ahead");
	bench_fini(&b);
}
END_TEST

START_TEST(a_quorum_of_targets_must_answer)
{
	/* clang-format off */
	static const struct {
		const char *why;
		size_t targets, good;
		double quorum;
		bool is_met;
	} rows[] = {
		{ "all of three",                     3, 3, 1, true },
		{ "two of three are not all",         3, 2, 1, false },
		{ "80 % of three are three",          3, 2, 0.8, false },
		{ "two thirds of three are two",      3, 2, 2.0 / 3, true },
		{ "half of three are two",            3, 1, 0.5, false },
		{ "half of four are two",             4, 2, 0.5, true },
		{ "at least one, whatever is asked",  3, 0, 0, false },
		{ "one is enough for nothing asked",  3, 1, 0, true },
		{ "no target is no data",             0, 0, 1, false },
		{ "and no quorum makes it data",      0, 0, 0, false },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b, rows[i].targets);
		b.source.quorum = rows[i].quorum;
		for (size_t t = 0; t < rows[i].targets; t++) {
			page(&b, t, 0, "lag", 5);
			if (t >= rows[i].good)
				target_page_abort(b.targets[t], T0 + 15000, "refused");
			else
				page(&b, t, 15, "lag", 5);
		}
		ask(&b, "max(lag) or vector(0)", 15, -1);
		ck_assert_msg((b.reading.result == GATE_PASS) == rows[i].is_met, "%s: %s",
		              rows[i].why, b.reading.why);
		ck_assert_msg(rows[i].is_met || b.reading.result == GATE_NO_DATA, "%s",
		              rows[i].why);
		ck_assert_uint_eq(b.reading.targets_good, rows[i].good);
		bench_fini(&b);
	}
}
END_TEST

START_TEST(targets_that_are_not_all_known_are_no_quorum)
{
	struct bench b;

	bench_init(&b, 2);
	b.source.quorum = 0.5;
	b.source.unknown = "pods.json: there is no such file";
	page(&b, 0, 0, "lag", 5);
	page(&b, 1, 0, "lag", 5);
	expect(ask(&b, "max(lag)", 0, -1), GATE_NO_DATA,
	       "not all targets of source app are known: pods.json: there is no such file");
	b.source.ntargets = 0;
	expect(ask(&b, "max(lag) or vector(0)", 0, -1), GATE_NO_DATA,
	       "source app has no targets: pods.json: there is no such file");
	bench_fini(&b);
}
END_TEST

START_TEST(a_gate_may_only_raise_the_quorum)
{
	struct bench b;

	bench_init(&b, 2);
	b.source.quorum = 0.5;
	page(&b, 0, 0, "lag", 5);
	ask(&b, "max(lag)", 0, -1);
	ck_assert_int_eq(b.reading.result, GATE_PASS);
	kpi_read(&b.kpi, &b.source, 1, (struct wall){T0}, (struct wall){0}, &b.arena, &b.reading);
	expect(&b.reading, GATE_NO_DATA, "1 of 2 targets answer, the quorum is 2");
	b.source.quorum = 1;
	kpi_read(&b.kpi, &b.source, 0.5, (struct wall){T0}, (struct wall){0}, &b.arena, &b.reading);
	ck_assert_int_eq(b.reading.result, GATE_NO_DATA);
	bench_fini(&b);
}
END_TEST

START_TEST(a_target_that_failed_says_why)
{
	struct bench b;

	bench_init(&b, 2);
	page(&b, 0, 0, "lag", 5);
	target_page_abort(b.targets[1], T0, "connection refused");
	expect(ask(&b, "max(lag)", 0, -1), GATE_NO_DATA,
	       "1 of 2 targets answer, the quorum is 2: connection refused");
	bench_fini(&b);
}
END_TEST

START_TEST(a_target_not_scraped_for_two_intervals_is_not_good)
{
	struct bench b;

	bench_init(&b, 2);
	page(&b, 0, 0, "lag", 5);
	page(&b, 1, 31, "lag", 5);
	ask(&b, "max(lag)", 31, -1);
	ck_assert_int_eq(b.reading.result, GATE_NO_DATA);
	ck_assert_uint_eq(b.reading.targets_good, 1);
	bench_fini(&b);
}
END_TEST

START_TEST(a_value_is_covered_once_a_whole_range_lies_in_the_exposure)
{
	/* clang-format off */
	static const struct {
		const char *why, *expr;
		int64_t at_s, exposed_s;
		bool covered;
		int64_t covered_at_s; /* -1: unknown */
		const char *sentence;
	} rows[] = {
		{ "one minute of exposure to go 40s", "sum(increase(hits[1m]))", 320, 300, false, 360,
		  "needs 40s more of this exposure" },
		{ "a second short", "sum(increase(hits[1m]))", 359, 300, false, 360,
		  "needs 1s more of this exposure" },
		{ "exactly one range", "sum(increase(hits[1m]))", 360, 300, true, -1, "" },
		{ "an offset belongs to the range", "sum(increase(hits[1m] offset 1m))", 360, 300, false, 420,
		  "needs 1m more of this exposure" },
		{ "nothing exposed: sampling is enough", "sum(increase(hits[1m]))", 60, -1, true, -1, "" },
		{ "sampled for half a range", "sum(increase(hits[1m]))", 30, -1, false, 60,
		  "needs 30s more of samples without a gap" },
		{ "a gauge seen inside the exposure", "max(hits)", 300, 300, true, -1, "" },
		{ "a gauge seen just before it", "max(hits)", 302, 301, false, -1,
		  "needs a scrape inside this exposure" },
		{ "an exposure that lies ahead", "max(hits)", 300, 310, false, 310,
		  "needs 10s more of this exposure" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;
		const struct kpi_reading *r;

		bench_init(&b, 1);
		for (int64_t at = 0; at <= rows[i].at_s; at += 15)
			page(&b, 0, (double)at, "hits", (double)at);
		r = ask(&b, rows[i].expr, rows[i].at_s, rows[i].exposed_s);
		ck_assert_msg(r->result == GATE_PASS && r->covered == rows[i].covered, "%s: %s",
		              rows[i].why, r->why);
		ck_assert_msg(strcmp(r->why, rows[i].sentence) == 0, "%s: %s", rows[i].why, r->why);
		ck_assert_msg(
		        r->covered_at.ms ==
		                (rows[i].covered_at_s < 0 ? 0 : T0 + rows[i].covered_at_s * 1000),
		        "%s: covered at", rows[i].why);
		bench_fini(&b);
	}
}
END_TEST

START_TEST(a_missed_scrape_uncovers_its_target_until_a_range_has_passed)
{
	struct bench b;

	bench_init(&b, 2);
	for (int64_t at = 0; at <= 120; at += 15) {
		page(&b, 0, (double)at, "hits", (double)at);
		if (at == 60)
			target_page_abort(b.targets[1], T0 + 60000, "timeout");
		else
			page(&b, 1, (double)at, "hits", (double)at);
	}
	ask(&b, "sum(increase(hits[1m]))", 120, 0);
	ck_assert_int_eq(b.reading.result, GATE_PASS);
	ck_assert(!b.reading.covered);
	ck_assert_uint_eq(b.reading.targets_covered, 1);
	ck_assert_str_eq(b.reading.why, "needs 15s more of samples without a gap");
	b.source.quorum = 0.5;
	ck_assert(ask(&b, "sum(increase(hits[1m]))", 120, 0)->covered);
	bench_fini(&b);
}
END_TEST

START_TEST(the_first_reason_that_applies_is_given)
{
	struct bench b;

	bench_init(&b, 2);
	page(&b, 0, 0, "lag", 5);
	expect(ask(&b, "vector(1) / 0", 100, -1), GATE_ERROR, "the value is +Inf");
	ck_assert_int_eq(ask(&b, "sum(absent_name)", 100, -1)->result, GATE_STALE);
	expect(ask(&b, "sum(absent_name)", 10, -1), GATE_NO_DATA,
	       "1 of 2 targets answer, the quorum is 2");
	bench_fini(&b);
}
END_TEST

START_TEST(an_evaluation_that_fails_is_an_error)
{
	struct bench b;

	bench_init(&b, 1);
	page(&b, 0, 0, "lag", 5);
	ask(&b, "max(lag)", 0, -1);
	arena_fini(&b.arena);
	arena_init(&b.arena, 1);
	kpi_read(&b.kpi, &b.source, 0, (struct wall){T0}, (struct wall){0}, &b.arena, &b.reading);
	ck_assert_int_eq(b.reading.result, GATE_ERROR);
	ck_assert(b.reading.why[0] != '\0');
	promql_free(&b.kpi.parsed);
	kpi_read(&b.kpi, &b.source, 0, (struct wall){T0}, (struct wall){0}, &b.arena, &b.reading);
	ck_assert_int_eq(b.reading.result, GATE_ERROR);
	kpi_read(&b.kpi, NULL, 0, (struct wall){T0}, (struct wall){0}, &b.arena, &b.reading);
	ck_assert_int_eq(b.reading.result, GATE_NO_DATA);
	bench_fini(&b);
}
END_TEST

START_TEST(values_are_written_as_people_read_them)
{
	/* clang-format off */
	static const struct {
		double value;
		enum kpi_unit unit;
		const char *text, *exact;
	} rows[] = {
		{ 0.024, KPI_RATIO, "2.4 %", "2.4 %" },
		{ 0.010000000000000002, KPI_RATIO, "1 %", "1.0000000000000002 %" },
		{ 1, KPI_RATIO, "100 %", "100 %" },
		{ 0.512, KPI_SECONDS, "512 ms", "512 ms" },
		{ 1.25, KPI_SECONDS, "1.25 s", "1.25 s" },
		{ 0, KPI_SECONDS, "0 s", "0 s" },
		{ 1204, KPI_EVENTS, "1,204 events", "1204 events" },
		{ 1234567, KPI_NUMBER, "1,234,567", "1234567" },
		{ -1234567, KPI_NUMBER, "-1,234,567", "-1234567" },
		{ 123456, KPI_NUMBER, "123,456", "123456" },
		{ 1.33333333, KPI_EVENTS, "1.333 events", "1.33333333 events" },
		{ -0.0, KPI_NUMBER, "0", "-0" },
		{ 100, KPI_BYTES, "100 bytes", "100 bytes" },
		{ 1536, KPI_BYTES, "1.5 KiB", "1.5 KiB" },
		{ 3.0 * 1024 * 1024 * 1024 * 1024 * 1024, KPI_BYTES, "3,072 TiB", "3072 TiB" },
		{ 1e300, KPI_NUMBER, "1e+300", "1e+300" },
		{ (double)NAN, KPI_RATIO, "NaN", "NaN" },
		{ (double)INFINITY, KPI_SECONDS, "+Inf", "+Inf" },
		{ -(double)INFINITY, KPI_BYTES, "-Inf", "-Inf" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[64], exact[64];

		kpi_format(rows[i].value, rows[i].unit, text, sizeof(text));
		kpi_format_exact(rows[i].value, rows[i].unit, exact, sizeof(exact));
		ck_assert_str_eq(text, rows[i].text);
		ck_assert_str_eq(exact, rows[i].exact);
	}
}
END_TEST

START_TEST(a_short_buffer_cuts_and_does_not_overflow)
{
	char text[4];

	kpi_format(1234567, KPI_EVENTS, text, sizeof(text));
	ck_assert_uint_lt(strlen(text), sizeof(text));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kpi");
	TCase *tcase = tcase_create("kpi");

	tcase_add_test(tcase, a_count_of_nothing_tells_which_counter_stands_still);
	tcase_add_test(tcase, a_kpi_is_one_number);
	tcase_add_test(tcase, what_two_gateways_both_tell_is_not_counted_twice);
	tcase_add_test(tcase, nan_is_left_to_the_gate_which_knows_the_events);
	tcase_add_test(tcase, a_misspelt_name_never_reads_as_zero);
	tcase_add_test(tcase, a_name_on_an_old_page_of_a_target_that_went_away_is_not_there);
	tcase_add_test(tcase, evidence_older_than_two_intervals_is_stale);
	tcase_add_test(tcase, a_page_whose_own_timestamps_stand_still_is_stale);
	tcase_add_test(tcase, a_target_whose_own_timestamps_stand_still_does_not_answer);
	tcase_add_test(tcase, a_target_that_marks_its_own_series_stale_does_not_answer);
	tcase_add_test(tcase, a_page_of_the_future_is_an_error);
	tcase_add_test(tcase, a_source_not_watched_yet_keeps_the_range);
	tcase_add_test(tcase, an_offset_is_not_staleness);
	tcase_add_test(tcase, the_last_step_of_a_subquery_is_not_staleness);
	tcase_add_test(tcase, a_timestamp_far_ahead_is_an_error);
	tcase_add_test(tcase, a_quorum_of_targets_must_answer);
	tcase_add_test(tcase, targets_that_are_not_all_known_are_no_quorum);
	tcase_add_test(tcase, a_gate_may_only_raise_the_quorum);
	tcase_add_test(tcase, a_target_that_failed_says_why);
	tcase_add_test(tcase, a_target_not_scraped_for_two_intervals_is_not_good);
	tcase_add_test(tcase, a_value_is_covered_once_a_whole_range_lies_in_the_exposure);
	tcase_add_test(tcase, a_missed_scrape_uncovers_its_target_until_a_range_has_passed);
	tcase_add_test(tcase, the_first_reason_that_applies_is_given);
	tcase_add_test(tcase, an_evaluation_that_fails_is_an_error);
	tcase_add_test(tcase, values_are_written_as_people_read_them);
	tcase_add_test(tcase, a_short_buffer_cuts_and_does_not_overflow);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
