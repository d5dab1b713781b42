/*
 * direct_internal - a connection as direct.c (connections and requests) and direct_answer.c (where
 * answers end) see it.
 */
#ifndef LOOP_DIRECT_INTERNAL_H
#define LOOP_DIRECT_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/str.h"
#include "base/time.h"
#include "loop/direct.h"
#include "loop/loop.h"

enum at { AT_IDLE = 0, AT_CONNECTING, AT_HEAD, AT_LENGTH, AT_CHUNK, AT_CLOSE };
/* Within a chunked body. */
enum in_chunk { IN_SIZE = 0, IN_EXTENSION, IN_DATA, IN_DATA_END, IN_TRAILER, IN_END };

struct direct {
	struct direct_pool *pool;
	struct fetch *fetch; /* under way */
	struct sockaddr_in address;
	int fd; /* -1: none, only to remember that curl is to be asked */
	ev_io io;
	struct loop_timer timer;
	struct mono since; /* of the state it is in, while idle or avoided */
	enum at at;
	bool is_kept; /* after this answer */
	bool is_odd;  /* curl is to be asked for a while */
	int64_t timeout_ms;
	struct buf head; /* what came of it so far, when it came in pieces */
	uint64_t left;   /* of the body or chunk */
	enum in_chunk in_chunk;
	unsigned ndigits;
	bool is_line_empty; /* of the trailer */
};

struct direct_pool {
	struct loop *loop;
	struct map *connections; /* by address */
	struct loop_timer sweep;
	direct_ready_fn ready;
	direct_late_fn late;
	void *ctx;
	char *buffer;
};

/* What came, at AT_HEAD or later. */
enum direct_end answer_take(struct direct *d, struct str bytes);
/* Nothing more will come. */
enum direct_end answer_end(struct direct *d, bool is_orderly);

#endif
