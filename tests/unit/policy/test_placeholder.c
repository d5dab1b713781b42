/*
 * placeholder: values are filled in and cannot break out of the place they are filled into.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "policy/placeholder.h"
#include "policy/policy.h"

static json_t *params;
static json_t *flags;
static struct policy_stage stage;
static struct policy_values values;

static void set_up(void)
{
	params = json_pack("{s:s, s:i, s:b, s:f, s:[i], s:s, s:s, s:s, s:s#, s:n}", "text",
	                   "a b/c?d=ä", "n", 7, "on", 1, "half", 0.5, "list", 1, "quote",
	                   "x\"\\'`y\n", "open", "${stage.weight}", "dots", "..", "nul", "a\0b",
	                   (size_t)3, "none");
	flags = json_pack("{s:b, s:{s:i}}", "dark", 1, "deep", "a", 1);
	stage = (struct policy_stage){
	        .stage = (char *)(uintptr_t) "canary", .weight = 10, .flags = flags};
	values = (struct policy_values){.service = "checkout",
	                                .environment = "prod",
	                                .version = "1.2.3+b\"1",
	                                .params = params,
	                                .stage = &stage};
}

static void tear_down(void)
{
	json_decref(params);
	json_decref(flags);
}

START_TEST(values_are_escaped_for_where_they_stand)
{
	/* clang-format off */
	static const struct {
		const char *why, *text;
		enum placeholder_place place;
		const char *filled, *problem;
	} rows[] = {
		{ "nothing to fill", "plain", PLACE_URL, "plain", NULL },
		{ "nothing at all", "", PLACE_URL, "", NULL },
		{ "a service in a host", "http://${service}.x:1/m", PLACE_URL, "http://checkout.x:1/m", NULL },
		{ "everything but unreserved characters", "/p/${params.text}", PLACE_URL, "/p/a%20b%2Fc%3Fd%3D%C3%A4", NULL },
		{ "a version in a URL", "/${version}", PLACE_URL, "/1.2.3%2Bb%221", NULL },
		{ "two dots walk up", "/a/${params.dots}/b", PLACE_URL, NULL, "\"..\"" },
		{ "two dots inside a word do not", "/a/x${params.dots}/b", PLACE_URL, "/a/x../b", NULL },
		{ "a string in PromQL", "m{v=\"${version}\"}", PLACE_PROMQL, "m{v=\"1.2.3+b\\\"1\"}", NULL },
		{ "the other quotes", "m{v='${params.quote}'}", PLACE_PROMQL, "m{v='x\"\\\\\\'`y\\x0a'}", NULL },
		{ "back quotes know no escapes", "m{v=`${params.quote}`}", PLACE_PROMQL, NULL, "back quote" },
		{ "back quotes with what fits", "m{v=`${version}`}", PLACE_PROMQL, "m{v=`1.2.3+b\"1`}", NULL },
		{ "outside a string", "m[${params.n}]", PLACE_PROMQL, NULL, "outside a string" },
		{ "after a string", "m{a=\"x\"}${service}", PLACE_PROMQL, NULL, "outside a string" },
		{ "after an escaped quote", "m{a=\"\\\"${service}\"}", PLACE_PROMQL, "m{a=\"\\\"checkout\"}", NULL },
		{ "after a backslash", "m{a=\"\\${service}\"}", PLACE_PROMQL, NULL, "outside a string" },
		{ "after a quote in a comment", "# it's\nm{a=\"${service}\"}", PLACE_PROMQL, "# it's\nm{a=\"checkout\"}", NULL },
		{ "in a comment", "m # \"${service}", PLACE_PROMQL, NULL, "outside a string" },
		{ "JSON text", "{\"a\": \"${params.quote}\"}", PLACE_JSON, "{\"a\": \"x\\\"\\\\'`y\\u000a\"}", NULL },
		{ "an argument", "--v=${version}", PLACE_ARGUMENT, "--v=1.2.3+b\"1", NULL },
		{ "an argument of two lines", "${params.quote}", PLACE_ARGUMENT, NULL, "line break" },
		{ "a NUL", "${params.nul}", PLACE_ARGUMENT, NULL, "NUL" },
		{ "a number", "${params.n}/${params.half}/${params.on}", PLACE_ARGUMENT, "7/0.5/true", NULL },
		{ "a list in a text", "${params.list}", PLACE_ARGUMENT, NULL, "list or an object" },
		{ "the stage", "${stage.name}=${stage.weight} ${stage.flags.dark}", PLACE_ARGUMENT, "canary=10 true", NULL },
		{ "a literal", "$${service} costs $5 $$ ${service}", PLACE_ARGUMENT, "${service} costs $5 $$ checkout", NULL },
		{ "a value is not read again", "${params.open}", PLACE_ARGUMENT, "${stage.weight}", NULL },
		{ "no such name", "${servce}", PLACE_URL, NULL, "did you mean ${service}" },
		{ "no such name at all", "${x y}", PLACE_URL, NULL, "unknown placeholder" },
		{ "no name", "${}", PLACE_URL, NULL, "unknown placeholder" },
		{ "params of nothing", "${params.}", PLACE_URL, NULL, "unknown placeholder" },
		{ "never closed", "a${service", PLACE_URL, NULL, "without \"}\"" },
		{ "a parameter that was not given", "${params.missing}", PLACE_URL, NULL, "${params.missing} has no value" },
		{ "a parameter of null", "${params.none}", PLACE_URL, NULL, "${params.none} has no value" },
		{ "a flag the stage lacks", "${stage.flags.x}", PLACE_URL, NULL, "${stage.flags.x} has no value" },
		{ "no component", "${component}", PLACE_URL, NULL, "${component} has no value" },
		{ "no stable version", "${stable_version}", PLACE_URL, NULL, "${stable_version} has no value" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {.code = ERR_NONE};
		char *filled = placeholder_fill(rows[i].text, rows[i].place, &values, &err);

		ck_assert_msg(!filled == !rows[i].filled, "%s: %s", rows[i].why,
		              filled ? filled : err.text);
		if (filled)
			ck_assert_msg(strcmp(filled, rows[i].filled) == 0, "%s: %s", rows[i].why,
			              filled);
		else
			ck_assert_msg(strstr(err.text, rows[i].problem) && err.code == ERR_INVALID,
			              "%s: %s", rows[i].why, err.text);
		free(filled);
	}
}
END_TEST

