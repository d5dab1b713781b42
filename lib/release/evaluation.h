/*
 * evaluation - making the value that release_evaluate() fills; what others do with it is in
 * checkpoint.h.
 */
#ifndef RELEASE_EVALUATION_H
#define RELEASE_EVALUATION_H

#include <stddef.h>

#include "release/release.h"

/* Zeroed, with room for every outcome and reading; NULL without memory. */
struct evaluation *evaluation_new(size_t ngates, size_t nkpis);

#endif
