/*
 * alerts - the gate kind that counts firing alerts of an Alertmanager.
 */
#ifndef GATE_ALERTS_H
#define GATE_ALERTS_H

struct gate_kind;

struct alerts_spec {
	char *alerts; /* selector in braces: {severity="critical"} */
	char *source; /* NULL: the only alertmanager source there is */
};

extern const struct gate_kind gate_alerts;

#endif
