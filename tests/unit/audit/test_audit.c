/*
 * audit: the canonical bytes and the chain are what anyone can recompute from an export.
 */
#include <check.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "audit/audit.h"
#include "base/macros.h"

static const struct audit_record example = {
        .chain = "release/42",
        .sequence = 3,
        .transition = "0190a2b4-0000-7000-8000-000000000001",
        .at = {1767323045678},
        .actor = "ann",
        .origin = "10.0.0.7",
        .event = "pause",
        .from = "running/baking",
        .to = "paused/baking",
        .reason = "p95 looks odd",
        .detail = "{}",
};

static struct audit_hash hash_of(const struct audit_record *record,
                                 const struct audit_hash *previous)
{
	struct audit_hash hash;
	struct err err;
	struct buf bytes;

	buf_init(&bytes, 100000);
	audit_bytes(record, &bytes);
	ck_assert(buf_ok(&bytes, &err));
	ck_assert(audit_chain(previous, buf_str(&bytes), &hash, &err));
	buf_fini(&bytes);
	return hash;
}

START_TEST(the_bytes_are_length_prefixed_fields_in_one_order)
{
	static const char *const fields[] = {"headgate audit 1",
	                                     "release/42",
	                                     "3",
	                                     "0190a2b4-0000-7000-8000-000000000001",
	                                     "1767323045678",
	                                     "ann",
	                                     "10.0.0.7",
	                                     "pause",
	                                     "running/baking",
	                                     "paused/baking",
	                                     "p95 looks odd",
	                                     "{}"};
	struct buf bytes;
	size_t at = 0;

	buf_init(&bytes, 100000);
	audit_bytes(&example, &bytes);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		size_t n = strlen(fields[i]);
		const unsigned char prefix[4] = {0, 0, 0, (unsigned char)n};

		ck_assert_uint_le(at + 4 + n, bytes.n);
		ck_assert_mem_eq(bytes.bytes + at, prefix, 4);
		ck_assert_mem_eq(bytes.bytes + at + 4, fields[i], n);
		at += 4 + n;
	}
	ck_assert_uint_eq(at, bytes.n);
	buf_fini(&bytes);
}
END_TEST

START_TEST(long_fields_have_their_length_big_end_first)
{
	struct audit_record record = example;
	struct buf bytes;
	char detail[66052]; /* 0x010203 and the NUL */

	memset(detail, 'x', sizeof(detail) - 1);
	detail[sizeof(detail) - 1] = '\0';
	record.detail = detail;
	buf_init(&bytes, 100000);
	audit_bytes(&record, &bytes);
	ck_assert_mem_eq(bytes.bytes + bytes.n - (sizeof(detail) - 1) - 4, "\x00\x01\x02\x03", 4);
	buf_fini(&bytes);
}
END_TEST

START_TEST(an_absent_text_reads_as_an_empty_one)
{
	struct audit_record absent = example, empty = example;
	struct audit_hash zero = {{0}};

	absent.origin = absent.from = absent.reason = absent.detail = NULL;
	empty.origin = empty.from = empty.reason = empty.detail = "";
	struct audit_hash a = hash_of(&absent, &zero), b = hash_of(&empty, &zero);

	ck_assert_mem_eq(a.bytes, b.bytes, sizeof(a.bytes));
}
END_TEST

START_TEST(the_hash_is_sha256_of_the_previous_hash_and_the_bytes)
{
	static const char *const expected[] = {
	        /* SHA-256 of 32 zero bytes and "abc" */
	        "365aa7d8f7f9402c4b9434502b4cc89ddb09fe50d7cd95b493b834c62d5a5370",
	        /* SHA-256 of that hash alone */
	        "e68b0c72b1aff9488294900ba6cc1e99075122a8d0c122eb42da506f9c2321a4",
	};
	struct audit_hash hash = {{0}};
	char text[2 * AUDIT_HASH_BYTES + 1];
	struct err err;

	ck_assert(audit_chain(&hash, STR("abc"), &hash, &err));
	audit_hash_text(&hash, text);
	ck_assert_str_eq(text, expected[0]);
	ck_assert(audit_chain(&hash, STR(""), &hash, &err));
	audit_hash_text(&hash, text);
	ck_assert_str_eq(text, expected[1]);
}
END_TEST

