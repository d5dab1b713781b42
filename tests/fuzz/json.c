/* A JSON Pointer on the first line, then JSON as it comes over the wire. */
#include "base/field.h"
#include "base/json_pointer.h"
#include "fuzz.h"

#define JSON_BYTES (1024u * 1024)

static void canonical(const json_t *value)
{
	struct buf text;
	struct err err;
	json_t *again;

	buf_init(&text, JSON_BYTES * 8);
	if (json_canonical(value, &text, &err)) {
		again = json_parse_strict(buf_str(&text), JSON_BYTES * 8, &err);
		fuzz_demand(again != NULL, "the canonical form is refused: %s", err.text);
		fuzz_demand(json_is_same(value, again), "the canonical form is another value");
		json_decref(again);
	}
	buf_fini(&text);
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
	struct str all = fuzz_text(bytes, n);
	const char *end = memchr(all.p, '\n', all.n);
	size_t first = end != NULL ? (size_t)(end - all.p) : 0;
	char *pointer = str_dup(str_slice(all, 0, first));
	struct err err;
	json_t *value = json_parse_strict(str_slice(all, end != NULL ? first + 1 : 0, all.n),
	                                  JSON_BYTES, &err);

	fuzz_demand(pointer != NULL, "no memory");
	if (value != NULL) {
		(void)json_pointer_find(value, pointer);
		fuzz_demand(json_pointer_find(value, "") == value, "\"\" is not the document");
		canonical(value);
	}
	json_decref(value);
	free(pointer);
	return 0;
}
