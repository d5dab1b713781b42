/*
 * destination_keys - which keys of a destination fit together. What stands in files is read by
 * destination.c, once this is right.
 */
#include "destination_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <curl/curl.h>

#include "action/mail.h"
#include "action/webhook.h"
#include "base/field.h"
#include "base/str.h"
#include "config.h"

#define REQUEST_MS_MAX INT64_C(300000)

/* --- addresses --- */

static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool there = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return there;
}

static bool part_is(CURLU *url, CURLUPart part, const char *wanted)
{
	char *text = NULL;
	bool is;

	if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
		return false;
	is = strcmp(text, wanted) == 0;
	curl_free(text);
	return is;
}

bool destination_problem(struct decode *d, const char *key, const char *text)
{
	size_t mark = decode_push(d, key);

	decode_problem(d, "%s", text);
	decode_pop(d, mark);
	return false;
}

static bool has_login(CURLU *url)
{
	return has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD);
}

static bool check_http(CURLU *url, struct decode *d)
{
	if (!part_is(url, CURLUPART_SCHEME, "http") && !part_is(url, CURLUPART_SCHEME, "https"))
		return decode_problem(d, "must begin with http:// or https://");
	if (has_login(url))
		return decode_problem(d, "may not hold a user name or password; use basic_user and "
		                         "basic_password_file, or bearer_file");
	if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
		return decode_problem(d,
		                      "may not have a query or fragment: paths are appended to it");
	return true;
}

static bool check_smtp(CURLU *url, struct decode *d)
{
	if (!part_is(url, CURLUPART_SCHEME, "smtp") && !part_is(url, CURLUPART_SCHEME, "smtps"))
		return decode_problem(d, "must begin with smtp:// or smtps://");
	if (has_login(url))
		return decode_problem(d, "may not hold a user name or password; use basic_user and "
		                         "basic_password_file");
	if (!part_is(url, CURLUPART_PATH, "/") || has_part(url, CURLUPART_QUERY) ||
	    has_part(url, CURLUPART_FRAGMENT))
		return decode_problem(d, "may hold a host and a port only");
	return true;
}

static bool check_address(const char *text, bool (*check)(CURLU *, struct decode *),
                          const char *example, struct decode *d)
{
	CURLU *url = curl_url();
	bool ok;

	if (!url)
		ok = decode_problem(d, "no memory to read it");
	else if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
		ok = decode_problem(d, "is not a URL; write it like %s", example);
	else
		ok = check(url, d);
	curl_url_cleanup(url);
	return ok;
}

bool destination_check_url(const char *key, const char *text, struct decode *d)
{
	size_t mark = decode_push(d, key);
	bool ok = check_address(text, check_http, "https://deployer.example:8443", d);

	decode_pop(d, mark);
	return ok;
}

static bool check_members(const struct config_destination *to, struct decode *d)
{
	size_t mark = decode_push(d, "alertmanager");
	bool ok = true;

	for (size_t i = 0; i < to->nalertmanagers; i++) {
		size_t index = to->nalertmanagers > 1 ? decode_push_index(d, i) : 0;

		ok = check_address(to->alertmanagers[i], check_http,
		                   "http://alertmanager.example:9093", d) &&
		     ok;
		if (to->nalertmanagers > 1)
			decode_pop(d, index);
	}
	decode_pop(d, mark);
	return ok;
}

static bool host_is_here(const char *host)
{
	struct in_addr in;

	return strcmp(host, "[::1]") == 0 || strcasecmp(host, "localhost") == 0 ||
	       str_ends_with(str_of(host), STR(".localhost")) ||
	       (inet_pton(AF_INET, host, &in) == 1 && ntohl(in.s_addr) >> 24 == 127);
}

/* Another machine, without TLS from the first byte. */
static bool is_plain(const char *address)
{
	CURLU *url = curl_url();
	char *host = NULL;
	bool plain;

	plain = url && curl_url_set(url, CURLUPART_URL, address, 0) == CURLUE_OK &&
	        !part_is(url, CURLUPART_SCHEME, "https") &&
	        !part_is(url, CURLUPART_SCHEME, "smtps") &&
	        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && !host_is_here(host);
	curl_free(host);
	curl_url_cleanup(url);
	return plain;
}

static bool begins(const char *address, const char *scheme)
{
	return strncasecmp(address, scheme, strlen(scheme)) == 0;
}

bool destination_mail_is_clear(const struct config_destination *to)
{
	return to->tls_mode != NULL && strcmp(to->tls_mode, "none") == 0;
}

bool destination_is_exposed(const struct config_destination *to)
{
	if (to->smtp != NULL)
		return destination_mail_is_clear(to) && is_plain(to->smtp);
	for (size_t i = 0; i < to->nalertmanagers; i++) {
		if (is_plain(to->alertmanagers[i]))
			return true;
	}
	return to->url != NULL && is_plain(to->url);
}

