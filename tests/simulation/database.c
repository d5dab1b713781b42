/*
 * database - what the transition statement, the claim and the record of a delivery do to the rows
 * (daemon/store/transition_sql.c, daemon/store/outbox.c), written once more.
 */
#include "simulation.h"

#include <stdlib.h>
#include <string.h>

#include "action/retry.h"

bool database_is_up(const struct story *s)
{
	return s->now >= s->db.away_until;
}

static bool is_open(const struct row *r)
{
	return (r->done == 0 || r->resend != 0) && r->superseded_by == 0 && !r->parked && !r->dead;
}

/* Until when an advance may still take effect: while it is claimed, and after attempts that got no
 * answer until their claims would have ended, whatever came of later ones. */
static int64_t in_flight_until(const struct row *r)
{
	if (r->class != MESSAGE_ADVANCE)
		return 0;
	return r->claim_until > r->may_arrive_until ? r->claim_until : r->may_arrive_until;
}

static bool sends_advance(const struct outcome *out)
{
	for (size_t i = 0; i < out->nmessages; i++) {
		if (out->messages[i].class == MESSAGE_ADVANCE)
			return true;
	}
	return false;
}

/* Rule R8, rule H2 and FX_CLOSE: what becomes of the rows that are there already. Returns until
 * when one of them may still arrive. */
static int64_t close_rows(struct story *s, const struct outcome *out)
{
	const struct decision *d = &out->decision;
	bool sends = sends_advance(out);
	bool tries_anew =
	        d->to_state == RELEASE_STABILISING && d->from_state != RELEASE_STABILISING;
	int64_t until = 0;

	for (size_t i = 0; i < s->db.n; i++) {
		struct row *r = &s->db.rows[i];
		int64_t flies = in_flight_until(r);

		if ((r->superseded_by != 0 || r->done != 0) && d->supersedes && flies > until)
			until = flies;
		if (r->done != 0 || r->superseded_by != 0 ||
		    !(r->class == MESSAGE_ADVANCE ||
		      (r->class == MESSAGE_ROLLBACK &&
		       (d->closes_messages || (tries_anew && r->option == MESSAGE_SMOKE)))))
			continue;
		if (d->parks)
			r->parked = true;
		if (!d->supersedes && !sends && !d->closes_messages && !tries_anew)
			continue;
		if (s->mutant == MUTANT_NO_SUPERSEDE && d->supersedes)
			continue;
		r->superseded_by = out->next->row_version;
		if (flies > until)
			until = flies;
	}
	return until > s->now ? until : 0;
}

static void add_rows(struct story *s, const struct outcome *out, int64_t in_flight)
{
	s->db.fence += out->nmessages > 0; /* one per decision */
	for (size_t i = 0; i < out->nmessages; i++) {
		const struct message *m = &out->messages[i];
		struct row *r = &s->db.rows[s->db.n];

		if (s->db.n == ROWS_MAX) {
			fail(s, "more than %d messages", ROWS_MAX);
			return;
		}
		s->db.n++;
		*r = (struct row){.version = out->next->row_version,
		                  .sequence = (int64_t)i,
		                  .fence = s->db.fence,
		                  .class = m->class,
		                  .to = strcmp(m->destination, "mirror") == 0 ? MIRROR : DEPLOYER,
		                  .option = m->option,
		                  .weight = json_integer_value(json_object_get(m->body, "weight")),
		                  .created = s->now,
		                  .due = s->now};
		if (m->class == MESSAGE_ROLLBACK && s->mutant != MUTANT_NO_RESEND)
			r->resend = in_flight;
		say(s, "  outbox %zu: %s to %s, weight %d%s", s->db.n - 1,
		    message_class_names[m->class], m->destination, (int)r->weight,
		    r->resend ? ", to be sent again" : "");
	}
}

