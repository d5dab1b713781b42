/* How a source is written down. Its kind is the key that holds its addresses; keys that only some
 * kinds have are refused beside the others. */
#include "policy/source_fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "policy/policy.h"

#define SECOND_MS 1000.0
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define NAME_MAX_BYTES 64

/* clang-format off */
const char *const source_kind_names[SOURCE_KIND_COUNT + 1] = {
	"scrape", "alertmanager", "prometheus", "json", "alerts_webhook", NULL
};

static const struct field addresses_field = {
	.kind = FIELD_TEXT_LIST, .min = 1, .max = POLICY_MAX_ADDRESSES,
	.offset = offsetof(struct policy_source, addresses),
	.count_offset = offsetof(struct policy_source, naddresses)
};
/* clang-format on */

bool policy_source_is_set(const struct policy_source *source)
{
	return source->naddresses + source->nfile_sd + source->nhttp_sd > 0;
}

const char *policy_source_address(const struct policy_source *source)
{
	if (source->naddresses > 0)
		return source->addresses[0];
	if (source->nfile_sd > 0)
		return source->file_sd[0];
	return source->nhttp_sd > 0 ? source->http_sd[0] : NULL;
}

bool policy_label_is_fine(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char more[] =
	        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	if (*name == '\0' || !strchr(letters, *name) || name[strspn(name, more)] != '\0')
		return false;
	return strncmp(name, "__", 2) != 0 || strcmp(name, "__scheme__") == 0 ||
	       strcmp(name, "__metrics_path__") == 0 || strncmp(name, "__param_", 8) == 0;
}

const char *policy_file_fault(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct str all = str_of(path);
	const char *star = strpbrk(path, "*?[");

	if (!str_ends_with(all, STR(".json")) && !str_ends_with(all, STR(".yaml")) &&
	    !str_ends_with(all, STR(".yml")))
		return "must end in .json, .yaml or .yml";
	if (star && slash && star < slash)
		return "may have a * in the last part of its path only";
	if (path[0] == '/' || strncmp(path, "../", 3) == 0 || strstr(path, "/../"))
		return "must lie below targets_dir: write it without / at the beginning, and no ..";
	return NULL;
}

/* --- addresses --- */

static bool addresses_decode(json_t *value, struct policy_source *source, enum source_kind kind,
                             struct decode *d)
{
	if (source->addresses)
		return decode_problem(d, "a source has one kind, this one is already of kind %s",
		                      source_kind_names[source->kind]);
	source->kind = kind;
	return field_decode_one(&addresses_field, value, source, d);
}

static bool no_memory(struct decode *d)
{
	return decode_problem(d, "cannot be read: no memory");
}

/* Room for one more was made before. */
static bool add_address(struct policy_source *source, const char *address, json_t *labels)
{
	char *copy = text_dup(address);

	if (!copy)
		return false;
	source->labels[source->naddresses] = json_incref(labels);
	source->addresses[source->naddresses++] = copy;
	return true;
}

static bool add_group(json_t *value, struct policy_source *source, struct decode *d);

/* A text, or {targets: [...], labels: {...}}. */
static bool add_entry(json_t *value, struct policy_source *source, struct decode *d)
{
	if (json_is_object(value))
		return add_group(value, source, d);
	if (!json_is_string(value) || json_string_length(value) == 0)
		return decode_problem(d, "must be a URL, or {targets: [...], labels: {...}}");
	if (source->naddresses == POLICY_MAX_ADDRESSES)
		return decode_problem(d, "has more than %d targets", POLICY_MAX_ADDRESSES);
	return add_address(source, json_string_value(value), NULL) || no_memory(d);
}

static bool is_plain_list(const json_t *value)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		if (json_is_object(json_array_get(value, i)))
			return false;
	}
	return !json_is_object(value);
}

