/*
 * networks: which addresses an outgoing request may go to.
 */
#include <check.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "../suite.h"
#include "api/listen.h"
#include "base/macros.h"
#include "base/str.h"
#include "loop/networks.h"

/* clang-format off */
static const struct {
	const char *why;
	const char *cidr; /* NULL: no list */
	const char *address;
	bool allowed;
} rows[] = {
	{ "no list allows",                    NULL,              "8.8.8.8",                true },
	{ "no list allows loopback",           NULL,              "127.0.0.1",              true },
	{ "no list, IPv6",                     NULL,              "2001:db8::1",            true },
	{ "never link-local",                  NULL,              "169.254.169.254",        false },
	{ "nor its last address",              NULL,              "169.254.255.255",        false },
	{ "but its neighbour",                 NULL,              "169.255.0.0",            true },
	{ "never IPv6 link-local",             NULL,              "fe80::1",                false },
	{ "all ten bits of it",                NULL,              "febf::1",                false },
	{ "but not eleven",                    NULL,              "fec0::1",                true },
	{ "never the IPv6 metadata address",   NULL,              "fd00:ec2::254",          false },
	{ "but its neighbour",                 NULL,              "fd00:ec2::255",          true },
	{ "never behind an IPv4-mapped form",  NULL,              "::ffff:169.254.169.254", false },
	{ "nor behind NAT64",                  NULL,              "64:ff9b::a9fe:a9fe",     false },
	{ "nor when listed",                   "169.254.0.0/16",  "169.254.169.254",        false },
	{ "nor when all is listed",            "0.0.0.0/0",       "169.254.169.254",        false },
	{ "in the network",                    "10.0.0.0/8",      "10.255.0.1",             true },
	{ "outside the network",               "10.0.0.0/8",      "11.0.0.1",               false },
	{ "loopback is outside too",           "10.0.0.0/8",      "127.0.0.1",              false },
	{ "mapped is judged as IPv4",          "10.0.0.0/8",      "::ffff:10.1.2.3",        true },
	{ "odd prefix, inside",                "10.32.0.0/11",    "10.63.255.255",          true },
	{ "odd prefix, outside",               "10.32.0.0/11",    "10.64.0.0",              false },
	{ "one address",                       "10.0.0.1",        "10.0.0.1",               true },
	{ "one address, not the next",         "10.0.0.1/32",     "10.0.0.2",               false },
	{ "all IPv4 is no IPv6",               "0.0.0.0/0",       "2001:db8::1",            false },
	{ "all IPv6",                          "::/0",            "2001:db8::1",            true },
	{ "IPv6 network",                      "2001:db8::/33",   "2001:db8:7fff::1",       true },
	{ "outside the IPv6 network",          "2001:db8::/33",   "2001:db8:8000::1",       false },
};
static const char *const bad[] = {
	"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x", "10.0.0.1/8", "10.0.0/8", "host/8", "::/129",
	"2001:db8::1/64", "10.0.0.0/8/8", " 10.0.0.0/8", "0x7f.1",
	"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd",
};
/* clang-format on */

static bool judge(const struct networks *n, const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return networks_allow(n, (const struct sockaddr *)&in);
	ck_assert_int_eq(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return networks_allow(n, (const struct sockaddr *)&in6);
}

START_TEST(an_address_is_in_or_out)
{
	char *cidr = text_dup(rows[_i].cidr);
	struct networks *n = NULL;
	struct err err;

	if (cidr) {
		n = networks_new(&cidr, 1, &err);
		ck_assert_msg(n != NULL, "%s", err.text);
	}
	ck_assert_msg(judge(n, rows[_i].address) == rows[_i].allowed, "%s", rows[_i].why);
	ck_assert_msg(networks_allow_text(n, rows[_i].address) == rows[_i].allowed, "%s",
	              rows[_i].why);
	networks_free(&n);
	free(cidr);
}
END_TEST

START_TEST(a_network_is_written_in_one_way)
{
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *cidr = text_dup(bad[i]);

		ck_assert_msg(!networks_new(&cidr, 1, &err), "%s", bad[i]);
		ck_assert_int_eq(err.code, ERR_INVALID);
		free(cidr);
	}
}
END_TEST

START_TEST(an_empty_list_is_no_list_and_others_are_no_address)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct err err;
	struct networks *n = networks_new(NULL, 0, &err);

	ck_assert_ptr_nonnull(n);
	ck_assert(judge(n, "127.0.0.1"));
	ck_assert(!judge(n, "169.254.1.1"));
	ck_assert(!networks_allow(n, (const struct sockaddr *)&un));
	ck_assert(!networks_allow_text(n, "localhost"));
	networks_free(&n);
}
END_TEST

START_TEST(listen_addresses_are_numbers)
{
	static const char *const good[] = {"127.0.0.1:8080", "[::1]:0", "localhost:80",
	                                   "0.0.0.0:1"};
	static const char *const wrong[] = {
	        "",        "8080",  ":8080", "127.0.0.1",    "::1:80",  "127.0.0.1:65536",
	        "host:80", "[::1]", "[]:80", "127.0.0.1:-1", "1.2.3.4:"};
	struct listen_address address;
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(listen_parse(good[i], &address, &err), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		ck_assert_msg(!listen_parse(wrong[i], &address, &err), "%s", wrong[i]);
	ck_assert(listen_parse("127.1.2.3:1", &address, &err) && listen_is_loopback(&address));
	ck_assert(listen_parse("[::1]:1", &address, &err) && listen_is_loopback(&address));
	ck_assert(listen_parse("0.0.0.0:1", &address, &err) && !listen_is_loopback(&address));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("networks");
	TCase *tcase = tcase_create("networks");

	tcase_add_loop_test(tcase, an_address_is_in_or_out, 0, (int)ARRAY_LEN(rows));
	tcase_add_test(tcase, a_network_is_written_in_one_way);
	tcase_add_test(tcase, an_empty_list_is_no_list_and_others_are_no_address);
	tcase_add_test(tcase, listen_addresses_are_numbers);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
