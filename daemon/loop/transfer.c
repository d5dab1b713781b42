/*
 * transfer - callbacks run inside curl: they only look, copy and say stop.
 */
#include "loop/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <sys/socket.h>

#include "base/units.h"
#include "loop/networks.h"

#define CONNECTION_AGE_S 300L
#define NAME_AGE_S 60L
#define HEADER_BYTES_MAX ((size_t)64 * 1024)
#define RETRY_AFTER_MAX_S 86400
#define READ_BUFFER (64L * 1024)

/* --- what curl tells us during a transfer --- */

static bool is_success(long status)
{
	return status >= 200 && status < 300;
}

static bool keep(struct fetch *fetch, const char *bytes, size_t n, size_t max)
{
	size_t left = max - fetch->nreceived;
	size_t kept = n < left ? n : left;

	buf_add(&fetch->received, bytes, kept);
	fetch->nreceived += kept;
	return kept == n;
}

static size_t take_bytes(struct fetch *fetch, const char *bytes, size_t n)
{
	const struct fetch_request *request = &fetch->request;

	if (fetch->status == 0)
		(void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &fetch->status);
	if (request->on_bytes && !is_success(fetch->status)) {
		fetch->cut = !keep(fetch, bytes, n, TRANSFER_OTHER_BODY_MAX);
		return fetch->cut ? 0 : n;
	}
	if (!request->on_bytes) {
		bool whole = keep(fetch, bytes, n, request->max_bytes);

		fetch->cut = !whole && request->cut_large;
		fetch->too_large = !whole && !request->cut_large;
		return whole ? n : 0;
	}
	if (n > request->max_bytes - fetch->nreceived) {
		fetch->too_large = true;
		return 0;
	}
	fetch->nreceived += n;
	if (!request->on_bytes(request->ctx, bytes, n)) {
		fetch->stopped = true;
		return 0;
	}
	return n;
}

static bool take_piece(void *ctx, const char *bytes, size_t n)
{
	return take_bytes(ctx, bytes, n) == n;
}

static size_t take_packed(struct fetch *fetch, const char *bytes, size_t n)
{
	enum gunzip_result result = GUNZIP_BAD;

	if (!fetch->bad_encoding)
		result = gunzip_feed(fetch->gunzip, bytes, n, take_piece, fetch);
	fetch->bad_encoding = result == GUNZIP_BAD;
	return result == GUNZIP_OK ? n : 0;
}

size_t transfer_take_body(struct fetch *fetch, const char *bytes, size_t n)
{
	size_t took;

	if (fetch->cancelled)
		return 0;
	fetch->nraw += n;
	(*fetch->depth)++;
	took = fetch->gunzip || fetch->bad_encoding ? take_packed(fetch, bytes, n)
	                                            : take_bytes(fetch, bytes, n);
	(*fetch->depth)--;
	return fetch->cancelled ? 0 : took;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	return transfer_take_body(ctx, bytes, size * count);
}

