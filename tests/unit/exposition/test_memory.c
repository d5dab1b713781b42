/* A page read along the memory of the one before gives what it gives without: samples, errors and
 * their places, whatever changed in between and wherever it is cut. */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/units.h"
#include "exposition/memory.h"

#define PLACES 400
#define TEXT_MAX 160
#define PAGE_MAX 200000

/* Who reads: with a memory it knows what stood at a place, as a target knows its series. */
struct reader {
	struct exposition_memory *memory; /* NULL: none */
	char known[PLACES][TEXT_MAX], fresh[PLACES][TEXT_MAX];
	size_t nknown, nfresh;
	struct buf samples; /* all that was handed out, as text */
	unsigned wanted;    /* one name in so many */
	bool refuses;       /* a sample of value 666 */
	size_t nasked;      /* names */
	bool ok, repeated;
	size_t count;
	enum exposition_trouble trouble;
	struct err err;
};

static uint32_t state = 1;

static uint32_t roll(uint32_t sides)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % sides;
}

static bool on_wanted(void *ctx, struct str name)
{
	struct reader *r = ctx;

	r->nasked++;
	return str_hash(name, 3) % r->wanted == 0;
}

static bool knows(void *ctx, size_t place)
{
	const struct reader *r = ctx;

	return place <= r->nknown && place % 5 != 0;
}

static bool on_sample(void *ctx, const struct exposition_sample *s, struct err *err)
{
	struct reader *r = ctx;
	char value[UNITS_TEXT_MAX], series[TEXT_MAX];
	int n = snprintf(series, sizeof(series), "%.*s", (int)s->name.n, s->name.p);

	ck_assert(!s->is_known || (r->memory != NULL && s->nlabels == 0));
	for (size_t i = 0; i < s->nlabels; i++)
		n += snprintf(series + n, sizeof(series) - (size_t)n, " %.*s=%.*s",
		              (int)s->labels[i].name.n, s->labels[i].name.p,
		              (int)s->labels[i].value.n, s->labels[i].value.p);
	if (s->is_known)
		snprintf(series, sizeof(series), "%s", r->known[s->place - 1]);
	if (s->place > 0) {
		ck_assert_uint_le(s->place, PLACES);
		memcpy(r->fresh[s->place - 1], series, sizeof(series));
		r->nfresh = s->place;
	}
	number_format(s->value, value);
	buf_printf(&r->samples, "%s %s %lld %d %d\n", series, value,
	           s->has_timestamp ? (long long)s->timestamp_ms : -1LL, (int)s->type,
	           s->is_cumulative);
	if (r->refuses && s->value > 665.5 && s->value < 666.5)
		return err_set(err, ERR_LIMIT, "refused");
	return true;
}

static void read_page(struct reader *r, struct str page, enum exposition_format format,
                      const struct exposition_limits *limits, bool is_whole)
{
	struct exposition *e =
	        exposition_new(limits, on_sample, r->wanted > 0 ? on_wanted : NULL, r, &r->err);
	uint32_t most = roll(3) == 0 ? 8 : roll(2) == 0 ? 300 : 100000;

	ck_assert_ptr_nonnull(e);
	buf_clear(&r->samples);
	r->nfresh = r->nasked = 0;
	exposition_expect(e, format, is_whole);
	if (r->memory != NULL)
		exposition_recall(e, r->memory, knows);
	r->ok = true;
	for (size_t at = 0, n; r->ok && at < page.n; at += n) {
		char *piece;

		n = 1 + roll(most);
		n = n < page.n - at ? n : page.n - at;
		piece = malloc(n); /* what is kept must have been copied */
		memcpy(piece, page.p + at, n);
		r->ok = exposition_feed(e, piece, n, &r->err);
		free(piece);
	}
	r->ok = r->ok && exposition_finish(e, &r->err);
	r->repeated = r->ok && exposition_is_repeated(e);
	r->trouble = exposition_trouble(e);
	r->count = r->ok ? exposition_samples(e) : 0;
	exposition_free(&e);
	if (r->memory == NULL)
		return;
	ck_assert(!r->repeated || r->nasked == 0);
	if (!r->ok)
		exposition_memory_forget(r->memory);
	r->nknown = r->ok ? r->nfresh : 0;
	memcpy(r->known, r->fresh, sizeof(r->known));
}