START_TEST(every_field_and_the_previous_hash_change_the_hash)
{
	static const size_t texts[] = {
	        offsetof(struct audit_record, chain),  offsetof(struct audit_record, transition),
	        offsetof(struct audit_record, actor),  offsetof(struct audit_record, origin),
	        offsetof(struct audit_record, event),  offsetof(struct audit_record, from),
	        offsetof(struct audit_record, to),     offsetof(struct audit_record, reason),
	        offsetof(struct audit_record, detail),
	};
	struct audit_hash zero = {{0}}, one = {{1}};
	struct audit_hash whole = hash_of(&example, &zero), other;
	struct audit_record changed;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *text = "changed";

		changed = example;
		memcpy((char *)&changed + texts[i], &text, sizeof(text));
		other = hash_of(&changed, &zero);
		ck_assert_msg(memcmp(&other, &whole, sizeof(whole)) != 0, "field %zu", i);
	}
	changed = example;
	changed.sequence++;
	other = hash_of(&changed, &zero);
	ck_assert_mem_ne(&other, &whole, sizeof(whole));
	changed = example;
	changed.at.ms++;
	other = hash_of(&changed, &zero);
	ck_assert_mem_ne(&other, &whole, sizeof(whole));
	other = hash_of(&example, &one);
	ck_assert_mem_ne(&other, &whole, sizeof(whole));
}
END_TEST

START_TEST(text_moved_between_neighbouring_fields_changes_the_hash)
{
	struct audit_record a = example, b = example;
	struct audit_hash zero = {{0}};

	a.from = "ab";
	a.to = "c";
	b.from = "a";
	b.to = "bc";
	struct audit_hash x = hash_of(&a, &zero), y = hash_of(&b, &zero);

	ck_assert_mem_ne(x.bytes, y.bytes, sizeof(x.bytes));
}
END_TEST

START_TEST(a_hash_reads_back_from_its_text)
{
	struct audit_hash zero = {{0}}, hash = hash_of(&example, &zero), back;
	char text[2 * AUDIT_HASH_BYTES + 1];
	struct err err;

	audit_hash_text(&hash, text);
	ck_assert(audit_hash_parse(str_of(text), &back, &err));
	ck_assert_mem_eq(back.bytes, hash.bytes, sizeof(hash.bytes));
}
END_TEST

START_TEST(what_is_no_hash_is_refused)
{
	/* clang-format off */
	static const struct { const char *why, *text; } rows[] = {
		{ "nothing", "" },
		{ "a digit short", "000000000000000000000000000000000000000000000000000000000000000" },
		{ "a digit long", "00000000000000000000000000000000000000000000000000000000000000000" },
		{ "a letter beyond f", "000000000000000000000000000000000000000000000000000000000000000g" },
		{ "capitals, which would be a second spelling",
		  "000000000000000000000000000000000000000000000000000000000000000A" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct audit_hash out = {{7}};
		struct err err = {0};

		ck_assert_msg(!audit_hash_parse(str_of(rows[i].text), &out, &err), "%s",
		              rows[i].why);
		ck_assert_msg(err.code == ERR_INVALID && err.text[0], "%s", rows[i].why);
		ck_assert_msg(out.bytes[0] == 7, "%s: the output stays", rows[i].why);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("audit");
	TCase *tcase = tcase_create("audit");

	tcase_add_test(tcase, the_bytes_are_length_prefixed_fields_in_one_order);
	tcase_add_test(tcase, long_fields_have_their_length_big_end_first);
	tcase_add_test(tcase, an_absent_text_reads_as_an_empty_one);
	tcase_add_test(tcase, the_hash_is_sha256_of_the_previous_hash_and_the_bytes);
	tcase_add_test(tcase, every_field_and_the_previous_hash_change_the_hash);
	tcase_add_test(tcase, text_moved_between_neighbouring_fields_changes_the_hash);
	tcase_add_test(tcase, a_hash_reads_back_from_its_text);
	tcase_add_test(tcase, what_is_no_hash_is_refused);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
