/*
 * kpi_remote - a KPI whose number somebody else has worked out: a Prometheus, or a service that
 * tells it in a JSON document.
 *
 * Pure. What the shell was told is handed in as a struct kpi_remote; whether it may be used at this
 * instant is decided here (rules K1 and K5). Of rule K4 a remote number can only meet the part that
 * is about the exposure: one range, or `window`, lies inside it, up to the instant the number was
 * true. Since when its samples are without a gap, and which targets are behind them, the other side
 * alone knows.
 */
#ifndef GATE_KPI_REMOTE_H
#define GATE_KPI_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/macros.h"
#include "base/time.h"
#include "gate/kpi.h"

struct kpi_remote {
	int64_t every_ms;
	struct wall asked;       /* when the newest question that has ended was asked; 0: none yet */
	enum gate_result result; /* GATE_PASS: there is a value; else ERROR, STALE or NO_DATA */
	double value;
	int64_t age_ms; /* of the number, or of the newest sample of the selector that is furthest
	                   behind, at that instant */
	char why[240];  /* when the result is not GATE_PASS */
	struct kpi_bound bound;
	char stuck[160]; /* of a count of 0: what stands still while others move */
};

/* `exposed_since`: as for kpi_read(). `remote` NULL: not watched yet. */
void kpi_read_remote(const struct kpi *kpi, const struct kpi_remote *remote, struct wall at,
                     struct wall exposed_since, struct kpi_reading *out);

/* Result and sentence, in place of a value. */
void kpi_remote_refuse(struct kpi_remote *remote, enum gate_result result, const char *fmt, ...)
        PRINTF_LIKE(3, 4);

/* What a document says of a KPI with a pointer: fills result, value, age_ms and why. `asked`: when
 * the document was asked for. */
void kpi_pick(const struct kpi *kpi, const json_t *document, struct wall asked,
              struct kpi_remote *out);

#endif