static bool header_value(struct str line, const char *name, struct str *out)
{
	size_t n = strlen(name);

	if (line.n <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
		return false;
	*out = str_slice(line, n + 1, line.n);
	while (out->n > 0 && (out->p[out->n - 1] == '\r' || out->p[out->n - 1] == '\n'))
		out->n--;
	*out = str_trim(*out);
	return true;
}

/* What nobody asked for is passed on as it is: it is its reader's mistake then. */
static void note_encoding(struct fetch *fetch, struct str value)
{
	bool is_gzip = (value.n == 4 && strncasecmp(value.p, "gzip", 4) == 0) ||
	               (value.n == 6 && strncasecmp(value.p, "x-gzip", 6) == 0);

	if (!fetch->request.takes_gzip ||
	    (value.n == 8 && strncasecmp(value.p, "identity", 8) == 0))
		return;
	if (is_gzip && !fetch->gunzip && !fetch->bad_encoding)
		fetch->gunzip = gunzip_new();
	else
		gunzip_free(&fetch->gunzip);
	fetch->bad_encoding = fetch->gunzip == NULL;
}

bool transfer_take_header(struct fetch *fetch, const char *bytes, size_t n)
{
	struct str line = {.p = bytes, .n = n};
	struct err ignored;
	struct str value;
	int64_t seconds;

	fetch->nheader_bytes += line.n;
	if (fetch->nheader_bytes > HEADER_BYTES_MAX) {
		fetch->header_bomb = true;
		return false;
	}
	if (str_starts_with(line, STR("HTTP/"))) {
		/* An answer after a 100 Continue starts afresh. */
		fetch->content_type[0] = '\0';
		fetch->is_framed = false;
		fetch->retry_after_ms = -1;
		fetch->status = 0;
		fetch->bad_encoding = false;
		gunzip_free(&fetch->gunzip);
	} else if (header_value(line, "Content-Encoding", &value)) {
		note_encoding(fetch, value);
	} else if (header_value(line, "Content-Type", &value)) {
		snprintf(fetch->content_type, sizeof(fetch->content_type), "%.*s",
		         (int)(value.n < 127 ? value.n : 127), value.p);
	} else if (header_value(line, "Content-Length", &value) ||
	           header_value(line, "Transfer-Encoding", &value)) {
		fetch->is_framed = true;
	} else if (header_value(line, "Retry-After", &value) &&
	           int_parse(value, &seconds, &ignored) && seconds >= 0) {
		if (seconds > RETRY_AFTER_MAX_S)
			seconds = RETRY_AFTER_MAX_S;
		fetch->retry_after_ms = seconds * 1000;
	}
	return true;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
	return transfer_take_header(ctx, bytes, size * count) ? size * count : 0;
}

/* The address that was really resolved; a name's meaning may have changed since anybody looked. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct fetch *fetch = ctx;
	int fd;

	if (purpose != CURLSOCKTYPE_IPCXN ||
	    !networks_allow(fetch->request.networks, &address->addr)) {
		fetch->refused = true;
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
	            address->protocol);
	fetch->opened = true;
	if (fd < 0)
		fetch->open_errno = errno;
	return fd;
}

/* A kept connection was opened for somebody who may have been allowed more. */
static int on_request(void *ctx, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
	struct fetch *fetch = ctx;

	(void)own_ip;
	(void)peer_port;
	(void)own_port;
	if (networks_allow_text(fetch->request.networks, peer_ip))
		return CURL_PREREQFUNC_OK;
	fetch->forbidden = true;
	return CURL_PREREQFUNC_ABORT;
}

/* --- setting a transfer up --- */

static bool host_is_literal(const char *url)
{
	const char *host = strstr(url, "://");

	if (!host)
		return false;
	host += 3;
	/* A name of digits and dots alone is an address in one spelling or another. */
	return *host == '[' || host[strspn(host, "0123456789.")] == ':' ||
	       host[strspn(host, "0123456789.")] == '/' ||
	       host[strspn(host, "0123456789.")] == '\0';
}

static CURLcode set_method(CURL *easy, const struct fetch *fetch)
{
	const struct fetch_request *request = &fetch->request;
	CURLcode code = CURLE_OK;

	if (strcmp(request->method, "HEAD") == 0)
		return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (request->body.n > 0 || strcmp(request->method, "POST") == 0) {
		code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		                        (curl_off_t)request->body.n);
		if (code == CURLE_OK)
			code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->body);
	}
	if (code == CURLE_OK && strcmp(request->method, "GET") != 0)
		code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	return code;
}

static CURLcode set_constants(CURL *easy)
{
	static const struct {
		CURLoption option;
		long value;
	} numbers[] = {
	        {CURLOPT_NOSIGNAL, 1},
	        {CURLOPT_FOLLOWLOCATION, 0},
	        {CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
	        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2}, /* or later */
	        {CURLOPT_SSL_VERIFYPEER, 1},
	        {CURLOPT_SSL_VERIFYHOST, 2},
	        {CURLOPT_MAXAGE_CONN, CONNECTION_AGE_S},
	        {CURLOPT_TCP_KEEPALIVE, 1},
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
	CURLcode code = CURLE_OK;

	for (size_t i = 0; i < ARRAY_LEN(numbers) && code == CURLE_OK; i++)
		code = curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
	for (size_t i = 0; i < ARRAY_LEN(texts) && code == CURLE_OK; i++)
		code = curl_easy_setopt(easy, texts[i].option, texts[i].value);
	/* Refused while a buffer is left from a transfer that failed before it began; it has the
	 * right size. */
	(void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, READ_BUFFER);
	return code;
}

/* None of these can fail: they only store what they are given. */
static void set_callbacks(CURL *easy, struct fetch *fetch)
{
	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->error);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fetch->headers);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, fetch);
	(void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
	(void)curl_easy_setopt(easy, CURLOPT_PREREQDATA, fetch);
}

