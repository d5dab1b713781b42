/* What a metrics page reads as, however it is cut into chunks. */
#include "reading.h"

/* clang-format off */
static const struct row good_rows[] = {
	{ "an empty page has no samples",                 PAGE(""), "" },
	{ "blank lines say nothing",                      PAGE("\n \t\n\n"), "" },
	{ "a bare sample",                                PAGE("up 1\n"), "up 1 untyped\n" },
	{ "blanks around everything",                     PAGE(" \t up\t{ a = \"b\" , c=\"d\" , } \t 1 \t 5 \t\n"),
	  "up{a=<b>,c=<d>} 1 @5 untyped\n" },
	{ "the comma may trail",                          PAGE("up{a=\"b\",} 1\n"), "up{a=<b>} 1 untyped\n" },
	{ "the comma may be missing, as in Prometheus",   PAGE("up{a=\"b\" c=\"d\"} 1\n"), "up{a=<b>,c=<d>} 1 untyped\n" },
	{ "no labels in braces",                          PAGE("up{} 1\nup{ } 2\n"), "up 1 untyped\nup 2 untyped\n" },
	{ "a brace ends the labels, blank or not",        PAGE("up{a=\"b\"}1\n"), "up{a=<b>} 1 untyped\n" },
	{ "colons belong to metric names",                PAGE(":a:b:_1 1\n"), ":a:b:_1 1 untyped\n" },
	{ "escapes are undone",                           PAGE("up{a=\"\\\\ \\\" \\n\",b=\"x\"} 1\n"), "up{a=<\\ \" \\n>,b=<x>} 1 untyped\n" },
	{ "an unknown escape stays as it is, as in Prometheus", PAGE("up{a=\"C:\\dir\",b=\"\\\xc3\xa9\"} 1\n"), "up{a=<C:\\dir>,b=<\\\xc3\xa9>} 1 untyped\n" },
	{ "quoted names", PAGE("{\"a.b\", c=\"d\"} 1\n{\"a.b\"}2\na{\"b.c\"=\"d\"} 3\n"), "a.b{c=<d>} 1 untyped\na.b 2 untyped\na{b.c=<d>} 3 untyped\n" },
	{ "quoted names, loosely", PAGE(" { c=\"d\" , \"a.b\" , \"e f\" = \"g\" , } 1 \n"), "a.b{c=<d>,e f=<g>} 1 untyped\n" },
	{ "a quoted name may be a plain one", PAGE("{\"a\"} 1\na 2\n"), "a 1 untyped\na 2 untyped\n" },
	{ "a name that was quoted is none without quotes", PAGE("{\"a 5\"} 1\na 5 6\n"), "a 5 1 untyped\na 5 @6 untyped\n" },
	{ "quoted names have escapes", PAGE("{\"a\\\"b\\\\\\nc\\d\"} 1\n"), "a\"b\\\nc\\d 1 untyped\n" },
	{ "TYPE and HELP of a quoted name", PAGE("# TYPE \"a.b\" counter\n# HELP \"a.b\" x\n{\"a.b\"} 1\n"), "a.b 1 counter+\n" },
	{ "braces and commas in a value are text",        PAGE("up{a=\"},{=# \"} 1\n"), "up{a=<},{=# >} 1 untyped\n" },
	{ "a number may begin where the name ends",       PAGE("a-5\na+.5 7\na.25\nb_-1e3\n"),
	  "a -5 untyped\na 0.5 @7 untyped\na 0.25 untyped\nb_ -1000 untyped\n" },
	{ "an empty label value is handed on",            PAGE("up{a=\"\"} 1\n"), "up{a=<>} 1 untyped\n" },
	{ "UTF-8 in a label value",                       PAGE("up{a=\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"} 1\n"),
	  "up{a=<\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80>} 1 untyped\n" },
	{ "NUL in a label value, as in Prometheus",       PAGE("up{a=\"x\0y\"} 1\n"), "up{a=<x\\0y>} 1 untyped\n" },
	{ "values of every form",
	  PAGE("a 1e3\na -2.5E-1\na +.5\na 5.\na NaN\na nan\na Inf\na +Inf\na -inf\na 0.1\na 123456789012345678901234567890\n"),
	  "a 1000 untyped\na -0.25 untyped\na 0.5 untyped\na 5 untyped\na NaN untyped\na NaN untyped\na +Inf untyped\n"
	  "a +Inf untyped\na -Inf untyped\na 0.1 untyped\na 1.2345678901234568e+29 untyped\n" },
	{ "timestamps in milliseconds",                   PAGE("a 1 1395066363000\na 1 9223372036854775807\n"),
	  "a 1 @1395066363000 untyped\na 1 @9223372036854775807 untyped\n" },
	{ "comments may say anything",                    PAGE("#\n# \n#x{\n# HELPa\n# TYPEa b c\n#TYPE a nonsense\n# \xff\0\na 1\n"), "a 1 untyped\n" },
	{ "TYPE or HELP without a blank is a comment",    PAGE("# TYPE\n# HELP\n"), "" },
	{ "HELP needs no text",                           PAGE("# HELP a\n# HELP b \n# HELP c x \\\\ \\n y \n"), "" },
	{ "TYPE gives the type",                          PAGE("# TYPE a counter\na 1\n#\t TYPE \t b\tgauge\nb 1\n"), "a 1 counter+\nb 1 gauge\n" },
	{ "an explicit untyped",                          PAGE("# TYPE a untyped\na 1\n"), "a 1 untyped\n" },
	{ "parts of a histogram are of its type",
	  PAGE("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\nh_created 1\nh_buckets 1\n"),
	  "h_bucket{le=<1.0>} 1 histogram+\nh_sum 1 histogram+\nh_count 1 histogram+\nh_created 1 untyped\nh_buckets 1 untyped\n" },
	{ "a summary has no buckets",
	  PAGE("# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 1\ns_bucket 1\n"),
	  "s{quantile=<0.5>} 1 summary\ns_sum 1 summary+\ns_count 1 summary+\ns_bucket 1 untyped\n" },
	{ "a counter has no parts",                       PAGE("# TYPE c counter\nc_count 1\n"), "c_count 1 untyped\n" },
	{ "bounds and quantiles are rewritten below their TYPE, whatever the name, as in Prometheus 3",
	  PAGE("h_bucket{le=\"1\"} 1\n# TYPE h histogram\nh_bucket{le=\"2\",a=\"2\"} 1\nx_bucket{le=\"1e6\",quantile=\"1\"} 1\n# TYPE s summary\ns{quantile=\".5\",le=\"1\"} 1\n# TYPE g gauge\nh_bucket{le=\"3\"} 1\n"),
	  "h_bucket{le=<1>} 1 untyped\nh_bucket{le=<2.0>,a=<2>} 1 histogram+\nx_bucket{le=<1e+06>,quantile=<1>} 1 untyped\n"
	  "s{quantile=<0.5>,le=<1>} 1 summary\nh_bucket{le=<3>} 1 histogram+\n" },
	{ "its own TYPE wins over the family's",          PAGE("# TYPE h histogram\n# TYPE h_count gauge\nh_count 1\n"), "h_count 1 gauge\n" },
	{ "the later TYPE holds",                         PAGE("# TYPE a counter\na 1\n# TYPE a gauge\na 1\n"), "a 1 counter+\na 1 gauge\n" },
	{ "TYPE is remembered across other families",
	  PAGE("# TYPE b counter\n# TYPE a gauge\n# TYPE c summary\nc_sum 1\na 1\nb 1\n"), "c_sum 1 summary+\na 1 gauge\nb 1 counter+\n" },
	{ "a name that begins like the one before is another",
	  PAGE("# TYPE a counter\na 1\naa 1\na 1\na{x=\"y\"} 1\na_b 1\n"),
	  "a 1 counter+\naa 1 untyped\na 1 counter+\na{x=<y>} 1 counter+\na_b 1 untyped\n" },
};

