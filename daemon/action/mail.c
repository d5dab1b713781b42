/* mail - what stands in a mail, and nothing about how it is sent. */
#include "action/mail.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "base/field.h"
#include "base/str.h"
#include "store/store.h"

#define LINE_MAX_CHARS 76 /* of a quoted-printable line, RFC 2045 */
#define WORD_BYTES 42     /* of text in one encoded word: base64 and its frame stay below 75 */
#define BODY_MAX_BYTES ((size_t)1024 * 1024)

/* --- addresses --- */

static bool is_local(struct str local)
{
	static const char also[] = "!#$%&'*+-/=?^_`{|}~.";

	for (size_t i = 0; i < local.n; i++) {
		char c = local.p[i];
		bool is_alnum =
		        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (c == '\0' || (!is_alnum && strchr(also, c) == NULL))
			return false;
	}
	return local.n > 0 && local.n <= 64;
}

static bool is_domain(struct str domain)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "0123456789-.";

	for (size_t i = 0; i < domain.n; i++) {
		if (domain.p[i] == '\0' || strchr(letters, domain.p[i]) == NULL)
			return false;
	}
	return domain.n > 0 && domain.p[0] != '.' && domain.p[0] != '-';
}

bool mail_is_address(const char *text)
{
	struct str all = str_of(text);
	const char *at = strrchr(text, '@');
	size_t n = at != NULL ? (size_t)(at - text) : 0;

	return at != NULL && all.n <= MAIL_ADDRESS_MAX && is_local(str_slice(all, 0, n)) &&
	       is_domain(str_slice(all, n + 1, all.n));
}

static bool add_recipient(struct mail *mail, const json_t *value, struct err *err)
{
	const char *text = json_string_value(value);
	char quote[STR_QUOTE_MAX];

	if (text == NULL || !mail_is_address(text))
		return err_set(err, ERR_INVALID, "%s is no mail address",
		               text != NULL ? str_quote(str_of(text), quote) : "a recipient");
	for (size_t i = 0; i < mail->nto; i++) {
		if (strcmp(mail->to[i], text) == 0)
			return true;
	}
	if (mail->nto == MAIL_RECIPIENTS_MAX)
		return err_set(err, ERR_LIMIT, "a mail has at most %d recipients",
		               MAIL_RECIPIENTS_MAX);
	mail->to[mail->nto] = text_dup(text);
	if (mail->to[mail->nto] == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a mail");
	mail->nto++;
	return true;
}

static bool read_recipients(struct mail *mail, const json_t *to, struct err *err)
{
	if (json_is_string(to))
		return add_recipient(mail, to, err);
	for (size_t i = 0; i < json_array_size(to); i++) {
		if (!add_recipient(mail, json_array_get(to, i), err))
			return false;
	}
	return mail->nto > 0 || err_set(err, ERR_INVALID, "the mail has no recipients");
}

/* --- headers --- */

static void end_line(struct buf *out)
{
	buf_add_text(out, "\r\n");
}

/* The end of text[0..most] that splits no character. */
static size_t whole_characters(struct str text, size_t most)
{
	size_t n = text.n < most ? text.n : most;

	while (n > 0 && n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static bool is_plain(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] < 0x20 || (unsigned char)text.p[i] >= 0x7f)
			return false;
	}
	/* "=?" would read as an encoded word. */
	return memmem(text.p, text.n, "=?", 2) == NULL;
}

/* RFC 2047: as many encoded words as it takes, each on a line of its own. */
static void add_encoded(struct buf *out, struct str text)
{
	unsigned char base64[(WORD_BYTES + 2) / 3 * 4 + 1];
	const char *gap = "";

	while (text.n > 0) {
		size_t n = whole_characters(text, WORD_BYTES);

		if (n == 0) /* not text at all */
			n = text.n < WORD_BYTES ? text.n : WORD_BYTES;
		EVP_EncodeBlock(base64, (const unsigned char *)text.p, (int)n);
		buf_printf(out, "%s=?UTF-8?B?%s?=", gap, (const char *)base64);
		gap = "\r\n ";
		text = str_slice(text, n, text.n);
	}
}

static void add_subject(struct buf *out, const char *subject)
{
	char line[MAIL_SUBJECT_MAX + 1];
	struct str all = str_of(subject);
	size_t n = whole_characters(all, MAIL_SUBJECT_MAX);

	memcpy(line, all.p, n);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	}
	all = (struct str){.p = line, .n = n};
	buf_add_text(out, "Subject: ");
	if (is_plain(all) && all.n <= LINE_MAX_CHARS - 9)
		buf_add_str(out, all);
	else
		add_encoded(out, all);
	end_line(out);
}

