/* Two targets read the same pages, one along a memory of the page before: they end up with the same
 * series, names and health, whatever came and went. */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "exposition/memory.h"
#include "series/target.h"

#define TEXT_MAX ((size_t)1 << 20)

struct twin {
	struct target *target;
	struct exposition_memory *memory; /* NULL: none */
	unsigned wanted;                  /* one name in so many */
	unsigned repeated;                /* pages */
};

static uint32_t state;

static uint32_t roll(uint32_t sides)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % sides;
}

static bool on_wanted(void *ctx, struct str name)
{
	struct twin *twin = ctx;
	struct err err;

	if (str_hash(name, 3) % twin->wanted == 0)
		return true;
	ck_assert(target_page_name(twin->target, name, &err));
	return false;
}

static bool is_known(void *ctx, size_t place)
{
	return target_page_knows(((struct twin *)ctx)->target, place);
}

static bool on_sample(void *ctx, const struct exposition_sample *s, struct err *err)
{
	struct target *t = ((struct twin *)ctx)->target;

	if (s->is_known)
		return target_page_repeat(t, s->place, s->value, s->has_timestamp, s->timestamp_ms,
		                          s->is_cumulative, err);
	if (!target_page_add(t, s->name, s->labels, s->nlabels, s->value, s->has_timestamp,
	                     s->timestamp_ms, s->is_cumulative, err))
		return false;
	target_page_place(t, s->place);
	return true;
}

