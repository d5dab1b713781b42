/*
 * headers - one small judge per rule; the first that objects decides.
 */
#include "api/headers.h"

#include <string.h>
#include <strings.h>

#include "base/macros.h"

struct rule {
	bool (*is_fine)(const struct head *head);
	int status;
	const char *detail;
};

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_token_char(char c)
{
	return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!is_token_char(s.p[i]))
			return false;
	}
	return s.n > 0;
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static bool same_word(struct str a, const char *word)
{
	return a.n == strlen(word) && strncasecmp(a.p, word, a.n) == 0;
}

static size_t kept_headers(const struct head *head)
{
	return head->nheaders < HEADERS_MAX ? head->nheaders : HEADERS_MAX;
}

static size_t count_headers(const struct head *head, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < kept_headers(head); i++)
		n += same_word(head->headers[i].name, name) ? 1 : 0;
	return n;
}

struct str headers_find(const struct head *head, const char *name)
{
	for (size_t i = 0; i < kept_headers(head); i++) {
		if (same_word(head->headers[i].name, name))
			return head->headers[i].value;
	}
	return (struct str){.p = NULL, .n = 0};
}

static struct str path_of(const struct head *head)
{
	const char *question = memchr(head->target.p, '?', head->target.n);

	if (!question)
		return head->target;
	return str_slice(head->target, 0, (size_t)(question - head->target.p));
}

static bool method_is_known(const struct head *head)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE"};

	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		if (str_eq_text(head->method, methods[i]))
			return true;
	}
	return false;
}

static bool method_may_have_body(const struct head *head)
{
	return str_eq_text(head->method, "POST") || str_eq_text(head->method, "PUT");
}

static bool version_is_known(const struct head *head)
{
	return str_eq_text(head->version, "HTTP/1.1") || str_eq_text(head->version, "HTTP/1.0");
}

static bool coding_is_absent(const struct head *head)
{
	return count_headers(head, "Transfer-Encoding") == 0;
}

static bool headers_are_few(const struct head *head)
{
	return head->nheaders <= HEADERS_MAX;
}

static bool names_are_tokens(const struct head *head)
{
	for (size_t i = 0; i < kept_headers(head); i++) {
		if (!is_token(head->headers[i].name))
			return false;
	}
	return true;
}

static bool values_are_printable(const struct head *head)
{
	for (size_t i = 0; i < kept_headers(head); i++) {
		if (has_control(head->headers[i].value))
			return false;
	}
	return true;
}

static bool has_one_host(const struct head *head)
{
	return count_headers(head, "Host") == 1 && headers_find(head, "Host").n > 0;
}

static bool singles_are_single(const struct head *head)
{
	/* Each of these decides how the rest is read or who is asking. */
	static const char *const singles[] = {
	        "Content-Length", "Content-Type",    "Authorization",
	        "Origin",         "Sec-Fetch-Site",  "If-Match",
	        "Expect",         "Idempotency-Key", "Content-Encoding"};

	for (size_t i = 0; i < ARRAY_LEN(singles); i++) {
		if (count_headers(head, singles[i]) > 1)
			return false;
	}
	return true;
}

static bool target_is_path(const struct head *head)
{
	return head->target.n > 0 && head->target.p[0] == '/';
}

static bool path_is_plain(const struct head *head)
{
	struct str path = path_of(head);

	for (size_t i = 0; i < path.n; i++) {
		char c = path.p[i];

		if (!is_alnum(c) && (c == '\0' || !strchr("._~/@+:-", c)))
			return false;
	}
	return true;
}

static bool path_has_no_dots(const struct head *head)
{
	struct str path = path_of(head);
	size_t from = 0;

	for (size_t i = 0; i <= path.n; i++) {
		if (i < path.n && path.p[i] != '/')
			continue;
		if (str_eq_text(str_slice(path, from, i), ".") ||
		    str_eq_text(str_slice(path, from, i), ".."))
			return false;
		from = i + 1;
	}
	return true;
}

