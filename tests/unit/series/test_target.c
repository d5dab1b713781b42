/* One scraped address over a few pages: what is kept, mended and ended, and since when it covers.
 */
#include <check.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/units.h"
#include "series/target.h"

#define STEP_SAMPLES 6
#define STEPS 6

/* One sample of a page. A name that ends in _total, _count, _sum or _bucket is cumulative; one that
 * ends in _created is a creation time. */
struct given {
	const char *name;
	const char *code; /* the label "code", NULL for none */
	double value;
	int64_t timestamp_ms; /* 0 for none */
};

/* One page, or a failed one. */
struct step {
	int64_t at_ms; /* 0: no more steps */
	bool fails;
	struct given samples[STEP_SAMPLES];
	const char *announced;  /* a name on the page that is not wanted */
	bool selection_changed; /* before the page */
	bool is_text;           /* Prometheus text: its creation times are guesses */
};

static bool is_cumulative(const char *name)
{
	struct str s = str_of(name);

	return str_ends_with(s, STR("_total")) || str_ends_with(s, STR("_count")) ||
	       str_ends_with(s, STR("_sum")) || str_ends_with(s, STR("_bucket"));
}

static struct target *new_target(bool mend, bool honor_timestamps)
{
	struct target_options options = {
	        .mend = mend,
	        .honor_timestamps = honor_timestamps,
	        .retention_ms = 1000000,
	        .max_series = 100,
	        .seed = 3,
	};
	struct err err;
	struct target *t = target_new(&options, &err);

	ck_assert_ptr_nonnull(t);
	return t;
}

static bool add(struct target *t, const struct given *g, bool is_text, struct err *err)
{
	struct label label = {STR("code"), str_of(g->code)};

	if (str_ends_with(str_of(g->name), STR("_created")))
		return target_page_created(t, str_of(g->name), &label, g->code != NULL ? 1 : 0,
		                           g->value, is_text, err);
	return target_page_add(t, str_of(g->name), &label, g->code != NULL ? 1 : 0, g->value,
	                       g->timestamp_ms != 0, g->timestamp_ms, is_cumulative(g->name), err);
}

static void take_step(struct target *t, const struct step *step)
{
	struct err err = {0};
	size_t n = 0;

	if (step->selection_changed)
		target_selection_changed(t);
	if (step->fails) {
		target_page_abort(t, step->at_ms, "timed out");
		return;
	}
	ck_assert_msg(target_page_begin(t, step->at_ms, &err), "%s", err.text);
	for (; n < STEP_SAMPLES && step->samples[n].name != NULL; n++)
		ck_assert_msg(add(t, &step->samples[n], step->is_text, &err), "%s", err.text);
	if (step->announced != NULL)
		ck_assert(target_page_name(t, str_of(step->announced), &err));
	ck_assert_msg(target_page_commit(t, n, &err), "%s", err.text);
}

static void take_steps(struct target *t, const struct step *steps)
{
	for (size_t i = 0; i < STEPS && steps[i].at_ms != 0; i++)
		take_step(t, &steps[i]);
}

/* "a{code="x"}: 1@1000 stale@2000\n" for each series. */
static void print_series(const struct target *t, struct buf *out)
{
	const struct series *s;

	for (size_t at = 0; (s = series_set_next(target_series(t), &at)) != NULL;) {
		labels_print(&s->labels, out);
		buf_add_char(out, ':');
		for (size_t i = 0; i < s->n; i++) {
			const struct sample *sample = &s->samples[s->start + i];
			char number[UNITS_TEXT_MAX];

			number_format(sample->value, number);
			buf_printf(out, " %s@%" PRId64,
			           series_is_stale_nan(sample->value) ? "stale" : number,
			           sample->at_ms);
		}
		buf_add_char(out, '\n');
	}
	buf_add_char(out, '\0');
}

static void expect_series(const char *why, const struct target *t, const char *expected)
{
	struct buf text;

	buf_init(&text, 65536);
	print_series(t, &text);
	ck_assert_msg(strcmp(text.bytes, expected) == 0, "%s:\n%s\nexpected:\n%s", why, text.bytes,
	              expected);
	buf_fini(&text);
}

#define START "process_start_time_seconds"

