/*
 * exposition - cuts the arriving bytes into lines and reads each line by itself; a line that
 * straddles chunks is carried over. Nothing depends on where the chunks were cut: bounds are
 * counted byte by byte.
 *
 * The grammar is that of Prometheus' own text parser, which is looser than the format's
 * description: the comma between labels may be missing, "foo{a="b"}1" is a sample, a later TYPE
 * replaces an earlier. Four things it lets pass are refused here, because a page is evidence: an
 * unknown escape or a raw newline in a label value, a metric name run into its value
 * ("http-requests 5"), and a last line without its newline, which is how a page that was cut off
 * looks.
 */
#include "exposition/exposition.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/units.h"
#include "exposition/family.h"

#define DEFAULT_MAX_BYTES ((size_t)10 * 1024 * 1024)
#define DEFAULT_MAX_SAMPLES 50000
#define DEFAULT_MAX_LABELS 64
#define DEFAULT_MAX_NAME_BYTES 256
#define DEFAULT_MAX_VALUE_BYTES 1024
#define DEFAULT_MAX_LINE_BYTES ((size_t)64 * 1024)
/* Keeps sums of a bound and a little more from overflowing, whatever the caller asks for. */
#define BOUND_MAX ((size_t)1 << 31)

/* Memory that grows to what the page needs, within the bounds. */
struct scratch {
	char *bytes;
	size_t n, capacity;
};

struct exposition {
	struct exposition_limits limits;
	exposition_sample_fn on_sample;
	exposition_wanted_fn wanted;
	void *ctx;
	struct families families;
	struct scratch carry;     /* the start of a line whose end has not come yet */
	struct scratch unescaped; /* label values of the present line that had escapes */
	struct label *labels;
	size_t nlabels, labels_capacity;
	size_t bytes, lines, samples;
	/* The name of the previous sample and what was found out about it. */
	struct scratch name;
	bool name_is_wanted;
	bool type_is_known;
	enum metric_type type;
	bool failed;
	struct err err;
};

/* A place in the present line. */
struct cursor {
	const char *start, *p, *end;
};

/* clang-format off */
static const char *const type_names[] = {
	[METRIC_UNTYPED]   = "untyped",
	[METRIC_COUNTER]   = "counter",
	[METRIC_GAUGE]     = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
	[METRIC_SUMMARY]   = "summary",
};
/* clang-format on */
_Static_assert(ARRAY_LEN(type_names) == METRIC_TYPE_COUNT, "every metric type has a name");

const char *metric_type_name(enum metric_type type)
{
	return (unsigned)type < METRIC_TYPE_COUNT ? type_names[type] : "unknown";
}

static size_t bound(size_t wish, size_t fallback)
{
	if (wish == 0)
		return fallback;
	return wish < BOUND_MAX ? wish : BOUND_MAX;
}

struct exposition *exposition_new(const struct exposition_limits *limits,
                                  exposition_sample_fn on_sample, exposition_wanted_fn wanted,
                                  void *ctx, struct err *err)
{
	static const struct exposition_limits defaults = {0};
	struct exposition *e = calloc(1, sizeof(*e));

	if (e == NULL) {
		err_set(err, ERR_NOMEM, "no memory to read a metrics page");
		return NULL;
	}
	if (limits == NULL)
		limits = &defaults;
	e->limits = (struct exposition_limits){
	        .max_bytes = bound(limits->max_bytes, DEFAULT_MAX_BYTES),
	        .max_samples = bound(limits->max_samples, DEFAULT_MAX_SAMPLES),
	        .max_labels = bound(limits->max_labels, DEFAULT_MAX_LABELS),
	        .max_name_bytes = bound(limits->max_name_bytes, DEFAULT_MAX_NAME_BYTES),
	        .max_value_bytes = bound(limits->max_value_bytes, DEFAULT_MAX_VALUE_BYTES),
	        .max_line_bytes = bound(limits->max_line_bytes, DEFAULT_MAX_LINE_BYTES),
	};
	e->on_sample = on_sample;
	e->wanted = wanted;
	e->ctx = ctx;
	families_init(&e->families);
	return e;
}

