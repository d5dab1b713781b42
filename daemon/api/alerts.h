/*
 * alerts - what Alertmanagers tell by webhook.
 */
#ifndef API_ALERTS_H
#define API_ALERTS_H

struct request;

void alerts_told(struct request *r); /* POST /v1/alerts */

#endif
