/*
 * actions - receivers that call back how a message ended.
 */
#ifndef API_ACTIONS_H
#define API_ACTIONS_H

struct request;

/* POST /v1/actions/:id/complete */
void actions_complete(struct request *r);

#endif
