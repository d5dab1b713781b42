/*
 * rules - the families of an OpenMetrics page: one after the other, each with its metadata first,
 * under names that cannot be mistaken for each other's.
 */
#include "exposition/rules.h"

#include <string.h>

#include "base/macros.h"
#include "exposition/scan.h"

#define COUNT_OF_EVENTS (NOT_NAN | NOT_NEGATIVE | INTEGER)

/* clang-format off */
static const struct part_rule part_rules[] = {
	/* type                  part          value                   label       exemplar  cumulative */
	{ METRIC_UNTYPED,         PART_BARE,    0,                      NULL,       false,    false },
	{ METRIC_GAUGE,           PART_BARE,    0,                      NULL,       false,    false },
	{ METRIC_COUNTER,         PART_TOTAL,   NOT_NAN | NOT_NEGATIVE, NULL,       true,     true },
	{ METRIC_COUNTER,         PART_CREATED, FINITE,                 NULL,       false,    false },
	{ METRIC_HISTOGRAM,       PART_BUCKET,  COUNT_OF_EVENTS,        "le",       true,     true },
	{ METRIC_HISTOGRAM,       PART_COUNT,   COUNT_OF_EVENTS,        NULL,       false,    true },
	{ METRIC_HISTOGRAM,       PART_SUM,     NOT_NAN | NOT_NEGATIVE, NULL,       false,    true },
	{ METRIC_HISTOGRAM,       PART_CREATED, FINITE,                 NULL,       false,    false },
	{ METRIC_GAUGE_HISTOGRAM, PART_BUCKET,  COUNT_OF_EVENTS,        "le",       true,     false },
	{ METRIC_GAUGE_HISTOGRAM, PART_GCOUNT,  COUNT_OF_EVENTS,        NULL,       false,    false },
	{ METRIC_GAUGE_HISTOGRAM, PART_GSUM,    NOT_NAN,                NULL,       false,    false },
	{ METRIC_SUMMARY,         PART_BARE,    NOT_NEGATIVE,           "quantile", false,    false },
	{ METRIC_SUMMARY,         PART_COUNT,   COUNT_OF_EVENTS,        NULL,       false,    true },
	{ METRIC_SUMMARY,         PART_SUM,     NOT_NAN | NOT_NEGATIVE, NULL,       false,    true },
	{ METRIC_SUMMARY,         PART_CREATED, FINITE,                 NULL,       false,    false },
	{ METRIC_INFO,            PART_INFO,    ONE,                    NULL,       false,    false },
	{ METRIC_STATESET,        PART_BARE,    BOOLEAN,                "",         false,    false },
};

static const struct str suffixes[] = {
	[PART_BARE]    = { "", 0 },
	[PART_TOTAL]   = { "_total", 6 },
	[PART_CREATED] = { "_created", 8 },
	[PART_COUNT]   = { "_count", 6 },
	[PART_SUM]     = { "_sum", 4 },
	[PART_BUCKET]  = { "_bucket", 7 },
	[PART_GCOUNT]  = { "_gcount", 7 },
	[PART_GSUM]    = { "_gsum", 5 },
	[PART_INFO]    = { "_info", 5 },
};

/* What the names of a type's samples end in, for messages. */
static const char *const endings[] = {
	[METRIC_UNTYPED]         = "nothing",
	[METRIC_COUNTER]         = "_total or _created",
	[METRIC_GAUGE]           = "nothing",
	[METRIC_HISTOGRAM]       = "_bucket, _count, _sum or _created",
	[METRIC_SUMMARY]         = "_count, _sum, _created or nothing",
	[METRIC_GAUGE_HISTOGRAM] = "_bucket, _gcount or _gsum",
	[METRIC_INFO]            = "_info",
	[METRIC_STATESET]        = "nothing",
};
/* clang-format on */
_Static_assert(ARRAY_LEN(suffixes) == PARTS, "every part has its suffix");
_Static_assert(ARRAY_LEN(endings) == METRIC_TYPE_COUNT, "every type has its endings");

