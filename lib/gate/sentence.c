/*
 * sentence - words for one gate's outcome.
 */
#include "gate/sentence.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/str.h"

void sentence_set(char *out, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	text_vformat(out, size, fmt, args);
	va_end(args);
}

void sentence_span(int64_t ms, char out[UNITS_TEXT_MAX])
{
	duration_format((ms + 999) / 1000 * 1000, out);
}

static const char *label_of(enum gate_result result)
{
	static const char *const labels[GATE_RESULT_COUNT] = {
	        [GATE_ERROR] = "error",     [GATE_STALE] = "stale",
	        [GATE_NO_DATA] = "no data", [GATE_INSUFFICIENT] = "insufficient",
	        [GATE_BREACH] = "breach",   [GATE_WARMING] = "warming",
	        [GATE_PASS] = "pass",
	};

	return labels[result];
}

/* What a fired rung does: "pauses", "rolls back kill_switch". */
static void deed(const struct gate_rung *rung, char *out, size_t size)
{
	const char *verb = "is noted";

	switch (rung->then) {
	case RUNG_ROLLBACK:
		sentence_set(out, size, "rolls back%s%s", rung->option ? " " : "",
		             rung->option ? rung->option : "");
		return;
	case RUNG_PAUSE:
		verb = "pauses";
		break;
	case RUNG_ASK:
		verb = "asks";
		break;
	case RUNG_NOTE:
	case RUNG_THEN_COUNT:
		break;
	}
	sentence_set(out, size, "%s", verb);
}

/* "1st", "2nd", "3rd", "11th". */
static void ordinal(unsigned n, char *out, size_t size)
{
	static const char *const endings[] = {"th", "st", "nd", "rd"};
	bool is_teen = n % 100 >= 11 && n % 100 <= 13;

	sentence_set(out, size, "%u%s", n,
	             is_teen || n % 10 >= ARRAY_LEN(endings) ? "th" : endings[n % 10]);
}

/* "a third" for the vote that is still missing; "3 more" when several are. */
static void missing_votes(unsigned have, unsigned need, char *out, size_t size)
{
	static const char *const names[] = {"",          "a first", "a second", "a third",
	                                    "a fourth",  "a fifth", "a sixth",  "a seventh",
	                                    "an eighth", "a ninth", "a tenth"};

	if (have + 1 < need)
		sentence_set(out, size, "%u more", need - have);
	else if (need < ARRAY_LEN(names))
		sentence_set(out, size, "%s", names[need]);
	else
		sentence_set(out, size, "vote %u", need);
}

/* A rung that only says "not 0" needs no words. */
static bool goes_without_saying(const struct sentence_facts *f)
{
	return f->gate->kind->implicit_rung && number_is_same(f->rung->limit, 0);
}

/* "1 %", "baseline + 10% (2.2 %)". */
static void format_limit(const struct gate_rung *rung, const struct gate_measure *m, char *out,
                         size_t size)
{
	char number[64];

	kpi_format(rung->limit, m->unit, number, sizeof(number));
	if (!rung->of_baseline)
		sentence_set(out, size, "%s", number);
	else if (isfinite(rung->limit))
		sentence_set(out, size, "%s (%s)", rung->limit_text, number);
	else
		sentence_set(out, size, "%s", rung->limit_text);
}

/* "above 1 %" and `end`, or nothing. */
static void condition(const struct sentence_facts *f, const struct gate_measure *m, const char *end,
                      char *out, size_t size)
{
	char limit[128];

	if (goes_without_saying(f)) {
		out[0] = '\0';
		return;
	}
	format_limit(f->rung, m, limit, sizeof(limit));
	sentence_set(out, size, "%s %s%s%s", f->rung->compare == RUNG_ABOVE ? "above" : "below",
	             limit, m->per, end);
}

/* Votes so far, in front of the condition: "2nd of 3 votes ", "1st of 2 votes (of 3) ". */
static void tally(const struct sentence_facts *f, unsigned votes, char *out, size_t size)
{
	unsigned need = f->rung->votes_needed, of = f->rung->votes_of;
	char number[32] = "", window[32] = "";

	out[0] = '\0';
	if (need <= 1 && of <= 1)
		return;
	if (f->fired) {
		sentence_set(out, size, "%u of %u votes ", votes, of);
		return;
	}
	if (f->voted)
		ordinal(votes, number, sizeof(number));
	else
		sentence_set(number, sizeof(number), "%u", votes);
	if (of > need)
		sentence_set(window, sizeof(window), " (of %u)", of);
	sentence_set(out, size, "%s of %u votes%s ", number, need, window);
}

