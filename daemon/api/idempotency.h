/*
 * idempotency - Idempotency-Key makes a POST safe to repeat: the first answer is kept for 7 days
 * and given again; the same key with another body is 422, the same key while the first is under way
 * 409.
 */
#ifndef API_IDEMPOTENCY_H
#define API_IDEMPOTENCY_H

#include <jansson.h>

struct request;

/* Runs `go` when the request carries no key or a new one; otherwise answers itself. `go` must
 * answer through the two functions below. */
void idempotency_run(struct request *r, void (*go)(struct request *r));
void idempotency_answer(struct request *r, int status, json_t *body_take);
void idempotency_answer_problem(struct request *r, int status, json_t *extra_take,
                                const char *text);

#endif