/* The statement: whole or not at all. */
bool database_commit(struct story *s, struct commit *c)
{
	const struct release *before = s->db.r;
	const struct decision *d = &c->out.decision;

	if (before->row_version != c->expected && s->mutant != MUTANT_NO_CAS)
		return false;
	if (d->needs_thaw && s->db.frozen)
		return false;
	if (!oracle_commit(s, before, &c->out))
		return false;
	say(s, "commit %d: %s (%s -> %s/%s)", (int)c->out.next->row_version, d->text,
	    release_state_names[before->state], release_state_names[c->out.next->state],
	    stage_step_names[c->out.next->step]);
	add_rows(s, &c->out, close_rows(s, &c->out));
	if (d->supersedes)
		readback_miss(s);
	if (d->from_state != d->to_state)
		s->over_at = s->now;
	s->transitions++;
	s->db.rolled_back |= c->out.next->state == RELEASE_ROLLING_BACK;
	if (d->supersedes)
		s->db.rolled_at = c->out.next->row_version;
	if (d->resets_checkpoint)
		s->db.bake_began = s->now;
	release_free(&s->db.r);
	s->db.r = release_copy(c->out.next);
	return true;
}

/* Messages of one transition, class and option are counted together, as the shell reads them. */
static bool is_same_group(const struct row *a, const struct row *b)
{
	return b->superseded_by == 0 && a->version == b->version && a->class == b->class &&
	       a->option == b->option;
}

static bool group_is_done(const struct story *s, const struct row *row)
{
	for (size_t i = 0; i < s->db.n; i++) {
		if (is_same_group(row, &s->db.rows[i]) && s->db.rows[i].done == 0)
			return false;
	}
	return true;
}

/* What goes with the way back. */
static void count_beside(const struct row *row, const struct release *r, struct release_facts *f)
{
	if (row->done != 0)
		return;
	if (row->option == MESSAGE_DAMPENS) {
		f->dampen_pending++;
	} else if (row->version == r->rollback.smoke_version) {
		f->smoke_pending++;
		f->smoke_refused |= row->refused;
		f->smoke_failing |= row->last_status != 0;
		f->smoke_unanswered |= row->last_status == 0 && row->attempts > 0;
	}
}

void database_facts(const struct story *s, const struct release *r, struct release_facts *f)
{
	*f = (struct release_facts){0};
	for (size_t i = 0; i < s->db.n; i++) {
		const struct row *row = &s->db.rows[i];

		if (row->superseded_by != 0)
			continue;
		if (row->class == MESSAGE_ADVANCE && row->version == r->entry_version &&
		    row->done == 0) {
			f->enter_pending++;
			f->enter_refused |= row->refused;
			f->enter_refused_action = row->refused ? "set_weight" : NULL;
		}
		if (row->class != MESSAGE_ROLLBACK)
			continue;
		if (row->option < 0) {
			count_beside(row, r, f);
			continue;
		}
		if (row->version == r->rollback.version && row->done == 0) {
			f->rollback_pending++;
			f->rollback_refused |= row->refused;
		}
		if (group_is_done(s, row)) /* versions rise: the newest speaks for its option */
			f->rollback_acked |= INT64_C(1) << row->option;
		else
			f->rollback_acked &= ~(INT64_C(1) << row->option);
	}
	if (f->enter_refused)
		f->enter_refused_action = "set_weight";
	readback_facts(s, f);
}

/* A repair that a later decision's statement did not see, or that is not wanted now. */
static bool is_guarded(const struct story *s, const struct row *row)
{
	if (row->class != MESSAGE_ADVANCE || s->mutant == MUTANT_NO_GUARD)
		return false;
	return row->version < s->db.rolled_at ||
	       (row->drifted && (readback_is_outdated(s, row) || !readback_is_forward(s)));
}

/* Advances of one decision go in order per destination; rollbacks wait for nothing. */
static bool is_blocked(const struct story *s, const struct row *row)
{
	for (size_t i = 0; i < s->db.n && row->class == MESSAGE_ADVANCE; i++) {
		const struct row *p = &s->db.rows[i];

		if (p->to == row->to && p->class == MESSAGE_ADVANCE && p->done == 0 &&
		    p->superseded_by == 0 && p->version == row->version &&
		    p->sequence < row->sequence)
			return true;
	}
	return false;
}

