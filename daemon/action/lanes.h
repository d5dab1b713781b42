/*
 * lanes - how many attempts may be under way at once, and to whom.
 *
 * A lane is one class of messages to one destination. A destination that hangs fills its own lanes
 * and holds up nothing else: rollbacks have places of their own, and a lane with nothing under way
 * always has one, however many others hang. Counts only; no I/O.
 * Limits: LANE_* each; together LANES_* per kind, and two more per lane.
 */
#ifndef ACTION_LANES_H
#define ACTION_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "release/release.h"

struct config_destination;
struct lanes;
struct store_claim;

#define LANE_ROLLBACKS 64
#define LANE_OTHERS 32
#define LANE_ROLLBACKS_HERE 8 /* of a program at least, however few runs it allows */
#define LANE_STRANGERS 16 /* to destinations that are not configured here */
#define LANES_ROLLBACKS 192
#define LANES_OTHERS 96

/* Claims are made apart for the two, so that neither waits for the other's answer. */
enum lanes_kind { LANES_OF_ROLLBACKS = 0, LANES_OF_OTHERS, LANES_KINDS };
enum lanes_kind lanes_kind_of(enum message_class class);

/* The destinations are borrowed until lanes_free(). NULL: no memory. */
struct lanes *lanes_new(const struct config_destination *destinations, size_t n);
void lanes_free(struct lanes **l);
/* The most that may ever be under way. */
size_t lanes_max(const struct lanes *l);
/* An attempt begins or ends; `to` is NULL for a destination that is not configured. */
void lanes_enter(struct lanes *l, enum message_class class, const struct config_destination *to);
void lanes_leave(struct lanes *l, enum message_class class, const struct config_destination *to);
/* What may be claimed now; messages to destinations that are not configured come with the others.
 * False: nothing. Borrowed until the next call. */
bool lanes_free_places(struct lanes *l, enum lanes_kind kind, struct store_claim *out);

#endif
