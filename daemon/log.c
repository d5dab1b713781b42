/* log - lines for the journal. One write(2) per line, so that lines never mix. */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

#define LINE_MAX_BYTES 4096
#define VALUE_MAX_BYTES 512
#define QUOTED_MAX (4 * VALUE_MAX_BYTES + 8)
#define QUOTED_BUFFERS 8

/* Process-wide on purpose: a threshold and a count, no state anybody decides by. */
static enum log_level threshold = LOG_INFO;
static uint64_t errors;

void log_set_level(enum log_level level)
{
	threshold = level;
}

bool log_wants(enum log_level level)
{
	return level <= threshold;
}

uint64_t log_error_count(void)
{
	return errors;
}

/* Whatever got into a line, it stays one line. */
static void line_mask_controls(char *line, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
}

static void line_write(char *line, size_t n)
{
	line_mask_controls(line, n);
	line[n] = '\n';
	for (size_t done = 0; done < n + 1;) {
		ssize_t wrote = write(STDERR_FILENO, line + done, n + 1 - done);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return; /* nobody listens: a lost line must not stop a rollback */
		done += (size_t)wrote;
	}
}

/* How many bytes a formatter that was asked to write at most `room` really left there. */
static size_t written(int n, size_t room)
{
	if (n < 0)
		return 0;
	return (size_t)n < room ? (size_t)n : room - 1;
}

static void log_compose(enum log_level level, const char *event, const struct err *err,
                        const char *fmt, va_list args) __attribute__((format(printf, 4, 0)));

static void log_compose(enum log_level level, const char *event, const struct err *err,
                        const char *fmt, va_list args)
{
	char line[LINE_MAX_BYTES + 2];
	size_t n;

	if (level == LOG_ERROR)
		errors++;
	if (level > threshold)
		return;
	n = written(snprintf(line, LINE_MAX_BYTES, "<%d>event=%s", (int)level, event),
	            LINE_MAX_BYTES);
	if (fmt != NULL && *fmt != '\0') {
		line[n++] = ' ';
		n += written(vsnprintf(line + n, LINE_MAX_BYTES - n, fmt, args),
		             LINE_MAX_BYTES - n);
	}
	if (err != NULL && n + 1 < LINE_MAX_BYTES)
		n += written(snprintf(line + n, LINE_MAX_BYTES - n, " error=%s code=%s",
		                      log_quote(err->text), err_code_name(err->code)),
		             LINE_MAX_BYTES - n);
	line_write(line, n);
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_compose(level, event, NULL, fmt, args);
	va_end(args);
}

void log_err(enum log_level level, const char *event, const struct err *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_compose(level, event, err, fmt, args);
	va_end(args);
}

static bool is_plain(unsigned char c)
{
	return c > 0x20 && c != 0x7f && c != '"' && c != '\\' && c != '=';
}

static size_t quote_byte(char *out, unsigned char c, bool utf8)
{
	static const char hex[] = "0123456789abcdef";

	if (c == '"' || c == '\\') {
		out[0] = '\\';
		out[1] = (char)c;
		return 2;
	}
	if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8)) {
		out[0] = '\\';
		out[1] = 'x';
		out[2] = hex[c >> 4];
		out[3] = hex[c & 15];
		return 4;
	}
	out[0] = (char)c;
	return 1;
}

const char *log_quote(const char *text)
{
	static char buffers[QUOTED_BUFFERS][QUOTED_MAX];
	static unsigned turn;
	char *out = buffers[turn++ % QUOTED_BUFFERS];
	struct str s = str_of(text);
	bool cut = s.n > VALUE_MAX_BYTES;
	bool plain = s.n > 0 && !cut;
	bool utf8;
	size_t n = 0;

	if (cut) {
		s.n = VALUE_MAX_BYTES;
		while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
			s.n--; /* not inside a character */
	}
	utf8 = str_is_utf8(s);
	for (size_t i = 0; i < s.n; i++)
		plain = plain && is_plain((unsigned char)s.p[i]) && (utf8 || s.p[i] > 0);
	if (plain) {
		memcpy(out, s.p, s.n);
		out[s.n] = '\0';
		return out;
	}
	out[n++] = '"';
	for (size_t i = 0; i < s.n; i++)
		n += quote_byte(out + n, (unsigned char)s.p[i], utf8);
	if (cut) {
		memcpy(out + n, "...", 3);
		n += 3;
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}