static void expect_same(const struct reader *with, const struct reader *without, struct str page)
{
	bool same = with->ok == without->ok && with->trouble == without->trouble &&
	            str_eq(buf_str(&with->samples), buf_str(&without->samples)) &&
	            (with->ok ? with->count == without->count
	                      : strcmp(with->err.text, without->err.text) == 0);

	ck_assert_msg(same, "with: %s\n%.*s\nwithout: %s\n%.*s\npage:\n%.*s",
	              with->ok ? "good" : with->err.text, (int)with->samples.n, with->samples.bytes,
	              without->ok ? "good" : without->err.text, (int)without->samples.n,
	              without->samples.bytes, (int)page.n, page.p);
}

static void reader_init(struct reader *r, unsigned wanted, struct exposition_memory *memory)
{
	*r = (struct reader){.wanted = wanted, .memory = memory};
	buf_init(&r->samples, PAGE_MAX);
}

/* --- pages --- */

struct look {
	enum exposition_format format;
	unsigned families, series;
	bool has_histograms, has_times, is_odd;
};

static double value_of(unsigned version, unsigned i)
{
	return version * 7 + i % 11;
}

static void add_histogram(struct buf *page, const struct look *look, unsigned f, unsigned version)
{
	static const char *const bounds[] = {"0.1", "1.0", "+Inf"};
	bool metrics = look->format == EXPOSITION_OPENMETRICS;

	for (unsigned i = 0; i < look->series % 4 + 1; i++) {
		for (unsigned b = 0; b < ARRAY_LEN(bounds); b++)
			buf_printf(page, "h%u_bucket{i=\"%u\",le=\"%s\"} %u\n", f, i, bounds[b],
			           version * (b + 1));
		buf_printf(page, "h%u_count{i=\"%u\"} %u\nh%u_sum{i=\"%u\"} %u.5\n", f, i,
		           version * 3, f, i, version);
	}
	if (metrics)
		return;
	buf_printf(page, "# TYPE s%u summary\ns%u{quantile=\"0.50\"} %u\ns%u_sum %u\ns%u_count 3\n",
	           f, f, version, f, version, f);
}

static void add_family(struct buf *page, const struct look *look, unsigned f, unsigned version)
{
	bool metrics = look->format == EXPOSITION_OPENMETRICS;

	if (look->has_histograms && f % 3 == 1) {
		buf_printf(page, "# TYPE h%u histogram\n", f);
		add_histogram(page, look, f, version);
		return;
	}
	if (f % 4 != 3)
		buf_printf(page, "# HELP c%u%s It is \\\"said\\\".\n# TYPE c%u%s %s\n", f,
		           metrics ? "" : "_total", f, metrics ? "" : "_total",
		           f % 2 ? "gauge" : "counter");
	for (unsigned i = 0; i < look->series; i++) {
		const char *end = metrics && (f % 2 || f % 4 == 3) ? "" : "_total";

		if (look->is_odd && f == 2)
			buf_printf(page, "{\"c%u%s\",i=\"%u\",d=\"x\\ny\"} ", f, end, i);
		else if (f % 5 == 4 && i == 0)
			buf_printf(page, "c%u%s ", f, end);
		else
			buf_printf(page, "c%u%s{i=\"%u\",d=\"a } b # c\"} ", f, end, i);
		buf_printf(page, "%.17g%s\n", value_of(version, i),
		           look->has_times && i % 3 == 0 ? metrics ? " 12.5" : " 12500" : "");
	}
}

static void make_page(struct buf *page, const struct look *look, unsigned version)
{
	buf_clear(page);
	for (unsigned f = 0; f < look->families; f++)
		add_family(page, look, f, version);
	buf_add_text(page, look->format == EXPOSITION_OPENMETRICS ? "# EOF\n" : "");
}

