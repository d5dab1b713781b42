/* label_match - the matchers of one selector, one after the other. */
#include "promql/label_match.h"

#include "promql/ast.h"
#include "promql/matcher.h"
#include "promql/regex.h"

static struct str value_of(const struct label *labels, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(labels[i].name, name))
			return labels[i].value;
	}
	return (struct str){.p = "", .n = 0};
}

bool promql_labels_match(const struct promql_expr *selector, const struct label *labels, size_t n,
                         bool *out_matches, struct err *err)
{
	const struct node *root = selector->root;
	struct regex_scratch *scratch = NULL;
	bool ok = true, matches = true;

	if (root->kind != NODE_SELECTOR)
		return err_set(err, ERR_INVALID, "the expression is no selector");
	if (selector->regexes)
		scratch = regex_scratch_new(err);
	if (selector->regexes && !scratch)
		return false;
	for (size_t i = 0; ok && matches && i < root->selector.nmatchers; i++) {
		const struct matcher *m = &root->selector.matchers[i];

		ok = matcher_matches(m, value_of(labels, n, m->name), scratch, &matches, err);
	}
	regex_scratch_free(&scratch);
	if (ok)
		*out_matches = matches;
	return ok;
}
