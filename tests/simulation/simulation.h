/*
 * simulation - one story: a release in a model of the database, one daemon that may die anywhere,
 * two receivers behind a lossy network, people and evidence; all of it in virtual time from one
 * seed.
 *
 * The core is the real one. What the database and the wire do is written once more here, in C.
 */
#ifndef TESTS_SIMULATION_SIMULATION_H
#define TESTS_SIMULATION_SIMULATION_H

#include "base/macros.h"
#include "../call_ledger.h"
#include "release/release.h"

#define T0 INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define EVERY (15 * SECOND)
#define CLAIM_MS (30 * SECOND)
#define NEVER INT64_MAX
#define ROWS_MAX 1024
#define SENDINGS_MAX 128
#define KPIS 2

/* What the program leaves out on purpose, so that it shows that the oracles see it. */
enum mutant {
	MUTANT_NONE = 0,
	MUTANT_NO_CAS,       /* a statement changes the release whatever its version is by now */
	MUTANT_NO_FENCE,     /* the fenced receiver takes older messages after newer ones */
	MUTANT_NO_SUPERSEDE, /* a rollback leaves pending advances to be sent */
	MUTANT_NO_RESEND,    /* a rollback is not sent again after the last advance in flight */
	MUTANT_NO_READBACK,  /* what is read back is believed at its word instead */
	MUTANT_NO_GUARD,     /* a repair that a rollback's statement missed is claimed */
	MUTANT_COUNT
};
extern const char *const mutant_names[MUTANT_COUNT + 1];

enum destination { DEPLOYER = 0, MIRROR, DESTINATIONS }; /* the first one fences */
#define NOBODY (-1)                                      /* weight: nothing was ever applied */

/* One row of the outbox. Instants are milliseconds; 0: not so. */
struct row {
	int64_t version, sequence, fence;
	enum message_class class;
	enum destination to;
	int64_t option, weight;
	int64_t created, due, claimed, claim_until, done, resend;
	int64_t may_arrive_until; /* of attempts that got no answer */
	int claimed_by; /* instance */
	int64_t attempts;
	long last_status;
	int64_t superseded_by; /* version */
	bool parked, dead, refused;
	int applied; /* times a receiver did what it says */
	/* Where the state is read back. */
	int64_t repairs, known; /* the id's number; the first one its receiver does not know */
	bool drifted;
	int64_t look_at, second_at; /* of the next look, and of the one that must agree */
	int64_t looked_version;
	int looked_by; /* instance */
};

struct database {
	struct release *r;
	struct call_ledger ledger;
	json_t *checkpoint; /* as saved; NULL: none yet */
	int64_t away_until;
	bool frozen;
	struct row rows[ROWS_MAX];
	size_t n;
	int64_t fence;
	bool rolled_back;   /* a rollback was committed once */
	int64_t rolled_at;  /* version of the newest that supersedes */
	int64_t bake_began; /* when the bake last restarted */
};

struct receiver {
	bool fences;
	int64_t weight;
	int64_t fence;     /* highest applied */
	int64_t bad_until; /* answers `status` until then */
	int64_t lies_until; /* answers 200 and does nothing until then */
	int64_t disturbed;  /* when something last happened that is nobody's doing here */
	long status;       /* 0: applies, but the answer is lost */
};

/* One attempt under way. */
struct sending {
	bool used, is_waiting, sent, ended;
	size_t row;
	int instance;
	int64_t attempts;
	int64_t sends, arrives, again, ends; /* NEVER: lost, or not known yet */
	int64_t answer_delay;                /* NEVER: lost */
	long status;                         /* what the answer says; 0: none came */
	int64_t repairs;                     /* of the id it carries */
	enum seen { UNSEEN = 0, SEEN_EQUAL, SEEN_OTHER, SEEN_NOTHING } seen;
};

/* A statement on its way to the database and its answer on the way back. */
struct commit {
	bool under_way, by_person;
	struct outcome out;
	int64_t expected;
	bool lost, applied, took;
	int64_t arrives, answers;
};

