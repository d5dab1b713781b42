/* command - what a program is given, and what it means by its end. */
#include "action/command.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "base/buf.h"
#include "base/macros.h"

#define VARIABLES_MAX 128
#define SECRET_SHOWN_MAX 4 /* shorter ones hide nothing and would be starred everywhere */

/* --- arguments --- */

static bool add(char **list, size_t *n, size_t max, char *take, const char *what, struct err *err)
{
	if (take == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a command");
	if (*n >= max) {
		free(take);
		return err_set(err, ERR_LIMIT, "more than %zu %s", max, what);
	}
	list[(*n)++] = take;
	return true;
}

static bool add_argument(struct command *c, const char *text, struct err *err)
{
	return add(c->arguments, &c->narguments, COMMAND_ARGUMENTS_MAX, text_dup(text), "arguments",
	           err);
}

static bool add_own_arguments(struct command *c, const char *json, struct err *err)
{
	json_t *list = json_loads(json, JSON_ALLOW_NUL, NULL);
	bool ok = json_is_array(list) || err_set(err, ERR_INVALID, "its arguments are no list");
	json_t *value;
	size_t i;

	json_array_foreach(list, i, value)
	{
		const char *text = json_string_value(value);

		if (!ok)
			break;
		if (text == NULL || strlen(text) != json_string_length(value))
			ok = err_set(err, ERR_INVALID, "argument %zu is no text, or holds a NUL",
			             i);
		else
			ok = add_argument(c, text, err);
	}
	json_decref(list);
	return ok;
}

static bool add_arguments(struct command *c, const struct store_message *m,
                          const struct config_destination *to, struct err *err)
{
	bool ok = add_argument(c, to->program, err);
	size_t bytes = 0;

	for (size_t i = 0; ok && i < to->narguments; i++)
		ok = add_argument(c, to->arguments[i], err);
	if (ok && m->arguments != NULL)
		ok = add_own_arguments(c, m->arguments, err);
	for (size_t i = 0; ok && i < c->narguments; i++)
		bytes += strlen(c->arguments[i]) + 1;
	if (bytes > COMMAND_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "its arguments have more than %zu bytes",
		               COMMAND_BYTES_MAX);
	return ok;
}

/* --- environment --- */

static bool add_variable(struct command *c, const char *name, const char *value, struct err *err)
{
	char *text = NULL;

	if (asprintf(&text, "%s=%s", name, value != NULL ? value : "") < 0)
		text = NULL;
	return add(c->environment, &c->nenvironment, VARIABLES_MAX, text, "variables", err);
}

static bool add_number(struct command *c, const char *name, int64_t value, struct err *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	return add_variable(c, name, text, err);
}

/* By which a script can tell a repeat and a message that was overtaken. */
static bool add_message(struct command *c, const struct store_message *m, struct err *err)
{
	return add_variable(c, "HEADGATE_MESSAGE_ID", m->id, err) &&
	       add_number(c, "HEADGATE_RELEASE", m->release_id, err) &&
	       add_variable(c, "HEADGATE_SERVICE", m->service, err) &&
	       add_variable(c, "HEADGATE_ENVIRONMENT", m->environment, err) &&
	       add_variable(c, "HEADGATE_VERSION", m->version, err) &&
	       add_number(c, "HEADGATE_RELEASE_VERSION", m->row_version, err) &&
	       add_number(c, "HEADGATE_EPOCH", m->epoch, err) &&
	       add_number(c, "HEADGATE_FENCE", m->fence, err) &&
	       add_number(c, "HEADGATE_SEQUENCE", m->sequence, err) &&
	       add_variable(c, "HEADGATE_CLASS", message_class_names[m->class], err) &&
	       add_variable(c, "HEADGATE_ACTION", m->action, err) &&
	       add_number(c, "HEADGATE_ATTEMPT", m->attempts, err);
}

static const char *configured(const struct config_destination *to, const char *name)
{
	for (size_t i = 0; i < to->nenvironment; i++) {
		if (strcmp(to->environment[i].name, name) == 0)
			return to->environment[i].value;
	}
	return NULL;
}

static bool add_environment(struct command *c, const struct config_destination *to, struct err *err)
{
	const struct config_variable usual[] = {
	        {(char[]){"PATH"}, (char[]){"/usr/bin:/bin"}},
	        {(char[]){"LANG"}, (char[]){"C.UTF-8"}},
	        {(char[]){"HOME"}, to->directory},
	};

	for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
		if (configured(to, usual[i].name) == NULL &&
		    !add_variable(c, usual[i].name, usual[i].value, err))
			return false;
	}
	for (size_t i = 0; i < to->nenvironment; i++) {
		if (!add_variable(c, to->environment[i].name, to->environment[i].value, err))
			return false;
	}
	for (size_t i = 0; i < to->nenvironment_files; i++) {
		if (!add_variable(c, to->environment_files[i].name, to->secret_values[i], err))
			return false;
	}
	return true;
}

/* --- input --- */

/* Of a command it travels as a text; what has no arguments of its own (a notification) hands over
 * its whole body. */