void rules_init(struct rules *r, uint64_t seed)
{
	*r = (struct rules){0};
	seen_init(&r->seen, seed);
}

void rules_fini(struct rules *r)
{
	seen_fini(&r->seen);
}

static const struct part_rule *rule_of(enum metric_type type, enum part part)
{
	for (size_t i = 0; i < ARRAY_LEN(part_rules); i++) {
		if (part_rules[i].type == type && part_rules[i].part == part)
			return &part_rules[i];
	}
	return NULL;
}

/* The rule for the samples of this name in a family of this name and type; NULL: there are none. */
static const struct part_rule *rule_for(struct str family, enum metric_type type, struct str name)
{
	struct str rest;

	if (!str_starts_with(name, family))
		return NULL;
	rest = str_slice(name, family.n, name.n);
	for (size_t i = 0; i < ARRAY_LEN(part_rules); i++) {
		if (part_rules[i].type == type && str_eq(suffixes[part_rules[i].part], rest))
			return &part_rules[i];
	}
	return NULL;
}

struct str rules_family_name(const struct exposition *e)
{
	return families_name(&e->families, e->rules.family);
}

/* The other family, if any, that a sample called `name` could belong to. */
static bool find_owner(const struct exposition *e, struct str name, size_t *out)
{
	for (int part = PART_BARE + 1; part < PARTS; part++) {
		struct str family = name;

		if (!str_ends_with(name, suffixes[part]))
			continue;
		family.n -= suffixes[part].n;
		if (families_find(&e->families, family, out) && *out != e->rules.family &&
		    rule_of(e->families.list[*out].type, (enum part)part) != NULL)
			return true;
	}
	return false;
}

static bool find_clash(struct exposition *e, size_t *out, struct err *err)
{
	struct str name = rules_family_name(e);

	if (find_owner(e, name, out))
		return true;
	for (int part = PART_BARE + 1; part < PARTS; part++) {
		struct str suffix = suffixes[part], joined;

		if (rule_of(e->rules.type, (enum part)part) == NULL)
			continue;
		e->joined.n = 0;
		if (!scratch_add(&e->joined, name.p, name.n, err) ||
		    !scratch_add(&e->joined, suffix.p, suffix.n, err))
			return false;
		joined = (struct str){.p = e->joined.bytes, .n = e->joined.n};
		if (families_find(&e->families, joined, out))
			return true;
	}
	return false;
}

/* From its first sample on, or its end, all is known about a family. */
static bool seal(struct exposition *e, struct err *err)
{
	struct rules *r = &e->rules;
	char ours[STR_QUOTE_MAX], theirs[STR_QUOTE_MAX];
	struct err trouble = {.code = ERR_NONE};
	size_t other;

	if (r->is_sealed)
		return true;
	r->is_sealed = true;
	e->families.list[r->family].type = r->type;
	if (find_clash(e, &other, &trouble)) {
		err_set(err, ERR_INVALID,
		        "the family %s clashes with the family %s: their samples could have the "
		        "same name",
		        str_quote(rules_family_name(e), ours),
		        str_quote(families_name(&e->families, other), theirs));
		return misplaced(r->line, r->column, err);
	}
	if (trouble.code == ERR_NONE)
		return true;
	*err = trouble;
	return misplaced(r->line, r->column, err);
}

bool rules_end(struct exposition *e, struct err *err)
{
	return !e->rules.has_family || (seal(e, err) && point_end(e, err));
}

static bool open_family(struct exposition *e, const struct cursor *c, const char *at,
                        struct str name, struct err *err)
{
	struct rules *r = &e->rules;

	if (!rules_end(e, err))
		return false;
	if (!families_declare(&e->families, name, METRIC_UNTYPED, err))
		return too_much(e, c, at,
		                err->code == ERR_LIMIT ? EXPOSITION_MAX_FAMILIES
		                                       : EXPOSITION_NO_MEMORY,
		                err);
	r->has_family = true;
	r->family = e->families.n - 1;
	r->type = METRIC_UNTYPED;
	r->line = e->lines;
	r->column = (size_t)(at - c->start);
	r->metadata = 0;
	r->has_unit = r->is_sealed = r->is_partial = false;
	r->part = NULL;
	r->point.is_open = false;
	seen_clear(&r->seen);
	return true;
}

