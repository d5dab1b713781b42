/*
 * rules - what OpenMetrics asks of a page beyond its grammar: families that stand together with
 * their metadata first and do not clash, and within each family metrics and points that are whole
 * and in order. Internal to lib/exposition.
 *
 * Of a page that is read in part (exposition_wanted_fn) the families are checked in full, and of
 * the samples those that are read; what a point lacks is then not known and not complained about.
 */
#ifndef EXPOSITION_RULES_H
#define EXPOSITION_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "exposition/exposition.h"
#include "exposition/seen.h"

struct cursor;
struct part_rule;

/* What a sample name has behind the name of its family. */
enum part {
	PART_BARE = 0,
	PART_TOTAL,
	PART_CREATED,
	PART_COUNT,
	PART_SUM,
	PART_BUCKET,
	PART_GCOUNT,
	PART_GSUM,
	PART_INFO,
	PARTS
};

enum metadata { METADATA_TYPE = 0, METADATA_HELP, METADATA_UNIT, METADATA_KINDS };

/* A timestamp, exact to the nanosecond when written without an exponent. Both parts have the sign.
 */
struct stamp {
	int64_t seconds;
	int32_t nanoseconds;
};

/* The samples of one metric with one timestamp, as far as they have come. */
struct point {
	bool is_open;
	uint64_t metric; /* hash of its labels */
	bool has_time;
	struct stamp time;
	unsigned parts;    /* bits of enum part */
	uint64_t number;   /* within the page */
	size_t line;       /* of the newest sample */
	double le, bucket; /* of the newest bucket */
	bool is_negative;  /* some bucket is below zero */
	bool has_inf;      /* the bucket +Inf has come */
	double count, sum; /* when their parts have */
};

struct rules {
	bool ended; /* "# EOF" has come */
	bool has_family;
	/* The present family. */
	size_t family; /* index in families.list */
	enum metric_type type;
	size_t line, column; /* of its first line and its name there */
	unsigned metadata;   /* bits of enum metadata */
	bool has_unit;
	bool is_sealed;  /* checked against the other families; no metadata may follow */
	bool is_partial; /* samples were skipped */
	const struct part_rule *part; /* of the present sample name */
	struct point point;
	size_t ended_points;
	struct seen seen;
};

void rules_init(struct rules *r, uint64_t seed);
void rules_fini(struct rules *r);

/* A metadata line of this kind for the family `name`, which stands at `at`. */
bool rules_metadata(struct exposition *e, const struct cursor *c, const char *at, struct str name,
                    enum metadata kind, struct err *err) MUST_CHECK;
/* Then what it says. */
bool rules_type(struct exposition *e, const struct cursor *c, const char *at, enum metric_type type,
                struct err *err) MUST_CHECK;
bool rules_unit(struct exposition *e, const struct cursor *c, const char *at, struct str unit,
                struct err *err) MUST_CHECK;
/* A sample name other than the one before, or the first since a metadata line. */
bool rules_name(struct exposition *e, const struct cursor *c, const char *at, struct str name,
                struct err *err) MUST_CHECK;
/* The sample's values, labels in e->labels; sets its type and is_cumulative. `time` may be NULL. */
bool rules_sample(struct exposition *e, const struct cursor *c, const char *value_at,
                  struct exposition_sample *sample, const struct stamp *time,
                  struct err *err) MUST_CHECK;
/* Its exemplar at `at`, whose labels are those of e->labels from `from` on. */
bool rules_exemplar(struct exposition *e, const struct cursor *c, const char *at, size_t from,
                    double value, struct err *err) MUST_CHECK;
/* The family and the point end here, and with them the page. */
bool rules_end(struct exposition *e, struct err *err) MUST_CHECK;

/* --- between rules.c and point.c --- */

/* How the samples of one part of a family of some type have to be. */
struct part_rule {
	enum metric_type type;
	enum part part;
	unsigned value;    /* bits of enum value_rule */
	const char *label; /* that it must have, and other parts of the family must not */
	bool exemplar;
	bool is_cumulative;
};
enum value_rule {
	NOT_NAN = 1,
	NOT_NEGATIVE = 2,
	INTEGER = 4,
	FINITE = 8,
	ONE = 16,
	BOOLEAN = 32,
};

struct str rules_family_name(const struct exposition *e);
/* One more sample of a page that is read along: the same as on the page before but for its value.
 * False: not by the rules. */
bool point_repeat(struct exposition *e, const struct part_rule *part, bool opens, bool is_infinite,
                  double value);
/* The values of the open point, if any, make up a whole. */
bool point_fits(const struct exposition *e);
/* The metric's last point is whole. */
bool point_end(struct exposition *e, struct err *err) MUST_CHECK;

#endif
