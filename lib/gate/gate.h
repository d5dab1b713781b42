/*
 * gate - a condition on the service under release: a kind that measures one number, a ladder of
 * rungs that number is held against, votes that make a breach persistent, and a sentence a person
 * can read.
 *
 * Pure. Every kind reduces what it watches to a struct gate_measure; the ladder (rules E1 to E4) is
 * the same for all kinds. Comparisons are written so that NaN cannot pass, and no default yields a
 * pass.
 */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/field.h"
#include "base/time.h"
#include "gate/alert_list.h"
#include "gate/incidents.h"
#include "gate/kpi.h"
#include "gate/measurements.h"

#define GATE_MAX_RUNGS 4
#define GATE_MAX_VOTES 32

/* The worst gate wins; anything that is not a pass is at least a hold. */
enum verdict {
	VERDICT_PASS = 0,
	VERDICT_HOLD,
	VERDICT_ASK,
	VERDICT_PAUSE,
	VERDICT_ROLLBACK,
	VERDICT_COUNT
};
extern const char *const verdict_names[VERDICT_COUNT + 1];

enum rung_compare { RUNG_ABOVE = 0, RUNG_BELOW };
enum rung_then { RUNG_NOTE = 0, RUNG_ASK, RUNG_PAUSE, RUNG_ROLLBACK, RUNG_THEN_COUNT };
extern const char *const rung_then_names[RUNG_THEN_COUNT + 1];

/* {above: 1%, for: 3 of 3, then: pause}. Exactly one of votes and duration. */
struct gate_rung {
	enum rung_compare compare;
	char *limit_text; /* as written; in canonical spelling once the policy knows the unit */
	double limit;     /* in the unit of what the gate watches; of baselines see
	                     gate_rung_at() */
	bool of_baseline; /* `above: baseline + 10% + 20ms` */
	double relative;  /* share of the baseline: 0.1 */
	double absolute;  /* in the unit: 0.02 */
	unsigned votes_needed; /* N of M; 0 when `for_ms` is used */
	unsigned votes_of;
	int64_t for_ms;
	enum rung_then then;
	char *option; /* rollback option; NULL: the first whose conditions hold */
};

enum gate_place {
	GATE_IN_DEFAULT = 0,
	GATE_IN_ALL,
	GATE_IN_STAGES
}; /* default: rollout and verify stages */

struct evidence_result;
struct gate_kind;
struct gate_state;

struct gate {
	char *name;
	const struct gate_kind *kind;
	void *spec; /* kind->fields describes it; owned */
	struct gate_rung *rungs;
	size_t nrungs;
	double min_events;    /* 0 when written as 0 or not needed */
	char *min_events_kpi; /* which KPI counts them; NULL without min_events */
	double quorum;        /* 0: the source's */
	enum gate_place in;
	char **in_stages; /* with GATE_IN_STAGES */
	size_t nin_stages;
	int64_t vote_every_ms;         /* 0: the longest range of what it watches */
	int64_t max_hold_ms;           /* rule E5; default 1 h */
	enum rung_then after_max_hold; /* RUNG_ASK (escalate, default) or RUNG_ROLLBACK */
	bool optional;                 /* may be missing without blocking */
	bool shadow;                   /* evaluated and shown, never counted */
	char **waivable_by;            /* role names */
	size_t nwaivable_by;
	/* set by policy_bind */
	size_t kpi_index;    /* of the KPI it watches; SIZE_MAX without, here and below */
	size_t events_index; /* KPI that counts events */
	size_t against_index;        /* KPI it is compared with */
	size_t against_events_index; /* and the one that counts that one's events */
};

/* One URL of a health gate as last seen. Failing counts only when a second probe confirmed it. */
enum probe_state {
	PROBE_NEVER = 0,
	PROBE_OK,
	PROBE_FAILED,
	PROBE_UNKNOWN, /* our own network or limits failed */
	PROBE_ERROR    /* of integrity checks: no answer, or one that does not say */
};
struct gate_probe {
	const char *url;
	enum probe_state state;
	bool confirmed;
	struct wall at;
	struct wall since; /* what ${started_at} stood for; 0: nothing */
	long status;
	int64_t latency_ms;
	char why[160];
};