/* clang-format off */
static const struct {
	const char *why;
	struct step steps[STEPS];
	const char *mended;   
	const char *unmended; /* NULL: the same */
} stories[] = {
	{ "a page is kept at its time",
	  { { .at_ms = 1000, .samples = { { "a", NULL, 1, 0 }, { "b_total", "x", 2, 0 } } },
	    { .at_ms = 2000, .samples = { { "a", NULL, 3, 0 }, { "b_total", "x", 4, 0 } } } },
	  "a: 1@1000 3@2000\nb_total{code=\"x\"}: 2@1000 4@2000\n", NULL },
	{ "counters on the first page were not born on it",
	  { { .at_ms = 1000, .samples = { { "a_total", NULL, 7, 0 } } } },
	  "a_total: 7@1000\n", NULL },
	{ "a counter that shows up was born since the previous page",
	  { { .at_ms = 1000, .samples = { { "a_total", "200", 7, 0 } } },
	    { .at_ms = 2000, .samples = { { "a_total", "200", 8, 0 }, { "a_total", "500", 1, 0 } } } },
	  "a_total{code=\"200\"}: 7@1000 8@2000\na_total{code=\"500\"}: 0@1000 1@2000\n",
	  "a_total{code=\"200\"}: 7@1000 8@2000\na_total{code=\"500\"}: 1@2000\n" },
	{ "buckets, counts and sums as well, gauges not",
	  { { .at_ms = 1000 },
	    { .at_ms = 2000, .samples = { { "h_bucket", NULL, 1, 0 }, { "h_count", NULL, 1, 0 }, { "h_sum", NULL, 1, 0 }, { "g", NULL, 1, 0 } } } },
	  "h_bucket: 0@1000 1@2000\nh_count: 0@1000 1@2000\nh_sum: 0@1000 1@2000\ng: 1@2000\n",
	  "h_bucket: 1@2000\nh_count: 1@2000\nh_sum: 1@2000\ng: 1@2000\n" },
	{ "after a failed page nobody knows when a counter was born",
	  { { .at_ms = 1000, .samples = { { "a_total", "200", 7, 0 } } },
	    { .at_ms = 2000, .fails = true },
	    { .at_ms = 3000, .samples = { { "a_total", "200", 8, 0 }, { "a_total", "500", 1, 0 } } } },
	  "a_total{code=\"200\"}: 7@1000 stale@2000 8@3000\na_total{code=\"500\"}: 1@3000\n", NULL },
	{ "a name newly picked was not born",
	  { { .at_ms = 1000, .samples = { { "a_total", "200", 7, 0 } } },
	    { .at_ms = 2000, .selection_changed = true,
	      .samples = { { "a_total", "200", 8, 0 }, { "a_total", "500", 1, 0 }, { "b_total", NULL, 900, 0 } } },
	    { .at_ms = 3000, .samples = { { "a_total", "200", 8, 0 }, { "a_total", "500", 1, 0 }, { "b_total", NULL, 901, 0 }, { "c_total", NULL, 1, 0 } } } },
	  "a_total{code=\"200\"}: 7@1000 8@2000 8@3000\na_total{code=\"500\"}: 0@1000 1@2000 1@3000\nb_total: 900@2000 901@3000\nc_total: 0@2000 1@3000\n",
	  "a_total{code=\"200\"}: 7@1000 8@2000 8@3000\na_total{code=\"500\"}: 1@2000 1@3000\nb_total: 900@2000 901@3000\nc_total: 1@3000\n" },
	{ "a name announced before it was picked was not born",
	  { { .at_ms = 1000, .announced = "a_total" },
	    { .at_ms = 2000, .samples = { { "a_total", NULL, 900, 0 } } } },
	  "a_total: 900@2000\n", NULL },
	{ "what a page no longer carries ends, once",
	  { { .at_ms = 1000, .samples = { { "a", NULL, 1, 0 }, { "b", NULL, 1, 0 } } },
	    { .at_ms = 2000, .samples = { { "b", NULL, 1, 0 } } },
	    { .at_ms = 3000, .samples = { { "b", NULL, 1, 0 } } } },
	  "a: 1@1000 stale@2000\nb: 1@1000 1@2000 1@3000\n", NULL },
	{ "a failed page ends everything, once",
	  { { .at_ms = 1000, .samples = { { "a", NULL, 1, 0 }, { "b", NULL, 1, 0 } } },
	    { .at_ms = 2000, .fails = true },
	    { .at_ms = 3000, .fails = true },
	    { .at_ms = 4000, .samples = { { "b", NULL, 1, 0 } } } },
	  "a: 1@1000 stale@2000\nb: 1@1000 stale@2000 1@4000\n", NULL },
	{ "a counter that comes back may go on where it was: no zero",
	  { { .at_ms = 1000, .samples = { { "a_total", NULL, 900, 0 } } },
	    { .at_ms = 2000 }, { .at_ms = 3000 },
	    { .at_ms = 4000, .samples = { { "a_total", NULL, 901, 0 } } } },
	  "a_total: 900@1000 stale@2000 901@4000\n", NULL },
	{ "a NaN of the page is not a marker",
	  { { .at_ms = 1000, .samples = { { "a", NULL, (double)NAN, 0 } } },
	    { .at_ms = 2000 } },
	  "a: NaN@1000 stale@2000\n", NULL },
	{ "a restart puts a zero at the process' start",
	  { { .at_ms = 10000, .samples = { { START, NULL, 5, 0 }, { "a_total", NULL, 7, 0 }, { "g", NULL, 7, 0 } } },
	    { .at_ms = 20000, .samples = { { START, NULL, 15, 0 }, { "a_total", NULL, 9, 0 }, { "b_total", NULL, 2, 0 }, { "g", NULL, 8, 0 } } } },
	  START ": 5@10000 15@20000\na_total: 7@10000 0@15000 9@20000\ng: 7@10000 8@20000\nb_total: 0@15000 2@20000\n",
	  START ": 5@10000 15@20000\na_total: 7@10000 9@20000\ng: 7@10000 8@20000\nb_total: 2@20000\n" },
	{ "never before the previous page",
	  { { .at_ms = 10000, .samples = { { START, NULL, 2, 0 }, { "a_total", NULL, 7, 0 } } },
	    { .at_ms = 20000, .samples = { { START, NULL, 9, 0 }, { "a_total", NULL, 9, 0 } } } },
	  START ": 2@10000 9@20000\na_total: 7@10000 0@10001 9@20000\n",
	  START ": 2@10000 9@20000\na_total: 7@10000 9@20000\n" },
	{ "and never after this one, whatever the target's clock says",
	  { { .at_ms = 10000, .samples = { { START, NULL, 2, 0 }, { "a_total", NULL, 7, 0 } } },
	    { .at_ms = 20000, .samples = { { START, NULL, 20, 0 }, { "a_total", NULL, 9, 0 } } } },
	  START ": 2@10000 20@20000\na_total: 7@10000 9@20000\n", NULL },
	{ "a restart behind failed pages",
	  { { .at_ms = 10000, .samples = { { START, NULL, 2, 0 }, { "a_total", NULL, 7, 0 } } },
	    { .at_ms = 20000, .fails = true },
	    { .at_ms = 30000, .samples = { { START, NULL, 15, 0 }, { "a_total", NULL, 9, 0 } } } },
	  START ": 2@10000 stale@20000 15@30000\na_total: 7@10000 stale@20000 0@20001 9@30000\n",
	  START ": 2@10000 stale@20000 15@30000\na_total: 7@10000 stale@20000 9@30000\n" },
	{ "a start that jitters is the same process",
	  { { .at_ms = 10000, .samples = { { START, NULL, 5, 0 }, { "a_total", NULL, 7, 0 } } },
	    { .at_ms = 20000, .samples = { { START, NULL, 6, 0 }, { "a_total", NULL, 9, 0 }, { "b_total", NULL, 1, 0 } } } },
	  START ": 5@10000 6@20000\na_total: 7@10000 9@20000\nb_total: 0@10000 1@20000\n",
	  START ": 5@10000 6@20000\na_total: 7@10000 9@20000\nb_total: 1@20000\n" },
	{ "without a start time a fall is not mended by guess",
	  { { .at_ms = 1000, .samples = { { "a_total", NULL, 7, 0 } } },
	    { .at_ms = 2000, .samples = { { "a_total", NULL, 2, 0 }, { "b_total", NULL, 1, 0 } } } },
	  "a_total: 7@1000 2@2000\nb_total: 1@2000\n", NULL },
	{ "a counter that says when it was born is born then",
	  { { .at_ms = 10000, .samples = { { "a_total", "x", 7, 0 }, { "a_created", "x", 3, 0 } } },
	    { .at_ms = 20000, .samples = { { "a_total", "x", 8, 0 }, { "a_created", "x", 3, 0 }, { "a_total", "y", 2, 0 }, { "a_created", "y", 14.5, 0 } } } },
	  "a_total{code=\"x\"}: 7@10000 8@20000\na_total{code=\"y\"}: 0@14500 2@20000\n",
	  "a_total{code=\"x\"}: 7@10000 8@20000\na_total{code=\"y\"}: 2@20000\n" },
	{ "buckets, counts and sums share a creation",
	  { { .at_ms = 10000 },
	    { .at_ms = 20000, .samples = { { "h_bucket", NULL, 2, 0 }, { "h_count", NULL, 2, 0 }, { "h_sum", NULL, 3, 0 }, { "h_created", NULL, 12, 0 } } } },
	  "h_bucket: 0@12000 2@20000\nh_count: 0@12000 2@20000\nh_sum: 0@12000 3@20000\n",
	  "h_bucket: 2@20000\nh_count: 2@20000\nh_sum: 3@20000\n" },
	{ "a counter created anew began at zero, even when it is past its old value",
	  { { .at_ms = 10000, .samples = { { "a_total", NULL, 7, 0 }, { "a_created", NULL, 3, 0 } } },
	    { .at_ms = 20000, .samples = { { "a_total", NULL, 9, 0 }, { "a_created", NULL, 15, 0 } } } },
	  "a_total: 7@10000 0@15000 9@20000\n",
	  "a_total: 7@10000 9@20000\n" },
	{ "once",
	  { { .at_ms = 10000, .samples = { { "a_total", NULL, 7, 0 } } },
	    { .at_ms = 20000, .samples = { { "a_total", NULL, 9, 0 }, { "a_created", NULL, 15, 0 } } },
	    { .at_ms = 30000, .samples = { { "a_total", NULL, 10, 0 }, { "a_created", NULL, 15, 0 } } } },
	  "a_total: 7@10000 0@15000 9@20000 10@30000\n",
	  "a_total: 7@10000 9@20000 10@30000\n" },
	{ "a creation is known behind a failed page as well",
	  { { .at_ms = 10000, .samples = { { "a_total", NULL, 7, 0 } } },
	    { .at_ms = 20000, .fails = true },
	    { .at_ms = 30000, .samples = { { "a_total", NULL, 9, 0 }, { "a_created", NULL, 15, 0 }, { "b_total", NULL, 1, 0 }, { "b_created", NULL, 25, 0 } } } },
	  "a_total: 7@10000 stale@20000 0@20001 9@30000\nb_total: 0@25000 1@30000\n",
	  "a_total: 7@10000 stale@20000 9@30000\nb_total: 1@30000\n" },
	{ "a gauge of the text that is named like a creation time makes no requests up",
	  { { .at_ms = 10000, .is_text = true, .samples = { { "jobs_total", NULL, 1000, 0 }, { "jobs_created", NULL, 3, 0 } } },
	    { .at_ms = 20000, .is_text = true, .samples = { { "jobs_total", NULL, 1001, 0 }, { "jobs_created", NULL, 15, 0 } } } },
	  "jobs_total: 1000@10000 1001@20000\n", NULL },
	{ "nor of a series that was there but not picked",
	  { { .at_ms = 10000, .is_text = true },
	    { .at_ms = 20000, .is_text = true, .selection_changed = true, .samples = { { "jobs_total", NULL, 1001, 0 }, { "jobs_created", NULL, 15, 0 } } } },
	  "jobs_total: 1001@20000\n", NULL },
	{ "nor behind a failed page",
	  { { .at_ms = 10000, .is_text = true, .samples = { { "a_total", NULL, 7, 0 } } },
	    { .at_ms = 20000, .fails = true },
	    { .at_ms = 30000, .is_text = true, .samples = { { "a_total", NULL, 9, 0 }, { "a_created", NULL, 15, 0 }, { "b_total", NULL, 1, 0 }, { "b_created", NULL, 25, 0 } } } },
	  "a_total: 7@10000 stale@20000 9@30000\nb_total: 1@30000\n", NULL },
	{ "but says when one that is new was born",
	  { { .at_ms = 10000, .is_text = true },
	    { .at_ms = 20000, .is_text = true, .samples = { { "a_total", NULL, 2, 0 }, { "a_created", NULL, 14.5, 0 } } } },
	  "a_total: 0@14500 2@20000\n", "a_total: 2@20000\n" },
	{ "and when one that fell began anew",
	  { { .at_ms = 10000, .is_text = true, .samples = { { "a_total", NULL, 7, 0 } } },
	    { .at_ms = 20000, .is_text = true, .samples = { { "a_total", NULL, 5, 0 }, { "a_created", NULL, 15, 0 } } } },
	  "a_total: 7@10000 0@15000 5@20000\n", "a_total: 7@10000 5@20000\n" },
	{ "on the first page nothing is mended, whatever it says",
	  { { .at_ms = 10000, .samples = { { "a_total", NULL, 7, 0 }, { "a_created", NULL, 9, 0 } } } },
	  "a_total: 7@10000\n", NULL },
	{ "a clock that runs ahead makes no creation news twice",
	  { { .at_ms = 10000, .samples = { { "a_total", NULL, 7, 0 }, { "a_created", NULL, 13, 0 } } },
	    { .at_ms = 20000, .samples = { { "a_total", NULL, 9, 0 }, { "a_created", NULL, 13, 0 } } } },
	  "a_total: 7@10000 9@20000\n", NULL },
	{ "a creation that is no time is none",
	  { { .at_ms = 10000 },
	    { .at_ms = 20000, .samples = { { "a_total", NULL, 1, 0 }, { "a_created", NULL, (double)NAN, 0 }, { "b_total", NULL, 1, 0 }, { "b_created", NULL, -5, 0 } } } },
	  "a_total: 0@10000 1@20000\nb_total: 0@10000 1@20000\n",
	  "a_total: 1@20000\nb_total: 1@20000\n" },
	{ "a creation of another metric says nothing",
	  { { .at_ms = 10000, .samples = { { "a_total", "x", 7, 0 } } },
	    { .at_ms = 20000, .samples = { { "a_total", "x", 8, 0 }, { "a_created", "y", 15, 0 }, { "b_created", "x", 15, 0 } } } },
	  "a_total{code=\"x\"}: 7@10000 8@20000\n", NULL },
	{ "the page's timestamps are ignored unless honoured",
	  { { .at_ms = 10000, .samples = { { "a", NULL, 1, 5000 } } } },
	  "a: 1@10000\n", NULL },
};
/* clang-format on */

