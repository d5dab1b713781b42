/* webhook - what stands in a request, and nothing about when it is sent. */
#include "action/webhook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/field.h"
#include "base/units.h"
#include "config.h"

#define URL_MAX_BYTES ((size_t)8 * 1024)
#define TEXT_MAX_BYTES ((size_t)40 * 1024)
#define SECRET_PREFIX "whsec_"
#define AUTHORIZATION "Authorization"
#define DIGEST_BYTES 32
#define ANSWER_MAX_BYTES ((size_t)64 * 1024)

/* --- signature --- */

/* Bytes of the key on the heap. */
static unsigned char *secret_key(const char *secret, size_t *out_n)
{
	struct str text = str_of(secret);
	unsigned char *key = malloc(text.n + 1);
	int n;

	if (key == NULL)
		return NULL;
	if (str_starts_with(text, STR(SECRET_PREFIX))) {
		struct str base64 = str_slice(text, strlen(SECRET_PREFIX), text.n);

		n = EVP_DecodeBlock(key, (const unsigned char *)base64.p, (int)base64.n);
		if (n > 0 && base64.n % 4 == 0) {
			for (size_t i = base64.n; i > 0 && base64.p[i - 1] == '='; i--)
				n--;
			*out_n = (size_t)n;
			return key;
		}
	}
	memcpy(key, text.p, text.n);
	*out_n = text.n;
	return key;
}

bool webhook_sign(const char *secret, const char *id, int64_t timestamp_s, struct str body,
                  char out[WEBHOOK_SIGNATURE_TEXT], struct err *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int ndigest = 0;
	unsigned char *key;
	struct buf signed_text;
	size_t nkey = 0;
	bool ok;

	key = secret_key(secret, &nkey);
	if (key == NULL)
		return err_set(err, ERR_NOMEM, "no memory to sign a message");
	buf_init(&signed_text, WEBHOOK_BODY_MAX + 1024);
	buf_printf(&signed_text, "%s.%lld.", id, (long long)timestamp_s);
	buf_add_str(&signed_text, body);
	ok = buf_ok(&signed_text, err);
	if (ok && HMAC(EVP_sha256(), key, (int)nkey, (const unsigned char *)signed_text.bytes,
	               signed_text.n, digest, &ndigest) == NULL)
		ok = err_set(err, ERR_BUG, "the message could not be signed");
	if (ok) {
		snprintf(out, WEBHOOK_SIGNATURE_TEXT, "v1,");
		EVP_EncodeBlock((unsigned char *)out + 3, digest, DIGEST_BYTES);
	}
	buf_fini(&signed_text);
	OPENSSL_cleanse(key, nkey);
	free(key);
	return ok;
}

/* --- headers --- */

/* Whatever a name was chosen to be, it stays one line of visible ASCII: what is not is
 * percent-encoded, as the CloudEvents HTTP binding has it. */
static void add_visible(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c <= 0x20 || c >= 0x7f || c == '"' || c == '%')
			buf_printf(out, "%%%02X", c);
		else
			buf_add_char(out, (char)c);
	}
}

void webhook_id(const struct store_message *m, char out[WEBHOOK_ID_TEXT])
{
	if (m->repairs > 0)
		(void)snprintf(out, WEBHOOK_ID_TEXT, "%s.r%lld", m->id, (long long)m->repairs);
	else
		(void)snprintf(out, WEBHOOK_ID_TEXT, "%s", m->id);
}

/* Headers are put together in one buffer that may move; their places are written down at the end.
 */
static void end_header(struct webhook *w)
{
	buf_add_char(&w->text, '\0');
	w->nheaders++;
}

static void add_text(struct webhook *w, const char *name, const char *prefix, const char *value)
{
	buf_printf(&w->text, "%s: %s", name, prefix);
	add_visible(&w->text, value != NULL ? value : "");
	end_header(w);
}

static void add_number(struct webhook *w, const char *name, int64_t value)
{
	buf_printf(&w->text, "%s: %lld", name, (long long)value);
	end_header(w);
}

