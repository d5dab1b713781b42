/*
 * info: brings the labels of info metrics, target_info unless others are named, to the series of
 * the same instance and job.
 *
 * The second argument is a selector that the parser has given a name where it had none. Matchers of
 * other labels pick the info series, and with them which of their labels are brought.
 */
#include <string.h>

#include "base/buf.h"
#include "promql/function.h"
#include "promql/matcher.h"
#include "promql/vector.h"

#define IDENTIFYING 2
static const struct str identifying[] = {{"instance", 8}, {"job", 3}};
/* What sets an info series apart; the name first. */
static const struct str signature[] = {{"__name__", 8}, {"instance", 8}, {"job", 3}};

struct joining {
	struct evaluation *e;
	const struct selector *selector;
	const struct promql_value *base, *info;
	bool *ignored;     /* per element of base: it is an info series itself */
	struct str *names; /* of the info series, each once */
	size_t nnames;
	struct labels *named; /* per element of info: its name alone */
	struct label_index by_name;
	struct labels *keys;      /* per element of info: its signature */
	struct label_index index; /* of the signatures, to the newest element of each */
	size_t *newest;
};

static bool is_name_matcher(const struct matcher *m)
{
	return str_eq(m->name, PROMQL_NAME_LABEL);
}

/* Info series are not given the labels of others. */
static bool find_ignored(struct joining *j, struct err *err)
{
	const struct selector *s = j->selector;

	j->ignored = take_array(j->e->arena, j->base->nvector, sizeof(bool), err);
	if (!j->ignored)
		return false;
	for (size_t i = 0; !s->is_unnamed && i < j->base->nvector; i++) {
		struct str name = labels_get(&j->base->vector[i].labels, PROMQL_NAME_LABEL);
		bool matches = true;

		for (size_t m = 0; matches && m < s->nmatchers; m++) {
			if (is_name_matcher(&s->matchers[m]) &&
			    !matcher_matches(&s->matchers[m], name, j->e->scratch, &matches, err))
				return false;
		}
		j->ignored[i] = matches;
	}
	return true;
}

/* The values of one identifying label in the base. */
static bool index_values(struct joining *j, struct str label, struct label_index *index,
                         struct err *err)
{
	struct arena *arena = j->e->arena;
	struct labels *keys = take_array(arena, j->base->nvector, sizeof(*keys), err);

	if (!keys || !label_index_init(index, j->base->nvector, arena, err))
		return false;
	for (size_t i = 0; i < j->base->nvector; i++) {
		if (!labels_only(&j->base->vector[i].labels, &label, 1, arena, &keys[i], err))
			return false;
		if (!j->ignored[i] && keys[i].n > 0)
			label_index_obtain(index, &keys[i], i);
	}
	return true;
}

static bool note_name(struct joining *j, size_t i, struct err *err)
{
	const struct labels *l = &j->info->vector[i].labels;

	if (!labels_only(l, signature, 1, j->e->arena, &j->named[i], err))
		return false;
	if (label_index_obtain(&j->by_name, &j->named[i], i) == i)
		j->names[j->nnames++] = labels_get(l, PROMQL_NAME_LABEL);
	return true;
}

static bool fail_twice(const struct labels *labels, struct err *err)
{
	struct buf text;

	buf_init(&text, 200);
	labels_print(labels, &text);
	err_set(err, ERR_INVALID, "found duplicate series for info metric: %.*s", (int)text.n,
	        text.bytes != NULL ? text.bytes : "");
	buf_fini(&text);
	return false;
}

/* Of several with one signature the newest counts. */
static bool note_info(struct joining *j, size_t i, struct err *err)
{
	const struct promql_element *el = &j->info->vector[i], *other;
	size_t first;

	if (!labels_only(&el->labels, signature, 3, j->e->arena, &j->keys[i], err))
		return false;
	first = label_index_obtain(&j->index, &j->keys[i], i);
	if (first == i) {
		j->newest[i] = i;
		return note_name(j, i, err);
	}
	other = &j->info->vector[j->newest[first]];
	if (other->at_ms == el->at_ms)
		return fail_twice(&el->labels, err);
	if (el->at_ms > other->at_ms)
		j->newest[first] = i;
	return true;
}

