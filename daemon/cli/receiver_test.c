/*
 * receiver_test - `headgate receiver-test`: holds a receiver against docs/receiver.md.
 *
 * Sends messages as the daemon would (action/webhook builds them) for a made-up service and looks
 * at nothing but the answers. cli/receiver_checks says what is sent and what has to come back.
 * Epochs are made of the time, so that a run is newer than every one before it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <jansson.h>
#include <time.h>
#include <unistd.h>

#include "action/webhook.h"
#include "base/field.h"
#include "base/units.h"
#include "cli/commands.h"
#include "cli/receiver_checks.h"
#include "secret_file.h"

#define DEFAULT_SERVICE "headgate-receiver-test"
#define NAME_MAX_BYTES 64
#define SECRET_MAX_BYTES 4096
#define ANSWER_MAX_BYTES ((size_t)64 * 1024) /* what the daemon reads of an answer */
#define TIMEOUT_MAX_MS ((int64_t)10 * 60 * 1000)
#define TOO_OLD_MS ((int64_t)10 * 60 * 1000)

/* --- the run --- */

struct options {
	const char *url, *secret_file, *path, *service, *environment, *body, *timeout;
	bool json;
};

struct run {
	const struct options *options;
	char *secret; /* own; NULL: unsigned */
	struct buf path, padded;
	int64_t timeout_ms;
	int64_t epoch; /* of this run */
	CURL *easy;
	int64_t high_epoch, high_fence; /* of what was acknowledged */
	int64_t slowest_ms;
	size_t answers, redirects, late; /* over all that was sent */
	size_t passed, failed, skipped;
};

struct reply {
	bool is_answered, is_late;
	bool is_reached; /* there was a connection to send the request on */
	long status;
	struct buf body;
	char error[CURL_ERROR_SIZE];
};

static int64_t clock_ms(clockid_t clock)
{
	struct timespec ts = {0};

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- one request --- */

/* What is longer than the daemon would read ends the transfer; it is an answer all the same. */
static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
	struct buf *body = ctx;
	size_t room = ANSWER_MAX_BYTES - body->n, all = size * n;

	buf_add(body, bytes, all < room ? all : room);
	return all < room ? all : 0;
}

static CURLcode set_transfer(CURL *easy, int64_t timeout_ms, struct reply *reply)
{
	static const struct {
		CURLoption option;
		long value;
	} numbers[] = {
	        {CURLOPT_NOSIGNAL, 1},
	        {CURLOPT_FOLLOWLOCATION, 0},
	        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
	};
	static const struct {
		CURLoption option;
		const char *value;
	} texts[] = {
	        {CURLOPT_PROTOCOLS_STR, "http,https"},
	        {CURLOPT_PROXY, ""},
	        {CURLOPT_NOPROXY, "*"},
	        {CURLOPT_USERAGENT, "headgate"},
	};
	CURLcode code = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);

	for (size_t i = 0; i < ARRAY_LEN(numbers) && code == CURLE_OK; i++)
		code = curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
	for (size_t i = 0; i < ARRAY_LEN(texts) && code == CURLE_OK; i++)
		code = curl_easy_setopt(easy, texts[i].option, texts[i].value);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reply->error);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply->body);
	return code;
}

