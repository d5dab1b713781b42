/*
 * idempotency - the same key gives the same answer, whatever happened to the first one's
 * connection.
 */
#include "api/idempotency.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "api/auth.h"
#include "api/httpd.h"
#include "app.h"
#include "store/store.h"

#define KEY_MAX 255

struct look {
	struct app *app;
	uint64_t request;
	void (*go)(struct request *r);
};

/* The key without the quotes of a structured String (RFC 8941); false when it is malformed. */
static bool key_read(const char *header, char out[KEY_MAX + 1])
{
	size_t n = strlen(header), from = 0;

	if (n >= 2 && header[0] == '"' && header[n - 1] == '"') {
		from = 1;
		n--;
	}
	if (n <= from || n - from > KEY_MAX)
		return false;
	for (size_t i = from; i < n; i++)
		if (header[i] <= ' ' || header[i] > '~' || header[i] == '"' || header[i] == '\\')
			return false;
	memcpy(out, header + from, n - from);
	out[n - from] = '\0';
	return true;
}

static bool fingerprint(struct str body, char out[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (EVP_Digest(body.p == NULL ? "" : body.p, body.n, digest, &n, EVP_sha256(), NULL) != 1)
		return false;
	for (unsigned int i = 0; i < 32 && i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return true;
}

static void looked(void *ctx, const struct store_idempotency *found, const struct err *err)
{
	struct look *look = ctx;
	struct request *r = httpd_request(look->app->httpd, look->request);
	void (*go)(struct request * r) = look->go;

	free(look);
	if (r == NULL)
		return;
	if (err != NULL) {
		request_unavailable(r, "%s", err->text);
	} else if (found->mismatch) {
		request_problem(r, 422, NULL,
		                "this Idempotency-Key was used with another body: take a new key");
	} else if (found->status != 0) {
		const char *type =
		        found->status < 400 ? "application/json" : "application/problem+json";

		request_set_header(r, "Idempotency-Replayed", "true");
		request_answer_text(r, found->status, type, str_of(found->body));
	} else {
		go(r);
	}
}

void idempotency_run(struct request *r, void (*go)(struct request *r))
{
	const char *header = request_header(r, "Idempotency-Key");
	struct err err = {.code = ERR_NONE};
	char key[KEY_MAX + 1], print[65];
	struct look *look;

	if (header == NULL) {
		go(r);
		return;
	}
	if (!key_read(header, key)) {
		request_problem(r, 400, NULL,
		                "Idempotency-Key must be 1 to %d visible ASCII characters, in "
		                "quotes or bare",
		                KEY_MAX);
		return;
	}
	if (request_has_twin(r, "Idempotency-Key")) {
		request_set_header(r, "Retry-After", "1");
		request_problem(r, 409, NULL,
		                "a request with this Idempotency-Key is still under way: ask again "
		                "in a moment");
		return;
	}
	look = calloc(1, sizeof(*look));
	if (look == NULL || !fingerprint(request_raw_body(r), print)) {
		free(look);
		request_unavailable(r, "no memory for this request: try again");
		return;
	}
	*look = (struct look){.app = request_app(r), .request = request_id(r), .go = go};
	if (!store_idempotency_look(look->app->store, request_principal(r)->subject,
	                            request_path(r), key, print, looked, look, &err)) {
		free(look);
		request_unavailable(r, "%s", err.text);
	}
}

static void keep(struct request *r, int status, const char *body)
{
	const char *header = request_header(r, "Idempotency-Key");
	char key[KEY_MAX + 1], print[65];

	if (header == NULL || status >= 500 || body == NULL || !key_read(header, key) ||
	    !fingerprint(request_raw_body(r), print))
		return;
	store_idempotency_keep(request_app(r)->store, request_principal(r)->subject,
	                       request_path(r), key, print, status, body);
}

void idempotency_answer(struct request *r, int status, json_t *body_take)
{
	if (request_header(r, "Idempotency-Key") != NULL) {
		char *text = json_dumps(body_take, JSON_COMPACT);

		keep(r, status, text);
		free(text);
	}
	request_answer_json(r, status, body_take);
}

void idempotency_answer_problem(struct request *r, int status, json_t *extra_take, const char *text)
{
	if (status < 500 && request_header(r, "Idempotency-Key") != NULL) {
		json_t *body = extra_take == NULL ? json_object() : json_copy(extra_take);
		char *dump;

		(void)json_object_set_new(body, "status", json_integer(status));
		(void)json_object_set_new(body, "detail", json_string(text));
		dump = json_dumps(body, JSON_COMPACT);
		keep(r, status, dump);
		free(dump);
		json_decref(body);
	}
	request_problem(r, status, extra_take, "%s", text);
}