static bool targets_decode(json_t *value, struct policy_source *source, struct decode *d)
{
	bool ok = true;

	if (source->addresses || is_plain_list(value))
		return addresses_decode(value, source, SOURCE_SCRAPE, d);
	source->kind = SOURCE_SCRAPE;
	source->addresses = calloc(POLICY_MAX_ADDRESSES, sizeof(*source->addresses));
	source->labels = calloc(POLICY_MAX_ADDRESSES, sizeof(json_t *));
	if (!source->addresses || !source->labels)
		return no_memory(d);
	if (json_is_object(value))
		return add_entry(value, source, d);
	for (size_t i = 0; i < json_array_size(value); i++) {
		size_t mark = decode_push_index(d, i);

		ok = add_entry(json_array_get(value, i), source, d) && ok;
		decode_pop(d, mark);
	}
	return ok;
}

static json_t *address_encode(const struct policy_source *source, size_t i)
{
	if (!source->labels || !source->labels[i])
		return json_string(source->addresses[i]);
	return json_pack("{s:[s], s:O}", "targets", source->addresses[i], "labels",
	                 source->labels[i]);
}

static json_t *addresses_encode(const struct policy_source *source, enum source_kind kind)
{
	json_t *list = NULL;

	if (source->kind != kind || source->naddresses == 0)
		return NULL;
	list = json_array();
	for (size_t i = 0; list && i < source->naddresses; i++) {
		if (json_array_append_new(list, address_encode(source, i)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static bool addresses_copy(const void *from, void *to)
{
	const struct policy_source *old = from;
	struct policy_source *source = to;
	size_t n = old->naddresses ? old->naddresses : 1;

	source->kind = old->kind;
	source->addresses = calloc(n, sizeof(*source->addresses));
	source->labels = old->labels ? calloc(n, sizeof(json_t *)) : NULL;
	if (!source->addresses || (old->labels && !source->labels))
		return false;
	while (source->naddresses < old->naddresses) {
		size_t i = source->naddresses++;

		source->addresses[i] = text_dup(old->addresses[i]);
		if (!source->addresses[i])
			return false;
		if (old->labels)
			source->labels[i] = json_deep_copy(old->labels[i]);
		if (old->labels && old->labels[i] && !source->labels[i])
			return false;
	}
	return true;
}

static void addresses_free(void *member)
{
	struct policy_source *source = member;

	for (size_t i = 0; i < source->naddresses; i++) {
		free(source->addresses[i]);
		if (source->labels)
			json_decref(source->labels[i]);
	}
	free(source->addresses);
	free(source->labels);
	source->addresses = NULL;
	source->labels = NULL;
	source->naddresses = 0;
}

/* The member of a key of a kind is the whole source. `scrape` owns the addresses of all kinds. */
#define KIND(name, KIND_OF)                                                                        \
	static bool name##_decode(json_t *value, void *member, struct decode *d)                   \
	{                                                                                          \
		return addresses_decode(value, member, KIND_OF, d);                                \
	}                                                                                          \
	static json_t *name##_encode(const void *member)                                           \
	{                                                                                          \
		return addresses_encode(member, KIND_OF);                                          \
	}
static bool scrape_decode(json_t *value, void *member, struct decode *d)
{
	return targets_decode(value, member, d);
}

static json_t *scrape_encode(const void *member)
{
	return addresses_encode(member, SOURCE_SCRAPE);
}
KIND(alertmanager, SOURCE_ALERTMANAGER)
KIND(prometheus, SOURCE_PROMETHEUS)
KIND(json, SOURCE_JSON)
KIND(alerts_webhook, SOURCE_WEBHOOK)

static const struct field_custom scrape_custom = {scrape_decode, scrape_encode, addresses_copy,
                                                  addresses_free};
static const struct field_custom alertmanager_custom = {alertmanager_decode, alertmanager_encode,
                                                        NULL, NULL};
static const struct field_custom prometheus_custom = {prometheus_decode, prometheus_encode, NULL,
                                                      NULL};
static const struct field_custom webhook_custom = {alerts_webhook_decode, alerts_webhook_encode,
                                                   NULL, NULL};
static const struct field_custom json_custom = {json_decode, json_encode, NULL, NULL};

/* {NAME: text} is short for {NAME: {value: text}}. */
static json_t *pair_normalise(json_t *value, struct decode *d)
{
	json_t *object;

	if (json_is_object(value))
		return json_incref(value);
	object = json_pack("{s:O}", "value", value);
	if (!object)
		decode_problem(d, "cannot be read: no memory");
	return object;
}

/* What headgate says itself in every query. */
static bool param_is_ours(const char *name)
{
	static const char *const ours[] = {"query", "time",  "timeout", "partial_response",
	                                   "limit", "start", "end",     "step"};

	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		if (strcmp(name, ours[i]) == 0)
			return true;
	}
	return false;
}

static bool check_params(const struct policy_source *source, struct decode *d)
{
	size_t mark = decode_push(d, "query_params");
	bool ok = true;

	if (source->nquery_params > 0 && source->kind != SOURCE_PROMETHEUS)
		ok = decode_problem(d, "belongs to sources of kind prometheus");
	for (size_t i = 0; ok && i < source->nquery_params; i++) {
		size_t at = decode_push(d, source->query_params[i].name);

		if (param_is_ours(source->query_params[i].name))
			ok = decode_problem(d, "is set by headgate itself");
		decode_pop(d, at);
	}
	decode_pop(d, mark);
	return ok;
}

static bool is_remote(enum source_kind kind)
{
	return kind == SOURCE_PROMETHEUS || kind == SOURCE_JSON || kind == SOURCE_WEBHOOK;
}

static bool problem_at(struct decode *d, const char *key, const char *text)
{
	size_t mark = decode_push(d, key);

	decode_problem(d, "%s", text);
	decode_pop(d, mark);
	return false;
}

static bool is_text_or_texts(const json_t *value)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		if (!json_is_string(json_array_get(value, i)))
			return false;
	}
	return json_is_string(value) || json_array_size(value) > 0;
}

static bool check_url_params(const struct policy_source *source, struct decode *d)
{
	const char *name;
	json_t *value;

	if (!source->params)
		return true;
	if (!json_is_object(source->params))
		return problem_at(d, "params", "must be an object: {module: [http_2xx]}");
	json_object_foreach(source->params, name, value)
	{
		if (!is_text_or_texts(value))
			return problem_at(d, "params", "each must be a text or a list of texts");
	}
	return true;
}

/* What only scrapes have. */
static bool check_scrape_keys(const struct policy_source *source, struct decode *d)
{
	const struct {
		const char *key;
		bool is_given;
	} keys[] = {
	        {"file_sd", source->nfile_sd > 0},
	        {"http_sd", source->nhttp_sd > 0},
	        {"sd_refresh", source->sd_refresh_ms > 0},
	        {"scheme", source->scheme != SCHEME_HTTP},
	        {"metrics_path", source->metrics_path != NULL},
	        {"params", source->params != NULL},
	        {"honor_labels", source->honor_labels},
	};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (keys[i].is_given && source->kind != SOURCE_SCRAPE)
			return problem_at(d, keys[i].key, "belongs to sources of kind scrape");
	}
	if (source->metrics_path && source->metrics_path[0] != '/')
		return problem_at(d, "metrics_path", "must begin with /");
	return check_url_params(source, d);
}

