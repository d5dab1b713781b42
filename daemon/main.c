/*
 * main - the table of subcommands.
 */
#include <stdio.h>
#include <string.h>

#include "api/auth.h"
#include "base/macros.h"
#include "cli/commands.h"
#include "failpoint.h"
#include "release/release.h"
#include "version.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *doc;
};

/* clang-format off */
static const struct command commands[] = {
	{ "serve",         serve_command,          "run the daemon: --config FILE" },
	{ "migrate",       migrate_command,        "bring the database's schema up to date: --config FILE | --database DSN [--dry-run] [--to N]" },
	{ "check",         check_command,          "check a configuration and policies: [--config FILE] [POLICY.yaml ...]" },
	{ "probe",         probe_command,          "read one metrics page as the daemon would: FILE|URL|- [--json] [--policy FILE]" },
	{ "query",         query_command,          "evaluate PromQL over a page with timestamps: --data FILE --at TIME 'EXPR'" },
	{ "token",         token_command,          "make, list and revoke API tokens: new|list|revoke" },
	{ "receiver-test", receiver_test_command,  "hold a receiver against docs/receiver.md: URL [--secret-file FILE] [--path PATH] [--json]" },
	{ "reference",     reference_command,      "print reference text: policy|config|transitions" },
	{ "failpoints",    failpoints_command,     "list the fail points of a test build" },
	{ "version",       version_command,        "print the version" },
};
/* clang-format on */

static void usage(FILE *to)
{
	fprintf(to,
	        "headgate %s - moves a release forward only on proof\n\nusage: headgate COMMAND "
	        "[OPTIONS]\n\n",
	        HEADGATE_VERSION);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(to, "  %-13s %s\n", commands[i].name, commands[i].doc);
	fprintf(to,
	        "\nexit status: 0 done; 1 the thing asked about is bad; 2 wrong usage; 3 could not "
	        "reach what it\nneeds; 4 not allowed; 70 a bug; 78 a bad configuration at start\n");
}

int failpoints_command(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	failpoint_print_list();
	return EXIT_DONE;
}

int version_command(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("headgate %s\n", HEADGATE_VERSION);
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		usage(stdout);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (name[0] != '\0')
		fprintf(stderr, "headgate: there is no command \"%s\"\n\n", name);
	usage(stderr);
	return EXIT_USAGE;
}
