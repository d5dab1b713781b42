/*
 * answer - the value of an instant query as Prometheus' /api/v1/query writes it.
 */
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include <stdint.h>

#include <jansson.h>

#include "promql/promql.h"

/* What stands under "result"; a new reference. */
json_t *answer_result(const struct promql_value *value, int64_t at_ms);

#endif
