/*
 * policy - how a service is released: sources, KPIs, gates, stages, actions and the way back,
 * decoded from YAML or JSON, checked as a whole, hashed.
 *
 * Pure: the text of included files is handed in. A decoded policy is immutable. Two forms: as
 * written (placeholders open; what is stored, hashed and shown) and bound (placeholders of one
 * release filled, expressions parsed; what evaluates). Stage placeholders stay open until the stage
 * is entered.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/position.h"
#include "base/problem.h"
#include "base/str.h"
#include "gate/gate.h"
#include "policy/windows.h"

#define POLICY_MAX_BYTES (1024 * 1024)
#define POLICY_MAX_DEPTH 16
#define POLICY_MAX_STAGES 64
#define POLICY_MAX_GATES 64
#define POLICY_MAX_KPIS 64
#define POLICY_MAX_SOURCES 32
#define POLICY_MAX_ACTIONS 64
#define POLICY_MAX_ADDRESSES 256 /* of one source */
#define POLICY_MAX_SELECTORS 32  /* of one expression for a prometheus source (rule K5) */
#define POLICY_MAX_LEVELS 8      /* of an escalation */
#define POLICY_MAX_REQUIRES 32
#define POLICY_HASH_TEXT 65      /* SHA-256 in hex + NUL */

enum source_kind {
	SOURCE_SCRAPE = 0,
	SOURCE_ALERTMANAGER,
	SOURCE_PROMETHEUS, /* a server that evaluates PromQL: Prometheus, Thanos, Mimir */
	SOURCE_JSON,       /* a document whose values KPIs point to */
	SOURCE_WEBHOOK,    /* alerts told to POST /v1/alerts; its address is the alert that always fires */
	SOURCE_KIND_COUNT
};
extern const char *const source_kind_names[SOURCE_KIND_COUNT + 1];

struct policy_pair { /* query_params: {tenant: erp} */
	char *name;
	char *value;
};

struct policy_source {
	char *name;
	enum source_kind kind; /* by the key that names the address */
	char **addresses;      /* URLs; of scrapes host:port too; one of prometheus and json */
	json_t **labels;       /* of scrapes, by address: an object of texts or NULL; NULL: none */
	size_t naddresses;
	int64_t every_ms;      /* default 15 s */
	int64_t timeout_ms;    /* default 10 s, at most `every` */
	double quorum;         /* default 1 */
	bool mend;             /* rule K8; default true */
	bool honor_timestamps; /* default true as in Prometheus */
	bool honor_labels;     /* the page's own win over the target's */
	int64_t repeat_ms;     /* of alerts_webhook; 0: 4 h */
	char *credentials;     /* of headgate.yaml; NULL: none are sent */
	struct policy_pair *query_params; /* of prometheus: sent with each query */
	size_t nquery_params;

	/* Of scrapes, in Prometheus' words. */
	char **file_sd; /* files with targets, below targets_dir; * in their names */
	size_t nfile_sd;
	char **http_sd; /* URLs of documents with targets */
	size_t nhttp_sd;
	int64_t sd_refresh_ms; /* 0: 30 s */
	int scheme;            /* enum source_scheme, of targets written as host:port */
	char *metrics_path;    /* NULL: /metrics */
	json_t *params;        /* {name: text or list of texts} or NULL */
};
enum source_scheme { SCHEME_HTTP = 0, SCHEME_HTTPS, SCHEME_COUNT };
extern const char *const source_scheme_names[SCHEME_COUNT + 1];

/* Whether it says where its evidence comes from at all. */
bool policy_source_is_set(const struct policy_source *source);
/* What a source is known by among people: its first address, or where its targets are found. NULL
 * without. */
const char *policy_source_address(const struct policy_source *source);
/* Whether a target may carry it: a label's name, or one of those that say how it is scraped
 * (__scheme__, __metrics_path__, __param_NAME). */
bool policy_label_is_fine(const char *name);
/* What is wrong with a file_sd; static; NULL: nothing. As in Prometheus the last part of the path
 * may hold a *, and the name says the format. */
const char *policy_file_fault(const char *path);

enum stage_kind { STAGE_PREFLIGHT = 0, STAGE_ROLLOUT, STAGE_VERIFY, STAGE_KIND_COUNT };
extern const char *const stage_kind_names[STAGE_KIND_COUNT + 1];

struct policy_check { /* checks: {tests: qa} */
	char *name;
	char *owner; /* role */
};
struct policy_approval { /* approvals: {release_manager: 1} */
	char *name;      /* role */
	int64_t count;
};

