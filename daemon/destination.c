/*
 * destination - mistakes are found at start: a certificate that does not fit its key must not be
 * discovered by a rollback.
 */
#include "destination.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* --- the files --- */

void destination_complain(struct destination_reader *r, const char *key, const char *text)
{
	const struct position *at;
	char pointer[512];

	snprintf(pointer, sizeof(pointer), "/%s/%s/%s", r->section, r->to->name, key);
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
	if (!destination_is_printable(password)) {
		destination_complain(r, key, "must hold one line, without control characters");
	} else if (r->to->smtp) {
		r->to->password = password;
		return;
	} else {
		r->to->authorization = basic(r->to->basic_user, password);
		if (!r->to->authorization)
			destination_complain(r, key, "no memory for it");
	}
	destination_forget_text(&password);
}

static void read_address(struct destination_reader *r)
{
	struct config_destination *to = r->to;

	if (to->url) {
		to->address = text_dup(to->url);
		if (!to->address)
			destination_complain(r, "url", "no memory for it");
	}
	if (!to->url_file)
		return;
	to->address = destination_read_text(r, "url_file", to->url_file, 1);
	if (to->address && !destination_is_whole_address(to->address))
		destination_complain(
		        r, "url_file",
		        "must hold one address that begins with https://, without user name, "
		        "password and fragment"); /* and is not shown: it is the secret */
}

/* One text for each file, under its name; NULL at the end. */
static char **read_values(struct destination_reader *r, const char *key,
                          const struct config_variable *files, size_t n)
{
	char **values = calloc(n + 1, sizeof(*values));
	char at[320];

	if (!values) {
		destination_complain(r, key, "no memory for them");
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		snprintf(at, sizeof(at), "%s/%s", key, files[i].name);
		values[i] = destination_read_text(r, at, files[i].value, 1);
		if (!values[i])
			break;
		if (!destination_is_printable(values[i]))
			destination_complain(r, at,
			                     "must hold one line, without control characters");
	}
	return values;
}

/* The values become whole headers. */
static void read_headers(struct destination_reader *r)
{
	struct config_destination *to = r->to;

	if (to->nheader_files == 0)
		return;
	to->header_values = read_values(r, "header_files", to->header_files, to->nheader_files);
	for (char **value = to->header_values; value && *value; value++) {
		const char *name = to->header_files[value - to->header_values].name;
		char *line = NULL;
		int n = asprintf(&line, "%s: %s", name, *value);

		destination_forget_text(value);
		if (n < 0) {
			destination_complain(r, "header_files", "no memory for them");
			return;
		}
		*value = line;
	}
}

static void read_body_values(struct destination_reader *r)
{
	if (r->to->nbody_files > 0)
		r->to->body_values =
		        read_values(r, "body_files", r->to->body_files, r->to->nbody_files);
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

/* All but what depends on the kind. */
static void read_identity(struct destination_reader *r)
{
	struct config_destination *to = r->to;

	read_headers(r);
	read_bearer(r);
	read_basic(r);
	to->tls.ca = read_certificates(r, "ca_file", to->ca_file);
	to->tls.client_cert = read_certificates(r, "client_cert_file", to->client_cert_file);
	read_client_key(r);
}

bool destination_read_secrets(struct config_destination *destination, const char *section,
                              const char *beside, const struct positions *positions,
                              struct problems *problems)
{
	struct destination_reader r = {.to = destination,
	                               .section = section,
	                               .beside = beside,
	                               .positions = positions,
	                               .problems = problems,
	                               .ok = true};

	destination->kind = DESTINATION_KIND_COUNT;
	read_identity(&r);
	return r.ok;
}

bool destination_read(struct config_destination *destination, const char *state_dir,
                      const char *beside, const struct positions *positions,
                      struct problems *problems)
{
	struct destination_reader r = {.to = destination,
	                               .section = "destinations",
	                               .state_dir = state_dir,
	                               .beside = beside,
	                               .positions = positions,
	                               .problems = problems,
	                               .ok = true};

	destination->kind = destination_kind_of(destination);
	if (destination->program) {
		destination_command_read(&r);
		return r.ok;
	}
	read_address(&r);
	read_secrets(&r);
	read_body_values(&r);
	read_identity(&r);
	return r.ok;
}

static void forget_all(char ***values)
{
	for (char **value = *values; value && *value; value++)
		destination_forget_text(value);
	free(*values);
	*values = NULL;
}

void destination_forget(struct config_destination *destination)
{
	destination_command_forget(destination);
	destination_forget_text(&destination->address);
	destination_forget_text(&destination->password);
	forget_all(&destination->header_values);
	forget_all(&destination->body_values);
	for (size_t i = 0; i < DESTINATION_SECRETS_MAX; i++)
		destination_forget_text(&destination->secrets[i]);
	destination_forget_text(&destination->authorization);
	destination_forget_text(&destination->tls.client_key);
	destination_forget_text(&destination->tls.client_cert);
	destination_forget_text(&destination->tls.ca);
}