static void add_own_headers(struct webhook *w, const struct store_message *m, struct wall at)
{
	char time[UNITS_TEXT_MAX], id[WEBHOOK_ID_TEXT];

	webhook_id(m, id);
	instant_format(m->created_at, time);
	add_text(w, "Content-Type", "", "application/json");
	add_text(w, "webhook-id", "", id);
	add_number(w, "webhook-timestamp", at.ms / 1000);
	buf_printf(&w->text, "Idempotency-Key: \"%s\"", id);
	end_header(w);
	add_text(w, "ce-specversion", "", "1.0");
	add_text(w, "ce-id", "", id);
	add_text(w, "ce-source", "headgate/", m->service);
	/* An event's name is its type; an action's needs to be told from those of others. */
	add_text(w, "ce-type", m->class == MESSAGE_NOTIFICATION ? "" : "headgate.action.",
	         m->action);
	add_text(w, "ce-time", "", time);
	add_number(w, "Headgate-Release", m->release_id);
	add_text(w, "Headgate-Service", "", m->service);
	add_text(w, "Headgate-Environment", "", m->environment);
	add_number(w, "Headgate-Release-Version", m->row_version);
	add_number(w, "Headgate-Epoch", m->epoch);
	add_number(w, "Headgate-Fence", m->fence);
	add_number(w, "Headgate-Sequence", m->sequence);
	add_text(w, "Headgate-Class", "", message_class_names[m->class]);
}

/* Where the receiver calls back, and the token that lets it. Of all headers these alone are secret.
 */
static bool add_callback(struct webhook *w, const struct store_message *m, const char *public_url,
                         struct err *err)
{
	struct str root = str_of(public_url != NULL ? public_url : "");

	if (m->callback_ms == 0)
		return true;
	if (m->callback_token[0] == '\0')
		return err_set(err, ERR_BUG, "there is no token for its callback");
	while (root.n > 0 && root.p[root.n - 1] == '/')
		root.n--;
	add_text(w, "Headgate-Callback-Token", "", m->callback_token);
	if (root.n == 0)
		return true;
	buf_printf(&w->text, "Headgate-Callback-Url: %.*s/v1/actions/%s/complete", (int)root.n,
	           root.p, m->id);
	end_header(w);
	return true;
}

/* One for each secret, separated by spaces: a receiver that changes its secret needs one that fits.
 */
static bool add_signatures(struct webhook *w, const struct store_message *m, char *const *secrets,
                           struct wall at, struct err *err)
{
	char signature[WEBHOOK_SIGNATURE_TEXT], id[WEBHOOK_ID_TEXT];

	if (secrets == NULL || secrets[0] == NULL)
		return true;
	webhook_id(m, id);
	buf_add_text(&w->text, "webhook-signature:");
	for (size_t i = 0; secrets[i] != NULL; i++) {
		if (!webhook_sign(secrets[i], id, at.ms / 1000, buf_str(&w->body), signature, err))
			return false;
		buf_printf(&w->text, " %s", signature);
	}
	end_header(w);
	return true;
}

static void add_authorization(struct webhook *w, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(&w->text, AUTHORIZATION ": %s", value);
	end_header(w);
}

/* Ours, and those that say how long the body is or who is spoken to: not an action's to set. */
static bool is_reserved(const char *name)
{
	static const char *const prefixes[] = {"webhook-", "ce-", "headgate-"};
	static const char *const names[] = {
	        "idempotency-key", "content-type", "content-length", "transfer-encoding", "host",
	        "connection",      "expect",
	};

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		if (strncasecmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcasecmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static bool is_token(const char *name)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                            "0123456789!#$%&'*+-.^_`|~";

	return *name != '\0' && name[strspn(name, token)] == '\0';
}

static bool is_value(const json_t *value)
{
	const char *text = json_string_value(value);

	if (text == NULL)
		return false;
	for (; *text != '\0'; text++) {
		if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
			return false;
	}
	return true;
}

bool webhook_header_is_free(const char *name)
{
	return is_token(name) && !is_reserved(name);
}

/* The destination's own, which an action's of the same name give way to. */
static bool is_taken(const struct webhook_target *to, const char *name)
{
	size_t n = strlen(name);

	if (to->authorization != NULL && strcasecmp(name, AUTHORIZATION) == 0)
		return true;
	for (size_t i = 0; to->headers != NULL && to->headers[i] != NULL; i++) {
		if (strncasecmp(to->headers[i], name, n) == 0 && to->headers[i][n] == ':')
			return true;
	}
	return false;
}

static void add_secret_headers(struct webhook *w, char *const *headers)
{
	for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
		buf_add_text(&w->text, headers[i]);
		end_header(w);
	}
}

/* What cannot be sent is left out and counted: a rollback goes out even with a header less. */
static bool add_action_headers(struct webhook *w, const char *headers,
                               const struct webhook_target *to, struct err *err)
{
	json_t *object, *value;
	const char *name;

	if (headers == NULL || *headers == '\0')
		return true;
	object = json_loads(headers, 0, NULL);
	if (!json_is_object(object)) {
		w->ndropped += !json_is_null(object);
		json_decref(object);
		return true;
	}
	json_object_foreach(object, name, value)
	{
		if (!webhook_header_is_free(name) || !is_value(value) || is_taken(to, name) ||
		    w->nheaders + 1 >= WEBHOOK_HEADERS_MAX) {
			w->ndropped++;
			continue;
		}
		buf_printf(&w->text, "%s: %s", name, json_string_value(value));
		end_header(w);
	}
	json_decref(object);
	return buf_ok(&w->text, err);
}

