/* Handing a mail over: what is said after each reply, and what the replies mean in the end. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "loop/smtp.h"

static struct smtp s;
static char *three[] = {(char[]){"a@x"}, (char[]){"b@x"}, (char[]){"c@x"}};

static void begin(size_t nto, bool is_impatient)
{
	const struct smtp_mail mail = {.from = "gate@x",
	                               .to = three,
	                               .nto = nto,
	                               .text = STR("Subject: x\r\n\r\n.dot\r\nend"),
	                               .is_impatient = is_impatient};
	struct err err;

	ck_assert(smtp_begin(&s, &mail, &err));
}

static bool hear(const char *text)
{
	struct err err = {.code = ERR_NONE};

	buf_clear(&s.out);
	/* Byte by byte: how it was cut on the way must not matter. */
	for (; *text != '\0'; text++) {
		if (!smtp_heard(&s, text, 1, &err))
			return false;
	}
	return true;
}

static const char *said(void)
{
	return buf_str(&s.out).n > 0 ? buf_str(&s.out).p : "";
}

START_TEST(a_mail_is_handed_over_step_by_step)
{
	begin(2, false);
	ck_assert_str_eq(said(), "MAIL FROM:<gate@x>\r\n");
	ck_assert(hear("250-fine\r\n"));
	ck_assert_str_eq(said(), "");
	ck_assert(hear("250 go on\r\n"));
	ck_assert_str_eq(said(), "RCPT TO:<a@x>\r\n");
	ck_assert(hear("250 ok\r\n"));
	ck_assert_str_eq(said(), "RCPT TO:<b@x>\r\n");
	ck_assert(hear("251 will forward\r\n"));
	ck_assert_str_eq(said(), "DATA\r\n");
	ck_assert(hear("354 begin\r\n"));
	ck_assert_str_eq(said(), "Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n");
	ck_assert(hear("250 2.0.0 queued as 42\r\n"));
	ck_assert_int_eq(s.at, SMTP_OVER);
	ck_assert_int_eq(s.status, 250);
	ck_assert_str_eq(s.text, "250 2.0.0 queued as 42");
	smtp_fini(&s);
}
END_TEST

/* clang-format off */
static const struct {
	const char *why;
	bool is_impatient;
	const char *replies; /* after MAIL FROM: to three recipients and on */
	long status;
	const char *text;
} rows[] = {
	{ "the sender is refused",            false, "550 not you\r\n", 550, "550 not you" },
	{ "the sender is put off",            false, "451 later\r\n", 451, "451 later" },
	{ "nobody is known",                  false, "250 ok\r\n550 a\r\n551 b\r\n553 c\r\n", 550, "a@x: 550 a" },
	{ "all are put off",                  true,  "250 ok\r\n450 a\r\n450 b\r\n450 c\r\n", 450, "a@x: 450 a" },
	{ "one is put off: nobody yet",       false, "250 ok\r\n250 a\r\n451 b\r\n250 c\r\n", 451, "b@x: 451 b" },
	{ "a refusal before it changes none", false, "250 ok\r\n550 a\r\n451 b\r\n250 c\r\n", 450, "a@x: 550 a" },
	{ "some refused, the rest put off",   true,  "250 ok\r\n550 a\r\n451 b\r\n451 c\r\n", 450, "a@x: 550 a" },
	{ "one is put off for too long",      true,  "250 ok\r\n250 a\r\n451 b\r\n250 c\r\n354 go\r\n250 done\r\n", 250, "1 of 3 recipients left out: b@x: 451 b" },
	{ "one is unknown",                   false, "250 ok\r\n250 a\r\n550 b\r\n250 c\r\n354 go\r\n250 done\r\n", 250, "1 of 3 recipients left out: b@x: 550 b" },
	{ "the text is refused",              false, "250 ok\r\n250 a\r\n550 b\r\n250 c\r\n354 go\r\n554 spam\r\n", 554, "554 spam" },
	{ "no text wanted",                   false, "250 ok\r\n250 a\r\n250 b\r\n250 c\r\n554 no\r\n", 554, "554 no" },
	{ "no text wanted, strangely",        false, "250 ok\r\n250 a\r\n250 b\r\n250 c\r\n250 what?\r\n", 451, "250 what?" },
	{ "it is closing down",               false, "250 ok\r\n421 bye\r\n", 421, "421 bye" },
	{ "a line break alone, no text",      false, "550\n", 550, "550" },
	{ "control characters are not kept",  false, "550 a\tb\x1b[1m\xc3\xbc\r\n", 550, "550 a?b?[1m??" },
};
/* clang-format on */

START_TEST(replies_decide)
{
	begin(3, rows[_i].is_impatient);
	ck_assert_msg(hear(rows[_i].replies), "%s", rows[_i].why);
	ck_assert_msg(s.at == SMTP_OVER, "%s: not over", rows[_i].why);
	ck_assert_msg(s.status == rows[_i].status, "%s: %ld", rows[_i].why, s.status);
	ck_assert_msg(strcmp(s.text, rows[_i].text) == 0, "%s: %s", rows[_i].why, s.text);
	smtp_fini(&s);
}
END_TEST

START_TEST(what_is_no_reply_ends_it)
{
	static char endless[2 * SMTP_LINE_MAX];
	static const char *const wrong[] = {
	        "HTTP/1.1 200 OK\r\n", "25 ok\r\n", "099 ok\r\n", "250_ok\r\n", "\r\n", endless,
	};
	struct err err;

	memset(endless, '2', sizeof(endless) - 1);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		begin(1, false);
		ck_assert_msg(!hear(wrong[i]), "%.20s", wrong[i]);
		smtp_fini(&s);
	}
	begin(1, false);
	ck_assert_msg(!smtp_heard(&s, "250 a\r\n250 b\r\n", 14, &err), "two replies to one");
	smtp_fini(&s);
	begin(1, false);
	for (int i = 0; i < SMTP_REPLY_LINES_MAX; i++)
		ck_assert(hear("250-more\r\n"));
	ck_assert(!hear("250-more\r\n"));
	smtp_fini(&s);
}
END_TEST

static Suite *suite(void)
{
	Suite *all = suite_create("smtp");
	TCase *t = tcase_create("all");

	tcase_add_test(t, a_mail_is_handed_over_step_by_step);
	tcase_add_loop_test(t, replies_decide, 0, ARRAY_LEN(rows));
	tcase_add_test(t, what_is_no_reply_ends_it);
	suite_add_tcase(all, t);
	return all;
}

int main(void)
{
	return suite_run(suite());
}
