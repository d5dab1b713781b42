#include "api/dead_letters.h"

#include <stdlib.h>
#include <string.h>

#include "action/delivery.h"
#include "api/auth.h"
#include "api/httpd.h"
#include "app.h"
#include "base/field.h"
#include "base/units.h"
#include "log.h"
#include "release/release.h"
#include "store/store.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 500

struct dead_request {
	struct app *app;
	uint64_t request;
	char id[48];
};

/* NULL after answering. */
static struct dead_request *dead_new(struct request *r)
{
	struct dead_request *op = calloc(1, sizeof(*op));

	if (op == NULL) {
		request_unavailable(r, "no memory for this request: try again");
		return NULL;
	}
	*op = (struct dead_request){.app = request_app(r), .request = request_id(r)};
	return op;
}

/* The client may be gone, and at the very end the server is. */
static struct request *request_of(const struct dead_request *op)
{
	return op->app->httpd == NULL ? NULL : httpd_request(op->app->httpd, op->request);
}

/* --- the list --- */

/* False after answering. */
static bool read_states(struct request *r, bool *out_given_up, bool *out_refused)
{
	struct str rest = str_of(request_query(r, "state"));

	*out_given_up = *out_refused = rest.n == 0;
	while (rest.n > 0) {
		const char *comma = memchr(rest.p, ',', rest.n);
		size_t n = comma != NULL ? (size_t)(comma - rest.p) : rest.n;
		struct str one = str_slice(rest, 0, n);

		if (str_eq_text(one, "given_up")) {
			*out_given_up = true;
		} else if (str_eq_text(one, "refused")) {
			*out_refused = true;
		} else {
			request_problem(r, 422, json_pack("{s:s}", "pointer", "/state"),
			                "state is given_up, refused or both with a comma between: "
			                "other messages are listed by their release");
			return false;
		}
		rest = str_slice(rest, comma != NULL ? n + 1 : n, rest.n);
	}
	return true;
}

/* False after answering. */
static bool read_limit(struct request *r, int64_t *out)
{
	const char *text = request_query(r, "limit");
	struct err err = {.code = ERR_NONE};

	*out = LIMIT_DEFAULT;
	if (text == NULL || (int_parse(str_of(text), out, &err) && *out >= 1 && *out <= LIMIT_MAX))
		return true;
	request_problem(r, 422, json_pack("{s:s}", "pointer", "/limit"),
	                "limit is a number from 1 to %d", LIMIT_MAX);
	return false;
}

static void on_listed(void *ctx, json_t *rows, const struct err *err)
{
	struct dead_request *op = ctx;
	struct request *r = request_of(op);

	if (r != NULL && rows != NULL)
		request_answer_json(r, 200, json_pack("{s:O}", "actions", rows));
	else if (r != NULL) {
		request_unavailable(r, "the database is away: %s", err->text);
	}
	free(op);
}

void dead_letters_list(struct request *r)
{
	struct err err = {.code = ERR_NONE};
	struct dead_request *op;
	bool given_up, refused;
	int64_t limit;

	if (!read_states(r, &given_up, &refused) || !read_limit(r, &limit))
		return;
	op = dead_new(r);
	if (op != NULL &&
	    !store_dead(op->app->store, given_up, refused, limit, on_listed, op, &err)) {
		free(op);
		request_unavailable(r, "%s", err.text);
	}
}

/* --- once more --- */

struct replay_body {
	char *reason;
};

/* clang-format off */
static const struct field replay_fields[] = {
	{ .key = "reason", .kind = FIELD_TEXT, .offset = offsetof(struct replay_body, reason), .min = 1,
	  .max = RELEASE_MAX_REASON, .flags = FIELD_REQUIRED, .doc = "Why; lands in the audit trail." },
};
static const struct field_table replay_table = { .noun = "replay", .fields = replay_fields,
	.n = ARRAY_LEN(replay_fields), .size = sizeof(struct replay_body) };
/* clang-format on */

static void on_replayed(void *ctx, const struct err *err)
{
	struct dead_request *op = ctx;
	struct request *r = request_of(op);

	if (err == NULL) {
		log_line(LOG_INFO, "notification_replayed", "id=%s", log_quote(op->id));
		delivery_kick(op->app->delivery);
	}
	if (r == NULL)
		; /* whoever asked is gone */
	else if (err == NULL)
		request_answer_json(r, 200, json_pack("{s:s}", "id", op->id));
	else if (err->code == ERR_NOT_FOUND)
		request_problem(r, 404, NULL, "%s", err->text);
	else if (err->code == ERR_CONFLICT)
		request_problem(r, 409, NULL, "%s", err->text);
	else {
		request_unavailable(r, "%s", err->text);
	}
	free(op);
}

static void replay(struct request *r, const char *reason)
{
	const char *id = request_param(r, 0);
	struct err err = {.code = ERR_NONE};
	struct dead_request *op;

	if (strlen(id) >= sizeof(op->id)) {
		request_problem(r, 404, NULL, "there is no such message");
		return;
	}
	op = dead_new(r);
	if (op == NULL)
		return;
	memcpy(op->id, id, strlen(id));
	if (!store_replay(op->app->store, op->id, request_principal(r)->subject, reason,
	                  on_replayed, op, &err)) {
		free(op);
		request_unavailable(r, "%s", err.text);
	}
}

void dead_letters_replay(struct request *r)
{
	struct replay_body body = {0};

	if (request_decode(r, &replay_table, &body))
		replay(r, body.reason);
	field_free(&replay_table, &body);
}
