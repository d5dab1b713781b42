/*
 * dead_letters - messages that are not sent any more: which there are, and notifications once more.
 */
#ifndef API_DEAD_LETTERS_H
#define API_DEAD_LETTERS_H

struct request;

void dead_letters_list(struct request *r);   /* GET /v1/actions */
void dead_letters_replay(struct request *r); /* POST /v1/actions/:id/replay */

#endif
