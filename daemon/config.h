/*
 * config - headgate.yaml, read once at start with the same decoder as policies. Every key is
 * documented in config/headgate.yaml, which `make check` holds against this table.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/field.h"
#include "base/problem.h"
#include "loop/fetch.h"
#include "notify/notify.h"

struct networks;

#define DESTINATION_SECRETS_MAX 3

#define ALERTMANAGERS_MAX 8
#define HEADER_FILES_MAX 16

/* By the key that names where it is: url or url_file, program, alertmanager, smtp. */
enum destination_kind {
	DESTINATION_WEBHOOK = 0,
	DESTINATION_COMMAND,
	DESTINATION_ALERTMANAGER,
	DESTINATION_MAIL,
	DESTINATION_KIND_COUNT
};

/* environment: {NAME: text}; environment_files, header_files, body_files: {NAME: file} */
struct config_variable {
	char *name;
	char *value;
};
struct config_exit { /* decimal, without leading zeros; 0 is done, what is in neither: again */
	char **retry;
	size_t nretry;
	char **refused;
	size_t nrefused;
};

struct config_destination {
	char *name;
	enum destination_kind kind;
	char *url;            /* base address; an action's path is appended */
	char *url_file;       /* or the file with the whole address, which is a secret */
	char **alertmanagers; /* base addresses of the members of one cluster */
	size_t nalertmanagers;
	char *smtp;          /* smtp://host:port or smtps://host:port */
	char *from, *helo;   /* of mail */
	char *tls_mode;      /* of mail: starttls, none; NULL: starttls */
	char **secret_files; /* HMAC secrets, a signature for each; none: unsigned */
	size_t nsecret_files;
	char *bearer_file;
	char *basic_user, *basic_password_file;
	struct config_variable *header_files, *body_files;
	size_t nheader_files, nbody_files;
	char *ca_file; /* NULL: the system's authorities */
	char *client_cert_file, *client_key_file;
	char **networks; /* allowed CIDRs; empty: all but link-local */
	size_t nnetworks;
	int64_t timeout_ms; /* default 15 s */

	/* Of a command. */
	char *program;    /* absolute */
	char **arguments; /* always first */
	size_t narguments;
	char *directory; /* filled with state_dir when left out */
	struct config_variable *environment, *environment_files;
	size_t nenvironment, nenvironment_files;
	int64_t kill_after_ms; /* from TERM to KILL */
	struct config_exit exit;
	int64_t concurrency; /* at the same time, rollbacks apart; 0: not limited here */

	/* Read at start by destination_read(); never logged. */
	char *secrets[DESTINATION_SECRETS_MAX + 1]; /* NULL at the end */
	char *authorization;                        /* value of that header; NULL: none */
	char *password;                             /* of mail, for basic_user; NULL: none */
	char *address;        /* of a webhook: url, or what stands in url_file */
	char **header_values; /* "Name: value" of header_files; NULL at the end */
	char **body_values;   /* of body_files, in their order */
	struct fetch_tls tls;
	struct networks *allowed;
	char **secret_values; /* of environment_files, in their order; NULL: none */
};
/* credentials: {NAME: {...}}: what sources may show, and to whom. */
struct config_credentials {
	struct config_destination secrets; /* its name, its files and what was read of them */
	char **hosts;                      /* host, host:port or *.domain; at least one */
	size_t nhosts;
	struct config_variable *headers; /* further ones that are no secret */
	size_t nheaders;
	bool allow_http; /* to other machines too */

	/* Made at start: the headers of a request, NULL at the end; borrowed from all of the above.
	 */
	char **lines;
};
struct config_role { /* roles: {release_manager: [operate, approve, waive]} */
	char *name;
	char **permissions; /* view, submit, operate, approve, waive, emergency, audit, admin */
	size_t npermissions;
};
struct config_release_type { /* release_types: {minor: erp-minor} */
	char *name;
	char *policy;
};
struct config_limits {
	int64_t connections, connections_per_address;
	int64_t request_timeout_ms;
	int64_t writes_per_second,
	        writes_burst; /* per subject; rollback and pause have their own */
	int64_t targets;
	int64_t page_bytes, page_samples;
	int64_t series_per_target;
};
struct config {
	char *listen;     /* "127.0.0.1:8080"; IPv6 in brackets */
	char *socket;     /* UNIX socket path; NULL: none */
	char *public_url; /* where receivers reach the API; NULL: not said to them */
	char *database;   /* libpq keywords or URI */
	char *tokens_file;
	char *policies_dir;
	char *targets_dir; /* where file_sd looks */
	char *state_dir;
	char *log_level;           /* error, warn, info, debug */
	bool allow_anonymous_view; /* default false: GET without a token */
	struct config_destination *destinations;
	size_t ndestinations;
	struct config_credentials *credentials;
	size_t ncredentials;
	struct config_role *roles;
	size_t nroles;
	struct config_release_type *release_types;
	size_t nrelease_types;
	char **networks; /* where scrapes and probes may go; empty: all but link-local */
	size_t nnetworks;
	struct config_limits limits;
	struct notify_config notify;
	struct networks *allowed; /* of `networks` */
};
extern const struct field_table config_table;

/* Reads and checks the file; secrets are read too. NULL after adding problems. */
struct config *config_load(const char *path, struct problems *problems);
void config_free(struct config **c);
const struct config_destination *config_destination(const struct config *c, const char *name);
const struct config_credentials *config_credentials(const struct config *c, const char *name);
/* The policy of that type; NULL: there is no such type. */
const char *config_release_type(const struct config *c, const char *name);

#endif
