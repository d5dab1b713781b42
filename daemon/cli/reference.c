/*
 * reference - `headgate reference`: the text that is generated from the tables it describes.
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "config.h"
#include "notify/notify.h"
#include "policy/policy.h"
#include "release/release.h"

#define REFERENCE_BYTES (1024u * 1024)

int reference_command(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";
	struct buf text;

	buf_init(&text, REFERENCE_BYTES);
	if (strcmp(what, "policy") == 0)
		policy_reference(&text);
	else if (strcmp(what, "config") == 0)
		field_reference(&config_table, &text);
	else if (strcmp(what, "transitions") == 0)
		release_print_transitions(&text);
	else if (strcmp(what, "milestones") == 0)
		notify_print_milestones(&text);
	if (buf_str(&text).n > 0)
		fputs(buf_str(&text).p, stdout);
	else
		fprintf(stderr, "usage: headgate reference policy|config|transitions|milestones\n");
	what = buf_str(&text).n > 0 ? what : NULL;
	buf_fini(&text);
	return what == NULL ? EXIT_USAGE : EXIT_DONE;
}
