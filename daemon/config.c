/*
 * config - the tables of headgate.yaml, and what they cannot say: addresses and networks.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/listen.h"
#include "base/macros.h"
#include "credentials.h"
#include "destination.h"
#include "loop/networks.h"
#include "notify_config.h"
#include "policy/yaml.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define DEFAULT_LISTEN "127.0.0.1:8080"

static bool check_networks(char *const *cidrs, size_t n, struct decode *d)
{
	size_t mark = decode_push(d, "networks");
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		size_t index = decode_push_index(d, i);
		struct networks *made;
		struct err err;

		made = networks_new(&cidrs[i], 1, &err);
		if (!made)
			ok = decode_problem(d, "%s", err.text);
		networks_free(&made);
		decode_pop(d, index);
	}
	decode_pop(d, mark);
	return ok;
}

static bool check_destination(const void *decoded, struct decode *d)
{
	const struct config_destination *destination = decoded;
	bool ok = destination_check(destination, d);

	return check_networks(destination->networks, destination->nnetworks, d) && ok;
}

static bool check_credentials(const void *decoded, struct decode *d)
{
	const struct config_credentials *credentials = decoded;
	bool ok = credentials_check(credentials, d);

	return check_networks(credentials->secrets.networks, credentials->secrets.nnetworks, d) &&
	       ok;
}

/* {release_manager: [operate]} is short for {release_manager: {permissions: [operate]}}. */
static json_t *normalise_role(json_t *value, struct decode *d)
{
	(void)d;
	if (json_is_array(value) || json_is_string(value))
		return json_pack("{s:O}", "permissions", value);
	return json_incref(value);
}

/* {NAME: text} is short for {NAME: {value: text}}. */
static json_t *normalise_variable(json_t *value, struct decode *d)
{
	(void)d;
	return json_is_string(value) ? json_pack("{s:O}", "value", value) : json_incref(value);
}

/* {minor: erp-minor} is short for {minor: {policy: erp-minor}}. */
static json_t *normalise_release_type(json_t *value, struct decode *d)
{
	(void)d;
	return json_is_string(value) ? json_pack("{s:O}", "policy", value) : json_incref(value);
}

static bool check_role(const void *decoded, struct decode *d)
{
	const struct config_role *role = decoded;
	bool ok = true;

	for (size_t i = 0; i < role->npermissions; i++) {
		const char *text = role->permissions[i];
		const char *nearest = str_nearest(str_of(text), permission_names);
		char quote[STR_QUOTE_MAX];
		bool known = nearest && strcmp(nearest, text) == 0;

		if (known)
			continue;
		str_quote(str_of(text), quote);
		if (nearest)
			ok = decode_problem(d, "%s is not a permission, did you mean \"%s\"?",
			                    quote, nearest);
		else
			ok = decode_problem(d,
			                    "%s is not a permission; there are view, submit, "
			                    "operate, approve, waive, emergency, audit, admin",
			                    quote);
	}
	return ok;
}

static bool check_config(const void *decoded, struct decode *d)
{
	const struct config *config = decoded;
	struct listen_address address;
	struct err err;
	bool ok = true;

	if (config->listen && !listen_parse(config->listen, &address, &err)) {
		size_t mark = decode_push(d, "listen");

		ok = decode_problem(d, "%s", err.text);
		decode_pop(d, mark);
	}
	if (config->public_url && !destination_check_url("public_url", config->public_url, d))
		ok = false;
	if (config->limits.connections_per_address > config->limits.connections) {
		size_t mark = decode_push(d, "limits");

		ok = decode_problem(d, "connections_per_address is more than connections");
		decode_pop(d, mark);
	}
	return check_networks(config->networks, config->nnetworks, d) && ok;
}

static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};

static bool decode_level(json_t *value, void *member, struct decode *d)
{
	static const struct field level = {.kind = FIELD_ENUM, .names = log_levels};
	char **out = member;
	int index = 0;

	if (!field_decode_one(&level, value, &index, d))
		return false;
	*out = text_dup(log_levels[index]);
	return *out != NULL;
}

