/*
 * credentials - an entry of `credentials:` in headgate.yaml: who we are to the sources that policies
 * name.
 *
 * A policy only says which; to whom they are shown stands beside them, so that nobody who writes a
 * policy, and nobody who answers for service discovery, can have a secret sent to himself. Nothing
 * here is ever logged.
 */
#ifndef DAEMON_CREDENTIALS_H
#define DAEMON_CREDENTIALS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/macros.h"
#include "config.h"

struct decode;
struct positions;
struct problems;

/* The keys alone. */
bool credentials_check(const struct config_credentials *credentials, struct decode *d) MUST_CHECK;
/* Reads the files, see destination_read(). False after adding problems at their places. */
bool credentials_read(struct config_credentials *credentials, const char *beside,
                      const struct positions *positions, struct problems *problems) MUST_CHECK;
/* Wipes and frees what was read. */
void credentials_forget(struct config_credentials *credentials);
/* Whether they may be sent to this URL; otherwise *err says why not. */
bool credentials_fit(const struct config_credentials *credentials, const char *url,
                     struct err *err) MUST_CHECK;

#endif
