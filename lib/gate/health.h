/*
 * health - the gate kind that counts URLs which do not answer as they should.
 */
#ifndef GATE_HEALTH_H
#define GATE_HEALTH_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define HEALTH_MAX_URLS 64

struct gate_kind;

struct health_spec {
	char **health; /* URLs */
	size_t nhealth;
	int64_t status_min, status_max; /* a status in between is healthy; default 200..299 */
	int64_t timeout_ms;             /* default 5 s */
	int64_t every_ms;               /* default 15 s */
	char *pointer;  /* JSON Pointer into the answer; NULL: the status is enough */
	json_t *equals; /* what must stand there */
};

extern const struct gate_kind gate_health;

#endif
