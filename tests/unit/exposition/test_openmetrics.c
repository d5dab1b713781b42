/* What OpenMetrics asks of a page, rule by rule, however the page is cut into chunks. */
#include "reading.h"

/* clang-format off */
static const struct row good_rows[] = {
	{ "an empty page has its mark", PAGE("# EOF\n"),
	  "" },
	{ "the mark needs no newline", PAGE("# EOF"),
	  "" },
	{ "a sample without metadata is of type unknown", PAGE("a 1\n# EOF\n"),
	  "a 1 untyped\n" },
	{ "names may begin with an underscore or hold colons", PAGE("_a 1\na:b:rate5m 1\n# EOF\n"),
	  "_a 1 untyped\na:b:rate5m 1 untyped\n" },
	{ "every type by its name", PAGE("# TYPE a unknown\n# TYPE b gauge\n# TYPE c counter\n# TYPE d stateset\n# TYPE e info\n# TYPE f histogram\n# TYPE g gaugehistogram\n# TYPE h summary\n# EOF\n"),
	  "" },
	{ "metadata in any order, HELP and UNIT empty", PAGE("# HELP a_s \n# UNIT a_s \n# TYPE a_s gauge\na_s 1\n# EOF\n"),
	  "a_s 1 gauge\n" },
	{ "HELP may say anything", PAGE("# HELP a x \\n \\\\ \\\" \"quoted\" \\d \303\251 \n# HELP b x\\\n# EOF\n"),
	  "" },
	{ "a unit", PAGE("# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1\n# EOF\n"),
	  "a_seconds_total 1 counter+\n" },
	{ "a counter and when it was created", PAGE("# TYPE a counter\na_total 17.5 123.5\na_created 1520430000.123 123.5\n# EOF\n"),
	  "a_total 17.5 @123500 counter+\na_created 1520430000.123 @123500 counter\n" },
	{ "labels", PAGE("# TYPE a gauge\na{} 1\na{b=\"c\",_d=\"e\"} 2\n# EOF\n"),
	  "a 1 gauge\na{b=<c>,_d=<e>} 2 gauge\n" },
	{ "escapes; an unknown one stays", PAGE("a{b=\"\\\\ \\\" \\n \\d\"} 1\n# EOF\n"),
	  "a{b=<\\ \" \\n \\d>} 1 untyped\n" },
	{ "an empty value is no label but handed on", PAGE("a{b=\"\"} 1\n# EOF\n"),
	  "a{b=<>} 1 untyped\n" },
	{ "numbers of every form", PAGE("# TYPE a gauge\na{n=\"1\"} 1e3\na{n=\"2\"} -2.5E-1\na{n=\"3\"} +.5\na{n=\"4\"} 5.\na{n=\"5\"} NaN\na{n=\"6\"} -infinity\na{n=\"7\"} iNf\na{n=\"8\"} 0042\n# EOF\n"),
	  "a{n=<1>} 1000 gauge\na{n=<2>} -0.25 gauge\na{n=<3>} 0.5 gauge\na{n=<4>} 5 gauge\na{n=<5>} NaN gauge\na{n=<6>} -Inf gauge\na{n=<7>} +Inf gauge\na{n=<8>} 42 gauge\n" },
	{ "timestamps in seconds, cut to milliseconds", PAGE("# TYPE a gauge\na{n=\"1\"} 1 1520879607.789\na{n=\"2\"} 1 -1.5\na{n=\"3\"} 1 1e3\na{n=\"4\"} 1 0.0019\n# EOF\n"),
	  "a{n=<1>} 1 @1520879607789 gauge\na{n=<2>} 1 @-1500 gauge\na{n=<3>} 1 @1000000 gauge\na{n=<4>} 1 @1 gauge\n" },
	{ "points of a metric rise in time", PAGE("# TYPE a gauge\na 1 1\na 2 2\na 3 2.000000001\na 4 1e1\n# EOF\n"),
	  "a 1 @1000 gauge\na 2 @2000 gauge\na 3 @2000 gauge\na 4 @10000 gauge\n" },
	{ "points of a summary", PAGE("# TYPE a summary\na_count{b=\"x\"} 0 123\na_sum{b=\"x\"} 0 123\na_count{b=\"x\"} 0 456\na_sum{b=\"x\"} 0 456\na_count{b=\"y\"} 0 123\na_sum{b=\"y\"} 0 123\n# EOF\n"),
	  "a_count{b=<x>} 0 @123000 summary+\na_sum{b=<x>} 0 @123000 summary+\na_count{b=<x>} 0 @456000 summary+\na_sum{b=<x>} 0 @456000 summary+\na_count{b=<y>} 0 @123000 summary+\na_sum{b=<y>} 0 @123000 summary+\n" },
	{ "a metric's labels in another order are the same", PAGE("# TYPE a summary\na_count{b=\"x\",c=\"y\"} 0\na_sum{c=\"y\",b=\"x\"} 0\n# EOF\n"),
	  "a_count{b=<x>,c=<y>} 0 summary+\na_sum{c=<y>,b=<x>} 0 summary+\n" },
	{ "quantiles in any order", PAGE("# TYPE a summary\na{quantile=\"0.9\"} NaN\na{quantile=\"0.50\"} 2\na{quantile=\"0\"} 1\na{quantile=\"1.0\"} 1\na_sum 3\na_count 4\na_created 5\n# EOF\n"),
	  "a{quantile=<0.9>} NaN summary\na{quantile=<0.5>} 2 summary\na{quantile=<0.0>} 1 summary\na{quantile=<1.0>} 1 summary\na_sum 3 summary+\na_count 4 summary+\na_created 5 summary\n" },
	{ "a histogram", PAGE("# TYPE h histogram\nh_bucket{le=\"1e-05\"} 0\nh_bucket{le=\"1.0\"} 2\nh_bucket{le=\"1.1e+23\"} 3\nh_bucket{le=\"+Inf\"} 17.0\nh_count 17\nh_sum 324789.3\nh_created 1520430000.123\n# EOF\n"),
	  "h_bucket{le=<1e-05>} 0 histogram+\nh_bucket{le=<1.0>} 2 histogram+\nh_bucket{le=<1.1e+23>} 3 histogram+\nh_bucket{le=<+Inf>} 17 histogram+\nh_count 17 histogram+\nh_sum 324789.3 histogram+\nh_created 1520430000.123 histogram\n" },
	{ "buckets alone are a histogram", PAGE("# TYPE h histogram\nh_bucket{a=\"b\",le=\"+Inf\"} 2\nh_bucket{a=\"c\",le=\"+Inf\"} 2\n# EOF\n"),
	  "h_bucket{a=<b>,le=<+Inf>} 2 histogram+\nh_bucket{a=<c>,le=<+Inf>} 2 histogram+\n" },
	{ "buckets below zero without a sum", PAGE("# TYPE h histogram\nh_bucket{le=\"-1\"} 1\nh_bucket{le=\"+Inf\"} 2\n# EOF\n"),
	  "h_bucket{le=<-1.0>} 1 histogram+\nh_bucket{le=<+Inf>} 2 histogram+\n" },
	{ "a gaugehistogram", PAGE("# TYPE h gaugehistogram\nh_bucket{le=\"0.01\"} 20\nh_bucket{le=\"+Inf\"} 42\nh_gcount 42.0\nh_gsum 3289.3\n# EOF\n"),
	  "h_bucket{le=<0.01>} 20 gaugehistogram\nh_bucket{le=<+Inf>} 42 gaugehistogram\nh_gcount 42 gaugehistogram\nh_gsum 3289.3 gaugehistogram\n" },
	{ "one with buckets below zero may have a negative sum", PAGE("# TYPE h gaugehistogram\nh_bucket{le=\"-1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_gcount 1\nh_gsum -3\n# EOF\n"),
	  "h_bucket{le=<-1>} 1 gaugehistogram\nh_bucket{le=<+Inf>} 1 gaugehistogram\nh_gcount 1 gaugehistogram\nh_gsum -3 gaugehistogram\n" },
	{ "a stateset", PAGE("# TYPE a stateset\na{e=\"x\",a=\"on\"} 1\na{e=\"x\",a=\"off\"} 0.0\na{e=\"y\",a=\"on\"} 0\na{e=\"y\",a=\"off\"} 1\n# EOF\n"),
	  "a{e=<x>,a=<on>} 1 stateset\na{e=<x>,a=<off>} 0 stateset\na{e=<y>,a=<on>} 0 stateset\na{e=<y>,a=<off>} 1 stateset\n" },
	{ "an info", PAGE("# TYPE a info\na_info{version=\"1\"} 1\na_info{version=\"2\"} 1.0\n# EOF\n"),
	  "a_info{version=<1>} 1 info\na_info{version=<2>} 1 info\n" },
	{ "exemplars are checked and skipped", PAGE("# TYPE a counter\na_total 1 # {} 1\n# TYPE h histogram\nh_bucket{le=\"1\"} 8 # {t=\"KOO5S4vxi0o\",u=\"v\"} 0.67\nh_bucket{le=\"10\"} 17 # {t=\"oH\"} 9.8 1520879607.789\nh_bucket{le=\"+Inf\"} 17 # {} NaN\n# EOF\n"),
	  "a_total 1 counter+\nh_bucket{le=<1.0>} 8 histogram+\nh_bucket{le=<10.0>} 17 histogram+\nh_bucket{le=<+Inf>} 17 histogram+\n" },
	{ "an exemplar behind a timestamp", PAGE("# TYPE a counter\na_total 1 5 # {} 1 2\n# EOF\n"),
	  "a_total 1 @5000 counter+\n" },
	{ "an exemplar of 128 characters, which are not bytes", PAGE("# TYPE a counter\na_total 1 # {abc=\"\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\"} 1\n# EOF\n"),
	  "a_total 1 counter+\n" },
	{ "quoted names", PAGE("# TYPE \"http.requests\" counter\n# HELP \"http.requests\" x\n{\"http.requests_total\",\"a.b\"=\"c\",d=\"e\"} 1\n{d=\"f\",\"http.requests_total\"} 2\n{\"plain\"} 3\nplain2{\"l\"=\"m\"} 4\n# EOF\n"),
	  "http.requests_total{a.b=<c>,d=<e>} 1 counter+\nhttp.requests_total{d=<f>} 2 counter+\nplain 3 untyped\nplain2{l=<m>} 4 untyped\n" },
	{ "families of similar names do not clash", PAGE("# TYPE a counter\na_total 1\n# TYPE ab counter\nab_total 1\n# TYPE a_b gauge\na_b 1\n# TYPE a_bucket_x gauge\na_bucket_x 1\n# EOF\n"),
	  "a_total 1 counter+\nab_total 1 counter+\na_b 1 gauge\na_bucket_x 1 gauge\n" },
	{ "a sample of another suffix begins a family", PAGE("# TYPE a gauge\na 1\na_total 1\n# EOF\n"),
	  "a 1 gauge\na_total 1 untyped\n" },
	{ "a family with metadata alone", PAGE("# TYPE a counter\n# HELP b x\n# TYPE c gauge\nc 1\n# EOF\n"),
	  "c 1 gauge\n" },
	{ "NUL in a label value and a help text", PAGE("# HELP a x\000y\na{b=\"x\000y\"} 1\n# EOF\n"),
	  "a{b=<x\\0y>} 1 untyped\n" },
};