START_TEST(pages_become_series)
{
	for (int mend = 0; mend < 2; mend++) {
		struct target *t = new_target(mend == 1, false);

		take_steps(t, stories[_i].steps);
		expect_series(stories[_i].why, t,
		              mend == 1 || stories[_i].unmended == NULL ? stories[_i].mended
		                                                        : stories[_i].unmended);
		target_free(&t);
		target_free(&t);
	}
}
END_TEST

/* clang-format off */
static const struct {
	const char *why;
	struct step steps[STEPS];
	int64_t covered_since_ms;
	uint64_t restarts;
} coverages[] = {
	{ "nothing before the first page", { { .at_ms = 0 } }, 0, 0 },
	{ "from the first page on", { { .at_ms = 1000 }, { .at_ms = 2000 }, { .at_ms = 3000 } }, 1000, 0 },
	{ "not at all while the newest page failed", { { .at_ms = 1000 }, { .at_ms = 2000, .fails = true } }, 0, 0 },
	{ "anew after a failed page", { { .at_ms = 1000 }, { .at_ms = 2000, .fails = true }, { .at_ms = 3000 }, { .at_ms = 4000 } }, 3000, 0 },
	{ "anew after a restart",
	  { { .at_ms = 10000, .samples = { { START, NULL, 5, 0 } } },
	    { .at_ms = 20000, .samples = { { START, NULL, 15, 0 } } },
	    { .at_ms = 30000, .samples = { { START, NULL, 15, 0 } } } }, 20000, 1 },
	{ "a start that moves by a second is no restart",
	  { { .at_ms = 10000, .samples = { { START, NULL, 5, 0 } } },
	    { .at_ms = 20000, .samples = { { START, NULL, 6, 0 } } } }, 10000, 0 },
	{ "a fall is no restart while the start says that it is the same process",
	  { { .at_ms = 10000, .samples = { { START, NULL, 5, 0 }, { "a_total", NULL, 9, 0 } } },
	    { .at_ms = 20000, .samples = { { START, NULL, 5, 0 }, { "a_total", NULL, 1, 0 } } } }, 10000, 0 },
	{ "without a start time a fall is a restart",
	  { { .at_ms = 10000, .samples = { { "a_total", NULL, 9, 0 } } },
	    { .at_ms = 20000, .samples = { { "a_total", NULL, 1, 0 } } } }, 20000, 1 },
	{ "a counter created anew is a restart, even when it is past its old value",
	  { { .at_ms = 10000, .samples = { { "a_total", NULL, 1, 0 }, { "a_created", NULL, 5, 0 } } },
	    { .at_ms = 20000, .samples = { { "a_total", NULL, 9, 0 }, { "a_created", NULL, 15, 0 } } } }, 20000, 1 },
	{ "but not where its creation is only a gauge of that name",
	  { { .at_ms = 10000, .is_text = true, .samples = { { "a_total", NULL, 1, 0 }, { "a_created", NULL, 5, 0 } } },
	    { .at_ms = 20000, .is_text = true, .samples = { { "a_total", NULL, 9, 0 }, { "a_created", NULL, 15, 0 } } } }, 10000, 0 },
	{ "not while the start says that it is the same process",
	  { { .at_ms = 10000, .samples = { { START, NULL, 5, 0 }, { "a_total", NULL, 1, 0 }, { "a_created", NULL, 5, 0 } } },
	    { .at_ms = 20000, .samples = { { START, NULL, 5, 0 }, { "a_total", NULL, 9, 0 }, { "a_created", NULL, 15, 0 } } } }, 10000, 0 },
	{ "a counter that is new is none",
	  { { .at_ms = 10000, .samples = { { "a_total", "x", 1, 0 } } },
	    { .at_ms = 20000, .samples = { { "a_total", "x", 1, 0 }, { "a_total", "y", 9, 0 }, { "a_created", "y", 15, 0 } } } }, 10000, 0 },
	{ "an earlier start and a fall: someone else answers",
	  { { .at_ms = 10000, .samples = { { START, NULL, 9, 0 }, { "a_total", NULL, 9, 0 } } },
	    { .at_ms = 20000, .samples = { { START, NULL, 5, 0 }, { "a_total", NULL, 1, 0 } } } }, 20000, 1 },
	{ "a gauge may fall",
	  { { .at_ms = 10000, .samples = { { "g", NULL, 9, 0 } } },
	    { .at_ms = 20000, .samples = { { "g", NULL, 1, 0 } } } }, 10000, 0 },
	{ "a fall behind a failed page is seen",
	  { { .at_ms = 10000, .samples = { { "a_total", NULL, 9, 0 } } },
	    { .at_ms = 20000, .fails = true },
	    { .at_ms = 30000, .samples = { { "a_total", NULL, 1, 0 } } } }, 30000, 1 },
	{ "a NaN neither falls nor rises",
	  { { .at_ms = 10000, .samples = { { "a_total", NULL, 9, 0 } } },
	    { .at_ms = 20000, .samples = { { "a_total", NULL, (double)NAN, 0 } } } }, 10000, 0 },
	{ "the youngest of several processes counts",
	  { { .at_ms = 10000, .samples = { { START, "x", 5, 0 }, { START, "y", 3, 0 } } },
	    { .at_ms = 20000, .samples = { { START, "x", 5, 0 }, { START, "y", 15, 0 } } } }, 20000, 1 },
	{ "a start that is no time is none",
	  { { .at_ms = 10000, .samples = { { START, NULL, (double)NAN, 0 } } },
	    { .at_ms = 20000, .samples = { { START, NULL, (double)INFINITY, 0 } } },
	    { .at_ms = 30000, .samples = { { START, NULL, -1, 0 } } } }, 10000, 0 },
};
/* clang-format on */