/* Something somewhere is not as it should be, or just other. */
static void spoil(struct buf *page)
{
	static const char bytes[] = "\n {}\"\\#,=0-9e+.Nax\xff\t";
	size_t at = page->n > 0 ? roll((uint32_t)page->n) : 0, n;

	if (page->n == 0)
		return;
	switch (roll(5)) {
	case 0:
		page->n = at;
		return;
	case 1:
		n = roll(40);
		n = n < page->n - at ? n : page->n - at;
		memmove(page->bytes + at, page->bytes + at + n, page->n - at - n);
		page->n -= n;
		return;
	case 2:
		buf_add_text(page, roll(2) ? "c0_total 1\n" : "c0_total-5\nc0_total.5\n");
		return;
	default:
		page->bytes[at] = bytes[roll(sizeof(bytes) - 1)];
	}
}

static unsigned run_target(enum exposition_format format, struct exposition_shapes *shapes)
{
	struct look look = {.format = format,
	                    .families = roll(9),
	                    .series = 1 + roll(6),
	                    .has_histograms = roll(2),
	                    .has_times = roll(4) == 0,
	                    .is_odd = roll(3) == 0};
	struct exposition_limits small = {.max_bytes = 300 + roll(3000),
	                                  .max_samples = 5 + roll(40),
	                                  .max_line_bytes = 30 + roll(60)};
	const struct exposition_limits *limits = roll(4) == 0 ? &small : NULL;
	static struct reader with, without;
	unsigned wanted = roll(4), repeated = 0;
	bool is_whole = roll(2);
	struct buf page;

	buf_init(&page, PAGE_MAX);
	reader_init(&with, wanted, exposition_memory_new(shapes));
	reader_init(&without, wanted, NULL);
	with.refuses = without.refuses = true;
	for (unsigned version = 0; version < 12; version++) {
		if (roll(6) == 0)
			look.series = 1 + roll(6);
		make_page(&page, &look, version);
		if (roll(4) == 0)
			spoil(&page);
		if (roll(10) == 0) { /* others are wanted from now on */
			with.wanted = without.wanted = roll(4);
			exposition_memory_forget(with.memory);
		}
		read_page(&with, buf_str(&page), format, limits, is_whole);
		read_page(&without, buf_str(&page), format, limits, is_whole);
		expect_same(&with, &without, buf_str(&page));
		repeated += with.repeated;
	}
	exposition_memory_free(&with.memory);
	buf_fini(&with.samples);
	buf_fini(&without.samples);
	buf_fini(&page);
	return repeated;
}

START_TEST(a_memory_changes_nothing_but_the_time_it_takes)
{
	struct exposition_shapes *shapes = exposition_shapes_new();
	unsigned repeated = 0;

	for (unsigned i = 0; i < 1000; i++) {
		state = i * 2654435761u + 1;
		repeated += run_target(_i == 0 ? EXPOSITION_PROMETHEUS : EXPOSITION_OPENMETRICS,
		                       roll(2) ? shapes : NULL);
	}
	ck_assert_uint_gt(repeated, 1000);
	exposition_shapes_free(&shapes);
}
END_TEST

/* --- by hand --- */

START_TEST(what_all_targets_remember_is_bounded)
{
	enum { TARGETS = 80 };
	static struct reader readers[TARGETS];
	struct exposition_shapes *shapes = exposition_shapes_new();
	size_t remembered = 0;
	struct buf page;

	buf_init(&page, MEMORY_TEXT_MAX + 1000);
	for (unsigned i = 0; i < TARGETS; i++) {
		buf_clear(&page);
		buf_printf(&page, "# %u\n", i);
		while (page.n + 1000 < MEMORY_TEXT_MAX)
			buf_printf(&page, "# %0990d\n", 0);
		buf_add_text(&page, "a 1\n");
		reader_init(&readers[i], 0, exposition_memory_new(shapes));
		for (int again = 0; again < 2; again++)
			read_page(&readers[i], buf_str(&page), EXPOSITION_PROMETHEUS, NULL, true);
		ck_assert(readers[i].ok);
		remembered += readers[i].repeated;
	}
	ck_assert_uint_gt(remembered, 50);
	ck_assert_uint_le(remembered, MEMORY_TOTAL_MAX / (MEMORY_TEXT_MAX - 2000));
	for (unsigned i = 0; i < TARGETS; i++) {
		exposition_memory_free(&readers[i].memory);
		buf_fini(&readers[i].samples);
	}
	exposition_shapes_free(&shapes);
	buf_fini(&page);
}
END_TEST

