/*
 * kpi_pushed - a KPI whose numbers are reported to the release: by a batch job, an evaluation that
 * runs at night, a person with a spreadsheet.
 *
 * Pure. The measurements are kept with the release. Of rule K4 the part about the exposure holds: a
 * measurement of before the present exposure proves nothing about it, and one whose `window` reaches
 * back to before it is still warming.
 */
#ifndef GATE_KPI_PUSHED_H
#define GATE_KPI_PUSHED_H

#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "gate/kpi.h"

/* Texts are owned by whoever holds the list. */
struct kpi_measurement {
	char *kpi;
	double value;   /* finite, in the KPI's unit */
	struct wall at; /* the instant the number is about; the end of its window */
	char *subject;  /* who reported it */
	int64_t told;   /* rises with every report to the release; at least 1 */
};

/* The newest measurement of the KPI, or why it may not be used. `exposed_since`: as for kpi_read().
 */
void kpi_read_pushed(const struct kpi *kpi, const struct kpi_measurement *list, size_t n,
                     struct wall at, struct wall exposed_since, struct kpi_reading *out);

#endif
