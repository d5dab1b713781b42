/* endpoint: what becomes of a target's address and labels, and which documents of targets are
 * right. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "source/endpoint.h"

/* clang-format off */
static const struct {
	const char *why, *address, *labels, *url, *wanted;
} rows[] = {
	{ "host:port as in Prometheus", "a:9100", NULL, "http://a:9100/metrics", "{\"instance\":\"a:9100\",\"job\":\"app\"}" },
	{ "no port is added", "a", NULL, "http://a/metrics", "{\"instance\":\"a\",\"job\":\"app\"}" },
	{ "an IPv6 address", "[::1]:9100", NULL, "http://[::1]:9100/metrics", "{\"instance\":\"[::1]:9100\",\"job\":\"app\"}" },
	{ "a whole URL stays as it is", "https://a/m?x=1", NULL, "https://a/m?x=1", "{\"instance\":\"a:443\",\"job\":\"app\"}" },
	{ "labels win", "a:1", "{\"job\":\"j\",\"instance\":\"i\",\"zone\":\"z\"}", "http://a:1/metrics", "{\"instance\":\"i\",\"job\":\"j\",\"zone\":\"z\"}" },
	{ "what says how to scrape is no label", "a:1", "{\"__scheme__\":\"https\",\"__metrics_path__\":\"/p\",\"__param_q\":\"a b\",\"__meta_x\":\"y\",\"__other\":\"z\"}",
	  "https://a:1/p?q=a%20b", "{\"instance\":\"a:1\",\"job\":\"app\"}" },
	{ "a path with a query of its own", "a:1", "{\"__metrics_path__\":\"/p?x=1\",\"__param_q\":\"2\"}", "http://a:1/p?x=1&q=2", "{\"instance\":\"a:1\",\"job\":\"app\"}" },
	{ "an empty value is no label", "a:1", "{\"zone\":\"\",\"instance\":\"\"}", "http://a:1/metrics", "{\"instance\":\"a:1\",\"job\":\"app\"}" },
};
static const struct { const char *why, *address, *labels, *sentence; } bad[] = {
	{ "a path", "a:1/metrics", NULL, "\"a:1/metrics\" is no host:port" },
	{ "a user", "me@a:1", NULL, "\"me@a:1\" is no host:port" },
	{ "nothing", "", NULL, "\"\" is no host:port" },
	{ "another scheme", "a:1", "{\"__scheme__\":\"file\"}", "__scheme__ \"file\" is neither http nor https" },
	{ "a path that would become a host", "a", "{\"__metrics_path__\":\".evil.example/\"}", "__metrics_path__ \".evil.example/\" does not begin with /" },
};
/* clang-format on */

static struct policy_source source_of(void)
{
	static char name[] = "app";

	return (struct policy_source){.name = name, .kind = SOURCE_SCRAPE};
}

START_TEST(an_address_becomes_a_url_and_labels_as_in_prometheus)
{
	struct policy_source source = source_of();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *labels = rows[i].labels ? json_loads(rows[i].labels, 0, NULL) : NULL;
		struct endpoints e = {0};
		struct err err = {.code = ERR_NONE};
		char *key;

		ck_assert_msg(endpoints_add(&e, &source, rows[i].address, labels, "f", &err),
		              "%s: %s", rows[i].why, err.text);
		key = endpoint_key(&e.list[0]);
		ck_assert_msg(strcmp(e.list[0].url, rows[i].url) == 0, "%s: %s", rows[i].why,
		              e.list[0].url);
		ck_assert_msg(strcmp(key, rows[i].wanted) == 0, "%s: %s", rows[i].why, key);
		ck_assert_str_eq(e.list[0].found_by, "f");
		free(key);
		endpoints_free(&e);
		json_decref(labels);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		json_t *labels = bad[i].labels ? json_loads(bad[i].labels, 0, NULL) : NULL;
		struct endpoints e = {0};
		struct err err = {.code = ERR_NONE};

		ck_assert_msg(!endpoints_add(&e, &source, bad[i].address, labels, NULL, &err), "%s",
		              bad[i].why);
		ck_assert_msg(strcmp(err.text, bad[i].sentence) == 0, "%s: %s", bad[i].why,
		              err.text);
		endpoints_free(&e);
		json_decref(labels);
	}
}
END_TEST

