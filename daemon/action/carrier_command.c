/* carrier_command - a message as a run of a program; command.c says what it is given. */
#include "action/carrier.h"

#include <stdlib.h>

#include "action/command.h"
#include "app.h"
#include "loop/child.h"

/* A rollback waits for the end of what it overtakes in no case, and a daemon that stops not long.
 */
#define STOP_MS INT64_C(5000)

struct running {
	struct carrier_job job;
	struct command command;
	struct child *child; /* under way */
};

static void command_release(void *carried)
{
	struct running *r = carried;

	child_kill(&r->child);
	command_fini(&r->command);
	free(r);
}

static void *command_prepare(const struct carrier_job *job, const struct store_message *m,
                             struct err *err)
{
	struct running *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a command");
		return NULL;
	}
	r->job = *job;
	if (!command_build(m, job->to, &r->command, err)) {
		command_release(r);
		return NULL;
	}
	return r;
}

static void on_end(void *ctx, const struct child_end *end)
{
	struct running *r = ctx;
	char text[COMMAND_TEXT];
	struct carried carried = {
	        .how = command_verdict(&r->job.to->exit, end),
	        .status = end->status > 0 ? end->status : 0,
	        .retry_after_ms = -1,
	        .elapsed_ms = end->elapsed_ms,
	        .text = text,
	};

	r->child = NULL;
	command_say(end, r->job.to->secret_values, text);
	r->job.done(r->job.ctx, &carried);
}

static bool command_start(void *carried, struct err *err)
{
	struct running *r = carried;
	const struct config_destination *to = r->job.to;

	r->child = child_start(r->job.app->loop,
	                       &(struct child_request){
	                               .arguments = r->command.arguments,
	                               .environment = r->command.environment,
	                               .directory = to->directory,
	                               .input = {r->command.input, r->command.ninput},
	                               .timeout_ms = to->timeout_ms,
	                               .kill_after_ms = to->kill_after_ms,
	                               .done = on_end,
	                               .ctx = r,
	                       },
	                       err);
	command_fini(&r->command);
	return r->child != NULL;
}

static void command_stop(void *carried)
{
	struct running *r = carried;

	if (r->child != NULL)
		child_stop(r->child, STOP_MS);
}

const struct carrier carrier_command = {
        .prepare = command_prepare,
        .start = command_start,
        .free = command_release,
        .stop = command_stop,
};
