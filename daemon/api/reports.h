/*
 * reports - what schedulers report to a release: results of checks that run elsewhere, and
 * numbers that are worked out elsewhere.
 */
#ifndef API_REPORTS_H
#define API_REPORTS_H

struct request;

void reports_evidence(struct request *r);    /* POST /v1/releases/:id/evidence/:name */
void reports_measurement(struct request *r); /* POST /v1/releases/:id/measurements */

#endif
