/*
 * networks - a list of CIDRs an outgoing request may go to.
 */
#ifndef LOOP_NETWORKS_H
#define LOOP_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/socket.h>

#include "base/err.h"

struct networks;

struct networks *networks_new(char *const *cidrs, size_t n,
                              struct err *err); /* "10.0.0.0/8", "::1/128" */
void networks_free(struct networks **n);
/* Link-local and metadata addresses (169.254.0.0/16, fe80::/10, fd00:ec2::254) are never allowed;
 * NULL allows all others. IPv4-mapped IPv6 is judged as IPv4. */
bool networks_allow(const struct networks *n, const struct sockaddr *address);
bool networks_allow_text(const struct networks *n,
                         const char *address); /* "10.0.0.1", "::1"; else false */

#endif
