/*
 * internal - what the files of the HTTP front share: the daemon, its connections and its requests.
 *
 * A request is made when its first line is read and freed by NOTIFY_COMPLETED only, whatever
 * happens between. Its stage moves forward only.
 */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>
#include <microhttpd.h>

#include "api/auth.h"
#include "api/form.h"
#include "api/headers.h"
#include "api/httpd.h"
#include "api/limiter.h"
#include "api/router.h"
#include "base/buf.h"
#include "base/time.h"
#include "loop/loop.h"

#define API_BODY_MAX ((size_t)1 << 20) /* of any route */
/* A refused body up to this is read and thrown away: a client that writes it whole before it reads
 * sees the answer instead of a reset. */
#define API_DRAIN_MAX ((size_t)16 << 20)
#define API_ANSWER_MAX ((size_t)64 << 20)
#define API_ANSWER_HEADERS 16
#define API_ORIGIN_MAX 64
#define API_TABLE 256 /* of waiting requests */

enum client_stage {
	CLIENT_IDLE = 0, /* no request line yet */
	CLIENT_SENDING,  /* its request is being read */
	CLIENT_WAITING,  /* we owe it an answer */
	CLIENT_READING   /* our answer is being written */
};

struct client { /* one connection */
	struct client *next, *previous;
	int fd;
	enum client_stage stage;
	struct mono deadline;    /* then the socket is shut down */
	struct request *request; /* present one, or NULL */
	char origin[API_ORIGIN_MAX];
};

enum request_stage {
	REQUEST_STARTED = 0, /* line read, headers not */
	REQUEST_ADMITTED,    /* passed everything before the body */
	REQUEST_REFUSED,     /* response is set; the body is read and thrown away */
	REQUEST_HANDLING,    /* inside the route's call */
	REQUEST_WAITING,     /* suspended: the route answers later */
	REQUEST_ANSWERED     /* response handed to MHD */
};

struct answer_header {
	char *name;
	char *value;
};

struct request {
	struct request *next_waiting;
	uint64_t id;
	struct httpd *httpd;
	struct client *client;
	struct MHD_Connection *connection;
	enum request_stage stage;
	struct mono started;

	char *target; /* own: path and query as sent */
	char method[8];
	char *path; /* own */
	struct form query;
	const struct route *route;
	char *params[ROUTER_MAX_PARAMS]; /* own */
	struct principal *principal;     /* own; NULL when anonymous */

	enum body_kind body_kind;
	struct buf body;
	json_t *json; /* own */

	struct answer_header headers[API_ANSWER_HEADERS];
	size_t nheaders;
	bool too_long; /* its body is read and thrown away, and the route answers that */
	struct MHD_Response *response; /* own until handed to MHD */
	struct MHD_Response *withheld; /* own: the answer, while what it depends on is under way */
	int status;
	bool close; /* after the answer */

	ev_io gone;       /* while waiting: the client may leave */
	struct mono left; /* when it half-closed; 0: it has not */
};

struct listener {
	struct httpd *httpd;
	struct MHD_Daemon *mhd;
	ev_io io;
	int fd;     /* listening; ours to close after a drain, -1 when none */
	bool local; /* UNIX socket */
};

struct httpd {
	struct app *app;
	const struct route *routes;
	struct listener listeners[2];
	size_t nlisteners;
	int port;
	struct client *clients;
	struct request *waiting[API_TABLE]; /* by id */
	uint64_t last_id;
	struct limiter *limiter;
	struct loop_timer mhd_timer; /* MHD's own time-outs */
	struct loop_timer deadlines; /* ours, once a second */
	bool kick;                   /* something was resumed: MHD must run before we sleep */
	bool draining;
	int64_t complaints; /* of the library, since the last one logged */
	struct mono complained;
};

/* --- client.c --- */
struct client *client_new(struct httpd *h, struct MHD_Connection *connection, bool local);
void client_free(struct httpd *h, struct client **c);
void client_set_stage(struct httpd *h, struct client *c, enum client_stage stage);
void clients_check(void *httpd); /* once a second */

/* --- request.c --- */
struct request *request_new(struct httpd *h, struct client *c, struct MHD_Connection *connection,
                            const char *target);
void request_free(struct request **r);
/* Puts it on the table that httpd_request() looks in, and takes it off. */
void request_show(struct request *r);
void request_hide(struct request *r);
void request_suspend(struct request *r);
/* Takes it off the table of waiting requests and lets MHD go on. */
void request_resume(struct request *r);

/* --- admit.c --- */
/* Everything before the body: policy, route, lengths, who asks, how often. Afterwards the request
 * is ADMITTED or REFUSED; when this returns true the refusal must go out without reading on. */
bool request_admit(struct request *r, const char *method, const char *version);

void request_too_long(struct request *r); /* answers 413 */

/* --- answer.c --- */
enum MHD_Result answer_queue(struct request *r); /* hands the response to MHD */

#endif
