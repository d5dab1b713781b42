/*
 * page - one metrics page from a file or standard input as a set of series.
 */
#include "cli/page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/macros.h"
#include "cli/page_fetch.h"
#include "exposition/exposition.h"

#define PAGE_BYTES (256u * 1024 * 1024)
#define PAGE_SAMPLES 5000000u
#define FOREVER_MS (INT64_C(1) << 60)

struct page {
	struct series_set *set;
	struct arena arena; /* labels of one sample */
	int64_t default_ms;
	const struct page_labels *added;
	bool is_first;  /* nothing was in the set before: what is not later is not merely old */
	bool is_strict; /* a series that stands twice with different values is an error */
	size_t nignored;
};

static bool is_added(const struct page_labels *added, struct str name)
{
	for (size_t i = 0; i < added->n; i++) {
		if (str_eq(added->list[i].name, name))
			return true;
	}
	return false;
}

static bool is_on_page(const struct exposition_sample *sample, struct str name)
{
	for (size_t i = 0; i < sample->nlabels; i++) {
		if (str_eq(sample->labels[i].name, name))
			return true;
	}
	return false;
}

/* The name, what the page has, and what is added. NULL without memory. */
static struct label *join_labels(struct page *page, const struct exposition_sample *sample,
                                 size_t *out_n)
{
	size_t n = 0;
	struct label *list =
	        arena_array(&page->arena, sample->nlabels + page->added->n + 1, sizeof(*list));

	if (list == NULL)
		return NULL;
	list[n++] = (struct label){.name = STR("__name__"), .value = sample->name};
	for (size_t i = 0; i < sample->nlabels; i++) {
		struct label *l = &list[n++];

		*l = sample->labels[i];
		if (!page->added->honors_page && is_added(page->added, l->name))
			l->name = str_of(arena_printf(&page->arena, "exported_%.*s", (int)l->name.n,
			                              l->name.p));
	}
	for (size_t i = 0; i < page->added->n; i++) {
		if (!page->added->honors_page || !is_on_page(sample, page->added->list[i].name))
			list[n++] = page->added->list[i];
	}
	*out_n = n;
	return list;
}

/* The first of a series counts, as in Prometheus. */
static bool append(struct page *page, struct series *series, const struct sample *point,
                   struct err *err)
{
	size_t nrefused = series_set_refused(page->set);
	const struct sample *newest;

	if (!series_append(page->set, series, *point, err))
		return false;
	if (!page->is_first || series_set_refused(page->set) == nrefused)
		return true;
	newest = &series->samples[series->start + series->n - 1];
	if (newest->at_ms == point->at_ms &&
	    memcmp(&newest->value, &point->value, sizeof(point->value)) == 0)
		return true;
	page->nignored++;
	return !page->is_strict ||
	       err_set(err, ERR_INVALID, "the same series again, and not at a later time");
}

static bool on_sample(void *ctx, const struct exposition_sample *sample, struct err *err)
{
	struct page *page = ctx;
	struct label *list;
	struct labels labels;
	struct series *series;
	size_t n = 0;
	const struct sample point = {
	        .at_ms = sample->has_timestamp ? sample->timestamp_ms : page->default_ms,
	        .value = sample->value,
	};

	arena_clear(&page->arena);
	list = join_labels(page, sample, &n);
	if (list == NULL || page->arena.failed != ERR_NONE)
		return arena_ok(&page->arena, err);
	if (!labels_make(list, n, &page->arena, &labels, err))
		return false;
	series = series_set_obtain(page->set, &labels, err);
	if (series == NULL)
		return false;
	series->cumulative = sample->is_cumulative;
	return append(page, series, &point, err);
}

static bool read_whole(int fd, struct buf *out, struct err *err)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(out, chunk, (size_t)n);
	if (n < 0)
		return err_set(err, ERR_UNAVAILABLE, "cannot be read: %s", strerrordesc_np(errno));
	return buf_ok(out, err);
}

static bool parse(struct page *page, struct str text, enum exposition_format format,
                  size_t *out_samples, struct err *err)
{
	const struct exposition_limits limits = {.max_bytes = PAGE_BYTES,
	                                         .max_samples = PAGE_SAMPLES};
	struct exposition *e = exposition_new(&limits, on_sample, NULL, page, err);
	bool ok;

	if (e == NULL)
		return false;
	/* A file ends where it ends: nobody has cut it on the way. */
	exposition_expect(e, format, true);
	ok = exposition_feed(e, text.p, text.n, err) && exposition_finish(e, err);
	*out_samples = exposition_samples(e);
	exposition_free(&e);
	return ok;
}

bool page_format_of(const char *name, enum page_format *out)
{
	static const char *const names[] = {"auto", "prometheus", "openmetrics"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			*out = (enum page_format)i;
			return true;
		}
	}
	return false;
}

/* The text of the page, and its format where that is known before it is read. */
static bool read_text(const char *path, enum page_format format, struct buf *text,
                      enum exposition_format *out_format, struct err *err)
{
	bool standard = strcmp(path, "-") == 0;
	bool ok;
	int fd;

	if (page_is_url(path)) {
		ok = page_fetch(path, text, out_format, err);
	} else {
		fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_set(err, ERR_NOT_FOUND, "cannot be read: %s",
			               strerrordesc_np(errno));
		ok = read_whole(fd, text, err);
		if (!standard)
			close(fd);
		*out_format = exposition_guess_format(buf_str(text));
	}
	if (format != PAGE_AUTO)
		*out_format =
		        format == PAGE_OPENMETRICS ? EXPOSITION_OPENMETRICS : EXPOSITION_PROMETHEUS;
	return ok;
}

bool page_append(struct series_set *set, const char *path, enum page_format format,
                 const struct page_labels *added, int64_t default_ms, bool is_strict,
                 size_t *out_samples, struct err *err)
{
	struct page page = {
	        .set = set,
	        .added = added,
	        .default_ms = default_ms,
	        .is_first = series_set_count(set) == 0,
	        .is_strict = is_strict,
	};
	enum exposition_format decided = EXPOSITION_PROMETHEUS;
	struct buf text;
	bool ok;

	arena_init(&page.arena, 1024 * 1024);
	buf_init(&text, PAGE_BYTES + 1);
	ok = read_text(path, format, &text, &decided, err) &&
	     parse(&page, buf_str(&text), decided, out_samples, err);
	if (ok && page.nignored > 0)
		fprintf(stderr,
		        "%s: %zu sample(s) of a series that stands there already with another "
		        "value, and not later: the first counts here, as in Prometheus; headgate "
		        "serve refuses such a page\n",
		        path, page.nignored);
	buf_fini(&text);
	arena_fini(&page.arena);
	return ok;
}

bool page_read(const char *path, enum page_format format, int64_t default_ms,
               struct series_set **out, size_t *out_samples, struct err *err)
{
	struct series_set *set = series_set_new(0, FOREVER_MS, PAGE_SAMPLES);

	if (set == NULL)
		return err_set(err, ERR_NOMEM, "no memory");
	if (!page_append(set, path, format, &(struct page_labels){.n = 0}, default_ms, false,
	                 out_samples, err)) {
		series_set_free(&set);
		return false;
	}
	*out = set;
	return true;
}
