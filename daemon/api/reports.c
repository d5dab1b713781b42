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

/* --- measurements --- */

#undef AT

struct measurement_row {
	char *kpi;
	double value;
	int given; /* 0: as the policy says; else enum kpi_given + 1 */
	struct wall at;
};
struct measurement_body {
	struct measurement_row one; /* without a list */
	struct measurement_row *list;
	size_t n;
	char *note, *author;
};

#define KPI_MAX_BYTES 100
#define AT(type, member) .offset = offsetof(struct type, member)
/* clang-format off */
static const char *const given_names[] = {
	"policy", "unit", "percent", "ms", "us", "ns", "minutes", "KiB", "MiB", "GiB", NULL
};
_Static_assert(ARRAY_LEN(given_names) == KPI_GIVEN_COUNT + 2, "as kpi_given_names, after the first");

#define ROW(type, prefix) \
	{ .key = "kpi", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(type, prefix kpi), .min = 1, .max = KPI_MAX_BYTES, .doc = "What was measured." }, \
	{ .key = "value", .kind = FIELD_NUMBER, .flags = FIELD_REQUIRED, AT(type, prefix value), .doc = "The number." }, \
	{ .key = "given_in", .kind = FIELD_ENUM, AT(type, prefix given), .names = given_names, .doc = "In what it is given; left out, as the policy says." }, \
	{ .key = "at", .kind = FIELD_INSTANT, AT(type, prefix at), .doc = "The instant it is about, the end of its window; left out, now." }
#define REPORTER \
	{ .key = "note", .kind = FIELD_TEXT, AT(measurement_body, note), .max = RELEASE_MAX_REASON, .doc = "What there is to say of it; lands in the audit trail." }, \
	{ .key = "author", .kind = FIELD_TEXT, AT(measurement_body, author), .min = 1, .max = NAME_MAX_BYTES, .doc = "The person a machine token acts for; a machine must name one." }

static const struct field row_fields[] = { ROW(measurement_row, ) };
static const struct field_table row_table = { .noun = "measurement", .fields = row_fields,
	.n = ARRAY_LEN(row_fields), .size = sizeof(struct measurement_row) };

static const struct field one_fields[] = { ROW(measurement_body, one.), REPORTER };
static const struct field_table one_table = { .noun = "measurement", .fields = one_fields,
	.n = ARRAY_LEN(one_fields), .size = sizeof(struct measurement_body) };

static const struct field list_fields[] = {
	{ .key = "measurements", .kind = FIELD_LIST, .flags = FIELD_REQUIRED, AT(measurement_body, list),
	  .count_offset = offsetof(struct measurement_body, n), .min = 1, .max = EVENT_MAX_MEASUREMENTS, .table = &row_table,
	  .doc = "Several at once." },
	REPORTER,
};
static const struct field_table list_table = { .noun = "list of measurements", .fields = list_fields,
	.n = ARRAY_LEN(list_fields), .size = sizeof(struct measurement_body) };
/* clang-format on */

static void submit_measurements(struct request *r, const struct tracked *t,
                                const struct measurement_body *body)
{
	const struct measurement_row *rows = body->list != NULL ? body->list : &body->one;
	size_t n = body->list != NULL ? body->n : 1;
	struct event_measurement asked[EVENT_MAX_MEASUREMENTS];
	struct event event = {.kind = EVENT_MEASUREMENT,
	                      .reason = body->note,
	                      .measurements = asked,
	                      .nmeasurements = n,
	                      .one_measurement = body->list == NULL};

	for (size_t i = 0; i < n; i++)
		asked[i] = (struct event_measurement){
		        .kpi = rows[i].kpi,
		        .value = rows[i].value,
		        .given = rows[i].given == 0 ? EVENT_GIVEN_AS_POLICY : rows[i].given - 1,
		        .at = rows[i].at};
	verbs_submit(r, t, &event, body->author);
}

static void measurement_go(struct request *r)
{
	const struct tracked *t = find_release(r);
	const json_t *document = t != NULL ? request_body(r) : NULL;
	const struct field_table *table =
	        json_object_get(document, "measurements") != NULL ? &list_table : &one_table;
	struct measurement_body body = {0};

	if (document == NULL)
		return;
	if (request_decode(r, table, &body))
		submit_measurements(r, t, &body);
	field_free(table, &body);
}

void reports_measurement(struct request *r)
{
	idempotency_run(r, measurement_go);
}
