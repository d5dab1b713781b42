/*
 * wanted - the metric names of a target's page that somebody's KPIs need, and those under which the
 * page may say when what is needed was created (rule K8). Internal to daemon/source.
 *
 * Names are copied in.
 */
#ifndef SOURCE_WANTED_H
#define SOURCE_WANTED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "base/str.h"

struct interest;

struct wanted {
	struct map *names, *creations; /* own; NULL: nothing was asked for yet */
	bool everything;
	int64_t retention_ms;
};

/* What all of the list need together; `creations`: their creation times as well. */
bool wanted_unite(struct wanted *out, const struct interest *of_watch, bool creations,
                  uint64_t seed, struct err *err) MUST_CHECK;
void wanted_fini(struct wanted *w);
/* With others that want the same; it does not change from then on. */
void wanted_share(struct wanted *w, struct map_twins *twins);
bool wanted_is_wider(const struct wanted *w, const struct wanted *than);

bool wanted_is_kept(const struct wanted *w, struct str name);
bool wanted_is_creation(const struct wanted *w, struct str name);

#endif
