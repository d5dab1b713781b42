/*
 * command - one message as a run of a program: its arguments, environment and input, and what its
 * end means. docs/actions.md tells the program's side.
 *
 * Pure. The program and what it is always given are the configuration's; a message adds arguments
 * and input, and each argument stays one, whatever stands in it.
 */
#ifndef ACTION_COMMAND_H
#define ACTION_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "action/carrier.h"
#include "base/err.h"
#include "base/str.h"
#include "config.h"
#include "loop/child.h"
#include "store/store.h"

#define COMMAND_ARGUMENTS_MAX 160
#define COMMAND_BYTES_MAX ((size_t)256 * 1024) /* of arguments, and of the environment */
#define COMMAND_INPUT_MAX ((size_t)1024 * 1024)
#define COMMAND_TEXT 480 /* what is shown of an end; the database keeps 500 bytes */

struct command {
	char **arguments; /* NULL at the end; so is the other */
	size_t narguments;
	char **environment;
	size_t nenvironment;
	char *input;
	size_t ninput;
};

/* command_fini() in any case. */
bool command_build(const struct store_message *m, const struct config_destination *to,
                   struct command *out, struct err *err) MUST_CHECK;
void command_fini(struct command *c); /* secrets are wiped */

enum carried_how command_verdict(const struct config_exit *exit, const struct child_end *end);
/* For people: how it ended and the last of what it said, on one line. Secrets (NULL at the end, or
 * NULL) are shown as ***, control characters and bytes that are no UTF-8 as \xNN. */
void command_say(const struct child_end *end, char *const *secrets, char out[COMMAND_TEXT]);

#endif
