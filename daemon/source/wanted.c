/* What wanted.h says. */
#include "source/wanted.h"

#include "series/created.h"
#include "source/watch.h"

static char is_wanted; /* what its address stands for; never written */

void wanted_fini(struct wanted *w)
{
	if (w->names != NULL)
		map_free(&w->names);
	if (w->creations != NULL)
		map_free(&w->creations);
}

void wanted_share(struct wanted *w, struct map_twins *twins)
{
	map_intern(twins, &w->names);
	if (w->creations != NULL)
		map_intern(twins, &w->creations);
}

static bool add_needs(struct wanted *w, const struct source_needs *needs, struct err *err)
{
	w->everything = w->everything || needs->everything;
	if (needs->retention_ms > w->retention_ms)
		w->retention_ms = needs->retention_ms;
	for (size_t i = 0; i < needs->nnames; i++) {
		if (!map_put(w->names, needs->names[i], &is_wanted, err))
			return false;
	}
	return true;
}

static bool add_creations(struct wanted *w, struct err *err)
{
	char text[CREATED_NAME_MAX];
	struct str name;
	void *value;

	for (size_t at = 0; map_next(w->names, &at, &name, &value);) {
		if (!map_put(w->creations, created_name(name, text), &is_wanted, err))
			return false;
	}
	return true;
}

bool wanted_unite(struct wanted *out, const struct interest *of_watch, bool creations,
                  uint64_t seed, struct err *err)
{
	struct wanted w = {.names = map_new(seed), .creations = creations ? map_new(seed) : NULL};
	bool ok = w.names != NULL && (w.creations != NULL || !creations);

	if (!ok)
		err_set(err, ERR_NOMEM, "no memory for a target");
	for (const struct interest *i = of_watch; ok && i != NULL; i = i->next_of_watch)
		ok = add_needs(&w, i->needs, err);
	if (ok && creations)
		ok = add_creations(&w, err);
	if (ok)
		*out = w;
	else
		wanted_fini(&w);
	return ok;
}

bool wanted_is_wider(const struct wanted *w, const struct wanted *than)
{
	struct str name;
	void *value;

	if (than->everything)
		return false;
	if (w->everything)
		return true;
	for (size_t at = 0; map_next(w->names, &at, &name, &value);) {
		if (!wanted_is_kept(than, name))
			return true;
	}
	return false;
}

bool wanted_is_kept(const struct wanted *w, struct str name)
{
	return w->everything || (w->names != NULL && map_get(w->names, name) != NULL);
}

/* With everything wanted, whatever ends like one may be a creation time. */
bool wanted_is_creation(const struct wanted *w, struct str name)
{
	return w->creations != NULL && str_ends_with(name, STR("_created")) &&
	       (w->everything || map_get(w->creations, name) != NULL);
}
