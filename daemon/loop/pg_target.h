/*
 * pg_target - where the database is: the connection string taken apart, so that host names can be
 * resolved on the loop before libpq sees them (libpq's own look-up blocks).
 *
 * Several hosts ("host=a,b port=5432,5433") are tried in order by libpq; each address a name
 * resolves to becomes one entry. UNIX sockets and addresses need no look-up.
 */
#ifndef LOOP_PG_TARGET_H
#define LOOP_PG_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include <libpq-fe.h>

#include "base/err.h"

#define PG_TARGET_MAX_HOSTS 8
#define PG_TARGET_MAX_ENDPOINTS 32

struct pg_target;

struct pg_target *pg_target_new(const char *conninfo, struct err *err);
void pg_target_free(struct pg_target **t);
size_t pg_target_hosts(const struct pg_target *t);
const char *pg_target_name(const struct pg_target *t,
                           size_t host); /* to look up; NULL when there is no need */
/* The endpoints of one attempt: clear, then add each host with its addresses (NULL: as it stands).
 */
void pg_target_clear(struct pg_target *t);
void pg_target_add(struct pg_target *t, size_t host, const char *address);
size_t pg_target_endpoints(const struct pg_target *t);
PGconn *
pg_target_connect(const struct pg_target *t); /* started, not waited for; NULL without memory */

#endif