START_TEST(names_of_the_callers_own_replace_all_others)
{
	static const char *const known[] = {"service", "event.name", "links.x", NULL};
	json_t *names =
	        json_pack("{s:s, s:i, s:s}", "event.name", "a.b", "links.n", 7, "links.s", "x\ny");
	struct policy_values own = {.service = "unused", .names = names};
	struct err err = {.code = ERR_NONE};
	char *text =
	        placeholder_fill("[${service}] ${event.name} ${links.n} ${links.s}${stage.name}",
	                         PLACE_TEXT, &own, &err);

	ck_assert_str_eq(text, "[] a.b 7 x\ny");
	free(text);
	ck_assert(placeholder_check_names("${service} ${links.any} $${x}", known, &err));
	ck_assert(!placeholder_check_names("${event.nam}", known, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "did you mean ${event.name}"));
	ck_assert(!placeholder_check_names("${links.}", known, &err));
	ck_assert(!placeholder_check_names("${links.a.b}", known, &err));
	ck_assert(!placeholder_check_names("${open", known, &err));
	json_decref(names);
}
END_TEST

START_TEST(without_a_stage_its_placeholders_stay_open_for_later)
{
	/* clang-format off */
	static const struct {
		const char *why, *text, *first, *second;
	} rows[] = {
		{ "the stage later", "${service}-${stage.weight}", "checkout-${stage.weight}", "checkout-10" },
		{ "a literal waits as well", "$${x} ${stage.name}", "$${x} ${stage.name}", "${x} canary" },
		{ "what needs no stage is done", "$${service}", "${service}", NULL },
	};
	/* clang-format on */
	struct policy_values now = values;
	struct err err;

	now.stage = NULL;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *first = placeholder_fill(rows[i].text, PLACE_ARGUMENT, &now, &err);
		char *second = NULL;

		ck_assert_str_eq(first, rows[i].first);
		if (rows[i].second) {
			second = placeholder_fill(first, PLACE_ARGUMENT, &values, &err);
			ck_assert_str_eq(second, rows[i].second);
		}
		free(first);
		free(second);
	}
	ck_assert_ptr_null(
	        placeholder_fill("${params.open} ${stage.name}", PLACE_ARGUMENT, &now, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "holds \"${\""));
}
END_TEST

