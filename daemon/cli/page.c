/*
 * page - one metrics page from a file or standard input as a set of series.
 */
#include "cli/page.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "exposition/exposition.h"

#define PAGE_BYTES (256u * 1024 * 1024)
#define PAGE_SAMPLES 5000000u
#define FOREVER_MS (INT64_C(1) << 60)

struct page {
	struct series_set *set;
	struct arena arena; /* labels of one sample */
	int64_t default_ms;
};

static bool on_sample(void *ctx, const struct exposition_sample *sample, struct err *err)
{
	struct page *page = ctx;
	struct label *list;
	struct labels labels;
	struct series *series;
	const struct sample point = {
	        .at_ms = sample->has_timestamp ? sample->timestamp_ms : page->default_ms,
	        .value = sample->value,
	};

	arena_clear(&page->arena);
	list = arena_array(&page->arena, sample->nlabels + 1, sizeof(*list));
	if (list == NULL)
		return arena_ok(&page->arena, err);
	list[0] = (struct label){.name = STR("__name__"), .value = sample->name};
	for (size_t i = 0; i < sample->nlabels; i++)
		list[i + 1] = sample->labels[i];
	if (!labels_make(list, sample->nlabels + 1, &page->arena, &labels, err))
		return false;
	series = series_set_obtain(page->set, &labels, err);
	if (series == NULL || !series_append(page->set, series, point, err))
		return false;
	/* The daemon would throw the page away; half of it would be a wrong answer. */
	if (series_set_refused(page->set) > 0)
		return err_set(err, ERR_INVALID, "the same series again, and not at a later time");
	return true;
}

static bool feed_file(int fd, struct exposition *e, struct err *err)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		if (!exposition_feed(e, chunk, (size_t)n, err))
			return false;
	if (n < 0)
		return err_set(err, ERR_UNAVAILABLE, "cannot be read: %s", strerrordesc_np(errno));
	return exposition_finish(e, err);
}

bool page_read(const char *path, int64_t default_ms, struct series_set **out, size_t *out_samples,
               struct err *err)
{
	const struct exposition_limits limits = {.max_bytes = PAGE_BYTES,
	                                         .max_samples = PAGE_SAMPLES};
	bool standard = strcmp(path, "-") == 0;
	struct page page = {.default_ms = default_ms};
	struct exposition *e = NULL;
	bool ok = false;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, ERR_NOT_FOUND, "cannot be read: %s", strerrordesc_np(errno));
	arena_init(&page.arena, 1024 * 1024);
	page.set = series_set_new(0, FOREVER_MS, PAGE_SAMPLES);
	if (page.set == NULL) {
		(void)err_set(err, ERR_NOMEM, "no memory");
		goto out;
	}
	e = exposition_new(&limits, on_sample, NULL, &page, err);
	if (e == NULL || !feed_file(fd, e, err))
		goto out;
	*out_samples = exposition_samples(e);
	*out = page.set;
	page.set = NULL;
	ok = true;
out:
	exposition_free(&e);
	series_set_free(&page.set);
	arena_fini(&page.arena);
	if (!standard)
		close(fd);
	return ok;
}
