/*
 * memory - what the newest good page of a target looked like but for its values: the next one is
 * nearly always the same, and reading along is many times faster than parsing.
 *
 * Pure. Reading along compares bytes; from the first that differs on the page is parsed, after what
 * came before it has been parsed again without handing anything out, so that samples, errors and
 * their places are those of a page read without a memory. A line that was not wanted may change
 * behind its name, as ever.
 *
 * A memory is of one target; what replicas look like is kept once. Limits: MEMORY_TEXT_MAX and
 * MEMORY_LINES_MAX for each, MEMORY_TOTAL_MAX for all that share; of a page beyond, or of one with
 * timestamps or exemplars in OpenMetrics, nothing is kept. A target whose pages are never alike is
 * looked at ever more rarely.
 */
#ifndef EXPOSITION_MEMORY_H
#define EXPOSITION_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "exposition/exposition.h"

#define MEMORY_TEXT_MAX ((size_t)512 * 1024)
#define MEMORY_LINES_MAX ((size_t)16384)
#define MEMORY_TOTAL_MAX ((size_t)32 * 1024 * 1024)

struct exposition_memory;
struct exposition_shapes; /* the looks that several targets share, a few of them */

struct exposition_shapes *exposition_shapes_new(void); /* NULL without memory */
void exposition_shapes_free(struct exposition_shapes **shapes);

/* `shapes` is borrowed, outlives all memories that have it, and may be NULL. NULL without memory. */
struct exposition_memory *exposition_memory_new(struct exposition_shapes *shapes);
void exposition_memory_free(struct exposition_memory **m);
/* Other names are wanted from now on, or the newest page was not kept after all. */
void exposition_memory_forget(struct exposition_memory *m);

/* Whether the caller knows what stands at this place (exposition_sample.place) and can do without
 * the sample's labels. NULL: never. */
typedef bool (*exposition_known_fn)(void *ctx, size_t place);

/* After exposition_expect(), before the first byte. Borrowed until `e` is freed. While the page is
 * read along, `wanted` is not asked. */
void exposition_recall(struct exposition *e, struct exposition_memory *m,
                       exposition_known_fn known);
/* After exposition_finish(): the page was read along to its end, so that it has the same names and
 * the same series at the same places as the one before. */
bool exposition_is_repeated(const struct exposition *e);

#endif
