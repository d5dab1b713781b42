/*
 * destination - mistakes are found at start: a certificate that does not fit its key must not be
 * discovered by a rollback.
 */
#include "destination.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "base/field.h"
#include "base/str.h"
#include "config.h"
#include "destination_internal.h"
#include "secret_file.h"

#define SECRET_BYTES_MAX ((size_t)4096)
#define SECRET_BYTES_MIN 16
#define PEM_BYTES_MAX ((size_t)1 << 20)
#define PATH_BYTES_MAX 4096
#define REQUEST_MS_MAX INT64_C(300000)

/* --- the keys --- */

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

static bool check_parts(CURLU *url, struct decode *d)
{
	if (!part_is(url, CURLUPART_SCHEME, "http") && !part_is(url, CURLUPART_SCHEME, "https"))
		return decode_problem(d, "must begin with http:// or https://");
	if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
		return decode_problem(d, "may not hold a user name or password; use basic_user and "
		                         "basic_password_file, or bearer_file");
	if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
		return decode_problem(d,
		                      "may not have a query or fragment: paths are appended to it");
	return true;
}

bool destination_check_url(const char *key, const char *text, struct decode *d)
{
	size_t mark = decode_push(d, key);
	CURLU *url = curl_url();
	bool ok;

	if (!url)
		ok = decode_problem(d, "no memory to read it");
	else if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
		ok = decode_problem(d, "is not a URL; write it like https://deployer.example:8443");
	else
		ok = check_parts(url, d);
	curl_url_cleanup(url);
	decode_pop(d, mark);
	return ok;
}

bool destination_problem(struct decode *d, const char *key, const char *text)
{
	size_t mark = decode_push(d, key);

	decode_problem(d, "%s", text);
	decode_pop(d, mark);
	return false;
}

static bool check_pair(const char *a_key, const char *a, const char *b_key, const char *b,
                       struct decode *d)
{
	char text[96];

	if (!a == !b)
		return true;
	snprintf(text, sizeof(text), "needs %s beside it", a ? b_key : a_key);
	return destination_problem(d, a ? a_key : b_key, text);
}

static bool is_printable(const char *text)
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
	if (to->basic_user && (strchr(to->basic_user, ':') || !is_printable(to->basic_user)))
		ok = destination_problem(d, "basic_user",
		                         "may not hold a colon or control characters");
	return ok;
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
		if (files[i].path && strncasecmp(to->url, "https:", 6) != 0)
			ok = destination_problem(d, files[i].key,
			                         "needs an address that begins with https://");
	}
	return ok;
}

/* Which keys belong to which kind. */
static bool check_alien_keys(const struct config_destination *to, struct decode *d)
{
	const struct {
		const char *key;
		bool is_given, is_of_command;
	} keys[] = {
	        {"url", to->url != NULL, false},
	        {"secret_file", to->nsecret_files > 0, false},
	        {"bearer_file", to->bearer_file != NULL, false},
	        {"basic_user", to->basic_user != NULL, false},
	        {"basic_password_file", to->basic_password_file != NULL, false},
	        {"ca_file", to->ca_file != NULL, false},
	        {"client_cert_file", to->client_cert_file != NULL, false},
	        {"client_key_file", to->client_key_file != NULL, false},
	        {"networks", to->nnetworks > 0, false},
	        {"arguments", to->narguments > 0, true},
	        {"directory", to->directory != NULL, true},
	        {"environment", to->nenvironment > 0, true},
	        {"environment_files", to->nenvironment_files > 0, true},
	        {"kill_after", to->kill_after_ms > 0, true},
	        {"exit", to->exit.nretry + to->exit.nrefused > 0, true},
	        {"concurrency", to->concurrency > 0, true},
	};
	bool ok = true;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (keys[i].is_given && keys[i].is_of_command != (to->program != NULL))
			ok = destination_problem(d, keys[i].key,
			                         keys[i].is_of_command
			                                 ? "belongs to a destination with a program"
			                                 : "may not stand beside a program");
	}
	return ok;
}

bool destination_check(const struct config_destination *destination, struct decode *d)
{
	bool ok = check_alien_keys(destination, d);

	if (destination->program)
		return destination_command_check(destination, d) && ok;
	if (!destination->url)
		return decode_problem(d,
		                      "needs a url (requests go there) or a program (it is run)");
	if (destination->timeout_ms > REQUEST_MS_MAX)
		ok = destination_problem(d, "timeout", "is at most 5m for a request");
	ok = destination_check_url("url", destination->url, d) && ok;

	ok = check_credentials(destination, d) && ok;
	return check_tls(destination, d) && ok;
}

static bool host_is_here(const char *host)
{
	struct in_addr in;

	return strcmp(host, "[::1]") == 0 || strcasecmp(host, "localhost") == 0 ||
	       str_ends_with(str_of(host), STR(".localhost")) ||
	       (inet_pton(AF_INET, host, &in) == 1 && ntohl(in.s_addr) >> 24 == 127);
}

