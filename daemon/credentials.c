/* credentials - read at start like those of destinations, and held against every address they would
 * be sent to. */
#include "credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "action/webhook.h"
#include "base/field.h"
#include "base/str.h"
#include "destination.h"
#include "destination_internal.h"
#include "loop/networks.h"

/* --- the keys --- */

/* A name or an address with a port or without; the port may not be missing after a colon. */
static bool is_host(const char *text)
{
	static const char of_names[] =
	        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	const char *rest;

	if (strncmp(text, "*.", 2) == 0)
		text += 2;
	if (*text == '[') {
		size_t n = strspn(text + 1, "0123456789abcdefABCDEF:.");

		if (n == 0 || text[n + 1] != ']')
			return false;
		rest = text + n + 2;
	} else {
		rest = text + strspn(text, of_names);
		if (rest == text)
			return false;
	}
	if (*rest == ':' && rest[1] != '\0')
		rest += 1 + strspn(rest + 1, "0123456789");
	return *rest == '\0';
}

static bool check_hosts(const struct config_credentials *c, struct decode *d)
{
	size_t mark = decode_push(d, "hosts");
	bool ok = true;

	for (size_t i = 0; i < c->nhosts; i++) {
		size_t index = c->nhosts > 1 ? decode_push_index(d, i) : 0;

		if (!is_host(c->hosts[i]))
			ok = decode_problem(d, "is no host: write prometheus.example, "
			                       "prometheus.example:9090 or *.example");
		if (c->nhosts > 1)
			decode_pop(d, index);
	}
	decode_pop(d, mark);
	return ok;
}

static bool check_headers(const struct config_credentials *c, struct decode *d)
{
	size_t mark = decode_push(d, "headers");
	bool ok = true;

	for (size_t i = 0; i < c->nheaders; i++) {
		const char *name = c->headers[i].name;

		if (!webhook_header_is_free(name) || strcasecmp(name, "Authorization") == 0)
			ok = destination_problem(d, name,
			                         "is no header name, or one that headgate sets");
		else if (!destination_is_printable(c->headers[i].value))
			ok = destination_problem(d, name, "may not hold control characters");
	}
	decode_pop(d, mark);
	return ok;
}

bool credentials_check(const struct config_credentials *c, struct decode *d)
{
	bool ok = check_hosts(c, d);

	ok = check_headers(c, d) && ok;
	return destination_check_secrets(&c->secrets, d) && ok;
}

/* --- reading --- */

/* On the heap; false without memory. */
static bool add_line(struct config_credentials *c, size_t *n, const char *name, const char *value)
{
	char *line = NULL;

	if (asprintf(&line, "%s%s%s", name ? name : "", name ? ": " : "", value) < 0)
		return false;
	c->lines[(*n)++] = line;
	return true;
}

static bool make_lines(struct config_credentials *c)
{
	size_t n = 0;
	bool ok;

	c->lines = calloc(c->nheaders + c->secrets.nheader_files + 2, sizeof(*c->lines));
	if (!c->lines)
		return false;
	ok = !c->secrets.authorization ||
	     add_line(c, &n, "Authorization", c->secrets.authorization);
	for (size_t i = 0; ok && i < c->nheaders; i++)
		ok = add_line(c, &n, c->headers[i].name, c->headers[i].value);
	for (char **value = c->secrets.header_values; ok && value && *value; value++)
		ok = add_line(c, &n, NULL, *value);
	return ok;
}

bool credentials_read(struct config_credentials *c, const char *beside,
                      const struct positions *positions, struct problems *problems)
{
	struct err err;

	if (!destination_read_secrets(&c->secrets, "credentials", beside, positions, problems))
		return false;
	if (c->secrets.nnetworks > 0) {
		c->secrets.allowed = networks_new(c->secrets.networks, c->secrets.nnetworks, &err);
		if (!c->secrets.allowed)
			goto no_memory;
	}
	if (make_lines(c))
		return true;
no_memory:
	problems_add(problems, beside, 0, 0, "/credentials", "no memory for them");
	return false;
}

void credentials_forget(struct config_credentials *c)
{
	for (char **line = c->lines; line && *line; line++)
		destination_forget_text(line);
	free(c->lines);
	c->lines = NULL;
	networks_free(&c->secrets.allowed);
	destination_forget(&c->secrets);
}

/* --- to whom --- */

/* `entry` with a port fits that port alone. */
static bool entry_fits(const char *entry, const char *host, const char *port)
{
	const char *bracket = strrchr(entry, ']');
	const char *colon = strrchr(bracket ? bracket : entry, ':');
	struct str name = {.p = entry, .n = colon ? (size_t)(colon - entry) : strlen(entry)};
	size_t n = strlen(host);

	if (colon && strcmp(colon + 1, port) != 0)
		return false;
	if (str_starts_with(name, STR("*."))) {
		name = str_slice(name, 1, name.n); /* ".example" */
		return n > name.n && strncasecmp(host + n - name.n, name.p, name.n) == 0;
	}
	return n == name.n && strncasecmp(host, name.p, n) == 0;
}

static bool host_fits(const struct config_credentials *c, const char *host, const char *port)
{
	for (size_t i = 0; i < c->nhosts; i++) {
		if (entry_fits(c->hosts[i], host, port))
			return true;
	}
	return false;
}

/* That an address over plain http gives away; keys of certificates never leave. */
static bool has_secrets(const struct config_credentials *c)
{
	return c->secrets.authorization || c->secrets.nheader_files > 0;
}

bool credentials_fit(const struct config_credentials *c, const char *url, struct err *err)
{
	CURLU *parsed = curl_url();
	char *host = NULL, *port = NULL;
	bool ok = false;

	if (!parsed || curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
		(void)err_set(err, ERR_INVALID, "the URL cannot be used");
	else if (!host_fits(c, host, port))
		(void)err_set(err, ERR_DENIED,
		              "credentials %s may not be sent to %.200s:%s (their hosts in "
		              "headgate.yaml)",
		              c->secrets.name, host, port);
	else if (!c->allow_http && has_secrets(c) && destination_address_is_plain(url))
		(void)err_set(err, ERR_DENIED,
		              "credentials %s may not be sent to %.200s without TLS (their "
		              "allow_http in headgate.yaml)",
		              c->secrets.name, host);
	else
		ok = true;
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parsed);
	return ok;
}
