/* policy_fit - one look at each action beside the destination it names, and at each source beside
 * its credentials. */
#include "engine/policy_fit.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "config.h"
#include "credentials.h"
#include "gate/integrity.h"

#define NAMES_BYTES_MAX 512
#define POINTER_BYTES_MAX 192

struct fitting {
	const struct config *config;
	const char *file;
	struct problems *problems;
	bool ok;
};

static void complain(struct fitting *f, const char *action, const char *key, const char *to,
                     const char *text)
{
	char pointer[POINTER_BYTES_MAX];

	snprintf(pointer, sizeof(pointer), "/actions/%.120s/%s", action, key);
	problems_add(f->problems, f->file, 0, 0, pointer, "destination \"%.64s\" %s", to, text);
	f->ok = false;
}

static void complain_of_nobody(struct fitting *f, const char *action, const char *key,
                               const char *to)
{
	const struct config *config = f->config;
	struct buf names;
	char text[NAMES_BYTES_MAX + 64];

	buf_init(&names, NAMES_BYTES_MAX);
	for (size_t i = 0; i < config->ndestinations; i++)
		buf_printf(&names, "%s%s", i == 0 ? "" : ", ", config->destinations[i].name);
	if (config->ndestinations == 0)
		snprintf(text, sizeof(text), "is not in headgate.yaml, which has none");
	else
		snprintf(text, sizeof(text), "is not in headgate.yaml, which has %s",
		         names.n > 0 ? names.bytes : "others");
	complain(f, action, key, to, text);
	buf_fini(&names);
}

static void fit_action(struct fitting *f, const struct policy_action *a)
{
	const struct config_destination *to = config_destination(f->config, a->to);

	if (to == NULL)
		complain_of_nobody(f, a->name, "to", a->to);
	else if (to->kind != DESTINATION_COMMAND && to->kind != DESTINATION_WEBHOOK)
		complain(f, a->name, "to", a->to,
		         "takes notifications: an action needs one with a url or a program");
	else if (to->url_file != NULL && a->path != NULL && a->path[0] != '\0')
		complain(f, a->name, "path", a->to,
		         "has its whole address in url_file: write path: \"\"");
	else if (to->kind == DESTINATION_COMMAND && a->path != NULL)
		complain(f, a->name, "path", a->to, "runs a program: give it arguments, no path");
	else if (to->kind == DESTINATION_WEBHOOK && a->path == NULL)
		complain(f, a->name, a->narguments > 0 ? "arguments" : "input", a->to,
		         "takes requests: give it a path, no arguments or input");
}

static void fit_read(struct fitting *f, const struct policy_action *a)
{
	const char *name = a->read.from != NULL ? a->read.from : a->to;
	const char *key = a->read.from != NULL ? "read/from" : "read";
	const struct config_destination *from = config_destination(f->config, name);

	if (a->read.path == NULL)
		return;
	if (from == NULL && a->read.from != NULL)
		complain_of_nobody(f, a->name, key, name);
	else if (from != NULL && (from->kind != DESTINATION_WEBHOOK || from->url_file != NULL))
		complain(f, a->name, key, name, "cannot be read from: only those with a url can");
}

static void complain_of_source(struct fitting *f, const struct policy_source *s, const char *text)
{
	char pointer[POINTER_BYTES_MAX];

	snprintf(pointer, sizeof(pointer), "/sources/%.120s/credentials", s->name);
	problems_add(f->problems, f->file, 0, 0, pointer, "%s", text);
	f->ok = false;
}

/* Where placeholders stand in an address it is known later, and looked at before each request. */
static void fit_credentials(struct fitting *f, const struct policy_source *s)
{
	const struct config_credentials *credentials;
	char text[128], url[2048];
	struct err err;

	if (s->credentials == NULL)
		return;
	credentials = config_credentials(f->config, s->credentials);
	if (credentials == NULL) {
		snprintf(text, sizeof(text), "credentials \"%.64s\" are not in headgate.yaml",
		         s->credentials);
		complain_of_source(f, s, text);
		return;
	}
	for (size_t i = 0; i < s->naddresses; i++) {
		bool is_url = strstr(s->addresses[i], "://") != NULL;

		snprintf(url, sizeof(url), "%s%s%s", is_url ? "" : source_scheme_names[s->scheme],
		         is_url ? "" : "://", s->addresses[i]);
		if (strstr(url, "${") == NULL && !credentials_fit(credentials, url, &err)) {
			complain_of_source(f, s, err.text);
			return;
		}
	}
}

static void fit_gate(struct fitting *f, const struct gate *gate)
{
	const struct integrity_spec *spec = gate->spec;
	const struct config_credentials *credentials;
	struct err err = {.code = ERR_NONE};
	char pointer[POINTER_BYTES_MAX];

	if (gate->kind != &gate_integrity || spec->credentials == NULL)
		return;
	credentials = config_credentials(f->config, spec->credentials);
	if (credentials == NULL)
		(void)err_set(&err, ERR_INVALID, "credentials \"%.64s\" are not in headgate.yaml",
		              spec->credentials);
	else if (strstr(spec->integrity, "${") != NULL ||
	         credentials_fit(credentials, spec->integrity, &err))
		return;
	snprintf(pointer, sizeof(pointer), "/gates/%.120s/credentials", gate->name);
	problems_add(f->problems, f->file, 0, 0, pointer, "%s", err.text);
	f->ok = false;
}

bool policy_fits(const struct policy *p, const struct config *config, const char *file,
                 struct problems *problems)
{
	struct fitting f = {.config = config, .file = file, .problems = problems, .ok = true};

	for (size_t i = 0; i < p->nactions; i++) {
		fit_action(&f, &p->actions[i]);
		fit_read(&f, &p->actions[i]);
	}
	for (size_t i = 0; i < p->nsources; i++)
		fit_credentials(&f, &p->sources[i]);
	for (size_t i = 0; i < p->ngates; i++)
		fit_gate(&f, &p->gates[i]);
	return f.ok;
}