static json_t *encode_level(const void *member)
{
	const char *const *text = member;

	return *text ? json_string(*text) : NULL;
}

static bool copy_level(const void *from, void *to)
{
	const char *const *text = from;
	char **out = to;

	*out = text_dup(*text);
	return !*text || *out;
}

static void free_level(void *member)
{
	char **text = member;

	free(*text);
	*text = NULL;
}

static const struct field_custom level_custom = {decode_level, encode_level, copy_level,
                                                 free_level};

/* clang-format off */
static const struct field variable_fields[] = {
	{ .key = "value", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = offsetof(struct config_variable, value), .max = 16384,
	  .doc = "The text, or the file it stands in; `NAME: text` is short for `NAME: {value: text}`." },
};
static const struct field_table variable_table = {
	.noun = "variable", .fields = variable_fields, .n = ARRAY_LEN(variable_fields),
	.size = sizeof(struct config_variable), .normalise = normalise_variable,
};

static const struct field exit_fields[] = {
	{ .key = "retry", .kind = FIELD_TEXT_LIST, .offset = offsetof(struct config_exit, retry),
	  .count_offset = offsetof(struct config_exit, nretry), .max = 255, .fallback = "75",
	  .doc = "It may work later." },
	{ .key = "refused", .kind = FIELD_TEXT_LIST, .offset = offsetof(struct config_exit, refused),
	  .count_offset = offsetof(struct config_exit, nrefused), .max = 255, .fallback = "[\"64\", \"65\", \"77\", \"78\"]",
	  .doc = "It will never work: the release holds and calls people, or the next rollback option is used as well." },
};
static const struct field_table exit_table = {
	.noun = "exit", .fields = exit_fields, .n = ARRAY_LEN(exit_fields), .size = sizeof(struct config_exit),
};