static void place_headers(struct webhook *w)
{
	const char *at = w->text.bytes;

	for (size_t i = 0; i < w->nheaders; i++) {
		w->headers[i] = at;
		at += strlen(at) + 1;
	}
	w->headers[w->nheaders] = NULL;
}

/* --- URL and body --- */

static bool build_url(struct buf *url, const struct webhook_target *to, const char *path,
                      struct err *err)
{
	struct str root = str_of(to->base);

	if (to->is_whole && path != NULL && *path != '\0')
		return err_set(err, ERR_INVALID,
		               "its destination is a whole address (url_file): no path may follow");
	while (!to->is_whole && root.n > 0 && root.p[root.n - 1] == '/')
		root.n--;
	buf_add_str(url, root);
	if (path != NULL && *path != '\0' && *path != '/')
		buf_add_char(url, '/');
	buf_add_text(url, path != NULL ? path : "");
	return buf_ok(url, err);
}

static bool add_default_body(struct buf *body, const struct store_message *m, struct err *err)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s}", "service", m->service, "environment",
	                           m->environment, "version", m->version, "action", m->action);
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	if (text == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the body of a message");
	buf_add_text(body, text);
	free(text);
	return true;
}

static bool build_body(struct buf *body, const struct store_message *m, struct err *err)
{
	if (strcmp(m->method, "GET") == 0)
		return true;
	if (m->body != NULL && *m->body != '\0' && strcmp(m->body, "null") != 0)
		buf_add_text(body, m->body);
	else if (!add_default_body(body, m, err))
		return false;
	return buf_ok(body, err);
}

/* Secrets that belong into the body come from files and are known to nobody before. */
static bool add_members(struct buf *body, const struct webhook_target *to, struct err *err)
{
	struct err ignored;
	json_t *object;
	char *text = NULL;
	bool ok = true;

	if (to->nmembers == 0 || body->n == 0)
		return true;
	object = json_parse_strict(buf_str(body), WEBHOOK_BODY_MAX, &ignored);
	if (!json_is_object(object)) {
		json_decref(object);
		return err_set(err, ERR_INVALID,
		               "its destination adds to the body (body_files), which is no object");
	}
	for (size_t i = 0; ok && i < to->nmembers; i++)
		ok = json_object_set_new(object, to->members[i].name, json_string(to->values[i])) ==
		     0;
	if (ok)
		text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (text == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the body of a message");
	buf_clear(body);
	buf_add_text(body, text);
	OPENSSL_cleanse(text, strlen(text));
	free(text);
	return buf_ok(body, err);
}

bool webhook_build(const struct store_message *m, const struct webhook_target *to, struct wall at,
                   struct webhook *out, struct err *err)
{
	*out = (struct webhook){0};
	buf_init(&out->url, URL_MAX_BYTES);
	buf_init(&out->text, TEXT_MAX_BYTES);
	buf_init(&out->body, WEBHOOK_BODY_MAX);
	if (!build_url(&out->url, to, m->path, err) || !build_body(&out->body, m, err) ||
	    !add_members(&out->body, to, err))
		return false;
	add_own_headers(out, m, at);
	if (!add_callback(out, m, to->public_url, err))
		return false;
	if (!add_signatures(out, m, to->secrets, at, err))
		return false;
	add_authorization(out, to->authorization);
	add_secret_headers(out, to->headers);
	if (!add_action_headers(out, m->headers, to, err) || !buf_ok(&out->text, err))
		return false;
	place_headers(out);
	return true;
}

void webhook_fini(struct webhook *w)
{
	buf_fini(&w->url);
	buf_fini(&w->text);
	buf_fini(&w->body);
	w->nheaders = 0;
	w->headers[0] = NULL;
}

bool webhook_is_stale(long status, struct str body)
{
	struct err ignored;
	json_t *answer;
	const char *what;
	bool stale;

	if (status != 409)
		return false;
	answer = json_parse_strict(body, ANSWER_MAX_BYTES, &ignored);
	what = json_string_value(json_object_get(answer, "error"));
	stale = what != NULL && str_starts_with(str_of(what), STR("stale"));
	json_decref(answer);
	return stale;
}