/* Only those whose identifying labels some series of the base has. */
static bool index_infos(struct joining *j, struct err *err)
{
	struct arena *arena = j->e->arena;
	size_t n = j->info->nvector;
	struct label_index values[IDENTIFYING];

	j->keys = take_array(arena, n, sizeof(*j->keys), err);
	j->newest = take_array(arena, n, sizeof(*j->newest), err);
	j->names = take_array(arena, n, sizeof(*j->names), err);
	j->named = take_array(arena, n, sizeof(*j->named), err);
	if (!j->keys || !j->newest || !j->names || !j->named ||
	    !label_index_init(&j->index, n, arena, err) ||
	    !label_index_init(&j->by_name, n, arena, err) ||
	    !index_values(j, identifying[0], &values[0], err) ||
	    !index_values(j, identifying[1], &values[1], err))
		return false;
	if (values[0].n == 0 && values[1].n == 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		bool known = true;

		for (size_t k = 0; known && k < IDENTIFYING; k++) {
			struct labels key;

			if (!labels_only(&j->info->vector[i].labels, &identifying[k], 1, arena,
			                 &key, err))
				return false;
			known = values[k].n == 0 || label_index_find(&values[k], &key) != NULL;
		}
		if (known && !note_info(j, i, err))
			return false;
	}
	return true;
}

static bool has_data_matchers(const struct selector *s)
{
	for (size_t i = 0; i < s->nmatchers; i++) {
		if (!is_name_matcher(&s->matchers[i]))
			return true;
	}
	return false;
}

static bool is_brought(const struct selector *s, struct str label)
{
	if (str_eq(label, PROMQL_NAME_LABEL))
		return false;
	for (size_t i = 0; i < s->nmatchers; i++) {
		if (str_eq(s->matchers[i].name, label))
			return true;
	}
	return !has_data_matchers(s);
}

static bool bring(struct joining *j, const struct labels *from, const struct labels *base,
                  struct promql_element *el, struct err *err)
{
	char quote[STR_QUOTE_MAX];

	for (size_t i = 0; i < from->n; i++) {
		const struct label *l = labels_at(from, i);
		struct str has;

		if (!is_brought(j->selector, l->name) || labels_get(base, l->name).n > 0)
			continue;
		has = labels_get(&el->labels, l->name);
		if (has.n > 0 && !str_eq(has, l->value))
			return err_set(err, ERR_INVALID, "conflicting label: %s",
			               str_quote(l->name, quote));
		if (!labels_with(&el->labels, l->name, l->value, j->e->arena, &el->labels, err))
			return false;
	}
	return true;
}

/* The labels of all info series of the same instance and job; *out_found: there was one. */
static bool join_one(struct joining *j, const struct labels *base, struct promql_element *el,
                     bool *out_found, struct err *err)
{
	struct arena *arena = j->e->arena;
	struct labels own, key;

	if (!labels_only(base, identifying, IDENTIFYING, arena, &own, err))
		return false;
	for (size_t i = 0; i < j->nnames; i++) {
		const size_t *first;

		if (!labels_with(&own, PROMQL_NAME_LABEL, j->names[i], arena, &key, err))
			return false;
		first = label_index_find(&j->index, &key);
		if (first == NULL)
			continue;
		*out_found = true;
		if (!bring(j, &j->info->vector[j->newest[*first]].labels, base, el, err))
			return false;
	}
	return true;
}

/* Without an info series at all a series stays only if the matchers let a label be missing. */
static bool may_lack_labels(struct joining *j, bool *out, struct err *err)
{
	const struct selector *s = j->selector;

	*out = true;
	for (size_t i = 0; *out && i < s->nmatchers; i++) {
		if (!is_name_matcher(&s->matchers[i]) &&
		    !matcher_matches(&s->matchers[i], STR(""), j->e->scratch, out, err))
			return false;
	}
	return true;
}

bool eval_info(struct evaluation *e, const struct call *call, struct promql_value *args,
               struct promql_value *out, struct err *err)
{
	struct joining j = {
	        .e = e,
	        .selector = &call->args[1]->selector,
	        .base = &args[0],
	        .info = &args[1],
	};
	bool keeps_others;

	if (!find_ignored(&j, err) || !index_infos(&j, err) ||
	    !may_lack_labels(&j, &keeps_others, err) ||
	    !vector_make(out, args[0].nvector, e->arena, err))
		return false;
	for (size_t i = 0; i < args[0].nvector; i++) {
		struct promql_element el = args[0].vector[i];
		bool found = j.ignored[i];

		el.at_ms = e->at_ms;
		if (!j.ignored[i] && !join_one(&j, &args[0].vector[i].labels, &el, &found, err))
			return false;
		if (found || keeps_others)
			vector_add(out, el);
	}
	return true;
}
