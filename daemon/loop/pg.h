/*
 * pg - one connection to PostgreSQL in pipeline mode on the loop.
 *
 * Non-blocking from connect to close: host names are resolved by c-ares, every statement has a
 * deadline, a lost connection is made anew with back-off and jitter. A statement is one unit with
 * its own Sync (one implicit transaction). Statements are prepared once per connection by name.
 * Replies never come inside pg_send().
 */
#ifndef LOOP_PG_H
#define LOOP_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

struct loop;
struct metrics;
struct pg;

struct pg_statement { /* one row of a table of constants */
	const char *name;
	const char *sql;
	int nparams;
};

/* Parameters through typed adders; text format. At most PG_MAX_ARGS. Texts are copied. */
#define PG_MAX_ARGS 64
struct pg_args;
struct pg_args *pg_args_new(void);
void pg_args_free(struct pg_args **args);
void arg_text(struct pg_args *args, const char *text); /* NULL is SQL NULL */
void arg_i64(struct pg_args *args, int64_t value);
void arg_bool(struct pg_args *args, bool value);
void arg_str(struct pg_args *args, struct str text);
void arg_bytes(struct pg_args *args, struct str bytes); /* bytea */
/* Array literals: begin, then one call per element, then end. */
void arg_array_begin(struct pg_args *args);
void arg_array_text(struct pg_args *args, const char *text); /* NULL is a NULL element */
void arg_array_i64(struct pg_args *args, int64_t value);
void arg_array_bool(struct pg_args *args, bool value);
void arg_array_bytes(struct pg_args *args, struct str bytes);
void arg_array_end(struct pg_args *args);

enum pg_outcome {
	PG_DONE = 0, /* the server finished the unit and said so */
	PG_REJECTED, /* the server answered with an error; nothing of it happened */
	PG_UNSENT,   /* never reached the server: nothing of it happened */
	PG_UNKNOWN   /* sent, no answer: it may have happened */
};
struct pg_reply {
	enum pg_outcome outcome;
	const PGresult *result; /* PG_DONE; borrowed during the callback */
	char sqlstate[6];       /* PG_REJECTED */
	char constraint[64];    /* PG_REJECTED by one: its name, else "" */
	struct mono sent;
	struct err err;
};
typedef void (*pg_reply_fn)(void *ctx, const struct pg_reply *reply);

struct pg_options {
	const char *conninfo;          /* libpq keywords; parsed once at start */
	int64_t statement_deadline_ms; /* 5 s: then the socket is closed, never cancelled */
	int64_t connect_deadline_ms;   /* 3 s */
	size_t max_queue;              /* statements under way; beyond: ERR_LIMIT */
	const struct pg_statement *const *statements; /* NULL-terminated; prepared at connect */
	void (*up)(void *ctx);                        /* connected and prepared */
	/* Lost (every statement under way has been answered first), or could not be made;
	 * ERR_INVALID: the server would not prepare a statement. */
	void (*down)(void *ctx, const struct err *err);
	void *ctx;
};
struct pg *pg_new(struct loop *loop, struct metrics *metrics, const struct pg_options *options,
                  struct err *err);
void pg_free(struct pg **pg); /* statements under way are forgotten; never from a callback */
bool pg_is_up(const struct pg *pg);
/* Takes args. False (args freed, reply never called) when down or the queue is full. */
bool pg_send_take(struct pg *pg, const struct pg_statement *statement, struct pg_args *args,
                  pg_reply_fn reply, void *ctx, struct err *err) MUST_CHECK;
size_t pg_queue(const struct pg *pg); /* statements under way */
/* Within a reply: a WARNING came with it. A commit that warns (a synchronous standby was not waited
 * for) is of doubtful durability. */
bool pg_warned(const struct pg *pg);

/* Reading text results. A NULL or unparsable cell is the fallback / empty. */
int64_t pg_i64(const PGresult *r, int row, int column); /* 0 */
bool pg_bool(const PGresult *r, int row, int column);
const char *pg_text(const PGresult *r, int row, int column); /* "" for NULL */

#endif
