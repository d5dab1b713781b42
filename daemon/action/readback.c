/* readback - one look: ask, find the place, compare, say it in a sentence. */
#include "action/readback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app.h"
#include "base/buf.h"
#include "base/json_pointer.h"
#include "base/str.h"
#include "config.h"
#include "loop/fetch.h"

#define ANSWER_MAX ((size_t)64 * 1024)
#define URL_MAX ((size_t)8192)
#define HEADER_MAX 8192
#define VALUE_TEXT 80 /* so much of a value stands in a sentence */
#define TEXT_MAX 400

struct readback {
	json_t *read; /* own */
	struct fetch *fetch;
	readback_fn done;
	void *ctx;
};

void readback_free(struct readback **readback)
{
	struct readback *r = *readback;

	if (r == NULL)
		return;
	*readback = NULL;
	if (r->fetch != NULL)
		fetch_cancel(r->fetch);
	json_decref(r->read);
	free(r);
}

static const char *text_of(const struct readback *r, const char *key)
{
	const char *text = json_string_value(json_object_get(r->read, key));

	return text != NULL ? text : "";
}

/* --- judging --- */

static void say_value(const json_t *value, char out[VALUE_TEXT])
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	if (text != NULL && strlen(text) < VALUE_TEXT)
		(void)snprintf(out, VALUE_TEXT, "%s", text);
	else
		(void)snprintf(out, VALUE_TEXT, "%.*s...", VALUE_TEXT - 8,
		               text != NULL ? text : "");
	text_mend_cut(out, VALUE_TEXT);
	free(text);
}

static enum readback_found compare(const struct readback *r, const json_t *answer,
                                   char out[TEXT_MAX])
{
	const char *pointer = text_of(r, "pointer");
	const char *place = *pointer != '\0' ? pointer : "the answer";
	const json_t *wanted = json_object_get(r->read, "equals");
	const json_t *value = json_pointer_find(answer, pointer);
	char is[VALUE_TEXT], want[VALUE_TEXT];

	if (value == NULL) {
		(void)snprintf(out, TEXT_MAX, "there is no %s in the answer of %s", pointer,
		               text_of(r, "path"));
		return READBACK_UNREADABLE;
	}
	say_value(value, is);
	if (json_is_same(value, wanted)) {
		(void)snprintf(out, TEXT_MAX, "%s reads %s", place, is);
		return READBACK_EQUAL;
	}
	say_value(wanted, want);
	(void)snprintf(out, TEXT_MAX, "%s reads %s, not %s", place, is, want);
	return READBACK_OTHER;
}

static enum readback_found judge(const struct readback *r, const struct fetch_reply *reply,
                                 char out[TEXT_MAX])
{
	enum readback_found found = READBACK_UNREADABLE;
	json_t *answer = NULL;

	if (reply->failure != FETCH_OK) {
		(void)snprintf(out, TEXT_MAX, "%s cannot be read: %s", text_of(r, "path"),
		               reply->err.text);
		return found;
	}
	if (reply->status < 200 || reply->status >= 300) {
		(void)snprintf(out, TEXT_MAX, "%s cannot be read: status %ld%s", text_of(r, "path"),
		               reply->status,
		               reply->status / 100 == 3 ? ", redirects are not followed" : "");
		return found;
	}
	answer = json_loadb(reply->body.p != NULL ? reply->body.p : "", reply->body.n,
	                    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	if (answer == NULL)
		(void)snprintf(out, TEXT_MAX, "%s cannot be read: the answer is not JSON",
		               text_of(r, "path"));
	else
		found = compare(r, answer, out);
	json_decref(answer);
	return found;
}

static void on_reply(void *ctx, const struct fetch_reply *reply)
{
	struct readback *r = ctx;
	char text[TEXT_MAX];
	struct readback_end end = {.text = text};

	r->fetch = NULL;
	end.found = judge(r, reply, text);
	text_mend_cut(text, sizeof(text));
	r->done(r->ctx, &end);
}

/* --- asking --- */

static bool build_url(struct buf *url, const char *base, const char *path, struct err *err)
{
	struct str root = str_of(base);

	while (root.n > 0 && root.p[root.n - 1] == '/')
		root.n--;
	buf_add_str(url, root);
	if (*path != '\0' && *path != '/')
		buf_add_char(url, '/');
	buf_add_text(url, path);
	return buf_ok(url, err);
}

static struct fetch *ask(struct readback *r, struct fetcher *fetcher,
                         const struct config_destination *to, struct err *err)
{
	char authorization[HEADER_MAX];
	const char *headers[HEADER_FILES_MAX + 3] = {"Accept: application/json"};
	size_t nheaders = 1;
	struct fetch *fetch = NULL;
	struct buf url;

	if (to->authorization != NULL) {
		int n = snprintf(authorization, sizeof(authorization), "Authorization: %s",
		                 to->authorization);

		if (n < 0 || (size_t)n >= sizeof(authorization)) {
			err_set(err, ERR_LIMIT, "the credentials of %s are too long", to->name);
			return NULL;
		}
		headers[nheaders++] = authorization;
	}
	for (size_t i = 0; i < to->nheader_files; i++)
		headers[nheaders++] = to->header_values[i];
	buf_init(&url, URL_MAX);
	if (build_url(&url, to->url, text_of(r, "path"), err))
		fetch = fetch_start(fetcher,
		                    &(struct fetch_request){
		                            .method = "GET",
		                            .url = url.bytes,
		                            .headers = headers,
		                            .timeout_ms = to->timeout_ms > 0 ? to->timeout_ms
		                                                             : READBACK_TIMEOUT_MS,
		                            .max_bytes = ANSWER_MAX,
		                            .networks = to->allowed,
		                            .tls = &to->tls,
		                            .done = on_reply,
		                            .ctx = r,
		                    },
		                    err);
	buf_fini(&url);
	return fetch;
}

static const struct config_destination *asked(const struct app *app, const struct readback *r,
                                              struct err *err)
{
	const char *name = text_of(r, "from");
	const struct config_destination *to = config_destination(app->config, name);

	if (to == NULL)
		err_set(err, ERR_NOT_FOUND, "this instance's configuration has no destination %s",
		        name);
	else if (to->kind != DESTINATION_WEBHOOK || to->url == NULL)
		err_set(err, ERR_INVALID, "destination %s has no address that could be asked",
		        name);
	else
		return to;
	return NULL;
}

struct readback *readback_start(struct app *app, struct fetcher *fetcher, const char *read,
                                readback_fn done, void *ctx, struct err *err)
{
	struct readback *r = calloc(1, sizeof(*r));
	const struct config_destination *to;

	if (r == NULL) {
		err_set(err, ERR_NOMEM, "no memory to read the state back");
		return NULL;
	}
	r->done = done;
	r->ctx = ctx;
	r->read = json_loads(read, 0, NULL);
	if (r->read == NULL)
		err_set(err, ERR_NOMEM, "no memory to read the state back");
	to = r->read != NULL ? asked(app, r, err) : NULL;
	if (to != NULL)
		r->fetch = ask(r, fetcher, to, err);
	if (r->fetch == NULL)
		readback_free(&r);
	return r;
}
