/*
 * destination_internal - what the files about destinations share: telling of mistakes where they
 * stand, and reading secrets.
 */
#ifndef DAEMON_DESTINATION_INTERNAL_H
#define DAEMON_DESTINATION_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "destination.h"

struct destination_reader {
	struct config_destination *to;
	const char *section; /* of headgate.yaml it stands in */
	const char *state_dir;
	const char *beside; /* headgate.yaml */
	const struct positions *positions;
	struct problems *problems;
	bool ok;
};

/* A problem of the key below the value that is being decoded; always false. */
bool destination_problem(struct decode *d, const char *key, const char *text);
/* The same later on, at the key's place in the file. */
void destination_complain(struct destination_reader *r, const char *key, const char *text);
/* A secret without the line break at its end, on the heap; NULL after complaining. */
char *destination_read_text(struct destination_reader *r, const char *key, const char *name,
                            size_t least);
/* Wipes, frees, and sets to NULL. */
void destination_forget_text(char **secret);

/* destination_command.c: those with a program. */
bool destination_command_check(const struct config_destination *to, struct decode *d) MUST_CHECK;
void destination_command_read(struct destination_reader *r);
void destination_command_forget(struct config_destination *to);

#endif