struct policy_stage {
	char *stage;          /* its name */
	enum stage_kind kind; /* default rollout */
	int64_t weight;       /* 0..100; -1 when not written (not allowed in preflight) */
	char *audience;       /* who is exposed, in words; NULL: not said */
	json_t *flags;        /* handed to actions; object or NULL */
	int64_t bake_ms;
	bool allow_zero_bake;
	int64_t overdue_ms;      /* 0: none; rule B2 */
	int64_t settle_ms;       /* default 0 */
	int64_t min_evaluations; /* default 3; rule V1 */
	bool manual;             /* promotion: manual */
	char **enter;            /* action names */
	size_t nenter;
	struct policy_check *checks;
	size_t nchecks;
	struct policy_approval *approvals;
	size_t napprovals;
};

enum acknowledge_by {
	ACKNOWLEDGE_BY_STATUS = 0, /* a 2xx says that it is so now */
	ACKNOWLEDGE_BY_CALLBACK,   /* a 2xx says that it is taken; a call says how it ended */
	ACKNOWLEDGE_BY_COUNT
};
extern const char *const acknowledge_by_names[ACKNOWLEDGE_BY_COUNT + 1];

/* How to see whether what an action asked for is so; placeholders in path and equals. */
struct policy_read {
	char *from;       /* destination that is asked; NULL: the action's own */
	char *path;       /* NULL: the action is not read back */
	char *pointer;    /* JSON Pointer into the answer; "" is all of it */
	json_t *equals;   /* what must stand there */
	int64_t every_ms; /* default 1 min */
};
struct policy_action {
	char *name;
	char *to;               /* destination in headgate.yaml */
	char *method;           /* default POST */
	char *path;             /* placeholders; NULL: a command */
	json_t *body;           /* placeholders; any JSON */
	json_t *headers;        /* object of strings or NULL */
	char **arguments;       /* of a command; placeholders */
	size_t narguments;
	char *input;             /* what a command reads; placeholders; NULL: nothing */
	struct policy_read read; /* path NULL: not read back */
	int64_t acknowledge_ms; /* entering: after this long without acknowledgement people are
	                           called; default 5m. By callback: how long the receiver has */
	int acknowledge_by;     /* enum acknowledge_by */
};

enum rollback_requires {
	REQUIRES_NOTHING = 0,
	REQUIRES_REVERSIBLE_MIGRATION,
	REQUIRES_RESTORE_CONFIRMED, /* whatever the migration */
	ROLLBACK_REQUIRES_COUNT
};
extern const char *const rollback_requires_names[ROLLBACK_REQUIRES_COUNT + 1];

struct policy_option {
	char *option;
	char **actions;
	size_t nactions;
	enum rollback_requires requires;
	char **roles; /* only a person who holds one of them takes it; none: anybody */
	size_t nroles;
	bool manual;            /* people do it, `ack` acknowledges (rule R7) */
	int64_t acknowledge_ms; /* default 5m; rule R3 */
};

struct policy_rollback {
	bool present;
	int64_t window_ms; /* default 24h; rule R6 */
	struct policy_option *options;
	size_t noptions;
	char **stabilise_gates;
	size_t nstabilise_gates;
	int64_t stabilise_bake_ms;
	int64_t stabilise_deadline_ms;
	char **reentry;
	size_t nreentry;
	char **dampen; /* actions sent as soon as a rollback is decided; hold nothing up */
	size_t ndampen;
	char **smoke; /* actions that must be acknowledged before green time counts */
	size_t nsmoke;
	bool incident_record; /* the pair's next release waits for one (rule A6) */
};

/* Whom an escalation calls, in order (rule A8). */
struct policy_level {
	char *role;
	int64_t after_ms; /* since the start of the cause; 0 for the first, then not decreasing */
};

/* requires: {ticket: refuse, backup: devops} */
struct policy_require {
	char *name;      /* stable_version, artifact, ticket, backup, migration, or a link's name */
	char *otherwise; /* "refuse", or the role that fills the check of that name before it starts */
};

struct policy {
	char *name;
	int64_t evaluate_every_ms;
	struct policy_source *sources;
	size_t nsources;
	struct kpi *kpis;
	size_t nkpis;
	struct gate *gates;
	size_t ngates;
	struct policy_stage *stages;
	size_t nstages;
	struct policy_action *actions;
	size_t nactions;
	char **compare;    /* KPIs compared before and after */
	size_t ncompare;
	int64_t notice_ms; /* of a start, at least; 0: none */
	struct policy_windows windows; /* outside them nothing starts or enters a stage */
	struct policy_require *requires; /* what a release brings along */
	size_t nrequires;
	char **repin_by; /* roles whose holders may move a release to another policy */
	size_t nrepin_by;
	bool exempt_from_reentry; /* starts although the pair owes re-entry checks (rule A6) */
	struct policy_level *escalation; /* as written; see policy_escalation() */
	size_t nescalation;
	struct policy_rollback rollback;
	struct positions *positions; /* where its parts stand in the text; NULL: not known */
	char hash[POLICY_HASH_TEXT]; /* of the canonical form with all defaults written out (rule
	                                I1) */
};
extern const struct field_table policy_table;

