/*
 * receiver_checks - what `headgate receiver-test` sends, in which order, and what has to come back.
 *
 * A table and nothing else; cli/receiver_test.c sends and judges.
 */
#ifndef CLI_RECEIVER_CHECKS_H
#define CLI_RECEIVER_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

#include "release/release.h"

enum expectation {
	EXPECT_ACCEPTED = 0,
	EXPECT_STALE,
	EXPECT_STALE_CURRENT, /* and the answer names what is current */
	EXPECT_UNTRUSTED,
	EXPECT_ANY_ANSWER,
	EXPECT_COUNT
};

extern const char *const expectation_texts[];

/* How a message differs from what the daemon would send. */
enum twist {
	TWIST_NONE = 0,
	TWIST_SIGN_WRONG,
	TWIST_SIGN_NOT,
	TWIST_SIGN_TWICE,
	TWIST_OLD,
	TWIST_FUTURE,
	TWIST_BODY,
	TWIST_ID,
	TWIST_HEADER,
	TWIST_LARGE
};

struct receiver_check {
	const char *name;
	const char *doc;
	int message;  /* rows with the same number send the same message id */
	int epoch;    /* above that of the run */
	int fence;    /* beside the epoch */
	int sequence; /* of the message in its transition */
	enum message_class class;
	enum twist twist;
	enum expectation expected;
	bool needs_secret;
};

/* In the order in which they are sent: later ones stand on what earlier ones left behind. */
extern const struct receiver_check receiver_checks[];
extern const size_t receiver_checks_n;

#endif
