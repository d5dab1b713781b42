/*
 * sentence - what one gate says, in words a person can read: value, limit, votes so far, what comes
 * next.
 *
 * Pure. Speaks only; decides nothing.
 */
#ifndef GATE_SENTENCE_H
#define GATE_SENTENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/time.h"
#include "base/units.h"
#include "gate/gate.h"

/* Writes into `out`, cut at a whole UTF-8 sequence when it does not fit. */
void sentence_set(char *out, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A stretch of time for people: whole seconds, rounded up ("40s"). */
void sentence_span(int64_t ms, char out[UNITS_TEXT_MAX]);

struct sentence_facts {
	const struct gate *gate;
	const struct gate_rung *rung;   /* the one spoken of */
	const struct rung_state *state; /* its votes, this one included; NULL without memory */
	struct wall at;
	bool fired;
	bool stands; /* it fired before and there was no pass or breach since (rule E3) */
	bool voted;  /* this evaluation was a vote of the rung */
	bool settled;
};

/* Fills out->sentence from the rest of *out. */
void gate_sentence(const struct sentence_facts *facts, struct gate_outcome *out);

#endif