static CURLcode set_times(CURL *easy, const struct fetch *fetch, int64_t timeout_ms)
{
	const char *url = fetch->url;
	/* A mail server is connected to when it has greeted us and let us in, and some let wait. */
	bool is_short = timeout_ms < TRANSFER_CONNECT_MS || fetch->request.mail;
	long connect_ms = is_short ? (long)timeout_ms : TRANSFER_CONNECT_MS;
	/* Numbers never go stale, and looking for those that did costs every transfer a walk. */
	long name_age = host_is_literal(url) ? -1L : NAME_AGE_S;
	CURLcode code = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);

	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, name_age);
	return code;
}

static CURLcode set_pem(CURL *easy, CURLoption option, char *pem)
{
	struct curl_blob blob = {.data = pem, .flags = CURL_BLOB_NOCOPY};

	if (!pem)
		return CURLE_OK;
	blob.len = strlen(pem);
	return curl_easy_setopt(easy, option, &blob);
}

/* From memory: a file would be read again, on the loop, with each connection. Curl keeps
 * connections of different certificates apart. */
static CURLcode set_tls(CURL *easy, const struct fetch_tls *tls)
{
	CURLcode code = CURLE_OK;

	if (!tls)
		return code;
	/* The system's directory of authorities would be asked as well. */
	if (tls->ca)
		code = curl_easy_setopt(easy, CURLOPT_CAPATH, (const char *)NULL);
	if (code == CURLE_OK)
		code = set_pem(easy, CURLOPT_CAINFO_BLOB, tls->ca);
	if (code == CURLE_OK)
		code = set_pem(easy, CURLOPT_SSLCERT_BLOB, tls->client_cert);
	if (code == CURLE_OK)
		code = set_pem(easy, CURLOPT_SSLKEY_BLOB, tls->client_key);
	return code;
}

/* Curl connects, greets, starts TLS and logs in; dialogue.c goes on from there. Never over a kept
 * connection, which others may have been let in by. */
static CURLcode set_mail(CURL *easy, const struct fetch_mail *mail)
{
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
	        {CURLOPT_CONNECT_ONLY, 1},
	        {CURLOPT_FRESH_CONNECT, 1},
	        {CURLOPT_USE_SSL, mail->is_clear ? CURLUSESSL_NONE : CURLUSESSL_ALL},
	};
	CURLcode code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");

	for (size_t i = 0; i < ARRAY_LEN(numbers) && code == CURLE_OK; i++)
		code = curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
	if (code == CURLE_OK && mail->user)
		code = curl_easy_setopt(easy, CURLOPT_USERNAME, mail->user);
	if (code == CURLE_OK && mail->user)
		code = curl_easy_setopt(easy, CURLOPT_PASSWORD, mail->password);
	return code;
}

CURLcode transfer_set_options(CURL *easy, struct fetch *fetch, int64_t timeout_ms)
{
	CURLcode code = set_constants(easy);

	set_callbacks(easy, fetch);
	if (code == CURLE_OK)
		code = set_times(easy, fetch, timeout_ms);
	if (code == CURLE_OK)
		code = fetch->request.mail ? set_mail(easy, fetch->request.mail)
		                           : set_method(easy, fetch);
	if (code == CURLE_OK)
		code = set_tls(easy, fetch->request.tls);
	if (code == CURLE_OK && fetch->request.takes_gzip)
		code = curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	if (code == CURLE_OK && fetch->request.takes_gzip) /* we unpack, see gunzip.h */
		code = curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_URL, fetch->url);
	return code;
}

/* --- what the end means --- */

static bool is_own_errno(long reason)
{
	switch (reason) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case ENETUNREACH:
	case ENETDOWN:
	case EHOSTUNREACH:
	case EADDRNOTAVAIL:
	case EACCES:
	case EPERM:
	case EAFNOSUPPORT:
		return true;
	default:
		return false;
	}
}

static bool is_forbidden(const struct fetch *fetch)
{
	return fetch->forbidden || (fetch->refused && !fetch->opened);
}

static enum fetch_failure classify_connect(const struct fetch *fetch)
{
	long reason = 0;

