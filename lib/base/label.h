/*
 * label - one name="value" pair of a metric, as borrowed bytes. What exposition hands on, series
 * keeps and promql matches.
 */
#ifndef BASE_LABEL_H
#define BASE_LABEL_H

#include "base/str.h"

struct label {
	struct str name;
	struct str value;
};

#endif
