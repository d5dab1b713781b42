/* failpoint - dies or stalls where a test asked for it. */
#include "failpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

static const struct {
	const char *name, *doc;
} points[] = {
#define X(id, name, doc) {name, doc},
        FAILPOINT_LIST(X)
#undef X
};
_Static_assert(ARRAY_LEN(points) == FAILPOINT_COUNT, "one row per failpoint");

void failpoint_print_list(void)
{
	for (size_t i = 0; i < ARRAY_LEN(points); i++)
		printf("%-26s %s\n", points[i].name, points[i].doc);
}

#ifdef HEADGATE_FAILPOINTS
#include <signal.h>
#include <unistd.h>

#include "base/str.h"
#include "base/units.h"

/* NAME[:N]=kill|stop */
struct plan {
	bool read;
	enum failpoint at;
	int64_t after; /* passes still to go */
	int signal;    /* 0: none */
};

static void plan_refuse(const char *text)
{
	fprintf(stderr, "<3>event=failpoint_bad value=\"%s\"\n", text);
	_exit(78); /* a test that thinks it injects a fault must not pass by accident */
}

static void plan_read(struct plan *plan, const char *text)
{
	struct str whole = str_of(text);
	const char *equals = strchr(text, '=');
	const char *colon = strchr(text, ':');
	struct str name;
	struct err err;

	if (equals == NULL)
		plan_refuse(text);
	name = str_slice(whole, 0, (size_t)(equals - text));
	plan->after = 1;
	if (colon != NULL && colon < equals) {
		struct str count = str_slice(whole, (size_t)(colon + 1 - text), name.n);

		if (!int_parse(count, &plan->after, &err) || plan->after < 1)
			plan_refuse(text);
		name = str_slice(whole, 0, (size_t)(colon - text));
	}
	plan->at = FAILPOINT_COUNT;
	for (int i = 0; i < FAILPOINT_COUNT; i++) {
		if (str_eq_text(name, points[i].name))
			plan->at = (enum failpoint)i;
	}
	if (strcmp(equals + 1, "kill") == 0)
		plan->signal = SIGKILL;
	else if (strcmp(equals + 1, "stop") == 0)
		plan->signal = SIGSTOP;
	if (plan->at == FAILPOINT_COUNT || plan->signal == 0)
		plan_refuse(text);
}

void failpoint_pass(enum failpoint at)
{
	static struct plan plan;

	if (!plan.read) {
		const char *text = getenv("HEADGATE_FAILPOINT");

		plan.read = true;
		if (text != NULL && *text != '\0')
			plan_read(&plan, text);
	}
	if (plan.signal == 0 || plan.at != at || --plan.after > 0)
		return;
	fprintf(stderr, "<6>event=failpoint name=%s\n", points[at].name);
	if (plan.after == 0)
		(void)kill(getpid(), plan.signal);
}
#endif
