/* cause - the names that are taken, and what for. */
#include "policy/cause.h"

#include <stddef.h>
#include <string.h>

#include "base/macros.h"

/* clang-format off */
static const struct {
	const char *name, *what;
} causes[] = {
	{ CAUSE_EVIDENCE,  "the hold of missing evidence" },
	{ CAUSE_ENTERING,  "the call about actions that nobody acknowledges" },
	{ CAUSE_OVERDUE,   "the call about a stage that takes too long" },
	{ CAUSE_ROLLBACK,  "the call about a rollback under way" },
	{ CAUSE_FAILED,    "the call about a rollback that has failed" },
	{ CAUSE_STABILISE, "the call about a service that does not become stable" },
	{ CAUSE_SMOKE,     "the call about smoke tests that fail" },
	{ CAUSE_DRIFT,     "the call about a state that reads differently" },
};
/* clang-format on */

const char *policy_cause(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
		if (strcmp(causes[i].name, name) == 0)
			return causes[i].what;
	}
	return NULL;
}
