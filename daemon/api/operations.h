/*
 * operations - what machines ask of a daemon: metrics, liveness, readiness, the API's own
 * description.
 */
#ifndef API_OPERATIONS_H
#define API_OPERATIONS_H

struct request;

void operations_metrics(struct request *r);
void operations_livez(struct request *r);
void operations_readyz(struct request *r);
void operations_openapi(struct request *r);
void operations_index(struct request *r);

#endif
