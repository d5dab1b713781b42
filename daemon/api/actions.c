/*
 * actions - receivers that call back how a message ended: look, judge the token, record, tell the
 * engine.
 *
 * Any instance takes the call, whoever sent the message: everything is in the database. What it
 * means is decided where the meaning of answers is (action/retry.c) and recorded like one.
 */
#include "api/actions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "action/delivery.h"
#include "action/retry.h"
#include "api/httpd.h"
#include "app.h"
#include "base/field.h"
#include "engine/engine.h"
#include "log.h"
#include "loop/loop.h"
#include "metrics.h"
#include "store/store.h"

#define TOKEN_HEADER "Headgate-Callback-Token"
#define SEND_TOKEN "Send the token that came with this message as " TOKEN_HEADER "."
#define UNKNOWN "No message of this id awaits a callback."
#define TEXT_TAKEN (32 * 1024) /* the store cuts what it keeps */
#define LOOKS_MAX 2            /* a callback that was overtaken looks once more */

enum complete_status { COMPLETE_OK = 0, COMPLETE_FAILED };
static const char *const status_names[] = {"ok", "failed", NULL};

struct complete_body {
	int status;
	char *text;
};

/* clang-format off */
static const struct field complete_fields[] = {
	{ .key = "status", .kind = FIELD_ENUM, .flags = FIELD_REQUIRED, .offset = offsetof(struct complete_body, status),
	  .names = status_names, .doc = "Whether the state is applied, or could not be." },
	{ .key = "text", .kind = FIELD_TEXT, .offset = offsetof(struct complete_body, text), .max = TEXT_TAKEN,
	  .doc = "What people should know about it." },
};
static const struct field_table complete_table = { .noun = "callback", .fields = complete_fields,
	.n = ARRAY_LEN(complete_fields), .size = sizeof(struct complete_body) };
/* clang-format on */

struct completion {
	struct app *app;
	uint64_t request;
	char id[48];
	char token[STORE_TOKEN_TEXT]; /* as sent; "" when it cannot be one */
	struct complete_body body;    /* own */
	int64_t release_id;
	bool reads_back; /* what it says counts once it was seen */
	int looks;
};

static void completion_free(struct completion *op)
{
	OPENSSL_cleanse(op->token, sizeof(op->token));
	field_free(&complete_table, &op->body);
	free(op);
}

/* The client may be gone, and at the very end the server is. */
static struct request *request_of(const struct completion *op)
{
	return op->app->httpd == NULL ? NULL : httpd_request(op->app->httpd, op->request);
}

static void end_unavailable(struct completion *op, const struct err *err)
{
	struct request *r = request_of(op);

	if (r != NULL)
		request_unavailable(r, "%s", err->text);
	completion_free(op);
}

static void end_denied(struct completion *op, struct request *r, int status, const char *why)
{
	if (r != NULL && request_may_fail(r))
		request_problem(r, status, NULL, "%s", why);
	completion_free(op);
}

static void end_done(struct completion *op)
{
	struct request *r = request_of(op);

	if (r != NULL)
		request_answer_json(r, 200,
		                    json_pack("{s:s, s:s}", "id", op->id, "status",
		                              status_names[op->body.status]));
	completion_free(op);
}

/* Its first use counts: the same again is answered the same, anything else comes too late. */
static void end_repeated(struct completion *op, enum complete_status before)
{
	struct request *r;

	if (op->body.status == (int)before) {
		end_done(op);
		return;
	}
	r = request_of(op);
	if (r != NULL)
		request_problem(r, 409, json_pack("{s:s}", "status", status_names[before]),
		                "This message was completed before, with status \"%s\".",
		                status_names[before]);
	completion_free(op);
}

static void look(struct completion *op);

