/*
 * notifier - appends to a decision what is to be told of it, so that it is committed in the same
 * statement (rule N1), and keeps the throttle of each sink (rule N3).
 *
 * The throttle is this process's own: instances that decide at the same time each count what they
 * commit, and a restart begins anew.
 */
#ifndef DAEMON_NOTIFIER_H
#define DAEMON_NOTIFIER_H

#include "base/err.h"
#include "notify/notify.h"

struct app;
struct notifier;
struct told;

/* Warns when nobody would hear a call for people. */
struct notifier *notifier_new(struct app *app, struct err *err);
void notifier_free(struct notifier **n);

/* Appends to `outcome`, which `moment` is about. Without memory nothing is told, which is logged: a
 * decision is not held up by it. `outage` may be NULL. What it returns (NULL: nothing) is to be
 * handed to notifier_settle() once it is known whether the decision stands. */
struct told *notifier_append(struct notifier *n, const struct notify_moment *moment,
                             const struct notify_outage *outage, struct outcome *outcome);
/* Frees *told. Not committed: the throttle forgets it. */
void notifier_settle(struct notifier *n, struct told **told, bool committed);

#endif
