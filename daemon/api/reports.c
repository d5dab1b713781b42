/*
 * reports - what schedulers report to a release, put to its door like any verb.
 */
#include "api/reports.h"

#include "api/find.h"
#include "api/httpd.h"
#include "api/idempotency.h"
#include "api/verbs.h"
#include "app.h"
#include "base/field.h"
#include "loop/loop.h"

#define LINK_MAX_BYTES 1000
#define NAME_MAX_BYTES 128
#define VALID_MAX_MS (366.0 * 86400 * 1000)

/* --- results --- */

struct evidence_body {
	int status; /* enum evidence_status */
	char *link, *note, *author;
	struct wall expires;
	int64_t valid_for_ms;
};

#define AT(member) .offset = offsetof(struct evidence_body, member)
/* clang-format off */
static const struct field evidence_fields[] = {
	{ .key = "status", .kind = FIELD_ENUM, .flags = FIELD_REQUIRED, AT(status), .names = evidence_status_names, .doc = "passed or failed." },
	{ .key = "link", .kind = FIELD_TEXT, AT(link), .max = LINK_MAX_BYTES, .doc = "Where more is written about it." },
	{ .key = "note", .kind = FIELD_TEXT, AT(note), .max = RELEASE_MAX_REASON, .doc = "What there is to say of it; lands in the audit trail." },
	{ .key = "expires", .kind = FIELD_INSTANT, AT(expires), .doc = "From then on it says nothing." },
	{ .key = "valid_for", .kind = FIELD_DURATION, AT(valid_for_ms), .min = 1000, .max = VALID_MAX_MS, .doc = "The same as a duration from now, like 26h." },
	{ .key = "author", .kind = FIELD_TEXT, AT(author), .min = 1, .max = NAME_MAX_BYTES, .doc = "The person a machine token acts for; a machine must name one." },
};
/* clang-format on */

static bool evidence_check(const void *decoded, struct decode *d)
{
	const struct evidence_body *body = decoded;
	size_t mark = 0;

	if (body->valid_for_ms == 0 || body->expires.ms == 0)
		return true;
	mark = decode_push(d, "valid_for");
	decode_problem(d, "may not stand beside expires");
	decode_pop(d, mark);
	return false;
}

/* clang-format off */
static const struct field_table evidence_table = { .noun = "result", .fields = evidence_fields,
	.n = ARRAY_LEN(evidence_fields), .size = sizeof(struct evidence_body), .check = evidence_check };
/* clang-format on */

static void evidence_go(struct request *r)
{
	const struct tracked *t = find_release(r);
	struct evidence_body body = {0};

	if (t == NULL)
		return;
	if (request_decode(r, &evidence_table, &body)) {
		int64_t now_ms = loop_now(request_app(r)->loop).wall.ms;
		const struct event event = {
		        .kind = EVENT_EVIDENCE,
		        .result = request_param(r, 1),
		        .status = (enum evidence_status)body.status,
		        .link = body.link != NULL && body.link[0] != '\0' ? body.link : NULL,
		        .reason = body.note,
		        .expires = body.valid_for_ms > 0 ? (struct wall){now_ms + body.valid_for_ms}
		                                         : body.expires,
		};

		verbs_submit(r, t, &event, body.author);
	}
	field_free(&evidence_table, &body);
}

void reports_evidence(struct request *r)
{
	idempotency_run(r, evidence_go);
}
