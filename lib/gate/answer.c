/* answer - one value of a JSON answer, held against the one that is wanted. */
#include "gate/answer.h"

#include <stdlib.h>

#include "base/json_pointer.h"
#include "gate/sentence.h"

#define VALUE_TEXT 48 /* of a value in a sentence, with NUL */

static void say_value(const json_t *value, char out[VALUE_TEXT])
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);

	sentence_set(out, VALUE_TEXT, "%s", text ? text : "?");
	free(text);
}

static enum answer_said compare(const json_t *answer, const char *pointer, const json_t *equals,
                                char *why, size_t size)
{
	const json_t *value = json_pointer_find(answer, pointer);
	char is[VALUE_TEXT], want[VALUE_TEXT];

	if (value && json_is_same(value, equals)) {
		sentence_set(why, size, "%s", "");
		return ANSWER_AGREES;
	}
	if (!value || json_is_null(value)) {
		sentence_set(why, size, value ? "%s is null" : "there is no %s in the answer",
		             pointer);
		return ANSWER_SAYS_NOTHING;
	}
	say_value(value, is);
	say_value(equals, want);
	sentence_set(why, size, "%s is %s, not %s", pointer, is, want);
	return ANSWER_DIFFERS;
}

enum answer_said answer_read(struct str body, const char *pointer, const json_t *equals, char *why,
                             size_t size)
{
	json_error_t where;
	json_t *answer = json_loadb(body.n > 0 ? body.p : "", body.n,
	                            JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
	enum answer_said said = ANSWER_SAYS_NOTHING;

	if (answer)
		said = compare(answer, pointer, equals, why, size);
	else
		sentence_set(why, size, "the answer is not JSON (line %d, column %d)", where.line,
		             where.column);
	json_decref(answer);
	return said;
}
