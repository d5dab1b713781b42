/*
 * pg_args - the inside of struct pg_args, shared by the two files that build and send parameters.
 */
#ifndef LOOP_PG_ARGS_H
#define LOOP_PG_ARGS_H

#include <stdbool.h>

#include "base/buf.h"
#include "loop/pg.h"

struct pg_args {
	char *values[PG_MAX_ARGS]; /* owned; NULL is SQL NULL */
	int n;
	struct buf array; /* the literal being built */
	bool failed;      /* no memory, or too much: sticks until the statement is sent */
};

#endif