static const struct row bad_rows[] = {
	{ "a last line without newline may be cut", PAGE("a 1\nb 12"),
	  "a 1 untyped\nerror invalid: line 2, column 5: the page does not end with a newline: it may have been cut\n" },
	{ "a comment without newline as well", PAGE("# x"),
	  "error invalid: line 1, column 4: the page does not end with a newline: it may have been cut\n" },
	{ "HTML is no page", PAGE("<!DOCTYPE html>\n"),
	  "error invalid: line 1, column 1: expected a metric name, found \"<\"\n" },
	{ "JSON is no page", PAGE("[1]\n"), "error invalid: line 1, column 1: expected a metric name, found \"[\"\n" },
	{ "samples before the bad line were handed out", PAGE("a 1\nb\n"),
	  "a 1 untyped\nerror invalid: line 2, column 2: expected a value, found the end of the line\n" },
	{ "lines count from 1, blank ones and comments too", PAGE("\n# c\n\n 1a 1\n"),
	  "error invalid: line 4, column 2: expected a metric name, found \"1\"\n" },
	{ "a dash is no part of a name", PAGE("http-requests 5\n"),
	  "error invalid: line 1, column 5: expected a space or \"{\" after the metric name, found \"-\"\n" },
	{ "nor is one before a digit", PAGE("http-2xx 5\n"),
	  "error invalid: line 1, column 5: \"-2xx\" is not a number: write it like 10, 0.25 or 1e6\n" },
	{ "a UTF-8 name is not of this format", PAGE("h\xc3\xa9 5\n"),
	  "error invalid: line 1, column 2: expected a space or \"{\" after the metric name, found \"\xc3\xa9\"\n" },
	{ "broken UTF-8 does not get into the message", PAGE("h\xc3 5\n"),
	  "error invalid: line 1, column 2: expected a space or \"{\" after the metric name, found \"?\"\n" },
	{ "a name that needs quotes without them", PAGE("{\"a b\"} 1\na b 2\n"), "a b 1 untyped\nerror invalid: line 2, column 3: \"b\" is not a number: write it like 10, 0.25 or 1e6\n" },
	{ "a quoted name twice", PAGE("{\"a\",\"b\"} 1\n"),
	  "error invalid: line 1, column 6: the metric's name stands twice\n" },
	{ "a quoted name behind a name", PAGE("a{\"b\"} 1\n"),
	  "error invalid: line 1, column 3: the metric's name stands twice\n" },
	{ "labels without a name", PAGE("{a=\"b\"} 1\n"), "error invalid: line 1, column 1: the metric has no name\n" },
	{ "neither name nor label", PAGE(" {} 1\n"), "error invalid: line 1, column 2: the metric has no name\n" },
	{ "a name in braces without quotes", PAGE("{a} 1\n"),
	  "error invalid: line 1, column 3: expected \"=\" after the label name, found \"}\"\n" },
	{ "an empty quoted name", PAGE("{\"\"} 1\n"), "error invalid: line 1, column 2: the metric name is empty\n" },
	{ "an empty quoted label name", PAGE("a{\"\"=\"b\"} 1\n"), "error invalid: line 1, column 3: the label name is empty\n" },
	{ "an open quoted name", PAGE("{\"a} 1\n"), "error invalid: line 1, column 2: the quoted name is not closed on its line\n" },
	{ "a quoted name that is not UTF-8", PAGE("{\"\xff\"} 1\n"),
	  "error invalid: line 1, column 2: the quoted name is not valid UTF-8\n" },
	{ "a quoted name twice as a label", PAGE("a{b=\"\",\"b\"=\"\"} 1\n"), "error invalid: line 1, column 8: the label \"b\" stands twice\n" },
	{ "a label without a name", PAGE("a{=\"b\"} 1\n"),
	  "error invalid: line 1, column 3: expected a label name or \"}\", found \"=\"\n" },
	{ "a leading comma", PAGE("a{,b=\"c\"} 1\n"),
	  "error invalid: line 1, column 3: expected a label name or \"}\", found \",\"\n" },
	{ "two commas", PAGE("a{b=\"c\",,} 1\n"),
	  "error invalid: line 1, column 9: expected a label name or \"}\", found \",\"\n" },
	{ "no colon in a label name", PAGE("a{b:c=\"d\"} 1\n"),
	  "error invalid: line 1, column 4: expected \"=\" after the label name, found \":\"\n" },
	{ "a label name begins with a letter", PAGE("a{1b=\"c\"} 1\n"),
	  "error invalid: line 1, column 3: expected a label name or \"}\", found \"1\"\n" },
	{ "single quotes", PAGE("a{b='c'} 1\n"),
	  "error invalid: line 1, column 5: expected a label value in double quotes, found \"'\"\n" },
	{ "an open value", PAGE("a{b=\"c} 1\n"),
	  "error invalid: line 1, column 5: the label value is not closed on its line\n" },
	{ "an open value that ends in an escaped quote", PAGE("a{b=\"c\\\"} 1\n"),
	  "error invalid: line 1, column 5: the label value is not closed on its line\n" },
	{ "an open value that ends in a backslash", PAGE("a{b=\"c\\\n"),
	  "error invalid: line 1, column 5: the label value is not closed on its line\n" },
	{ "an open brace", PAGE("a{b=\"c\"\n"),
	  "error invalid: line 1, column 8: expected a label name or \"}\", found the end of the line\n" },
	{ "a label twice", PAGE("a{b=\"1\",c=\"2\",b=\"1\"} 1\n"), "error invalid: line 1, column 15: the label \"b\" stands twice\n" },
	{ "a label twice, once empty", PAGE("a{b=\"\",b=\"1\"} 1\n"), "error invalid: line 1, column 8: the label \"b\" stands twice\n" },
	{ "__name__ as a label", PAGE("a{__name__=\"b\"} 1\n"),
	  "error invalid: line 1, column 3: the label \"__name__\" repeats the metric name\n" },
	{ "Latin-1 in a label value", PAGE("a{b=\"caf\xe9\"} 1\n"),
	  "error invalid: line 1, column 5: the label value is not valid UTF-8\n" },
	{ "an overlong NUL in a label value", PAGE("a{b=\"\xc0\x80\"} 1\n"),
	  "error invalid: line 1, column 5: the label value is not valid UTF-8\n" },
	{ "broken UTF-8 behind a NUL", PAGE("a{b=\"x\0\xff\"} 1\n"),
	  "error invalid: line 1, column 5: the label value is not valid UTF-8\n" },
	{ "a word for a value", PAGE("a true\n"),
	  "error invalid: line 1, column 3: \"true\" is not a number: write it like 10, 0.25 or 1e6\n" },
	{ "a value with an underscore", PAGE("a 1_000\n"),
	  "error invalid: line 1, column 3: \"1_000\" is not a number: write it like 10, 0.25 or 1e6\n" },
	{ "a hexadecimal float, which Prometheus refuses", PAGE("a 0x1p3\n"),
	  "error invalid: line 1, column 3: \"0x1p3\" is not a decimal number, NaN or Inf\n" },
	{ "a hexadecimal integer", PAGE("a 0x10\n"),
	  "error invalid: line 1, column 3: \"0x10\" is not a number: write it like 10, 0.25 or 1e6\n" },
	{ "a value beyond a double, which Prometheus refuses", PAGE("a 1e999\n"),
	  "error invalid: line 1, column 3: \"1e999\" is too large for a 64-bit float\n" },
	{ "a timestamp in seconds", PAGE("a 1 1395066363.5\n"),
	  "error invalid: line 1, column 15: expected a timestamp in whole milliseconds or the end of the line, found \".\"\n" },
	{ "a timestamp before 1970", PAGE("a 1 -1\n"),
	  "error invalid: line 1, column 5: expected a timestamp in whole milliseconds or the end of the line, found \"-\"\n" },
	{ "a timestamp too large", PAGE("a 1 9223372036854775808\n"),
	  "error invalid: line 1, column 5: \"9223372036854775808\" is too large for a 64-bit integer\n" },
	{ "an exemplar is OpenMetrics", PAGE("a 1 # {b=\"c\"} 1\n"),
	  "error invalid: line 1, column 5: expected a timestamp in whole milliseconds or the end of the line, found \"#\"\n" },
	{ "something after the timestamp", PAGE("a 1 2 3\n"),
	  "error invalid: line 1, column 7: expected the end of the line, found \"3\"\n" },
	{ "Windows line ends after a value", PAGE("a 1\r\n"),
	  "error invalid: line 1, column 4: expected the end of the line, found a carriage return: lines end with a line feed alone\n" },
	{ "Windows line ends after a type", PAGE("# TYPE a counter\r\n"),
	  "error invalid: line 1, column 17: expected the end of the line, found a carriage return: lines end with a line feed alone\n" },
	{ "Windows line ends on a blank line", PAGE("\r\n"),
	  "error invalid: line 1, column 1: expected a metric name, found a carriage return: lines end with a line feed alone\n" },
	{ "NUL outside a label value", PAGE("a\0 1\n"),
	  "error invalid: line 1, column 2: expected a space or \"{\" after the metric name, found \"?\"\n" },
	{ "NUL at the start of a line does not end the page", PAGE("\0a 1\n"),
	  "error invalid: line 1, column 1: expected a metric name, found \"?\"\n" },
	{ "an unknown type", PAGE("# TYPE a info\n"),
	  "error invalid: line 1, column 10: \"info\" is not a metric type: counter, gauge, histogram, summary or untyped\n" },
	{ "a type with a blank behind, which Prometheus refuses", PAGE("# TYPE a gauge \n"),
	  "error invalid: line 1, column 10: \"gauge \" is not a metric type: counter, gauge, histogram, summary or untyped\n" },
	{ "two blanks before a type, which Prometheus refuses", PAGE("# TYPE a  gauge\n"),
	  "error invalid: line 1, column 10: \" gauge\" is not a metric type: counter, gauge, histogram, summary or untyped\n" },
	{ "no type", PAGE("# TYPE a\n"), "error invalid: line 1, column 9: expected a metric type, found the end of the line\n" },
	{ "no family", PAGE("# TYPE #\n"), "error invalid: line 1, column 8: expected a metric name, found \"#\"\n" },
	{ "HELP for no family", PAGE("# HELP 1\n"), "error invalid: line 1, column 8: expected a metric name, found \"1\"\n" },
	{ "a family run into its type", PAGE("# TYPE a-counter\n"),
	  "error invalid: line 1, column 9: expected a space after the metric name, found \"-\"\n" },
	{ "broken UTF-8 in HELP", PAGE("# HELP a \xff\n"), "error invalid: line 1, column 9: the help text is not valid UTF-8\n" },
};

