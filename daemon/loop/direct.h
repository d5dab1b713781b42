/*
 * direct - the plain case of a request without curl: GET over http to an address in numbers, whose
 * body is streamed. Scrapes are nearly all like that, and with small pages curl costs more than all
 * the rest of a scrape.
 *
 * Whatever is not plain, in the request or in the answer's head (any status but 200, anything odd
 * about its length), is left to curl, which then asks again and says what it finds. The address is
 * checked against the request's networks each time. Connections are kept, one for each address, as
 * long as curl would keep them.
 *
 * Shared by fetch.c and direct.c only.
 */
#ifndef LOOP_DIRECT_H
#define LOOP_DIRECT_H

#include <stdbool.h>
#include <stdint.h>

struct direct;
struct direct_pool;
struct fetch;
struct loop;

enum direct_end {
	DIRECT_GOES_ON = 0,
	DIRECT_DONE,   /* the answer is there, or its reader has had enough; the fetch says which */
	DIRECT_BROKEN, /* fetch->error says how */
	DIRECT_AGAIN,  /* nothing was handed out: curl is to ask */
};

/* Called from the loop when something of this fetch came. It is for the callee to call
 * direct_read() and to act on what that returns. */
typedef void (*direct_ready_fn)(void *ctx, struct fetch *fetch);
/* The time of this fetch is over, or of connecting; fetch->error says so. */
typedef void (*direct_late_fn)(void *ctx, struct fetch *fetch);

struct direct_pool *direct_pool_new(struct loop *loop, direct_ready_fn ready, direct_late_fn late,
                                    void *ctx); /* NULL without memory */
void direct_pool_free(struct direct_pool **pool); /* no fetch may be under way */

/* Sets fetch->direct. False: it is one for curl. */
bool direct_start(struct direct_pool *pool, struct fetch *fetch, int64_t timeout_ms);
enum direct_end direct_read(struct fetch *fetch);
/* Before fetch ends, however it does; a connection in the middle of an answer is closed. */
void direct_leave(struct fetch *fetch);

#endif
