/*
 * drift - what was acknowledged is looked at ever again while its release is active, and set anew
 * when somebody else has changed it.
 *
 * Looks are claimed in the database (SKIP LOCKED), so any number of instances share them, and none
 * is lost with an instance. Two looks 2 s apart must agree: a change under way is not a drift. A
 * state that cannot be read is no drift either: that is shown, and logged once. What is sent anew
 * goes through the outbox (delivery.h) with all its rules.
 * Bounds: 64 looks at once, through a fetcher of their own.
 */
#ifndef ACTION_DRIFT_H
#define ACTION_DRIFT_H

#include "base/err.h"

struct app;
struct drift;

struct drift *drift_new(struct app *app, struct err *err);
void drift_free(struct drift **d);

#endif
