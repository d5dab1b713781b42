/*
 * placeholder_scan - a text taken apart into literal pieces and placeholders, and what is known of
 * their names. Only placeholder.c builds on it.
 */
#ifndef POLICY_PLACEHOLDER_SCAN_H
#define POLICY_PLACEHOLDER_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

enum piece_kind {
	PIECE_END = 0,
	PIECE_TEXT,   /* as it stands */
	PIECE_ESCAPE, /* "$${", which stands for "${" */
	PIECE_NAME,   /* between "${" and "}" */
	PIECE_BAD     /* "${" without "}" */
};

struct piece {
	enum piece_kind kind;
	struct str text;
};

/* *at starts at 0. A bad piece ends the text: it is given again. */
struct piece placeholder_next(struct str text, size_t *at);

/* Inside which string literal of a PromQL text a place lies. Fed with the literal pieces only. */
struct quotes {
	char open; /* the quote that will close it, '#' in a comment, 0 outside */
	bool escaped;
};

void quotes_feed(struct quotes *q, struct str text);
bool quotes_hold(const struct quotes *q); /* what follows stands inside a string */

/* Letters, digits, _ and -. */
bool placeholder_is_word(struct str s);
/* The part after `prefix`; empty when the name is not of that family. */
struct str placeholder_member(struct str name, struct str prefix);
bool placeholder_is_known(struct str name);
bool placeholder_is_of_stage(struct str name);
bool placeholder_is_of_start(struct str name); /* started_at */
/* Both return false. */
bool placeholder_refuse_unknown(struct str name, struct err *err);
bool placeholder_refuse_open(struct err *err);

#endif
