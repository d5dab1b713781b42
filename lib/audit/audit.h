/*
 * audit - the canonical bytes of one decision and the hash chain they form.
 *
 * Pure. A record's bytes are length-prefixed fields in a fixed order, never JSON as the database
 * prints it; hash = SHA-256(previous hash || bytes). One chain per release, one for what belongs to
 * none
 * ("system"), one per instance for denied requests (rule I2). Anyone can recompute it from an
 * export.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"

#define AUDIT_HASH_BYTES 32
#define AUDIT_FORMAT 1

struct audit_hash {
	uint8_t bytes[AUDIT_HASH_BYTES]; /* all zero in front of a chain's first record */
};

struct audit_record {
	const char *chain;      /* "release/42", "system", "denied/INSTANCE" */
	int64_t sequence;       /* from 1, without gaps; a release's row_version */
	const char *transition; /* UUID text */
	struct wall at;
	const char *actor;  /* subject, "headgate" for its own decisions */
	const char *origin; /* where from: address, "gate", "timer"; may be "" */
	const char *event;
	const char *from; /* "running/baking"; "" for a first record */
	const char *to;
	const char *reason;
	const char *detail; /* canonical JSON: gate values, policy hash, operands */
};

/* Appends the canonical bytes. */
void audit_bytes(const struct audit_record *record, struct buf *out);
bool audit_chain(const struct audit_hash *previous, struct str bytes, struct audit_hash *out,
                 struct err *err) MUST_CHECK;
void audit_hash_text(const struct audit_hash *hash, char out[2 * AUDIT_HASH_BYTES + 1]);
bool audit_hash_parse(struct str hex, struct audit_hash *out, struct err *err) MUST_CHECK;

#endif