/* Hands out the text of an included file, or NULL with *err. The text is borrowed until the decode
 * ends. */
struct policy_include {
	const char *(*read)(void *ctx, const char *path, size_t *out_n, struct err *err);
	void *ctx;
};

/* From YAML. Every mistake found goes to `problems` with line and column, from top to bottom; NULL
 * if there was any. Includes are expanded first (paths are relative to the policy's folder and
 * never leave it); include may be NULL (then `include:` is a mistake). */
struct policy *policy_from_yaml(const char *file, struct str text,
                                const struct policy_include *include, struct problems *problems);
/* From JSON (the API). */
struct policy *policy_from_json(json_t *document, struct problems *problems);
/* The same with the text the document was parsed from, so that problems get line and column. */
struct policy *policy_from_json_text(json_t *document, struct str text, struct problems *problems);
/* From the database, as an older version may have stored it: what only today's checks find fault with is
 * listed and refuses nothing, so that no upgrade takes a running release its policy (rule I1). */
struct policy *policy_from_stored(json_t *document, struct problems *problems);
void policy_free(struct policy **p);
/* The canonical form, defaults written out; new reference. The hash does not depend on the order of
 * sources, KPIs, gates and actions, but their indexes follow it: what outlives a process names
 * them. */
json_t *policy_to_json(const struct policy *p);
/* Warnings that do not refuse a policy ("headgate check"): votes on overlapping windows, stabilise
 * gates that name the canary, ... */
void policy_warnings(const struct policy *p, struct problems *warnings);

/* The values placeholders stand for. */
struct policy_values {
	const char *service, *environment, *version, *stable_version,
	        *component;   /* NULL reads as absent */
	const char *started_at; /* ${started_at}; NULL: stays open */
	const json_t *params; /* ${params.x} */
	const struct policy_stage
	        *stage; /* ${stage.name}, ${stage.weight}, ${stage.flags.x}; NULL: stay open */
	const json_t *names; /* an object: other names than all of these; what it lacks reads as
	                        empty text. NULL: those above */
};
/* Fills what belongs to one release, parses expressions, resolves names to indexes. A placeholder
 * without a value is ERR_INVALID naming it, also in the actions of stages and rollback options,
 * whose filling is only tried: they are filled when they are sent. */
struct policy *policy_bind(const struct policy *p, const struct policy_values *values,
                           struct err *err);

/* Where a filled value will stand; decides how it is escaped. */
enum placeholder_place { PLACE_PROMQL = 0, PLACE_URL, PLACE_JSON, PLACE_ARGUMENT, PLACE_TEXT };
/* Heap text; NULL with *err. Values are never read again. Where stage placeholders stay open (stage
 * NULL), the result is meant to be filled once more, and "$${" stays as it is. */
char *placeholder_fill(const char *text, enum placeholder_place place,
                       const struct policy_values *values, struct err *err);
/* A copy with every string filled; a string that is exactly one placeholder keeps the value's type.
 */
json_t *placeholder_fill_json(const json_t *value, const struct policy_values *values,
                              struct err *err);

const struct policy_action *policy_action(const struct policy *p, const char *name);
const struct gate *policy_gate(const struct policy *p, const char *name, size_t *out_index);
const struct kpi *policy_kpi(const struct policy *p, const char *name, size_t *out_index);
const struct policy_source *policy_source(const struct policy *p, const char *name,
                                          size_t *out_index);
const struct policy_option *policy_option(const struct policy *p, const char *name);
/* Whom to call, at least one level; where the policy does not say: on_call at once, release_manager
 * after 15 minutes, cto after 30. Borrowed from the policy. */
const struct policy_level *policy_escalation(const struct policy *p, size_t *out_n);
/* Whether the gate counts in that stage (in: and shadow, waivers aside). */
bool policy_gate_counts(const struct gate *gate, const struct policy_stage *stage);
/* Whether a release is exposed in stage `i` (rule R1): a rollout stage stands at or before it. */
bool policy_stage_is_exposed(const struct policy *p, size_t i);
/* The KPI a gate watches, by name; NULL for kinds that watch something else. Borrowed from the
 * gate. */
const char *policy_gate_kpi(const struct gate *gate);

/* Every key of a policy, gates of each kind included, in Markdown. */
void policy_reference(struct buf *out);

#endif
