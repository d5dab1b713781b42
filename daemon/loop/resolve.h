/*
 * resolve - host names to addresses through c-ares on the loop: getaddrinfo() would block it.
 *
 * /etc/hosts and resolv.conf are honoured. Tries are bounded; a deadline in all is the caller's.
 */
#ifndef LOOP_RESOLVE_H
#define LOOP_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define RESOLVE_MAX_ADDRESSES 8
#define RESOLVE_ADDRESS_TEXT 46 /* an IPv6 address and NUL */

struct loop;
struct resolver;

/* n 0 with *err when there is no address; the texts are borrowed during the call. */
typedef void (*resolve_fn)(void *ctx, const char (*addresses)[RESOLVE_ADDRESS_TEXT], size_t n,
                           const struct err *err);

struct resolver *resolver_new(struct loop *loop, struct err *err);
void resolver_free(struct resolver **r); /* look-ups under way are forgotten: fn is not called */
/* fn is called exactly once, never inside this call. False without memory. */
bool resolve_start(struct resolver *r, const char *name, resolve_fn fn, void *ctx,
                   struct err *err) MUST_CHECK;
/* True for "10.0.0.1" and "::1": nothing to look up. */
bool resolve_is_address(const char *name);

#endif