static bool source_check(const void *decoded, struct decode *d)
{
	const struct policy_source *source = decoded;

	if (!policy_source_is_set(source))
		return decode_problem(d,
		                      "a source needs a kind and an address: scrape: [URL, ...], "
		                      "file_sd, http_sd, alertmanager: URL, prometheus: URL, "
		                      "json: URL or alerts_webhook: SELECTOR");
	if (source->repeat_ms > 0 && source->kind != SOURCE_WEBHOOK)
		return problem_at(d, "repeat", "belongs to sources of kind alerts_webhook");
	if (is_remote(source->kind) && source->naddresses > 1)
		return decode_problem(d, "a source of kind %s has one address",
		                      source_kind_names[source->kind]);
	if (!check_params(source, d) || !check_scrape_keys(source, d))
		return false;
	if (source->timeout_ms <= source->every_ms)
		return true;
	return decode_problem(d, "the timeout is longer than the time between two scrapes (every)");
}

/* clang-format off */
#define SOURCE(member) offsetof(struct policy_source, member)
static const struct field pair_fields[] = {
	{ .key = "value", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = offsetof(struct policy_pair, value), .max = 1024,
	  .doc = "The text; `NAME: text` is short for `NAME: {value: text}`." },
};
static const struct field_table pair_table = {
	.noun = "parameter", .fields = pair_fields, .n = ARRAY_LEN(pair_fields), .size = sizeof(struct policy_pair),
	.normalise = pair_normalise
};