void exposition_free(struct exposition **e)
{
	if (*e == NULL)
		return;
	families_fini(&(*e)->families);
	free((*e)->carry.bytes);
	free((*e)->unescaped.bytes);
	free((*e)->name.bytes);
	free((*e)->labels);
	free(*e);
	*e = NULL;
}

size_t exposition_samples(const struct exposition *e)
{
	return e->samples;
}

static bool scratch_hold(struct scratch *s, size_t capacity, struct err *err)
{
	char *bytes;

	if (capacity <= s->capacity)
		return true;
	if (capacity < s->capacity * 2)
		capacity = s->capacity * 2;
	bytes = realloc(s->bytes, capacity);
	if (bytes == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a line of the metrics page");
	s->bytes = bytes;
	s->capacity = capacity;
	return true;
}

static bool scratch_add(struct scratch *s, const char *bytes, size_t n, struct err *err)
{
	if (!scratch_hold(s, s->n + n, err))
		return false;
	if (n > 0)
		memcpy(s->bytes + s->n, bytes, n);
	s->n += n;
	return true;
}

/* Says where in the page *err happened: byte `column` (from 0) of line `line` (from 0). */
static bool misplaced(size_t line, size_t column, struct err *err)
{
	err_prefix(err, "line %zu, column %zu", line + 1, column + 1);
	return false;
}

/* The same for a place in the present line. */
static bool bad(const struct exposition *e, const struct cursor *c, const char *at, struct err *err)
{
	return misplaced(e->lines, (size_t)(at - c->start), err);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool starts_label_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && is_blank(*c->p))
		c->p++;
}

/* Empty when no name starts here. Metric names may hold colons, label names may not. */
static struct str take_name(struct cursor *c, bool colons)
{
	const char *from = c->p;

	while (c->p < c->end && (starts_label_name(*c->p) || (colons && *c->p == ':') ||
	                         (c->p > from && is_digit(*c->p))))
		c->p++;
	return (struct str){.p = from, .n = (size_t)(c->p - from)};
}

/* How many bytes at the start are ASCII for certain; eight at a time, as nearly all text of a page
 * is. */
static size_t ascii_bytes(struct str text)
{
	uint64_t word;
	size_t n = 0;

	for (; text.n - n >= sizeof(word); n += sizeof(word)) {
		memcpy(&word, text.p + n, sizeof(word));
		if ((word & UINT64_C(0x8080808080808080)) != 0)
			return n;
	}
	while (n < text.n && (unsigned char)text.p[n] < 0x80)
		n++;
	return n;
}

/* Unlike str_is_utf8(), lets NUL pass: Prometheus does, in label values and help texts. */
static bool is_utf8(struct str text)
{
	size_t ascii = ascii_bytes(text);
	const char *nul;

	if (ascii == text.n)
		return true;
	text.p += ascii;
	text.n -= ascii;
	while (text.n > 0 && (nul = memchr(text.p, '\0', text.n)) != NULL) {
		size_t n = (size_t)(nul - text.p);

		if (!str_is_utf8((struct str){.p = text.p, .n = n}))
			return false;
		text.p += n + 1;
		text.n -= n + 1;
	}
	return str_is_utf8(text);
}

/* What was expected, and what stands at `at` instead. */
static bool unexpected(const struct exposition *e, const struct cursor *c, const char *at,
                       const char *expected, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	size_t n = 1;

	if (at == c->end)
		err_set(err, ERR_INVALID, "expected %s, found the end of the line", expected);
	else if (*at == '\r')
		err_set(err, ERR_INVALID,
		        "expected %s, found a carriage return: lines end with a line feed alone",
		        expected);
	else {
		/* All bytes of one UTF-8 character. */
		while (at + n < c->end && n < 4 && ((unsigned char)at[n] & 0xC0) == 0x80)
			n++;
		err_set(err, ERR_INVALID, "expected %s, found %s", expected,
		        str_quote((struct str){.p = at, .n = n}, quote));
	}
	return bad(e, c, at, err);
}

