/*
 * incidents - what goes wrong with a service, as people and monitoring report it (rule A5).
 */
#ifndef API_INCIDENTS_H
#define API_INCIDENTS_H

struct request;

void incidents_report(struct request *r);
void incidents_list(struct request *r);

#endif
