/* A policy file: one that is read has a canonical form that reads as the same policy. */
#include "policy/policy.h"
#include "fuzz.h"

int fuzz_one(const uint8_t *bytes, size_t n)
{
	struct problems problems;
	struct policy *p, *again;
	json_t *json;

	problems_init(&problems);
	p = policy_from_yaml("policy.yaml", fuzz_text(bytes, n), NULL, &problems);
	fuzz_demand(p != NULL || problems.n > 0, "refused without a reason");
	if (p != NULL) {
		json = policy_to_json(p);
		again = policy_from_json(json, &problems);
		fuzz_demand(again != NULL, "the canonical form is refused: %s",
		            problems.n > 0 ? problems.list[0].text : "?");
		fuzz_demand(strcmp(p->hash, again->hash) == 0, "another hash");
		policy_warnings(p, &problems);
		policy_free(&again);
		json_decref(json);
	}
	policy_free(&p);
	problems_fini(&problems);
	return 0;
}
