/*
 * message - one side effect, as a decision queues it: to be delivered at least once.
 *
 * Values only; what is delivered and how is the shell's.
 */
#ifndef RELEASE_MESSAGE_H
#define RELEASE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum message_class {
	MESSAGE_ADVANCE = 0,
	MESSAGE_ROLLBACK,
	MESSAGE_NOTIFICATION,
	MESSAGE_CLASS_COUNT
};
extern const char *const message_class_names[MESSAGE_CLASS_COUNT + 1];

/* `option` of messages that belong to none. */
#define MESSAGE_DAMPENS (-1) /* of class rollback: sent first, waited for by nothing */
#define MESSAGE_SMOKE (-2)   /* of class rollback: tries the way back out */

/* One side effect to be delivered at least once. Owned texts. */
struct message {
	enum message_class class;
	char *action;
	char *destination;
	char *method, *path;
	json_t *body, *headers;
	json_t *arguments; /* of a command: an array of texts; NULL: a request */
	json_t *read;   /* how to see whether it is so: {from, path, pointer, equals, every_ms}; NULL */
	char *dedupe;   /* of messages with the same text only the first is kept; NULL: all are */
	const char *withheld; /* why it is kept but not sent, until somebody asks for it; static;
	                         NULL: it is sent */
	int64_t option;      /* index of the rollback option it belongs to; -1; MESSAGE_SMOKE */
	int64_t callback_ms; /* the receiver may take so long to call back; 0: its status says it
	                        all */
};
void messages_free(struct message *list, size_t n);

#endif
