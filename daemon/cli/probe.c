/*
 * probe - `headgate probe`: reads one metrics page as the daemon would and prints its series, or
 * what a policy would make of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/macros.h"
#include "base/units.h"
#include "cli/commands.h"
#include "cli/page.h"
#include "cli/page_fetch.h"
#include "cli/probe_policy.h"
#include "engine/policy_file.h"

#define FOREVER_MS (INT64_C(1) << 60)
#define SERIES_MAX 5000000u
#define SAMPLES_MAX 10000
#define QUICK_SAMPLES 2 /* of an address, for a policy, where nothing else is said */
#define QUICK_EVERY_MS 5000
#define INSTANCE_MAX 300

static void print_text(const struct series *s)
{
	char value[UNITS_TEXT_MAX];
	struct buf line;

	buf_init(&line, 1024 * 1024);
	labels_print(&s->labels, &line);
	number_format(s->samples[s->start + s->n - 1].value, value);
	printf("%s %s\n", buf_str(&line).p, value);
	buf_fini(&line);
}

static void print_json(const struct series *s)
{
	char value[UNITS_TEXT_MAX];
	json_t *labels = json_object(), *row;
	char *text;

	for (size_t i = 0; i < s->labels.n; i++) {
		char *name = str_dup(labels_at(&s->labels, i)->name);

		if (name != NULL)
			(void)json_object_set_new(labels, name,
			                          json_stringn(labels_at(&s->labels, i)->value.p,
			                                       labels_at(&s->labels, i)->value.n));
		free(name);
	}
	number_format(s->samples[s->start + s->n - 1].value, value);
	row = json_pack("{s:o, s:s}", "metric", labels, "value", value);
	text = json_dumps(row, JSON_COMPACT);
	if (text != NULL)
		puts(text);
	free(text);
	json_decref(row);
}

struct options {
	const char *path, *policy, *source;
	enum page_format format;
	int64_t samples, every_ms;
	bool json;
	struct policy_values values;
	json_t *params; /* own */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* "version=1.2.3": what a placeholder of the policy stands for. */
static bool set_value(struct options *o, char *text)
{
	const struct {
		const char *name;
		const char **value;
	} rows[] = {
	        {"service", &o->values.service},     {"environment", &o->values.environment},
	        {"version", &o->values.version},     {"stable_version", &o->values.stable_version},
	        {"component", &o->values.component},
	};
	char *value = strchr(text, '=');

	if (value == NULL)
		return false;
	*value++ = '\0';
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(text, rows[i].name) == 0) {
			*rows[i].value = value;
			return true;
		}
	}
	return strncmp(text, "params.", 7) == 0 &&
	       json_object_set_new(o->params, text + 7, json_string(value)) == 0;
}

/* One with a value; *i moves to it. */
static bool read_option(struct options *o, int argc, char **argv, int *i)
{
	const char *name = argv[*i];
	struct err err;
	char *value;

	if (*i + 1 >= argc)
		return false;
	value = argv[++*i];
	if (strcmp(name, "--format") == 0)
		return page_format_of(value, &o->format);
	if (strcmp(name, "--samples") == 0)
		return int_parse(str_of(value), &o->samples, &err) && o->samples >= 1 &&
		       o->samples <= SAMPLES_MAX;
	if (strcmp(name, "--every") == 0)
		return duration_parse(str_of(value), &o->every_ms, &err) && o->every_ms >= 100;
	if (strcmp(name, "--set") == 0)
		return set_value(o, value);
	if (strcmp(name, "--source") == 0)
		return (o->source = value) != NULL;
	o->policy = value;
	return strcmp(name, "--policy") == 0;
}

static bool read_options(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			o->json = true;
		else if (argv[i][0] == '-' && argv[i][1] != '\0') {
			if (!read_option(o, argc, argv, &i))
				return false;
		} else if (o->path == NULL)
			o->path = argv[i];
		else
			return false;
	}
	if (o->path == NULL || (o->samples > 1 && !page_is_url(o->path)) ||
	    (o->source != NULL && o->policy == NULL))
		return false;
	if (o->samples == 0)
		o->samples = o->policy != NULL && page_is_url(o->path) ? QUICK_SAMPLES : 1;
	return true;
}

static void print_series(const struct options *o, const struct series_set *set, size_t samples)
{
	const struct series *s;

	for (size_t at = 0; (s = series_set_next(set, &at)) != NULL;) {
		if (o->json)
			print_json(s);
		else
			print_text(s);
	}
	if (!o->json)
		fprintf(stderr, "%s: %zu samples in %zu series\n", o->path, samples,
		        series_set_count(set));
}

/* As written, placeholders filled. NULL after saying why. */
static struct policy *read_policy(const struct options *o)
{
	struct problems problems;
	struct policy *p, *bound = NULL;
	struct err err;
	struct buf text;

	problems_init(&problems);
	buf_init(&text, 256 * 1024);
	p = policy_file_read(o->policy, &problems);
	problems_print(&problems, &text);
	if (p == NULL)
		fprintf(stderr, "%s", buf_str(&text).n > 0 ? buf_str(&text).p : "no memory\n");
	else if ((bound = policy_bind(p, &o->values, &err)) == NULL)
		fprintf(stderr, "%s: %s%s\n", o->policy, err.text,
		        strstr(err.text, "has no value") != NULL ? "; give it with --set NAME=VALUE"
		                                                 : "");
	policy_free(&p);
	buf_fini(&text);
	problems_fini(&problems);
	return bound;
}