bool destination_is_exposed(const struct config_destination *destination)
{
	CURLU *url = curl_url();
	char *host = NULL;
	bool exposed;

	exposed = url && destination->url &&
	          curl_url_set(url, CURLUPART_URL, destination->url, 0) == CURLUE_OK &&
	          part_is(url, CURLUPART_SCHEME, "http") &&
	          curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && !host_is_here(host);
	curl_free(host);
	curl_url_cleanup(url);
	return exposed;
}

/* --- the files --- */

void destination_complain(struct destination_reader *r, const char *key, const char *text)
{
	const struct position *at;
	char pointer[192];

	snprintf(pointer, sizeof(pointer), "/destinations/%s/%s", r->to->name, key);
	at = positions_find(r->positions, pointer);
	problems_add(r->problems, at ? at->file : NULL, at ? at->line : 0, at ? at->column : 0,
	             pointer, "%s", text);
	r->ok = false;
}

static const char *resolve(const struct destination_reader *r, const char *name,
                           char out[PATH_BYTES_MAX])
{
	const char *credentials =
	        getenv("CREDENTIALS_DIRECTORY"); /* NOLINT(concurrency-mt-unsafe) */
	const char *slash = strrchr(r->beside, '/');
	int n;

	if (name[0] == '/')
		return name;
	if (credentials && credentials[0] == '/') {
		n = snprintf(out, PATH_BYTES_MAX, "%s/%s", credentials, name);
		if (n > 0 && n < PATH_BYTES_MAX && access(out, F_OK) == 0)
			return out;
	}
	n = snprintf(out, PATH_BYTES_MAX, "%.*s%s", slash ? (int)(slash - r->beside + 1) : 0,
	             r->beside, name);
	return n < 0 || n >= PATH_BYTES_MAX ? name : out;
}

void destination_forget_text(char **secret)
{
	if (*secret)
		OPENSSL_cleanse(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}

/* Text without the line break at its end, which editors add and nobody means; NULL after
 * complaining. */
char *destination_read_text(struct destination_reader *r, const char *key, const char *name,
                            size_t least)
{
	char path[PATH_BYTES_MAX];
	char said[PATH_BYTES_MAX + 64];
	char *text = NULL;
	struct err err;
	size_t n = 0;

	if (!secret_file_read(resolve(r, name, path), SECRET_BYTES_MAX, &text, &n, &err)) {
		destination_complain(r, key, err.text);
		return NULL;
	}
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		text[--n] = '\0';
	if (n >= least && strlen(text) == n)
		return text;
	snprintf(said, sizeof(said), "%s must hold at least %zu byte%s of text", name, least,
	         least == 1 ? "" : "s");
	destination_complain(r, key, said);
	OPENSSL_cleanse(text, n);
	free(text);
	return NULL;
}

static void read_secrets(struct destination_reader *r)
{
	struct config_destination *to = r->to;
	size_t n = 0;

	for (size_t i = 0; i < to->nsecret_files; i++) {
		char key[48] = "secret_file";
		char *secret;

		if (to->nsecret_files > 1)
			snprintf(key, sizeof(key), "secret_file/%zu", i);
		secret = destination_read_text(r, key, to->secret_files[i], SECRET_BYTES_MIN);
		if (secret)
			to->secrets[n++] = secret;
	}
}

static void read_bearer(struct destination_reader *r)
{
	char *token;
	int n;

	if (!r->to->bearer_file)
		return;
	token = destination_read_text(r, "bearer_file", r->to->bearer_file, 1);
	if (!token)
		return;
	for (const char *c = token; *c != '\0'; c++) {
		if (*c > 0x20 && *c < 0x7f)
			continue;
		destination_complain(r, "bearer_file",
		                     "must hold one token of visible ASCII, without spaces");
		destination_forget_text(&token);
		return;
	}
	n = asprintf(&r->to->authorization, "Bearer %s", token);
	destination_forget_text(&token);
	if (n >= 0)
		return;
	r->to->authorization = NULL;
	destination_complain(r, "bearer_file", "no memory for it");
}

/* RFC 7617, in UTF-8. */
static char *basic(const char *user, const char *password)
{
	static const char scheme[] = "Basic ";
	size_t nscheme = sizeof(scheme) - 1;
	char *pair = NULL;
	char *out = NULL;
	int n = asprintf(&pair, "%s:%s", user, password);

	if (n < 0)
		return NULL;
	out = malloc(nscheme + ((size_t)n + 2) / 3 * 4 + 1);
	if (out) {
		memcpy(out, scheme, nscheme);
		EVP_EncodeBlock((unsigned char *)out + nscheme, (const unsigned char *)pair, n);
	}
	destination_forget_text(&pair);
	return out;
}

static void read_basic(struct destination_reader *r)
{
	static const char key[] = "basic_password_file";
	char *password;

	if (!r->to->basic_password_file)
		return;
	password = destination_read_text(r, key, r->to->basic_password_file, 1);
	if (!password)
		return;
	if (!is_printable(password)) {
		destination_complain(r, key, "must hold one line, without control characters");
	} else {
		r->to->authorization = basic(r->to->basic_user, password);
		if (!r->to->authorization)
			destination_complain(r, key, "no memory for it");
	}
	destination_forget_text(&password);
}

/* --- certificates --- */

/* Keys with a passphrase: nobody is there to type it. */
static int refuse_passphrase(char *out, int size, int writing, void *ctx)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)ctx;
	return -1;
}