static const struct row bad_rows[] = {
	{ "nothing at all", PAGE(""),
	  "error invalid: line 1, column 1: the page does not end with \"# EOF\": it may have been cut\n" },
	{ "a page that was cut between lines", PAGE("a 1\n"),
	  "a 1 untyped\nerror invalid: line 2, column 1: the page does not end with \"# EOF\": it may have been cut\n" },
	{ "a page that was cut within a line", PAGE("a 1\nb 12"),
	  "a 1 untyped\nerror invalid: line 2, column 5: the page does not end with \"# EOF\": it may have been cut\n" },
	{ "a page that was cut within its mark", PAGE("a 1\n# EO"),
	  "a 1 untyped\nerror invalid: line 2, column 5: the page does not end with \"# EOF\": it may have been cut\n" },
	{ "something behind the mark", PAGE("# EOF\na 1\n"),
	  "error invalid: line 2, column 1: nothing may follow \"# EOF\"\n" },
	{ "a blank line behind the mark", PAGE("# EOF\n\n"),
	  "error invalid: line 2, column 1: nothing may follow \"# EOF\"\n" },
	{ "the mark twice", PAGE("# EOF\n# EOF\n"),
	  "error invalid: line 2, column 1: nothing may follow \"# EOF\"\n" },
	{ "something behind the mark on its line", PAGE("# EOF \n"),
	  "error invalid: line 1, column 1: expected \"# TYPE \", \"# HELP \", \"# UNIT \" or \"# EOF\": OpenMetrics has no comments\n" },
	{ "a blank line", PAGE("a 1\n\n# EOF\n"),
	  "a 1 untyped\nerror invalid: line 2, column 1: OpenMetrics has no blank lines\n" },
	{ "a comment", PAGE("# a comment\n# EOF\n"),
	  "error invalid: line 1, column 1: expected \"# TYPE \", \"# HELP \", \"# UNIT \" or \"# EOF\": OpenMetrics has no comments\n" },
	{ "a hash alone", PAGE("#\n# EOF\n"),
	  "error invalid: line 1, column 1: expected \"# TYPE \", \"# HELP \", \"# UNIT \" or \"# EOF\": OpenMetrics has no comments\n" },
	{ "two spaces behind the hash", PAGE("#  TYPE a gauge\n# EOF\n"),
	  "error invalid: line 1, column 1: expected \"# TYPE \", \"# HELP \", \"# UNIT \" or \"# EOF\": OpenMetrics has no comments\n" },
	{ "a tab behind the hash", PAGE("#\tTYPE a gauge\n# EOF\n"),
	  "error invalid: line 1, column 1: expected \"# TYPE \", \"# HELP \", \"# UNIT \" or \"# EOF\": OpenMetrics has no comments\n" },
	{ "a keyword in small letters", PAGE("# type a gauge\n# EOF\n"),
	  "error invalid: line 1, column 1: expected \"# TYPE \", \"# HELP \", \"# UNIT \" or \"# EOF\": OpenMetrics has no comments\n" },
	{ "a leading space", PAGE(" a 1\n# EOF\n"),
	  "error invalid: line 1, column 1: expected a metric name, found \" \"\n" },
	{ "a trailing space", PAGE("a 1 \n# EOF\n"),
	  "error invalid: line 1, column 5: expected a timestamp in seconds, found the end of the line\n" },
	{ "two spaces before the value", PAGE("a  1\n# EOF\n"),
	  "error invalid: line 1, column 3: expected a value, found \" \"\n" },
	{ "a tab before the value", PAGE("a\t1\n# EOF\n"),
	  "error invalid: line 1, column 2: expected a space or \"{\" after the metric name, found \"?\"\n" },
	{ "two spaces before the timestamp", PAGE("a 1  1\n# EOF\n"),
	  "error invalid: line 1, column 5: expected a timestamp in seconds, found \" \"\n" },
	{ "a space within the braces", PAGE("a{ b=\"c\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 3: expected a label name or \"}\", found \" \"\n" },
	{ "a space before the braces", PAGE("a {b=\"c\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 3: \"{b=\"c\"}\" is not a number: write it like 10, 0.25 or 1e6\n" },
	{ "a space around the equals sign", PAGE("a{b =\"c\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 4: expected \"=\" after the label name, found \" \"\n" },
	{ "a space behind the equals sign", PAGE("a{b= \"c\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 5: expected a label value in double quotes, found \" \"\n" },
	{ "a space behind a comma", PAGE("a{b=\"c\", d=\"e\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 9: expected a label name, found \" \"\n" },
	{ "a comma too many", PAGE("a{b=\"c\",} 1\n# EOF\n"),
	  "error invalid: line 1, column 9: expected a label name, found \"}\"\n" },
	{ "a comma at the front", PAGE("a{,b=\"c\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 3: expected a label name or \"}\", found \",\"\n" },
	{ "a comma missing", PAGE("a{b=\"c\"d=\"e\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 8: expected \",\" or \"}\" after the label, found \"d\"\n" },
	{ "no space before the value", PAGE("a{b=\"c\"}1\n# EOF\n"),
	  "error invalid: line 1, column 9: expected a space before the value, found \"1\"\n" },
	{ "no value", PAGE("a\n# EOF\n"),
	  "error invalid: line 1, column 2: expected a space before the value, found the end of the line\n" },
	{ "no value behind the space", PAGE("a \n# EOF\n"),
	  "error invalid: line 1, column 3: expected a value, found the end of the line\n" },
	{ "no value behind labels", PAGE("a{b=\"c\"}\n# EOF\n"),
	  "error invalid: line 1, column 9: expected a space before the value, found the end of the line\n" },
	{ "no name", PAGE("{} 1\n# EOF\n"),
	  "error invalid: line 1, column 1: the metric has no name\n" },
	{ "no name but labels", PAGE("{a=\"b\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 1: the metric has no name\n" },
	{ "two names", PAGE("a{\"b\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 3: the metric's name stands twice\n" },
	{ "two quoted names", PAGE("{\"a\",\"b\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 6: the metric's name stands twice\n" },
	{ "an empty name", PAGE("{\"\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 2: the metric name is empty\n" },
	{ "an empty label name", PAGE("a{\"\"=\"b\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 3: the label name is empty\n" },
	{ "a label twice", PAGE("a{b=\"1\",b=\"2\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 9: the label \"b\" stands twice\n" },
	{ "a reserved label", PAGE("a{__b=\"1\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 1: the label \"__b\" begins with two underscores, which is reserved\n" },
	{ "the name as a label", PAGE("a{__name__=\"b\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 3: the label \"__name__\" repeats the metric name\n" },
	{ "an open label value", PAGE("a{b=\"c} 1\n# EOF\n"),
	  "error invalid: line 1, column 5: the label value is not closed on its line\n" },
	{ "no quotes", PAGE("a{b=c} 1\n# EOF\n"),
	  "error invalid: line 1, column 5: expected a label value in double quotes, found \"c\"\n" },
	{ "broken UTF-8 in a label value", PAGE("a{b=\"\377\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 5: the label value is not valid UTF-8\n" },
	{ "broken UTF-8 in a quoted name", PAGE("{\"\377\"} 1\n# EOF\n"),
	  "error invalid: line 1, column 2: the quoted name is not valid UTF-8\n" },
	{ "broken UTF-8 in HELP", PAGE("# HELP a \377\n# EOF\n"),
	  "error invalid: line 1, column 10: the help text is not valid UTF-8\n" },
	{ "a byte order mark", PAGE("\357\273\277a 1\n# EOF\n"),
	  "error invalid: line 1, column 1: expected a metric name, found \"\357\273\277\"\n" },
	{ "Windows line ends", PAGE("a 1\r\n# EOF\r\n"),
	  "error invalid: line 1, column 4: expected the end of the line, found a carriage return: lines end with a line feed alone\n" },
	{ "Windows line ends after HELP", PAGE("# HELP a b\r\n# EOF\n"),
	  "error invalid: line 1, column 11: expected the end of the line, found a carriage return: lines end with a line feed alone\n" },
	{ "Windows line ends after TYPE", PAGE("# TYPE a gauge\r\n# EOF\n"),
	  "error invalid: line 1, column 15: expected the end of the line, found a carriage return: lines end with a line feed alone\n" },
	{ "a Windows line end after the mark", PAGE("# EOF\r\n"),
	  "error invalid: line 1, column 1: expected \"# TYPE \", \"# HELP \", \"# UNIT \" or \"# EOF\": OpenMetrics has no comments\n" },
	{ "a hexadecimal value", PAGE("a 0x10\n# EOF\n"),
	  "error invalid: line 1, column 3: \"0x10\" is not a number: write it like 10, 0.25 or 1e6\n" },
	{ "a hexadecimal float", PAGE("a 0x1p3\n# EOF\n"),
	  "error invalid: line 1, column 3: \"0x1p3\" is not a decimal number, NaN or Inf\n" },
	{ "an underscore in a value", PAGE("a 1_000\n# EOF\n"),
	  "error invalid: line 1, column 3: \"1_000\" is not a number: write it like 10, 0.25 or 1e6\n" },
	{ "a signed NaN", PAGE("a +NaN\n# EOF\n"),
	  "error invalid: line 1, column 3: \"+NaN\" is not a number: write it like 10, 0.25 or 1e6\n" },
	{ "a word for a value", PAGE("a true\n# EOF\n"),
	  "error invalid: line 1, column 3: \"true\" is not a number: write it like 10, 0.25 or 1e6\n" },
	{ "a value beyond a double", PAGE("a 1e999\n# EOF\n"),
	  "error invalid: line 1, column 3: \"1e999\" is too large for a 64-bit float\n" },
	{ "a point alone", PAGE("a .\n# EOF\n"),
	  "error invalid: line 1, column 3: \".\" is not a number: write it like 10, 0.25 or 1e6\n" },
	{ "a timestamp that is NaN", PAGE("a 1 NaN\n# EOF\n"),
	  "error invalid: line 1, column 5: the timestamp is no time in seconds\n" },
	{ "a timestamp that is infinite", PAGE("a 1 Inf\n# EOF\n"),
	  "error invalid: line 1, column 5: the timestamp is no time in seconds\n" },
	{ "a timestamp beyond time", PAGE("a 1 1e300\n# EOF\n"),
	  "error invalid: line 1, column 5: the timestamp is no time in seconds\n" },
	{ "a hexadecimal timestamp", PAGE("a 1 0x1p3\n# EOF\n"),
	  "error invalid: line 1, column 5: \"0x1p3\" is not a decimal number, NaN or Inf\n" },
	{ "a third number", PAGE("a 1 2 3\n# EOF\n"),
	  "error invalid: line 1, column 7: expected an exemplar or the end of the line, found \"3\"\n" },
	{ "TYPE without a type", PAGE("# TYPE a\n# EOF\n"),
	  "error invalid: line 1, column 9: expected a space after the metric name, found the end of the line\n" },
	{ "TYPE with an empty type", PAGE("# TYPE a \n# EOF\n"),
	  "error invalid: line 1, column 10: expected a metric type, found the end of the line\n" },
	{ "an unknown type", PAGE("# TYPE a foo\n# EOF\n"),
	  "error invalid: line 1, column 10: \"foo\" is not a metric type: counter, gauge, histogram, gaugehistogram, summary, info, stateset or unknown\n" },
	{ "a type of Prometheus text", PAGE("# TYPE a untyped\n# EOF\n"),
	  "error invalid: line 1, column 10: \"untyped\" is not a metric type: counter, gauge, histogram, gaugehistogram, summary, info, stateset or unknown\n" },
	{ "a type with a space behind", PAGE("# TYPE a gauge \n# EOF\n"),
	  "error invalid: line 1, column 10: \"gauge \" is not a metric type: counter, gauge, histogram, gaugehistogram, summary, info, stateset or unknown\n" },
	{ "TYPE without a name", PAGE("# TYPE\n# EOF\n"),
	  "error invalid: line 1, column 1: expected \"# TYPE \", \"# HELP \", \"# UNIT \" or \"# EOF\": OpenMetrics has no comments\n" },
	{ "TYPE with an empty name", PAGE("# TYPE  gauge\n# EOF\n"),
	  "error invalid: line 1, column 8: expected a metric name, found \" \"\n" },
	{ "HELP without a space behind the name", PAGE("# HELP a\n# EOF\n"),
	  "error invalid: line 1, column 9: expected a space after the metric name, found the end of the line\n" },
	{ "UNIT without a space behind the name", PAGE("# UNIT a\n# EOF\n"),
	  "error invalid: line 1, column 9: expected a space after the metric name, found the end of the line\n" },
	{ "UNIT that is no suffix", PAGE("# UNIT a seconds\n# EOF\n"),
	  "error invalid: line 1, column 10: the family's name must end in its unit: an underscore and \"seconds\"\n" },
	{ "UNIT without its underscore", PAGE("# UNIT aseconds seconds\n# EOF\n"),
	  "error invalid: line 1, column 17: the family's name must end in its unit: an underscore and \"seconds\"\n" },
	{ "UNIT that is the whole name", PAGE("# UNIT seconds seconds\n# EOF\n"),
	  "error invalid: line 1, column 16: the family's name must end in its unit: an underscore and \"seconds\"\n" },
	{ "UNIT with a space", PAGE("# UNIT a_b c b\n# EOF\n"),
	  "error invalid: line 1, column 13: expected a unit, found \" \"\n" },
	{ "an info with a unit", PAGE("# TYPE a_s info\n# UNIT a_s s\n# EOF\n"),
	  "error invalid: line 2, column 12: a family of type info has no unit\n" },
	{ "a unit with a stateset", PAGE("# UNIT a_s s\n# TYPE a_s stateset\n# EOF\n"),
	  "error invalid: line 2, column 12: a family of type stateset has no unit\n" },
	{ "TYPE twice", PAGE("# TYPE a gauge\n# TYPE a gauge\n# EOF\n"),
	  "error invalid: line 2, column 8: the TYPE of a family stands twice\n" },
	{ "HELP twice", PAGE("# HELP a b\n# HELP a b\n# EOF\n"),
	  "error invalid: line 2, column 8: the HELP of a family stands twice\n" },
	{ "UNIT twice", PAGE("# UNIT a_s s\n# UNIT a_s s\n# EOF\n"),
	  "error invalid: line 2, column 8: the UNIT of a family stands twice\n" },
	{ "TYPE behind the samples", PAGE("a 1\n# TYPE a gauge\n# EOF\n"),
	  "a 1 untyped\nerror invalid: line 2, column 8: the TYPE of a family must stand before its samples\n" },
	{ "HELP between the samples", PAGE("a{b=\"c\"} 1\n# HELP a x\na{b=\"d\"} 1\n# EOF\n"),
	  "a{b=<c>} 1 untyped\nerror invalid: line 2, column 8: the HELP of a family must stand before its samples\n" },
	{ "metadata of another family in between", PAGE("# TYPE a gauge\n# TYPE b gauge\n# HELP a x\n# EOF\n"),
	  "error invalid: line 3, column 8: the family \"a\" comes again: all its lines must stand together\n" },
	{ "samples of another family in between", PAGE("a{b=\"c\"} 1\nb 1\na{b=\"d\"} 1\n# EOF\n"),
	  "a{b=<c>} 1 untyped\nb 1 untyped\nerror invalid: line 3, column 1: the family \"a\" comes again: all its lines must stand together\n" },
	{ "samples of another family in between parts", PAGE("# TYPE a summary\na_count 1\nb 1\na_sum 1\n# EOF\n"),
	  "a_count 1 summary+\nb 1 untyped\nerror invalid: line 4, column 1: the family \"a\" comes again: all its lines must stand together\n" },
	{ "a family that comes again", PAGE("# TYPE a gauge\na 1\nb 1\n# TYPE a gauge\n# EOF\n"),
	  "a 1 gauge\nb 1 untyped\nerror invalid: line 4, column 8: the family \"a\" comes again: all its lines must stand together\n" },
	{ "a counter without its suffix", PAGE("# TYPE a counter\na 1\n# EOF\n"),
	  "error invalid: line 2, column 1: \"a\" is of type counter: the names of its samples must end in _total or _created\n" },
	{ "a counter with its suffix in the family", PAGE("# TYPE a_total counter\na_total 1\n# EOF\n"),
	  "error invalid: line 2, column 1: \"a_total\" is of type counter: the names of its samples must end in _total or _created\n" },
	{ "an info without its suffix", PAGE("# TYPE a info\na 1\n# EOF\n"),
	  "error invalid: line 2, column 1: \"a\" is of type info: the names of its samples must end in _info\n" },
	{ "a histogram without suffix", PAGE("# TYPE a histogram\na 1\n# EOF\n"),
	  "error invalid: line 2, column 1: \"a\" is of type histogram: the names of its samples must end in _bucket, _count, _sum or _created\n" },
	{ "a gaugehistogram without suffix", PAGE("# TYPE a gaugehistogram\na{le=\"1\"} 1\n# EOF\n"),
	  "error invalid: line 2, column 1: \"a\" is of type gaugehistogram: the names of its samples must end in _bucket, _gcount or _gsum\n" },
	{ "a gauge that could be a counter's total", PAGE("# TYPE a counter\na_total 1\n# TYPE a_total gauge\n# EOF\n"),
	  "a_total 1 counter+\nerror invalid: line 3, column 8: the family \"a_total\" clashes with the family \"a\": their samples could have the same name\n" },
	{ "a gauge that could be a counter's creation", PAGE("# TYPE a_created gauge\na_created 1\n# TYPE a counter\na_total 1\n# EOF\n"),
	  "a_created 1 gauge\nerror invalid: line 3, column 8: the family \"a\" clashes with the family \"a_created\": their samples could have the same name\n" },
	{ "a counter that could be a gauge's count", PAGE("# TYPE a histogram\n# TYPE a_count counter\n# EOF\n"),
	  "error invalid: line 2, column 8: the family \"a_count\" clashes with the family \"a\": their samples could have the same name\n" },
	{ "a total before its counter", PAGE("a_total 1\n# TYPE a counter\n# EOF\n"),
	  "a_total 1 untyped\nerror invalid: line 2, column 8: the family \"a\" clashes with the family \"a_total\": their samples could have the same name\n" },
	{ "a negative counter", PAGE("# TYPE a counter\na_total -1\n# EOF\n"),
	  "error invalid: line 2, column 9: the value of \"a_total\", of type counter, must not be negative\n" },
	{ "a counter that is NaN", PAGE("# TYPE a counter\na_total NaN\n# EOF\n"),
	  "error invalid: line 2, column 9: the value of \"a_total\", of type counter, must not be NaN\n" },
	{ "a creation that is no time", PAGE("# TYPE a counter\na_total 1\na_created NaN\n# EOF\n"),
	  "a_total 1 counter+\nerror invalid: line 3, column 11: the value of \"a_created\", of type counter, must be a time in seconds\n" },
	{ "a creation without a counter", PAGE("# TYPE a counter\na_created 1\n# EOF\n"),
	  "a_created 1 counter\nerror invalid: line 2, column 1: the counter ends here without its _total\n" },
	{ "a gauge twice", PAGE("# TYPE a gauge\na 1\na 2\n# EOF\n"),
	  "a 1 gauge\nerror invalid: line 3, column 1: the series stands twice at the same time\n" },
	{ "a total twice", PAGE("# TYPE a counter\na_total 1\na_total 1\n# EOF\n"),
	  "a_total 1 counter+\nerror invalid: line 3, column 1: the series stands twice at the same time\n" },
	{ "a point twice", PAGE("# TYPE a gauge\na 1 1\na 2 1\n# EOF\n"),
	  "a 1 @1000 gauge\nerror invalid: line 3, column 1: the series stands twice at the same time\n" },
	{ "time that goes back", PAGE("# TYPE a gauge\na 1 2\na 2 1\n# EOF\n"),
	  "a 1 @2000 gauge\nerror invalid: line 3, column 1: the timestamps of a metric must rise\n" },
	{ "a timestamp on some samples only", PAGE("# TYPE a summary\na_count 1 2\na_sum 1\n# EOF\n"),
	  "a_count 1 @2000 summary+\nerror invalid: line 3, column 1: either all samples of a metric have a timestamp or none\n" },
	{ "points torn apart", PAGE("# TYPE a summary\na_count 0 123\na_count 0 456\na_sum 0 123\n# EOF\n"),
	  "a_count 0 @123000 summary+\na_count 0 @456000 summary+\nerror invalid: line 4, column 1: the timestamps of a metric must rise\n" },
	{ "metrics torn apart", PAGE("# TYPE a summary\na_count{b=\"x\"} 0\na_count{b=\"y\"} 0\na_sum{b=\"x\"} 0\n# EOF\n"),
	  "a_count{b=<x>} 0 summary+\na_count{b=<y>} 0 summary+\nerror invalid: line 4, column 1: the samples of one metric must stand together\n" },
	{ "a gauge's metric that comes again", PAGE("a{b=\"x\"} 0\na{b=\"y\"} 0\na{b=\"x\"} 0\n# EOF\n"),
	  "a{b=<x>} 0 untyped\na{b=<y>} 0 untyped\nerror invalid: line 3, column 1: the samples of one metric must stand together\n" },
	{ "a bucket without le", PAGE("# TYPE h histogram\nh_bucket 1\n# EOF\n"),
	  "error invalid: line 2, column 1: a sample of this name must have the label \"le\"\n" },
	{ "a bucket whose le is no number", PAGE("# TYPE h histogram\nh_bucket{le=\"x\"} 1\n# EOF\n"),
	  "error invalid: line 2, column 1: the label le is no number: \"x\"\n" },
	{ "a bucket whose le is NaN", PAGE("# TYPE h histogram\nh_bucket{le=\"NaN\"} 1\n# EOF\n"),
	  "error invalid: line 2, column 1: the label le is no number: \"NaN\"\n" },
	{ "a bucket whose le is hexadecimal", PAGE("# TYPE h histogram\nh_bucket{le=\"0x1p3\"} 1\n# EOF\n"),
	  "error invalid: line 2, column 1: the label le is no number: \"0x1p3\"\n" },
	{ "infinity spelt otherwise", PAGE("# TYPE h histogram\nh_bucket{le=\"Inf\"} 1\n# EOF\n"),
	  "error invalid: line 2, column 1: infinity must be written as le=\"+Inf\"\n" },
	{ "le where it does not belong", PAGE("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count{le=\"1\"} 1\n# EOF\n"),
	  "h_bucket{le=<1.0>} 1 histogram+\nh_bucket{le=<+Inf>} 2 histogram+\nerror invalid: line 4, column 1: a sample of this name must not have the label \"le\"\n" },
	{ "no +Inf bucket", PAGE("# TYPE h histogram\nh_bucket{le=\"1\"} 1\n# EOF\n"),
	  "h_bucket{le=<1.0>} 1 histogram+\nerror invalid: line 2, column 1: the histogram ends here without its bucket le=\"+Inf\"\n" },
	{ "no +Inf bucket in a point before the last", PAGE("# TYPE h histogram\nh_bucket{a=\"1\",le=\"1\"} 1\nh_bucket{a=\"2\",le=\"+Inf\"} 1\n# EOF\n"),
	  "h_bucket{a=<1>,le=<1.0>} 1 histogram+\nerror invalid: line 2, column 1: the histogram ends here without its bucket le=\"+Inf\"\n" },
	{ "no bucket at all", PAGE("# TYPE h histogram\nh_count 1\nh_sum 1\n# EOF\n"),
	  "h_count 1 histogram+\nh_sum 1 histogram+\nerror invalid: line 3, column 1: the histogram ends here without its bucket le=\"+Inf\"\n" },
	{ "buckets out of order", PAGE("# TYPE h histogram\nh_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\n# EOF\n"),
	  "h_bucket{le=<2.0>} 1 histogram+\nerror invalid: line 3, column 1: the buckets must stand in rising order of le\n" },
	{ "a bucket twice", PAGE("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\n# EOF\n"),
	  "h_bucket{le=<1.0>} 1 histogram+\nerror invalid: line 3, column 1: the buckets must stand in rising order of le\n" },
	{ "a bucket behind +Inf", PAGE("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_bucket{le=\"1\"} 1\n# EOF\n"),
	  "h_bucket{le=<+Inf>} 2 histogram+\nerror invalid: line 3, column 1: the buckets must stand in rising order of le\n" },
	{ "buckets that are not cumulative", PAGE("# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\n# EOF\n"),
	  "h_bucket{le=<1.0>} 2 histogram+\nerror invalid: line 3, column 1: buckets are cumulative: this one must not be smaller than the one before\n" },
	{ "half an event", PAGE("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1.5\n# EOF\n"),
	  "error invalid: line 2, column 21: the value of \"h_bucket\", of type histogram, must be a whole number\n" },
	{ "endless events", PAGE("# TYPE h histogram\nh_bucket{le=\"+Inf\"} Inf\n# EOF\n"),
	  "error invalid: line 2, column 21: the value of \"h_bucket\", of type histogram, must be a whole number\n" },
	{ "a negative bucket", PAGE("# TYPE h histogram\nh_bucket{le=\"+Inf\"} -1\n# EOF\n"),
	  "error invalid: line 2, column 21: the value of \"h_bucket\", of type histogram, must not be negative\n" },
	{ "a bucket that is NaN", PAGE("# TYPE h histogram\nh_bucket{le=\"+Inf\"} NaN\n# EOF\n"),
	  "error invalid: line 2, column 21: the value of \"h_bucket\", of type histogram, must not be NaN\n" },
	{ "a sum without a count", PAGE("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\n# EOF\n"),
	  "h_bucket{le=<1.0>} 1 histogram+\nh_bucket{le=<+Inf>} 2 histogram+\nh_sum 1 histogram+\nerror invalid: line 4, column 1: the histogram ends here with a sum but no count\n" },
	{ "a count without a sum", PAGE("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\n# EOF\n"),
	  "h_bucket{le=<1.0>} 1 histogram+\nh_bucket{le=<+Inf>} 2 histogram+\nh_count 2 histogram+\nerror invalid: line 4, column 1: the histogram ends here with a count but no sum\n" },
	{ "a count that is not the +Inf bucket", PAGE("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 3\nh_sum 1\n# EOF\n"),
	  "h_bucket{le=<1.0>} 1 histogram+\nh_bucket{le=<+Inf>} 2 histogram+\nh_count 3 histogram+\nh_sum 1 histogram+\nerror invalid: line 5, column 1: the histogram ends here with a count other than its bucket le=\"+Inf\"\n" },
	{ "a negative sum", PAGE("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum -1\n# EOF\n"),
	  "h_bucket{le=<1.0>} 1 histogram+\nh_bucket{le=<+Inf>} 2 histogram+\nh_count 2 histogram+\nerror invalid: line 5, column 7: the value of \"h_sum\", of type histogram, must not be negative\n" },
	{ "a sum that is NaN", PAGE("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum NaN\n# EOF\n"),
	  "h_bucket{le=<1.0>} 1 histogram+\nh_bucket{le=<+Inf>} 2 histogram+\nh_count 2 histogram+\nerror invalid: line 5, column 7: the value of \"h_sum\", of type histogram, must not be NaN\n" },
	{ "a sum with buckets below zero", PAGE("# TYPE h histogram\nh_bucket{le=\"-1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 1\n# EOF\n"),
	  "h_bucket{le=<-1.0>} 1 histogram+\nh_bucket{le=<+Inf>} 2 histogram+\nh_count 2 histogram+\nh_sum 1 histogram+\nerror invalid: line 5, column 1: the histogram ends here: one with buckets below zero has no sum\n" },
	{ "a gaugehistogram without +Inf", PAGE("# TYPE h gaugehistogram\nh_bucket{le=\"1\"} 1\n# EOF\n"),
	  "h_bucket{le=<1>} 1 gaugehistogram\nerror invalid: line 2, column 1: the histogram ends here without its bucket le=\"+Inf\"\n" },
	{ "a gaugehistogram's sum without a count", PAGE("# TYPE h gaugehistogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_gsum 1\n# EOF\n"),
	  "h_bucket{le=<1>} 1 gaugehistogram\nh_bucket{le=<+Inf>} 2 gaugehistogram\nh_gsum 1 gaugehistogram\nerror invalid: line 4, column 1: the histogram ends here with a sum but no count\n" },
	{ "a gaugehistogram's count without a sum", PAGE("# TYPE h gaugehistogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_gcount 2\n# EOF\n"),
	  "h_bucket{le=<1>} 1 gaugehistogram\nh_bucket{le=<+Inf>} 2 gaugehistogram\nh_gcount 2 gaugehistogram\nerror invalid: line 4, column 1: the histogram ends here with a count but no sum\n" },
	{ "a gaugehistogram's negative sum", PAGE("# TYPE h gaugehistogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_gcount 2\nh_gsum -1\n# EOF\n"),
	  "h_bucket{le=<1>} 1 gaugehistogram\nh_bucket{le=<+Inf>} 2 gaugehistogram\nh_gcount 2 gaugehistogram\nh_gsum -1 gaugehistogram\nerror invalid: line 5, column 1: the histogram ends here: without buckets below zero its sum cannot be negative\n" },
	{ "a gaugehistogram's sum that is NaN", PAGE("# TYPE h gaugehistogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_gcount 2\nh_gsum NaN\n# EOF\n"),
	  "h_bucket{le=<1>} 1 gaugehistogram\nh_bucket{le=<+Inf>} 2 gaugehistogram\nh_gcount 2 gaugehistogram\nerror invalid: line 5, column 8: the value of \"h_gsum\", of type gaugehistogram, must not be NaN\n" },
	{ "a quantile missing", PAGE("# TYPE a summary\na 1\n# EOF\n"),
	  "error invalid: line 2, column 1: a sample of this name must have the label \"quantile\"\n" },
	{ "a quantile above one", PAGE("# TYPE a summary\na{quantile=\"1.1\"} 1\n# EOF\n"),
	  "error invalid: line 2, column 1: a quantile must be between 0 and 1\n" },
	{ "a quantile below zero", PAGE("# TYPE a summary\na{quantile=\"-0.1\"} 1\n# EOF\n"),
	  "error invalid: line 2, column 1: a quantile must be between 0 and 1\n" },
	{ "a quantile that is NaN", PAGE("# TYPE a summary\na{quantile=\"NaN\"} 1\n# EOF\n"),
	  "error invalid: line 2, column 1: the label quantile is no number: \"NaN\"\n" },
	{ "a quantile that is no number", PAGE("# TYPE a summary\na{quantile=\"x\"} 1\n# EOF\n"),
	  "error invalid: line 2, column 1: the label quantile is no number: \"x\"\n" },
	{ "a negative quantile value", PAGE("# TYPE a summary\na{quantile=\"0.5\"} -1\n# EOF\n"),
	  "error invalid: line 2, column 19: the value of \"a\", of type summary, must not be negative\n" },
	{ "a quantile twice", PAGE("# TYPE a summary\na{quantile=\"0.5\"} 1\na{quantile=\"0.5\"} 1\n# EOF\n"),
	  "a{quantile=<0.5>} 1 summary\nerror invalid: line 3, column 1: the series stands twice at the same time\n" },
	{ "quantile where it does not belong", PAGE("# TYPE a summary\na_sum{quantile=\"0.5\"} 1\n# EOF\n"),
	  "error invalid: line 2, column 1: a sample of this name must not have the label \"quantile\"\n" },
	{ "a summary's count of half an event", PAGE("# TYPE a summary\na_count 1.5\n# EOF\n"),
	  "error invalid: line 2, column 9: the value of \"a_count\", of type summary, must be a whole number\n" },
	{ "a summary's negative sum", PAGE("# TYPE a summary\na_sum -1\n# EOF\n"),
	  "error invalid: line 2, column 7: the value of \"a_sum\", of type summary, must not be negative\n" },
	{ "a summary's sum that is NaN", PAGE("# TYPE a summary\na_sum NaN\n# EOF\n"),
	  "error invalid: line 2, column 7: the value of \"a_sum\", of type summary, must not be NaN\n" },
	{ "a stateset without its label", PAGE("# TYPE a stateset\na{b=\"c\"} 1\n# EOF\n"),
	  "error invalid: line 2, column 1: a sample of this name must have the label \"a\"\n" },
	{ "a state that is neither 0 nor 1", PAGE("# TYPE a stateset\na{a=\"c\"} 2\n# EOF\n"),
	  "error invalid: line 2, column 10: the value of \"a\", of type stateset, must be 0 or 1\n" },
	{ "a state that is NaN", PAGE("# TYPE a stateset\na{a=\"c\"} NaN\n# EOF\n"),
	  "error invalid: line 2, column 10: the value of \"a\", of type stateset, must be 0 or 1\n" },
	{ "a state twice", PAGE("# TYPE a stateset\na{a=\"c\"} 1\na{a=\"c\"} 0\n# EOF\n"),
	  "a{a=<c>} 1 stateset\nerror invalid: line 3, column 1: the series stands twice at the same time\n" },
	{ "an info that is not 1", PAGE("# TYPE a info\na_info{b=\"c\"} 0\n# EOF\n"),
	  "error invalid: line 2, column 15: the value of \"a_info\", of type info, must be 1\n" },
	{ "an exemplar on a gauge", PAGE("# TYPE a gauge\na 1 # {} 1\n# EOF\n"),
	  "error invalid: line 2, column 5: only the total of a counter and the buckets of a histogram may have an exemplar\n" },
	{ "an exemplar on a sample without type", PAGE("a_bucket{le=\"1\"} 1 # {} 1\n# EOF\n"),
	  "error invalid: line 1, column 20: only the total of a counter and the buckets of a histogram may have an exemplar\n" },
	{ "an exemplar on a count", PAGE("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2 # {} 1\n# EOF\n"),
	  "h_bucket{le=<1.0>} 1 histogram+\nh_bucket{le=<+Inf>} 2 histogram+\nerror invalid: line 4, column 11: only the total of a counter and the buckets of a histogram may have an exemplar\n" },
	{ "an exemplar on a creation", PAGE("# TYPE a counter\na_created 1 # {} 1\n# EOF\n"),
	  "error invalid: line 2, column 13: only the total of a counter and the buckets of a histogram may have an exemplar\n" },
	{ "an exemplar on a summary", PAGE("# TYPE a summary\na{quantile=\"0.5\"} 1 # {} 1\n# EOF\n"),
	  "error invalid: line 2, column 21: only the total of a counter and the buckets of a histogram may have an exemplar\n" },
	{ "an exemplar without labels", PAGE("# TYPE a counter\na_total 1 # 1\n# EOF\n"),
	  "error invalid: line 2, column 13: expected \"{\" of the exemplar's labels, found \"1\"\n" },
	{ "an exemplar without a value", PAGE("# TYPE a counter\na_total 1 # {}\n# EOF\n"),
	  "error invalid: line 2, column 15: expected a space before the exemplar's value, found the end of the line\n" },
	{ "an exemplar with a name", PAGE("# TYPE a counter\na_total 1 # {\"b\"} 1\n# EOF\n"),
	  "error invalid: line 2, column 17: expected \"=\" after the label name, found \"}\"\n" },
	{ "an exemplar with a bad timestamp", PAGE("# TYPE a counter\na_total 1 # {} 1 NaN\n# EOF\n"),
	  "error invalid: line 2, column 18: the timestamp is no time in seconds\n" },
	{ "an exemplar with too many numbers", PAGE("# TYPE a counter\na_total 1 # {} 1 2 3\n# EOF\n"),
	  "error invalid: line 2, column 19: expected the end of the line, found \" \"\n" },
	{ "an exemplar with a label twice", PAGE("# TYPE a counter\na_total 1 # {b=\"\",b=\"\"} 1\n# EOF\n"),
	  "error invalid: line 2, column 19: the label \"b\" stands twice\n" },
	{ "two exemplars", PAGE("# TYPE a counter\na_total 1 # {} 1 # {} 1\n# EOF\n"),
	  "error invalid: line 2, column 18: \"#\" is not a number: write it like 10, 0.25 or 1e6\n" },
	{ "a space before the exemplar's value missing", PAGE("# TYPE a counter\na_total 1 # {}1\n# EOF\n"),
	  "error invalid: line 2, column 15: expected a space before the exemplar's value, found \"1\"\n" },
	{ "two spaces before the exemplar", PAGE("# TYPE a counter\na_total 1  # {} 1\n# EOF\n"),
	  "error invalid: line 2, column 11: expected a timestamp in seconds, found \" \"\n" },
	{ "no space behind the exemplar's hash", PAGE("# TYPE a counter\na_total 1 #{} 1\n# EOF\n"),
	  "error invalid: line 2, column 12: expected a space after \"#\", found \"{\"\n" },
	{ "an exemplar of 129 characters", PAGE("# TYPE a counter\na_total 1 # {abcd=\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"} 1\n# EOF\n"),
	  "error invalid: line 2, column 148: the labels of the exemplar have 129 characters, more than 128\n" },
	{ "an exemplar above its bucket", PAGE("# TYPE h histogram\nh_bucket{le=\"1\"} 1 # {} 1.5\n# EOF\n"),
	  "error invalid: line 2, column 25: the exemplar's value is above its bucket\n" },
};

/* clang-format on */

static void expect_page(const struct row *row)
{
	expect_reading(row->why,
	               &(struct reading){.page = row->page, .format = EXPOSITION_OPENMETRICS},
	               row->expected);
}

START_TEST(a_page_within_the_rules_reads_the_same_however_it_is_cut)
{
	expect_page(&good_rows[_i]);
}
END_TEST

START_TEST(a_page_against_the_rules_says_where_and_why)
{
	expect_page(&bad_rows[_i]);
}
END_TEST

static bool is_a_total(void *ctx, struct str name)
{
	(void)ctx;
	return str_ends_with(name, STR("_total")) || str_ends_with(name, STR("_count"));
}

START_TEST(of_a_page_read_in_part_the_families_are_checked_all_the_same)
{
	/* clang-format off */
	static const struct row rows[] = {
		{ "what is not read may be anything",
		  PAGE("# TYPE a counter\na_created x{\na_total 1\nb_total 2\n# EOF\n"), "a_total 1 counter+\nb_total 2 untyped\n" },
		{ "what was not read is not missed",
		  PAGE("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n# TYPE g gauge\ng 1\n# EOF\n"), "h_count 1 histogram+\n" },
		{ "names are",
		  PAGE("# TYPE a counter\na 1\n# EOF\n"),
		  "error invalid: line 2, column 1: \"a\" is of type counter: the names of its samples must end in _total or _created\n" },
		{ "so are families torn apart",
		  PAGE("a 1\nb 1\na 1\n# EOF\n"),
		  "error invalid: line 3, column 1: the family \"a\" comes again: all its lines must stand together\n" },
		{ "nothing follows the end, not even what nobody asked for",
		  PAGE("a 1\n# EOF\na 2\n"),
		  "error invalid: line 3, column 1: nothing may follow \"# EOF\"\n" },
		{ "and the end", PAGE("a 1\n"),
		  "error invalid: line 2, column 1: the page does not end with \"# EOF\": it may have been cut\n" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect_reading(rows[i].why,
		               &(struct reading){.page = rows[i].page,
		                                 .format = EXPOSITION_OPENMETRICS,
		                                 .wanted = is_a_total},
		               rows[i].expected);
}
END_TEST

START_TEST(a_page_of_many_metrics_and_families_is_read_in_one_go)
{
	struct buf page, expected;
	struct reading r = {.format = EXPOSITION_OPENMETRICS};

	buf_init(&page, PAGE_MAX);
	buf_init(&expected, 4 * PAGE_MAX);
	for (unsigned f = 0; f < 300; f++) {
		buf_printf(&page, "# TYPE f%u counter\n", (f * 7919) % 300);
		for (unsigned m = 0; m < 40; m++) {
			buf_printf(&page, "f%u_total{m=\"%u\"} %u\n", (f * 7919) % 300, m, m);
			buf_printf(&expected, "f%u_total{m=<%u>} %u counter+\n", (f * 7919) % 300,
			           m, m);
		}
	}
	buf_add_text(&page, "# EOF\n");
	r.page = buf_str(&page);
	expect_reading("12,000 metrics", &r, expected.bytes);
	buf_fini(&page);
	buf_fini(&expected);
}
END_TEST

/* Pages that are nearly right: nothing is known of the outcome but that cuts do not change it. */
START_TEST(a_spoilt_page_reads_the_same_however_it_is_cut)
{
	uint32_t state = 7;

	for (int round = 0; round < 600; round++) {
		const struct row *row = &good_rows[lcg(&state) % ARRAY_LEN(good_rows)];
		struct reading r = {.format = EXPOSITION_OPENMETRICS};
		struct outcome whole;
		size_t n = row->page.n > 1500 ? 1500 : row->page.n;
		char *copy = malloc(n + 1);

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, row->page.p, n);
		for (uint32_t spoils = lcg(&state) % 4; spoils > 0; spoils--)
			copy[lcg(&state) % n] = row->page.p[lcg(&state) % n];
		r.page = (struct str){.p = copy, .n = n};
		read_chunked(&r, n + 1, 0, &whole);
		expect_reading("a spoilt page", &r, whole.text.bytes);
		buf_fini(&whole.text);
		free(copy);
	}
}
END_TEST

START_TEST(the_format_follows_from_the_content_type)
{
	/* clang-format off */
	static const struct { const char *type, *expected; } rows[] = {
		{ "text/plain; version=0.0.4; charset=utf-8", "prometheus" },
		{ "TEXT/Plain", "prometheus" },
		{ "text/plain;version=1.0.0;escaping=allow-utf-8", "prometheus" },
		{ "application/openmetrics-text; version=1.0.0; charset=utf-8", "openmetrics" },
		{ "application/openmetrics-text;version=0.0.1", "openmetrics" },
		{ " application/OpenMetrics-Text ", "openmetrics" },
		{ "", "no Content-Type" },
		{ " ;charset=utf-8", "no Content-Type" },
		{ "text/html; charset=utf-8", "\"text/html\" is not a metrics page" },
		{ "application/json", "\"application/json\" is not a metrics page" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum exposition_format format = EXPOSITION_FORMATS;
		struct err err;

		ck_assert_str_eq(exposition_format_of(str_of(rows[i].type), &format, &err)
		                         ? exposition_format_name(format)
		                         : err.text,
		                 rows[i].expected);
	}
}
END_TEST

START_TEST(a_page_with_an_eof_mark_is_openmetrics)
{
	/* clang-format off */
	static const struct { const char *page; enum exposition_format format; } rows[] = {
		{ "",                    EXPOSITION_PROMETHEUS },
		{ "a 1\n",               EXPOSITION_PROMETHEUS },
		{ "a 1\n# EOF\n",        EXPOSITION_OPENMETRICS },
		{ "# EOF",               EXPOSITION_OPENMETRICS },
		{ "# EOF\na 1\n",        EXPOSITION_OPENMETRICS },
		{ "# EOF of it\n",       EXPOSITION_PROMETHEUS },
		{ "a{b=\"# EOF\"} 1\n",  EXPOSITION_PROMETHEUS },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(exposition_guess_format(str_of(rows[i].page)) == rows[i].format, "%s",
		              rows[i].page);
}
END_TEST

START_TEST(what_was_wrong_is_told_apart_for_counters)
{
	static const struct exposition_limits tiny = {
	        .max_bytes = 60,
	        .max_samples = 3,
	        .max_labels = 2,
	        .max_name_bytes = 6,
	        .max_value_bytes = 4,
	        .max_line_bytes = 40,
	};
	/* clang-format off */
	static const struct { const char *page, *trouble; } rows[] = {
		{ "a 1\n# EOF\n",                            "fine" },
		{ "a\n# EOF\n",                              "malformed" },
		{ "# TYPE a info\na_info 0\n# EOF\n",       "malformed" },
		{ "a 1\n",                                   "cut" },
		{ "# HELP a b\n# HELP b c\n# HELP c dddddddddddddddd\n# HELP d eeeeeeeee\n", "bytes" },
		{ "a 1\nb 1\nc 1\nd 1\n",                    "samples" },
		{ "a{a=\"\",b=\"\",c=\"\"} 1\n",              "labels" },
		{ "abcdefg 1\n",                             "name" },
		{ "{\"abcdefg\"} 1\n",                       "name" },
		{ "a{a=\"12345\"} 1\n",                      "value" },
		{ "# HELP a 89012345678901234567890123456789012345\n", "line" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out;
		struct err err;
		struct exposition *e;

		buf_init(&out, PAGE_MAX);
		e = exposition_new(&tiny, print_sample, NULL, &out, &err);
		ck_assert_ptr_nonnull(e);
		exposition_expect(e, EXPOSITION_OPENMETRICS, true);
		if (exposition_feed(e, rows[i].page, strlen(rows[i].page), &err))
			(void)!exposition_finish(e, &err);
		ck_assert_msg(strcmp(exposition_trouble_name(exposition_trouble(e)),
		                     rows[i].trouble) == 0,
		              "%s: %s", rows[i].page,
		              exposition_trouble_name(exposition_trouble(e)));
		exposition_free(&e);
		buf_fini(&out);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("openmetrics");
	TCase *t = tcase_create("openmetrics");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_page_within_the_rules_reads_the_same_however_it_is_cut, 0,
	                    (int)ARRAY_LEN(good_rows));
	tcase_add_loop_test(t, a_page_against_the_rules_says_where_and_why, 0,
	                    (int)ARRAY_LEN(bad_rows));
	tcase_add_test(t, of_a_page_read_in_part_the_families_are_checked_all_the_same);
	tcase_add_test(t, a_page_of_many_metrics_and_families_is_read_in_one_go);
	tcase_add_test(t, a_spoilt_page_reads_the_same_however_it_is_cut);
	tcase_add_test(t, the_format_follows_from_the_content_type);
	tcase_add_test(t, a_page_with_an_eof_mark_is_openmetrics);
	tcase_add_test(t, what_was_wrong_is_told_apart_for_counters);
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
