/*
 * transfer - one transfer as curl sees it: its options, its callbacks, and what its end means.
 *
 * Shared by fetch.c and transfer.c only. Nothing here knows about the pool, the queue or the loop.
 */
#ifndef LOOP_TRANSFER_H
#define LOOP_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/time.h"
#include "loop/fetch.h"
#include "loop/gunzip.h"

#define TRANSFER_OTHER_BODY_MAX ((size_t)4096) /* kept of an answer nobody streams */
#define TRANSFER_CONNECT_MS 5000

enum fetch_state { FETCH_QUEUED = 0, FETCH_ACTIVE, FETCH_ENDING };

struct fetch {                         /* one request */
	struct fetch *next, *previous; /* in the list of its state */
	struct fetcher *fetcher;
	struct shard *shard;
	int *depth; /* of curl callbacks, the fetcher's */
	CURL *easy; /* while active, unless it goes without curl */
	struct direct *direct;
	bool by_curl;        /* not without it */
	struct mono started; /* being active */
	enum fetch_state state;
	struct fetch_request request; /* its texts point into `texts` and `body` */
	char *method, *url, *body;    /* own */
	struct curl_slist *headers;   /* own */
	struct mono begun;
	struct dialogue *dialogue; /* of a mail, once connected */

	struct buf received;
	size_t nraw; /* bytes of the body as they came */
	size_t nreceived;
	size_t nheader_bytes;
	long status;
	char content_type[128];
	struct gunzip *gunzip; /* own; of a compressed answer */
	bool bad_encoding;     /* broken, or of a kind that was not asked for */
	bool is_framed; /* its length is stated, or its end is marked */
	int64_t retry_after_ms;
	bool cancelled, stopped, too_large, cut, header_bomb;
	bool refused, opened; /* an address was refused; a socket was opened */
	bool forbidden;       /* a kept connection leads where we may not go */
	int open_errno;       /* of socket() */
	char error[CURL_ERROR_SIZE];
};

/* Everything curl needs to know; `url`, `headers` and `body` stay where they are until the end. */
CURLcode transfer_set_options(CURL *easy, struct fetch *fetch, int64_t timeout_ms);
/* One line of the answer's head, its end included; false: enough. */
bool transfer_take_header(struct fetch *fetch, const char *line, size_t n);
/* Bytes of the body as they came; fewer taken than given: enough. */
size_t transfer_take_body(struct fetch *fetch, const char *bytes, size_t n);
/* Whose fault the end is; asks fetch->easy. */
enum fetch_failure transfer_classify(const struct fetch *fetch, CURLcode code);
void transfer_describe(const struct fetch *fetch, enum fetch_failure failure, CURLcode code,
                       struct err *err);

#endif