struct group { /* of targets; only while decoding */
	char **targets;
	size_t ntargets;
	json_t *labels;
};
static const struct field group_fields[] = {
	{ .key = "targets", .kind = FIELD_TEXT_LIST, .flags = FIELD_REQUIRED, .offset = offsetof(struct group, targets),
	  .count_offset = offsetof(struct group, ntargets), .min = 1, .max = POLICY_MAX_ADDRESSES,
	  .doc = "URLs, or host:port as in Prometheus." },
	{ .key = "labels", .kind = FIELD_JSON, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct group, labels),
	  .doc = "Labels of all their series." },
};
static const struct field_table group_table = {
	.noun = "group of targets", .fields = group_fields, .n = ARRAY_LEN(group_fields), .size = sizeof(struct group)
};
/* clang-format on */

static bool check_labels(const json_t *labels, struct decode *d)
{
	const char *name;
	json_t *value;
	bool ok = !labels || json_is_object(labels) ||
	          problem_at(d, "labels", "must be an object: {track: canary}");

	json_object_foreach((json_t *)(uintptr_t)labels, name, value)
	{
		size_t mark = decode_push(d, "labels");
		size_t at = decode_push(d, name);

		if (!policy_label_is_fine(name))
			ok = decode_problem(d, "is no label that a target may have");
		else if (!json_is_string(value))
			ok = decode_problem(d, "must be a text: quote it");
		decode_pop(d, at);
		decode_pop(d, mark);
	}
	return ok;
}

static bool add_group(json_t *value, struct policy_source *source, struct decode *d)
{
	struct group group = {0};
	bool ok = field_decode(&group_table, value, &group, d) && check_labels(group.labels, d);

	if (ok && source->naddresses + group.ntargets > POLICY_MAX_ADDRESSES)
		ok = decode_problem(d, "has more than %d targets", POLICY_MAX_ADDRESSES);
	for (size_t i = 0; ok && i < group.ntargets; i++)
		ok = add_address(source, group.targets[i], group.labels) || no_memory(d);
	field_free(&group_table, &group);
	return ok;
}