#define DESTINATION(member) offsetof(struct config_destination, member)
static const struct field destination_fields[] = {
	{ .key = "url", .kind = FIELD_TEXT, .offset = DESTINATION(url), .min = 1, .max = 2048,
	  .doc = "Base address, http or https; the path of an action is appended. Every destination has exactly one of this, url_file, program, alertmanager and smtp." },
	{ .key = "url_file", .kind = FIELD_TEXT, .offset = DESTINATION(url_file), .min = 1, .max = 4095,
	  .doc = "Instead: a file with the whole address, when the address itself is the secret, as of incoming webhooks of chats. It begins with https:// and may have a query; sinks that go there have no path, and actions an empty one (path: ""). Never shown or logged." },
	{ .key = "alertmanager", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT, .offset = DESTINATION(alertmanagers),
	  .count_offset = DESTINATION(nalertmanagers), .max = ALERTMANAGERS_MAX,
	  .doc = "Instead: base address of an Alertmanager, http or https, or of all members of one cluster. Each is sent every alert, at /api/v2/alerts; one that takes it is enough." },
	{ .key = "smtp", .kind = FIELD_TEXT, .offset = DESTINATION(smtp), .min = 1, .max = 2048,
	  .doc = "Instead: the mail server, like smtp://mail.example:587, or smtps:// when it speaks TLS from the first byte." },
	{ .key = "from", .kind = FIELD_TEXT, .offset = DESTINATION(from), .min = 3, .max = 254,
	  .doc = "Sender of the mails, an address like headgate@example.org; needed with smtp." },
	{ .key = "helo", .kind = FIELD_TEXT, .offset = DESTINATION(helo), .min = 1, .max = 253,
	  .doc = "The name we greet the mail server with. Without it: that of this machine." },
	{ .key = "tls", .kind = FIELD_TEXT, .offset = DESTINATION(tls_mode), .min = 1, .max = 16,
	  .doc = "Of smtp:// addresses. starttls, as without it: a mail server that does not offer it gets nothing. none: mails and recipients can be read on the way; warned of unless the server is this machine." },
	{ .key = "secret_file", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT, .offset = DESTINATION(secret_files),
	  .count_offset = DESTINATION(nsecret_files), .min = 1, .max = DESTINATION_SECRETS_MAX,
	  .doc = "File with the secret that signs requests (HMAC-SHA256), or a list of up to three: requests then carry a signature of each, so that a receiver can change its secret. A relative path is looked for in systemd's credentials directory, then beside this file; so are all below. Without it requests are unsigned." },
	{ .key = "bearer_file", .kind = FIELD_TEXT, .offset = DESTINATION(bearer_file), .min = 1, .max = 4095,
	  .doc = "File with a token, sent as Authorization: Bearer." },
	{ .key = "basic_user", .kind = FIELD_TEXT, .offset = DESTINATION(basic_user), .min = 1, .max = 255,
	  .doc = "User name, sent with the password as Authorization: Basic, or to log in at a mail server, which it never does without TLS, except on this machine." },
	{ .key = "basic_password_file", .kind = FIELD_TEXT, .offset = DESTINATION(basic_password_file), .min = 1, .max = 4095,
	  .doc = "File with the password of basic_user." },
	{ .key = "header_files", .kind = FIELD_MAP, .offset = DESTINATION(header_files), .count_offset = DESTINATION(nheader_files),
	  .max = HEADER_FILES_MAX, .table = &variable_table,
	  .doc = "Headers whose value is a secret, like an API key: a file with it. An action's own header of that name is left out." },
	{ .key = "body_files", .kind = FIELD_MAP, .offset = DESTINATION(body_files), .count_offset = DESTINATION(nbody_files),
	  .max = 16, .table = &variable_table,
	  .doc = "Members whose value is a secret, like a routing key: a file with it. They are added to the body, a JSON object, when it is sent, and stand neither in the database nor in a log." },
	{ .key = "ca_file", .kind = FIELD_TEXT, .offset = DESTINATION(ca_file), .min = 1, .max = 4095,
	  .doc = "PEM file with the only authorities whose certificates count. Without it: those the system trusts." },
	{ .key = "client_cert_file", .kind = FIELD_TEXT, .offset = DESTINATION(client_cert_file), .min = 1, .max = 4095,
	  .doc = "PEM file with our own certificate and the chain above it, shown to a destination that asks (mTLS)." },
	{ .key = "client_key_file", .kind = FIELD_TEXT, .offset = DESTINATION(client_key_file), .min = 1, .max = 4095,
	  .doc = "PEM file with its private key, without passphrase." },
	{ .key = "networks", .kind = FIELD_TEXT_LIST, .offset = DESTINATION(networks), .count_offset = DESTINATION(nnetworks), .max = 64,
	  .doc = "Networks its address may lie in; empty: all but link-local and cloud metadata." },
	{ .key = "timeout", .kind = FIELD_DURATION, .offset = DESTINATION(timeout_ms), .min = 100, .max = 3600000, .fallback = "15s",
	  .doc = "Total time of one request, at most 5m, or of one run of a program." },
	{ .key = "program", .kind = FIELD_TEXT, .offset = DESTINATION(program), .min = 1, .max = 4095,
	  .doc = "Instead of a url: the absolute path of a program that is run with the arguments of an action. No shell is involved. Neither it nor its directory may be writable by others." },
	{ .key = "arguments", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT, .offset = DESTINATION(arguments),
	  .count_offset = DESTINATION(narguments), .max = 64,
	  .doc = "What the program is always given, before the arguments of an action." },
	{ .key = "directory", .kind = FIELD_TEXT, .offset = DESTINATION(directory), .min = 1, .max = 4095,
	  .doc = "Where the program runs, and its HOME. Without it: state_dir." },
	{ .key = "environment", .kind = FIELD_MAP, .offset = DESTINATION(environment), .count_offset = DESTINATION(nenvironment),
	  .max = 64, .table = &variable_table,
	  .doc = "Variables of the program's environment, beside PATH, LANG, HOME and HEADGATE_*. It inherits none." },
	{ .key = "environment_files", .kind = FIELD_MAP, .offset = DESTINATION(environment_files),
	  .count_offset = DESTINATION(nenvironment_files), .max = 16, .table = &variable_table,
	  .doc = "Variables whose value is a secret: a file with it. What the program prints of it is shown as ***." },
	{ .key = "kill_after", .kind = FIELD_DURATION, .flags = FIELD_OMIT_ABSENT, .offset = DESTINATION(kill_after_ms),
	  .min = 100, .max = 60000,
	  .doc = "Between SIGTERM at the time limit and SIGKILL, both to the whole process group. Without it: 5s." },
	{ .key = "exit", .kind = FIELD_STRUCT, .flags = FIELD_OMIT_ABSENT, .offset = DESTINATION(exit), .table = &exit_table,
	  .doc = "What the program's exit status means. 0 is done; what is not listed is tried again." },
	{ .key = "concurrency", .kind = FIELD_INT, .flags = FIELD_OMIT_ABSENT, .offset = DESTINATION(concurrency), .min = 1, .max = 64,
	  .doc = "Runs of the program at the same time; rollbacks have at least eight places of their own. Without it: 4." },
};
static const struct field_table destination_table = {
	.noun = "destination", .fields = destination_fields, .n = ARRAY_LEN(destination_fields),
	.size = sizeof(struct config_destination), .check = check_destination,
};

