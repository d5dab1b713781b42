/*
 * listen - where the API listens: addresses as the configuration writes them, and the sockets.
 */
#ifndef API_LISTEN_H
#define API_LISTEN_H

#include <stdbool.h>

#include <sys/socket.h>

#include "base/err.h"

struct listen_address {
	struct sockaddr_storage storage;
	socklen_t size;
};

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080"; port 0 lets the kernel choose. Names are not
 * looked up. */
bool listen_parse(const char *text, struct listen_address *out, struct err *err) MUST_CHECK;
bool listen_is_loopback(const struct listen_address *address);
/* A listening socket that does not block. */
bool listen_tcp(const struct listen_address *address, int *out_fd, struct err *err) MUST_CHECK;
/* The same on a path, mode 0660. A socket file nobody listens on any more is replaced; one that is
 * in use, or any other file, is left alone and is an error. */
bool listen_unix(const char *path, int *out_fd, struct err *err) MUST_CHECK;
int listen_port(int fd); /* 0 when it has none */

#endif