static bool refuse_quoted_name(const struct exposition *e, const struct cursor *c, struct err *err)
{
	err_set(err, ERR_INVALID,
	        "quoted names, as in {\"a.name\", \"a.label\"=\"x\"}, are not part of text format "
	        "0.0.4");
	return bad(e, c, c->p, err);
}

static bool check_name(const struct exposition *e, const struct cursor *c, struct str name,
                       const char *noun, struct err *err)
{
	if (name.n <= e->limits.max_name_bytes)
		return true;
	err_set(err, ERR_LIMIT, "the %s name is longer than %zu bytes", noun,
	        e->limits.max_name_bytes);
	return bad(e, c, name.p, err);
}

/* After "# HELP " or "# TYPE ". */
static bool take_family_name(const struct exposition *e, struct cursor *c, struct str *out,
                             struct err *err)
{
	struct str name;

	if (c->p < c->end && *c->p == '"')
		return refuse_quoted_name(e, c, err);
	name = take_name(c, true);
	if (name.n == 0)
		return unexpected(e, c, c->p, "a metric name", err);
	if (!check_name(e, c, name, "metric", err))
		return false;
	*out = name;
	return true;
}

static bool take_type(struct exposition *e, struct cursor *c, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	struct str name, word;

	if (!take_family_name(e, c, &name, err))
		return false;
	if (c->p < c->end && !is_blank(*c->p))
		return unexpected(e, c, c->p, "a space after the metric name", err);
	skip_blanks(c);
	word = str_trim((struct str){.p = c->p, .n = (size_t)(c->end - c->p)});
	for (int type = 0; type < METRIC_TYPE_COUNT; type++) {
		if (!str_eq_text(word, type_names[type]))
			continue;
		e->type_is_known = false;
		if (!families_declare(&e->families, name, (enum metric_type)type, err))
			return bad(e, c, name.p, err);
		return true;
	}
	if (word.n == 0)
		return unexpected(e, c, c->p, "a metric type", err);
	if (word.p[word.n - 1] == '\r')
		return unexpected(e, c, word.p + word.n - 1, "the end of the line", err);
	err_set(err, ERR_INVALID,
	        "%s is not a metric type: counter, gauge, histogram, summary or untyped",
	        str_quote(word, quote));
	return bad(e, c, c->p, err);
}

static bool take_help(const struct exposition *e, struct cursor *c, struct err *err)
{
	struct str name;

	if (!take_family_name(e, c, &name, err))
		return false;
	if (is_utf8((struct str){.p = c->p, .n = (size_t)(c->end - c->p)}))
		return true;
	err_set(err, ERR_INVALID, "the help text is not valid UTF-8");
	return bad(e, c, c->p, err);
}

/* "HELP" or "TYPE" with blanks behind it; the cursor then stands behind those. */
static bool take_keyword(struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(c->end - c->p) <= n || memcmp(c->p, word, n) != 0 || !is_blank(c->p[n]))
		return false;
	c->p += n;
	skip_blanks(c);
	return true;
}

/* From the '#'. What is neither HELP nor TYPE is a comment and may say anything. */
static bool take_comment(struct exposition *e, struct cursor *c, struct err *err)
{
	c->p++;
	if (c->p == c->end || !is_blank(*c->p))
		return true;
	skip_blanks(c);
	if (take_keyword(c, "TYPE"))
		return take_type(e, c, err);
	if (take_keyword(c, "HELP"))
		return take_help(e, c, err);
	return true;
}

