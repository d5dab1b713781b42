/*
 * config: the sample loads and names every key; what is wrong is said where it stands.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../suite.h"
#include "base/buf.h"
#include "config.h"
#include "destination.h"
#include "loop/networks.h"

static char dir[64];
static char path[96];
static struct problems problems;

static void begin(void)
{
	snprintf(dir, sizeof(dir), "/tmp/headgate-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/headgate.yaml", dir);
	problems_init(&problems);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void end(void)
{
	problems_fini(&problems);
	unlink(path);
	rmdir(dir);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(name, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	ck_assert_int_eq(chmod(name, mode), 0);
}

static struct config *load(const char *text)
{
	write_file(path, text, 0644);
	return config_load(path, &problems);
}

/* All problems, one line each, without the path. */
static const char *said(void)
{
	static char text[8192];
	struct buf out;

	text[0] = '\0';
	buf_init(&out, sizeof(text) - 1);
	for (size_t i = 0; i < problems.n; i++)
		buf_printf(&out, "%d:%d: %s: %s\n", problems.list[i].line, problems.list[i].column,
		           problems.list[i].pointer, problems.list[i].text);
	snprintf(text, sizeof(text), "%s", buf_str(&out).n > 0 ? buf_str(&out).p : "");
	buf_fini(&out);
	return text;
}

START_TEST(the_sample_loads_with_the_defaults_it_names)
{
	struct config *sample = config_load("config/headgate.yaml", &problems);
	struct config *empty;

	ck_assert_msg(sample != NULL, "%s", said());
	empty = load("{}\n");
	ck_assert_msg(empty != NULL, "%s", said());
	ck_assert_str_eq(sample->listen, empty->listen);
	ck_assert_ptr_null(sample->socket);
	ck_assert_str_eq(sample->database, empty->database);
	ck_assert_str_eq(sample->tokens_file, empty->tokens_file);
	ck_assert_str_eq(sample->policies_dir, empty->policies_dir);
	ck_assert_str_eq(sample->state_dir, empty->state_dir);
	ck_assert_str_eq(sample->log_level, empty->log_level);
	ck_assert(!sample->allow_anonymous_view && !empty->allow_anonymous_view);
	ck_assert_mem_eq(&sample->limits, &empty->limits, sizeof(sample->limits));
	ck_assert_int_eq(sample->limits.request_timeout_ms, 10000);
	ck_assert_ptr_nonnull(config_destination(sample, "deployer"));
	ck_assert_int_eq(config_destination(sample, "deployer")->timeout_ms, 15000);
	ck_assert_ptr_null(config_destination(sample, "nobody"));
	ck_assert_uint_eq(sample->nroles, 4);
	config_free(&sample);
	config_free(&empty);
	config_free(&empty);
}
END_TEST

static void each_key_is_in(const struct field_table *table, const char *text)
{
	for (size_t i = 0; i < table->n; i++) {
		char key[64];

		snprintf(key, sizeof(key), " %s:", table->fields[i].key);
		key[0] = '\n';
		if (!strstr(text, key)) {
			key[0] = ' ';
			ck_assert_msg(strstr(text, key) != NULL, "config/headgate.yaml lacks %s",
			              table->fields[i].key);
		}
		ck_assert_ptr_nonnull(table->fields[i].doc);
		if (table->fields[i].table)
			each_key_is_in(table->fields[i].table, text);
	}
}