static const struct exposition_limits tiny = {
	.max_bytes = 60, .max_samples = 3, .max_labels = 2, .max_name_bytes = 6, .max_value_bytes = 4, .max_line_bytes = 40,
};

static const struct row limit_rows[] = {
	{ "everything at its bound", PAGE("abcdef{uvwxyz=\"1234\",b=\"\\\\\\\\\\\\\\n\"} 1 234\na 1\na 234567890123\n"),
	  "abcdef{uvwxyz=<1234>,b=<\\\\\\\\n>} 1 @234 untyped\na 1 untyped\na 234567890123 untyped\n" },
	{ "bytes", PAGE("############################\n############################\na 1\n"),
	  "error limit: line 3, column 3: the page is larger than 60 bytes\n" },
	{ "bytes, where the bound cuts behind a line", PAGE("############################\n#############################\n\na"),
	  "error limit: line 4, column 1: the page is larger than 60 bytes\n" },
	{ "samples", PAGE("a 1\na 2\na 3\na 4\n"),
	  "a 1 untyped\na 2 untyped\na 3 untyped\nerror limit: line 4, column 1: the page has more than 3 samples\n" },
	{ "labels", PAGE("a{b=\"\",c=\"\",d=\"\"} 1\n"), "error limit: line 1, column 13: the sample has more than 2 labels\n" },
	{ "the metric name", PAGE("abcdefg 1\n"), "error limit: line 1, column 1: the metric name is longer than 6 bytes\n" },
	{ "the family name", PAGE("# TYPE abcdefg counter\n"), "error limit: line 1, column 8: the metric name is longer than 6 bytes\n" },
	{ "the label name", PAGE("a{abcdefg=\"\"} 1\n"), "error limit: line 1, column 3: the label name is longer than 6 bytes\n" },
	{ "the label value", PAGE("a{b=\"12345\"} 1\n"), "error limit: line 1, column 5: the label value is longer than 4 bytes\n" },
	{ "the label value after unescaping", PAGE("a{b=\"1234\\n\"} 1\n"),
	  "error limit: line 1, column 5: the label value is longer than 4 bytes\n" },
	{ "a quoted name", PAGE("{\"abcdefg\"} 1\n"), "error limit: line 1, column 2: the metric name is longer than 6 bytes\n" },
	{ "a quoted label name", PAGE("a{\"abcdefg\"=\"\"} 1\n"), "error limit: line 1, column 3: the label name is longer than 6 bytes\n" },
	{ "the line", PAGE("a 1\n#########################################\n"),
	  "a 1 untyped\nerror limit: line 2, column 41: the line is longer than 40 bytes\n" },
	{ "the line, before the page", PAGE("############################################################################"),
	  "error limit: line 1, column 41: the line is longer than 40 bytes\n" },
};
/* clang-format on */