static void note_reply(struct run *run, CURLcode code, int64_t took_ms, struct reply *reply)
{
	curl_off_t ready_us = 0;

	(void)curl_easy_getinfo(run->easy, CURLINFO_RESPONSE_CODE, &reply->status);
	(void)curl_easy_getinfo(run->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
	reply->is_late = code == CURLE_OPERATION_TIMEDOUT;
	reply->is_reached = ready_us > 0;
	reply->is_answered = reply->status > 0 &&
	                     (code == CURLE_OK ||
	                      (code == CURLE_WRITE_ERROR && reply->body.n == ANSWER_MAX_BYTES));
	if (!reply->is_answered && reply->error[0] == '\0')
		snprintf(reply->error, sizeof(reply->error), "%s",
		         code == CURLE_OK ? "no status" : curl_easy_strerror(code));
	if (took_ms > run->slowest_ms)
		run->slowest_ms = took_ms;
	run->answers += reply->is_answered;
	run->late += reply->is_late;
	run->redirects += reply->is_answered && reply->status / 100 == 3;
}

static void post(struct run *run, const char *url, const struct curl_slist *headers,
                 struct str body, struct reply *reply)
{
	int64_t began_ms = clock_ms(CLOCK_MONOTONIC);
	CURLcode code;

	curl_easy_reset(run->easy);
	code = set_transfer(run->easy, run->timeout_ms, reply);
	(void)curl_easy_setopt(run->easy, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(run->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
	(void)curl_easy_setopt(run->easy, CURLOPT_POSTFIELDS, body.p);
	if (code == CURLE_OK)
		code = curl_easy_setopt(run->easy, CURLOPT_URL, url);
	if (code == CURLE_OK)
		code = curl_easy_perform(run->easy);
	note_reply(run, code, clock_ms(CLOCK_MONOTONIC) - began_ms, reply);
}

/* --- a message, and how it is twisted --- */

/* Like the daemon's: a UUID of version 7 and the message's place in its transition. */
static void message_id(const struct run *run, int message, char out[48])
{
	uint64_t ms = (uint64_t)run->epoch;

	snprintf(out, 48, "%08x-%04x-7%03x-8%03x-%012x.0", (unsigned)((ms >> 16) & 0xffffffff),
	         (unsigned)(ms & 0xffff), (unsigned)message, (unsigned)getpid() & 0xfff,
	         (unsigned)getpid());
}

static bool header_is(const char *header, const char *name)
{
	size_t n = strlen(name);

	return strncmp(header, name, n) == 0 && header[n] == ':';
}

static bool twist_signature(const struct store_message *m, const struct webhook *w, bool keep,
                            const char *good, struct wall at, char *out, size_t size,
                            struct err *err)
{
	char wrong[WEBHOOK_SIGNATURE_TEXT];

	if (!webhook_sign("this-is-the-key-of-somebody-else", m->id, at.ms / 1000,
	                  buf_str(&w->body), wrong, err))
		return false;
	snprintf(out, size, "webhook-signature: %s%s%s", wrong, keep ? " " : "",
	         keep ? good + strlen("webhook-signature: ") : "");
	return true;
}

static bool add_header(struct curl_slist **list, const char *header, struct err *err)
{
	struct curl_slist *longer = curl_slist_append(*list, header);

	if (longer == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a header");
	*list = longer;
	return true;
}

/* The headers as they go out: one of them left out or another, or one more. */
static bool twist_headers(const struct receiver_check *c, const struct store_message *m,
                          const struct webhook *w, struct wall at, struct curl_slist **list,
                          struct err *err)
{
	char other[3 * WEBHOOK_SIGNATURE_TEXT];

	for (size_t i = 0; i < w->nheaders; i++) {
		const char *header = w->headers[i];

		if (header_is(header, "webhook-signature")) {
			if (c->twist == TWIST_SIGN_NOT)
				continue;
			if (c->twist == TWIST_SIGN_WRONG || c->twist == TWIST_SIGN_TWICE) {
				if (!twist_signature(m, w, c->twist == TWIST_SIGN_TWICE, header, at,
				                     other, sizeof(other), err))
					return false;
				header = other;
			}
		}
		if (c->twist == TWIST_ID && header_is(header, "webhook-id")) {
			snprintf(other, sizeof(other), "webhook-id: %s1", m->id);
			header = other;
		}
		if (!add_header(list, header, err))
			return false;
	}
	return c->twist != TWIST_HEADER || add_header(list, "Headgate-Tomorrow: unknown", err);
}

static struct wall sign_time(const struct receiver_check *c)
{
	int64_t now_ms = clock_ms(CLOCK_REALTIME);

	if (c->twist == TWIST_OLD)
		now_ms -= TOO_OLD_MS;
	if (c->twist == TWIST_FUTURE)
		now_ms += TOO_OLD_MS;
	return (struct wall){.ms = now_ms};
}

static bool send_message(struct run *run, const struct receiver_check *c, struct reply *reply,
                         struct err *err)
{
	struct store_message m = {
	        .release_id = run->epoch / 1000,
	        .row_version = c->message,
	        .sequence = c->sequence,
	        .fence = c->fence,
	        .epoch = run->epoch + c->epoch,
	        .class = c->class,
	        .service = run->options->service,
	        .environment = run->options->environment,
	        .version = "0.0.0",
	        .action = "receiver_test",
	        .destination = "receiver",
	        .method = "POST",
	        .path = buf_str(&run->path).p,
	        .body = c->twist == TWIST_LARGE ? buf_str(&run->padded).p : run->options->body,
	        .attempts = 1,
	        .created_at = {.ms = run->epoch},
	};
	char *const secrets[] = {run->secret, NULL};
	const struct webhook_target to = {.base = run->options->url, .secrets = secrets};
	struct wall at = sign_time(c);
	struct curl_slist *headers = NULL;
	struct webhook w;
	bool ok;

	message_id(run, c->message, m.id);
	ok = webhook_build(&m, &to, at, &w, err) &&
	     add_header(&headers, "Expect:", err) && /* as the daemon: nothing is asked before */
	     twist_headers(c, &m, &w, at, &headers, err);
	if (ok && c->twist == TWIST_BODY) {
		buf_add_char(&w.body, ' ');
		ok = buf_ok(&w.body, err);
	}
	if (ok)
		post(run, buf_str(&w.url).p, headers, buf_str(&w.body), reply);
	curl_slist_free_all(headers);
	webhook_fini(&w);
	return ok;
}

/* --- judging and telling --- */

static bool names_current(const struct run *run, struct str body)
{
	struct err ignored;
	json_t *answer = json_parse_strict(body, ANSWER_MAX_BYTES, &ignored);
	const json_t *epoch = json_object_get(answer, "epoch");
	const json_t *fence = json_object_get(answer, "fence");
	bool right = json_is_integer(epoch) && json_integer_value(epoch) == run->high_epoch &&
	             json_is_integer(fence) && json_integer_value(fence) == run->high_fence;

	json_decref(answer);
	return right;
}

static bool is_as_expected(const struct run *run, enum expectation expected,
                           const struct reply *reply)
{
	struct str body = buf_str(&reply->body);
	long kind = reply->status / 100;

	if (!reply->is_answered)
		return false;
	switch (expected) {
	case EXPECT_ACCEPTED:
		return kind == 2;
	case EXPECT_STALE:
		return webhook_is_stale(reply->status, body);
	case EXPECT_STALE_CURRENT:
		return webhook_is_stale(reply->status, body) && names_current(run, body);
	case EXPECT_UNTRUSTED:
		return reply->status == 401 || reply->status == 403;
	case EXPECT_ANY_ANSWER:
		return kind == 2 || kind == 4;
	case EXPECT_COUNT:
		break;
	}
	return false;
}

static struct str one_line(struct str text)
{
	while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	return text;
}

static void describe(const struct reply *reply, char *out, size_t size)
{
	char quoted[STR_QUOTE_MAX];

	if (!reply->is_answered)
		snprintf(out, size, "no answer: %s", reply->error);
	else if (reply->status / 100 == 3)
		snprintf(out, size, "%ld, a redirect; they are never followed", reply->status);
	else if (reply->body.n == 0)
		snprintf(out, size, "%ld", reply->status);
	else
		snprintf(out, size, "%ld %s", reply->status,
		         str_quote(one_line(buf_str(&reply->body)), quoted));
}

static void print_object(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	if (text != NULL)
		puts(text);
	free(text);
	json_decref(object);
}

static void tell(struct run *run, bool good, const struct receiver_check *c, const char *expected,
                 const char *came)
{
	run->passed += good;
	run->failed += !good;
	if (run->options->json)
		print_object(json_pack("{s:s, s:s, s:s, s:s, s:s}", "check", c->name, "result",
		                       good ? "ok" : "FAIL", "what", c->doc, "expected", expected,
		                       "came", came));
	else if (good)
		printf("ok   %s: %s\n", c->name, c->doc);
	else
		printf("FAIL %s: %s: expected %s, came %s\n", c->name, c->doc, expected, came);
	fflush(stdout);
}

static void tell_skipped(struct run *run, const struct receiver_check *c)
{
	run->skipped++;
	if (run->options->json)
		print_object(json_pack("{s:s, s:s, s:s}", "check", c->name, "result", "skip",
		                       "what", c->doc));
	else
		printf("skip %s: needs --secret-file\n", c->name);
}

/* What holds for all answers together. */
static void tell_overall(struct run *run)
{
	static const struct receiver_check redirects = {.name = "no-redirect",
	                                                .doc = "no answer is a redirect"};
	static const struct receiver_check in_time = {
	        .name = "in-time", .doc = "every answer comes within the time limit"};
	char limit[UNITS_TEXT_MAX], expected[96], came[128];

	snprintf(came, sizeof(came), "%zu of %zu answers with 3xx", run->redirects, run->answers);
	tell(run, run->redirects == 0, &redirects, "none with 3xx", came);
	duration_format(run->timeout_ms, limit);
	snprintf(expected, sizeof(expected), "at most %s", limit);
	snprintf(came, sizeof(came), "%lld ms for the slowest, and %zu too late",
	         (long long)run->slowest_ms, run->late);
	tell(run, run->late == 0, &in_time, expected, came);
}

static void tell_end(const struct run *run)
{
	if (run->options->json)
		print_object(json_pack("{s:I, s:I, s:I}", "passed", (json_int_t)run->passed,
		                       "failed", (json_int_t)run->failed, "skipped",
		                       (json_int_t)run->skipped));
	else
		printf("%zu passed, %zu failed\n", run->passed, run->failed);
}

static void remember(struct run *run, const struct receiver_check *c, const struct reply *reply)
{
	int64_t epoch = run->epoch + c->epoch;

	if (!reply->is_answered || reply->status / 100 != 2)
		return;
	if (epoch > run->high_epoch || (epoch == run->high_epoch && c->fence > run->high_fence)) {
		run->high_epoch = epoch;
		run->high_fence = c->fence;
	}
}

/* EXIT_DONE when the run can go on. */
static int run_check(struct run *run, const struct receiver_check *c)
{
	struct reply reply = {0};
	struct err err = {.code = ERR_NONE};
	int status = EXIT_DONE;
	char came[CURL_ERROR_SIZE + 64];

	buf_init(&reply.body, ANSWER_MAX_BYTES);
	if (!send_message(run, c, &reply, &err)) {
		fprintf(stderr, "receiver-test: %s\n", err.text);
		status = err.code == ERR_LIMIT ? EXIT_USAGE : EXIT_BUG;
	} else if (c == receiver_checks && !reply.is_answered && !reply.is_reached) {
		fprintf(stderr, "receiver-test: %s cannot be reached: %s\n", run->options->url,
		        reply.error);
		status = EXIT_UNREACHABLE;
	} else {
		describe(&reply, came, sizeof(came));
		tell(run, is_as_expected(run, c->expected, &reply), c,
		     expectation_texts[c->expected], came);
		remember(run, c, &reply);
	}
	buf_fini(&reply.body);
	return status;
}

static int run_checks(struct run *run)
{
	for (size_t i = 0; i < receiver_checks_n; i++) {
		int status;

		if (receiver_checks[i].needs_secret && run->secret == NULL) {
			tell_skipped(run, &receiver_checks[i]);
			continue;
		}
		status = run_check(run, &receiver_checks[i]);
		if (status != EXIT_DONE)
			return status;
	}
	tell_overall(run);
	tell_end(run);
	return run->failed > 0 ? EXIT_BAD : EXIT_DONE;
}

/* --- setting it up --- */

static bool read_secret(const char *path, char **out, struct err *err)
{
	char *secret = NULL;
	size_t n = 0;

	if (!secret_file_read(path, SECRET_MAX_BYTES, &secret, &n, err))
		return false;
	/* As the daemon reads it: the line break at the end is not meant. */
	while (n > 0 && (secret[n - 1] == '\n' || secret[n - 1] == '\r'))
		secret[--n] = '\0';
	if (n == 0 || strlen(secret) != n) {
		free(secret);
		return err_set(err, ERR_INVALID, "%s does not hold a secret", path);
	}
	*out = secret;
	return true;
}

static bool prepare(struct run *run, struct err *err)
{
	const struct options *o = run->options;

	if (o->path != NULL)
		buf_add_text(&run->path, o->path);
	else
		buf_printf(&run->path, "/weights/%s", o->service);
	buf_add_text(&run->padded, o->body);
	while (run->padded.failed == ERR_NONE && run->padded.n < WEBHOOK_BODY_MAX)
		buf_add_char(&run->padded, ' ');
	run->epoch = clock_ms(CLOCK_REALTIME);
	run->easy = curl_easy_init();
	if (run->easy == NULL)
		return err_set(err, ERR_NOMEM, "curl cannot be used");
	return buf_ok(&run->path, err) && buf_ok(&run->padded, err) &&
	       (o->secret_file == NULL || read_secret(o->secret_file, &run->secret, err));
}

static void warn(const struct options *o)
{
	fprintf(stderr,
	        "receiver-test: %s will apply states for service \"%s\" in \"%s\", and remember an "
	        "epoch for it\nthat no real message reaches: never use the name of a real "
	        "service\n",
	        o->url, o->service, o->environment);
	if (o->secret_file == NULL)
		fprintf(stderr, "receiver-test: without --secret-file nothing is signed, and what "
		                "is about signatures is skipped\n");
}

static int run_receiver_test(const struct options *o, int64_t timeout_ms)
{
	struct run run = {.options = o, .timeout_ms = timeout_ms};
	struct err err = {.code = ERR_NONE};
	int status = EXIT_UNREACHABLE;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	buf_init(&run.path, 4096);
	buf_init(&run.padded, WEBHOOK_BODY_MAX);
	if (!prepare(&run, &err)) {
		fprintf(stderr, "receiver-test: %s\n", err.text);
	} else {
		warn(o);
		status = run_checks(&run);
	}
	if (run.secret != NULL)
		explicit_bzero(run.secret, strlen(run.secret));
	free(run.secret);
	buf_fini(&run.path);
	buf_fini(&run.padded);
	curl_easy_cleanup(run.easy);
	curl_global_cleanup();
	return status;
}

/* --- arguments --- */

static bool is_name(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "0123456789._-";
	size_t n = strlen(text);

	return n > 0 && n <= NAME_MAX_BYTES && text[strspn(text, allowed)] == '\0';
}

static bool is_json(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
	bool good = value != NULL && !json_is_null(value) && strlen(text) < WEBHOOK_BODY_MAX / 2;

	json_decref(value);
	return good;
}

static bool is_http_url(const char *text)
{
	struct str url = str_of(text);
	CURLU *parsed;
	bool good;

	if (!str_starts_with(url, STR("http://")) && !str_starts_with(url, STR("https://")))
		return false;
	parsed = curl_url();
	good = parsed != NULL &&
	       curl_url_set(parsed, CURLUPART_URL, text, CURLU_DISALLOW_USER) == CURLUE_OK;
	curl_url_cleanup(parsed);
	return good;
}

static bool read_arguments(int argc, char **argv, struct options *o)
{
	const struct {
		const char *name;
		const char **value;
	} known[] = {
	        {"--secret-file", &o->secret_file},
	        {"--path", &o->path},
	        {"--service", &o->service},
	        {"--environment", &o->environment},
	        {"--body", &o->body},
	        {"--timeout", &o->timeout},
	};

	for (int i = 1; i < argc; i++) {
		const char **value = NULL;

		for (size_t k = 0; k < ARRAY_LEN(known); k++)
			if (strcmp(argv[i], known[k].name) == 0)
				value = known[k].value;
		if (value != NULL && i + 1 < argc)
			*value = argv[++i];
		else if (strcmp(argv[i], "--json") == 0)
			o->json = true;
		else if (o->url == NULL && argv[i][0] != '-')
			o->url = argv[i];
		else
			return false;
	}
	return o->url != NULL;
}

static const char *wrong_value(const struct options *o, int64_t *out_timeout_ms)
{
	struct err ignored;

	if (!is_http_url(o->url))
		return "URL is http://HOST[:PORT][/...] or https://, without a user";
	if (!is_name(o->service) || !is_name(o->environment))
		return "names are 1 to 64 letters, digits, '.', '_' and '-'";
	if (!is_json(o->body))
		return "--body is JSON";
	if (!duration_parse(str_of(o->timeout), out_timeout_ms, &ignored) || *out_timeout_ms < 1 ||
	    *out_timeout_ms > TIMEOUT_MAX_MS)
		return "--timeout is a duration up to 10m";
	return NULL;
}

int receiver_test_command(int argc, char **argv)
{
	struct options o = {
	        .service = DEFAULT_SERVICE,
	        .environment = "test",
	        .body = "{\"weight\":0}",
	        .timeout = "15s",
	};
	bool is_understood = read_arguments(argc, argv, &o);
	int64_t timeout_ms = 0;
	const char *wrong = is_understood ? wrong_value(&o, &timeout_ms) : NULL;

	if (wrong != NULL)
		fprintf(stderr, "receiver-test: %s\n", wrong);
	if (!is_understood || wrong != NULL) {
		fprintf(stderr,
		        "usage: headgate receiver-test URL [--secret-file FILE] [--path PATH] "
		        "[--service NAME]\n       [--environment NAME] [--body JSON] "
		        "[--timeout DURATION] [--json]\n");
		return EXIT_USAGE;
	}
	return run_receiver_test(&o, timeout_ms);
}
