/*
 * token_command - `headgate token`: the only place where a secret is shown, once.
 *
 * Editing holds a lock on the directory, so that two people at once do not lose each other's
 * tokens.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <sys/file.h>
#include <unistd.h>

#include "api/auth.h"
#include "api/token.h"
#include "api/token_file.h"
#include "base/units.h"

#define EXIT_BAD 1
#define EXIT_USAGE 2
#define EXIT_UNREACHABLE 3
#define MS_PER_DAY 86400000LL
#define DEFAULT_FILE "/etc/headgate/tokens.yaml"
#define DEFAULT_LIFE_MS (90 * MS_PER_DAY)
#define MAX_LIFE_MS (90 * MS_PER_DAY)
#define ROLES_MAX 32
#define LOCK_TRIES 50
#define LOCK_PAUSE_MS 100

static const char usage[] =
        "usage: headgate token new --subject NAME --roles ROLE[,ROLE...] [--machine]\n"
        "                          [--expires 90d] [--file FILE]\n"
        "       headgate token list [--file FILE]\n"
        "       headgate token revoke KID [--file FILE]\n"
        "\n"
        "Built-in roles: viewer author operator approver emergency auditor admin; others by\n"
        "the configuration. Tokens live 90 days at most. FILE is " DEFAULT_FILE "\n"
        "unless given. A new token is printed once and kept nowhere.\n";

struct options {
	const char *file;
	const char *subject;
	const char *roles;
	const char *expires;
	const char *kid; /* the one plain argument */
	bool machine;
};

static int wrong_usage(const char *what, const char *which)
{
	fprintf(stderr, "headgate token: %s%s\n%s", what, which, usage);
	return EXIT_USAGE;
}

static int report(const struct err *err)
{
	fprintf(stderr, "headgate token: %s\n", err->text);
	return err->code == ERR_UNAVAILABLE || err->code == ERR_DENIED ? EXIT_UNREACHABLE
	                                                               : EXIT_BAD;
}

static bool read_options(int argc, char **argv, struct options *out, int *out_status)
{
	*out = (struct options){.file = DEFAULT_FILE};
	for (int i = 0; i < argc; i++) {
		struct {
			const char *name;
			const char **value;
		} valued[] = {{"--file", &out->file},
		              {"--subject", &out->subject},
		              {"--roles", &out->roles},
		              {"--expires", &out->expires}};
		bool found = false;

		if (strcmp(argv[i], "--machine") == 0) {
			out->machine = true;
			continue;
		}
		for (size_t k = 0; k < ARRAY_LEN(valued) && !found; k++) {
			size_t n = strlen(valued[k].name);

			if (strncmp(argv[i], valued[k].name, n) != 0)
				continue;
			if (argv[i][n] == '=')
				*valued[k].value = argv[i] + n + 1;
			else if (argv[i][n] == '\0' && i + 1 < argc)
				*valued[k].value = argv[++i];
			else
				continue;
			found = true;
		}
		if (found)
			continue;
		if (argv[i][0] == '-' || out->kid) {
			*out_status = wrong_usage("what is ", argv[i]);
			return false;
		}
		out->kid = argv[i];
	}
	return true;
}

static bool is_name(struct str s, const char *also)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		            (c >= '0' && c <= '9') || (c != '\0' && strchr(also, c));

		if (!fine)
			return false;
	}
	return s.n > 0 && s.n <= 128;
}

/* Not a loop's turn: a command has no other clock. */
static struct wall read_clock(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_REALTIME, &t) != 0)
		return (struct wall){.ms = 0};
	return (struct wall){.ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000};
}

/* The descriptor of the locked directory; -1 with *err. */
static int lock_directory(const char *file, struct err *err)
{
	const char *slash = strrchr(file, '/');
	char *name = slash ? str_dup((struct str){.p = file, .n = (size_t)(slash - file) + 1})
	                   : text_dup(".");
	int fd = name ? open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0) {
		err_set(err, ERR_UNAVAILABLE, "%s: %s", name ? name : file, strerrordesc_np(errno));
		free(name);
		return -1;
	}
	for (int i = 0; i < LOCK_TRIES; i++) {
		struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};

		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			free(name);
			return fd;
		}
		nanosleep(&pause, NULL);
	}
	err_set(err, ERR_UNAVAILABLE, "%s: somebody else is editing tokens there", name);
	free(name);
	close(fd);
	return -1;
}

/* A missing file reads as an empty list when it may be. */
static bool read_list(const char *file, bool may_miss, struct token_list *out, struct err *err)
{
	struct problems problems;
	struct buf text;
	bool ok;

	problems_init(&problems);
	ok = token_file_read(file, out, &problems, err);
	if (!ok && problems.n > 0) {
		buf_init(&text, (size_t)64 * 1024);
		problems_print(&problems, &text);
		fputs(buf_str(&text).p, stderr);
		buf_fini(&text);
	}
	problems_fini(&problems);
	if (ok || !may_miss || err->code != ERR_NOT_FOUND)
		return ok;
	*out = (struct token_list){.entries = NULL, .n = 0};
	return true;
}

static bool split_roles(const char *text, struct token_entry *entry, struct err *err)
{
	struct str all = str_of(text);
	size_t from = 0;

	entry->roles = calloc(ROLES_MAX, sizeof(*entry->roles));
	if (!entry->roles)
		return err_set(err, ERR_NOMEM, "no memory");
	for (size_t i = 0; i <= all.n; i++) {
		struct str role;

		if (i < all.n && all.p[i] != ',')
			continue;
		role = str_trim(str_slice(all, from, i));
		from = i + 1;
		if (!is_name(role, "_-.") || entry->nroles == ROLES_MAX)
			return err_set(err, ERR_INVALID,
			               "--roles takes up to %d names with commas between",
			               ROLES_MAX);
		entry->roles[entry->nroles] = str_dup(role);
		if (!entry->roles[entry->nroles])
			return err_set(err, ERR_NOMEM, "no memory");
		entry->nroles++;
	}
	return true;
}

