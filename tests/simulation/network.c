/*
 * network - attempts from claim to record, and the receivers they arrive at. Requests and answers
 * are lost, late, doubled and overtaken; an attempt that was sent arrives within its time limit or
 * not at all.
 */
#include "simulation.h"

#define TIMEOUT_MS (15 * SECOND)
#define ROLLBACK_CLAIM_MS (5 * SECOND)
#define DAMPEN_WAIT_MS (5 * SECOND)

static struct row *row_of(struct story *s, const struct sending *a)
{
	return &s->db.rows[a->row];
}

/* --- receivers ----------------------------------------------------------------------------- */

static void apply(struct story *s, struct receiver *r, struct row *row, const struct sending *a)
{
	if (!oracle_apply(s, r, row, a))
		return;
	row->applied++;
	if (row->known <= a->repairs)
		row->known = a->repairs + 1;
	/* What goes with the way back sets no weight: the option alone must. */
	if (row->class != MESSAGE_ROLLBACK || row->option >= 0)
		r->weight = row->weight;
	if (row->fence > r->fence)
		r->fence = row->fence;
	say(s, "%s applies %td: weight %d", r->fences ? "deployer" : "mirror", row - s->db.rows,
	    (int)r->weight);
}

/* The status it answers; 0: the answer is lost. */
static long receive(struct story *s, struct row *row, const struct sending *a)
{
	struct receiver *r = &s->receivers[row->to];
	bool is_bad = s->now < r->bad_until;

	if (is_bad && r->status != 0)
		return r->status;
	if (r->fences && row->known > a->repairs)
		return is_bad ? 0 : 200; /* known by its id */
	if (r->fences && row->fence < r->fence && s->mutant != MUTANT_NO_FENCE)
		return 409;
	if (s->now < r->lies_until) {
		row->known = row->known > a->repairs ? row->known : a->repairs + 1;
		return is_bad ? 0 : 200;
	}
	apply(s, r, row, a);
	return is_bad ? 0 : 200;
}

/* --- attempts ------------------------------------------------------------------------------ */

/* Nothing waits for a smoke test, and for what dampens only while it is tried for the first time,
 * and not for long. */
static bool is_waited_for(const struct story *s, const struct row *row, const struct sending *a)
{
	return row->option >= 0 || (row->option == MESSAGE_DAMPENS && a->attempts <= 1 &&
	                            s->now - row->created < DAMPEN_WAIT_MS);
}

/* Several messages of one rollback to one receiver go one after the other. */
static bool must_wait(const struct story *s, const struct sending *a)
{
	const struct row *row = &s->db.rows[a->row];

	if (row->class != MESSAGE_ROLLBACK || row->option == MESSAGE_DAMPENS)
		return false;
	for (size_t i = 0; i < s->nsendings; i++) {
		const struct sending *o = &s->sendings[i];
		const struct row *other = &s->db.rows[o->row];

		if (o->used && o != a && !o->ended && is_waited_for(s, other, o) &&
		    o->instance == a->instance && other->class == row->class &&
		    other->to == row->to && o->row < a->row)
			return true;
	}
	return false;
}

static struct sending *sending_new(struct story *s)
{
	for (size_t i = 0; i < s->nsendings; i++) {
		if (!s->sendings[i].used)
			return &s->sendings[i];
	}
	if (s->nsendings < SENDINGS_MAX)
		return &s->sendings[s->nsendings++];
	fail(s, "more than %d attempts under way", SENDINGS_MAX);
	return NULL;
}

static void begin(struct story *s, size_t at)
{
	struct row *row = &s->db.rows[at];
	struct sending *a = sending_new(s);
	int64_t lasts = row->class == MESSAGE_ROLLBACK ? ROLLBACK_CLAIM_MS : CLAIM_MS;

	if (!a || !oracle_claim(s, row))
		return;
	row->attempts++;
	row->claimed = s->now;
	row->claimed_by = s->d.instance;
	row->claim_until = s->now + CLAIM_MS;
	row->due = s->now + lasts;
	*a = (struct sending){.used = true,
	                      .row = at,
	                      .instance = s->d.instance,
	                      .attempts = row->attempts,
	                      .repairs = row->repairs,
	                      .sends = s->now + (s->healthy ? 1 : delay(s, 8 * SECOND)),
	                      .arrives = NEVER,
	                      .again = NEVER,
	                      .ends = NEVER};
	a->is_waiting = must_wait(s, a);
}

void network_claim(struct story *s)
{
	bool any = false;

	if (!s->d.alive || !database_is_up(s))
		return;
	for (size_t i = 0; i < s->db.n && !s->failed; i++) {
		if (!database_may_claim(s, &s->db.rows[i]))
			continue;
		begin(s, i);
		any = true;
	}
	if (any && chance(s, s->crashes))
		daemon_crash(s, "after the claim, before sending");
}