START_TEST(a_text_that_is_one_placeholder_keeps_the_type_of_its_value)
{
	json_t *body = json_pack("{s:s, s:s, s:[s, s, s], s:{s:i, s:s}, s:s, s:s}", "weight",
	                         "${stage.weight}", "text", "w=${stage.weight}", "list",
	                         "${params.list}", "${stage.flags.deep}", "${params.on}", "in",
	                         "kept", 1, "literal", "$${stage.weight}", "quote",
	                         "<${params.quote}>", "version", "${version}");
	json_t *wanted =
	        json_pack("{s:i, s:s, s:[[i], {s:i}, b], s:{s:i, s:s}, s:s, s:s}", "weight", 10,
	                  "text", "w=10", "list", 1, "a", 1, 1, "in", "kept", 1, "literal",
	                  "${stage.weight}", "quote", "<x\"\\'`y\n>", "version", "1.2.3+b\"1");
	struct err err;
	json_t *filled = placeholder_fill_json(body, &values, &err);

	ck_assert_msg(filled && json_equal(filled, wanted), "%s",
	              filled ? json_dumps(filled, 0) : err.text);
	json_decref(body);
	json_decref(wanted);
	json_decref(filled);
}
END_TEST

START_TEST(a_value_missing_inside_json_is_named)
{
	json_t *body = json_pack("{s:[s]}", "a", "${params.missing}");
	struct err err;

	ck_assert_ptr_null(placeholder_fill_json(body, &values, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "${params.missing}"));
	stage.weight = -1;
	json_decref(body);
	body = json_pack("{s:s}", "a", "${stage.weight}");
	ck_assert_ptr_null(placeholder_fill_json(body, &values, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "stage canary has no weight"));
	json_decref(body);
}
END_TEST

START_TEST(json_with_open_stage_placeholders_is_filled_twice_as_a_whole)
{
	json_t *body = json_pack("{s:s, s:s}", "a", "$${x}", "b", "${stage.weight}");
	json_t *wanted = json_pack("{s:s, s:i}", "a", "${x}", "b", 10);
	struct policy_values now = values;
	struct err err;
	json_t *first = NULL;
	json_t *second = NULL;

	now.stage = NULL;
	first = placeholder_fill_json(body, &now, &err);
	ck_assert(json_equal(first, body));
	second = placeholder_fill_json(first, &values, &err);
	ck_assert(json_equal(second, wanted));
	json_decref(first);
	json_decref(second);
	json_decref(body);
	json_decref(wanted);
}
END_TEST

START_TEST(placeholders_are_checked_before_there_are_values)
{
	json_t *body = json_pack("{s:[s]}", "a", "${params.missing}");
	struct err err;

	ck_assert(placeholder_check("${service} ${params.any}", PLACE_URL, SCOPE_RELEASE, &err));
	ck_assert(placeholder_check("${stage.weight}", PLACE_URL, SCOPE_STAGE, &err));
	ck_assert(!placeholder_check("${stage.weight}", PLACE_URL, SCOPE_RELEASE, &err));
	ck_assert(!placeholder_check("${service}", PLACE_URL, SCOPE_NONE, &err));
	ck_assert(placeholder_check("$${service}", PLACE_URL, SCOPE_NONE, &err));
	ck_assert(!placeholder_check("m{a=${service}}", PLACE_PROMQL, SCOPE_RELEASE, &err));
	ck_assert(placeholder_check("m{a=\"${service}\"}", PLACE_PROMQL, SCOPE_RELEASE, &err));
	ck_assert(!placeholder_check("${", PLACE_URL, SCOPE_STAGE, &err));
	ck_assert(placeholder_check_json(body, SCOPE_RELEASE, &err));
	ck_assert(placeholder_uses_json(body, "params.missing") &&
	          !placeholder_uses_json(body, "service"));
	ck_assert(!placeholder_uses("$${service}", "service"));
	json_decref(body);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("placeholder");
	TCase *tcase = tcase_create("placeholder");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, values_are_escaped_for_where_they_stand);
	tcase_add_test(tcase, names_of_the_callers_own_replace_all_others);
	tcase_add_test(tcase, without_a_stage_its_placeholders_stay_open_for_later);
	tcase_add_test(tcase, a_text_that_is_one_placeholder_keeps_the_type_of_its_value);
	tcase_add_test(tcase, a_value_missing_inside_json_is_named);
	tcase_add_test(tcase, json_with_open_stage_placeholders_is_filled_twice_as_a_whole);
	tcase_add_test(tcase, placeholders_are_checked_before_there_are_values);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