static void on_recorded(void *ctx, const struct err *err)
{
	struct completion *op = ctx;
	struct app *app = op->app;
	bool ok = op->body.status == COMPLETE_OK;

	if (err != NULL && err->code == ERR_CONFLICT && op->looks < LOOKS_MAX) {
		look(op);
		return;
	}
	if (err != NULL) {
		end_unavailable(op, err);
		return;
	}
	log_line(ok ? LOG_INFO : LOG_WARN, ok ? "callback_ok" : "callback_failed",
	         "id=%s release=%" PRId64 " text=%s", log_quote(op->id), op->release_id,
	         log_quote(op->body.text != NULL ? op->body.text : ""));
	if (!ok || !op->reads_back)
		metric_add(app->metrics, ok ? METRIC_DELIVERIES : METRIC_DELIVERY_FAILURES, 1);
	engine_outbox_changed(app->engine, op->release_id);
	delivery_kick(app->delivery); /* what stood behind it may go out */
	end_done(op);
}

static bool token_is_right(const struct completion *op, const struct store_awaited *found)
{
	return found->token[0] != '\0' &&
	       CRYPTO_memcmp(op->token, found->token, sizeof(found->token)) == 0;
}

static void complete(struct completion *op, const struct store_awaited *found)
{
	bool ok = op->body.status == COMPLETE_OK;
	struct err err = {.code = ERR_NONE};
	struct retry r = retry_decide_callback(
	        &(struct attempt){
	                .class = found->class,
	                .attempts = found->attempts,
	                .age_ms = loop_now(op->app->loop).wall.ms - found->created_at.ms,
	                .retry_after_ms = -1,
	                .seed = str_hash(str_of(op->id), op->app->seed),
	        },
	        ok);

	op->release_id = found->release_id;
	op->reads_back = found->reads_back;
	if (ok && found->reads_back)
		r = (struct retry){.how = DELIVERY_TAKEN};
	if (!store_called_back(op->app->store, op->id, r.how, r.retry_ms,
	                       op->body.text != NULL ? op->body.text : "", on_recorded, op, &err))
		end_unavailable(op, &err);
}

static void on_looked(void *ctx, const struct store_awaited *found, const struct err *err)
{
	struct completion *op = ctx;

	if (err != NULL)
		end_unavailable(op, err);
	else if (found == NULL)
		end_denied(op, request_of(op), 404, UNKNOWN);
	else if (!token_is_right(op, found))
		end_denied(op, request_of(op), 403, SEND_TOKEN);
	else if (found->is_done)
		end_repeated(op, COMPLETE_OK);
	else if (found->has_failed)
		end_repeated(op, COMPLETE_FAILED);
	else
		complete(op, found);
}

static void look(struct completion *op)
{
	struct err err = {.code = ERR_NONE};

	op->looks++;
	if (!store_awaited(op->app->store, op->id, on_looked, op, &err))
		end_unavailable(op, &err);
}

/* Without the ".rN" of a message that was sent anew under an id of its own (webhook_id()). */
static size_t length_of_id(const char *id)
{
	const char *dot = strrchr(id, '.');

	if (dot != NULL && dot[1] == 'r' && dot[2] != '\0' &&
	    dot[2 + strspn(dot + 2, "0123456789")] == '\0')
		return (size_t)(dot - id);
	return strlen(id);
}

void actions_complete(struct request *r)
{
	const char *id = request_param(r, 0), *token = request_header(r, TOKEN_HEADER);
	struct completion *op = calloc(1, sizeof(*op));
	size_t id_length;

	if (op == NULL) {
		request_unavailable(r, "no memory for this request: try again");
		return;
	}
	op->app = request_app(r);
	op->request = request_id(r);
	if (token == NULL) {
		request_set_header(r, "WWW-Authenticate", "Headgate-Callback realm=\"headgate\"");
		end_denied(op, r, 401, SEND_TOKEN);
		return;
	}
	id_length = length_of_id(id);
	if (id_length >= sizeof(op->id)) {
		end_denied(op, r, 404, UNKNOWN);
		return;
	}
	if (!request_decode(r, &complete_table, &op->body)) {
		completion_free(op);
		return;
	}
	memcpy(op->id, id, id_length);
	if (strlen(token) < sizeof(op->token))
		memcpy(op->token, token, strlen(token));
	look(op);
}