static bool refuse_again(const struct exposition *e, const struct cursor *c, const char *at,
                         struct str family, struct err *err)
{
	char quote[STR_QUOTE_MAX];

	err_set(err, ERR_INVALID, "the family %s comes again: all its lines must stand together",
	        str_quote(family, quote));
	return bad(e, c, at, err);
}

bool rules_metadata(struct exposition *e, const struct cursor *c, const char *at, struct str name,
                    enum metadata kind, struct err *err)
{
	static const char *const words[METADATA_KINDS] = {"TYPE", "HELP", "UNIT"};
	struct rules *r = &e->rules;
	bool is_same = r->has_family && str_eq(rules_family_name(e), name);
	size_t index;

	e->name.n = 0; /* the next sample's is looked at anew */
	if (!is_same && families_find(&e->families, name, &index))
		return refuse_again(e, c, at, name, err);
	if (!is_same && !open_family(e, c, at, name, err))
		return false;
	if (r->is_sealed) {
		err_set(err, ERR_INVALID, "the %s of a family must stand before its samples",
		        words[kind]);
		return bad(e, c, at, err);
	}
	if ((r->metadata & (1u << kind)) != 0) {
		err_set(err, ERR_INVALID, "the %s of a family stands twice", words[kind]);
		return bad(e, c, at, err);
	}
	r->metadata |= 1u << kind;
	return true;
}

static bool check_unit(const struct exposition *e, const struct cursor *c, const char *at,
                       struct err *err)
{
	const struct rules *r = &e->rules;

	if (!r->has_unit || (r->type != METRIC_INFO && r->type != METRIC_STATESET))
		return true;
	err_set(err, ERR_INVALID, "a family of type %s has no unit", metric_type_name(r->type));
	return bad(e, c, at, err);
}

bool rules_type(struct exposition *e, const struct cursor *c, const char *at, enum metric_type type,
                struct err *err)
{
	e->rules.type = type;
	e->declared = type;
	return check_unit(e, c, at, err);
}

bool rules_unit(struct exposition *e, const struct cursor *c, const char *at, struct str unit,
                struct err *err)
{
	struct str name = rules_family_name(e);
	char quote[STR_QUOTE_MAX];

	if (unit.n == 0)
		return true;
	e->rules.has_unit = true;
	if (!str_ends_with(name, unit) || name.n == unit.n || name.p[name.n - unit.n - 1] != '_') {
		err_set(err, ERR_INVALID,
		        "the family's name must end in its unit: an underscore and %s",
		        str_quote(unit, quote));
		return bad(e, c, at, err);
	}
	return check_unit(e, c, at, err);
}

/* A sample that is not of the present family begins one without metadata, of type unknown. */
static bool open_unknown(struct exposition *e, const struct cursor *c, const char *at,
                         struct str name, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	size_t other;

	if (families_find(&e->families, name, &other)) {
		if (other != e->rules.family)
			return refuse_again(e, c, at, name, err);
		err_set(err, ERR_INVALID,
		        "%s is of type %s: the names of its samples must end in %s",
		        str_quote(name, quote), metric_type_name(e->rules.type),
		        endings[e->rules.type]);
		return bad(e, c, at, err);
	}
	if (find_owner(e, name, &other))
		return refuse_again(e, c, at, families_name(&e->families, other), err);
	return open_family(e, c, at, name, err);
}

bool rules_name(struct exposition *e, const struct cursor *c, const char *at, struct str name,
                struct err *err)
{
	struct rules *r = &e->rules;

	r->part = r->has_family ? rule_for(rules_family_name(e), r->type, name) : NULL;
	if (r->part == NULL) {
		if (!open_unknown(e, c, at, name, err))
			return false;
		r->part = rule_of(METRIC_UNTYPED, PART_BARE);
	}
	return seal(e, err);
}