struct daemon {
	bool alive;
	int instance;
	int64_t starts; /* when dead */
	struct release *r;
	struct checkpoint c;
	struct evaluation *e;
	struct release_facts outbox; /* as last read; only the members about messages */
	struct commit commit;
	int64_t next_round, next_look, saved;
	bool must_load;
};

enum mood { MOOD_GOOD = 0, MOOD_BAD, MOOD_WORSE, MOOD_SILENT, MOOD_ABSURD, MOOD_COUNT };

struct story {
	uint64_t seed, state;
	bool trace;
	enum mutant mutant;
	const struct policy *policy;
	int64_t now, heals, ends;
	bool healthy;
	bool failed;
	char why[400];

	struct database db;
	struct receiver receivers[DESTINATIONS];
	struct sending sendings[SENDINGS_MAX];
	size_t nsendings; /* places used so far */
	struct daemon d;
	struct commit peer;  /* another instance, which commits what people say to it */
	struct commit ghost; /* what a daemon that died had sent and that may still arrive */

	int64_t next_word;   /* of people */
	bool wants_rollback; /* somebody does and has not been told that it is so */
	enum mood mood;
	int64_t next_mood, next_fault;
	uint64_t crashes, losses; /* one in that many; 0: never */
	bool reads;      /* in this story what is set is read back */
	bool by_hand;    /* the way back was somebody's word, which nobody reads back */
	int64_t over_at; /* when the release ended */
	unsigned transitions, restarts, resent, repaired;
};

struct tally {
	unsigned passed, failed;
	unsigned completed, rolled_back, resolved, cancelled, crashes, resent, repaired, transitions;
};

bool fail(struct story *s, const char *fmt, ...) PRINTF_LIKE(2, 3); /* false */
void say(const struct story *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
uint64_t dice(struct story *s, uint64_t sides);
bool chance(struct story *s, uint64_t one_in); /* 0: never */
int64_t delay(struct story *s, int64_t most_ms);

/* database.c */
bool database_is_up(const struct story *s);
bool database_commit(struct story *s, struct commit *c);
void database_facts(const struct story *s, const struct release *r, struct release_facts *f);
bool database_may_claim(const struct story *s, const struct row *row);
int64_t database_next_claim(const struct story *s);
void database_record(struct story *s, struct row *row, const struct sending *with);
struct release *release_through_json(const struct release *r);
bool checkpoint_from_json(json_t *saved, struct checkpoint *out);
void checkpoint_fini(struct checkpoint *c);

/* readback.c */
#define READ_EVERY (10 * SECOND)
bool reads_back(const struct story *s, const struct row *row);
enum seen read_state(const struct story *s, const struct row *row);
bool readback_is_outdated(const struct story *s, const struct row *row);
bool readback_is_forward(const struct story *s);
void readback_miss(struct story *s); /* repairs that a statement under way does not see */
void readback_facts(const struct story *s, struct release_facts *f);
void readback_run(struct story *s);
int64_t readback_next(const struct story *s);

/* network.c */
void network_claim(struct story *s);
void network_run(struct story *s);
int64_t network_next(const struct story *s);
bool network_is_quiet(const struct story *s);

/* daemon.c */
void daemon_crash(struct story *s, const char *where);
void daemon_run(struct story *s);
int64_t daemon_next(const struct story *s);
bool daemon_submit(struct story *s, const struct event *event);

/* people.c */
void people_speak(struct story *s);

/* oracle.c: each fails the story and returns false when something is not as it must be */
bool oracle_commit(struct story *s, const struct release *before, const struct outcome *out);
bool oracle_advance(struct story *s, const struct outcome *out);
bool oracle_evaluation(struct story *s, int64_t observed_before);
bool oracle_claim(struct story *s, const struct row *row);
bool oracle_apply(struct story *s, const struct receiver *r, const struct row *row,
                  const struct sending *a);
bool oracle_way_back(struct story *s);
bool oracle_end(struct story *s);

/* story.c */
bool story_run(struct story *s, struct tally *tally);

#endif
