/*
 * verbs - what people and schedulers may do to a release: one table, one handler.
 */
#ifndef API_VERBS_H
#define API_VERBS_H

struct event;
struct request;
struct tracked;

/* Puts an event to the release on behalf of whoever asks, and answers. A machine acts for `author`,
 * which may be NULL. To be called within idempotency_run(). */
void verbs_submit(struct request *r, const struct tracked *t, const struct event *asked,
                  const char *author);

/* POST /v1/releases/:id/VERB for every row of the table in verbs.c. */
void verbs_start(struct request *r);
void verbs_pause(struct request *r);
void verbs_resume(struct request *r);
void verbs_promote(struct request *r);
void verbs_waive(struct request *r);
void verbs_rollback(struct request *r);
void verbs_cancel(struct request *r);
void verbs_approve(struct request *r);
void verbs_reject(struct request *r);
void verbs_ack(struct request *r);
void verbs_retry(struct request *r);
void verbs_resolve(struct request *r);
void verbs_note(struct request *r);
void verbs_incident(struct request *r);
void verbs_repin(struct request *r);
void verbs_check(struct request *r); /* POST /v1/releases/:id/checks/:name */

#endif
