/* alertmanager - asks GET /api/v2/alerts for each alerts gate; one question per selector and
 * server, shared by all releases that ask the same. */
#include "source/alertmanager.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gate/alerts.h"
#include "gate/sentence.h"
#include "log.h"
#include "promql/lexer.h"
#include "source/source.h"
#include "source/url_text.h"
#include "source/watch.h"

#define BODY_MAX ((size_t)2 * 1024 * 1024)
#define URL_MAX_BYTES ((size_t)8 * 1024)
#define SELECTOR_ARENA ((size_t)64 * 1024)

/* --- the question --- */

/* In the spelling both of Alertmanager's matcher parsers read. */
static void add_quoted(struct buf *out, struct str s)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n') {
			buf_add_text(out, "\\n");
			continue;
		}
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, s.p[i]);
	}
	buf_add_char(out, '"');
}

static const char *operator_text(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_ASSIGN:
		return "=";
	case TOKEN_NOT_EQUAL:
		return "!=";
	case TOKEN_MATCH:
		return "=~";
	case TOKEN_NOT_MATCH:
		return "!~";
	default:
		return NULL;
	}
}

/* The selector while it is being read. */
struct reading {
	struct lexer lexer;
	struct token token;
	struct arena arena;
	struct err *err;
};

static bool advance(struct reading *r)
{
	return lexer_next(&r->lexer, &r->token, r->err);
}

static bool unexpected(struct reading *r, const char *expected)
{
	char found[80];

	token_describe(&r->token, found, sizeof(found));
	return err_set(r->err, ERR_INVALID, "the selector has %s where %s should stand", found,
	               expected);
}

/* One matcher as a filter: &filter=severity%3D%22critical%22 */
static bool add_filter(struct reading *r, struct buf *out)
{
	struct token name = r->token;
	struct str text = name.text;
	struct buf filter;
	const char *op;
	bool ok;

	if (name.kind != TOKEN_STRING && !name.is_word)
		return unexpected(r, "a label");
	if (name.kind == TOKEN_STRING && !token_unquote(&name, &r->arena, &text, r->err))
		return false;
	buf_init(&filter, URL_MAX_BYTES);
	if (name.kind == TOKEN_STRING)
		add_quoted(&filter, text);
	else
		buf_add_str(&filter, text);
	ok = advance(r);
	op = ok ? operator_text(r->token.kind) : NULL;
	if (ok && op == NULL)
		ok = unexpected(r, "=, !=, =~ or !~");
	ok = ok && advance(r);
	if (ok && r->token.kind != TOKEN_STRING)
		ok = unexpected(r, "a text in quotes");
	ok = ok && token_unquote(&r->token, &r->arena, &text, r->err);
	if (ok) {
		buf_add_text(&filter, op);
		add_quoted(&filter, text);
		ok = buf_ok(&filter, r->err);
	}
	if (ok) {
		buf_add_text(out, "&filter=");
		url_add_encoded(out, buf_str(&filter));
	}
	buf_fini(&filter);
	return ok && advance(r);
}

static bool add_filters(struct reading *r, struct buf *out)
{
	if (!advance(r))
		return false;
	if (r->token.kind != TOKEN_LEFT_BRACE)
		return unexpected(r, "{");
	if (!advance(r))
		return false;
	while (r->token.kind != TOKEN_RIGHT_BRACE) {
		if (!add_filter(r, out))
			return false;
		if (r->token.kind == TOKEN_COMMA) {
			if (!advance(r))
				return false;
		} else if (r->token.kind != TOKEN_RIGHT_BRACE) {
			return unexpected(r, "a comma or }");
		}
	}
	if (!advance(r))
		return false;
	return r->token.kind == TOKEN_END || unexpected(r, "the end");
}

bool alertmanager_url(const char *base, const char *selector, struct buf *out, struct err *err)
{
	struct reading r = {.err = err};
	struct str root = str_of(base);
	bool ok;

	while (root.n > 0 && root.p[root.n - 1] == '/')
		root.n--;
	buf_add_str(out, root);
	buf_add_text(out, "/api/v2/alerts?active=true&silenced=false&inhibited=false");
	lexer_init(&r.lexer, str_of(selector));
	arena_init(&r.arena, SELECTOR_ARENA);
	ok = add_filters(&r, out) && buf_ok(out, err);
	arena_fini(&r.arena);
	return ok;
}

/* --- the answer --- */

static bool check_alerts(const json_t *alerts, struct err *err)
{
	if (!json_is_array(alerts))
		return err_set(err, ERR_INVALID, "the answer is not a list of alerts");
	for (size_t i = 0; i < json_array_size(alerts); i++) {
		const json_t *alert = json_array_get(alerts, i);

		if (!json_is_object(json_object_get(alert, "labels")))
			return err_set(err, ERR_INVALID, "alert %zu of the answer has no labels",
			               i + 1);
	}
	return true;
}

static bool list_alerts(const json_t *alerts, json_t *list, struct err *err)
{
	for (size_t i = 0; i < json_array_size(alerts); i++) {
		const json_t *alert = json_array_get(alerts, i);

		if (!alert_list_add(list, json_string_value(json_object_get(alert, "fingerprint")),
		                    json_object_get(alert, "labels"),
		                    json_string_value(json_object_get(alert, "startsAt"))))
			return err_set(err, ERR_NOMEM, "no memory for the answer");
	}
	return list != NULL || err_set(err, ERR_NOMEM, "no memory for the answer");
}

