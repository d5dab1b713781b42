/*
 * time - two clocks as two types, so that mixing them does not compile.
 *
 * mono: CLOCK_BOOTTIME inside this process, for deadlines and timers. wall: database time, the only
 * one stored, shown and audited. lib/ never reads a clock: `struct now` is an argument.
 */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>

struct mono {
	int64_t ns;
};

struct wall {
	int64_t ms; /* since 1970-01-01T00:00:00Z; 0 reads as "never" */
};

struct now {
	struct mono mono;
	struct wall wall;
};

#endif