static bool take_any(void *ctx, const struct exposition_sample *s, struct err *err)
{
	(void)ctx;
	(void)s;
	(void)err;
	return true;
}

/* Twice; whether the second time was along the first. */
static bool is_remembered(struct exposition_memory *memory, struct str page)
{
	bool repeated = false;
	struct err err;

	for (int again = 0; again < 2; again++) {
		struct exposition *e = exposition_new(NULL, take_any, NULL, NULL, &err);

		exposition_recall(e, memory, NULL);
		ck_assert(exposition_feed(e, page.p, page.n, &err) && exposition_finish(e, &err));
		repeated = exposition_is_repeated(e);
		exposition_free(&e);
	}
	return repeated;
}

START_TEST(targets_that_are_gone_make_room_for_those_that_are_there)
{
	enum { TARGETS = 60, LINES = 16000 };
	struct exposition_shapes *shapes = exposition_shapes_new();
	unsigned forgotten = 0;
	struct buf page;

	buf_init(&page, MEMORY_TEXT_MAX);
	for (unsigned i = 0; i < TARGETS; i++) {
		struct exposition_memory *memory = exposition_memory_new(shapes);

		buf_clear(&page);
		for (unsigned line = 0; line < LINES; line++)
			buf_printf(&page, "requests_%02u{path=\"%05u\"} 1\n", i, line);
		forgotten += !is_remembered(memory, buf_str(&page));
		exposition_memory_free(&memory);
	}
	ck_assert_uint_eq(forgotten, 0);
	exposition_shapes_free(&shapes);
	buf_fini(&page);
}
END_TEST

static void expect_read(struct reader *r, const char *page, enum exposition_format format,
                        bool repeated, const char *error)
{
	read_page(r, str_of(page), format, NULL, true);
	ck_assert_msg(r->ok == (error == NULL), "%s: %s", page, r->ok ? "good" : r->err.text);
	if (error != NULL)
		ck_assert_str_eq(r->err.text, error);
	ck_assert_msg(r->repeated == repeated, "%s: %srepeated", page, repeated ? "not " : "");
}

START_TEST(what_was_broken_does_not_pass_because_it_was_good_before)
{
#define HISTOGRAM(one, inf, count)                                                                 \
	"# TYPE h histogram\nh_bucket{le=\"1.0\"} " one "\nh_bucket{le=\"+Inf\"} " inf             \
	"\nh_count " count "\nh_sum 1\n"
#define PAGE(one, inf, count) HISTOGRAM(one, inf, count) "# TYPE g gauge\ng 1\n# EOF\n"
	/* clang-format off */
	static const struct { const char *page; bool repeated; const char *error; } rows[] = {
		{ PAGE("1", "2", "2"), false, NULL },
		{ PAGE("3", "4", "4"), true, NULL },
		{ PAGE("5", "4", "4"), false, "line 3, column 1: buckets are cumulative: this one must not be smaller than the one before" },
		{ PAGE("1", "2", "2"), false, NULL },
		{ PAGE("1", "2", "3"), false, "line 5, column 1: the histogram ends here with a count other than its bucket le=\"+Inf\"" },
		{ PAGE("1", "2", "2"), false, NULL },
		{ PAGE("1", "2", "NaN"), false, "line 4, column 9: the value of \"h_count\", of type histogram, must not be NaN" },
		{ PAGE("1", "2", "2"), false, NULL },
		{ PAGE("7", "9", "9"), true, NULL },
		{ HISTOGRAM("1", "2", "2") "# TYPE g gauge\ng 1\n", false, "line 8, column 1: the page does not end with \"# EOF\": it may have been cut" },
	};
	/* clang-format on */
	struct reader r;

	reader_init(&r, 0, exposition_memory_new(NULL));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect_read(&r, rows[i].page, EXPOSITION_OPENMETRICS, rows[i].repeated,
		            rows[i].error);
	exposition_memory_free(&r.memory);
	buf_fini(&r.samples);
}
END_TEST

