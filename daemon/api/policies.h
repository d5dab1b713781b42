/*
 * policies - reading, checking and putting policies.
 */
#ifndef API_POLICIES_H
#define API_POLICIES_H

struct request;

void policies_list(struct request *r);
void policies_get(struct request *r);
void policies_put(struct request *r);
void policies_validate(struct request *r);

#endif
