/*
 * probe - a URL that is asked with GET again and again, and whose answer is judged. Internal to
 * daemon/source: what health and integrity gates have in common.
 *
 * The first failure is confirmed by a second probe 2 s later (rule E1); until then it is no
 * evidence. What fails on our own side (name resolution, limits, a forbidden address) says nothing
 * about the service and reads as unknown.
 */
#ifndef SOURCE_PROBE_H
#define SOURCE_PROBE_H

#include <stddef.h>

#include "gate/gate.h"
#include "source/watch.h"

struct probe;
/* What one answer says, before confirmation; `why` is empty before. */
typedef enum probe_state (*probe_judge_fn)(const struct probe *p, const struct fetch_reply *reply,
                                           char *why, size_t size);

/* The `detail` of an ask; copied. */
struct probe_ask {
	probe_judge_fn judge;
	int64_t status_min, status_max;
	const char *pointer; /* NULL: the answer's body does not matter */
	json_t *equals;
	size_t max_bytes;
	const struct subscription *of; /* whose release ${started_at} is about; NULL: not filled */
};

struct probe {
	struct watch watch;
	struct probe_ask ask; /* pointer and equals: own */
	struct gate_probe seen;
	struct wall begun, since; /* of the question under way */
	struct loop_timer confirm; /* running: a second look is due */
};

/* What two gates must agree on to share the probes of a URL, appended to `out`. */
bool probe_add_share(const struct probe_ask *ask, int64_t timeout_ms, struct buf *out,
                     struct err *err) MUST_CHECK;
#define PROBE_SHARE_MAX ((size_t)96 * 1024) /* filled values may be longer than what is written */

/* Members of a watch_kind whose size is that of struct probe. */
bool probe_init(struct watch *w, const struct ask *ask, struct err *err) MUST_CHECK;
void probe_start(struct watch *w);
void probe_stop(struct watch *w);
void probe_forget(struct watch *w);
void probe_describe(const struct watch *w, json_t *into);

#endif
