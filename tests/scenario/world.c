/*
 * world - a release in memory, its outbox and its evidence, moved by the same loop as in the
 * daemon: at each interval all gates are evaluated, then whatever is due is decided until nothing
 * is.
 *
 * Every commit is checked: versions without gaps, a snapshot that survives its JSON form, paused
 * exactly while a pause holds, and never forward once a rollback was decided.
 */
#include "story.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/units.h"
#include "gate/alerts.h"
#include "gate/health.h"
#include "gate/integrity.h"

#define DUE_MAX 40
#define FILE_MAX ((size_t)256 * 1024)

void world_close(struct story *s)
{
	evaluation_free(&s->e);
	release_free(&s->r);
	policy_free(&s->bound);
	policy_free(&s->written);
	field_free(&checkpoint_table, &s->c);
	for (size_t i = 0; i < s->noutbox; i++)
		json_decref(s->outbox[i].body);
	for (size_t i = 0; i < GATES_MAX; i++) {
		json_decref(s->alerts[i].list);
		s->alerts[i].list = NULL;
	}
	s->noutbox = 0;
	gate_incidents_clear(&s->reported);
}

bool story_read(struct story *s, const char *file, struct buf *out)
{
	const char *slash = strrchr(s->path, '/');
	char path[512];
	char piece[4096];
	FILE *in = NULL;
	size_t n = 0;

	(void)snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash - s->path + 1) : 0,
	               s->path, file);
	in = fopen(path, "r");
	if (!in)
		return story_fail(s, "cannot open %s", path);
	while ((n = fread(piece, 1, sizeof(piece), in)) > 0)
		buf_add(out, piece, n);
	(void)fclose(in);
	return true;
}

struct beside {
	struct story *s;
	const char *file;
	struct buf text;
};

/* What a policy includes lies below its own folder. */
static const char *read_included(void *ctx, const char *path, size_t *out_n, struct err *err)
{
	struct beside *b = ctx;
	const char *slash = strrchr(b->file, '/');
	char full[512];

	(void)snprintf(full, sizeof(full), "%.*s%s", slash ? (int)(slash - b->file + 1) : 0,
	               b->file, path);
	buf_clear(&b->text);
	if (!story_read(b->s, full, &b->text)) {
		err_set(err, ERR_NOT_FOUND, "%s", b->s->why);
		return NULL;
	}
	*out_n = buf_str(&b->text).n;
	return buf_str(&b->text).p;
}

static bool read_policy(struct story *s, const char *file, struct policy **out)
{
	struct problems problems;
	struct beside beside = {.s = s, .file = file};
	struct buf text;
	bool ok = false;

	problems_init(&problems);
	buf_init(&text, FILE_MAX);
	buf_init(&beside.text, FILE_MAX);
	if (!story_read(s, file, &text))
		goto out;
	*out = policy_from_yaml(file, buf_str(&text),
	                        &(struct policy_include){.read = read_included, .ctx = &beside},
	                        &problems);
	buf_clear(&text);
	problems_print(&problems, &text);
	ok = *out || story_fail(s, "%s", buf_str(&text).p);
out:
	buf_fini(&beside.text);
	buf_fini(&text);
	problems_fini(&problems);
	return ok;
}

bool world_policy(struct story *s, const char *file)
{
	policy_free(&s->written);
	return read_policy(s, file, &s->written);
}

static void open_evidence(struct story *s)
{
	for (size_t i = 0; i < s->bound->nkpis && i < KPIS_MAX; i++)
		s->kpis[i] = (struct supply){.result = GATE_NO_DATA};
	for (size_t i = 0; i < s->bound->ngates && i < GATES_MAX; i++) {
		const struct gate *gate = &s->bound->gates[i];

		s->health[i] = PROBE_OK;
		if (gate->kind == &gate_health) {
			const struct health_spec *spec = gate->spec;

			s->nprobes[i] = spec->nhealth < PROBES_MAX ? spec->nhealth : PROBES_MAX;
			for (size_t k = 0; k < s->nprobes[i]; k++)
				s->probes[i][k].url = spec->health[k];
		}
		if (gate->kind == &gate_integrity) {
			const struct integrity_spec *spec = gate->spec;

			s->nprobes[i] = 1;
			s->probes[i][0].url = spec->integrity;
		}
	}
	s->c.gates = calloc(s->bound->ngates + 1, sizeof(*s->c.gates));
	s->c.ngates = s->bound->ngates;
}

