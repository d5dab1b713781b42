/*
 * readback - states that are read back (daemon/action/drift.c, daemon/store/looks.c), written once
 * more: what was acknowledged is looked at again, and set again when it reads otherwise twice.
 */
#include "simulation.h"

#include <string.h>

#define AGAIN_MS (2 * SECOND)
#define LOOK_CLAIM_MS (30 * SECOND)

bool reads_back(const struct story *s, const struct row *row)
{
	return s->reads && s->mutant != MUTANT_NO_READBACK &&
	       (row->class != MESSAGE_ROLLBACK || row->option >= 0);
}

enum seen read_state(const struct story *s, const struct row *row)
{
	const struct receiver *r = &s->receivers[row->to];

	if (s->now < r->bad_until)
		return SEEN_NOTHING;
	return r->weight == row->weight ? SEEN_EQUAL : SEEN_OTHER;
}

/* Each receiver holds one weight, so that a later message to it says what that shall be. */
static bool is_outdated(const struct story *s, const struct row *row, bool for_good)
{
	for (size_t i = (size_t)(row - s->db.rows) + 1; i < s->db.n; i++) {
		const struct row *later = &s->db.rows[i];

		if (later->to == row->to && later->superseded_by == 0 && reads_back(s, later) &&
		    (later->done != 0 || (!for_good && !later->refused)))
			return true;
	}
	return false;
}

bool readback_is_outdated(const struct story *s, const struct row *row)
{
	return is_outdated(s, row, false);
}

bool readback_is_forward(const struct story *s)
{
	const struct release *r = s->db.r;

	return r->state == RELEASE_RUNNING ||
	       (r->state == RELEASE_PAUSED && r->paused_step != STEP_ENTERING);
}

static bool is_moot(const struct story *s, const struct row *row)
{
	enum release_state state = s->db.r->state;

	return !release_is_active(state) || is_outdated(s, row, true) ||
	       (row->class == MESSAGE_ADVANCE && state != RELEASE_RUNNING &&
	        state != RELEASE_PAUSED);
}

/* What a higher fence would make stale. */
static bool others_under_way(const struct story *s, const struct row *row)
{
	for (size_t i = 0; i < s->db.n; i++) {
		const struct row *o = &s->db.rows[i];

		if (o != row && o->to == row->to && o->version >= row->version && o->done == 0 &&
		    o->superseded_by == 0 && !o->dead && !o->refused &&
		    !(o->class == MESSAGE_ROLLBACK && o->option == MESSAGE_DAMPENS))
			return true;
	}
	return false;
}

static void repair(struct story *s, struct row *row)
{
	say(s, "outbox %td reads otherwise, repair %d", row - s->db.rows, (int)row->repairs + 1);
	row->done = row->second_at = row->attempts = row->claim_until = 0;
	row->dead = row->refused = false;
	row->drifted = true;
	row->repairs++;
	row->fence = ++s->db.fence;
	row->due = s->now + (row->class == MESSAGE_ADVANCE ? AGAIN_MS : 0);
	row->look_at = s->now + READ_EVERY;
	s->repaired++;
}

/* Committed between the beginning of a rollback's statement and its end. */
void readback_miss(struct story *s)
{
	for (size_t i = 0; i < s->db.n; i++) {
		struct row *row = &s->db.rows[i];

		if (row->class == MESSAGE_ADVANCE && row->done != 0 && row->superseded_by == 0 &&
		    row->look_at != 0 && read_state(s, row) == SEEN_OTHER && chance(s, 2))
			repair(s, row);
	}
}

static void record_look(struct story *s, struct row *row, enum seen seen)
{
	row->look_at = s->now + READ_EVERY;
	row->second_at = 0;
	if (seen != SEEN_EQUAL || !row->drifted)
		return;
	row->drifted = row->dead = row->refused = false;
	row->done = row->done != 0 ? row->done : s->now;
}

static void look(struct story *s, struct row *row)
{
	enum seen seen = read_state(s, row);

	if (seen != SEEN_OTHER) {
		record_look(s, row, seen);
	} else if (row->second_at == 0) {
		row->second_at = s->now + AGAIN_MS;
		row->look_at = s->now + LOOK_CLAIM_MS;
		row->looked_version = s->db.r->row_version;
		row->looked_by = s->d.instance;
	} else if (row->looked_version == s->db.r->row_version &&
	           (row->class == MESSAGE_ROLLBACK || readback_is_forward(s)) &&
	           !others_under_way(s, row)) {
		repair(s, row);
	} else {
		row->second_at = 0; /* looked at again when the claim has lapsed */
	}
}

static void take_turn(struct story *s, struct row *row)
{
	bool is_watched = (row->done != 0 || (row->drifted && (row->dead || row->refused))) &&
	                  !readback_is_outdated(s, row);

	if (row->superseded_by != 0) {
		row->look_at = row->second_at = 0;
	} else if (is_moot(s, row)) {
		if (row->drifted && row->done == 0)
			row->done = s->now; /* it was acknowledged before */
		row->drifted = false;
		row->look_at = row->second_at = 0;
	} else if (!is_watched || (row->class == MESSAGE_ADVANCE && !readback_is_forward(s))) {
		row->look_at = s->now + READ_EVERY;
		row->second_at = 0;
	} else {
		look(s, row);
	}
}

static int64_t turn_of(const struct story *s, const struct row *row)
{
	if (row->look_at == 0)
		return NEVER;
	if (row->second_at != 0 && row->looked_by == s->d.instance && row->second_at < row->look_at)
		return row->second_at;
	return row->look_at;
}

void readback_run(struct story *s)
{
	for (size_t i = 0; i < s->db.n && s->d.alive && database_is_up(s); i++) {
		struct row *row = &s->db.rows[i];

		if (turn_of(s, row) > s->now)
			continue;
		if (row->looked_by != s->d.instance)
			row->second_at = 0; /* who was to look again is gone */
		take_turn(s, row);
		s->d.next_look = s->now;
		if (chance(s, s->crashes))
			daemon_crash(s, "after a look");
	}
}

int64_t readback_next(const struct story *s)
{
	int64_t next = NEVER;

	for (size_t i = 0; i < s->db.n && s->d.alive; i++) {
		int64_t at = turn_of(s, &s->db.rows[i]);

		next = at < next ? at : next;
	}
	return next != NEVER && next < s->db.away_until ? s->db.away_until : next;
}

static const char *action_of(const struct row *row)
{
	if (row->class == MESSAGE_ADVANCE)
		return row->to == MIRROR ? "tell_mirror" : "set_weight";
	return row->to == MIRROR ? "mirror_zero" : "weight_zero";
}

void readback_facts(const struct story *s, struct release_facts *f)
{
	f->drift_known = true;
	for (size_t i = 0; i < s->db.n; i++) {
		const struct row *row = &s->db.rows[i];
		const char *action = action_of(row);

		if (!row->drifted || row->superseded_by != 0 || is_moot(s, row))
			continue;
		if (!f->drifted_action || strcmp(action, f->drifted_action) < 0)
			f->drifted_action = action;
	}
}