bool alertmanager_count(struct str body, struct gate_alerts *out, struct err *err)
{
	json_error_t where;
	json_t *alerts =
	        json_loadb(body.n > 0 ? body.p : "", body.n, JSON_REJECT_DUPLICATES, &where);
	json_t *list;
	bool ok;

	if (alerts == NULL)
		return err_set(err, ERR_INVALID, "the answer is not JSON (line %d, column %d)",
		               where.line, where.column);
	list = json_array();
	ok = check_alerts(alerts, err) && list_alerts(alerts, list, err);
	if (ok) {
		out->firing = json_array_size(alerts);
		out->list = json_incref(list);
	}
	json_decref(list);
	json_decref(alerts);
	return ok;
}

/* --- the watch --- */

struct question {
	struct watch watch;
	struct gate_alerts seen;
	struct wall begun;
};

static bool answer_is_good(const struct fetch_reply *r, struct gate_alerts *out, struct err *err)
{
	if (r->failure != FETCH_OK) {
		*err = r->err;
		return false;
	}
	if (r->status != 200)
		return err_set(err, ERR_INVALID, "status %ld", r->status);
	if (strncasecmp(r->content_type, "application/json", strlen("application/json")) != 0)
		return err_set(err, ERR_INVALID, "the answer is not JSON");
	return alertmanager_count(r->body, out, err);
}

static void keep(struct question *q, const struct gate_alerts *answer, const struct err *err)
{
	bool was_known = q->seen.known, is_first = q->seen.at.ms == 0;

	watch_answered(&q->watch, answer->known);
	json_decref(q->seen.list);
	q->seen = *answer;
	q->seen.at = q->begun;
	q->seen.every_ms = q->watch.every_ms;
	if (!answer->known)
		sentence_set(q->seen.why, sizeof(q->seen.why), "Alertmanager: %s", err->text);
	if (!answer->known && (was_known || is_first))
		log_err(LOG_WARN, "alerts_unknown", err, "url=%s", log_quote(q->watch.url));
	else if (answer->known && !was_known && !is_first)
		log_line(LOG_INFO, "alerts_known_again", "url=%s", log_quote(q->watch.url));
}

static void on_done(void *ctx, const struct fetch_reply *reply)
{
	struct question *q = ctx;
	struct gate_alerts answer = {0};
	struct err err = {.code = ERR_NONE};

	q->watch.fetch = NULL;
	answer.known = answer_is_good(reply, &answer, &err);
	keep(q, &answer, &err);
}

static void alerts_start(struct watch *w)
{
	static const char *const headers[] = {"Accept: application/json", NULL};
	struct question *q = (struct question *)w;
	struct err err = {.code = ERR_NONE};

	q->begun = watch_now(w);
	if (!watch_fetch(w,
	                 &(struct fetch_request){
	                         .headers = headers, .max_bytes = BODY_MAX, .done = on_done},
	                 &err))
		keep(q, &(struct gate_alerts){0}, &err);
}

static bool alerts_init(struct watch *w, const struct ask *ask, struct err *err)
{
	(void)w;
	(void)ask;
	(void)err;
	return true;
}

static void alerts_stop(struct watch *w)
{
	struct question *q = (struct question *)w;

	json_decref(q->seen.list);
	q->seen.list = NULL;
}

static void alerts_forget(struct watch *w)
{
	alerts_stop(w);
	((struct question *)w)->seen = (struct gate_alerts){0};
}

static bool join_members(struct subscription *s, size_t gate, const struct policy_source *source,
                         struct err *err)
{
	const struct alerts_spec *spec = s->policy->gates[gate].spec;

	for (size_t i = 0; i < source->naddresses; i++) {
		struct buf url;
		struct ask ask = {
		        .share = "",
		        .every_ms = source->every_ms,
		        .timeout_ms = source->timeout_ms,
		        .credentials = source->credentials,
		};
		bool ok;

		buf_init(&url, URL_MAX_BYTES);
		ok = alertmanager_url(source->addresses[i], spec->alerts, &url, err);
		ask.url = ok ? url.bytes : "";
		ok = ok && subscription_join(s, &s->gates[gate].interests, &source_alertmanager,
		                             &ask, err);
		buf_fini(&url);
		if (!ok) {
			err_prefix(err, "gate %s", s->policy->gates[gate].name);
			return false;
		}
	}
	return true;
}

static bool alerts_subscribe(struct subscription *s, struct err *err)
{
	for (size_t i = 0; i < s->policy->ngates; i++) {
		const struct policy_source *source;

		if (s->policy->gates[i].kind != &gate_alerts)
			continue;
		source = alerts_source(s->policy, &s->policy->gates[i]);
		if (source != NULL && source->kind == SOURCE_ALERTMANAGER &&
		    !join_members(s, i, source, err))
			return false;
	}
	return true;
}

static const struct gate_alerts *alerts_seen(const struct watch *w)
{
	return &((const struct question *)w)->seen;
}

const struct watch_kind source_alertmanager = {
        .name = "alertmanager",
        .size = sizeof(struct question),
        .subscribe = alerts_subscribe,
        .init = alerts_init,
        .start = alerts_start,
        .stop = alerts_stop,
        .forget = alerts_forget,
        .describe = watch_describe_alerts,
        .alerts = alerts_seen,
};