static const char *option_of(const struct words *w, const char *key, const char *otherwise)
{
	for (size_t i = 1; i + 1 < w->n; i++) {
		if (strcmp(w->list[i], key) == 0)
			return strcmp(w->list[i + 1], "none") == 0 ? NULL : w->list[i + 1];
	}
	return otherwise;
}

static enum migration migration_of(const char *name)
{
	for (int i = 0; name && i < MIGRATION_COUNT; i++) {
		if (strcmp(migration_names[i], name) == 0)
			return (enum migration)i;
	}
	return MIGRATION_NONE;
}

/* All words that follow `key`, as {word: value}, or {name: value} of each NAME=VALUE. */
static json_t *all_of(const struct words *w, const char *key, const char *value)
{
	json_t *out = json_object();

	for (size_t i = 1; i + 1 < w->n; i++) {
		const char *word = w->list[i + 1];
		const char *is = strchr(word, '=');

		if (strcmp(w->list[i], key) != 0)
			continue;
		if (is)
			json_object_setn_new(out, word, (size_t)(is - word), json_string(is + 1));
		else
			json_object_set_new(out, word, json_string(value));
	}
	return out;
}

/* release [service S] [version V] [stable V] [author A] [poster P] [artifact A] [migration M]
 * [start S] [queue] [ticket T] [link NAME ...] [param NAME=VALUE ...] */
bool world_release(struct story *s, const struct words *w)
{
	const char *start = option_of(w, "start", "now");
	const char *poster = option_of(w, "poster", "dora");
	char at[UNITS_TEXT_MAX];
	struct release_request request = {
	        .service = text_dup(option_of(w, "service", "shop")),
	        .environment = text_dup("prod"),
	        .version = text_dup(option_of(w, "version", "1.4.0")),
	        .stable_version = text_dup(option_of(w, "stable", "1.3.0")),
	        .artifact = text_dup(option_of(w, "artifact", NULL)),
	        .author = text_dup(option_of(w, "author", "dora")),
	        .ticket = text_dup(option_of(w, "ticket", NULL)),
	        .links = all_of(w, "link", "https://wiki/page"),
	        .params = all_of(w, "param", ""),
	        .migration = migration_of(option_of(w, "migration", NULL))};
	struct actor by = {.subject = poster ? poster : "ci-bot", .person = poster};
	struct outcome out = {0};
	struct err err = {0};
	struct release *bare = NULL;
	int64_t ms = 0;
	bool ok = false;

	if (!s->written)
		return story_fail(s, "no policy yet");
	if (start[0] == '+') {
		if (!command_duration(s, start + 1, &ms))
			goto out;
		instant_format((struct wall){s->now.ms + ms}, at);
		start = at;
	}
	request.start = text_dup(start);
	bare = calloc(1, sizeof(*bare));
	*bare = (struct release){.service = request.service,
	                         .environment = request.environment,
	                         .version = request.version,
	                         .params = request.params,
	                         .stable_version = request.stable_version};
	{
		struct policy_values values = release_values(bare, NULL);

		s->bound = policy_bind(s->written, &values, &err);
	}
	free(bare);
	if (!s->bound) {
		story_fail(s, "bind: %s", err.text);
		goto out;
	}
	if (!release_create(&request, s->bound, 1, 1, &by, s->now, &out, &err)) {
		s->refused = true;
		s->refusal = out.refused;
		(void)snprintf(s->refusal_text, sizeof(s->refusal_text), "%s", out.text);
		policy_free(&s->bound);
		ok = true;
		goto out;
	}
	if (!told_note(s, NULL, &out))
		goto out;
	s->r = out.next;
	out.next = NULL;
	open_evidence(s);
	checkpoint_follow(&s->c, s->r);
	s->next_round = s->now;
	ok = world_settle(s);
out:
	outcome_fini(&out);
	field_free(&release_request_table, &request);
	return ok;
}

