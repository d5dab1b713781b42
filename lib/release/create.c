/*
 * create - what a client posts becomes the first snapshot: planned, version 1, its author named
 * (rules A1, H1).
 */
#include "release/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "base/units.h"

#define NAME_BYTES 64
#define VERSION_BYTES 128
#define TEXT_BYTES 512
#define MINUTE_MS 60000

static bool is_alnum(char c, bool upper)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (upper && c >= 'A' && c <= 'Z');
}

static bool is_word(const char *text, bool upper, const char *others, size_t max)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++) {
		if (!is_alnum(text[i], upper) && !strchr(others, text[i]))
			return false;
	}
	return n > 0 && n <= max;
}

static bool check_word(struct decode *d, const char *key, const char *text, bool upper,
                       const char *others, size_t max)
{
	size_t mark = 0;

	if (!text || is_word(text, upper, others, max))
		return true;
	mark = decode_push(d, key);
	decode_problem(d, "must be 1 to %zu of a-z, %s0-9 and %s", max, upper ? "A-Z, " : "",
	               others);
	decode_pop(d, mark);
	return false;
}

static bool check_object(struct decode *d, const char *key, const json_t *value)
{
	size_t mark = 0;

	if (!value || json_is_object(value))
		return true;
	mark = decode_push(d, key);
	decode_problem(d, "must be an object");
	decode_pop(d, mark);
	return false;
}

static bool parse_start(const char *text, struct wall *out, bool *out_manual, struct err *err)
{
	*out = (struct wall){0};
	*out_manual = false;
	if (!text || strcmp(text, "now") == 0)
		return true;
	if (strcmp(text, "manual") == 0) {
		*out_manual = true;
		return true;
	}
	if (instant_parse(str_of(text), out, err))
		return true;
	err_prefix(err, "start is \"now\", \"manual\" or an instant");
	return false;
}

/* To be posted again with what is answered, so a little later than the rule asks for. */
static struct wall offer_start(struct wall now, int64_t notice_ms)
{
	int64_t ms = now.ms + notice_ms + 2 * MINUTE_MS - 1;

	return (struct wall){ms - ms % MINUTE_MS};
}

/* Rule H5. */
static bool gives_notice(const struct policy *p, struct wall start, bool manual, struct wall now,
                         struct outcome *out, struct err *err)
{
	char at[UNITS_TEXT_MAX];
	char notice[UNITS_TEXT_MAX];

	if (manual || p->notice_ms == 0 || start.ms >= now.ms + p->notice_ms)
		return true;
	instant_format(offer_start(now, p->notice_ms), at);
	duration_format(p->notice_ms, notice);
	refuse(out, REFUSED_INVALID, "/start",
	       "policy %s asks for %s of notice: start is %s or later, or manual", p->name, notice,
	       at);
	return err_set(err, ERR_INVALID, "%s", out->text);
}

static bool check_start(struct decode *d, const char *text)
{
	struct wall at;
	bool manual = false;
	struct err err;
	size_t mark = 0;

	if (parse_start(text, &at, &manual, &err))
		return true;
	mark = decode_push(d, "start");
	decode_problem(d, "%s", err.text);
	decode_pop(d, mark);
	return false;
}

static bool request_check(const void *decoded, struct decode *d)
{
	const struct release_request *r = decoded;
	bool ok = check_word(d, "service", r->service, false, "._-", NAME_BYTES);

	ok &= check_word(d, "environment", r->environment, false, "._-", NAME_BYTES);
	ok &= check_word(d, "version", r->version, true, "._+-", VERSION_BYTES);
	ok &= check_word(d, "stable_version", r->stable_version, true, "._+-", VERSION_BYTES);
	ok &= check_object(d, "params", r->params);
	ok &= check_object(d, "links", r->links);
	return check_start(d, r->start) && ok;
}

#define AT(member) .offset = offsetof(struct release_request, member)