START_TEST(coverage_is_an_unbroken_run_of_one_process)
{
	struct target *t = new_target(true, false);

	take_steps(t, coverages[_i].steps);
	ck_assert_msg(target_health(t)->covered_since_ms == coverages[_i].covered_since_ms,
	              "%s: %" PRId64, coverages[_i].why, target_health(t)->covered_since_ms);
	ck_assert_msg(target_health(t)->restarts == coverages[_i].restarts, "%s",
	              coverages[_i].why);
	target_free(&t);
}
END_TEST

START_TEST(health_tells_the_newest_attempt)
{
	static const struct step good = {.at_ms = 1000, .samples = {{START, NULL, 0.5, 0}}};
	static const struct step bad = {.at_ms = 2000, .fails = true};
	static const struct step again = {.at_ms = 3000};
	struct target *t = new_target(true, false);
	const struct target_health *health = target_health(t);

	ck_assert(!health->up);
	take_step(t, &good);
	ck_assert(health->up);
	ck_assert_int_eq(health->process_start_ms, 500);
	ck_assert_uint_eq(health->samples, 1);
	take_step(t, &bad);
	ck_assert(!health->up);
	ck_assert_int_eq(health->last_attempt_ms, 2000);
	ck_assert_int_eq(health->last_good_ms, 1000);
	ck_assert_int_eq(health->covered_since_ms, 0);
	ck_assert_str_eq(health->last_error, "timed out");
	ck_assert_uint_eq(health->samples, 1);
	take_step(t, &again);
	ck_assert(health->up);
	ck_assert_int_eq(health->last_good_ms, 3000);
	ck_assert_int_eq(health->process_start_ms, 0);
	ck_assert_str_eq(health->last_error, "");
	ck_assert_uint_eq(health->pages, 2);
	ck_assert_uint_eq(health->failures, 1);
	target_free(&t);
}
END_TEST

