/*
 * source_fields - how a source of a policy is written down.
 */
#ifndef POLICY_SOURCE_FIELDS_H
#define POLICY_SOURCE_FIELDS_H

#include "base/field.h"

extern const struct field_table source_table;

#endif