static int64_t claimable_from(const struct story *s, const struct row *row)
{
	int64_t from = row->due;

	if (!is_open(row) || is_blocked(s, row) || is_guarded(s, row))
		return NEVER;
	if (row->claimed_by == s->d.instance && row->claim_until > from)
		from = row->claim_until;
	return from;
}

bool database_may_claim(const struct story *s, const struct row *row)
{
	return claimable_from(s, row) <= s->now;
}

int64_t database_next_claim(const struct story *s)
{
	int64_t next = NEVER;

	for (size_t i = 0; i < s->db.n; i++) {
		int64_t from = claimable_from(s, &s->db.rows[i]);

		next = from < next ? from : next;
	}
	return next != NEVER && next < s->db.away_until ? s->db.away_until : next;
}

/* What the webhook carrier makes of an answer. */
static enum carried_how how_it_ended(long status)
{
	if (status == 0)
		return CARRIED_UNANSWERED;
	if (status / 100 == 2)
		return CARRIED_OK;
	return status == 408 || status == 425 || status == 429 || status >= 500 ? CARRIED_FAILED
	                                                                        : CARRIED_REFUSED;
}

void database_record(struct story *s, struct row *row, const struct sending *with)
{
	struct retry how = retry_decide(&(struct attempt){
	        .class = row->class,
	        .attempts = with->attempts,
	        .age_ms = row->drifted ? 0 : s->now - row->created,
	        .how = with->seen > SEEN_EQUAL ? CARRIED_FAILED : how_it_ended(with->status),
	        .retry_after_ms = -1,
	        .seed = s->state});
	bool acked = how.how == DELIVERY_ACKNOWLEDGED;
	bool refused = how.how == DELIVERY_REFUSED;
	bool was_done = row->done != 0;

	if (with->status == 0 && row->claim_until > row->may_arrive_until)
		row->may_arrive_until = row->claim_until;
	row->claim_until = 0;
	row->last_status = with->status;
	if ((acked && (was_done || row->claimed >= row->resend)) ||
	    (refused && with->status == 409 && was_done)) {
		s->resent += was_done;
		row->resend = 0;
	}
	if (acked && !was_done)
		row->done = s->now;
	if (acked)
		row->due = row->resend > s->now ? row->resend : s->now;
	else
		row->due = s->now + (how.retry_ms > 0 ? how.retry_ms : 0);
	row->repairs += with->seen == SEEN_OTHER;
	if (acked && reads_back(s, row)) {
		row->drifted = false;
		row->look_at = s->now + (was_done ? 0 : READ_EVERY);
	}
	row->refused |= refused;
	row->dead |= how.how == DELIVERY_DEAD || (refused && how.retry_ms < 0);
}

struct release *release_through_json(const struct release *r)
{
	json_t *written = field_encode(&release_table, r);
	struct release *read = calloc(1, sizeof(*read));
	struct problems problems;
	struct decode d;

	problems_init(&problems);
	decode_init(&d, &problems, NULL);
	if (!field_decode(&release_table, written, read, &d))
		abort();
	read->row_version = r->row_version;
	memcpy(read->transition, r->transition, sizeof(read->transition));
	decode_fini(&d);
	problems_fini(&problems);
	json_decref(written);
	return read;
}

void checkpoint_fini(struct checkpoint *c)
{
	field_free(&checkpoint_table, c);
	*c = (struct checkpoint){0};
}

bool checkpoint_from_json(json_t *saved, struct checkpoint *out)
{
	struct problems problems;
	struct decode d;
	bool ok = false;

	problems_init(&problems);
	decode_init(&d, &problems, NULL);
	ok = field_decode(&checkpoint_table, saved, out, &d);
	decode_fini(&d);
	problems_fini(&problems);
	return ok;
}