/* What is still missing before the rung fires, behind the value. */
static void outlook(const struct sentence_facts *f, const struct gate_outcome *o, const char *does,
                    char *out, size_t size)
{
	char text[64];

	if (o->measure.told > 0 && !f->voted && o->next_vote.ms == 0) {
		sentence_set(out, size, "; the next report votes");
		return;
	}
	if (o->votes >= f->rung->votes_needed || !f->voted) {
		sentence_span(o->next_vote.ms > f->at.ms ? o->next_vote.ms - f->at.ms : 0, text);
		sentence_set(out, size, "; next vote in %s", text);
		return;
	}
	missing_votes(o->votes, f->rung->votes_needed, text, sizeof(text));
	bool is_plural = o->votes + 1 < f->rung->votes_needed;

	if (is_plural)
		sentence_set(out, size, "; %s until it %s", text, does);
	else
		sentence_set(out, size, "; %s %s", text, does);
}

static void say_duration(const struct sentence_facts *f, struct gate_outcome *o, const char *limit,
                         const char *does)
{
	char have[UNITS_TEXT_MAX], need[UNITS_TEXT_MAX];

	duration_format(f->state ? f->state->breach_ms / 1000 * 1000 : 0, have);
	duration_format(f->rung->for_ms, need);
	if (f->fired)
		sentence_set(o->sentence, sizeof(o->sentence), "for %s %s%s; %s", need, limit,
		             o->measure.text, does);
	else
		sentence_set(o->sentence, sizeof(o->sentence), "for %s of %s %s%s; %s %s", have,
		             need, limit, o->measure.text, need, does);
}

static void say_breach(const struct sentence_facts *f, struct gate_outcome *o)
{
	char limit[160], does[96], votes[96], next[128];

	condition(f, &o->measure, ": ", limit, sizeof(limit));
	deed(f->rung, does, sizeof(does));
	if (!f->settled) {
		sentence_set(o->sentence, sizeof(o->sentence), "%s%s; shown without a vote", limit,
		             o->measure.text);
		return;
	}
	if (f->rung->for_ms > 0) {
		say_duration(f, o, limit, does);
		return;
	}
	tally(f, o->votes, votes, sizeof(votes));
	if (f->fired)
		sentence_set(next, sizeof(next), "; %s", does);
	else
		outlook(f, o, does, next, sizeof(next));
	sentence_set(o->sentence, sizeof(o->sentence), "%s%s%s%s", votes, limit, o->measure.text,
	             next);
}

/* What fired, and what is there instead of a pass or breach since. */
static void say_standing(const struct sentence_facts *f, struct gate_outcome *o)
{
	const struct gate_measure *m = &o->measure;
	char limit[160], does[96], votes[96] = "", need[UNITS_TEXT_MAX];

	condition(f, m, "", limit, sizeof(limit));
	deed(f->rung, does, sizeof(does));
	if (f->rung->for_ms > 0) {
		duration_format(f->rung->for_ms, need);
		sentence_set(votes, sizeof(votes), "for %s ", need);
	} else {
		tally(f, o->votes, votes, sizeof(votes));
	}
	if (goes_without_saying(f))
		sentence_set(limit, sizeof(limit), "in breach");
	if (m->result == GATE_PASS)
		sentence_set(o->sentence, sizeof(o->sentence), "stands: %s%s, then %s (%s); %s",
		             votes, limit, m->text, m->why, does);
	else
		sentence_set(o->sentence, sizeof(o->sentence),
		             "stands: %s%s, then silence (%s: %s); %s", votes, limit,
		             label_of(m->result), m->why, does);
}

static void say_pass(const struct sentence_facts *f, struct gate_outcome *o)
{
	char limit[128];

	if (goes_without_saying(f) || o->measure.unheld) {
		sentence_set(o->sentence, sizeof(o->sentence), "%s", o->measure.text);
		return;
	}
	format_limit(f->rung, &o->measure, limit, sizeof(limit));
	sentence_set(o->sentence, sizeof(o->sentence), "%s; %s %s%s", o->measure.text,
	             f->rung->compare == RUNG_ABOVE ? "limit" : "at least", limit, o->measure.per);
}

void gate_sentence(const struct sentence_facts *facts, struct gate_outcome *out)
{
	if (facts->stands)
		say_standing(facts, out);
	else if (out->result == GATE_BREACH)
		say_breach(facts, out);
	else if (out->result == GATE_PASS)
		say_pass(facts, out);
	else
		sentence_set(out->sentence, sizeof(out->sentence), "%s: %s", label_of(out->result),
		             out->measure.why);
}