bool destination_is_whole_address(const char *text)
{
	CURLU *url = curl_url();
	bool fits;

	fits = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK && !has_login(url) &&
	       !has_part(url, CURLUPART_FRAGMENT) && !is_plain(text) &&
	       (part_is(url, CURLUPART_SCHEME, "https") || part_is(url, CURLUPART_SCHEME, "http"));
	curl_url_cleanup(url);
	return fits;
}

/* --- which keys fit which kind --- */

enum { WEBHOOK = 1, ALERTS = 2, MAIL = 4, COMMAND = 8 };

/* clang-format off */
#define MEMBER(member) offsetof(struct config_destination, member)
/* What makes a destination one of a kind; a pointer, NULL when absent. */
static const struct {
	const char *key;
	size_t offset;
	enum destination_kind kind;
	unsigned bit;
} kind_keys[] = {
	{ "program",      MEMBER(program),       DESTINATION_COMMAND,      COMMAND },
	{ "url",          MEMBER(url),           DESTINATION_WEBHOOK,      WEBHOOK },
	{ "url_file",     MEMBER(url_file),      DESTINATION_WEBHOOK,      WEBHOOK },
	{ "alertmanager", MEMBER(alertmanagers), DESTINATION_ALERTMANAGER, ALERTS },
	{ "smtp",         MEMBER(smtp),          DESTINATION_MAIL,         MAIL },
};
/* clang-format on */

static bool is_set(const struct config_destination *to, size_t offset)
{
	const void *member;

	memcpy(&member, (const char *)to + offset, sizeof(member));
	return member != NULL;
}

enum destination_kind destination_kind_of(const struct config_destination *to)
{
	for (size_t i = 0; i < ARRAY_LEN(kind_keys); i++) {
		if (is_set(to, kind_keys[i].offset))
			return kind_keys[i].kind;
	}
	return DESTINATION_KIND_COUNT;
}

/* Exactly one address; 0 after complaining. */
static unsigned check_kind(const struct config_destination *to, struct decode *d)
{
	const char *first = NULL;
	unsigned bit = 0;
	char text[96];

	for (size_t i = 0; i < ARRAY_LEN(kind_keys); i++) {
		if (!is_set(to, kind_keys[i].offset))
			continue;
		if (first != NULL) {
			snprintf(text, sizeof(text),
			         "may not stand beside %s: a destination is one place",
			         bit == COMMAND ? "a program" : first);
			destination_problem(d, kind_keys[i].key, text);
			return 0;
		}
		first = kind_keys[i].key;
		bit = kind_keys[i].bit;
	}
	if (first == NULL)
		decode_problem(d, "says not where it is: needs url, url_file, program, "
		                  "alertmanager or smtp");
	return bit;
}

/* The keys that not every kind has. */
static bool check_fit(const struct config_destination *to, unsigned bit, struct decode *d)
{
	const struct {
		const char *key;
		bool is_given;
		unsigned kinds;
	} keys[] = {
	        {"secret_file", to->nsecret_files > 0, WEBHOOK},
	        {"header_files", to->nheader_files > 0, WEBHOOK},
	        {"body_files", to->nbody_files > 0, WEBHOOK},
	        {"bearer_file", to->bearer_file != NULL, WEBHOOK | ALERTS},
	        {"basic_user", to->basic_user != NULL, WEBHOOK | ALERTS | MAIL},
	        {"basic_password_file", to->basic_password_file != NULL, WEBHOOK | ALERTS | MAIL},
	        {"ca_file", to->ca_file != NULL, WEBHOOK | ALERTS | MAIL},
	        {"client_cert_file", to->client_cert_file != NULL, WEBHOOK | ALERTS | MAIL},
	        {"client_key_file", to->client_key_file != NULL, WEBHOOK | ALERTS | MAIL},
	        {"networks", to->nnetworks > 0, WEBHOOK | ALERTS | MAIL},
	        {"from", to->from != NULL, MAIL},
	        {"helo", to->helo != NULL, MAIL},
	        {"tls", to->tls_mode != NULL, MAIL},
	        {"arguments", to->narguments > 0, COMMAND},
	        {"directory", to->directory != NULL, COMMAND},
	        {"environment", to->nenvironment > 0, COMMAND},
	        {"environment_files", to->nenvironment_files > 0, COMMAND},
	        {"kill_after", to->kill_after_ms > 0, COMMAND},
	        {"exit", to->exit.nretry + to->exit.nrefused > 0, COMMAND},
	        {"concurrency", to->concurrency > 0, COMMAND},
	};
	static const char *const needed[] = {
	        [WEBHOOK] = "belongs to a destination with url or url_file",
	        [WEBHOOK | ALERTS] = "belongs to a destination with url, url_file or alertmanager",
	        [MAIL] = "belongs to a destination with smtp",
	        [COMMAND] = "belongs to a destination with a program",
	};
	bool ok = true;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (keys[i].is_given && !(keys[i].kinds & bit))
			ok = destination_problem(d, keys[i].key,
			                         bit == COMMAND ? "may not stand beside a program"
			                                        : needed[keys[i].kinds]);
	}
	return ok;
}

/* --- credentials and TLS --- */

static bool check_pair(const char *a_key, const char *a, const char *b_key, const char *b,
                       struct decode *d)
{
	char text[96];

