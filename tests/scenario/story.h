/*
 * story - one release told line by line in virtual time: the world around it, the engine's loop as
 * the daemon runs it, and what the story expects.
 *
 * A story fails at its first line that does not hold; the rest of it is not read.
 */
#ifndef TESTS_SCENARIO_STORY_H
#define TESTS_SCENARIO_STORY_H

#include "../call_ledger.h"
#include "base/macros.h"
#include "release/release.h"

#define STORY_T0 INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define STORY_TICK_MS 1000              /* unless the story says `step` */
#define WORDS_MAX 32
#define PEOPLE_MAX 32
#define ROLES_MAX 8
#define KPIS_MAX 32
#define PROBES_MAX 8
#define GATES_MAX 32
#define OUTBOX_MAX 128

/* A line, split at spaces; "quoted words" are one. `rest` is what follows "because". */
struct words {
	char text[1024];
	const char *list[WORDS_MAX];
	size_t n;
	const char *because;
};

struct person {
	char name[64];
	char person[64]; /* "" for a machine that names nobody */
	char role_texts[ROLES_MAX][64];
	const char *roles[ROLES_MAX];
	size_t nroles;
};

/* What a KPI reads as until the story says otherwise. */
struct supply {
	enum gate_result result;
	double value;
	struct wall since; /* sampled without a gap since then (rule K4) */
};

struct letter {
	char action[64];
	json_t *body;
	enum message_class class;
	int64_t version, option;
	bool acked, refused, superseded, seen;
	bool failed, unanswered; /* smoke tests: answered badly, or not at all */
};

struct story {
	const char *path;
	int line;
	bool failed;
	char why[1200];
	char within[80]; /* line of a played file that failed */

	struct policy *written, *bound;
	struct policy *written_next, *bound_next; /* of a repin under way */
	struct release *r;
	struct checkpoint c;
	struct evaluation *e;
	struct wall now, next_round;
	int64_t tick_ms;

	struct supply kpis[KPIS_MAX];
	struct gate_probe probes[GATES_MAX][PROBES_MAX];
	size_t nprobes[GATES_MAX];
	struct gate_alerts alerts[GATES_MAX];
	enum probe_state health[GATES_MAX]; /* of health and integrity gates */
	bool alerts_unknown[GATES_MAX];
	size_t firing[GATES_MAX];
	struct letter outbox[OUTBOX_MAX];
	size_t noutbox;

	bool pair_busy, newer_active, frozen, reentry_open, reentry_record;
	bool store_away; /* nothing can be committed */
	char freeze_reason[128], reentry_missing[64], drifted[64];
	int64_t incidents;              /* handed over so far */
	struct gate_incidents reported; /* whether or not they are about this release */
	struct person people[PEOPLE_MAX];
	size_t npeople;

	bool refused; /* the last verb was, and no line has expected it yet */
	enum refusal_kind refusal;
	char refusal_text[400];
	char decided[2400];   /* text of the newest decision */
	struct decision last; /* its flags; texts are not kept */
	unsigned called;      /* decisions that called people since the story last asked, further
	                         levels aside */
	char news[1200]; /* "opened errors on_call; ...", since the last line that did something */
	char told[2000]; /* names of events, since the story last asked */
	struct call_ledger ledger;
	unsigned transitions;
	unsigned char *taken; /* per row of the table; shared by all stories */
};

/* A printf into the failure; returns false. Only the first counts. */
bool story_fail(struct story *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* run.c: one line, and the lines of another file */
bool story_line(struct story *s, const char *line);
bool story_play(struct story *s, const char *file);

/* A text file beside the story, or below where its path leads; a failure of the story without. */
bool story_read(struct story *s, const char *file, struct buf *out);

/* world.c */
void world_close(struct story *s);
bool world_policy(struct story *s, const char *file);
bool world_release(struct story *s, const struct words *w);
void world_facts(const struct story *s, struct release_facts *out);
bool world_pass(struct story *s, int64_t ms);  /* time passes, the engine runs */
bool world_sleep(struct story *s, int64_t ms); /* time passes, the daemon does not run */
bool world_settle(struct story *s);            /* whatever is due now is done */
bool world_submit(struct story *s, const struct event *event);
/* Reads the other policy and asks for the move to it. */
bool world_repin(struct story *s, const char *file, struct event *event);
bool world_takeover(struct story *s); /* another process reads what was saved */

/* told.c: of a commit; `before` NULL when it is the first. */
bool told_note(struct story *s, const struct release *before, const struct outcome *out);

/* command.c */
bool command_run(struct story *s, const struct words *w, size_t from);
bool command_duration(struct story *s, const char *text, int64_t *out_ms);

/* expect.c */
bool expect_check(struct story *s, const struct words *w, size_t from);

#endif