/* The label value from behind its opening quote to its closing one, when it has an escape in it. */
static bool unescape(struct exposition *e, struct cursor *c, struct str *out, struct err *err)
{
	/* No value of a line is longer than the line, nor are all together: nothing handed out from
	 * here moves until the next line. */
	size_t room = (size_t)(c->end - c->start);
	char *to;

	if (!scratch_hold(&e->unescaped, room, err))
		return bad(e, c, c->p, err);
	to = e->unescaped.bytes + e->unescaped.n;
	out->p = to;
	for (; c->p < c->end && *c->p != '"'; c->p++) {
		if (*c->p != '\\') {
			*to++ = *c->p;
			continue;
		}
		if (c->p + 1 == c->end)
			break;
		switch (c->p[1]) {
		case 'n':
			*to++ = '\n';
			break;
		case '\\':
		case '"':
			*to++ = c->p[1];
			break;
		default:
			return unexpected(e, c, c->p + 1, "\\, \" or n after a backslash", err);
		}
		c->p++;
	}
	out->n = (size_t)(to - out->p);
	e->unescaped.n += out->n;
	return true;
}

/* From the opening quote to behind the closing one. */
static bool take_label_value(struct exposition *e, struct cursor *c, struct str *out,
                             struct err *err)
{
	const char *opening = c->p;
	const char *closing;

	if (c->p == c->end || *c->p != '"')
		return unexpected(e, c, c->p, "a label value in double quotes", err);
	c->p++;
	closing = memchr(c->p, '"', (size_t)(c->end - c->p));
	if (closing != NULL && memchr(c->p, '\\', (size_t)(closing - c->p)) == NULL) {
		*out = (struct str){.p = c->p, .n = (size_t)(closing - c->p)};
		c->p = closing;
	} else if (!unescape(e, c, out, err)) {
		return false;
	}
	if (c->p == c->end || *c->p != '"') {
		err_set(err, ERR_INVALID, "the label value is not closed on its line");
		return bad(e, c, opening, err);
	}
	c->p++;
	if (out->n > e->limits.max_value_bytes) {
		err_set(err, ERR_LIMIT, "the label value is longer than %zu bytes",
		        e->limits.max_value_bytes);
		return bad(e, c, opening, err);
	}
	if (!is_utf8(*out)) {
		err_set(err, ERR_INVALID, "the label value is not valid UTF-8");
		return bad(e, c, opening, err);
	}
	return true;
}

static bool add_label(struct exposition *e, const struct cursor *c, struct label label,
                      struct err *err)
{
	char quote[STR_QUOTE_MAX];

	if (e->nlabels == e->limits.max_labels) {
		err_set(err, ERR_LIMIT, "the sample has more than %zu labels",
		        e->limits.max_labels);
		return bad(e, c, label.name.p, err);
	}
	if (str_eq(label.name, STR("__name__"))) {
		err_set(err, ERR_INVALID, "the label \"__name__\" repeats the metric name");
		return bad(e, c, label.name.p, err);
	}
	for (size_t i = 0; i < e->nlabels; i++) {
		if (!str_eq(e->labels[i].name, label.name))
			continue;
		err_set(err, ERR_INVALID, "the label %s stands twice",
		        str_quote(label.name, quote));
		return bad(e, c, label.name.p, err);
	}
	if (e->nlabels == e->labels_capacity) {
		size_t capacity = e->labels_capacity > 0 ? e->labels_capacity * 2 : 16;
		struct label *labels = realloc(e->labels, capacity * sizeof(*labels));

		if (labels == NULL) {
			err_set(err, ERR_NOMEM, "no memory for the labels of a sample");
			return bad(e, c, label.name.p, err);
		}
		e->labels = labels;
		e->labels_capacity = capacity;
	}
	e->labels[e->nlabels++] = label;
	return true;
}

