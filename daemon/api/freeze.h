/*
 * freeze - the stop-the-line button (rule A3).
 */
#ifndef API_FREEZE_H
#define API_FREEZE_H

struct request;

void freeze_set(struct request *r);
void freeze_clear(struct request *r);
void freeze_get(struct request *r);

#endif