START_TEST(names_are_those_of_the_newest_good_page)
{
	static const struct step one = {
	        .at_ms = 1000, .samples = {{"a", "x", 1, 0}}, .announced = "skipped"};
	static const struct step bad = {.at_ms = 2000, .fails = true};
	static const struct step two = {.at_ms = 3000, .samples = {{"b", NULL, 1, 0}}};
	struct target *t = new_target(true, false);
	struct err err;

	ck_assert(!target_has_name(t, STR("a")));
	take_step(t, &one);
	ck_assert(target_has_name(t, STR("a")));
	ck_assert(target_has_name(t, STR("skipped")));
	ck_assert(!target_has_name(t, STR("b")));
	take_step(t, &bad);
	ck_assert(target_has_name(t, STR("a")));
	ck_assert(target_page_begin(t, 2500, &err));
	ck_assert(target_page_name(t, STR("c"), &err));
	ck_assert(!target_has_name(t, STR("c")));
	target_page_abort(t, 2500, NULL);
	ck_assert(!target_has_name(t, STR("c")));
	take_step(t, &two);
	ck_assert(target_has_name(t, STR("b")));
	ck_assert(!target_has_name(t, STR("a")));
	ck_assert(!target_has_name(t, STR("skipped")));
	target_free(&t);
}
END_TEST

START_TEST(until_commit_nothing_shows_and_abort_forgets)
{
	static const struct step one = {.at_ms = 1000, .samples = {{"a", NULL, 1, 0}}};
	struct given a = {"a", NULL, 2, 0}, b = {"b", NULL, 2, 0};
	struct target *t = new_target(true, false);
	struct err err;

	take_step(t, &one);
	ck_assert(target_page_begin(t, 2000, &err));
	ck_assert(add(t, &a, false, &err));
	ck_assert(add(t, &b, false, &err));
	expect_series("before commit", t, "a: 1@1000\n");
	target_page_abort(t, 2000, "cut off");
	expect_series("after abort", t, "a: 1@1000 stale@2000\n");
	ck_assert(!target_page_commit(t, 2, &err));
	ck_assert_int_eq(err.code, ERR_BUG);
	ck_assert(!add(t, &a, false, &err));
	ck_assert(!target_page_name(t, STR("a"), &err));
	target_free(&t);
}
END_TEST