static bool query_is_printable(const struct head *head)
{
	for (size_t i = 0; i < head->target.n; i++) {
		unsigned char c = (unsigned char)head->target.p[i];

		if (c <= 0x20 || c >= 0x7f || c == '#')
			return false;
	}
	return true;
}

/* Digits only: a sign, a list, a hexadecimal or an empty length means two readers may differ. */
static bool parse_length(struct str text, int64_t *out)
{
	int64_t value = 0;

	if (text.n == 0 || text.n > 18)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		value = value * 10 + (text.p[i] - '0');
	}
	*out = value;
	return true;
}

static int64_t length_of(const struct head *head)
{
	struct str text = headers_find(head, "Content-Length");
	int64_t length = 0;

	if (text.p && !parse_length(text, &length))
		return -1;
	return length;
}

static bool length_is_number(const struct head *head)
{
	return length_of(head) >= 0;
}

static bool body_is_allowed(const struct head *head)
{
	return method_may_have_body(head) || length_of(head) == 0;
}

static bool body_is_uncompressed(const struct head *head)
{
	struct str coding = headers_find(head, "Content-Encoding");

	return !coding.p || same_word(coding, "identity");
}

static bool expectation_is_known(const struct head *head)
{
	struct str expect = headers_find(head, "Expect");

	return !expect.p || same_word(expect, "100-continue");
}

/* The part of a media type or range before its parameters. */
static struct str media_range(struct str value)
{
	const char *semicolon = memchr(value.p, ';', value.n);

	return str_trim(semicolon ? str_slice(value, 0, (size_t)(semicolon - value.p)) : value);
}

/* The value of ";name=" in lower or upper case, unquoted; .p NULL when absent. */
static struct str media_parameter(struct str value, const char *name)
{
	size_t at = 0;

	while (at < value.n) {
		const char *semicolon = memchr(value.p + at, ';', value.n - at);
		size_t end = semicolon ? (size_t)(semicolon - value.p) : value.n;
		struct str part = str_trim(str_slice(value, at, end));
		const char *equals = memchr(part.p, '=', part.n);
		struct str got;

		at = end + 1;
		if (!equals || !same_word(str_slice(part, 0, (size_t)(equals - part.p)), name))
			continue;
		got = str_slice(part, (size_t)(equals - part.p) + 1, part.n);
		if (got.n >= 2 && got.p[0] == '"' && got.p[got.n - 1] == '"')
			got = str_slice(got, 1, got.n - 1);
		return got;
	}
	return (struct str){.p = NULL, .n = 0};
}

static enum body_kind body_of(const struct head *head)
{
	static const struct {
		const char *type;
		enum body_kind kind;
	} types[] = {
	        {"application/json", BODY_JSON}, {"application/x-www-form-urlencoded", BODY_FORM},
	        {"application/yaml", BODY_YAML}, {"application/x-yaml", BODY_YAML},
	        {"text/yaml", BODY_YAML},
	};
	struct str value = headers_find(head, "Content-Type");
	struct str charset;

	if (length_of(head) == 0)
		return BODY_NONE;
	if (!value.p)
		return BODY_OTHER;
	charset = media_parameter(value, "charset");
	if (charset.p && !same_word(charset, "utf-8") && !same_word(charset, "us-ascii"))
		return BODY_OTHER;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (same_word(media_range(value), types[i].type))
			return types[i].kind;
	}
	return BODY_OTHER;
}

static bool body_is_readable(const struct head *head)
{
	return body_of(head) != BODY_OTHER;
}