static bool stands(const struct letter *m)
{
	return !m->acked && !m->superseded;
}

/* What goes with the way back. */
static void count_beside(const struct story *s, const struct letter *m, struct release_facts *f)
{
	if (!stands(m))
		return;
	if (m->option == MESSAGE_DAMPENS) {
		f->dampen_pending++;
	} else if (m->version == s->r->rollback.smoke_version) {
		f->smoke_pending++;
		f->smoke_refused |= m->refused;
		f->smoke_failing |= m->refused || m->failed;
		f->smoke_unanswered |= m->unanswered;
		if (m->refused || m->failed || m->unanswered)
			f->smoke_action = m->action;
	}
}

static void count_letters(const struct story *s, struct release_facts *f)
{
	int64_t open = 0;
	int64_t all = 0;

	for (size_t i = 0; i < s->noutbox; i++) {
		const struct letter *m = &s->outbox[i];

		if (m->class == MESSAGE_ADVANCE && m->version == s->r->entry_version && stands(m)) {
			f->enter_pending++;
			f->enter_refused |= m->refused;
			f->enter_refused_action = m->refused ? m->action : f->enter_refused_action;
		}
		if (m->class != MESSAGE_ROLLBACK)
			continue;
		if (m->option < 0) {
			count_beside(s, m, f);
			continue;
		}
		if (m->version == s->r->rollback.version && stands(m)) {
			f->rollback_pending++;
			f->rollback_refused |= m->refused;
		}
		all |= (int64_t)1 << m->option;
		if (stands(m))
			open |= (int64_t)1 << m->option;
	}
	f->rollback_acked = all & ~open;
}

void world_facts(const struct story *s, struct release_facts *out)
{
	*out = (struct release_facts){.now = s->now,
	                              .pair_free = !s->pair_busy,
	                              .frozen = s->frozen,
	                              .freeze_reason = s->frozen ? s->freeze_reason : NULL,
	                              .reentry_open = s->reentry_open,
	                              .reentry_missing = s->reentry_open && s->reentry_missing[0]
	                                                         ? s->reentry_missing
	                                                         : NULL,
	                              .reentry_record = s->reentry_open && s->reentry_record,
	                              .reentry_release = 7,
	                              .drifted_action = s->drifted[0] ? s->drifted : NULL,
	                              .drift_known = true,
	                              .evaluation = s->e,
	                              .newer_active = s->newer_active};
	count_letters(s, out);
}

/* The snapshot as the database keeps it, read back. */
static struct release *through_json(struct story *s, const struct release *r)
{
	json_t *written = field_encode(&release_table, r);
	struct release *read = calloc(1, sizeof(*read));
	struct problems problems;
	struct decode d;
	struct buf text;

	problems_init(&problems);
	buf_init(&text, 65536);
	decode_init(&d, &problems, NULL);
	if (!field_decode(&release_table, written, read, &d)) {
		problems_print(&problems, &text);
		story_fail(s, "the snapshot does not survive its JSON form: %s", buf_str(&text).p);
	}
	read->row_version = r->row_version;
	memcpy(read->transition, r->transition, sizeof(read->transition));
	decode_fini(&d);
	buf_fini(&text);
	problems_fini(&problems);
	json_decref(written);
	return read;
}

static bool is_same(const struct release *a, const struct release *b)
{
	json_t *left = field_encode(&release_table, a);
	json_t *right = field_encode(&release_table, b);
	bool same = json_equal(left, right);

	json_decref(left);
	json_decref(right);
	return same;
}

static size_t pauses(const struct release *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nholds; i++)
		n += r->holds[i].pauses;
	return n;
}

static bool check_commit(struct story *s, const struct release *next, const struct decision *d)
{
	struct release *read = through_json(s, next);
	bool same = is_same(next, read);

	release_free(&read);
	if (!same)
		return story_fail(s, "the snapshot changes on its way through JSON");
	if (next->row_version != s->r->row_version + 1)
		return story_fail(s, "row_version jumps");
	if ((next->state == RELEASE_RUNNING && pauses(next) > 0) ||
	    (next->state == RELEASE_PAUSED && pauses(next) == 0))
		return story_fail(s, "rule H2: %s with %zu pause holds",
		                  release_state_names[next->state], pauses(next));
	if (s->r->rollback.active &&
	    (next->state == RELEASE_RUNNING || next->state == RELEASE_COMPLETED ||
	     next->stage > s->r->stage))
		return story_fail(s, "invariant I5: forward after a rollback was decided");
	if (next->stage > s->r->stage && !d->needs_lease)
		return story_fail(s, "rule V4: an advance without lease");
	return !s->failed;
}