static bool is_at(const struct policy_source *s, const char *url)
{
	for (size_t i = 0; i < s->naddresses; i++) {
		if (strcmp(s->addresses[i], url) == 0)
			return true;
	}
	return false;
}

/* The source that is named, else the one of this address, else the only one there is; NULL: any. */
static bool choose_source(const struct options *o, const struct policy *p,
                          const struct policy_source **out)
{
	const struct policy_source *only = NULL;
	size_t n = 0;

	if (o->source != NULL) {
		*out = policy_source(p, o->source, NULL);
		if (*out != NULL && (*out)->kind == SOURCE_SCRAPE)
			return true;
		fprintf(stderr, "%s: there is no source %s that is scraped\n", o->policy,
		        o->source);
		return false;
	}
	for (size_t i = 0; i < p->nsources; i++) {
		const struct policy_source *s = &p->sources[i];

		if (s->kind != SOURCE_SCRAPE)
			continue;
		only = s;
		n++;
		if (*out == NULL && is_at(s, o->path))
			*out = s;
	}
	if (*out == NULL && n == 1)
		*out = only;
	return true;
}

/* job and instance, as the daemon has them. */
static void add_labels(const struct options *o, const struct policy_source *source,
                       char instance[INSTANCE_MAX], struct page_labels *out)
{
	const char *host = strstr(o->path, "://");
	size_t n;

	out->honors_page = source->honor_labels;
	out->list[out->n++] = (struct label){.name = STR("job"), .value = str_of(source->name)};
	if (!page_is_url(o->path) || host == NULL)
		return;
	host += 3;
	n = strcspn(host, "/?#");
	snprintf(instance, INSTANCE_MAX, "%.*s%s", (int)(n < 250 ? n : 250), host,
	         memchr(host, ':', n) != NULL         ? ""
	         : strncmp(o->path, "https:", 6) == 0 ? ":443"
	                                              : ":80");
	out->list[out->n++] = (struct label){.name = STR("instance"), .value = str_of(instance)};
}

/* Until the samples that were asked for are there. */
static bool sample(const struct options *o, const struct page_labels *added, struct series_set *set,
                   struct probed *seen, size_t *out_samples, struct err *err)
{
	struct timespec pause = {.tv_sec = o->every_ms / 1000,
	                         .tv_nsec = o->every_ms % 1000 * 1000000};

	for (int64_t i = 0; i < o->samples; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		if (!page_append(set, o->path, o->format, added, now_ms(), o->policy != NULL,
		                 out_samples, err))
			return false;
	}
	seen->npages = page_is_url(o->path) ? (size_t)o->samples : 0;
	return true;
}

static void note_times(const struct series_set *set, struct probed *seen)
{
	const struct series *s;

	seen->first_ms = INT64_MAX;
	seen->at_ms = INT64_MIN;
	for (size_t at = 0; (s = series_set_next(set, &at)) != NULL;) {
		if (s->samples[s->start].at_ms < seen->first_ms)
			seen->first_ms = s->samples[s->start].at_ms;
		if (s->samples[s->start + s->n - 1].at_ms > seen->at_ms)
			seen->at_ms = s->samples[s->start + s->n - 1].at_ms;
	}
	if (seen->at_ms < seen->first_ms)
		seen->at_ms = seen->first_ms = now_ms();
}

static int probe(const struct options *o)
{
	struct series_set *set = series_set_new(0, FOREVER_MS, SERIES_MAX);
	struct policy *policy = o->policy != NULL ? read_policy(o) : NULL;
	struct probed seen = {.set = set, .every_ms = o->every_ms};
	struct err err = {.code = ERR_NONE};
	struct page_labels added = {.n = 0};
	char instance[INSTANCE_MAX];
	int status = EXIT_BAD;
	size_t samples = 0;

	if (set == NULL || (o->policy != NULL && policy == NULL))
		goto out;
	if (policy != NULL && !choose_source(o, policy, &seen.source))
		goto out;
	if (seen.source != NULL)
		add_labels(o, seen.source, instance, &added);
	if (!sample(o, &added, set, &seen, &samples, &err)) {
		fprintf(stderr, "%s: %s\n", o->path, err.text);
		if (err.code == ERR_NOT_FOUND || err.code == ERR_UNAVAILABLE)
			status = EXIT_UNREACHABLE;
		goto out;
	}
	status = EXIT_DONE;
	note_times(set, &seen);
	if (policy == NULL)
		print_series(o, set, samples);
	else if (!probe_policy(policy, &seen, o->json))
		status = EXIT_BAD;
out:
	policy_free(&policy);
	series_set_free(&set);
	return status;
}

int probe_command(int argc, char **argv)
{
	struct options o = {
	        .format = PAGE_AUTO, .every_ms = QUICK_EVERY_MS, .params = json_object()};
	int status = EXIT_USAGE;

	o.values.params = o.params;
	if (read_options(&o, argc, argv))
		status = probe(&o);
	else
		fprintf(stderr,
		        "usage: headgate probe FILE|URL|- [--format auto|prometheus|openmetrics] "
		        "[--json]\n"
		        "           [--policy FILE [--source NAME] [--set NAME=VALUE]... "
		        "[--samples 2 --every 5s]]\n");
	json_decref(o.params);
	return status;
}
