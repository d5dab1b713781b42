/* Holds labels against the conditions of a selector. */
#include "promql/matcher.h"

#include "promql/regex.h"

bool matcher_matches(const struct matcher *m, struct str value, struct regex_scratch *scratch,
                     bool *out_matches, struct err *err)
{
	bool found = false;

	switch (m->kind) {
	case MATCHER_EQUAL:
		*out_matches = str_eq(m->value, value);
		return true;
	case MATCHER_NOT_EQUAL:
		*out_matches = !str_eq(m->value, value);
		return true;
	case MATCHER_REGEX:
	case MATCHER_NOT_REGEX:
		if (!regex_match(m->regex, value, scratch, &found, err))
			return false;
		*out_matches = found == (m->kind == MATCHER_REGEX);
		return true;
	case MATCHER_KIND_COUNT:
		break;
	}
	return err_set(err, ERR_BUG, "a label matcher of no kind");
}

bool matchers_match(const struct matcher *list, size_t n, const struct labels *labels,
                    struct regex_scratch *scratch, bool *out_matches, struct err *err)
{
	bool matches = true;

	for (size_t i = 0; i < n && matches; i++) {
		if (!matcher_matches(&list[i], labels_get(labels, list[i].name), scratch, &matches,
		                     err))
			return false;
	}
	*out_matches = matches;
	return true;
}