static bool take_input(struct command *c, const struct store_message *m, struct err *err)
{
	json_t *body;
	bool ok = true;

	if (m->body == NULL || *m->body == '\0' || strcmp(m->body, "null") == 0)
		return true;
	body = json_loads(m->body, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (json_is_string(body)) {
		c->ninput = json_string_length(body);
		c->input = str_dup((struct str){json_string_value(body), c->ninput});
	} else if (m->arguments == NULL) {
		c->ninput = strlen(m->body);
		c->input = text_dup(m->body);
	} else {
		ok = err_set(err, ERR_INVALID, "its input is no text");
	}
	json_decref(body);
	if (ok && c->input == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a command");
	if (c->ninput > COMMAND_INPUT_MAX)
		return err_set(err, ERR_LIMIT, "its input has more than %zu bytes",
		               COMMAND_INPUT_MAX);
	return ok;
}

bool command_build(const struct store_message *m, const struct config_destination *to,
                   struct command *out, struct err *err)
{
	*out = (struct command){0};
	if (m->path != NULL && *m->path != '\0')
		return err_set(err, ERR_INVALID,
		               "destination %s runs a program: its actions have arguments, no path",
		               m->destination);
	out->arguments = calloc(COMMAND_ARGUMENTS_MAX + 1, sizeof(*out->arguments));
	out->environment = calloc(VARIABLES_MAX + 1, sizeof(*out->environment));
	if (out->arguments == NULL || out->environment == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a command");
	return add_arguments(out, m, to, err) && add_environment(out, to, err) &&
	       add_message(out, m, err) && take_input(out, m, err);
}

void command_fini(struct command *c)
{
	for (size_t i = 0; i < c->narguments; i++)
		free(c->arguments[i]);
	for (size_t i = 0; i < c->nenvironment; i++) {
		OPENSSL_cleanse(c->environment[i], strlen(c->environment[i]));
		free(c->environment[i]);
	}
	free(c->arguments);
	free(c->environment);
	free(c->input);
	*c = (struct command){0};
}

/* --- the end --- */

enum carried_how command_verdict(const struct config_exit *exit, const struct child_end *end)
{
	char status[16];

	/* What we ended may say what it likes: it was not done with it. */
	if (end->was_late || end->was_stopped || end->status < 0)
		return CARRIED_UNANSWERED;
	if (end->status == 0)
		return CARRIED_OK;
	snprintf(status, sizeof(status), "%d", end->status);
	for (size_t i = 0; i < exit->nrefused; i++) {
		if (strcmp(exit->refused[i], status) == 0)
			return CARRIED_REFUSED;
	}
	return CARRIED_FAILED;
}

static size_t secret_at(struct str s, size_t at, char *const *secrets)
{
	for (size_t i = 0; secrets != NULL && secrets[i] != NULL; i++) {
		size_t n = strlen(secrets[i]);

		if (n >= SECRET_SHOWN_MAX && n <= s.n - at && memcmp(s.p + at, secrets[i], n) == 0)
			return n;
	}
	return 0;
}

/* Bytes of the character at `at`, 1 when it is none. */
static size_t character_at(struct str s, size_t at, bool *out_is_fine)
{
	for (size_t n = 1; n <= 4 && n <= s.n - at; n++) {
		if (str_is_utf8((struct str){s.p + at, n})) {
			unsigned char c = (unsigned char)s.p[at];

			/* C1 controls are two bytes, of which the first is 0xc2. */
			*out_is_fine = n == 1 ? c >= 0x20 && c != 0x7f
			                      : c != 0xc2 || (unsigned char)s.p[at + 1] >= 0xa0;
			return n;
		}
	}
	*out_is_fine = false;
	return 1;
}

static void add_escaped(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n')
			buf_add_text(out, "\\n");
		else if (s.p[i] == '\t')
			buf_add_char(out, ' ');
		else if (s.p[i] != '\r')
			buf_printf(out, "\\x%02x", (unsigned char)s.p[i]);
	}
}

static void escape(struct str s, char *const *secrets, struct buf *out)
{
	size_t n;

	for (size_t at = 0; at < s.n; at += n) {
		bool is_fine = false;

		n = secret_at(s, at, secrets);
		if (n > 0) {
			buf_add_text(out, "***");
			continue;
		}
		n = character_at(s, at, &is_fine);
		if (is_fine)
			buf_add(out, s.p + at, n);
		else
			add_escaped(out, (struct str){s.p + at, n});
	}
}

static struct str without_blanks(struct str s)
{
	while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r' || s.p[s.n - 1] == ' '))
		s.n--;
	while (s.n > 0 && (s.p[0] == '\n' || s.p[0] == '\r' || s.p[0] == ' '))
		s = str_slice(s, 1, s.n);
	return s;
}

/* The last `most` bytes, from a whole character on. */
static struct str tail(struct str s, size_t most)
{
	size_t from = s.n > most ? s.n - most : 0;

	while (from > 0 && from < s.n && ((unsigned char)s.p[from] & 0xc0) == 0x80)
		from++;
	return str_slice(s, from, s.n);
}

static int say_how(const struct child_end *end, char *out, size_t size)
{
	if (end->was_late)
		return snprintf(out, size, "ended after %" PRId64 " ms: its time limit",
		                end->elapsed_ms);
	if (end->was_stopped)
		return snprintf(out, size, "ended by us: overtaken, or the daemon stopped");
	if (end->status < 0)
		return snprintf(out, size, "ended by SIG%s",
		                sigabbrev_np(end->signal) != NULL ? sigabbrev_np(end->signal)
		                                                  : "?");
	return snprintf(out, size, "exit status %d", end->status);
}

void command_say(const struct child_end *end, char *const *secrets, char out[COMMAND_TEXT])
{
	size_t n = (size_t)say_how(end, out, COMMAND_TEXT);
	struct str said = without_blanks(end->output);
	struct str shown;
	struct buf text;

	buf_init(&text, 5 * CHILD_OUTPUT_MAX);
	escape(said, secrets, &text);
	shown = tail(buf_str(&text), COMMAND_TEXT - n - 8);
	if (shown.n > 0)
		snprintf(out + n, COMMAND_TEXT - n, "%s%.*s",
		         shown.n < text.n || end->dropped > 0 ? ": ..." : ": ", (int)shown.n,
		         shown.p);
	buf_fini(&text);
}