/* From behind '{' to behind '}'. */
static bool take_labels(struct exposition *e, struct cursor *c, struct err *err)
{
	for (;;) {
		struct label label;

		skip_blanks(c);
		if (c->p < c->end && *c->p == '}') {
			c->p++;
			return true;
		}
		if (c->p < c->end && *c->p == '"')
			return refuse_quoted_name(e, c, err);
		label.name = take_name(c, false);
		if (label.name.n == 0)
			return unexpected(e, c, c->p, "a label name or \"}\"", err);
		if (!check_name(e, c, label.name, "label", err))
			return false;
		skip_blanks(c);
		if (c->p == c->end || *c->p != '=')
			return unexpected(e, c, c->p, "\"=\" after the label name", err);
		c->p++;
		skip_blanks(c);
		if (!take_label_value(e, c, &label.value, err) || !add_label(e, c, label, err))
			return false;
		skip_blanks(c);
		if (c->p < c->end && *c->p == ',')
			c->p++;
	}
}

/* Everything up to the next blank. */
static struct str take_word(struct cursor *c)
{
	const char *from = c->p;

	while (c->p < c->end && !is_blank(*c->p))
		c->p++;
	return (struct str){.p = from, .n = (size_t)(c->p - from)};
}

static bool take_value(const struct exposition *e, struct cursor *c, double *out, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	struct str word = take_word(c);
	bool has_digit = false;
	double value;

	if (word.n == 0)
		return unexpected(e, c, word.p, "a value", err);
	if (word.p[word.n - 1] == '\r')
		return unexpected(e, c, word.p + word.n - 1, "the end of the line", err);
	for (size_t i = 0; i < word.n; i++) {
		has_digit = has_digit || is_digit(word.p[i]);
		if (word.p[i] != 'p' && word.p[i] != 'P')
			continue;
		err_set(err, ERR_INVALID, "%s is not a decimal number, NaN or Inf",
		        str_quote(word, quote));
		return bad(e, c, word.p, err);
	}
	if (!number_parse(word, &value, err))
		return bad(e, c, word.p, err);
	if (has_digit && isinf(value)) {
		err_set(err, ERR_INVALID, "%s is too large for a 64-bit float",
		        str_quote(word, quote));
		return bad(e, c, word.p, err);
	}
	*out = value;
	return true;
}

/* Optional. Digits only, as in Prometheus: a fraction would be seconds of another format. */
static bool take_timestamp(const struct exposition *e, struct cursor *c,
                           struct exposition_sample *sample, struct err *err)
{
	struct str word;

	skip_blanks(c);
	if (c->p == c->end)
		return true;
	word = take_word(c);
	for (size_t i = 0; i < word.n; i++) {
		if (!is_digit(word.p[i]))
			return unexpected(
			        e, c, word.p + i,
			        "a timestamp in whole milliseconds or the end of the line", err);
	}
	if (!int_parse(word, &sample->timestamp_ms, err))
		return bad(e, c, word.p, err);
	sample->has_timestamp = true;
	skip_blanks(c);
	if (c->p < c->end)
		return unexpected(e, c, c->p, "the end of the line", err);
	return true;
}

/* The name at the cursor, which is the previous sample's more often than not. Empty when none. */
static bool take_metric_name(struct exposition *e, struct cursor *c, struct str *out,
                             struct err *err)
{
	size_t left = (size_t)(c->end - c->p);
	size_t n = e->name.n;
	struct str name;

	if (n > 0 && left >= n && memcmp(c->p, e->name.bytes, n) == 0 &&
	    (left == n || is_blank(c->p[n]) || c->p[n] == '{')) {
		*out = (struct str){.p = c->p, .n = n};
		c->p += n;
		return true;
	}
	name = take_name(c, true);
	if (name.n == 0)
		return unexpected(e, c, c->p, "a metric name", err);
	if (!check_name(e, c, name, "metric", err))
		return false;
	if (c->p < c->end && !is_blank(*c->p) && *c->p != '{')
		return unexpected(e, c, c->p, "a space or \"{\" after the metric name", err);
	e->name.n = 0;
	if (!scratch_add(&e->name, name.p, name.n, err))
		return bad(e, c, name.p, err);
	e->name_is_wanted = e->wanted == NULL || e->wanted(e->ctx, name);
	e->type_is_known = false;
	*out = name;
	return true;
}