/* clang-format off */
static const struct rule rules[] = {
	{ method_is_known,      405, "Use one of " HEADERS_ALLOWED_METHODS "." },
	{ version_is_known,     505, "Use HTTP/1.1." },
	{ coding_is_absent,     501, "Transfer-Encoding is not supported; send the body with a Content-Length." },
	{ headers_are_few,      431, "Send at most 64 headers." },
	{ names_are_tokens,     400, "A header name is empty or holds a character that names may not hold." },
	{ values_are_printable, 400, "A header value holds a control character." },
	{ has_one_host,         400, "Send exactly one Host header that is not empty." },
	{ singles_are_single,   400, "A header that may come only once came twice." },
	{ target_is_path,       400, "The request target must be a path that begins with /." },
	{ path_is_plain,        400, "The path may hold letters, digits and . _ ~ / @ + : - only, unescaped." },
	{ path_has_no_dots,     400, "The path may not have . or .. as a segment." },
	{ query_is_printable,   400, "Escape everything in the query that is not printable ASCII as %XX." },
	{ length_is_number,     400, "Content-Length must be one decimal number." },
	{ body_is_allowed,      400, "Only POST and PUT may have a body." },
	{ expectation_is_known, 417, "The only expectation met here is 100-continue." },
	{ body_is_uncompressed, 415, "Send the body uncompressed, without Content-Encoding." },
	{ body_is_readable,     415, "Send the body as UTF-8 with Content-Type application/json or "
	                             "application/x-www-form-urlencoded." },
};
/* clang-format on */

struct head_verdict headers_judge(const struct head *head)
{
	struct head_verdict v = {0};
	struct str path = path_of(head);

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (!rules[i].is_fine(head)) {
			v.status = rules[i].status;
			v.detail = rules[i].detail;
			return v;
		}
	}
	v.path = path;
	v.query = str_slice(head->target, path.n + 1, head->target.n);
	v.content_length = length_of(head);
	v.body = body_of(head);
	v.expects_continue = headers_find(head, "Expect").p != NULL;
	return v;
}

static bool weight_is_zero(struct str range)
{
	struct str q = media_parameter(range, "q");

	if (!q.p || q.n == 0)
		return false;
	for (size_t i = 0; i < q.n; i++) {
		if (q.p[i] != '0' && q.p[i] != '.')
			return false;
	}
	return true;
}

static bool is_ours(struct str media)
{
	static const char *const ours[] = {
	        "*/*",
	        "application/*",
	        "application/json",
	        "application/problem+json",
	        "application/openmetrics-text",
	};

	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		if (same_word(media, ours[i]))
			return true;
	}
	return media.n > 5 && strncasecmp(media.p, "text/", 5) == 0;
}

static bool list_names_ours(struct str list)
{
	size_t at = 0;

	while (at < list.n) {
		const char *comma = memchr(list.p + at, ',', list.n - at);
		size_t end = comma ? (size_t)(comma - list.p) : list.n;
		struct str range = str_slice(list, at, end);

		at = end + 1;
		if (is_ours(media_range(range)) && !weight_is_zero(range))
			return true;
	}
	return false;
}

bool headers_accept_ours(const struct head *head)
{
	bool said = false;

	for (size_t i = 0; i < kept_headers(head); i++) {
		if (!same_word(head->headers[i].name, "Accept") ||
		    str_trim(head->headers[i].value).n == 0)
			continue;
		if (list_names_ours(head->headers[i].value))
			return true;
		said = true;
	}
	return !said;
}

/* Whether "https://host:port" names the host the request was sent to. */
static bool origin_is_host(struct str origin, struct str host)
{
	struct str rest;

	if (str_starts_with(origin, STR("http://")))
		rest = str_slice(origin, 7, origin.n);
	else if (str_starts_with(origin, STR("https://")))
		rest = str_slice(origin, 8, origin.n);
	else
		return false;
	return rest.n == host.n && strncasecmp(rest.p, host.p, rest.n) == 0;
}

bool headers_are_cross_site(const struct head *head)
{
	struct str site = headers_find(head, "Sec-Fetch-Site");
	struct str origin = headers_find(head, "Origin");

	if (str_eq_text(head->method, "GET") || str_eq_text(head->method, "HEAD"))
		return false;
	/* A browser that says so knows better than we do behind a proxy that rewrites Host. */
	if (site.p && str_eq_text(site, "same-origin"))
		return false;
	if (site.p && !str_eq_text(site, "none"))
		return true;
	return origin.p && !origin_is_host(origin, headers_find(head, "Host"));
}
