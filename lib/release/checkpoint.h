/*
 * checkpoint - what evaluations have come to: the newest one, and the green time and votes that are
 * saved beside the release.
 */
#ifndef RELEASE_CHECKPOINT_H
#define RELEASE_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/field.h"
#include "base/time.h"
#include "gate/gate.h"
#include "policy/policy.h"

struct release;

/* What a KPI of the policy's `compare` was before the exposure, and in the last stage. */
struct kpi_comparison {
	struct measurements before, after;
};

/* Bake, votes and the last evaluation: saved beside the release, no transition (rule B3). */
struct checkpoint {
	int64_t observed_ms;         /* green time */
	int64_t passes;              /* passing evaluations since the bake (re)started */
	int64_t evaluation;          /* number of the newest one */
	struct wall last_evaluation; /* its time */
	struct wall
	        last_pass; /* newest passing evaluation; 0 after a non-pass only in `last_passed` */
	bool last_passed;  /* the newest evaluation passed */
	struct wall no_proof_since; /* since when proof is missing, of whichever gate; 0 when not */
	int64_t no_proof_rounds;    /* in a row (rule E5: three) */
	int64_t fresh_rounds;       /* evaluations since this process took the release over */
	int64_t stage;              /* the stage these belong to */
	int64_t row_version;        /* of the release when it was taken */
	struct gate_state *gates;   /* per gate of the policy */
	size_t ngates;
	struct kpi_comparison *comparisons; /* per KPI of the policy's `compare` */
	size_t ncomparisons;
};
extern const struct field_table checkpoint_table;

/* Makes the checkpoint fit the release: a bake that restarted since it was taken starts at 0, votes
 * that were forgotten are forgotten. To be called whenever the shell has loaded or replaced the
 * snapshot, whoever changed it. Harmless when called again. */
void checkpoint_follow(struct checkpoint *c, const struct release *r);

/* All gates at one instant. Owned arrays; sentences are copied in. */
struct evaluation {
	int64_t number;
	struct wall at;
	int64_t stage;
	int64_t policy_version; /* of the release: whose gates these are */
	enum verdict verdict;
	bool all_pass; /* every counting gate passes: the only proof there is */
	struct gate_outcome *gates;
	json_t **alerts; /* by gate: firing ones, for people; NULL entries without */
	size_t ngates;
	struct kpi_reading *kpis;
	size_t nkpis;
	int64_t decisive; /* gate that decided the verdict; -1 */
};
void evaluation_free(struct evaluation **e);
struct evaluation *evaluation_copy(const struct evaluation *e);
json_t *evaluation_to_json(const struct evaluation *e, const struct policy *p);

#endif
