/*
 * regex_syntax - regular expressions in RE2's syntax, which is Prometheus', made ready for PCRE2.
 *
 * What RE2 does not have (back references, look-around, atomic groups, verbs, ...) is refused, and
 * what the two read differently is rewritten, so that one text means the same in both.
 */
#ifndef PROMQL_REGEX_SYNTAX_H
#define PROMQL_REGEX_SYNTAX_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"

#define REGEX_MAX_REPEAT 1000 /* x{1000}, as in RE2 */

/* Adds PCRE2's text to *out. The sentence says at which character of the pattern the mistake is. */
bool regex_translate(struct str pattern, struct buf *out, struct err *err) MUST_CHECK;

#endif