static BIO *open_pem(const char *pem)
{
	return BIO_new_mem_buf(pem, (int)strlen(pem));
}

/* How many certificates it holds; 0 when one of them is damaged. */
static size_t count_certificates(const char *pem)
{
	BIO *bio = open_pem(pem);
	bool whole;
	size_t n = 0;
	X509 *one;

	while (bio && (one = PEM_read_bio_X509(bio, NULL, refuse_passphrase, NULL)) != NULL) {
		X509_free(one);
		n++;
	}
	whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	ERR_clear_error(); /* curl looks at the same queue */
	BIO_free(bio);
	return whole ? n : 0;
}

static EVP_PKEY *parse_key(const char *pem)
{
	BIO *bio = open_pem(pem);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, NULL) : NULL;

	ERR_clear_error();
	BIO_free(bio);
	return key;
}

static bool key_fits(EVP_PKEY *key, const char *certificates)
{
	BIO *bio = open_pem(certificates);
	X509 *own = bio ? PEM_read_bio_X509(bio, NULL, refuse_passphrase, NULL) : NULL;
	bool fits = own && X509_check_private_key(own, key) == 1;

	ERR_clear_error();
	X509_free(own);
	BIO_free(bio);
	return fits;
}

static char *read_certificates(struct destination_reader *r, const char *key, const char *name)
{
	char path[PATH_BYTES_MAX];
	char *pem = NULL;
	struct err err;
	size_t n = 0;

	if (!name)
		return NULL;
	if (!secret_file_read_public(resolve(r, name, path), PEM_BYTES_MAX, &pem, &n, &err)) {
		destination_complain(r, key, err.text);
		return NULL;
	}
	if (strlen(pem) == n && count_certificates(pem) > 0)
		return pem;
	destination_complain(r, key, "must hold whole certificates in PEM (BEGIN CERTIFICATE)");
	free(pem);
	return NULL;
}

static void read_client_key(struct destination_reader *r)
{
	static const char name[] = "client_key_file";
	struct fetch_tls *tls = &r->to->tls;
	char path[PATH_BYTES_MAX];
	struct err err;
	EVP_PKEY *key;
	size_t n = 0;

	if (!r->to->client_key_file)
		return;
	if (!secret_file_read(resolve(r, r->to->client_key_file, path), PEM_BYTES_MAX,
	                      &tls->client_key, &n, &err)) {
		destination_complain(r, name, err.text);
		return;
	}
	key = parse_key(tls->client_key);
	if (!key)
		destination_complain(r, name, "must hold a private key in PEM, without passphrase");
	else if (tls->client_cert && !key_fits(key, tls->client_cert))
		destination_complain(
		        r, name, "does not belong to the first certificate of client_cert_file");
	EVP_PKEY_free(key);
}

bool destination_read(struct config_destination *destination, const char *state_dir,
                      const char *beside, const struct positions *positions,
                      struct problems *problems)
{
	struct destination_reader r = {.to = destination,
	                               .state_dir = state_dir,
	                               .beside = beside,
	                               .positions = positions,
	                               .problems = problems,
	                               .ok = true};

	if (destination->program) {
		destination->kind = DESTINATION_COMMAND;
		destination_command_read(&r);
		return r.ok;
	}
	read_secrets(&r);
	read_bearer(&r);
	read_basic(&r);
	destination->tls.ca = read_certificates(&r, "ca_file", destination->ca_file);
	destination->tls.client_cert =
	        read_certificates(&r, "client_cert_file", destination->client_cert_file);
	read_client_key(&r);
	return r.ok;
}

void destination_forget(struct config_destination *destination)
{
	destination_command_forget(destination);
	for (size_t i = 0; i < DESTINATION_SECRETS_MAX; i++)
		destination_forget_text(&destination->secrets[i]);
	destination_forget_text(&destination->authorization);
	destination_forget_text(&destination->tls.client_key);
	destination_forget_text(&destination->tls.client_cert);
	destination_forget_text(&destination->tls.ca);
}
