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
#include "engine/policy_fit.h"

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

/* Without a configuration nobody knows which destinations there are. */
static bool check_policy(const char *path, const struct config *config)
{
	struct problems problems, warnings;
	struct policy *p;
	bool good;

	problems_init(&problems);
	problems_init(&warnings);
	p = policy_file_read(path, &problems);
	good = p != NULL && (config == NULL || policy_fits(p, config, path, &problems));
	if (p != NULL)
		policy_warnings(p, &warnings);
	print(&problems, "");
	for (size_t i = 0; i < warnings.n; i++)
		print(&(struct problems){.list = &warnings.list[i], .n = 1}, "warning: ");
	if (good)
		printf("%s: ok: policy %s, %zu stages, %zu gates, hash %.12s\n", path, p->name,
		       p->nstages, p->ngates, p->hash);
	policy_free(&p);
	problems_fini(&warnings);
	problems_fini(&problems);
	return good;
}

static bool check_config(const char *path, struct config **out)
{
	struct problems problems;

	config_free(out);
	problems_init(&problems);
	*out = config_load(path, &problems);
	print(&problems, "");
	if (*out != NULL)
		printf("%s: ok\n", path);
	problems_fini(&problems);
	return *out != NULL;
}

int check_command(int argc, char **argv)
{
	struct config *config = NULL;
	bool good = true;
	int looked = 0;

	/* The configuration first, wherever it stands: policies are held against it. */
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "--config") == 0)
			good = check_config(argv[++i], &config) && good;
	}
	for (int i = 1; i < argc; i++, looked++) {
		if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			i++;
		else if (argv[i][0] != '-')
			good = check_policy(argv[i], config) && good;
		else
			looked = argc; /* not an option of ours */
	}
	config_free(&config);
	if (looked == 0 || looked >= argc) {
		fprintf(stderr, "usage: headgate check [--config FILE] [POLICY.yaml ...]\n");
		return EXIT_USAGE;
	}
	return good ? EXIT_DONE : EXIT_BAD;
}