#define CREDENTIALS(member) offsetof(struct config_credentials, member)
static const struct field credentials_fields[] = {
	{ .key = "hosts", .kind = FIELD_TEXT_LIST, .flags = FIELD_REQUIRED, .offset = CREDENTIALS(hosts), .count_offset = CREDENTIALS(nhosts),
	  .min = 1, .max = 64,
	  .doc = "Who may be shown them, whatever a policy says: prometheus.example, prometheus.example:9090, or *.example for every name below it." },
	{ .key = "bearer_file", .kind = FIELD_TEXT, .offset = CREDENTIALS(secrets.bearer_file), .min = 1, .max = 4095,
	  .doc = "File with a token, sent as Authorization: Bearer. Files as of destinations." },
	{ .key = "basic_user", .kind = FIELD_TEXT, .offset = CREDENTIALS(secrets.basic_user), .min = 1, .max = 255,
	  .doc = "User name, sent with the password as Authorization: Basic." },
	{ .key = "basic_password_file", .kind = FIELD_TEXT, .offset = CREDENTIALS(secrets.basic_password_file), .min = 1, .max = 4095,
	  .doc = "File with the password of basic_user." },
	{ .key = "header_files", .kind = FIELD_MAP, .offset = CREDENTIALS(secrets.header_files), .count_offset = CREDENTIALS(secrets.nheader_files),
	  .max = HEADER_FILES_MAX, .table = &variable_table,
	  .doc = "Headers whose value is a secret, like an API key: a file with it." },
	{ .key = "headers", .kind = FIELD_MAP, .offset = CREDENTIALS(headers), .count_offset = CREDENTIALS(nheaders),
	  .max = HEADER_FILES_MAX, .table = &variable_table,
	  .doc = "Headers whose value is none, like the tenant of a Mimir: X-Scope-OrgID." },
	{ .key = "ca_file", .kind = FIELD_TEXT, .offset = CREDENTIALS(secrets.ca_file), .min = 1, .max = 4095,
	  .doc = "PEM file with the only authorities whose certificates count. Without it: those the system trusts." },
	{ .key = "client_cert_file", .kind = FIELD_TEXT, .offset = CREDENTIALS(secrets.client_cert_file), .min = 1, .max = 4095,
	  .doc = "PEM file with our own certificate and the chain above it, shown when asked for (mTLS)." },
	{ .key = "client_key_file", .kind = FIELD_TEXT, .offset = CREDENTIALS(secrets.client_key_file), .min = 1, .max = 4095,
	  .doc = "PEM file with its private key, without passphrase." },
	{ .key = "networks", .kind = FIELD_TEXT_LIST, .offset = CREDENTIALS(secrets.networks), .count_offset = CREDENTIALS(secrets.nnetworks), .max = 64,
	  .doc = "Networks those hosts may lie in; empty: as for all sources." },
	{ .key = "allow_http", .kind = FIELD_BOOL, .offset = CREDENTIALS(allow_http), .fallback = "false",
	  .doc = "Whether they may be sent to another machine over plain http, where they can be read on the way." },
};
static const struct field_table credentials_table = {
	.noun = "credentials", .fields = credentials_fields, .n = ARRAY_LEN(credentials_fields),
	.size = sizeof(struct config_credentials), .check = check_credentials,
};