static bool keep_letters(struct story *s, const struct outcome *out)
{
	const struct decision *d = &out->decision;
	bool tries_anew =
	        d->to_state == RELEASE_STABILISING && d->from_state != RELEASE_STABILISING;

	for (size_t i = 0; i < s->noutbox; i++) {
		struct letter *m = &s->outbox[i];
		bool ends = (m->class == MESSAGE_ADVANCE && d->supersedes) ||
		            (m->class == MESSAGE_ROLLBACK &&
		             (d->closes_messages || (tries_anew && m->option == MESSAGE_SMOKE)));

		m->superseded = m->superseded || (ends && !m->acked);
	}
	for (size_t i = 0; i < out->nmessages; i++) {
		struct letter *m = &s->outbox[s->noutbox];

		if (s->noutbox == OUTBOX_MAX)
			return story_fail(s, "more than %d messages", OUTBOX_MAX);
		*m = (struct letter){.class = out->messages[i].class,
		                     .option = out->messages[i].option,
		                     .version = out->next->row_version,
		                     .body = json_incref(out->messages[i].body)};
		(void)snprintf(m->action, sizeof(m->action), "%s", out->messages[i].action);
		s->noutbox++;
	}
	return true;
}

static void mark_row(struct story *s, const struct decision *d)
{
	for (size_t i = 0; i < release_ntransitions; i++) {
		const struct transition *row = &release_transitions[i];

		if (row->state == d->from_state && row->step == d->from_step &&
		    row->event == d->event)
			s->taken[i] = 1;
	}
}

/* Everything decided since the last line that did something. */
static void say_decided(struct story *s, const char *text)
{
	size_t n = strlen(s->decided);

	(void)snprintf(s->decided + n, sizeof(s->decided) - n, "%s%s", n > 0 ? " | " : "", text);
}

/* Every change of a call, and the newest level's role. */
static bool note_calls(struct story *s, const struct outcome *out)
{
	const struct decision *d = &out->decision;
	const char *wrong = ledger_take(&s->ledger, d, out->next, s->bound);
	size_t n = strlen(s->news);

	for (size_t i = 0; i < d->ncalls && n < sizeof(s->news); i++)
		n += (size_t)snprintf(s->news + n, sizeof(s->news) - n, "%s%s %s %s",
		                      n > 0 ? "; " : "", call_change_names[d->calls[i].change],
		                      d->calls[i].cause, d->calls[i].role);
	return !wrong || story_fail(s, "%s: %s", release_event_names[d->event], wrong);
}

/* As the daemon does: what was measured by the old policy is gone. */
static void follow_policy(struct story *s)
{
	if (!s->bound_next || strcmp(s->r->policy_hash, s->bound_next->hash) != 0)
		return;
	evaluation_free(&s->e);
	field_free(&checkpoint_table, &s->c);
	policy_free(&s->bound);
	policy_free(&s->written);
	s->bound = s->bound_next;
	s->written = s->written_next;
	s->bound_next = s->written_next = NULL;
	open_evidence(s);
}

static bool commit(struct story *s, struct outcome *out)
{
	char id[RELEASE_UUID_TEXT];
	struct err err;

	(void)snprintf(id, sizeof(id), "00000000-0000-0000-0000-%012u", ++s->transitions);
	if (!outcome_stamp(out, id, &err))
		return story_fail(s, "%s", err.text);
	if (!check_commit(s, out->next, &out->decision) || !keep_letters(s, out) ||
	    !note_calls(s, out) || !told_note(s, s->r, out))
		return false;
	mark_row(s, &out->decision);
	say_decided(s, out->decision.text);
	s->called += out->decision.calls_people && out->decision.event != EVENT_ESCALATE;
	s->last = out->decision;
	s->last.text = NULL;
	s->last.calls = NULL;
	s->last.ncalls = 0;
	s->last.detail = NULL;
	release_free(&s->r);
	s->r = out->next;
	out->next = NULL;
	follow_policy(s);
	checkpoint_follow(&s->c, s->r);
	return true;
}

