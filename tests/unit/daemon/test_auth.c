/*
 * auth: tokens as text, the file they are kept in, who they make of a request, and the command.
 */
#include "../suite.h"
#include "http_fixture.h"

static struct wall at(int64_t ms)
{
	return (struct wall){.ms = ms};
}

/* The header's value for a token. */
static const char *bearer(const char *token)
{
	static char text[128];

	snprintf(text, sizeof(text), "Bearer %s", token);
	return text;
}

START_TEST(a_checksum_is_the_usual_one)
{
	ck_assert_uint_eq(token_checksum(STR("123456789")), 0xcbf43926);
	ck_assert_uint_eq(token_checksum(STR("")), 0);
}
END_TEST

START_TEST(a_token_reads_back_and_every_typing_error_shows)
{
	char text[TOKEN_TEXT + 1];
	struct token made;
	struct token read;
	struct err err;

	ck_assert(token_make(text, &made, &err));
	ck_assert_uint_eq(strlen(text), TOKEN_TEXT);
	ck_assert(token_read(str_of(text), &read));
	ck_assert_str_eq(read.kid, made.kid);
	ck_assert_str_eq(read.hash, made.hash);
	ck_assert_ptr_null(strstr(text, made.hash));
	for (size_t i = 0; i < TOKEN_TEXT; i++) {
		char kept = text[i];

		text[i] = kept == 'x' ? 'y' : 'x';
		ck_assert_msg(!token_read(str_of(text), &read), "at %zu", i);
		text[i] = kept;
	}
	ck_assert(!token_read((struct str){.p = text, .n = TOKEN_TEXT - 1}, &read));
	ck_assert(!token_read(STR(""), &read));
}
END_TEST

START_TEST(two_tokens_differ)
{
	char a[TOKEN_TEXT + 1];
	char b[TOKEN_TEXT + 1];
	struct token token;
	struct err err;

	ck_assert(token_make(a, &token, &err));
	ck_assert(token_make(b, &token, &err));
	ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(a_principal_has_the_permissions_of_its_roles)
{
	const struct principal *p =
	        tokens_check(server.app.tokens, bearer(server.operator), at(1000));
	struct principal *copy;

	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->subject, "otto");
	ck_assert(!p->machine);
	ck_assert_uint_eq(p->permissions, 1U << PERMISSION_VIEW | 1U << PERMISSION_SUBMIT |
	                                          1U << PERMISSION_OPERATE);
	copy = principal_copy(p);
	ck_assert_ptr_nonnull(copy);
	ck_assert_str_eq(copy->subject, "otto");
	ck_assert_uint_eq(copy->nroles, 1);
	ck_assert_str_eq(copy->roles[0], "operator");
	ck_assert_uint_eq(copy->permissions, p->permissions);
	principal_free(&copy);
	principal_free(&copy);
}
END_TEST

START_TEST(nothing_but_a_known_token_is_somebody)
{
	char text[TOKEN_TEXT + 1];
	char lower[128];
	struct token token;
	struct err err;
	struct tokens *t = server.app.tokens;

	ck_assert(token_make(text, &token, &err)); /* good, but nobody's */
	ck_assert_ptr_null(tokens_check(t, bearer(text), at(1000)));
	ck_assert_ptr_null(tokens_check(t, "", at(1000)));
	ck_assert_ptr_null(tokens_check(t, "Bearer", at(1000)));
	ck_assert_ptr_null(tokens_check(t, "Bearer ", at(1000)));
	ck_assert_ptr_null(tokens_check(t, server.viewer, at(1000)));
	ck_assert_ptr_null(tokens_check(t, "Basic dTpw", at(1000)));
	snprintf(lower, sizeof(lower), "bearer  %s", server.viewer);
	ck_assert_ptr_nonnull(tokens_check(t, lower, at(1000)));
}
END_TEST

START_TEST(a_known_kid_with_another_secret_is_nobody)
{
	char text[TOKEN_TEXT + 1];
	struct token token;
	struct err err;

	ck_assert(token_make(text, &token, &err));
	memcpy(text + 3, server.viewer + 3, TOKEN_KID);
	snprintf(text + TOKEN_TEXT - 8, 9, "%08x",
	         token_checksum((struct str){.p = text, .n = TOKEN_TEXT - 9}));
	ck_assert(token_read(str_of(text), &token));
	ck_assert_ptr_null(tokens_check(server.app.tokens, bearer(text), at(1000)));
}
END_TEST

