/*
 * destination - an entry of `destinations:` in headgate.yaml: what its keys allow together
 * (destination_keys.c), and what stands in the files it names (destination.c).
 *
 * Files are read once, at start; a request reads none. What was read is never logged.
 */
#ifndef DAEMON_DESTINATION_H
#define DAEMON_DESTINATION_H

#include <stdbool.h>

#include "base/macros.h"
#include "config.h"

struct decode;
struct positions;
struct problems;

/* An address that paths are appended to, under `key`: http or https, no user, query or fragment. */
bool destination_check_url(const char *key, const char *text, struct decode *d) MUST_CHECK;
/* The keys alone: the address or the program, pairs that must be complete, what needs https. */
bool destination_check(const struct config_destination *destination, struct decode *d) MUST_CHECK;
/* Says of which kind it is, fills in what depends on that (a command runs in state_dir unless told
 * otherwise) and reads its files; a relative path is a credential of systemd, or else a file beside
 * `beside`. False after adding problems at their places. */
bool destination_read(struct config_destination *destination, const char *state_dir,
                      const char *beside, const struct positions *positions,
                      struct problems *problems) MUST_CHECK;
/* Who we are alone, without an address: how credentials are checked and read; `section` is the key
 * they stand under. */
bool destination_check_secrets(const struct config_destination *destination,
                               struct decode *d) MUST_CHECK;
bool destination_read_secrets(struct config_destination *destination, const char *section,
                              const char *beside, const struct positions *positions,
                              struct problems *problems) MUST_CHECK;
/* Wipes and frees what was read. */
void destination_forget(struct config_destination *destination);
/* Without TLS to another machine: messages can be read and changed on their way. */
bool destination_is_exposed(const struct config_destination *destination);
/* The same of one address. */
bool destination_address_is_plain(const char *address);
/* Of those whose keys are right; else DESTINATION_KIND_COUNT. */
enum destination_kind destination_kind_of(const struct config_destination *destination);
/* `tls: none`. */
bool destination_mail_is_clear(const struct config_destination *destination);
/* What a url_file may hold: https, or http to this machine; no user, no fragment. */
bool destination_is_whole_address(const char *text);
/* Without control characters. */
bool destination_is_printable(const char *text);

#endif
