/*
 * integrity - the gate kind that asks a service whether its records are whole, and takes nothing but
 * its word for it.
 */
#ifndef GATE_INTEGRITY_H
#define GATE_INTEGRITY_H

#include <stdint.h>

#include <jansson.h>

struct gate_kind;

struct integrity_spec {
	char *integrity;    /* URL; ${started_at} stays open until it is asked */
	char *pointer;      /* JSON Pointer into the answer */
	json_t *equals;     /* what must stand there; default true */
	int64_t every_ms;   /* default 5 min */
	int64_t timeout_ms; /* default 30 s */
	char *credentials;  /* of headgate.yaml; NULL: none are sent */
};

extern const struct gate_kind gate_integrity;

#endif
