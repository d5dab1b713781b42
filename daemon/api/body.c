/* body - a request's body as one of our structs, or everything that is wrong with it. */
#include "api/httpd.h"
#include "base/field.h"
#include "base/problem.h"

static void answer_problems(struct request *r, const struct problems *problems)
{
	request_problem(r, 422,
	                json_pack("{s:s, s:o}", "pointer",
	                          problems->n > 0 ? problems->list[0].pointer : "", "problems",
	                          problems_json(problems)),
	                "%s", problems->n > 0 ? problems->list[0].text : "the body cannot be used");
}

bool request_decode(struct request *r, const struct field_table *table, void *out)
{
	json_t *document = request_body(r);
	struct problems problems;
	struct decode decode;
	bool good;

	if (document == NULL)
		return false;
	problems_init(&problems);
	decode_init(&decode, &problems, NULL);
	good = field_decode(table, document, out, &decode);
	if (!good)
		answer_problems(r, &problems);
	decode_fini(&decode);
	problems_fini(&problems);
	return good;
}