START_TEST(a_page_must_be_later_than_the_one_before)
{
	static const struct step one = {.at_ms = 2000, .samples = {{"a", NULL, 1, 0}}};
	struct target *t = new_target(true, false);
	struct err err;

	take_step(t, &one);
	ck_assert(!target_page_begin(t, 2000, &err));
	ck_assert_int_eq(err.code, ERR_CONFLICT);
	ck_assert(!target_page_begin(t, 1000, &err));
	target_page_abort(t, 1000, err.text);
	expect_series("the marker is still newer", t, "a: 1@2000 stale@2001\n");
	ck_assert_int_eq(target_health(t)->last_attempt_ms, 2000);
	ck_assert(target_page_begin(t, 2001, &err));
	target_free(&t);
}
END_TEST

START_TEST(a_series_twice_on_a_page_is_refused_unless_both_agree)
{
	struct given a = {"a", "x", 1, 0}, b = {"a", "y", 1, 0}, c = {"a", NULL, 1, 0};
	struct given other = {"a", "x", 2, 0};
	static const struct label empty[] = {{{"code", 4}, {"", 0}}};
	struct target *t = new_target(true, false);
	struct err err;

	for (int64_t at_ms = 1000; at_ms <= 2000; at_ms += 1000) {
		ck_assert(target_page_begin(t, at_ms, &err));
		ck_assert(add(t, &a, false, &err) && add(t, &b, false, &err) &&
		          add(t, &c, false, &err));
		ck_assert(add(t, &a, false, &err));
		ck_assert(!add(t, &other, false, &err));
		ck_assert_int_eq(err.code, ERR_INVALID);
		ck_assert_str_eq(err.text, "the series a{code=\"x\"} stands twice on the page");
		ck_assert(target_page_add(t, STR("a"), empty, 1, 1, false, 0, false, &err));
		ck_assert(!target_page_add(t, STR("a"), empty, 1, 2, false, 0, false, &err));
		ck_assert_str_eq(err.text, "the series a stands twice on the page");
		ck_assert(target_page_commit(t, 3, &err));
	}
	target_free(&t);
}
END_TEST

START_TEST(of_several_points_of_a_series_the_newest_is_kept)
{
	struct given early = {"a", "x", 1, 900}, late = {"a", "x", 2, 950};
	struct given other = {"a", "y", 7, 0}, dated = {"a", "y", 8, 950};
	struct err err;

	for (int honor = 0; honor < 2; honor++) {
		struct target *t = new_target(true, honor == 1);

		ck_assert(target_page_begin(t, 1000, &err));
		ck_assert(add(t, &early, false, &err) && add(t, &late, false, &err));
		ck_assert(add(t, &other, false, &err));
		ck_assert(add(t, &late, false, &err)); /* the same again */
		ck_assert(!add(t, &early, false, &err));
		ck_assert(!add(t, &dated, false, &err)); /* nobody knows which is newer */
		ck_assert(target_page_commit(t, 3, &err));
		expect_series("points", t,
		              honor == 1 ? "a{code=\"x\"}: 2@950\na{code=\"y\"}: 7@1000\n"
		                         : "a{code=\"x\"}: 2@1000\na{code=\"y\"}: 7@1000\n");
		target_free(&t);
	}
}
END_TEST