/* --- the command on the server's file --- */

static char command_output[4096];

static int command(char *const *words)
{
	char *argv[16] = {(char[]){"token"}};
	char path[128];
	FILE *file;
	int argc = 1;
	int status;
	int kept;
	size_t n;

	for (; *words; words++)
		argv[argc++] = *words;
	argv[argc++] = (char[]){"--file"};
	argv[argc++] = server.tokens_file;
	snprintf(path, sizeof(path), "%s/out", server.dir);
	fflush(stdout);
	kept = dup(STDOUT_FILENO);
	ck_assert_ptr_nonnull(freopen(path, "w", stdout));
	status = token_command(argc, argv);
	fflush(stdout);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	n = fread(command_output, 1, sizeof(command_output) - 1, file);
	command_output[n] = '\0';
	fclose(file);
	unlink(path);
	return status;
}

#define COMMAND(...) command((char *[]){__VA_ARGS__, NULL})
#define W(text) ((char[]){text})

static void look_again(void)
{
	/* The file is looked at every two seconds. */
	for (int i = 0; i < 60; i++)
		turn(50);
}

START_TEST(a_new_token_works_and_a_revoked_one_stops)
{
	char token[TOKEN_TEXT + 1];
	char kid[TOKEN_KID + 1];
	const struct principal *p;
	struct now now;
	struct stat st;

	ck_assert_int_eq(COMMAND(W("new"), W("--subject"), W("ci@build"),
	                         W("--roles=author,unheard_of"), W("--machine"), W("--expires"),
	                         W("1h")),
	                 0);
	ck_assert_uint_eq(strlen(command_output), TOKEN_TEXT + 1);
	snprintf(token, sizeof(token), "%.*s", TOKEN_TEXT, command_output);
	ck_assert_int_eq(stat(server.tokens_file, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	look_again();
	now = loop_now(server.app.loop);
	p = tokens_check(server.app.tokens, bearer(token), now.wall);
	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->subject, "ci@build");
	ck_assert(p->machine);
	ck_assert_uint_eq(p->nroles, 2);
	ck_assert_uint_eq(p->permissions, 1U << PERMISSION_VIEW | 1U << PERMISSION_SUBMIT);
	/* Others were kept, and an hour is an hour. */
	ck_assert_ptr_nonnull(tokens_check(server.app.tokens, bearer(server.viewer), now.wall));
	ck_assert_ptr_null(
	        tokens_check(server.app.tokens, bearer(token), at(now.wall.ms + 3600000)));

	snprintf(kid, sizeof(kid), "%.*s", TOKEN_KID, token + 3);
	ck_assert_int_eq(COMMAND(W("list")), 0);
	ck_assert_ptr_nonnull(strstr(command_output, kid));
	ck_assert_ptr_nonnull(strstr(command_output, "machine  ci@build  author,unheard_of\n"));
	ck_assert_ptr_null(strstr(command_output, token));
	ck_assert_int_eq(COMMAND(W("revoke"), kid), 0);
	look_again();
	ck_assert_ptr_null(tokens_check(server.app.tokens, bearer(token), now.wall));
	ck_assert_int_eq(COMMAND(W("revoke"), kid), 1);
}
END_TEST

START_TEST(a_file_gone_bad_keeps_the_tokens_read_last)
{
	FILE *file = fopen(server.tokens_file, "a");

	ck_assert_ptr_nonnull(file);
	fputs("what: is this\n", file);
	fclose(file);
	look_again();
	ck_assert_ptr_nonnull(tokens_check(server.app.tokens, bearer(server.viewer), at(1000)));
	ck_assert_int_eq(unlink(server.tokens_file), 0);
	look_again();
	ck_assert_ptr_nonnull(tokens_check(server.app.tokens, bearer(server.viewer), at(1000)));
}
END_TEST

START_TEST(a_file_open_to_everybody_is_refused)
{
	struct tokens *t;
	struct err err;

	ck_assert_int_eq(chmod(server.tokens_file, 0644), 0);
	t = tokens_new(&server.app, server.tokens_file, &err);
	ck_assert_ptr_null(t);
	ck_assert_int_eq(err.code, ERR_DENIED);
	ck_assert_int_eq(COMMAND(W("list")), 3);
}
END_TEST

START_TEST(no_file_yet_is_no_error)
{
	struct tokens *t;
	struct err err;

	ck_assert_int_eq(unlink(server.tokens_file), 0);
	t = tokens_new(&server.app, server.tokens_file, &err);
	ck_assert_ptr_nonnull(t);
	ck_assert_ptr_null(tokens_check(t, bearer(server.viewer), at(1000)));
	tokens_free(&t);
	ck_assert_int_eq(COMMAND(W("list")), 1);
	ck_assert_int_eq(COMMAND(W("new"), W("--subject"), W("ann"), W("--roles"), W("admin")), 0);
}
END_TEST

START_TEST(the_configuration_says_what_a_role_may)
{
	char *permissions[] = {W("view"), W("approve")};
	struct config_role roles[] = {
	        {.name = W("qa"), .permissions = permissions, .npermissions = 2},
	        {.name = W("admin"), .permissions = permissions, .npermissions = 1}};
	struct config config = {.roles = roles, .nroles = 2};
	unsigned may = 0;

	ck_assert(role_permissions(&config, "qa", &may));
	ck_assert_uint_eq(may, 1U << PERMISSION_VIEW | 1U << PERMISSION_APPROVE);
	ck_assert(role_permissions(&config, "admin", &may));
	ck_assert_uint_eq(may, 1U << PERMISSION_VIEW);
	ck_assert(role_permissions(&config, "auditor", &may));
	ck_assert_uint_eq(may, 1U << PERMISSION_VIEW | 1U << PERMISSION_AUDIT);
	ck_assert(!role_permissions(&config, "release_manager", &may));
}
END_TEST

START_TEST(wrong_usage_changes_nothing)
{
	ck_assert_int_eq(freopen("/dev/null", "w", stderr) != NULL, 1);
	ck_assert_int_eq(COMMAND(W("new"), W("--subject"), W("ann")), 2);
	ck_assert_int_eq(COMMAND(W("new"), W("--subject"), W("a b"), W("--roles"), W("x")), 2);
	ck_assert_int_eq(COMMAND(W("new"), W("--subject"), W("ann"), W("--roles"), W("a,,b")), 1);
	ck_assert_int_eq(COMMAND(W("new"), W("--subject"), W("ann"), W("--roles"), W("a"),
	                         W("--expires"), W("91d")),
	                 1);
	ck_assert_int_eq(COMMAND(W("list"), W("--strange")), 2);
	ck_assert_int_eq(COMMAND(W("steal")), 2);
	ck_assert_int_eq(COMMAND(W("revoke")), 2);
	ck_assert_int_eq(COMMAND(W("list")), 0);
	ck_assert_ptr_nonnull(strstr(command_output, "vera"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("auth");
	TCase *tcase = tcase_create("auth");

	tcase_add_checked_fixture(tcase, server_start, server_stop);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_checksum_is_the_usual_one);
	tcase_add_test(tcase, a_token_reads_back_and_every_typing_error_shows);
	tcase_add_test(tcase, two_tokens_differ);
	tcase_add_test(tcase, a_principal_has_the_permissions_of_its_roles);
	tcase_add_test(tcase, nothing_but_a_known_token_is_somebody);
	tcase_add_test(tcase, a_known_kid_with_another_secret_is_nobody);
	tcase_add_test(tcase, a_new_token_works_and_a_revoked_one_stops);
	tcase_add_test(tcase, a_file_gone_bad_keeps_the_tokens_read_last);
	tcase_add_test(tcase, a_file_open_to_everybody_is_refused);
	tcase_add_test(tcase, no_file_yet_is_no_error);
	tcase_add_test(tcase, the_configuration_says_what_a_role_may);
	tcase_add_test(tcase, wrong_usage_changes_nothing);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
