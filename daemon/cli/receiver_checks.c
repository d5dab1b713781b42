/* receiver_checks - the table. */
#include "cli/receiver_checks.h"

#include "base/macros.h"

const char *const expectation_texts[] = {
        "2xx",
        "409 with an \"error\" that begins with \"stale\"",
        "409 with \"error\": \"stale\" and the highest applied as \"epoch\" and \"fence\"",
        "401 or 403",
        "2xx or 4xx",
};
_Static_assert(ARRAY_LEN(expectation_texts) == EXPECT_COUNT, "a text for each expectation");

/* Forged messages carry a high fence: when one is believed, the good one after them is refused. */
/* clang-format off */
const struct receiver_check receiver_checks[] = {
	/* name                    what has to be so                                                     id epoch fence seq class             twist             expected              secret */
	{ "good-message",            "a good message is acknowledged",                                     1,    0,   10,  0, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_ACCEPTED,      false },
	{ "repeat",                  "the same message again is acknowledged",                             1,    0,   10,  0, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_ACCEPTED,      false },
	{ "newer-fence",             "a message with a higher fence is acknowledged",                      2,    0,   20,  0, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_ACCEPTED,      false },
	{ "older-fence",             "an older message after a newer is refused as stale",                 3,    0,   15,  0, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_STALE,         false },
	{ "stale-answer",            "the refusal says what is current",                                   4,    0,   16,  0, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_STALE_CURRENT, false },
	{ "equal-fence",             "another message of the same decision (same fence) is acknowledged",  5,    0,   20,  2, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_ACCEPTED,      false },
	{ "equal-fence-sequence",    "a lower sequence does not make it older",                            6,    0,   20,  1, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_ACCEPTED,      false },
	{ "repeat-after-newer",      "a message that was applied is acknowledged after a newer, too",      1,    0,   10,  0, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_ACCEPTED,      false },
	{ "repeat-moves-nothing",    "that repeat did not make older messages acceptable",                 7,    0,   17,  0, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_STALE,         false },
	{ "older-rollback",          "a rollback older than the newest is refused as stale",               8,    0,   18,  0, MESSAGE_ROLLBACK, TWIST_NONE,       EXPECT_STALE,         false },
	{ "newer-rollback",          "a newer rollback is acknowledged",                                   9,    0,   30,  0, MESSAGE_ROLLBACK, TWIST_NONE,       EXPECT_ACCEPTED,      false },
	{ "higher-epoch",            "a higher epoch with a lower fence is acknowledged",                 10,    1,    5,  0, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_ACCEPTED,      false },
	{ "older-epoch",             "a lower epoch with a higher fence is refused as stale",             11,    0,  100,  0, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_STALE,         false },
	{ "wrong-signature",         "a signature by another key is refused",                             12,    1, 2000,  0, MESSAGE_ADVANCE,  TWIST_SIGN_WRONG, EXPECT_UNTRUSTED,     true },
	{ "no-signature",            "a message without signature is refused",                            13,    1, 2001,  0, MESSAGE_ADVANCE,  TWIST_SIGN_NOT,   EXPECT_UNTRUSTED,     true },
	{ "old-timestamp",           "a message signed ten minutes ago is refused",                       14,    1, 2002,  0, MESSAGE_ADVANCE,  TWIST_OLD,        EXPECT_UNTRUSTED,     true },
	{ "future-timestamp",        "a message signed ten minutes ahead is refused",                     15,    1, 2003,  0, MESSAGE_ADVANCE,  TWIST_FUTURE,     EXPECT_UNTRUSTED,     true },
	{ "tampered-body",           "a body one byte longer than what was signed is refused",            16,    1, 2004,  0, MESSAGE_ADVANCE,  TWIST_BODY,       EXPECT_UNTRUSTED,     true },
	{ "tampered-id",             "a webhook-id other than the one signed is refused",                 17,    1, 2005,  0, MESSAGE_ADVANCE,  TWIST_ID,         EXPECT_UNTRUSTED,     true },
	{ "fence-after-forged",      "forgeries moved no fence: a good message below is acknowledged",     18,    1, 1000,  0, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_ACCEPTED,      true },
	{ "id-after-forged",         "forgeries took no id: the message one pretended to be is welcome",   12,    1, 1001,  0, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_ACCEPTED,      true },
	{ "applied-after-forged",    "and it was applied, not taken for one that was seen before",         23,    1, 1000,  0, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_STALE,         true },
	{ "two-signatures",          "of two signatures one is enough: a key is being changed",           19,    1, 3000,  0, MESSAGE_ADVANCE,  TWIST_SIGN_TWICE, EXPECT_ACCEPTED,      true },
	{ "unknown-header",          "headers that are not known are ignored",                            20,    1, 3001,  0, MESSAGE_ADVANCE,  TWIST_HEADER,     EXPECT_ACCEPTED,      false },
	{ "large-body",              "a body of a mebibyte is answered",                                  21,    1, 3002,  0, MESSAGE_ADVANCE,  TWIST_LARGE,      EXPECT_ANY_ANSWER,    false },
	{ "good-after-large",        "a good message after it is acknowledged",                           22,    1, 3003,  0, MESSAGE_ADVANCE,  TWIST_NONE,       EXPECT_ACCEPTED,      false },
};
/* clang-format on */

const size_t receiver_checks_n = ARRAY_LEN(receiver_checks);