/* clang-format off */
const char *const source_scheme_names[SCHEME_COUNT + 1] = { "http", "https", NULL };
static const struct field source_fields[] = {
	{ .key = "scrape", .kind = FIELD_CUSTOM, .custom = &scrape_custom,
	  .doc = "URLs of pages in the Prometheus text or OpenMetrics format, one per target; placeholders are filled "
	         "in. Targets with labels of their own are written `{targets: [\"host:9100\"], labels: {track: canary}}`. "
	         "The source's kind; one of `scrape` (or `file_sd`, `http_sd`), `prometheus`, `json` and `alertmanager`." },
	{ .key = "prometheus", .kind = FIELD_CUSTOM, .custom = &prometheus_custom,
	  .doc = "URL of a Prometheus, Thanos or Mimir, below which `/api/v1/query` answers; KPIs are evaluated there." },
	{ .key = "json", .kind = FIELD_CUSTOM, .custom = &json_custom,
	  .doc = "URL of a JSON document with numbers that KPIs point to." },
	{ .key = "alertmanager", .kind = FIELD_CUSTOM, .custom = &alertmanager_custom,
	  .doc = "URL of an Alertmanager whose alerts gates may watch; several are members of one cluster." },
	{ .key = "alerts_webhook", .kind = FIELD_CUSTOM, .custom = &webhook_custom,
	  .doc = "Alerts are told to `POST /v1/alerts`: label matchers of one that always fires, `{alertname=\"Watchdog\"}`, without which silence proves nothing; it must be told again within twice `every`." },
	{ .key = "repeat", .kind = FIELD_DURATION, .flags = FIELD_OMIT_ABSENT, .offset = SOURCE(repeat_ms),
	  .min = SECOND_MS, .max = 7 * 24 * HOUR_MS,
	  .doc = "Of `alerts_webhook`: the Alertmanager's `repeat_interval`; left out, its 4h. For so long after a notification was refused there is no evidence, unless its group is told whole before." },
	{ .key = "every", .kind = FIELD_DURATION, .offset = SOURCE(every_ms),
	  .min = SECOND_MS, .max = HOUR_MS, .fallback = "15s",
	  .doc = "Time between two scrapes of one target, or two questions; of `prometheus` not less than that server's own scrape interval." },
	{ .key = "timeout", .kind = FIELD_DURATION, .offset = SOURCE(timeout_ms),
	  .min = 100, .max = 5 * MINUTE_MS,
	  .doc = "How long one scrape may take; `10s` or `every` where that is shorter." },
	{ .key = "quorum", .kind = FIELD_RATIO, .offset = SOURCE(quorum),
	  .min = 0.01, .max = 1, .fallback = "100%",
	  .doc = "Share of targets that must give fresh samples; below it there is no evidence." },
	{ .key = "mend", .kind = FIELD_BOOL, .offset = SOURCE(mend), .fallback = "true",
	  .doc = "Whether born counters and restarted processes are mended by a zero sample." },
	{ .key = "honor_timestamps", .kind = FIELD_BOOL, .offset = SOURCE(honor_timestamps),
	  .fallback = "true",
	  .doc = "Whether timestamps on the page are used; otherwise the time of the scrape." },
	{ .key = "honor_labels", .kind = FIELD_BOOL, .flags = FIELD_OMIT_ABSENT, .offset = SOURCE(honor_labels),
	  .doc = "Whether labels on the page win over those of the target, such as `job` and `instance`: for pages that tell of others, a Pushgateway's or a federating server's. Left out, a page's own become `exported_NAME`." },
	{ .key = "credentials", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = SOURCE(credentials),
	  .min = 1, .max = NAME_MAX_BYTES,
	  .doc = "Credentials of `headgate.yaml` that are sent along; they say themselves which hosts may get them." },
	{ .key = "query_params", .kind = FIELD_MAP, .flags = FIELD_OMIT_ABSENT, .offset = SOURCE(query_params),
	  .count_offset = SOURCE(nquery_params), .max = 16, .table = &pair_table,
	  .doc = "Of `prometheus`: further parameters of each query, such as `dedup: \"true\"` for Thanos." },
	{ .key = "file_sd", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT, .offset = SOURCE(file_sd),
	  .count_offset = SOURCE(nfile_sd), .min = 1, .max = 16,
	  .doc = "Files with targets to scrape, in Prometheus' format, JSON or YAML, below `targets_dir` of `headgate.yaml`: `checkout-*.json`." },
	{ .key = "http_sd", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT, .offset = SOURCE(http_sd),
	  .count_offset = SOURCE(nhttp_sd), .min = 1, .max = 16,
	  .doc = "URLs of documents with targets to scrape, in Prometheus' format." },
	{ .key = "sd_refresh", .kind = FIELD_DURATION, .flags = FIELD_OMIT_ABSENT, .offset = SOURCE(sd_refresh_ms),
	  .min = SECOND_MS, .max = HOUR_MS,
	  .doc = "How often those files and documents are looked at; left out, every 30s." },
	{ .key = "scheme", .kind = FIELD_ENUM, .flags = FIELD_OMIT_ABSENT, .offset = SOURCE(scheme), .names = source_scheme_names,
	  .doc = "`http`, as when it is left out, or `https`: of targets written as host:port." },
	{ .key = "metrics_path", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = SOURCE(metrics_path), .min = 1, .max = 1024,
	  .doc = "Path of such targets' pages; left out, `/metrics`." },
	{ .key = "params", .kind = FIELD_JSON, .flags = FIELD_OMIT_ABSENT, .offset = SOURCE(params),
	  .doc = "Parameters in such targets' addresses: `{module: [http_2xx]}`." },
};
const struct field_table source_table = {
	.noun = "source", .fields = source_fields, .n = ARRAY_LEN(source_fields),
	.size = sizeof(struct policy_source), .check = source_check
};
/* clang-format on */