START_TEST(params_of_the_source_give_way_to_those_of_the_target)
{
	struct policy_source source = source_of();
	json_t *labels = json_loads("{\"__param_m\":\"own\"}", 0, NULL);
	struct endpoints e = {0};
	struct err err;

	source.scheme = SCHEME_HTTPS;
	source.metrics_path = (char *)(uintptr_t) "/probe";
	source.params = json_loads("{\"m\":[\"x\",\"y\"],\"n\":\"1&2\"}", 0, NULL);
	ck_assert(endpoints_add(&e, &source, "a:1", NULL, NULL, &err));
	ck_assert_str_eq(e.list[0].url, "https://a:1/probe?m=x&m=y&n=1%262");
	ck_assert(endpoints_add(&e, &source, "a:1", labels, NULL, &err));
	ck_assert_str_eq(e.list[1].url, "https://a:1/probe?n=1%262&m=own");
	endpoints_free(&e);
	json_decref(source.params);
	json_decref(labels);
}
END_TEST

static const char *instance(const struct endpoints *e, size_t i)
{
	return json_string_value(json_object_get(e->list[i].labels, "instance"));
}

START_TEST(two_pages_never_have_the_same_labels)
{
	static const char *const addresses[] = {"http://a:1/x", "http://a:1/y", "https://a:1/y",
	                                        "http://b:1/x", "http://b:1/x"};
	struct policy_source source = source_of();
	struct endpoints e = {0};
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
		ck_assert(endpoints_add(&e, &source, addresses[i], NULL, NULL, &err));
	ck_assert(endpoints_settle(&e, &err));
	ck_assert_str_eq(instance(&e, 0), "a:1/x");
	ck_assert_str_eq(instance(&e, 1), "http://a:1/y");
	ck_assert_str_eq(instance(&e, 2), "https://a:1/y");
	ck_assert_str_eq(instance(&e, 3), "b:1"); /* twice the same is one target */
	ck_assert_str_eq(instance(&e, 4), "b:1");
	endpoints_free(&e);
}
END_TEST

/* clang-format off */
static const struct { const char *document, *sentence; } documents[] = {
	{ "[]", NULL },
	{ "[{\"targets\":[\"a:1\",\"b:2\"],\"labels\":{\"__meta_x\":\"1\",\"zone\":\"z\"}}]", NULL },
	{ "[{\"targets\":[]},{\"labels\":{}}]", NULL },
	{ "{\"targets\":[\"a:1\"]}", "it is no list of groups of targets" },
	{ "[[]]", "group 1: it is no object" },
	{ "[{\"targets\":\"a:1\"}]", "group 1: its targets are no list" },
	{ "[{\"targets\":[\"a:1\"]},{\"targets\":[\"http://a:1/metrics\"]}]", "group 2: \"http://a:1/metrics\" is no host:port" },
	{ "[{\"targets\":[7]}]", "group 1: \"a target\" is no host:port" },
	{ "[{\"targets\":[\"a:1\"],\"labels\":[]}]", "group 1: its labels are no object" },
	{ "[{\"targets\":[\"a:1\"],\"labels\":{\"a\":1}}]", "group 1: the value of label \"a\" is no text" },
	{ "[{\"targets\":[\"a:1\"],\"labels\":{\"a-b\":\"1\"}}]", "group 1: \"a-b\" is no label's name" },
};
/* clang-format on */

START_TEST(a_document_of_targets_is_right_as_a_whole_or_not_at_all)
{
	for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
		json_t *document = json_loads(documents[i].document, 0, NULL);
		json_t *groups = json_array();
		struct err err = {.code = ERR_NONE};
		bool ok = endpoints_read(document, "by", groups, &err);

		ck_assert_msg(ok == (documents[i].sentence == NULL), "%s", documents[i].document);
		if (!ok)
			ck_assert_msg(strcmp(err.text, documents[i].sentence) == 0 &&
			                      json_array_size(groups) == 0,
			              "%s: %s", documents[i].document, err.text);
		json_decref(groups);
		json_decref(document);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("endpoint");
	TCase *tests = tcase_create("endpoint");

	tcase_add_test(tests, an_address_becomes_a_url_and_labels_as_in_prometheus);
	tcase_add_test(tests, params_of_the_source_give_way_to_those_of_the_target);
	tcase_add_test(tests, two_pages_never_have_the_same_labels);
	tcase_add_test(tests, a_document_of_targets_is_right_as_a_whole_or_not_at_all);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
