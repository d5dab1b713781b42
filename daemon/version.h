/*
 * version - which headgate this is.
 */
#ifndef DAEMON_VERSION_H
#define DAEMON_VERSION_H

#define HEADGATE_VERSION "0.1.0"

#endif
