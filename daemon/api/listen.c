/*
 * listen - opens sockets itself because libmicrohttpd can neither bind a path nor say why it
 * failed.
 */
#include "api/listen.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "base/units.h"

#define BACKLOG 4096
#define PORT_MAX 65535

static bool split(const char *text, char host[INET6_ADDRSTRLEN], uint16_t *out_port)
{
	struct str all = str_of(text);
	const char *colon = memrchr(all.p, ':', all.n);
	struct err ignored;
	struct str name;
	int64_t port;

	if (!colon)
		return false;
	name = str_slice(all, 0, (size_t)(colon - all.p));
	if (name.n >= 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
		name = str_slice(name, 1, name.n - 1);
	else if (memchr(name.p, ':', name.n))
		return false;
	if (name.n == 0 || name.n >= INET6_ADDRSTRLEN)
		return false;
	if (!int_parse(str_slice(all, (size_t)(colon - all.p) + 1, all.n), &port, &ignored) ||
	    port < 0 || port > PORT_MAX)
		return false;
	memcpy(host, name.p, name.n);
	host[name.n] = '\0';
	*out_port = (uint16_t)port;
	return true;
}

bool listen_parse(const char *text, struct listen_address *out, struct err *err)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	char host[INET6_ADDRSTRLEN];
	char quote[STR_QUOTE_MAX];
	uint16_t port;

	if (!split(text, host, &port))
		goto wrong;
	in.sin_port = htons(port);
	in6.sin6_port = htons(port);
	if (strcmp(host, "localhost") == 0)
		memcpy(host, "127.0.0.1", sizeof("127.0.0.1"));
	*out = (struct listen_address){.size = 0};
	if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
		memcpy(&out->storage, &in, sizeof(in));
		out->size = sizeof(in);
		return true;
	}
	if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
		memcpy(&out->storage, &in6, sizeof(in6));
		out->size = sizeof(in6);
		return true;
	}
wrong:
	return err_set(err, ERR_INVALID,
	               "%s is not an address and port; write 127.0.0.1:8080 or [::1]:8080",
	               str_quote(str_of(text), quote));
}

bool listen_is_loopback(const struct listen_address *address)
{
	if (address->storage.ss_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, &address->storage, sizeof(in));
		return (ntohl(in.sin_addr.s_addr) >> 24) == 127;
	}
	if (address->storage.ss_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, &address->storage, sizeof(in6));
		return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
	}
	return false;
}

static bool fail(int fd, const char *what, struct err *err)
{
	int reason = errno;

	if (fd >= 0)
		close(fd);
	return err_set(err, ERR_UNAVAILABLE, "%s: %s", what, strerrordesc_np(reason));
}

bool listen_tcp(const struct listen_address *address, int *out_fd, struct err *err)
{
	int family = address->storage.ss_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;
	int off = 0;

	if (fd < 0)
		return fail(fd, "no socket to listen on", err);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return fail(fd, "SO_REUSEADDR", err);
	/* [::] means every address, whatever the system's default is. */
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0)
		return fail(fd, "IPV6_V6ONLY", err);
	if (bind(fd, (const struct sockaddr *)&address->storage, address->size) != 0)
		return fail(fd, "cannot bind the address", err);
	if (listen(fd, BACKLOG) != 0)
		return fail(fd, "cannot listen", err);
	*out_fd = fd;
	return true;
}

/* Removes a socket file whose owner is gone. */
static bool clear_path(const struct sockaddr_un *un, struct err *err)
{
	struct stat st;
	bool used;
	int fd;

	if (lstat(un->sun_path, &st) != 0)
		return errno == ENOENT || fail(-1, "cannot look at the socket path", err);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_CONFLICT, "%s exists and is not a socket", un->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(fd, "no socket to try the path with", err);
	used = connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 || errno != ECONNREFUSED;
	close(fd);
	if (used)
		return err_set(err, ERR_CONFLICT, "another process listens on %s", un->sun_path);
	if (unlink(un->sun_path) != 0)
		return fail(-1, "cannot remove the old socket", err);
	return true;
}

bool listen_unix(const char *path, int *out_fd, struct err *err)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t n = strlen(path);
	mode_t mask;
	int bound;
	int fd;

	if (n == 0 || n >= sizeof(un.sun_path))
		return err_set(err, ERR_INVALID, "the socket path must be 1 to %zu bytes long",
		               sizeof(un.sun_path) - 1);
	memcpy(un.sun_path, path, n + 1);
	if (!clear_path(&un, err))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(fd, "no socket to listen on", err);
	/* At no time may the file be open to more than it will be. */
	mask = umask(0117);
	bound = bind(fd, (const struct sockaddr *)&un, sizeof(un));
	umask(mask);
	if (bound != 0)
		return fail(fd, "cannot bind the socket path", err);
	if (listen(fd, BACKLOG) != 0)
		return fail(fd, "cannot listen", err);
	*out_fd = fd;
	return true;
}

int listen_port(int fd)
{
	struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};
	socklen_t size = sizeof(storage);

	if (getsockname(fd, (struct sockaddr *)&storage, &size) != 0)
		return 0;
	if (storage.ss_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, &storage, sizeof(in));
		return ntohs(in.sin_port);
	}
	if (storage.ss_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, &storage, sizeof(in6));
		return ntohs(in6.sin6_port);
	}
	return 0;
}