static const struct field role_fields[] = {
	{ .key = "permissions", .kind = FIELD_TEXT_LIST, .flags = FIELD_REQUIRED, .offset = offsetof(struct config_role, permissions),
	  .count_offset = offsetof(struct config_role, npermissions), .max = 8,
	  .doc = "Of view, submit, operate, approve, waive, emergency, audit, admin." },
};
static const struct field_table role_table = {
	.noun = "role", .fields = role_fields, .n = ARRAY_LEN(role_fields),
	.size = sizeof(struct config_role), .normalise = normalise_role, .check = check_role,
};

static const struct field release_type_fields[] = {
	{ .key = "policy", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = offsetof(struct config_release_type, policy), .min = 1, .max = 64,
	  .doc = "The policy that releases of the type are created with; `minor: NAME` is short for `minor: {policy: NAME}`." },
};
static const struct field_table release_type_table = {
	.noun = "release type", .fields = release_type_fields, .n = ARRAY_LEN(release_type_fields),
	.size = sizeof(struct config_release_type), .normalise = normalise_release_type,
};

#define LIMIT(member) offsetof(struct config_limits, member)
static const struct field limit_fields[] = {
	{ .key = "connections", .kind = FIELD_INT, .offset = LIMIT(connections), .min = 16, .max = 100000, .fallback = "4096",
	  .doc = "Open connections to the API." },
	{ .key = "connections_per_address", .kind = FIELD_INT, .offset = LIMIT(connections_per_address), .min = 1, .max = 100000, .fallback = "512",
	  .doc = "Of one client address." },
	{ .key = "request_timeout", .kind = FIELD_DURATION, .offset = LIMIT(request_timeout_ms), .min = 1000, .max = 300000, .fallback = "10s",
	  .doc = "From the first byte of a request until all of it is there." },
	{ .key = "writes_per_second", .kind = FIELD_INT, .offset = LIMIT(writes_per_second), .min = 1, .max = 1000000, .fallback = "10",
	  .doc = "Writes of one subject, on average; rollback and pause are counted apart." },
	{ .key = "writes_burst", .kind = FIELD_INT, .offset = LIMIT(writes_burst), .min = 1, .max = 1000000, .fallback = "40",
	  .doc = "Writes of one subject at once." },
	{ .key = "targets", .kind = FIELD_INT, .offset = LIMIT(targets), .min = 1, .max = 100000, .fallback = "10000",
	  .doc = "Endpoints scraped at the same time." },
	{ .key = "page_bytes", .kind = FIELD_INT, .offset = LIMIT(page_bytes), .min = 1024, .max = 104857600, .fallback = "10485760",
	  .doc = "Of one metrics page; a larger page is thrown away whole." },
	{ .key = "page_samples", .kind = FIELD_INT, .offset = LIMIT(page_samples), .min = 100, .max = 10000000, .fallback = "50000",
	  .doc = "Of one metrics page; a page with more is thrown away whole." },
	{ .key = "series_per_target", .kind = FIELD_INT, .offset = LIMIT(series_per_target), .min = 10, .max = 1000000, .fallback = "10000",
	  .doc = "Kept of one target: those some KPI asks for." },
};
static const struct field_table limit_table = {
	.noun = "limits", .fields = limit_fields, .n = ARRAY_LEN(limit_fields), .size = sizeof(struct config_limits),
};