/* `fails_late`: after the page was read to its end. */
static void scrape(struct twin *twin, struct str page, int64_t at_ms, bool fails_late)
{
	struct err err = {0};
	struct exposition *e = exposition_new(NULL, on_sample, on_wanted, twin, &err);
	bool ok = target_page_begin(twin->target, at_ms, &err);

	ck_assert_ptr_nonnull(e);
	exposition_expect(e, EXPOSITION_PROMETHEUS, true);
	if (twin->memory != NULL)
		exposition_recall(e, twin->memory, is_known);
	ok = ok && exposition_feed(e, page.p, page.n, &err) && exposition_finish(e, &err);
	if (ok && exposition_is_repeated(e)) {
		target_page_same(twin->target);
		twin->repeated++;
	}
	ok = ok && !fails_late && target_page_commit(twin->target, exposition_samples(e), &err);
	if (!ok && twin->memory != NULL)
		exposition_memory_forget(twin->memory);
	if (!ok)
		target_page_abort(twin->target, at_ms, err.text);
	exposition_free(&e);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines in order: a set has none of its own. */
static void sort_lines(struct buf *text)
{
	static char *lines[20000], copy[TEXT_MAX];
	char *line, *rest = NULL;
	size_t n = 0;

	ck_assert_uint_lt(text->n, TEXT_MAX);
	if (text->n > 0)
		memcpy(copy, text->bytes, text->n);
	copy[text->n] = '\0';
	for (line = strtok_r(copy, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		lines[n++] = line;
	qsort(lines, n, sizeof(*lines), compare_lines);
	buf_clear(text);
	for (size_t i = 0; i < n; i++)
		buf_printf(text, "%s\n", lines[i]);
}

static void describe(const struct target *t, struct buf *out)
{
	const struct target_health *h = target_health(t);
	const struct series *s;
	struct str name;

	buf_clear(out);
	for (size_t at = 0; (s = series_set_next(target_series(t), &at)) != NULL;) {
		labels_print(&s->labels, out);
		for (size_t i = 0; i < s->n; i++)
			buf_printf(out, " %" PRId64 "=%g", s->samples[s->start + i].at_ms,
			           s->samples[s->start + i].value);
		buf_printf(out, " %d\n", s->cumulative);
	}
	for (size_t at = 0; target_next_name(t, &at, &name);)
		buf_printf(out, "name %.*s\n", (int)name.n, name.p);
	sort_lines(out);
	buf_printf(out,
	           "up=%d pages=%" PRIu64 " failures=%" PRIu64 " restarts=%" PRIu64
	           " samples=%zu since=%" PRId64 " start=%" PRId64 " future=%d\n%s\n",
	           h->up, h->pages, h->failures, h->restarts, h->samples, h->covered_since_ms,
	           h->process_start_ms, h->future_timestamp, h->last_error);
}

/* Which series there are changes now and then, values always. */
static void make_page(struct buf *page, uint32_t look, unsigned version, int64_t at_ms)
{
	buf_clear(page);
	if (look & 1)
		buf_printf(page, "process_start_time_seconds %u\n", 1 + version / 9);
	if (look & 8) /* two processes behind one page */
		buf_printf(page,
		           "process_start_time_seconds{pid=\"1\"} %u\n"
		           "process_start_time_seconds{pid=\"2\"} %u\n",
		           2 + version / 7 * 8, 3 + version / 11 * 12);
	for (unsigned f = 0; f < 6; f++) {
		buf_printf(page, "# TYPE f%u_total counter\n", f);
		for (unsigned i = 0; i <= (look >> (4 * f)) % 5; i++) {
			buf_printf(page, "f%u_total{i=\"%u\"} %u", f, i, version % 13 * (i + f));
			if (f == 4)
				buf_printf(page, " %" PRId64,
				           at_ms + 1000 * (int64_t)(version % 70));
			buf_add_text(page, "\n");
		}
	}
	if (look & 4)
		buf_printf(page, "same{a=\"b\"} %u\nsame{a=\"b\"} %u\n", version,
		           version + (version % 19 == 0));
	/* Two points of one series, sometimes in the wrong order. */
	if (look & 2)
		buf_printf(page, "twice 1 %" PRId64 "\ntwice 2 %" PRId64 "\n", at_ms - 5,
		           at_ms - (version % 17 == 0 ? 6 : 4));
}

static struct target *new_target(bool honor, int64_t retention_ms)
{
	struct label labels[] = {{STR("instance"), STR("a:1")}};
	struct target_options options = {.labels = labels,
	                                 .nlabels = 1,
	                                 .mend = true,
	                                 .honor_timestamps = honor,
	                                 .retention_ms = retention_ms,
	                                 .max_series = 100,
	                                 .seed = 3};
	struct err err;
	struct target *t = target_new(&options, &err);

	ck_assert_ptr_nonnull(t);
	return t;
}

static unsigned run(unsigned seed)
{
	struct twin twins[2] = {{.wanted = 1 + seed % 3}, {.wanted = 1 + seed % 3}};
	uint32_t look = seed * 2654435761u;
	int64_t retention_ms = 20000;
	struct buf page, text[2];

	state = look;
	retention_ms = roll(3) == 0 ? 1000 : 100000;
	buf_init(&page, TEXT_MAX);
	for (size_t i = 0; i < 2; i++) {
		buf_init(&text[i], TEXT_MAX);
		twins[i].target = new_target(seed % 2, retention_ms);
	}
	twins[0].memory = exposition_memory_new(NULL);
	for (unsigned version = 0; version < 40; version++) {
		int64_t at_ms = 1000000 + version * INT64_C(15000);
		bool fails_late = roll(15) == 0, changes = roll(20) == 0;

		if (roll(5) == 0)
			look ^= 1u << roll(24);
		make_page(&page, look, version, at_ms);
		if (roll(12) == 0)
			page.n -= roll((uint32_t)page.n); /* cut */
		for (size_t i = 0; i < 2; i++) {
			if (changes) {
				twins[i].wanted = 1 + version % 3;
				target_selection_changed(twins[i].target);
				target_uncover(twins[i].target);
			}
			if (changes && twins[i].memory != NULL)
				exposition_memory_forget(twins[i].memory);
			scrape(&twins[i], buf_str(&page), at_ms, fails_late);
			describe(twins[i].target, &text[i]);
		}
		ck_assert_msg(str_eq(buf_str(&text[0]), buf_str(&text[1])),
		              "seed %u, page %u:\n%.*s\nwith a memory:\n%.*s\nwithout:\n%.*s", seed,
		              version, (int)page.n, page.bytes, (int)text[0].n, text[0].bytes,
		              (int)text[1].n, text[1].bytes);
	}
	for (size_t i = 0; i < 2; i++) {
		target_free(&twins[i].target);
		buf_fini(&text[i]);
	}
	exposition_memory_free(&twins[0].memory);
	buf_fini(&page);
	return twins[0].repeated;
}

START_TEST(a_target_with_a_memory_is_like_one_without)
{
	unsigned repeated = 0;

	for (unsigned seed = 1; seed <= 300; seed++)
		repeated += run(seed);
	ck_assert_uint_gt(repeated, 2000);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("page_memory");
	TCase *t = tcase_create("page_memory");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_target_with_a_memory_is_like_one_without);
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