static enum metric_type type_of(struct exposition *e, struct str name)
{
	if (!e->type_is_known) {
		e->type = families_type_of(&e->families, name);
		e->type_is_known = true;
	}
	return e->type;
}

static bool take_sample(struct exposition *e, struct cursor *c, struct err *err)
{
	struct exposition_sample sample = {0};

	if (*c->p == '{')
		return refuse_quoted_name(e, c, err);
	if (!take_metric_name(e, c, &sample.name, err))
		return false;
	if (e->samples == e->limits.max_samples) {
		err_set(err, ERR_LIMIT, "the page has more than %zu samples",
		        e->limits.max_samples);
		return bad(e, c, sample.name.p, err);
	}
	e->samples++;
	if (!e->name_is_wanted)
		return true;
	e->nlabels = 0;
	e->unescaped.n = 0;
	skip_blanks(c);
	if (c->p < c->end && *c->p == '{') {
		c->p++;
		if (!take_labels(e, c, err))
			return false;
		skip_blanks(c);
	}
	if (!take_value(e, c, &sample.value, err) || !take_timestamp(e, c, &sample, err))
		return false;
	sample.labels = e->labels;
	sample.nlabels = e->nlabels;
	sample.type = type_of(e, sample.name);
	if (!e->on_sample(e->ctx, &sample, err))
		return bad(e, c, sample.name.p, err);
	return true;
}

static bool take_line(struct exposition *e, const char *line, size_t n, struct err *err)
{
	struct cursor c = {.start = line, .p = line, .end = line + n};

	skip_blanks(&c);
	if (c.p < c.end && *c.p == '#') {
		if (!take_comment(e, &c, err))
			return false;
	} else if (c.p < c.end && !take_sample(e, &c, err)) {
		return false;
	}
	e->lines++;
	return true;
}

static bool take_bytes(struct exposition *e, const char *bytes, size_t n, struct err *err)
{
	while (n > 0) {
		size_t left = e->limits.max_line_bytes - e->carry.n;
		const char *newline = memchr(bytes, '\n', n < left + 1 ? n : left + 1);
		size_t span = newline != NULL ? (size_t)(newline - bytes) : n;

		if (newline == NULL && n > left) {
			err_set(err, ERR_LIMIT, "the line is longer than %zu bytes",
			        e->limits.max_line_bytes);
			return misplaced(e->lines, e->limits.max_line_bytes, err);
		}
		if (newline != NULL && e->carry.n == 0) {
			if (!take_line(e, bytes, span, err))
				return false;
		} else {
			if (!scratch_add(&e->carry, bytes, span, err))
				return misplaced(e->lines, e->carry.n, err);
			if (newline == NULL)
				return true;
			if (!take_line(e, e->carry.bytes, e->carry.n, err))
				return false;
			e->carry.n = 0;
		}
		bytes += span + 1;
		n -= span + 1;
	}
	return true;
}

static bool fail(struct exposition *e, const struct err *err)
{
	e->failed = true;
	e->err = *err;
	return false;
}

bool exposition_feed(struct exposition *e, const char *bytes, size_t n, struct err *err)
{
	size_t room = e->limits.max_bytes - e->bytes;
	size_t fits = n < room ? n : room;

	if (e->failed) {
		*err = e->err;
		return false;
	}
	e->bytes += fits;
	if (!take_bytes(e, bytes, fits, err))
		return fail(e, err);
	if (fits < n) {
		err_set(err, ERR_LIMIT, "the page is larger than %zu bytes", e->limits.max_bytes);
		misplaced(e->lines, e->carry.n, err);
		return fail(e, err);
	}
	return true;
}

bool exposition_finish(struct exposition *e, struct err *err)
{
	if (e->failed) {
		*err = e->err;
		return false;
	}
	if (e->carry.n == 0)
		return true;
	err_set(err, ERR_INVALID, "the page does not end with a newline: it may have been cut");
	misplaced(e->lines, e->carry.n, err);
	return fail(e, err);
}