#define CONFIG(member) offsetof(struct config, member)
static const struct field config_fields[] = {
	{ .key = "listen", .kind = FIELD_TEXT, .offset = CONFIG(listen), .min = 1, .max = 64, .fallback = DEFAULT_LISTEN,
	  .doc = "Address and port of the API; port 0 lets the kernel choose. Anything but loopback needs a TLS proxy in front." },
	{ .key = "socket", .kind = FIELD_TEXT, .offset = CONFIG(socket), .min = 1, .max = 107,
	  .doc = "UNIX socket with the same API, mode 0660: works when all TCP connections are used up." },
	{ .key = "public_url", .kind = FIELD_TEXT, .offset = CONFIG(public_url), .min = 1, .max = 1024,
	  .doc = "Where receivers reach the API, for those that call back; sent to them with each message. Without it they must know." },
	{ .key = "database", .kind = FIELD_TEXT, .offset = CONFIG(database), .min = 1, .max = 2048, .fallback = "dbname=headgate",
	  .doc = "PostgreSQL, as libpq keywords or URI; keep its password in a file named by passfile=." },
	{ .key = "tokens_file", .kind = FIELD_TEXT, .offset = CONFIG(tokens_file), .min = 1, .max = 4095, .fallback = "/etc/headgate/tokens.yaml",
	  .doc = "Who may ask for what; edited with headgate token, read again when it changes." },
	{ .key = "policies_dir", .kind = FIELD_TEXT, .offset = CONFIG(policies_dir), .min = 1, .max = 4095, .fallback = "/etc/headgate/policies",
	  .doc = "Directory whose *.yaml files are the policies." },
	{ .key = "targets_dir", .kind = FIELD_TEXT, .offset = CONFIG(targets_dir), .min = 1, .max = 4000, .fallback = "/etc/headgate/targets",
	  .doc = "Directory with the files that file_sd of policies may read." },
	{ .key = "state_dir", .kind = FIELD_TEXT, .offset = CONFIG(state_dir), .min = 1, .max = 4095, .fallback = "/var/lib/headgate",
	  .doc = "Directory the daemon may write to." },
	{ .key = "log_level", .kind = FIELD_CUSTOM, .offset = CONFIG(log_level), .custom = &level_custom, .fallback = "info",
	  .doc = "error, warn, info or debug." },
	{ .key = "allow_anonymous_view", .kind = FIELD_BOOL, .offset = CONFIG(allow_anonymous_view), .fallback = "false",
	  .doc = "Whether GET works without a token." },
	{ .key = "networks", .kind = FIELD_TEXT_LIST, .offset = CONFIG(networks), .count_offset = CONFIG(nnetworks), .max = 64,
	  .doc = "Networks that scrapes and probes may go to; empty: all but link-local and cloud metadata." },
	{ .key = "destinations", .kind = FIELD_MAP, .offset = CONFIG(destinations), .count_offset = CONFIG(ndestinations), .max = 256, .table = &destination_table,
	  .doc = "Where actions and notifications go; policies name them." },
	{ .key = "credentials", .kind = FIELD_MAP, .offset = CONFIG(credentials), .count_offset = CONFIG(ncredentials), .max = 64, .table = &credentials_table,
	  .doc = "Who we are to what is scraped and asked; sources of policies name them." },
	{ .key = "roles", .kind = FIELD_MAP, .offset = CONFIG(roles), .count_offset = CONFIG(nroles), .max = 64, .table = &role_table,
	  .doc = "What roles may do, beside or instead of the built-in viewer, author, operator, approver, emergency, auditor, admin." },
	{ .key = "release_types", .kind = FIELD_MAP, .offset = CONFIG(release_types), .count_offset = CONFIG(nrelease_types), .max = 64, .table = &release_type_table,
	  .doc = "Which policy a release has that is posted with a `type` instead of one." },
	{ .key = "limits", .kind = FIELD_STRUCT, .offset = CONFIG(limits), .table = &limit_table,
	  .doc = "Bounds on what comes from outside." },
	{ .key = "notify", .kind = FIELD_STRUCT, .offset = CONFIG(notify), .table = &notify_table,
	  .doc = "Who is told what: names, routes, sinks." },
};
const struct field_table config_table = {
	.noun = "configuration", .fields = config_fields, .n = ARRAY_LEN(config_fields),
	.size = sizeof(struct config), .check = check_config,
};
/* clang-format on */

static bool read_networks(char *const *cidrs, size_t n, struct networks **out, struct err *err)
{
	*out = networks_new(cidrs, n, err);
	return *out != NULL;
}