START_TEST(the_sample_names_every_key)
{
	static char text[64 * 1024];
	FILE *file = fopen("config/headgate.yaml", "r");
	size_t n;

	ck_assert_ptr_nonnull(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	each_key_is_in(&config_table, text);
}
END_TEST

/* clang-format off */
static const struct {
	const char *why;
	const char *text;
	const char *said; /* all of it */
} wrong[] = {
	{ "a typing error",           "listn: x\n", "1:1: /listn: unknown key \"listn\", did you mean \"listen\"?\n" },
	{ "no port",                  "listen: nowhere\n", "1:1: /listen: \"nowhere\" is not an address and port; write 127.0.0.1:8080 or [::1]:8080\n" },
	{ "a number without unit",    "limits: {request_timeout: 5}\n", NULL },
	{ "a limit too small",        "limits: {connections: 1}\n", NULL },
	{ "more of one than of all",  "limits: {connections: 100}\n", NULL },
	{ "a network with host bits", "networks: [10.0.0.0/8, 10.0.0.1/8]\n", NULL },
	{ "no network",               "destinations: {a: {url: 'http://h/', networks: [everywhere]}}\n", NULL },
	{ "no URL",                   "destinations: {a: {}}\n", "1:16: /destinations/a: says not where it is: needs url, url_file, program, alertmanager or smtp\n" },
	{ "two places",               "destinations: {a: {url: 'http://h/', alertmanager: 'http://h/'}}\n", "1:38: /destinations/a/alertmanager: may not stand beside url: a destination is one place\n" },
	{ "a password in the clear",  "destinations: {a: {smtp: 'smtp://h', from: a@b, tls: none, basic_user: u, basic_password_file: p}}\n", "1:60: /destinations/a/basic_user: may not be sent to another machine without TLS (tls: none)\n" },
	{ "a mail key of a webhook",  "destinations: {a: {url: 'http://h/', helo: h}}\n", "1:38: /destinations/a/helo: belongs to a destination with smtp\n" },
	{ "a secret of an alert",     "destinations: {a: {alertmanager: 'http://h/', body_files: {a: f}}}\n", NULL },
	{ "a header of ours",         "destinations: {a: {url: 'http://h/', header_files: {webhook-id: f}}}\n", NULL },
	{ "two Authorizations",       "destinations: {a: {url: 'http://h/', bearer_file: f, header_files: {authorization: f}}}\n", NULL },
	{ "user in a URL",            "destinations: {a: {url: 'http://u:p@h/'}}\n", NULL },
	{ "user alone in a URL",      "destinations: {a: {url: 'http://u@h/'}}\n", NULL },
	{ "other scheme",             "destinations: {a: {url: 'ftp://h/'}}\n", NULL },
	{ "query in a base URL",      "destinations: {a: {url: 'http://h/?a=b'}}\n", NULL },
	{ "no URL at all",            "destinations: {a: {url: 'h h'}}\n", NULL },
	{ "public_url is no URL",     "public_url: headgate.example\n", NULL },
	{ "a strange name",           "destinations: {'a b': {url: 'http://h/'}}\n", NULL },
	{ "unknown permission",       "roles: {qa: [aprove]}\n", "1:9: /roles/qa: \"aprove\" is not a permission, did you mean \"approve\"?\n" },
	{ "unknown level",            "log_level: loud\n", NULL },
	{ "four secrets",             "destinations: {a: {url: 'http://h/', secret_file: [a, b, c, d]}}\n", NULL },
	{ "an empty list of secrets", "destinations: {a: {url: 'http://h/', secret_file: []}}\n", NULL },
	{ "user without password",    "destinations: {a: {url: 'http://h/', basic_user: u}}\n",
	  "1:38: /destinations/a/basic_user: needs basic_password_file beside it\n" },
	{ "password without user",    "destinations: {a: {url: 'http://h/', basic_password_file: p}}\n",
	  "1:38: /destinations/a/basic_password_file: needs basic_user beside it\n" },
	{ "a user with a colon",      "destinations: {a: {url: 'http://h/', basic_user: 'u:v', basic_password_file: p}}\n",
	  "1:38: /destinations/a/basic_user: may not hold a colon or control characters\n" },
	{ "two ways to log in",       "destinations: {a: {url: 'http://h/', bearer_file: b, basic_user: u, basic_password_file: p}}\n",
	  "1:38: /destinations/a/bearer_file: may not stand beside basic_user: one request has one Authorization header\n" },
	{ "certificate without key",  "destinations: {a: {url: 'https://h/', client_cert_file: c}}\n",
	  "1:39: /destinations/a/client_cert_file: needs client_key_file beside it\n" },
	{ "key without certificate",  "destinations: {a: {url: 'https://h/', client_key_file: c}}\n",
	  "1:39: /destinations/a/client_key_file: needs client_cert_file beside it\n" },
	{ "an authority for http",    "destinations: {a: {url: 'http://h/', ca_file: c}}\n",
	  "1:38: /destinations/a/ca_file: needs an address that begins with https://\n" },
	{ "missing authority",        "destinations: {a: {url: 'https://h/', ca_file: /nowhere/ca.pem}}\n",
	  "1:39: /destinations/a/ca_file: /nowhere/ca.pem: cannot be opened: No such file or directory\n" },
	{ "one secret of two missing", "destinations: {a: {url: 'http://h/', secret_file: [/nowhere/a, /nowhere/b]}}\n",
	  "1:52: /destinations/a/secret_file/0: /nowhere/a: cannot be opened: No such file or directory\n"
	  "1:64: /destinations/a/secret_file/1: /nowhere/b: cannot be opened: No such file or directory\n" },
	{ "a sink to nowhere",        "notify: {sinks: {chat: {to: nobody}}}\n",
	  "1:25: /notify/sinks/chat/to: there is no destination nobody\n" },
	{ "a sink of another kind",   "destinations: {a: {url: 'http://h/'}}\nnotify: {sinks: {chat: {to: a, subject: x}}}\n",
	  "2:32: /notify/sinks/chat/subject: does not belong to a sink whose destination a is of kind webhook\n" },
	{ "a mail to nobody",         "destinations: {a: {smtp: 'smtp://localhost', from: a@b.example, tls: none}}\nnotify: {sinks: {chat: {to: a}}}\n", NULL },
	{ "a command as a sink",      "destinations: {a: {program: /bin/true}}\nnotify: {sinks: {chat: {to: a}}}\n", NULL },
	{ "an unknown placeholder",   "notify: {sinks: {chat: {to: a, path: '/${servce}'}}}\n", NULL },
	{ "missing secret",           "destinations: {a: {url: 'http://h/', secret_file: /nowhere/at/all}}\n", NULL },
	{ "key twice",                "listen: '127.0.0.1:1'\nlisten: '127.0.0.1:2'\n", NULL },
	{ "no mapping",               "- a\n", NULL },
	{ "no YAML",                  "a: [\n", NULL },
};
/* clang-format on */

START_TEST(what_is_wrong_is_said_where_it_stands)
{
	struct config *config = load(wrong[_i].text);

	ck_assert_msg(!config, "%s", wrong[_i].why);
	ck_assert_msg(problems.n > 0, "%s", wrong[_i].why);
	ck_assert_msg(problems.list[0].line >= 1, "%s: %s", wrong[_i].why, said());
	if (wrong[_i].said)
		ck_assert_str_eq(said(), wrong[_i].said);
}
END_TEST

START_TEST(all_mistakes_are_listed_at_once)
{
	ck_assert_ptr_null(load("listn: x\nlog_level: loud\nlimits: {conections: 3}\n"));
	ck_assert_uint_eq(problems.n, 3);
}
END_TEST

START_TEST(a_missing_file_is_a_problem)
{
	ck_assert_ptr_null(config_load("/nowhere/headgate.yaml", &problems));
	ck_assert_uint_eq(problems.n, 1);
	ck_assert_ptr_nonnull(strstr(problems.list[0].text, "No such file"));
}
END_TEST

START_TEST(secrets_come_from_files_that_others_may_not_read)
{
	static const char text[] = "destinations: {a: {url: 'http://h/', secret_file: a.secret, "
	                           "networks: 10.0.0.0/8}}\n";
	struct sockaddr_in in = {.sin_family = AF_INET};
	const struct config_destination *a;
	struct config *config;
	char secret[96];
	json_t *shown;
	char *dump;

	snprintf(secret, sizeof(secret), "%s/a.secret", dir);
	write_file(secret, "correct horse battery\n", 0600);
	config = load(text);
	ck_assert_msg(config != NULL, "%s", said());
	a = config_destination(config, "a");
	ck_assert_str_eq(a->secrets[0], "correct horse battery");
	ck_assert(!networks_allow(a->allowed, (const struct sockaddr *)&in));
	shown = field_encode(&config_table, config);
	dump = json_dumps(shown, 0);
	ck_assert_ptr_null(strstr(dump, "horse"));
	free(dump);
	json_decref(shown);
	config_free(&config);

	write_file(secret, "correct horse battery\n", 0604);
	ck_assert_ptr_null(load(text));
	ck_assert_ptr_nonnull(strstr(said(), "open to everybody"));
	ck_assert_ptr_null(strstr(said(), "horse"));
	write_file(secret, "short\n", 0600);
	ck_assert_ptr_null(load(text));

	write_file(secret, "credential of systemd\n", 0400);
	ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
	snprintf(path, sizeof(path), "/tmp/headgate-test-%d.yaml", (int)getpid());
	config = load(text);
	ck_assert_msg(config != NULL, "%s", said());
	ck_assert_str_eq(config->destinations[0].secrets[0], "credential of systemd");
	config_free(&config);
	unlink(secret);
	unlink(path);
	snprintf(path, sizeof(path), "%s/headgate.yaml", dir);
}
END_TEST

/* --- what stands in files --- */

static void write_beside(const char *name, const char *text, mode_t mode)
{
	char whole[128];

	snprintf(whole, sizeof(whole), "%s/%s", dir, name);
	write_file(whole, text, mode);
}

static void remove_beside(const char *name)
{
	char whole[128];

	snprintf(whole, sizeof(whole), "%s/%s", dir, name);
	unlink(whole);
}

START_TEST(credentials_become_one_header)
{
	static const char bearer[] = "destinations: {a: {url: 'http://h/', bearer_file: s}}\n";
	static const char basic[] = "destinations: {a: {url: 'http://h/', basic_user: Aladdin, "
	                            "basic_password_file: s}}\n";
	/* clang-format off */
	static const struct {
		const char *why, *text, *file;
		mode_t mode;
		const char *header; /* NULL: refused */
	} rows[] = {
		{ "a token",                    bearer, "abc.def-123=\n",    0600, "Bearer abc.def-123=" },
		{ "the example of RFC 7617",    basic,  "open sesame\r\n",   0640, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" },
		{ "an empty token",             bearer, "\n",                0600, NULL },
		{ "a token with a space",       bearer, "canary abc",        0600, NULL },
		{ "a second line is a header",  bearer, "canary\nX-Evil: 1", 0600, NULL },
		{ "a password of two lines",    basic,  "canary\nsesame",    0600, NULL },
		{ "everybody may read it",      bearer, "canary",            0644, NULL },
		{ "everybody may read it",      basic,  "canary",            0604, NULL },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *config;

		write_beside("s", rows[i].file, rows[i].mode);
		config = load(rows[i].text);
		ck_assert_msg(!config == !rows[i].header, "%s: %s", rows[i].why, said());
		if (config)
			ck_assert_str_eq(config->destinations[0].authorization, rows[i].header);
		ck_assert_msg(strstr(said(), "canary") == NULL, "%s: %s", rows[i].why, said());
		config_free(&config);
	}
	remove_beside("s");
}
END_TEST

START_TEST(secrets_are_kept_in_their_order)
{
	const struct config_destination *a;
	struct config *config;

	write_beside("new", "the secret that comes\n", 0600);
	write_beside("old", "the secret that goes\n", 0600);
	config = load("destinations: {a: {url: 'http://h/', secret_file: [new, old]}}\n");
	ck_assert_msg(config != NULL, "%s", said());
	a = config_destination(config, "a");
	ck_assert_str_eq(a->secrets[0], "the secret that comes");
	ck_assert_str_eq(a->secrets[1], "the secret that goes");
	ck_assert_ptr_null(a->secrets[2]);
	ck_assert_ptr_null(a->authorization);
	config_free(&config);

	write_beside("old", "short\n", 0600);
	ck_assert_ptr_null(
	        load("destinations: {a: {url: 'http://h/', secret_file: [new, old]}}\n"));
	ck_assert_str_eq(said(), "1:57: /destinations/a/secret_file/1: old must hold at least 16 "
	                         "bytes of text\n");
	remove_beside("new");
	remove_beside("old");
}
END_TEST

/* A certificate with its key, made by openssl for this test alone. */
static void make_pair(const char *name)
{
	char command[512];

	snprintf(
	        command, sizeof(command),
	        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
	        "-subj /CN=%s -keyout %s/%s.key -out %s/%s.crt 2>/dev/null && chmod 600 %s/%s.key",
	        name, dir, name, dir, name, dir, name);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(certificates_are_read_and_held_against_their_keys)
{
	/* clang-format off */
	static const struct {
		const char *why, *keys;
		const char *said; /* NULL: it loads */
	} rows[] = {
		{ "all three",          "ca_file: a.crt, client_cert_file: a.crt, client_key_file: a.key", NULL },
		{ "another's key",      "client_cert_file: a.crt, client_key_file: b.key", "client_key_file: does not belong to" },
		{ "key as certificate", "client_cert_file: a.key, client_key_file: a.key", "client_cert_file: must hold whole certificates" },
		{ "certificate as key", "client_cert_file: a.crt, client_key_file: a.crt", "client_key_file: " },
		{ "no PEM",             "ca_file: junk",                                   "ca_file: must hold whole certificates" },
		{ "a damaged one",      "ca_file: cut",                                    "ca_file: must hold whole certificates" },
		{ "an open key",        "client_cert_file: a.crt, client_key_file: open",  "is open to everybody" },
		{ "anybody's authority", "ca_file: theirs",                                "can be written by everybody" },
		{ "with a passphrase",  "client_cert_file: a.crt, client_key_file: locked", "without passphrase" },
	};
	/* clang-format on */
	static const char locked[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n"
	                             "-----END ENCRYPTED PRIVATE KEY-----\n";
	static const char *const files[] = {"a.crt", "a.key", "b.crt",  "b.key", "junk",
	                                    "cut",   "open",  "theirs", "locked"};

	make_pair("a");
	make_pair("b");
	write_beside("junk", "no certificate\n", 0644);
	write_beside("cut", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", 0644);
	write_beside("open", locked, 0644);
	write_beside("theirs", "", 0666);
	write_beside("locked", locked, 0600);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *config;
		char text[256];

		problems_fini(&problems);
		problems_init(&problems);
		snprintf(text, sizeof(text), "destinations: {a: {url: 'https://h/', %s}}\n",
		         rows[i].keys);
		config = load(text);
		ck_assert_msg(!config == !!rows[i].said, "%s: %s", rows[i].why, said());
		if (rows[i].said)
			ck_assert_msg(strstr(said(), rows[i].said) != NULL, "%s: %s", rows[i].why,
			              said());
		else
			ck_assert(config->destinations[0].tls.ca &&
			          config->destinations[0].tls.client_key);
		config_free(&config);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		remove_beside(files[i]);
}
END_TEST

START_TEST(plain_http_to_another_machine_is_exposed)
{
	static const struct {
		const char *url;
		bool exposed;
	} rows[] = {
	        {"http://deployer.example/", true}, {"HTTP://10.0.0.1:8080", true},
	        {"http://[2001:db8::1]/", true},    {"http://localhost.example/", true},
	        {"http://127.evil.example/", true}, {"https://deployer.example/", false},
	        {"http://127.0.0.1:8080/", false},  {"http://127.8.9.10/", false},
	        {"http://[::1]:80/", false},        {"http://localhost:80/", false},
	        {"http://a.localhost/", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char url[64];

		snprintf(url, sizeof(url), "%s", rows[i].url);
		ck_assert_msg(destination_is_exposed(&(struct config_destination){.url = url}) ==
		                      rows[i].exposed,
		              "%s", url);
	}
}
END_TEST

START_TEST(roles_have_a_short_and_a_long_form)
{
	struct config *config =
	        load("roles:\n  a: [view, operate]\n  b: {permissions: audit}\n  c: view\n");

	ck_assert_msg(config != NULL, "%s", said());
	ck_assert_uint_eq(config->nroles, 3);
	ck_assert_str_eq(config->roles[0].name, "a");
	ck_assert_uint_eq(config->roles[0].npermissions, 2);
	ck_assert_str_eq(config->roles[1].permissions[0], "audit");
	ck_assert_str_eq(config->roles[2].permissions[0], "view");
	config_free(&config);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *tcase = tcase_create("config");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, the_sample_loads_with_the_defaults_it_names);
	tcase_add_test(tcase, the_sample_names_every_key);
	tcase_add_loop_test(tcase, what_is_wrong_is_said_where_it_stands, 0,
	                    (int)(sizeof(wrong) / sizeof(wrong[0])));
	tcase_add_test(tcase, all_mistakes_are_listed_at_once);
	tcase_add_test(tcase, a_missing_file_is_a_problem);
	tcase_add_test(tcase, secrets_come_from_files_that_others_may_not_read);
	tcase_add_test(tcase, credentials_become_one_header);
	tcase_add_test(tcase, secrets_are_kept_in_their_order);
	tcase_add_test(tcase, certificates_are_read_and_held_against_their_keys);
	tcase_add_test(tcase, plain_http_to_another_machine_is_exposed);
	tcase_add_test(tcase, roles_have_a_short_and_a_long_form);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