bool world_submit(struct story *s, const struct event *event)
{
	struct release_facts facts;
	struct outcome out;
	bool ok = true;

	if (s->store_away)
		return story_fail(s, "the store is away");
	world_facts(s, &facts);
	release_step(s->r, &s->c, s->bound, event, &facts, &out);
	if (out.refused == REFUSED_NONE) {
		ok = commit(s, &out);
	} else {
		s->refused = true;
		s->refusal = out.refused;
		(void)snprintf(s->refusal_text, sizeof(s->refusal_text), "%s", out.text);
	}
	outcome_fini(&out);
	return ok && (s->refused || world_settle(s));
}

bool world_repin(struct story *s, const char *file, struct event *event)
{
	struct policy_values values = release_values(s->r, NULL);
	struct err err = {0};
	bool ok = read_policy(s, file, &s->written_next);

	s->bound_next = ok ? policy_bind(s->written_next, &values, &err) : NULL;
	if (ok && !s->bound_next)
		ok = story_fail(s, "bind: %s", err.text);
	event->policy = s->bound_next;
	ok = ok && world_submit(s, event);
	policy_free(&s->bound_next);
	policy_free(&s->written_next);
	return ok;
}

bool world_settle(struct story *s)
{
	for (int i = 0; i < DUE_MAX && !s->store_away; i++) {
		struct release_facts facts;
		struct outcome out;
		struct event event;
		bool ok = true;

		world_facts(s, &facts);
		if (!release_due(s->r, &s->c, s->bound, &facts, &event))
			return true;
		release_step(s->r, &s->c, s->bound, &event, &facts, &out);
		json_decref((json_t *)(uintptr_t)event.detail);
		if (out.refused == REFUSED_NONE)
			ok = commit(s, &out);
		else
			ok = story_fail(s, "%s is due and refused: %s",
			                release_event_names[event.kind], out.text);
		outcome_fini(&out);
		if (!ok)
			return false;
	}
	return s->store_away ||
	       story_fail(s, "%s again and again", release_event_names[s->last.event]);
}

static void read_kpi(const struct story *s, size_t i, struct kpi_reading *out)
{
	const struct supply *supply = &s->kpis[i];
	const struct kpi *kpi = &s->bound->kpis[i];
	struct wall exposed = release_exposed_since(s->r);
	int64_t since = supply->since.ms > exposed.ms ? supply->since.ms : exposed.ms;

	if (kpi->pushed_ms > 0) {
		kpi_read_pushed(kpi, s->r->measurements, s->r->nmeasurements, s->now, exposed, out);
		return;
	}
	*out = (struct kpi_reading){.result = supply->result,
	                            .value = supply->value,
	                            .newest = s->now,
	                            .targets = 1,
	                            .targets_good = 1,
	                            .range_ms = kpi_range_ms(kpi)};
	out->covered = supply->result == GATE_PASS && s->now.ms - since >= out->range_ms;
	out->targets_covered = out->covered;
	out->covered_at.ms = since + out->range_ms;
	(void)snprintf(out->why, sizeof(out->why), "%s",
	               supply->result == GATE_PASS ? "warming up" : "nothing came back");
}

static json_t *one_alert(void)
{
	return json_pack("[{s:s, s:{s:s}}]", "fingerprint", "f1", "labels", "alertname", "Burning");
}

static void fill_outside(struct story *s)
{
	for (size_t i = 0; i < s->bound->ngates && i < GATES_MAX; i++) {
		for (size_t k = 0; k < s->nprobes[i]; k++) {
			struct gate_probe *p = &s->probes[i][k];

			p->state = s->health[i];
			p->confirmed = true;
			p->at = s->now;
			p->since = release_started_at(s->r, s->now);
			p->status = s->health[i] == PROBE_OK ? 200 : 503;
			(void)snprintf(p->why, sizeof(p->why), "status 503");
		}
		json_decref(s->alerts[i].list);
		s->alerts[i] = (struct gate_alerts){.list = s->firing[i] ? one_alert() : NULL,
		                                    .known = !s->alerts_unknown[i],
		                                    .at = s->now,
		                                    .every_ms = s->bound->evaluate_every_ms,
		                                    .firing = s->firing[i]};
		(void)snprintf(s->alerts[i].why, sizeof(s->alerts[i].why), "no answer");
	}
}

