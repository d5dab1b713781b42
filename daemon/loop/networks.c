/*
 * networks - CIDRs as 16-byte prefixes. IPv4 lives in ::ffff:0:0/96, so one comparison serves both
 * families.
 */
#include "loop/networks.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/str.h"
#include "base/units.h"

#define ADDRESS_BYTES 16
#define MAPPED_BITS 96

struct prefix {
	unsigned char bytes[ADDRESS_BYTES];
	unsigned bits;
};

struct networks {
	size_t n;
	struct prefix list[];
};

/* clang-format off */
static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
/* 64:ff9b::/96, behind which a NAT64 gateway reaches IPv4. */
static const unsigned char nat64[12] = { 0, 0x64, 0xff, 0x9b };

/* Where cloud machines keep their credentials, and what only the own link can answer. */
static const struct prefix never[] = {
	{ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 169, 254 }, MAPPED_BITS + 16 },
	{ { 0xfe, 0x80 }, 10 },
	{ { 0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54 }, 128 },
};
/* clang-format on */

static bool covers(const struct prefix *p, const unsigned char address[ADDRESS_BYTES])
{
	size_t whole = p->bits / 8;
	unsigned rest = p->bits % 8;

	if (memcmp(p->bytes, address, whole) != 0)
		return false;
	return rest == 0 || ((p->bytes[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

static bool has_host_bits(const struct prefix *p)
{
	for (unsigned bit = p->bits; bit < 8 * ADDRESS_BYTES; bit++) {
		if (p->bytes[bit / 8] & (0x80U >> (bit % 8)))
			return true;
	}
	return false;
}

static bool parse_address(const char *text, unsigned char out[ADDRESS_BYTES], unsigned *out_least)
{
	if (inet_pton(AF_INET6, text, out) == 1) {
		*out_least = 0;
		return true;
	}
	memcpy(out, mapped, sizeof(mapped));
	*out_least = MAPPED_BITS;
	return inet_pton(AF_INET, text, out + sizeof(mapped)) == 1;
}

static bool parse_prefix(const char *cidr, struct prefix *out, struct err *err)
{
	struct str text = str_of(cidr);
	const char *slash = memchr(text.p, '/', text.n);
	size_t n = slash ? (size_t)(slash - text.p) : text.n;
	struct prefix read = {{0}, 0};
	char address[INET6_ADDRSTRLEN];
	char quote[STR_QUOTE_MAX];
	int64_t bits = 0;
	unsigned least;

	if (n >= sizeof(address))
		goto wrong;
	memcpy(address, text.p, n);
	address[n] = '\0';
	if (!parse_address(address, read.bytes, &least))
		goto wrong;
	read.bits = 8 * ADDRESS_BYTES;
	if (slash) {
		int64_t most = 8 * ADDRESS_BYTES - (int64_t)least;

		if (!int_parse(str_slice(text, n + 1, text.n), &bits, err) || bits < 0 ||
		    bits > most)
			goto wrong;
		read.bits = least + (unsigned)bits;
	}
	if (has_host_bits(&read))
		return err_set(err, ERR_INVALID,
		               "%s has address bits set beyond its prefix; write the first "
		               "address of the network",
		               str_quote(text, quote));
	*out = read;
	return true;
wrong:
	return err_set(err, ERR_INVALID,
	               "%s is not a network; write it like 10.0.0.0/8 or 2001:db8::/32",
	               str_quote(text, quote));
}

struct networks *networks_new(char *const *cidrs, size_t n, struct err *err)
{
	struct networks *made = calloc(1, sizeof(*made) + n * sizeof(made->list[0]));

	if (!made) {
		err_set(err, ERR_NOMEM, "no memory for %zu networks", n);
		return NULL;
	}
	for (; made->n < n; made->n++) {
		if (!parse_prefix(cidrs[made->n], &made->list[made->n], err)) {
			networks_free(&made);
			return NULL;
		}
	}
	return made;
}

void networks_free(struct networks **n)
{
	free(*n);
	*n = NULL;
}

/* The address as it will be reached; false for families that have none. */
static bool read_address(const struct sockaddr *address, unsigned char out[ADDRESS_BYTES])
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, address, sizeof(in));
		memcpy(out, mapped, sizeof(mapped));
		memcpy(out + sizeof(mapped), &in.sin_addr, sizeof(in.sin_addr));
		return true;
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof(in6));
		memcpy(out, &in6.sin6_addr, ADDRESS_BYTES);
		return true;
	}
	return false;
}

static bool is_never_allowed(const unsigned char address[ADDRESS_BYTES])
{
	unsigned char behind[ADDRESS_BYTES];

	for (size_t i = 0; i < ARRAY_LEN(never); i++) {
		if (covers(&never[i], address))
			return true;
	}
	if (memcmp(address, nat64, sizeof(nat64)) != 0)
		return false;
	memcpy(behind, mapped, sizeof(mapped));
	memcpy(behind + sizeof(mapped), address + sizeof(nat64), ADDRESS_BYTES - sizeof(nat64));
	return is_never_allowed(behind);
}

static bool allow(const struct networks *n, const unsigned char address[ADDRESS_BYTES])
{
	if (is_never_allowed(address))
		return false;
	if (!n || n->n == 0)
		return true;
	for (size_t i = 0; i < n->n; i++) {
		if (covers(&n->list[i], address))
			return true;
	}
	return false;
}

bool networks_allow(const struct networks *n, const struct sockaddr *address)
{
	unsigned char bytes[ADDRESS_BYTES];

	return read_address(address, bytes) && allow(n, bytes);
}

bool networks_allow_text(const struct networks *n, const char *address)
{
	unsigned char bytes[ADDRESS_BYTES];
	unsigned least;

	return parse_address(address, bytes, &least) && allow(n, bytes);
}