/* clang-format off */
static const struct field request_fields[] = {
	{ .key = "service", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(service), .min = 1, .max = NAME_BYTES, .doc = "What is released." },
	{ .key = "environment", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(environment), .min = 1, .max = NAME_BYTES, .doc = "Where; at most one active release per service and environment." },
	{ .key = "version", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(version), .min = 1, .max = VERSION_BYTES, .doc = "Which version." },
	{ .key = "policy", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(policy), .min = 1, .max = NAME_BYTES, .doc = "Name of the policy; it is pinned by its content." },
	{ .key = "type", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(type), .min = 1, .max = NAME_BYTES, .doc = "Instead of a policy: a name that release_types maps to one." },
	{ .key = "stable_version", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(stable_version), .min = 1, .max = VERSION_BYTES, .doc = "Version to go back to; without it, options that need one are not available." },
	{ .key = "artifact", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(artifact), .min = 1, .max = TEXT_BYTES, .doc = "Digest or address of what is deployed; approvals are bound to it." },
	{ .key = "author", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(author), .min = 1, .max = VERSION_BYTES, .doc = "Person whose change this is; a machine must name one." },
	{ .key = "ticket", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(ticket), .min = 1, .max = TEXT_BYTES, .doc = "Change ticket." },
	{ .key = "migration", .kind = FIELD_ENUM, AT(migration), .names = migration_names, .fallback = "none", .doc = "Whether its data changes can be undone." },
	{ .key = "start", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(start), .min = 1, .max = 64, .doc = "\"now\" (default), \"manual\" or an instant." },
	{ .key = "on_active", .kind = FIELD_ENUM, AT(on_active), .names = on_active_names, .fallback = "reject", .doc = "What to do while another release of the pair is active." },
	{ .key = "params", .kind = FIELD_JSON, .flags = FIELD_OMIT_ABSENT, AT(params), .doc = "Values for ${params.x}." },
	{ .key = "links", .kind = FIELD_JSON, .flags = FIELD_OMIT_ABSENT, AT(links), .doc = "Links for people." },
};
/* clang-format on */
const struct field_table release_request_table = {.noun = "release",
                                                  .fields = request_fields,
                                                  .n = ARRAY_LEN(request_fields),
                                                  .size = sizeof(struct release_request),
                                                  .check = request_check};

static bool refuse_request(struct outcome *out, struct err *err, const char *pointer,
                           const char *text)
{
	refuse(out, REFUSED_INVALID, pointer, "%s", text);
	return err_set(err, ERR_INVALID, "%s", text);
}

static bool check_request(const struct release_request *request, const struct actor *by,
                          const struct policy *bound, struct outcome *out, struct err *err)
{
	if (!request->service || !request->environment || !request->version)
		return refuse_request(out, err, "/service",
		                      "service, environment and version are needed");
	if (bound->nstages == 0)
		return refuse_request(out, err, "/policy", "the policy has no stage");
	if (!request->author && !by->person)
		return refuse_request(
		        out, err, "/author",
		        "a machine must name the person whose change this is: author");
	if (request->params && !json_is_object(request->params))
		return refuse_request(out, err, "/params", "params is an object");
	return true;
}

static bool fill_texts(struct release *r, const struct release_request *request,
                       const struct policy *bound, const struct actor *by)
{
	const char *author = request->author ? request->author : by->person;
	const struct {
		char **to;
		const char *from;
	} texts[] = {
	        {&r->service, request->service},
	        {&r->environment, request->environment},
	        {&r->version, request->version},
	        {&r->policy_name, bound->name},
	        {&r->policy_hash, bound->hash},
	        {&r->stable_version, request->stable_version},
	        {&r->artifact, request->artifact},
	        {&r->author, author},
	        {&r->poster, by->person ? by->person : author},
	        {&r->ticket, request->ticket},
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		*texts[i].to = text_dup(texts[i].from);
		if (texts[i].from && !*texts[i].to)
			return false;
	}
	r->params = request->params ? json_deep_copy(request->params) : NULL;
	r->links = request->links ? json_deep_copy(request->links) : NULL;
	return (r->params || !request->params) && (r->links || !request->links);
}

static bool decide_created(struct outcome *out, const struct policy *bound)
{
	struct decision *d = &out->decision;
	const struct release *r = out->next;

	d->event = EVENT_CREATE;
	d->why = "created";
	d->text = text_dup(d->why);
	d->from_state = d->to_state = RELEASE_PLANNED;
	d->detail = json_pack("{s:s, s:s, s:s, s:s*}", "policy_hash", bound->hash, "version",
	                      r->version, "author", r->author, "artifact", r->artifact);
	return d->text && d->detail;
}

bool release_create(const struct release_request *request, const struct policy *bound, int64_t id,
                    int64_t attempt, const struct actor *by, struct wall now, struct outcome *out,
                    struct err *err)
{
	struct wall start = {0};
	bool manual = false;
	struct release *r = NULL;

	*out = (struct outcome){0};
	if (!check_request(request, by, bound, out, err))
		return false;
	if (!parse_start(request->start, &start, &manual, err))
		return refuse(out, REFUSED_INVALID, "/start", "%s", err->text);
	if (!gives_notice(bound, start, manual, now, out, err))
		return false;
	r = calloc(1, sizeof(*r));
	out->next = r;
	if (!r || !fill_texts(r, request, bound, by))
		goto nomem;
	r->id = id;
	r->attempt = attempt;
	r->migration = request->migration;
	r->start = start;
	r->start_manual = manual;
	r->queue = request->on_active == ON_ACTIVE_QUEUE;
	r->created_at = r->updated_at = now;
	r->rollback.option = NO_OPTION;
	r->row_version = 1;
	if (require_refuses(r, bound, out)) {
		release_free(&out->next);
		return err_set(err, ERR_INVALID, "%s", out->text);
	}
	if (!decide_created(out, bound))
		goto nomem;
	return true;
nomem:
	outcome_fini(out);
	refuse_nomem(out);
	return err_set(err, ERR_NOMEM, "no memory for a release");
}