/* Alerts of one alerts gate as last asked. */
struct gate_alerts {
	bool known; /* the newest answer was whole and understood */
	bool is_part; /* more may fire than is known, `why` says so: what does fire still counts */
	struct wall at;
	int64_t every_ms;
	size_t firing;
	json_t *list;  /* the first ALERT_LIST_MAX of them, one by one; owned by whoever fills it */
	char why[160]; /* when not known, or only a part */
};

/* Which version is being looked at. */
enum gate_era {
	ERA_BEFORE = 0, /* nothing was exposed so far */
	ERA_EXPOSED,
	ERA_BACK /* the way back: the stable version again */
};

/* Everything one round has to say about one release; the gates pick what they watch. */
struct gate_evidence {
	struct wall at;
	struct wall exposed_since; /* start of the present exposure; 0 when nothing is exposed */
	bool entering;             /* the exposure is only being changed: nothing is covered yet */
	bool settling;             /* the stage's `settle` runs */
	enum gate_era era;
	struct wall stage_since; /* when the release came where it is; 0: unknown */
	int64_t evaluate_every_ms;
	const struct kpi_reading *kpis; /* index as in the policy */
	const struct kpi *kpi_list;
	size_t nkpis;
	/* per gate index of the policy; nprobes 0 for gates that are no health gates */
	const struct gate_probe *const *probes;
	const size_t *nprobes;
	const struct gate_alerts *const
	        *alerts; /* NULL entries for gates that are no alerts gates */
	const struct evidence_result *results; /* what was reported to the release */
	size_t nresults;
	const struct gate_incidents *incidents; /* of the service; NULL: nobody has asked */
	/* Alerts a person took care of, for this release (rule A4). */
	const struct gate_addressed *addressed;
	size_t naddressed;
};

/* What a kind reduces its evidence to. */
struct gate_measure {
	enum gate_result result; /* GATE_PASS: `value` may be held against the rungs (then BREACH or
	                            WARMING may follow); else why not */
	double value;
	enum kpi_unit unit;
	double events;    /* behind the value; NaN when not counted */
	int64_t range_ms; /* stretch of past behind the value; votes lie at least this far apart */
	bool covered;
	struct wall covered_at;
	int64_t takes_ms; /* how long after an exposure began a first value can be had, when that
	                     is longer than range_ms */
	bool collecting;  /* what is missing needs nothing but time */
	double baseline;  /* what `baseline` means in limits; NaN without */
	bool unheld;      /* a pass that is not held against the rungs: it only has to be there */
	struct gate_account account;
	char per[24];     /* of slopes, behind value and limits: " per 1d" */
	char text[160];  /* the value in words: "2.4 % of 412 requests"; when result is GATE_PASS */
	char why[240];   /* when result is not GATE_PASS, or not covered */
	char blind[240]; /* some rung can never be reached: the gate does not pass then (rule K9) */
	double latency_ms; /* of the slowest newest answer; NaN where nothing is timed */
	int64_t told;    /* of what is reported: which report it is; one never votes twice. 0: each
	                    evaluation looks anew */
	char still[160]; /* a counter that stands still while others move; both empty without */
};

struct gate_kind {
	const char *name, *doc;
	const struct field_table *fields; /* of the spec; its first key is the kind's name */
	unsigned default_votes;           /* 0: a rung must say `for`; 1: "1 of 1" (rule E1) */
	bool implicit_rung;               /* without rungs: above 0 (health, alerts) */
	/* Of kinds that watch a KPI, its name, borrowed from the spec; NULL for the others. */
	const char *(*kpi)(const void *spec);
	/* The KPI it is compared with, and the one that counts its events; NULL without. May be
	 * NULL. */
	const char *(*against)(const void *spec);
	const char *(*against_events)(const void *spec);
	/* Whether it counts in preflight stages, too, where `in` says nothing. May be NULL. */
	bool (*counts_before)(const void *spec);
	/* Called where nothing was exposed so far and all other counting gates passed: what is seen
	 * then may serve as a baseline. May be NULL. */
	void (*keep)(const struct gate *gate, const struct gate_evidence *evidence,
	             struct gate_state *state);
	/* Limits are in the KPI's unit per time and may be below 0. */
	bool limits_are_slopes;
	/* The value is made of several windows, so that one vote is no single bad window. */
	bool looks_at_several;
	/* What the value was made of, for the gate's JSON: stands under the kind's name. New
	 * reference; NULL without memory. May be NULL. */
	json_t *(*details)(const struct gate *gate, const struct gate_measure *m);
	/* `state` is the gate's memory; kinds keep in it what they must know of earlier
	 * evaluations. Also called where the gate does not count. */
	void (*measure)(const struct gate *gate, size_t index, const struct gate_evidence *evidence,
	                struct gate_state *state, struct gate_measure *out);
};
extern const struct gate_kind *const gate_kinds[]; /* NULL at the end; a new kind: one more name */
extern const char *const gate_kind_names[];