	if (!a == !b)
		return true;
	snprintf(text, sizeof(text), "needs %s beside it", a ? b_key : a_key);
	return destination_problem(d, a ? a_key : b_key, text);
}

bool destination_is_printable(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	}
	return true;
}

static bool check_credentials(const struct config_destination *to, struct decode *d)
{
	bool ok = check_pair("basic_user", to->basic_user, "basic_password_file",
	                     to->basic_password_file, d);

	if (to->bearer_file && (to->basic_user || to->basic_password_file))
		ok = destination_problem(d, "bearer_file",
		                         "may not stand beside basic_user: one request has "
		                         "one Authorization header");
	if (to->basic_user && ((!to->smtp && strchr(to->basic_user, ':')) ||
	                       !destination_is_printable(to->basic_user)))
		ok = destination_problem(d, "basic_user",
		                         "may not hold a colon or control characters");
	return ok;
}

static bool check_header_files(const struct config_destination *to, struct decode *d)
{
	size_t mark = decode_push(d, "header_files");
	bool ok = true;

	for (size_t i = 0; i < to->nheader_files; i++) {
		const char *name = to->header_files[i].name;

		if (!webhook_header_is_free(name))
			ok = destination_problem(d, name,
			                         "is no header name, or one that headgate sets");
		else if (strcasecmp(name, "Authorization") == 0 &&
		         (to->bearer_file || to->basic_user))
			ok = destination_problem(d, name,
			                         "may not stand beside bearer_file or basic_user");
	}
	decode_pop(d, mark);
	return ok;
}

/* Whether the address can carry certificates; of url_file it is known later. */
static bool speaks_tls(const struct config_destination *to)
{
	bool all = to->url == NULL || begins(to->url, "https:");

	for (size_t i = 0; i < to->nalertmanagers; i++)
		all = all && begins(to->alertmanagers[i], "https:");
	return all && (to->smtp == NULL || !destination_mail_is_clear(to));
}

static bool check_tls(const struct config_destination *to, struct decode *d)
{
	const struct {
		const char *key, *path;
	} files[] = {
	        {"ca_file", to->ca_file},
	        {"client_cert_file", to->client_cert_file},
	        {"client_key_file", to->client_key_file},
	};
	bool ok = check_pair("client_cert_file", to->client_cert_file, "client_key_file",
	                     to->client_key_file, d);

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (files[i].path && !speaks_tls(to))
			ok = destination_problem(
			        d, files[i].key,
			        to->smtp ? "has no use with tls: none"
			                 : "needs an address that begins with https://");
	}
	return ok;
}

/* --- mail --- */

static bool is_host_name(const char *text)
{
	return *text != '\0' && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU"
	                                          "VWXYZ0123456789.-_[]:")] == '\0';
}

static bool check_mail(const struct config_destination *to, struct decode *d)
{
	size_t mark = decode_push(d, "smtp");
	bool ok = check_address(to->smtp, check_smtp, "smtp://mail.example:587", d);
	const char *mode = to->tls_mode;

	decode_pop(d, mark);
	if (!to->from)
		ok = destination_problem(d, "smtp", "needs from beside it: who the mails are from");
	else if (!mail_is_address(to->from))
		ok = destination_problem(
		        d, "from", "must be one mail address in ASCII, like headgate@example.org");
	if (to->helo && !is_host_name(to->helo))
		ok = destination_problem(d, "helo", "must be a host name");
	if (mode && strcmp(mode, "starttls") != 0 && strcmp(mode, "none") != 0)
		ok = destination_problem(d, "tls", "must be starttls or none");
	else if (mode && begins(to->smtp, "smtps:"))
		ok = destination_problem(d, "tls", "has no use with smtps://, which is TLS always");
	else if (ok && destination_is_exposed(to) && to->basic_user)
		ok = destination_problem(
		        d, "basic_user",
		        "may not be sent to another machine without TLS (tls: none)");
	return ok;
}

bool destination_check_secrets(const struct config_destination *to, struct decode *d)
{
	bool ok = check_header_files(to, d);

	ok = check_credentials(to, d) && ok;
	return check_pair("client_cert_file", to->client_cert_file, "client_key_file",
	                  to->client_key_file, d) &&
	       ok;
}

bool destination_address_is_plain(const char *address)
{
	return is_plain(address);
}

bool destination_check(const struct config_destination *to, struct decode *d)
{
	unsigned bit = check_kind(to, d);
	bool ok;

	if (bit == 0)
		return false;
	ok = check_fit(to, bit, d);
	if (to->program)
		return destination_command_check(to, d) && ok;
	if (to->timeout_ms > REQUEST_MS_MAX)
		ok = destination_problem(d, "timeout", "is at most 5m for a request");
	if (to->url)
		ok = destination_check_url("url", to->url, d) && ok;
	ok = check_members(to, d) && ok;
	if (to->smtp)
		ok = check_mail(to, d) && ok;
	ok = check_header_files(to, d) && ok;
	ok = check_credentials(to, d) && ok;
	return check_tls(to, d) && ok;
}
