/* direct_answer - where the head of an answer, its body and its chunks end. */
#include "loop/direct_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/units.h"
#include "loop/transfer.h"

#define LENGTH_DIGITS_MAX 15
#define CHUNK_DIGITS_MAX 12

static bool header_is(struct str line, const char *name, struct str *out)
{
	size_t n = strlen(name);

	if (line.n <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
		return false;
	*out = str_trim(str_slice(line, n + 1, line.n));
	return true;
}

static bool is_word(struct str text, const char *word)
{
	return text.n == strlen(word) && strncasecmp(text.p, word, text.n) == 0;
}

/* What one header says about where the answer ends; false: not plain. */
static bool frame(struct direct *d, struct str line)
{
	struct err ignored;
	struct str value;
	int64_t length;

	if (line.n == 0 || line.p[0] == ' ' || line.p[0] == '\t' ||
	    memchr(line.p, '\0', line.n) != NULL || memchr(line.p, '\r', line.n) != NULL)
		return false;
	if (header_is(line, "Content-Length", &value)) {
		if (d->at != AT_CLOSE || value.n == 0 || value.n > LENGTH_DIGITS_MAX)
			return false;
		for (size_t i = 0; i < value.n; i++) {
			if (value.p[i] < '0' || value.p[i] > '9')
				return false;
		}
		d->at = AT_LENGTH;
		if (!int_parse(value, &length, &ignored))
			return false;
		d->left = (uint64_t)length;
	} else if (header_is(line, "Transfer-Encoding", &value)) {
		if (d->at != AT_CLOSE || !is_word(value, "chunked"))
			return false;
		d->at = AT_CHUNK;
		d->in_chunk = IN_SIZE;
		d->left = d->ndigits = 0;
	} else if (header_is(line, "Connection", &value)) {
		d->is_kept = is_word(value, "keep-alive");
	} else if (header_is(line, "Upgrade", &value) || header_is(line, "Trailer", &value)) {
		return false;
	}
	return memchr(line.p, ':', line.n) != NULL;
}

/* Of the head, with the empty line at its end. Nothing is told of it before all of it is plain. */
static bool take_head(struct direct *d, struct str head)
{
	bool is_plain_head = head.n > 13 && memcmp(head.p, "HTTP/1.1 200", 12) == 0 &&
	                     (head.p[12] == ' ' || head.p[12] == '\r');
	struct str lines = str_slice(head, 0, head.n - 2);

	d->at = AT_CLOSE;
	d->is_kept = true;
	for (size_t at = 0, n; is_plain_head && at < lines.n; at += n) {
		const char *end = memchr(lines.p + at, '\n', lines.n - at);

		n = (size_t)(end - lines.p) - at + 1;
		is_plain_head = n >= 2 && end[-1] == '\r' &&
		                (at == 0 || frame(d, str_slice(lines, at, at + n - 2)));
	}
	for (size_t at = 0, n; is_plain_head && at < lines.n; at += n) {
		n = (size_t)((const char *)memchr(lines.p + at, '\n', lines.n - at) - lines.p) -
		    at + 1;
		is_plain_head = transfer_take_header(d->fetch, lines.p + at, n);
	}
	d->fetch->status = 200;
	d->is_kept = d->is_kept && d->at != AT_CLOSE;
	return is_plain_head;
}

/* The number of bytes of *bytes that belong to the head; *out_end: it ends there. */
static size_t find_end(const struct direct *d, struct str bytes, bool *out_end)
{
	static const char mark[] = {'\r', '\n', '\r', '\n'};
	size_t have = d->head.n, matched = 0;

	/* How much of the mark stands at the end of what came before. */
	for (size_t n = have < 3 ? have : 3; n > 0 && matched == 0; n--) {
		if (memcmp(d->head.bytes + have - n, mark, n) == 0)
			matched = n;
	}
	*out_end = false;
	if (matched > 0 && bytes.n >= 4 - matched &&
	    memcmp(bytes.p, mark + matched, 4 - matched) == 0) {
		*out_end = true;
		return 4 - matched;
	}
	const char *found = memmem(bytes.p, bytes.n, mark, sizeof(mark));

	*out_end = found != NULL;
	return found != NULL ? (size_t)(found - bytes.p) + 4 : bytes.n;
}

/* Lines that end without their returns: curl finds the end of such a head. Only the newest bytes
 * are looked at, and what they may complete. */
static bool ends_oddly(struct str head, size_t newest)
{
	size_t from = newest > 2 ? newest - 2 : 0;
	struct str late = str_slice(head, from, head.n);

	return memmem(late.p, late.n, "\n\n", 2) != NULL ||
	       memmem(late.p, late.n, "\n\r\n", 3) != NULL;
}

static enum direct_end read_head(struct direct *d, struct str *bytes)
{
	bool ends;
	size_t n = find_end(d, *bytes, &ends);
	struct str head = {.p = bytes->p, .n = n};
	size_t had = d->head.n;

	if (!ends || d->head.n > 0) {
		buf_add(&d->head, bytes->p, n);
		if (d->head.failed != ERR_NONE)
			return DIRECT_AGAIN;
		head = buf_str(&d->head);
	}
	*bytes = str_slice(*bytes, n, bytes->n);
	if (!ends) {
		d->is_odd = ends_oddly(head, had);
		return d->is_odd ? DIRECT_AGAIN : DIRECT_GOES_ON;
	}
	d->is_odd = !take_head(d, head);
	return d->is_odd ? DIRECT_AGAIN : DIRECT_GOES_ON;
}

static enum direct_end broken(struct direct *d, const char *how)
{
	snprintf(d->fetch->error, sizeof(d->fetch->error), "%s", how);
	return DIRECT_BROKEN;
}

/* As much of the body or chunk as is there. */
static bool hand_on(struct direct *d, struct str *bytes)
{
	size_t n = d->at == AT_CLOSE || bytes->n < d->left ? bytes->n : (size_t)d->left;
	size_t took = n > 0 ? transfer_take_body(d->fetch, bytes->p, n) : 0;

	if (d->at != AT_CLOSE)
		d->left -= n;
	*bytes = str_slice(*bytes, n, bytes->n);
	return took == n;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of what stands between the data of chunks. False: it is none of that. */
static bool take_frame_byte(struct direct *d, char c)
{
	int digit = hex_digit(c);

	switch (d->in_chunk) {
	case IN_SIZE:
		if (digit >= 0 && d->ndigits < CHUNK_DIGITS_MAX) {
			d->left = d->left << 4 | (uint64_t)digit;
			d->ndigits++;
			return true;
		}
		d->in_chunk = IN_EXTENSION;
		if (d->ndigits == 0 || digit >= 0)
			return false;
		return c == '\n' ? take_frame_byte(d, c) : c == '\r' || c == ';' || c == ' ';
	case IN_EXTENSION:
		if (c == '\n') {
			d->in_chunk = d->left > 0 ? IN_DATA : IN_TRAILER;
			d->is_line_empty = true;
		}
		return true;
	case IN_DATA_END:
		if (c == '\n') {
			d->in_chunk = IN_SIZE;
			d->left = d->ndigits = 0;
		}
		return c == '\n' || c == '\r';
	case IN_TRAILER:
		if (c == '\n' && d->is_line_empty)
			d->in_chunk = IN_END;
		d->is_line_empty = c == '\n' || (d->is_line_empty && c == '\r');
		return true;
	case IN_DATA:
	case IN_END:
		break;
	}
	return false;
}

static enum direct_end read_chunks(struct direct *d, struct str *bytes)
{
	while (bytes->n > 0 && d->in_chunk != IN_END) {
		if (d->in_chunk == IN_DATA) {
			if (!hand_on(d, bytes))
				return DIRECT_DONE;
			if (d->left == 0)
				d->in_chunk = IN_DATA_END;
			continue;
		}
		if (!take_frame_byte(d, bytes->p[0]))
			return broken(d, "the answer's chunks are broken");
		*bytes = str_slice(*bytes, 1, bytes->n);
	}
	return DIRECT_GOES_ON;
}

static enum direct_end read_body(struct direct *d, struct str *bytes)
{
	bool ends;

	if (d->at == AT_CHUNK) {
		enum direct_end end = read_chunks(d, bytes);

		if (end != DIRECT_GOES_ON)
			return end;
	} else if (!hand_on(d, bytes)) {
		return DIRECT_DONE;
	}
	ends = d->at == AT_CHUNK ? d->in_chunk == IN_END : d->at == AT_LENGTH && d->left == 0;
	if (!ends)
		return DIRECT_GOES_ON;
	/* More than was announced: nothing on this connection can be trusted any more. */
	if (d->is_kept && bytes->n == 0)
		d->at = AT_IDLE;
	return DIRECT_DONE;
}

enum direct_end answer_end(struct direct *d, bool is_orderly)
{
	if (d->at == AT_HEAD)
		return DIRECT_AGAIN;
	if (d->at == AT_CLOSE && is_orderly)
		return DIRECT_DONE;
	return broken(d, "transfer closed with outstanding read data remaining");
}

enum direct_end answer_take(struct direct *d, struct str bytes)
{
	if (d->at == AT_HEAD) {
		enum direct_end end = read_head(d, &bytes);

		if (end != DIRECT_GOES_ON || d->at == AT_HEAD)
			return end;
	}
	return read_body(d, &bytes);
}
