/*
 * token_file - reading with the tables policies are read with, writing by hand.
 */
#include "api/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "api/token.h"
#include "base/buf.h"
#include "base/units.h"
#include "policy/yaml.h"
#include "secret_file.h"

static bool check_entry(const void *decoded, struct decode *d)
{
	const struct token_entry *entry = decoded;

	if (strspn(entry->hash, "0123456789abcdef") == TOKEN_HASH_HEX)
		return true;
	return decode_problem(d, "hash must be 64 lower-case hex digits");
}

/* clang-format off */
#define ENTRY(member) offsetof(struct token_entry, member)
static const struct field entry_fields[] = {
	{ .key = "kid", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = ENTRY(kid), .min = TOKEN_KID, .max = TOKEN_KID,
	  .doc = "Name of the token: what stands between hg_ and the next _." },
	{ .key = "subject", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = ENTRY(subject), .min = 1, .max = 128,
	  .doc = "Who acts with it; all tokens of a person have the same." },
	{ .key = "machine", .kind = FIELD_BOOL, .offset = ENTRY(machine), .fallback = "false",
	  .doc = "A machine must name the person it acts for where one is needed." },
	{ .key = "roles", .kind = FIELD_TEXT_LIST, .offset = ENTRY(roles), .count_offset = ENTRY(nroles), .max = 32,
	  .doc = "Names of roles; the configuration says what they may do." },
	{ .key = "hash", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = ENTRY(hash), .min = TOKEN_HASH_HEX, .max = TOKEN_HASH_HEX,
	  .doc = "SHA-256 of the secret part, in hex." },
	{ .key = "created", .kind = FIELD_INSTANT, .offset = ENTRY(created), .doc = "When it was made." },
	{ .key = "expires", .kind = FIELD_INSTANT, .offset = ENTRY(expires), .doc = "From when on it is refused." },
};
const struct field_table token_entry_table = {
	.noun = "token", .fields = entry_fields, .n = ARRAY_LEN(entry_fields), .size = sizeof(struct token_entry), .check = check_entry,
};
static const struct field list_fields[] = {
	{ .key = "tokens", .kind = FIELD_LIST, .offset = offsetof(struct token_list, entries), .count_offset = offsetof(struct token_list, n),
	  .max = 4096, .table = &token_entry_table, .doc = "All tokens." },
};
const struct field_table token_list_table = {
	.noun = "tokens file", .fields = list_fields, .n = ARRAY_LEN(list_fields), .size = sizeof(struct token_list),
};
/* clang-format on */

static bool decode(const char *path, struct str text, struct token_list *out,
                   struct problems *problems)
{
	struct positions *positions = positions_new();
	json_t *document = NULL;
	bool ok = false;

	if (positions)
		document = yaml_parse(path, text, TOKEN_FILE_MAX_BYTES, positions, problems);
	if (document) {
		struct decode d;

		decode_init(&d, problems, positions);
		ok = field_decode(&token_list_table, document, out, &d);
		decode_fini(&d);
		if (!ok)
			token_list_free(out);
	}
	json_decref(document);
	positions_free(&positions);
	return ok;
}

static bool has_content(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (!memchr(" \t\r\n", text.p[i], 4))
			return true;
	}
	return false;
}

bool token_file_read(const char *path, struct token_list *out, struct problems *problems,
                     struct err *err)
{
	char *bytes = NULL;
	size_t n = 0;
	bool ok = true;

	if (!secret_file_read(path, TOKEN_FILE_MAX_BYTES, &bytes, &n, err))
		return false;
	*out = (struct token_list){.entries = NULL, .n = 0};
	if (has_content((struct str){.p = bytes, .n = n}))
		ok = decode(path, (struct str){.p = bytes, .n = n}, out, problems);
	free(bytes);
	if (!ok)
		return err_set(err, ERR_INVALID, "%s: %zu mistakes, the first: %s", path,
		               problems->n, problems->n > 0 ? problems->list[0].text : "none");
	return true;
}

static void add_quoted(struct buf *out, const char *text)
{
	buf_add_char(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
	buf_add_char(out, '"');
}

static void add_instant(struct buf *out, const char *key, struct wall at)
{
	char text[UNITS_TEXT_MAX];

	if (at.ms == 0)
		return;
	instant_format(at, text);
	buf_printf(out, "    %s: %s\n", key, text);
}

static void add_entry(struct buf *out, const struct token_entry *entry)
{
	buf_printf(out, "  - kid: \"%s\"\n    subject: ", entry->kid);
	add_quoted(out, entry->subject);
	buf_printf(out, "\n    machine: %s\n    roles: [", entry->machine ? "true" : "false");
	for (size_t i = 0; i < entry->nroles; i++) {
		buf_add_text(out, i > 0 ? ", " : "");
		add_quoted(out, entry->roles[i]);
	}
	buf_printf(out, "]\n    hash: \"%s\"\n", entry->hash);
	add_instant(out, "created", entry->created);
	add_instant(out, "expires", entry->expires);
}

bool token_file_write(const char *path, const struct token_list *list, struct err *err)
{
	struct buf out;
	bool ok;

	buf_init(&out, TOKEN_FILE_MAX_BYTES);
	buf_add_text(&out,
	             "# Written by `headgate token`; comments are not kept. Holds no secrets.\n");
	buf_add_text(&out, list->n > 0 ? "tokens:\n" : "tokens: []\n");
	for (size_t i = 0; i < list->n; i++)
		add_entry(&out, &list->entries[i]);
	ok = buf_ok(&out, err) && secret_file_write(path, buf_str(&out), err);
	buf_fini(&out);
	return ok;
}

void token_list_free(struct token_list *list)
{
	field_free(&token_list_table, list);
}
