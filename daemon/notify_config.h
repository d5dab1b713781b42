/*
 * notify_config - what notify: and destinations: of headgate.yaml say together.
 */
#ifndef DAEMON_NOTIFY_CONFIG_H
#define DAEMON_NOTIFY_CONFIG_H

#include <stdbool.h>

#include "base/macros.h"

struct config;
struct positions;
struct problems;

/* Gives each sink the kind of its destination and holds its keys against that. False after adding
 * problems at their places. */
bool notify_config_complete(struct config *config, const struct positions *positions,
                            struct problems *problems) MUST_CHECK;

#endif
