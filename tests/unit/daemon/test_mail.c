/* One message as a mail: what stands in it, whatever was told. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "action/mail.h"
#include "base/macros.h"
#include "store/store.h"

static struct mail mail;

static struct store_message message(const char *body)
{
	return (struct store_message){
	        .id = "0198c0de-0000-7000-8000-000000000001.2",
	        .release_id = 42,
	        .action = "held",
	        .body = body,
	        .created_at = {.ms = 1767323045678},
	};
}

static const char *build(const char *subject, const char *text)
{
	static char body[8192];
	struct store_message m;
	struct err err = {.code = ERR_NONE};

	snprintf(body, sizeof(body),
	         "{\"to\": [\"a@x.example\", \"b@x.example\", \"a@x.example\"], \"subject\": "
	         "\"%s\", \"text\": \"%s\"}",
	         subject, text);
	m = message(body);
	ck_assert_msg(mail_build(&m, "gate@x.example", &mail, &err), "%s", err.text);
	return buf_str(&mail.text).p;
}

START_TEST(headers_and_text)
{
	ck_assert_str_eq(
	        build("checkout is held", "Look at it.\\n"),
	        "Date: Fri, 2 Jan 2026 03:04:05 +0000\r\n"
	        "From: gate@x.example\r\n"
	        "To: a@x.example,\r\n b@x.example\r\n"
	        "Subject: checkout is held\r\n"
	        "Message-ID: <0198c0de-0000-7000-8000-000000000001.2@headgate.x.example>\r\n"
	        "Auto-Submitted: auto-generated\r\n"
	        "MIME-Version: 1.0\r\n"
	        "Content-Type: text/plain; charset=utf-8\r\n"
	        "Content-Transfer-Encoding: quoted-printable\r\n"
	        "X-Headgate-Release: 42\r\n"
	        "X-Headgate-Event: held\r\n"
	        "\r\n"
	        "Look at it.\r\n");
	mail_fini(&mail);
}
END_TEST

START_TEST(a_subject_is_one_header_whatever_it_holds)
{
	ck_assert_ptr_nonnull(
	        strstr(build("a\\r\\nBcc: c@x", ""), "\r\nSubject: a  Bcc: c@x\r\nM"));
	mail_fini(&mail);
	ck_assert_ptr_nonnull(strstr(build("\u00fc", ""), "\r\nSubject: =?UTF-8?B?w7w=?=\r\nM"));
	mail_fini(&mail);
	/* What looks encoded already would be read as something else. */
	ck_assert_ptr_nonnull(strstr(build("=?x", ""), "\r\nSubject: =?UTF-8?B?PT94?=\r\nM"));
	mail_fini(&mail);
}
END_TEST

START_TEST(lines_stay_short)
{
	char subject[1001], text[3001];
	const char *at;

	memset(subject, 'x', sizeof(subject) - 1);
	subject[sizeof(subject) - 1] = '\0';
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\u00e9", 2);
	text[sizeof(text) - 1] = '\0';
	at = build(subject, text);
	while (*at != '\0') {
		size_t n = strcspn(at, "\r");

		ck_assert_uint_le(n, 78);
		ck_assert_int_eq(at[n + 1], '\n');
		at += n + 2;
	}
	mail_fini(&mail);
}
END_TEST

START_TEST(text_is_quoted_printable)
{
	static const struct {
		const char *why, *text, *line;
	} rows[] = {
	        {"equals signs", "a=b", "\r\n\r\na=3Db\r\n"},
	        {"a space at the end", "a \\nb\\t", "\r\n\r\na=20\r\nb=09\r\n"},
	        {"a space inside", "a b", "\r\n\r\na b\r\n"},
	        {"line breaks of any kind", "a\\r\\nb\\nc\\rd", "\r\n\r\na\r\nb\r\nc\r\nd\r\n"},
	        {"more than ASCII", "\u00fc", "\r\n\r\n=C3=BC\r\n"},
	        {"dots are somebody else's", ".\\n.a", "\r\n\r\n.\r\n.a\r\n"},
	        {"nothing", "", "held\r\n\r\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *all = build("s", rows[i].text);
		size_t n = strlen(all), nline = strlen(rows[i].line);

		ck_assert_msg(n > nline && strcmp(all + n - nline, rows[i].line) == 0, "%s: %s",
		              rows[i].why, all);
		mail_fini(&mail);
	}
}
END_TEST

START_TEST(addresses)
{
	static const char *const right[] = {"a@b", "first.last+tag@mail.example.org",
	                                    "o'neil@x-y.example"};
	static const char *const wrong[] = {
	        "",        "a",         "@b",           "a@",      "a b@c",
	        "a@b c",   "<a@b>",     "a@b>\r\nDATA", "a,b@c",   "\"a\"@b",
	        "a@b@c@d", "a@[1.2.3]", "\u00fc@b.de",  "a@-b.de", "a;@b",
	};

	for (size_t i = 0; i < ARRAY_LEN(right); i++)
		ck_assert_msg(mail_is_address(right[i]), "%s", right[i]);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		ck_assert_msg(!mail_is_address(wrong[i]), "%s", wrong[i]);
}
END_TEST

START_TEST(what_is_no_mail_is_not_sent)
{
	static const char *const wrong[] = {
	        "",
	        "[]",
	        "{}",
	        "{\"to\": [], \"subject\": \"s\", \"text\": \"t\"}",
	        "{\"to\": [1], \"subject\": \"s\", \"text\": \"t\"}",
	        "{\"to\": [\"a@b\"], \"text\": \"t\"}",
	        "{\"to\": [\"a@b\"], \"subject\": \"s\"}",
	        "{\"to\": [\"a@b\", \"c\"], \"subject\": \"s\", \"text\": \"t\"}",
	};
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct store_message m = message(wrong[i]);

		ck_assert_msg(!mail_build(&m, "gate@x", &mail, &err), "%s", wrong[i]);
		mail_fini(&mail);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("mail");
	TCase *t = tcase_create("all");

	tcase_add_test(t, headers_and_text);
	tcase_add_test(t, a_subject_is_one_header_whatever_it_holds);
	tcase_add_test(t, lines_stay_short);
	tcase_add_test(t, text_is_quoted_printable);
	tcase_add_test(t, addresses);
	tcase_add_test(t, what_is_no_mail_is_not_sent);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
