/*
 * dialogue - a mail over a connection that curl has made: greeted, in TLS, logged in.
 *
 * Curl can hand over a mail by itself, but waits for the last reply, and for that to its QUIT, in a
 * way that holds up everything else. Here the loop waits. Shared by fetch.c and dialogue.c only.
 */
#ifndef LOOP_DIALOGUE_H
#define LOOP_DIALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/err.h"
#include "loop/smtp.h"

struct loop;
struct dialogue;

/* How it ended: *err is NULL when the server has said its last word, with status and text. */
typedef void (*dialogue_fn)(void *ctx, const struct smtp *said, const struct err *err);

/* `easy` stays in its multi until dialogue_free(). done() is called exactly once, never from
 * within. NULL with *err: it cannot begin. */
struct dialogue *dialogue_start(struct loop *loop, CURL *easy, const struct smtp_mail *mail,
                                int64_t timeout_ms, dialogue_fn done, void *ctx, struct err *err);
/* Also within done(). */
void dialogue_free(struct dialogue **dialogue);

#endif