static bool evaluate(struct story *s)
{
	struct kpi_reading readings[KPIS_MAX];
	const struct gate_probe *probes[GATES_MAX];
	const struct gate_alerts *alerts[GATES_MAX];
	struct gate_evidence evidence = {.at = s->now,
	                                 .evaluate_every_ms = s->bound->evaluate_every_ms,
	                                 .kpis = readings,
	                                 .kpi_list = s->bound->kpis,
	                                 .nkpis = s->bound->nkpis,
	                                 .probes = probes,
	                                 .nprobes = s->nprobes,
	                                 .alerts = alerts,
	                                 .incidents = &s->reported};
	struct evaluation *next = NULL;
	int64_t observed = s->c.observed_ms;
	struct err err;

	if (s->bound->nkpis > KPIS_MAX || s->bound->ngates > GATES_MAX)
		return story_fail(s, "the policy is too large for a story");
	fill_outside(s);
	if (!s->store_away)
		s->reported.asked = s->now;
	s->reported.known = s->reported.asked.ms > 0;
	s->reported.reach_ms = INT64_MAX;
	for (size_t i = 0; i < s->bound->nkpis; i++)
		read_kpi(s, i, &readings[i]);
	for (size_t i = 0; i < s->bound->ngates; i++) {
		probes[i] = s->nprobes[i] > 0 ? s->probes[i] : NULL;
		alerts[i] = s->bound->gates[i].kind == &gate_alerts ? &s->alerts[i] : NULL;
	}
	next = release_evaluate(s->r, s->bound, &evidence, &s->c, &err);
	if (!next)
		return story_fail(s, "%s", err.text);
	evaluation_free(&s->e);
	s->e = next;
	if (s->c.observed_ms > observed && !next->all_pass)
		return story_fail(s, "invariant I13: the bake grew without a pass");
	return true;
}

static bool is_evaluated(enum release_state state)
{
	return state == RELEASE_PLANNED || state == RELEASE_RUNNING || state == RELEASE_PAUSED ||
	       state == RELEASE_STABILISING;
}

static bool tick(struct story *s)
{
	if (s->now.ms >= s->next_round.ms && is_evaluated(s->r->state)) {
		s->next_round.ms = s->now.ms + s->bound->evaluate_every_ms;
		if (!evaluate(s))
			return false;
	}
	return world_settle(s);
}

bool world_pass(struct story *s, int64_t ms)
{
	int64_t until = s->now.ms + ms;

	while (s->now.ms < until) {
		s->now.ms += until - s->now.ms < s->tick_ms ? until - s->now.ms : s->tick_ms;
		if (s->r && !tick(s))
			return false;
	}
	return true;
}

bool world_takeover(struct story *s)
{
	struct release *read = through_json(s, s->r);
	json_t *written = field_encode(&checkpoint_table, &s->c);
	struct problems problems;
	struct decode d;
	bool ok = false;

	release_free(&s->r);
	s->r = read;
	evaluation_free(&s->e);
	field_free(&checkpoint_table, &s->c);
	problems_init(&problems);
	decode_init(&d, &problems, NULL);
	ok = field_decode(&checkpoint_table, written, &s->c, &d);
	decode_fini(&d);
	problems_fini(&problems);
	json_decref(written);
	s->c.fresh_rounds = 0;
	checkpoint_follow(&s->c, s->r);
	return ok || story_fail(s, "the checkpoint does not survive its JSON form");
}

bool world_sleep(struct story *s, int64_t ms)
{
	s->now.ms += ms;
	s->next_round = s->now;
	for (size_t i = 0; i < KPIS_MAX; i++)
		s->kpis[i].since = s->now;
	return world_takeover(s);
}
