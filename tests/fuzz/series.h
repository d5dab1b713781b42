/*
 * series - a small page as the series an expression is evaluated over.
 */
#ifndef TESTS_FUZZ_SERIES_H
#define TESTS_FUZZ_SERIES_H

#include "exposition/exposition.h"
#include "fuzz.h"
#include "series/series.h"

#define SERIES_MAX 200
#define SERIES_SAMPLES_MAX 2000

static inline bool series_take_sample(void *ctx, const struct exposition_sample *sample,
                                      struct err *err)
{
	struct series_set *set = ctx;
	struct label list[65];
	struct labels labels;
	struct series *series;
	/* Without a timestamp: one after the other, a second apart. */
	int64_t at = sample->has_timestamp ? sample->timestamp_ms
	                                   : (int64_t)series_set_samples(set) * 1000;

	list[0] = (struct label){.name = STR("__name__"), .value = sample->name};
	for (size_t i = 0; i < sample->nlabels; i++)
		list[i + 1] = sample->labels[i];
	if (series_set_samples(set) >= SERIES_SAMPLES_MAX)
		return err_set(err, ERR_LIMIT, "enough");
	if (!labels_borrow(list, sample->nlabels + 1, &labels, err))
		return false;
	series = series_set_obtain(set, &labels, err);
	return series != NULL &&
	       series_append(set, series, (struct sample){at, sample->value}, err);
}

/* What stands before a mistake on the page counts. */
static inline struct series_set *series_of_page(struct str page)
{
	struct series_set *set = series_set_new(1, INT64_C(1) << 60, SERIES_MAX);
	struct err err;
	struct exposition *e =
	        exposition_new(NULL, series_take_sample, NULL, set, &err);
	bool ok;

	fuzz_demand(set != NULL && e != NULL, "no memory");
	ok = exposition_feed(e, page.p, page.n, &err) && exposition_finish(e, &err);
	(void)ok;
	exposition_free(&e);
	return set;
}

#endif