START_TEST(a_good_page_reads_the_same_however_it_is_cut)
{
	const struct row *row = &good_rows[_i];

	expect_reading(row->why, &(struct reading){.page = row->page}, row->expected);
}
END_TEST

START_TEST(a_bad_page_says_where_and_why)
{
	const struct row *row = &bad_rows[_i];

	expect_reading(row->why, &(struct reading){.page = row->page}, row->expected);
}
END_TEST

START_TEST(a_whole_page_may_lack_its_last_newline)
{
	/* clang-format off */
	static const struct row rows[] = {
		{ "a sample", PAGE("a 1\nb 12"), "a 1 untyped\nb 12 untyped\n" },
		{ "a comment", PAGE("a 1\n# x"), "a 1 untyped\n" },
		{ "half a sample", PAGE("a{b="), "error invalid: line 1, column 5: expected a label value in double quotes, found the end of the line\n" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect_reading(rows[i].why,
		               &(struct reading){.page = rows[i].page, .is_whole = true},
		               rows[i].expected);
}
END_TEST

START_TEST(every_bound_has_its_own_sentence)
{
	const struct row *row = &limit_rows[_i];

	expect_reading(row->why, &(struct reading){.page = row->page, .limits = &tiny},
	               row->expected);
}
END_TEST

static bool begins_with_w(void *ctx, struct str name)
{
	(void)ctx;
	return name.p[0] == 'w';
}

START_TEST(unwanted_lines_are_skipped_unread_but_counted)
{
	/* clang-format off */
	static const struct row rows[] = {
		{ "only wanted names come through",
		  PAGE("a 1\nw 1\na 2\nwx{y=\"z\"} 2\n"), "w 1 untyped\nwx{y=<z>} 2 untyped\n" },
		{ "the rest of an unwanted line is not looked at",
		  PAGE("a{{{ \"\nw 1\na\na x\n"), "w 1 untyped\n" },
		{ "its name is",
		  PAGE("a 1\n1a 1\n"), "error invalid: line 2, column 1: expected a metric name, found \"1\"\n" },
		{ "a name ends where a name ends",
		  PAGE("a-b 1\n"), "error invalid: line 1, column 2: expected a space or \"{\" after the metric name, found \"-\"\n" },
		{ "TYPE works across skipped lines",
		  PAGE("# TYPE w counter\na 1\nw 1\n"), "w 1 counter+\n" },
		{ "skipped samples count against the bound",
		  PAGE("a 1\na 2\na 3\nw 4\n"), "error limit: line 4, column 1: the page has more than 3 samples\n" },
	};
	/* clang-format on */
	static const struct exposition_limits three = {.max_samples = 3};
	struct reading all = {.page = STR("a 1\nw 1\nb\n"), .wanted = begins_with_w};
	struct outcome out;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reading r = {.page = rows[i].page, .wanted = begins_with_w};

		if (i == ARRAY_LEN(rows) - 1)
			r.limits = &three;
		expect_reading(rows[i].why, &r, rows[i].expected);
	}
	read_chunked(&all, 100, 0, &out);
	ck_assert_uint_eq(out.samples, 3);
	buf_fini(&out.text);
}
END_TEST

static bool refuse_b(void *ctx, const struct exposition_sample *sample, struct err *err)
{
	if (str_eq_text(sample->name, "b"))
		return err_set(err, ERR_CONFLICT, "no b here");
	return print_sample(ctx, sample, err);
}

START_TEST(a_refusal_of_the_callback_stops_the_page_at_its_line)
{
	struct reading r = {.page = STR("a 1\n b 1\na 2\n"), .on_sample = refuse_b};

	expect_reading("a refusal", &r,
	               "a 1 untyped\nerror conflict: line 2, column 2: no b here\n");
}
END_TEST

START_TEST(a_failed_page_stays_failed)
{
	struct buf out;
	struct err err;
	struct exposition *e;

	buf_init(&out, PAGE_MAX);
	e = exposition_new(NULL, print_sample, NULL, &out, &err);
	ck_assert_ptr_nonnull(e);
	ck_assert(!exposition_feed(e, "!\n", 2, &err));
	ck_assert(!exposition_feed(e, "a 1\n", 4, &err));
	ck_assert_str_eq(err.text, "line 1, column 1: expected a metric name, found \"!\"");
	ck_assert(!exposition_finish(e, &err));
	ck_assert_uint_eq(exposition_samples(e), 0);
	ck_assert_uint_eq(out.n, 0);
	exposition_free(&e);
	exposition_free(&e);
	buf_fini(&out);
}
END_TEST

START_TEST(families_are_bounded_and_keep_their_types_in_any_order)
{
	struct buf page, expected;
	struct reading r;

	buf_init(&page, PAGE_MAX);
	buf_init(&expected, PAGE_MAX);
	for (unsigned i = 0; i < 2000; i++)
		buf_printf(&page, "# TYPE f%u_x %s\n", (i * 7919) % 2000,
		           i % 2 ? "gauge" : "histogram");
	for (unsigned i = 0; i < 2000; i++) {
		buf_printf(&page, "f%u_x_count 1\n", (i * 7919) % 2000);
		buf_printf(&expected, "f%u_x_count 1 %s\n", (i * 7919) % 2000,
		           i % 2 ? "untyped" : "histogram+");
	}
	r = (struct reading){.page = buf_str(&page)};
	expect_reading("2,000 families in no order", &r, expected.bytes);

	buf_clear(&page);
	buf_clear(&expected);
	for (unsigned i = 20000; i > 3000; i--)
		buf_printf(&page, "# TYPE f%u gauge\n", i);
	r = (struct reading){.page = buf_str(&page)};
	expect_reading(
	        "more than 16,384 families", &r,
	        "error limit: line 16385, column 8: the page declares more than 16384 metric "
	        "families\n");
	buf_fini(&page);
	buf_fini(&expected);
}
END_TEST

static struct str read_file(const char *name, struct buf *out)
{
	char path[200];
	char bytes[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "tests/data/exposition/%s", name);
	f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "%s: run the tests from the top of the tree", path);
	buf_init(out, PAGE_MAX);
	while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0)
		buf_add(out, bytes, n);
	fclose(f);
	return buf_str(out);
}

