/*
 * yaml - a strict subset of YAML as JSON with positions. What policies and headgate.yaml are read
 * with.
 *
 * One document, at most max_bytes and depth 16; no tags, anchors, aliases, merge keys. Plain
 * scalars become JSON strings marked `plain` in the positions: their type comes from the field that
 * reads them.
 */
#ifndef POLICY_YAML_H
#define POLICY_YAML_H

#include <jansson.h>

#include "base/position.h"
#include "base/problem.h"
#include "base/str.h"

/* A new reference; NULL after adding at least one problem (duplicate keys, syntax, bounds; as many
 * as can be found). Positions are added under `file`. */
json_t *yaml_parse(const char *file, struct str text, size_t max_bytes, struct positions *positions,
                   struct problems *problems);

/* The same for readers who go on to list further mistakes: after problems that leave the rest
 * readable (a duplicate key, an anchor) the document is returned all the same. Look at `problems`.
 */
json_t *yaml_read(const char *file, struct str text, size_t max_bytes, struct positions *positions,
                  struct problems *problems);

/* A member of a mapping stands where its key stands, so positions_find() gives that; this is where
 * its value begins. Borrowed until the table changes. */
const struct position *yaml_value_position(const struct positions *positions, const char *pointer);

#endif