	if (is_forbidden(fetch))
		return FETCH_FORBIDDEN;
	(void)curl_easy_getinfo(fetch->easy, CURLINFO_OS_ERRNO, &reason);
	return fetch->open_errno != 0 || is_own_errno(reason) ? FETCH_LOCAL : FETCH_PEER;
}

static enum fetch_failure classify_timeout(const struct fetch *fetch)
{
	curl_off_t looked_up_us = 0;

	(void)curl_easy_getinfo(fetch->easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up_us);
	return looked_up_us == 0 ? FETCH_LOCAL : FETCH_PEER;
}

/* A mail server that refused us before there was a mail to refuse has said its last word. */
static bool is_mail_refusal(const struct fetch *fetch, CURLcode code)
{
	long status = 0;

	if (!fetch->request.mail ||
	    (code != CURLE_LOGIN_DENIED && code != CURLE_REMOTE_ACCESS_DENIED &&
	     code != CURLE_WEIRD_SERVER_REPLY))
		return false;
	(void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 400 && status < 600;
}

/* Nothing at all is an empty answer and no broken one. */
static bool is_packed_short(const struct fetch *fetch, CURLcode code)
{
	return fetch->gunzip && code == CURLE_OK && fetch->nraw > 0 &&
	       !gunzip_is_whole(fetch->gunzip);
}

enum fetch_failure transfer_classify(const struct fetch *fetch, CURLcode code)
{
	/* Our own callbacks ended it: they know better than the code. */
	if (fetch->stopped)
		return FETCH_STOPPED;
	if (fetch->too_large)
		return FETCH_TOO_LARGE;
	if (fetch->header_bomb || fetch->bad_encoding || is_packed_short(fetch, code))
		return FETCH_PEER;
	if (fetch->cut || is_mail_refusal(fetch, code))
		return FETCH_OK;
	if (fetch->request.mail && code == CURLE_LOGIN_DENIED)
		return FETCH_PEER;
	switch (code) {
	case CURLE_OK:
		return FETCH_OK;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_LOGIN_DENIED:
		return FETCH_FORBIDDEN;
	case CURLE_ABORTED_BY_CALLBACK:
		return is_forbidden(fetch) ? FETCH_FORBIDDEN : FETCH_LOCAL;
	case CURLE_COULDNT_CONNECT:
		return classify_connect(fetch);
	case CURLE_OPERATION_TIMEDOUT:
		return classify_timeout(fetch);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
	case CURLE_BAD_FUNCTION_ARGUMENT:
	case CURLE_INTERFACE_FAILED:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ENGINE_INITFAILED:
		return FETCH_LOCAL;
	default:
		return FETCH_PEER;
	}
}

void transfer_describe(const struct fetch *fetch, enum fetch_failure failure, CURLcode code,
                       struct err *err)
{
	switch (failure) {
	case FETCH_OK:
		*err = (struct err){.code = ERR_NONE};
		return;
	case FETCH_TOO_LARGE:
		err_set(err, ERR_LIMIT, "the answer has more than %zu bytes",
		        fetch->request.max_bytes);
		return;
	case FETCH_STOPPED:
		err_set(err, ERR_INVALID, "the answer could not be used");
		return;
	case FETCH_FORBIDDEN:
		if (is_forbidden(fetch))
			err_set(err, ERR_DENIED, "the address is not in an allowed network");
		else
			err_set(err, ERR_INVALID, "the URL cannot be used: %s",
			        curl_easy_strerror(code));
		return;
	case FETCH_PEER:
	case FETCH_LOCAL:
		break;
	}
	if (fetch->header_bomb)
		err_set(err, ERR_LIMIT, "the answer's headers have more than %zu bytes",
		        HEADER_BYTES_MAX);
	else if (fetch->bad_encoding)
		err_set(err, ERR_INVALID, "the answer's Content-Encoding is broken or unknown");
	else if (is_packed_short(fetch, code))
		err_set(err, ERR_INVALID, "the compressed answer ends too early");
	else if (fetch->open_errno != 0)
		err_set(err, ERR_UNAVAILABLE, "no socket: %s", strerrordesc_np(fetch->open_errno));
	else
		err_set(err, ERR_UNAVAILABLE, "%s",
		        fetch->error[0] != '\0' ? fetch->error : curl_easy_strerror(code));
}