static bool fill_entry(const struct options *o, const struct token *token,
                       struct token_entry *entry, struct err *err)
{
	int64_t life_ms = DEFAULT_LIFE_MS;

	if (o->expires && !duration_parse(str_of(o->expires), &life_ms, err))
		return false;
	if (life_ms <= 0 || life_ms > MAX_LIFE_MS)
		return err_set(err, ERR_INVALID, "--expires must be at most 90d");
	entry->created = read_clock();
	entry->created.ms -= entry->created.ms % 1000;
	entry->expires.ms = entry->created.ms + life_ms;
	entry->machine = o->machine;
	entry->kid = text_dup(token->kid);
	entry->hash = text_dup(token->hash);
	entry->subject = text_dup(o->subject);
	if (!entry->kid || !entry->hash || !entry->subject)
		return err_set(err, ERR_NOMEM, "no memory");
	return split_roles(o->roles, entry, err);
}

static bool append(struct token_list *list, const struct options *o, const struct token *token,
                   struct err *err)
{
	struct token_entry *grown = realloc(list->entries, (list->n + 1) * sizeof(*list->entries));

	if (!grown)
		return err_set(err, ERR_NOMEM, "no memory");
	list->entries = grown;
	grown[list->n] = (struct token_entry){.kid = NULL};
	list->n++;
	return fill_entry(o, token, &grown[list->n - 1], err);
}

static int command_new(const struct options *o)
{
	struct token_list list = {.entries = NULL};
	char text[TOKEN_TEXT + 1];
	struct token token;
	struct err err;
	int lock;
	bool ok;

	if (!o->subject || !o->roles || o->kid)
		return wrong_usage("new needs --subject and --roles", "");
	if (!is_name(str_of(o->subject), "._@+:-"))
		return wrong_usage("--subject takes 1 to 128 letters, digits and . _ @ + : -", "");
	lock = lock_directory(o->file, &err);
	if (lock < 0)
		return report(&err);
	ok = read_list(o->file, true, &list, &err) && token_make(text, &token, &err) &&
	     append(&list, o, &token, &err) && token_file_write(o->file, &list, &err);
	token_list_free(&list);
	close(lock);
	if (!ok)
		return report(&err);
	if (puts(text) < 0 || fflush(stdout) != 0)
		return EXIT_BAD;
	OPENSSL_cleanse(text, sizeof(text));
	return 0;
}

static void print_entry(const struct token_entry *e, struct wall now)
{
	char expires[UNITS_TEXT_MAX] = "never";

	if (e->expires.ms != 0)
		instant_format(e->expires, expires);
	printf("%s  %-7s  %s  %s  ", e->kid,
	       e->expires.ms != 0 && e->expires.ms <= now.ms ? "expired" : "valid", expires,
	       e->machine ? "machine" : "person");
	printf("%s  ", e->subject);
	for (size_t i = 0; i < e->nroles; i++)
		printf("%s%s", i > 0 ? "," : "", e->roles[i]);
	putchar('\n');
}

static int command_list(const struct options *o)
{
	struct token_list list;
	struct err err;

	if (o->subject || o->roles || o->expires || o->machine || o->kid)
		return wrong_usage("list takes --file only", "");
	if (!read_list(o->file, false, &list, &err))
		return report(&err);
	for (size_t i = 0; i < list.n; i++)
		print_entry(&list.entries[i], read_clock());
	token_list_free(&list);
	return 0;
}

static bool remove_kid(struct token_list *list, const char *kid, struct err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->entries[i].kid, kid) != 0)
			continue;
		field_free(&token_entry_table, &list->entries[i]);
		list->n--;
		memmove(&list->entries[i], &list->entries[i + 1],
		        (list->n - i) * sizeof(*list->entries));
		return true;
	}
	return err_set(err, ERR_NOT_FOUND, "there is no token %s", kid);
}

static int command_revoke(const struct options *o)
{
	struct token_list list = {.entries = NULL};
	struct err err;
	int lock;
	bool ok;

	if (!o->kid || o->subject || o->roles || o->expires || o->machine)
		return wrong_usage("revoke needs the KID of a token", "");
	lock = lock_directory(o->file, &err);
	if (lock < 0)
		return report(&err);
	ok = read_list(o->file, false, &list, &err) && remove_kid(&list, o->kid, &err) &&
	     token_file_write(o->file, &list, &err);
	token_list_free(&list);
	close(lock);
	return ok ? 0 : report(&err);
}

int token_command(int argc, char **argv)
{
	static const struct {
		const char *verb;
		int (*run)(const struct options *o);
	} verbs[] = {{"new", command_new}, {"list", command_list}, {"revoke", command_revoke}};
	struct options options;
	int status = 0;

	if (argc > 0 && strcmp(argv[0], "token") == 0) {
		argc--;
		argv++;
	}
	if (argc == 0)
		return wrong_usage("say new, list or revoke", "");
	if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strcmp(argv[0], verbs[i].verb) == 0)
			return read_options(argc - 1, argv + 1, &options, &status)
			               ? verbs[i].run(&options)
			               : status;
	}
	return wrong_usage("there is no verb ", argv[0]);
}
