/*
 * smtp - handing one mail to a server: what is said next, what its replies mean (RFC 5321). From
 * MAIL FROM on; greeting, STARTTLS and login are curl's.
 *
 * Pure: bytes in, bytes out. One command at a time, so that a reply can belong to nothing else; a
 * server that says more than it was asked is not believed any more.
 *
 * Some recipients may be refused while others are not. Refused for good (5xx): the others get the
 * mail, and the reply names the first who did not. Put off (4xx): nobody gets it yet, so that
 * nobody gets it twice; with `is_impatient` the others do.
 */
#ifndef LOOP_SMTP_H
#define LOOP_SMTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define SMTP_LINE_MAX 1024 /* RFC 5321 has 512 */
#define SMTP_REPLY_LINES_MAX 100

/* Borrowed until the end. */
struct smtp_mail {
	const char *from;
	char *const *to;
	size_t nto;
	struct str text; /* a whole mail, lines ended by CRLF, dots not doubled */
	bool is_impatient;
};

enum smtp_at { SMTP_AT_MAIL = 0, SMTP_AT_RCPT, SMTP_AT_DATA, SMTP_AT_TEXT, SMTP_OVER };

struct smtp {
	struct smtp_mail mail;
	enum smtp_at at;
	size_t recipient; /* whose reply is awaited */
	size_t naccepted, nput_off, nrefused;
	struct buf out; /* to be sent */
	char line[SMTP_LINE_MAX];
	size_t nline, nlines;
	long left_out; /* status of the first recipient not accepted */
	/* When over: */
	long status; /* of the reply that decided */
	char text[200];
};

/* smtp_fini() in any case. */
bool smtp_begin(struct smtp *s, const struct smtp_mail *mail, struct err *err);
void smtp_fini(struct smtp *s);
/* What the server said. New bytes to send are in `out` then, unless it is over. False with *err:
 * it is no SMTP server, or there is no memory. */
bool smtp_heard(struct smtp *s, const char *bytes, size_t n, struct err *err);

#endif