START_TEST(pages_of_the_wild_read_as_written_down)
{
	static const char *const names[] = {"client", "lenient", "html", "cut", "openmetrics"};
	char name[64];
	struct buf page, expected;
	struct reading r = {0};

	snprintf(name, sizeof(name), "%s.txt", names[_i]);
	r.page = read_file(name, &page);
	r.format = strcmp(names[_i], "openmetrics") == 0 ? EXPOSITION_OPENMETRICS
	                                                 : EXPOSITION_PROMETHEUS;
	snprintf(name, sizeof(name), "%s.expected", names[_i]);
	read_file(name, &expected);
	expect_reading(names[_i], &r, expected.bytes);
	buf_fini(&page);
	buf_fini(&expected);
}
END_TEST

/* Nothing is known of the outcome but that cuts do not change it. */
START_TEST(garbage_reads_the_same_however_it_is_cut)
{
	static const char alphabet[] =
	        "ab_:1.e+-NInf{}=\",\\n# \t\t  \n\n\nTYPE counter\"\"\0\xc3\xa9";
	static const char *const snippets[] = {"a{b=\"c\"} 1\n", "# TYPE a counter\n", "a 1 2\n"};
	uint32_t state = 42;

	for (int round = 0; round < 300; round++) {
		struct buf page;
		struct outcome whole;
		struct reading r = {.limits = round % 2 ? &tiny : NULL};

		buf_init(&page, PAGE_MAX);
		for (uint32_t n = lcg(&state) % 30; n > 0; n--) {
			if (lcg(&state) % 3 > 0)
				buf_add_text(&page, snippets[lcg(&state) % ARRAY_LEN(snippets)]);
			if (lcg(&state) % 8 == 0)
				buf_add_char(&page, alphabet[lcg(&state) % (sizeof(alphabet) - 1)]);
		}
		r.page = buf_str(&page);
		read_chunked(&r, r.page.n + 1, 0, &whole);
		expect_reading("garbage", &r, whole.text.bytes);
		buf_fini(&whole.text);
		buf_fini(&page);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("exposition");
	TCase *t = tcase_create("exposition");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_good_page_reads_the_same_however_it_is_cut, 0,
	                    (int)ARRAY_LEN(good_rows));
	tcase_add_loop_test(t, a_bad_page_says_where_and_why, 0, (int)ARRAY_LEN(bad_rows));
	tcase_add_test(t, a_whole_page_may_lack_its_last_newline);
	tcase_add_loop_test(t, every_bound_has_its_own_sentence, 0, (int)ARRAY_LEN(limit_rows));
	tcase_add_test(t, unwanted_lines_are_skipped_unread_but_counted);
	tcase_add_test(t, a_refusal_of_the_callback_stops_the_page_at_its_line);
	tcase_add_test(t, a_failed_page_stays_failed);
	tcase_add_test(t, families_are_bounded_and_keep_their_types_in_any_order);
	tcase_add_loop_test(t, pages_of_the_wild_read_as_written_down, 0, 5);
	tcase_add_test(t, garbage_reads_the_same_however_it_is_cut);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
