/*
 * releases - the release resource: create, list, read.
 */
#ifndef API_RELEASES_H
#define API_RELEASES_H

struct request;

void releases_create(struct request *r);
void releases_list(struct request *r);
void releases_get(struct request *r);
void releases_gates(struct request *r);
void releases_targets(struct request *r);
void releases_timeline(struct request *r);
void releases_evaluations(struct request *r);
void releases_actions(struct request *r);
void releases_audit(struct request *r);

#endif