START_TEST(more_series_than_allowed_keep_nothing_of_the_page)
{
	static const struct step one = {.at_ms = 1000, .samples = {{"a", NULL, 1, 0}}};
	struct target_options options = {.retention_ms = 1000, .max_series = 2, .mend = true};
	struct given a = {"a", NULL, 2, 0}, b = {"b", NULL, 2, 0}, c = {"c", NULL, 2, 0};
	struct err err;
	struct target *t = target_new(&options, &err);

	take_step(t, &one);
	ck_assert(target_page_begin(t, 2000, &err));
	ck_assert(add(t, &a, false, &err) && add(t, &b, false, &err) && add(t, &c, false, &err));
	ck_assert(!target_page_commit(t, 3, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	expect_series("nothing changed", t, "a: 1@1000\n");
	target_page_abort(t, 2000, err.text);
	expect_series("it failed", t, "a: 1@1000 stale@2000\n");
	ck_assert_str_eq(target_health(t)->last_error, "more than 2 series");
	target_free(&t);
}
END_TEST

START_TEST(an_ended_series_makes_room_after_its_retention)
{
	struct target_options options = {.retention_ms = 1000, .max_series = 1, .mend = true};
	static const struct step steps[STEPS] = {
	        {.at_ms = 1000, .samples = {{"a", NULL, 1, 0}}},
	        {.at_ms = 2000},
	        {.at_ms = 3000},
	        {.at_ms = 4000, .samples = {{"b", NULL, 1, 0}}},
	};
	struct err err;
	struct target *t = target_new(&options, &err);

	take_steps(t, steps);
	expect_series("only b is left", t, "b: 1@4000\n");
	target_retain(t, 100);
	target_page_abort(t, 5000, "x");
	target_page_abort(t, 6000, "x");
	expect_series("nothing is left", t, "");
	target_free(&t);
}
END_TEST

START_TEST(target_labels_win_and_the_page_keeps_its_own_aside)
{
	/* clang-format off */
	static const struct label own[] = {
		{ { "instance", 8 }, { "h:1", 3 } }, { { "job", 3 }, { "api", 3 } }, { { "none", 4 }, { "", 0 } },
	};
	static const struct {
		const char *why;
		struct label page[4];
		size_t n;
		const char *expected;
	} rows[] = {
		{ "added", { { { "a", 1 }, { "1", 1 } } }, 1, "m{a=\"1\",instance=\"h:1\",job=\"api\"}: 1@1000\n" },
		{ "moved aside", { { { "job", 3 }, { "x", 1 } } }, 1, "m{exported_job=\"x\",instance=\"h:1\",job=\"api\"}: 1@1000\n" },
		{ "moved further when that is taken", { { { "job", 3 }, { "x", 1 } }, { { "exported_job", 12 }, { "y", 1 } } }, 2,
		  "m{exported_exported_job=\"x\",exported_job=\"y\",instance=\"h:1\",job=\"api\"}: 1@1000\n" },
		{ "two at once", { { { "job", 3 }, { "x", 1 } }, { { "instance", 8 }, { "y", 1 } } }, 2,
		  "m{exported_instance=\"y\",exported_job=\"x\",instance=\"h:1\",job=\"api\"}: 1@1000\n" },
		{ "an empty one is none", { { { "job", 3 }, { "", 0 } } }, 1, "m{instance=\"h:1\",job=\"api\"}: 1@1000\n" },
		{ "an empty label of the target is none", { { { "none", 4 }, { "x", 1 } } }, 1, "m{instance=\"h:1\",job=\"api\",none=\"x\"}: 1@1000\n" },
	};
	/* clang-format on */
	struct target_options options = {
	        .labels = own, .nlabels = 3, .retention_ms = 1000, .max_series = 9};
	static const struct label name_label[] = {{{"__name__", 8}, {"x", 1}}};
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct target *t = target_new(&options, &err);

		ck_assert(target_page_begin(t, 1000, &err));
		ck_assert(target_page_add(t, STR("m"), rows[i].page, rows[i].n, 1, false, 0, false,
		                          &err));
		ck_assert(!target_page_add(t, STR("n"), name_label, 1, 1, false, 0, false, &err));
		ck_assert(target_page_commit(t, 1, &err));
		expect_series(rows[i].why, t, rows[i].expected);
		target_free(&t);
	}
	options.labels = name_label;
	options.nlabels = 1;
	ck_assert_ptr_null(target_new(&options, &err));
	ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

START_TEST(honoured_labels_of_the_page_win_and_an_empty_one_takes_ours_away)
{
	/* clang-format off */
	static const struct label own[] = { { { "instance", 8 }, { "h:1", 3 } }, { { "job", 3 }, { "api", 3 } } };
	static const struct {
		const char *why;
		struct label page[4];
		size_t n;
		const char *expected;
	} rows[] = {
		{ "ours where it has none", { { { "a", 1 }, { "1", 1 } } }, 1, "m{a=\"1\",instance=\"h:1\",job=\"api\"}: 1@1000\n" },
		{ "its own where it has", { { { "job", 3 }, { "x", 1 } } }, 1, "m{instance=\"h:1\",job=\"x\"}: 1@1000\n" },
		{ "none where it says none", { { { "instance", 8 }, { "", 0 } } }, 1, "m{job=\"api\"}: 1@1000\n" },
	};
	/* clang-format on */
	struct target_options options = {.labels = own,
	                                 .nlabels = 2,
	                                 .honor_labels = true,
	                                 .retention_ms = 1000,
	                                 .max_series = 9};
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct target *t = target_new(&options, &err);

		ck_assert(target_page_begin(t, 1000, &err));
		ck_assert(target_page_add(t, STR("m"), rows[i].page, rows[i].n, 1, false, 0, false,
		                          &err));
		ck_assert(target_page_commit(t, 1, &err));
		expect_series(rows[i].why, t, rows[i].expected);
		target_free(&t);
	}
}
END_TEST

START_TEST(honoured_timestamps_are_kept_and_the_future_is_not)
{
	/* clang-format off */
	static const struct {
		const char *why;
		int64_t timestamp_ms;
		bool future;
		const char *honoured;
		const char *ignored;
	} rows[] = {
		{ "in the past",                 5000,      false, "a_total: 1@1000 2@5000\n",  "a_total: 1@1000 2@10000\n" },
		{ "as old as the one before",    1000,      false, "a_total: 1@1000\n",         "a_total: 1@1000 2@10000\n" },
		{ "a minute ahead",              70000,     false, "a_total: 1@1000 2@70000\n", "a_total: 1@1000 2@10000\n" },
		{ "further ahead",               70001,     true,  "a_total: 1@1000\n",         "a_total: 1@1000 2@10000\n" },
		{ "at the end of time",          INT64_MAX, true,  "a_total: 1@1000\n",         "a_total: 1@1000 2@10000\n" },
	};
	/* clang-format on */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (int honor = 0; honor < 2; honor++) {
			struct target *t = new_target(true, honor == 1);
			struct step one = {.at_ms = 1000, .samples = {{"a_total", NULL, 1, 0}}};
			struct step two = {.at_ms = 10000};

			two.samples[0] = (struct given){"a_total", NULL, 2, rows[i].timestamp_ms};
			take_step(t, &one);
			take_step(t, &two);
			ck_assert_msg(target_health(t)->future_timestamp == rows[i].future, "%s",
			              rows[i].why);
			expect_series(rows[i].why, t,
			              honor == 1 ? rows[i].honoured : rows[i].ignored);
			one.at_ms = 20000;
			take_step(t, &one);
			ck_assert(!target_health(t)->future_timestamp);
			target_free(&t);
		}
	}
}
END_TEST

START_TEST(a_series_that_runs_ahead_still_ends)
{
	struct target *t = new_target(true, true);
	static const struct step steps[STEPS] = {
	        {.at_ms = 1000, .samples = {{"a", NULL, 1, 5000}}},
	        {.at_ms = 2000},
	};

	take_steps(t, steps);
	expect_series("the marker comes behind it", t, "a: 1@5000 stale@5001\n");
	target_free(&t);
}
END_TEST

START_TEST(a_zero_never_lies_behind_its_sample)
{
	struct target *t = new_target(true, true);
	static const struct step steps[STEPS] = {
	        {.at_ms = 10000},
	        {.at_ms = 20000,
	         .samples = {{"a_total", NULL, 1, 9000}, {"b_total", NULL, 1, 10001}}},
	};

	take_steps(t, steps);
	expect_series("its own time is older", t, "a_total: 1@9000\nb_total: 0@10000 1@10001\n");
	target_free(&t);
}
END_TEST