static void add_problem(struct problems *problems, const struct positions *positions,
                        const char *pointer, const char *text)
{
	const struct position *at = positions_find(positions, pointer);

	problems_add(problems, at ? at->file : NULL, at ? at->line : 0, at ? at->column : 0,
	             pointer, "%s", text);
}

/* What stands in other files, and what is made of the members. */
static bool complete(struct config *config, const char *path, const struct positions *positions,
                     struct problems *problems)
{
	struct err err;
	bool ok = true;

	if (!read_networks(config->networks, config->nnetworks, &config->allowed, &err)) {
		add_problem(problems, positions, "/networks", err.text);
		ok = false;
	}
	for (size_t i = 0; i < config->ndestinations; i++) {
		struct config_destination *destination = &config->destinations[i];

		if (!read_networks(destination->networks, destination->nnetworks,
		                   &destination->allowed, &err)) {
			add_problem(problems, positions, "/destinations", err.text);
			ok = false;
		}
		ok = destination_read(destination, config->state_dir, path, positions, problems) &&
		     ok;
	}
	for (size_t i = 0; i < config->ncredentials; i++)
		ok = credentials_read(&config->credentials[i], path, positions, problems) && ok;
	return notify_config_complete(config, positions, problems) && ok;
}

static struct config *decode(json_t *document, const char *path, const struct positions *positions,
                             struct problems *problems)
{
	struct config *config = calloc(1, sizeof(*config));
	struct decode d;
	bool ok;

	if (!config) {
		problems_add(problems, path, 0, 0, "", "no memory to read it");
		return NULL;
	}
	decode_init(&d, problems, positions);
	ok = field_decode(&config_table, document, config, &d);
	decode_fini(&d);
	if (!ok || !complete(config, path, positions, problems))
		config_free(&config);
	return config;
}

static bool read_file(const char *path, struct buf *out, struct problems *problems)
{
	char chunk[4096];
	struct err err;
	FILE *file = fopen(path, "re");
	size_t n;
	bool ok;

	if (!file) {
		problems_add(problems, path, 0, 0, "", "cannot be opened: %s",
		             strerrordesc_np(errno));
		return false;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_add(out, chunk, n);
	ok = !ferror(file);
	if (!ok)
		problems_add(problems, path, 0, 0, "", "cannot be read");
	else if (!buf_ok(out, &err)) {
		problems_add(problems, path, 0, 0, "", "%s", err.text);
		ok = false;
	}
	fclose(file);
	return ok;
}

struct config *config_load(const char *path, struct problems *problems)
{
	struct positions *positions = positions_new();
	struct config *config = NULL;
	json_t *document = NULL;
	struct buf text;

	buf_init(&text, FILE_BYTES_MAX);
	if (!positions)
		problems_add(problems, path, 0, 0, "", "no memory to read it");
	else if (read_file(path, &text, problems))
		document = yaml_parse(path, buf_str(&text), FILE_BYTES_MAX, positions, problems);
	if (document)
		config = decode(document, path, positions, problems);
	json_decref(document);
	positions_free(&positions);
	buf_fini(&text);
	return config;
}

void config_free(struct config **c)
{
	struct config *gone = *c;

	if (!gone)
		return;
	for (size_t i = 0; i < gone->ndestinations; i++) {
		destination_forget(&gone->destinations[i]);
		networks_free(&gone->destinations[i].allowed);
	}
	for (size_t i = 0; i < gone->ncredentials; i++)
		credentials_forget(&gone->credentials[i]);
	networks_free(&gone->allowed);
	field_free(&config_table, gone);
	free(gone);
	*c = NULL;
}

const char *config_release_type(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->nrelease_types; i++) {
		if (strcmp(c->release_types[i].name, name) == 0)
			return c->release_types[i].policy;
	}
	return NULL;
}

const struct config_destination *config_destination(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->ndestinations; i++) {
		if (strcmp(c->destinations[i].name, name) == 0)
			return &c->destinations[i];
	}
	return NULL;
}

const struct config_credentials *config_credentials(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->ncredentials; i++) {
		if (strcmp(c->credentials[i].secrets.name, name) == 0)
			return &c->credentials[i];
	}
	return NULL;
}