START_TEST(a_longer_name_is_another_one)
{
	struct reader r;

	reader_init(&r, 0, exposition_memory_new(NULL));
	r.refuses = true;
	expect_read(&r, "foo  1\n", EXPOSITION_PROMETHEUS, false, NULL);
	expect_read(&r, "foo   666\n", EXPOSITION_PROMETHEUS, false, "line 1, column 1: refused");
	expect_read(&r, "foo 1\nbar{a=\"b\"} 2\n", EXPOSITION_PROMETHEUS, false, NULL);
	expect_read(&r, "foo 2\nbar{a=\"b\"} 3\n", EXPOSITION_PROMETHEUS, true, NULL);
	expect_read(&r, "foo5 1\nbar{a=\"b\"} 3\n", EXPOSITION_PROMETHEUS, false, NULL);
	ck_assert_str_eq(r.fresh[0], "foo5");
	expect_read(&r, "foo5 1\nbar{a=\"b\"}7 3\n", EXPOSITION_PROMETHEUS, false, NULL);
	expect_read(&r, "foo5 1\nbar{a=\"b\"}8 4\n", EXPOSITION_PROMETHEUS, true, NULL);
	expect_read(&r, "foo5 x\nbar{a=\"b\"}8 4\n", EXPOSITION_PROMETHEUS, false,
	            "line 1, column 6: \"x\" is not a number: write it like 10, 0.25 or 1e6");
	exposition_memory_free(&r.memory);
	buf_fini(&r.samples);
}
END_TEST

START_TEST(a_bound_before_all_types_is_not_rewritten_because_a_histogram_followed)
{
#define LOOK(value)                                                                                \
	"early{le=\"1\"} 1\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\n"                            \
	"h_bucket{le=\"+Inf\"} 1\n" value " 1\n"
	struct reader r;

	reader_init(&r, 0, exposition_memory_new(NULL));
	expect_read(&r, LOOK("last"), EXPOSITION_PROMETHEUS, false, NULL);
	expect_read(&r, LOOK("other"), EXPOSITION_PROMETHEUS, false, NULL);
	r.nknown = 0; /* its series are gone: labels are asked for */
	expect_read(&r, LOOK("other"), EXPOSITION_PROMETHEUS, true, NULL);
	ck_assert_str_eq(r.fresh[0], "early le=1");
	ck_assert_str_eq(r.fresh[1], "h_bucket le=1.0");
	exposition_memory_free(&r.memory);
	buf_fini(&r.samples);
}
END_TEST

START_TEST(a_target_that_changed_for_a_while_is_read_along_again)
{
	char page[64];
	struct reader r;

	reader_init(&r, 0, exposition_memory_new(NULL));
	for (int i = 0; i < 6; i++) { /* series come while it starts */
		snprintf(page, sizeof(page), "a%d 1\n", i);
		expect_read(&r, page, EXPOSITION_PROMETHEUS, false, NULL);
	}
	expect_read(
	        &r, "a 1 cut", EXPOSITION_PROMETHEUS, false,
	        "line 1, column 5: expected a timestamp in whole milliseconds or the end of the "
	        "line, found \"c\"");
	for (int i = 0; i < 20; i++)
		read_page(&r, STR("a 1\n"), EXPOSITION_PROMETHEUS, NULL, true);
	ck_assert(r.repeated);
	exposition_memory_free(&r.memory);
	buf_fini(&r.samples);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("memory");
	TCase *t = tcase_create("memory");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, a_memory_changes_nothing_but_the_time_it_takes, 0, 2);
	tcase_add_test(t, what_was_broken_does_not_pass_because_it_was_good_before);
	tcase_add_test(t, a_longer_name_is_another_one);
	tcase_add_test(t, a_bound_before_all_types_is_not_rewritten_because_a_histogram_followed);
	tcase_add_test(t, a_target_that_changed_for_a_while_is_read_along_again);
	tcase_add_test(t, what_all_targets_remember_is_bounded);
	tcase_add_test(t, targets_that_are_gone_make_room_for_those_that_are_there);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
