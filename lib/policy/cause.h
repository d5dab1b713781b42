/*
 * cause - what headgate itself holds a release for, or calls people for, under names of its own.
 *
 * Pure. A gate's pause is a hold and a call of the gate's name, and there is one of each name at a
 * time: so no gate may have one of these names (lib/policy/crosscheck_gates.c). All other holds and
 * calls have a prefix with a colon, which no name in a policy can contain.
 */
#ifndef POLICY_CAUSE_H
#define POLICY_CAUSE_H

#define CAUSE_EVIDENCE "evidence"
#define CAUSE_ENTERING "entering"
#define CAUSE_OVERDUE "overdue"
#define CAUSE_ROLLBACK "rollback"
#define CAUSE_FAILED "failed"
#define CAUSE_STABILISE "stabilise"
#define CAUSE_SMOKE "smoke"
#define CAUSE_DRIFT "drift"

/* What the name stands for; NULL: nothing, a gate may have it. */
const char *policy_cause(const char *name);

#endif