static void add_date(struct buf *out, struct wall at)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(at.ms / 1000);
	struct tm tm = {0};

	(void)gmtime_r(&seconds, &tm);
	buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday % 7],
	           tm.tm_mday, months[tm.tm_mon % 12], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
	           tm.tm_sec);
}

/* Ours, and the name of a milestone: visible ASCII; anything else becomes a dash. */
static void add_visible(struct buf *out, const char *name, const char *value)
{
	size_t n = strlen(value);

	buf_printf(out, "%s: ", name);
	for (size_t i = 0; i < n && i < 128; i++)
		buf_add_char(out, value[i] > 0x20 && value[i] < 0x7f ? value[i] : '-');
	end_line(out);
}

static void add_headers(struct mail *mail, const struct store_message *m, const char *from,
                        const char *subject)
{
	struct buf *out = &mail->text;

	add_date(out, m->created_at);
	buf_printf(out, "From: %s\r\nTo: ", from);
	for (size_t i = 0; i < mail->nto; i++)
		buf_printf(out, "%s%s", i > 0 ? ",\r\n " : "", mail->to[i]);
	end_line(out);
	add_subject(out, subject);
	buf_add_text(out, "Message-ID: <");
	for (const char *c = m->id; *c != '\0'; c++)
		buf_add_char(out, is_local((struct str){.p = c, .n = 1}) ? *c : '-');
	buf_printf(out, "@headgate.%s>\r\n", strrchr(from, '@') + 1);
	buf_add_text(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	                  "Content-Type: text/plain; charset=utf-8\r\n"
	                  "Content-Transfer-Encoding: quoted-printable\r\n");
	buf_printf(out, "X-Headgate-Release: %lld\r\n", (long long)m->release_id);
	add_visible(out, "X-Headgate-Event", m->action);
	end_line(out);
}

/* --- body --- */

/* Quoted-printable, RFC 2045: `column` counts what stands in the line already. */
static void add_byte(struct buf *out, unsigned char c, bool is_last, size_t *column)
{
	bool is_space = c == ' ' || c == '\t';
	bool is_literal = (c > 0x20 && c < 0x7f && c != '=') || (is_space && !is_last);
	size_t width = is_literal ? 1 : 3;

	if (*column + width > LINE_MAX_CHARS - 1) {
		buf_add_text(out, "=\r\n");
		*column = 0;
	}
	if (is_literal)
		buf_add_char(out, (char)c);
	else
		buf_printf(out, "=%02X", c);
	*column += width;
}

static void add_text(struct buf *out, struct str text)
{
	size_t column = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		char next = i + 1 < text.n ? text.p[i + 1] : '\n';

		if (c == '\r' && next == '\n')
			continue;
		if (c == '\n' || c == '\r') {
			end_line(out);
			column = 0;
			continue;
		}
		add_byte(out, (unsigned char)c, next == '\n' || next == '\r', &column);
	}
	if (column > 0)
		end_line(out);
}

bool mail_build(const struct store_message *m, const char *from, struct mail *out, struct err *err)
{
	json_t *body;
	const char *subject, *text;
	bool ok;

	*out = (struct mail){.nto = 0};
	buf_init(&out->text, 3 * MAIL_TEXT_MAX + 64 * 1024);
	body = json_parse_strict(str_of(m->body), BODY_MAX_BYTES, err);
	if (body == NULL) {
		err_prefix(err, "the mail");
		return false;
	}
	subject = json_string_value(json_object_get(body, "subject"));
	text = json_string_value(json_object_get(body, "text"));
	ok = read_recipients(out, json_object_get(body, "to"), err);
	if (ok && (subject == NULL || text == NULL))
		ok = err_set(err, ERR_INVALID, "the mail has no subject or no text");
	if (ok) {
		struct str all = str_of(text);

		add_headers(out, m, from, subject);
		add_text(&out->text, str_slice(all, 0, whole_characters(all, MAIL_TEXT_MAX)));
		if (all.n > MAIL_TEXT_MAX)
			buf_add_text(&out->text, "\r\n[the rest was cut]\r\n");
		ok = buf_ok(&out->text, err);
	}
	json_decref(body);
	return ok;
}

void mail_fini(struct mail *mail)
{
	for (size_t i = 0; i < mail->nto; i++)
		free(mail->to[i]);
	mail->nto = 0;
	buf_fini(&mail->text);
}