START_TEST(a_change_of_selection_in_the_middle_of_a_page_counts_for_two)
{
	struct given a = {"a_total", NULL, 900, 0}, b = {"b_total", NULL, 900, 0};
	static const struct step one = {.at_ms = 1000};
	struct target *t = new_target(true, false);
	struct err err;

	take_step(t, &one);
	ck_assert(target_page_begin(t, 2000, &err));
	target_selection_changed(t);
	ck_assert(add(t, &a, false, &err));
	ck_assert(target_page_commit(t, 1, &err));
	ck_assert(target_page_begin(t, 3000, &err));
	ck_assert(add(t, &a, false, &err) && add(t, &b, false, &err));
	ck_assert(target_page_commit(t, 2, &err));
	expect_series("neither was born", t, "a_total: 900@2000 900@3000\nb_total: 900@3000\n");
	target_free(&t);
}
END_TEST

START_TEST(what_is_asked_for_anew_is_covered_from_the_next_page)
{
	static const struct step one = {.at_ms = 1000, .announced = "b_total"};
	static const struct step three = {.at_ms = 3000, .announced = "c_total"};
	struct given a = {"a_total", NULL, 1, 0};
	struct target *t = new_target(true, false);
	struct err err;

	take_step(t, &one);
	ck_assert_int_eq(target_health(t)->covered_since_ms, 1000);
	ck_assert(target_page_begin(t, 2000, &err));
	ck_assert(target_page_name(t, STR("b_total"), &err));
	ck_assert(add(t, &a, false, &err));
	target_uncover(t);
	ck_assert_int_eq(target_health(t)->covered_since_ms, 0);
	ck_assert(!target_has_name(t, STR("b_total")));
	ck_assert(target_page_commit(t, 1, &err));
	ck_assert_msg(target_health(t)->covered_since_ms == 0,
	              "a page picked the old way covers nothing");
	ck_assert(target_has_name(t, STR("a_total")) && !target_has_name(t, STR("b_total")));
	take_step(t, &three);
	ck_assert_int_eq(target_health(t)->covered_since_ms, 3000);
	ck_assert(target_has_name(t, STR("c_total")));
	target_free(&t);
}
END_TEST

START_TEST(names_that_replicas_share_are_each_ones_own)
{
	static const struct step one = {
	        .at_ms = 1000, .samples = {{"a", NULL, 1, 0}}, .announced = "b"};
	static const struct step two = {
	        .at_ms = 2000, .samples = {{"a", NULL, 1, 0}}, .announced = "c"};
	struct map_twins names = {0};
	struct target_options options = {
	        .retention_ms = 1000000, .max_series = 100, .names = &names};
	struct target *t[2];
	struct str name;
	struct err err;
	size_t at = 0;

	for (size_t i = 0; i < 2; i++) {
		t[i] = target_new(&options, &err);
		take_step(t[i], &one);
	}
	target_uncover(t[0]);
	ck_assert(target_has_name(t[0], STR("a")) && !target_has_name(t[0], STR("b")));
	ck_assert(target_next_name(t[0], &at, &name) && str_eq(name, STR("a")));
	ck_assert(!target_next_name(t[0], &at, &name));
	ck_assert(target_has_name(t[1], STR("a")) && target_has_name(t[1], STR("b")));
	take_step(t[1], &two);
	ck_assert(target_has_name(t[1], STR("c")) && !target_has_name(t[1], STR("b")));
	ck_assert(!target_has_name(t[0], STR("c")));
	target_free(&t[1]);
	take_step(t[0], &two);
	ck_assert(target_has_name(t[0], STR("c")) && !target_has_name(t[0], STR("b")));
	target_free(&t[0]);
	map_twins_fini(&names);
}
END_TEST

START_TEST(a_large_page_is_kept_whole)
{
	struct target_options options = {.retention_ms = 1000, .max_series = 5000, .mend = true};
	struct err err;
	struct target *t = target_new(&options, &err);
	char code[16];

	for (int64_t at_ms = 1000; at_ms < 4000; at_ms += 1000) {
		ck_assert(target_page_begin(t, at_ms, &err));
		for (int i = 0; i < 5000; i++) {
			struct given g = {"a_total", code, (double)i, 0};

			snprintf(code, sizeof(code), "%d", i);
			ck_assert(add(t, &g, false, &err));
		}
		ck_assert(target_page_commit(t, 5000, &err));
	}
	ck_assert_uint_eq(series_set_count(target_series(t)), 5000);
	ck_assert_uint_eq(series_set_samples(target_series(t)), 10000);
	target_free(&t);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("target");
	TCase *t = tcase_create("target");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, pages_become_series, 0, (int)ARRAY_LEN(stories));
	tcase_add_loop_test(t, coverage_is_an_unbroken_run_of_one_process, 0,
	                    (int)ARRAY_LEN(coverages));
	tcase_add_test(t, health_tells_the_newest_attempt);
	tcase_add_test(t, names_are_those_of_the_newest_good_page);
	tcase_add_test(t, until_commit_nothing_shows_and_abort_forgets);
	tcase_add_test(t, a_page_must_be_later_than_the_one_before);
	tcase_add_test(t, a_series_twice_on_a_page_is_refused_unless_both_agree);
	tcase_add_test(t, of_several_points_of_a_series_the_newest_is_kept);
	tcase_add_test(t, more_series_than_allowed_keep_nothing_of_the_page);
	tcase_add_test(t, an_ended_series_makes_room_after_its_retention);
	tcase_add_test(t, target_labels_win_and_the_page_keeps_its_own_aside);
	tcase_add_test(t, honoured_labels_of_the_page_win_and_an_empty_one_takes_ours_away);
	tcase_add_test(t, honoured_timestamps_are_kept_and_the_future_is_not);
	tcase_add_test(t, a_series_that_runs_ahead_still_ends);
	tcase_add_test(t, a_zero_never_lies_behind_its_sample);
	tcase_add_test(t, a_change_of_selection_in_the_middle_of_a_page_counts_for_two);
	tcase_add_test(t, what_is_asked_for_anew_is_covered_from_the_next_page);
	tcase_add_test(t, names_that_replicas_share_are_each_ones_own);
	tcase_add_test(t, a_large_page_is_kept_whole);
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
