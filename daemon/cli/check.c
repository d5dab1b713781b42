/*
 * check - `headgate check`: everything wrong with a configuration and with policies, each with its
 * place.
 */
#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "cli/commands.h"
#include "config.h"
#include "engine/policy_file.h"

#define OUTPUT_BYTES (256u * 1024)

static void print(const struct problems *problems, const char *kind)
{
	struct buf text;

	buf_init(&text, OUTPUT_BYTES);
	problems_print(problems, &text);
	if (buf_str(&text).n > 0)
		printf("%s%s", kind, buf_str(&text).p);
	buf_fini(&text);
}

static bool check_policy(const char *path)
{
	struct problems problems, warnings;
	struct policy *p;
	bool good;

	problems_init(&problems);
	problems_init(&warnings);
	p = policy_file_read(path, &problems);
	good = p != NULL;
	if (good)
		policy_warnings(p, &warnings);
	print(&problems, "");
	print(&warnings, "warning: ");
	if (good)
		printf("%s: ok: policy %s, %zu stages, %zu gates, hash %.12s\n", path, p->name,
		       p->nstages, p->ngates, p->hash);
	policy_free(&p);
	problems_fini(&warnings);
	problems_fini(&problems);
	return good;
}

static bool check_config(const char *path)
{
	struct problems problems;
	struct config *config;
	bool good;

	problems_init(&problems);
	config = config_load(path, &problems);
	good = config != NULL;
	print(&problems, "");
	if (good)
		printf("%s: ok\n", path);
	config_free(&config);
	problems_fini(&problems);
	return good;
}

int check_command(int argc, char **argv)
{
	bool good = true;
	int looked = 0;

	for (int i = 1; i < argc; i++, looked++) {
		if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			good = check_config(argv[++i]) && good;
		else if (argv[i][0] != '-')
			good = check_policy(argv[i]) && good;
		else
			looked = argc; /* not an option of ours */
	}
	if (looked == 0 || looked >= argc) {
		fprintf(stderr, "usage: headgate check [--config FILE] [POLICY.yaml ...]\n");
		return EXIT_USAGE;
	}
	return good ? EXIT_DONE : EXIT_BAD;
}