/* What is decided while an advance is in flight, or in doubt, is what matters most. */
static void tempt(struct story *s, const struct sending *a, int64_t within_ms)
{
	if (row_of(s, a)->class == MESSAGE_ADVANCE && !s->healthy && chance(s, 3))
		s->next_word = s->now + delay(s, within_ms);
}

static void send(struct story *s, struct sending *a)
{
	int64_t left = TIMEOUT_MS;

	if (!s->d.alive || s->d.instance != a->instance) {
		a->used = false; /* nobody is there any more who would send it */
		return;
	}
	a->sent = true;
	a->ends = s->now + TIMEOUT_MS;
	say(s, "attempt %d of %zu goes out", (int)a->attempts, a->row);
	tempt(s, a, 10 * SECOND);
	if (!chance(s, s->losses)) {
		/* What was read before the time limit may be carried out after it. */
		if (s->losses > 0 && chance(s, 6))
			left = row_of(s, a)->claimed + CLAIM_MS - s->now;
		/* Only what is read back bears more than that. */
		if (s->reads && s->losses > 0 && !s->receivers[row_of(s, a)->to].fences &&
		    chance(s, 6))
			left = 4 * MINUTE;
		a->arrives = s->now + (s->healthy ? 1 : 1 + delay(s, left - 2));
		left = a->ends - a->arrives;
		if (left > 1 && chance(s, s->losses)) {
			a->again = a->arrives + 1 + delay(s, left - 1);
			left = a->ends - a->again;
		}
		/* The answer comes after whatever a proxy repeated. */
		if (left > 1 && !chance(s, s->losses))
			a->answer_delay = s->healthy ? 1 : delay(s, left - 1);
		else
			a->answer_delay = NEVER;
	}
	if (chance(s, s->crashes))
		daemon_crash(s, "after sending, before recording");
}

static void arrive(struct story *s, struct sending *a)
{
	bool is_last = a->again == NEVER || a->arrives == NEVER;

	if (s->now > row_of(s, a)->claimed + CLAIM_MS && release_is_ended(s->db.r->state))
		a->status = 0; /* nobody looks any more */
	else
		a->status = receive(s, row_of(s, a), a);
	if (s->reads && a->ended)
		s->receivers[row_of(s, a)->to].disturbed = s->now;
	if (a->arrives != NEVER)
		a->arrives = NEVER;
	else
		a->again = NEVER;
	if (!is_last)
		return;
	if (a->answer_delay == NEVER || a->status == 0)
		a->status = 0;
	else
		a->ends = s->now + a->answer_delay;
}

static void end(struct story *s, struct sending *a)
{
	a->ended = true;
	a->ends = NEVER;
	if (!s->d.alive || s->d.instance != a->instance)
		return;
	if (chance(s, s->crashes)) {
		daemon_crash(s, "after the answer, before recording");
		return;
	}
	if (a->status == 200 && reads_back(s, row_of(s, a)) && row_of(s, a)->done == 0)
		a->seen = read_state(s, row_of(s, a));
	say(s, "attempt %d of %zu ends with %ld%s", (int)a->attempts, a->row, a->status,
	    a->seen > SEEN_EQUAL ? ", which is not seen" : "");
	if (database_is_up(s))
		database_record(s, row_of(s, a), a);
	if (a->status == 0)
		tempt(s, a, 2 * SECOND);
	s->d.next_look = s->now;
}

void network_run(struct story *s)
{
	for (size_t i = 0; i < s->nsendings && !s->failed; i++) {
		struct sending *a = &s->sendings[i];

		if (!a->used)
			continue;
		a->is_waiting = a->is_waiting && must_wait(s, a);
		if (!a->sent && !a->is_waiting && a->sends <= s->now)
			send(s, a);
		while (a->used && (a->arrives <= s->now || a->again <= s->now))
			arrive(s, a);
		if (a->used && a->ends <= s->now)
			end(s, a);
		if (a->used && a->ended && a->arrives == NEVER && a->again == NEVER)
			a->used = false;
	}
}

int64_t network_next(const struct story *s)
{
	int64_t next = NEVER;

	for (size_t i = 0; i < s->nsendings; i++) {
		const struct sending *a = &s->sendings[i];
		int64_t at = a->ends < a->arrives ? a->ends : a->arrives;

		if (!a->used)
			continue;
		at = a->again < at ? a->again : at;
		if (!a->sent)
			at = a->is_waiting ? s->now + 250 : a->sends;
		next = at < next ? at : next;
	}
	return next;
}

bool network_is_quiet(const struct story *s)
{
	for (size_t i = 0; i < s->nsendings; i++) {
		if (s->sendings[i].used)
			return false;
	}
	for (size_t i = 0; i < s->db.n; i++) {
		const struct row *r = &s->db.rows[i];

		if ((r->done == 0 && r->superseded_by == 0) ||
		    (r->resend != 0 && r->superseded_by == 0))
			return false;
	}
	return true;
}
