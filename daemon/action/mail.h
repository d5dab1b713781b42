/*
 * mail - one message as a mail: headers and body as a mail server takes them (RFC 5322).
 *
 * Pure. The message's body is {"to": ["ann@example.org"], "subject": "...", "text": "..."}. The same
 * message makes the same bytes in every attempt: Message-ID and Date come from the message, so that
 * what arrives twice is known as one. Whatever stands in subject and text, no header can be added:
 * control characters become spaces, and what is not plain ASCII is encoded.
 * Limits: MAIL_RECIPIENTS_MAX; a subject or text beyond its bound is cut; lines have at most 78
 * characters.
 */
#ifndef ACTION_MAIL_H
#define ACTION_MAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/macros.h"

struct store_message;

#define MAIL_RECIPIENTS_MAX 50
#define MAIL_ADDRESS_MAX 254
#define MAIL_SUBJECT_MAX ((size_t)400)
#define MAIL_TEXT_MAX ((size_t)256 * 1024)

struct mail {
	struct buf text; /* the whole, lines ended by CRLF, dots not doubled */
	char *to[MAIL_RECIPIENTS_MAX];
	size_t nto;
};

/* mail_fini() in any case. */
bool mail_build(const struct store_message *m, const char *from, struct mail *out,
                struct err *err) MUST_CHECK;
void mail_fini(struct mail *mail);

/* local@domain in visible ASCII, nothing that would need quoting. */
bool mail_is_address(const char *text);

#endif
