/*
 * story - from posting to quiet: time jumps from one thing that happens to the next. First
 * everything goes wrong, then all is healthy again and the story must end.
 */
#include "simulation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

#define PATIENCE_MS (12 * 60 * MINUTE)
#define TURNS_MAX 200000

bool fail(struct story *s, const char *fmt, ...)
{
	va_list args;

	if (s->failed)
		return false;
	s->failed = true;
	va_start(args, fmt);
	(void)vsnprintf(s->why, sizeof(s->why), fmt, args);
	va_end(args);
	return false;
}

void say(const struct story *s, const char *fmt, ...)
{
	va_list args;

	if (!s->trace)
		return;
	printf("%9.3f  ", (double)(s->now - T0) / 1000);
	va_start(args, fmt);
	(void)vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

/* splitmix64: neighbouring seeds tell unrelated stories. */
uint64_t dice(struct story *s, uint64_t sides)
{
	uint64_t x = s->state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return ((x ^ (x >> 31)) >> 11) % sides;
}

bool chance(struct story *s, uint64_t one_in)
{
	return one_in > 0 && dice(s, one_in) == 0;
}

/* From 0 to the most; mostly short. */
int64_t delay(struct story *s, int64_t most_ms)
{
	int64_t most = most_ms > 0 ? most_ms : 0;

	if (!chance(s, 3))
		most /= 20;
	return (int64_t)dice(s, (uint64_t)most + 1);
}

static bool begin(struct story *s)
{
	char service[] = "shop", environment[] = "prod", version[] = "1.4.0", author[] = "dora";
	char stable[] = "1.3.0";
	struct actor dora = {.subject = "dora", .person = "dora", .origin = "10.0.0.9"};
	struct release_request request = {.service = service,
	                                  .environment = environment,
	                                  .version = version,
	                                  .stable_version = stable,
	                                  .author = author,
	                                  .migration = chance(s, 4) ? MIGRATION_IRREVERSIBLE
	                                                            : MIGRATION_NONE};
	struct outcome out = {0};
	char start[UNITS_TEXT_MAX];
	struct err err;

	instant_format((struct wall){s->now + 20 * SECOND + delay(s, 40 * SECOND)}, start);
	request.start = start;
	if (!release_create(&request, s->policy, 1, 1, &dora, (struct wall){s->now}, &out, &err))
		return fail(s, "%s", err.text);
	s->db.r = out.next;
	out.next = NULL;
	outcome_fini(&out);
	s->db.bake_began = s->now;
	s->d.starts = s->now;
	s->receivers[DEPLOYER] = (struct receiver){.fences = true, .weight = NOBODY};
	s->receivers[MIRROR] = (struct receiver){.weight = NOBODY};
	return true;
}

static void finish(struct story *s)
{
	outcome_fini(&s->d.commit.out);
	outcome_fini(&s->peer.out);
	outcome_fini(&s->ghost.out);
	release_free(&s->d.r);
	checkpoint_fini(&s->d.c);
	evaluation_free(&s->d.e);
	release_free(&s->db.r);
	json_decref(s->db.checkpoint);
}

static void change_mood(struct story *s)
{
	static const enum mood moods[] = {MOOD_BAD, MOOD_WORSE, MOOD_SILENT, MOOD_ABSURD};

	s->mood = chance(s, 2) ? moods[dice(s, ARRAY_LEN(moods))] : MOOD_GOOD;
	s->next_mood = s->now + 10 * SECOND + (int64_t)dice(s, (uint64_t)(4 * MINUTE));
	say(s, "evidence: %d", (int)s->mood);
}

/* What only a look can find out. */
static void deceive(struct story *s, struct receiver *r)
{
	static const int64_t weights[] = {0, 10, 55, 100};

	r->disturbed = s->now;
	if (chance(s, 2)) {
		r->weight = weights[dice(s, ARRAY_LEN(weights))];
		say(s, "a stranger sets weight %d at the %s", (int)r->weight,
		    r->fences ? "deployer" : "mirror");
		return;
	}
	r->lies_until = s->now + delay(s, 3 * MINUTE);
	say(s, "%s lies for %d ms", r->fences ? "deployer" : "mirror",
	    (int)(r->lies_until - s->now));
}

static void strike(struct story *s)
{
	static const long answers[] = {500, 503, 429, 400, 404, 0};
	struct receiver *r = &s->receivers[dice(s, DESTINATIONS)];

	s->next_fault = s->now + 5 * SECOND + (int64_t)dice(s, (uint64_t)(2 * MINUTE));
	if (s->reads && chance(s, 3) && release_is_active(s->db.r->state)) {
		deceive(s, r);
		return;
	}
	switch (dice(s, 5)) {
	case 0:
		s->db.away_until = s->now + delay(s, 40 * SECOND);
		say(s, "the database is away for %d ms", (int)(s->db.away_until - s->now));
		break;
	case 1:
	case 2:
		r->bad_until = s->now + delay(s, 3 * MINUTE);
		r->status = answers[dice(s, ARRAY_LEN(answers))];
		if (s->reads && r->bad_until > r->disturbed)
			r->disturbed = r->bad_until; /* it cannot be read either */
		say(s, "%s answers %ld for %d ms", r->fences ? "deployer" : "mirror", r->status,
		    (int)(r->bad_until - s->now));
		break;
	case 3:
		s->db.frozen = chance(s, 3);
		break;
	default:
		if (s->d.alive && s->crashes > 0)
			daemon_crash(s, "for no reason");
		break;
	}
}

static void heal(struct story *s)
{
	say(s, "all is well again");
	s->healthy = true;
	s->mood = MOOD_GOOD;
	s->crashes = s->losses = 0;
	s->db.frozen = false;
	s->db.away_until = 0;
	s->next_mood = s->next_fault = NEVER;
	for (size_t i = 0; i < DESTINATIONS; i++)
		s->receivers[i].bad_until = s->receivers[i].lies_until = 0;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t next_instant(const struct story *s)
{
	int64_t next = earlier(s->next_word, earlier(s->next_mood, s->next_fault));

	next = earlier(next, daemon_next(s));
	next = earlier(next, network_next(s));
	next = earlier(next, readback_next(s));
	if (s->d.alive)
		next = earlier(next, database_next_claim(s));
	if (!s->healthy)
		next = earlier(next, s->heals);
	return next > s->now ? next : s->now + 1;
}

static void turn(struct story *s)
{
	s->now = next_instant(s);
	if (!s->healthy && s->now >= s->heals)
		heal(s);
	if (s->now >= s->next_mood)
		change_mood(s);
	if (s->now >= s->next_fault)
		strike(s);
	if (s->now >= s->next_word)
		people_speak(s);
	network_run(s);
	readback_run(s);
	daemon_run(s);
	network_claim(s);
	/* Nothing more to learn from an end; a completed one may still be rolled back. */
	if (!s->healthy && release_is_ended(s->db.r->state) &&
	    (s->db.r->state != RELEASE_COMPLETED || chance(s, 4)) && s->heals > s->now + MINUTE)
		s->heals = s->now + MINUTE;
}

static bool is_over(const struct story *s)
{
	return s->healthy && release_is_ended(s->db.r->state) && !s->d.commit.under_way &&
	       !s->peer.under_way && !s->ghost.under_way && !s->wants_rollback &&
	       network_is_quiet(s);
}

static void count(const struct story *s, struct tally *t)
{
	t->completed += s->db.r->state == RELEASE_COMPLETED;
	t->rolled_back += s->db.r->state == RELEASE_ROLLED_BACK;
	t->resolved += s->db.r->state == RELEASE_RESOLVED;
	t->cancelled += s->db.r->state == RELEASE_CANCELLED;
	t->crashes += s->restarts;
	t->resent += s->resent;
	t->repaired += s->repaired;
	t->transitions += s->transitions;
}

/* `seed`, `trace`, `mutant` and `policy` are the caller's; all else is zero. */
bool story_run(struct story *s, struct tally *tally)
{
	static const uint64_t crashes[] = {0, 60, 25, 8};
	static const uint64_t losses[] = {0, 20, 8, 3};
	unsigned turns = 0;

	s->state = s->seed * UINT64_C(0x2545f4914f6cdd1d);
	s->now = T0;
	s->crashes = crashes[dice(s, ARRAY_LEN(crashes))];
	s->losses = losses[dice(s, ARRAY_LEN(losses))];
	s->reads = chance(s, 2);
	s->heals = s->now + MINUTE + (int64_t)dice(s, (uint64_t)(7 * MINUTE));
	s->next_word = s->now + (int64_t)dice(s, (uint64_t)(2 * MINUTE));
	s->next_mood = s->now + (int64_t)dice(s, (uint64_t)(8 * MINUTE));
	s->next_fault = s->now + (int64_t)dice(s, (uint64_t)(3 * MINUTE));
	if (begin(s)) {
		s->ends = s->heals + PATIENCE_MS;
		while (!s->failed && !is_over(s)) {
			turn(s);
			if (s->now > s->ends || ++turns > TURNS_MAX)
				fail(s, "it does not end: %s/%s with %zu messages after %u turns",
				     release_state_names[s->db.r->state],
				     stage_step_names[s->db.r->step], s->db.n, turns);
		}
		if (!s->failed)
			oracle_end(s);
		count(s, tally);
	}
	say(s, "the end: %s%s%s", release_state_names[s->db.r->state], s->failed ? ": " : "",
	    s->why);
	finish(s);
	return !s->failed;
}