/* The memory of one rung between evaluations; part of the checkpoint (rule E3). */
struct rung_state {
	uint32_t votes;  /* newest in bit 0; 1 = breach */
	unsigned nvotes; /* at most votes_of */
	struct wall last_vote;
	struct wall last_result; /* newest pass or breach that might have voted */
	int64_t breach_ms;       /* for `for: 10m`: unbroken observed breach */
	bool breached;           /* that one was a breach of this rung */
	int64_t told;            /* the report that the newest vote was about; 0: none */
};
/* What a KPI was before the exposure. */
struct gate_baseline {
	bool fixed; /* the release was exposed: it stays as it is, be there one or not */
	double value;
	double events;
	int64_t n; /* measurements it is the mean of; 0: there is none */
	struct wall from, to;
	struct wall since; /* while it is captured: since when measurements come */
};
struct gate_state {
	struct rung_state rungs[GATE_MAX_RUNGS];
	struct measurements past; /* of kinds that look at several */
	struct gate_baseline baseline;
	struct gate_quiet quiet;  /* of kind incidents */
	struct wall
	        silent_since; /* where it counts it gave neither pass nor breach since then (rule
	                         E5); 0: it did. Kept by whoever knows where the gate counts. */
};
extern const struct field_table gate_state_table; /* for checkpoints */
extern const struct field_custom measurements_custom; /* of struct measurements */

struct gate_outcome {
	enum gate_result result;
	enum verdict verdict; /* what this gate alone asks for, were it to count */
	bool counts;          /* in this stage, not waived, not shadow, not optional-and-missing */
	bool waived;
	int rung;  /* worst rung whose condition holds; -1 */
	int fired; /* worst rung that fired and is not taken back: it stands through results
	              without evidence until a pass or until it is forgotten (rule E3); -1 */
	unsigned fired_set; /* every rung that fired: bit 1 << rung */
	const char *option; /* of the fired rollback rung; borrowed from the gate; may be NULL */
	struct gate_measure measure;
	unsigned votes; /* breach votes of `rung` (or the first rung) so far */
	struct wall next_vote;
	char sentence[240]; /* "2nd of 3 votes above 1 %: 2.4 % of 412 requests; a third pauses" */
};

/* One gate at one instant. `state` is updated. `settled`: false while the stage's settle runs or
 * where the gate does not count (breaches and passes then are shown, not voted). `counts` is true
 * but for shadow gates and optional ones without data; whoever knows the stage narrows it further.
 */
void gate_evaluate(const struct gate *gate, size_t index, const struct gate_evidence *evidence,
                   bool settled, struct gate_state *state, struct gate_outcome *out);
/* Whether the rung's condition is met: strictly, and equal within 1e-9 is equal (rule K3). NaN
 * meets every one: it cannot pass. */
bool gate_rung_holds(const struct gate_rung *rung, double value);
/* The rung as it is with that baseline: `limit` is a number. */
struct gate_rung gate_rung_at(const struct gate_rung *rung, double baseline);
/* Votes forgotten: resume. What was measured stays. */
/* "it would pass at 1 % or less": what would have to be so for a breach to be a pass; false where it
 * breaches nothing, or where its limit goes without saying. */
bool gate_would_pass(const struct gate *gate, const struct gate_outcome *o, char *out, size_t size);
void gate_state_clear(struct gate_state *state);

/* The gates of a policy are decoded by this table's custom rows (kind first, one rung may be flat).
 */
extern const struct field_table gate_table;
extern const struct field_table kpi_table;

#endif
