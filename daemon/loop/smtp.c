/* smtp - a step for each reply, in the order in which they come. */
#include "loop/smtp.h"

#include <stdio.h>
#include <string.h>

#define FRAME_BYTES ((size_t)4096)

static bool is_ok(long status)
{
	return status >= 200 && status < 300;
}

static void keep_text(struct smtp *s, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 1 < sizeof(s->text); text++)
		s->text[n++] = (char)(*text >= 0x20 && *text < 0x7f ? *text : '?');
	s->text[n] = '\0';
}

static void end(struct smtp *s, long status)
{
	s->at = SMTP_OVER;
	s->status = status;
}

static void ask_recipient(struct smtp *s)
{
	s->at = SMTP_AT_RCPT;
	buf_printf(&s->out, "RCPT TO:<%s>\r\n", s->mail.to[s->recipient]);
}

/* Every recipient has been answered for. */
static void judge_recipients(struct smtp *s)
{
	bool is_put_off = s->nput_off > 0 && (s->naccepted == 0 || !s->mail.is_impatient);

	if (is_put_off || s->naccepted == 0) {
		end(s, is_put_off && s->left_out >= 500 ? 450 : s->left_out);
		return;
	}
	s->at = SMTP_AT_DATA;
	buf_add_text(&s->out, "DATA\r\n");
}

static void hear_recipient(struct smtp *s, long status, const char *line)
{
	if (is_ok(status)) {
		s->naccepted++;
	} else {
		if (s->left_out == 0) {
			char said[SMTP_LINE_MAX + 300];

			snprintf(said, sizeof(said), "%s: %s", s->mail.to[s->recipient], line);
			keep_text(s, said);
			s->left_out = status;
		}
		if (status >= 500)
			s->nrefused++;
		else
			s->nput_off++;
	}
	if (++s->recipient < s->mail.nto)
		ask_recipient(s);
	else
		judge_recipients(s);
}

/* Dots at the start of a line are doubled; a dot alone ends it. */
static void say_text(struct smtp *s)
{
	struct str text = s->mail.text;
	bool is_start = true;

	for (size_t i = 0; i < text.n; i++) {
		if (is_start && text.p[i] == '.')
			buf_add_char(&s->out, '.');
		buf_add_char(&s->out, text.p[i]);
		is_start = text.p[i] == '\n';
	}
	buf_add_text(&s->out, is_start ? ".\r\n" : "\r\n.\r\n");
	s->at = SMTP_AT_TEXT;
}

/* What the server says of the whole, and who was left out. */
static void hear_end(struct smtp *s, long status, const char *line)
{
	char left_out[sizeof(s->text)];

	if (!is_ok(status) || s->left_out == 0) {
		keep_text(s, line);
	} else {
		snprintf(left_out, sizeof(left_out), "%s", s->text);
		snprintf(s->text, sizeof(s->text), "%zu of %zu recipients left out: %.120s",
		         s->nrefused + s->nput_off, s->mail.nto, left_out);
	}
	end(s, status);
}

static void hear_reply(struct smtp *s, long status, const char *line)
{
	switch (s->at) {
	case SMTP_AT_MAIL:
		if (is_ok(status)) {
			ask_recipient(s);
			return;
		}
		break;
	case SMTP_AT_RCPT:
		if (status != 421) { /* that closes the connection */
			hear_recipient(s, status, line);
			return;
		}
		break;
	case SMTP_AT_DATA:
		if (status == 354) {
			say_text(s);
			return;
		}
		break;
	case SMTP_AT_TEXT:
		hear_end(s, status, line);
		return;
	case SMTP_OVER:
		return;
	}
	keep_text(s, line);
	end(s, status >= 400 ? status : 451);
}

/* The status of one line, "250 text" or "250-text"; 0: it has none. */
static long status_of(const char *line, size_t n)
{
	long status = 0;

	if (n < 3 || (n > 3 && line[3] != ' ' && line[3] != '-'))
		return 0;
	for (size_t i = 0; i < 3; i++) {
		if (line[i] < '0' || line[i] > '9')
			return 0;
		status = status * 10 + (line[i] - '0');
	}
	return status >= 200 && status < 600 ? status : 0;
}

/* *out_is_last: the reply is complete. */
static bool hear_line(struct smtp *s, bool *out_is_last, struct err *err)
{
	size_t n = s->nline;
	long status;

	while (n > 0 && (s->line[n - 1] == '\r' || s->line[n - 1] == '\n'))
		n--;
	s->line[n] = '\0';
	s->nline = 0;
	status = status_of(s->line, n);
	if (status == 0 || ++s->nlines > SMTP_REPLY_LINES_MAX)
		return err_set(err, ERR_INVALID, "the mail server's reply is not one of SMTP");
	*out_is_last = n == 3 || s->line[3] == ' ';
	if (*out_is_last) {
		s->nlines = 0;
		hear_reply(s, status, s->line);
	}
	return true;
}

bool smtp_heard(struct smtp *s, const char *bytes, size_t n, struct err *err)
{
	bool is_last = false;

	for (size_t i = 0; i < n && s->at != SMTP_OVER; i++) {
		if (is_last)
			return err_set(err, ERR_INVALID,
			               "the mail server said more than it was asked");
		if (s->nline + 1 >= sizeof(s->line))
			return err_set(err, ERR_LIMIT, "the mail server's reply is too long");
		s->line[s->nline++] = bytes[i];
		if (bytes[i] == '\n' && !hear_line(s, &is_last, err))
			return false;
	}
	return buf_ok(&s->out, err);
}

bool smtp_begin(struct smtp *s, const struct smtp_mail *mail, struct err *err)
{
	*s = (struct smtp){.mail = *mail};
	/* At worst every second byte is a dot at the start of a line. */
	buf_init(&s->out, 2 * mail->text.n + FRAME_BYTES);
	buf_printf(&s->out, "MAIL FROM:<%s>\r\n", mail->from);
	return buf_ok(&s->out, err);
}

void smtp_fini(struct smtp *s)
{
	buf_fini(&s->out);
}
