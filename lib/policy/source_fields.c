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
	"scrape", "alertmanager", "prometheus", "json", NULL
};

static const struct field addresses_field = {
	.kind = FIELD_TEXT_LIST, .min = 1, .max = POLICY_MAX_ADDRESSES,
	.offset = offsetof(struct policy_source, addresses),
	.count_offset = offsetof(struct policy_source, naddresses)
};
/* clang-format on */

static bool addresses_decode(json_t *value, struct policy_source *source, enum source_kind kind,
                             struct decode *d)
{
	if (source->addresses)
		return decode_problem(d, "a source has one kind, this one is already of kind %s",
		                      source_kind_names[source->kind]);
	source->kind = kind;
	return field_decode_one(&addresses_field, value, source, d);
}

static json_t *addresses_encode(const struct policy_source *source, enum source_kind kind)
{
	json_t *list = NULL;

	if (source->kind != kind)
		return NULL;
	list = json_array();
	for (size_t i = 0; list && i < source->naddresses; i++) {
		if (json_array_append_new(list, json_string(source->addresses[i])) != 0) {
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

	source->kind = old->kind;
	source->addresses =
	        calloc(old->naddresses ? old->naddresses : 1, sizeof(*source->addresses));
	if (!source->addresses)
		return false;
	while (source->naddresses < old->naddresses) {
		size_t i = source->naddresses++;

		source->addresses[i] = text_dup(old->addresses[i]);
		if (!source->addresses[i])
			return false;
	}
	return true;
}

static void addresses_free(void *member)
{
	struct policy_source *source = member;

	for (size_t i = 0; i < source->naddresses; i++)
		free(source->addresses[i]);
	free(source->addresses);
	source->addresses = NULL;
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
KIND(scrape, SOURCE_SCRAPE)
KIND(alertmanager, SOURCE_ALERTMANAGER)
KIND(prometheus, SOURCE_PROMETHEUS)
KIND(json, SOURCE_JSON)

static const struct field_custom scrape_custom = {scrape_decode, scrape_encode, addresses_copy,
                                                  addresses_free};
static const struct field_custom alertmanager_custom = {alertmanager_decode, alertmanager_encode,
                                                        NULL, NULL};
static const struct field_custom prometheus_custom = {prometheus_decode, prometheus_encode, NULL,
                                                      NULL};
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
	return kind == SOURCE_PROMETHEUS || kind == SOURCE_JSON;
}

static bool source_check(const void *decoded, struct decode *d)
{
	const struct policy_source *source = decoded;

	if (source->naddresses == 0)
		return decode_problem(d,
		                      "a source needs a kind and an address: scrape: [URL, ...], "
		                      "alertmanager: URL, prometheus: URL or json: URL");
	if (is_remote(source->kind) && source->naddresses > 1)
		return decode_problem(d, "a source of kind %s has one address",
		                      source_kind_names[source->kind]);
	if (!check_params(source, d))
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

static const struct field source_fields[] = {
	{ .key = "scrape", .kind = FIELD_CUSTOM, .custom = &scrape_custom,
	  .doc = "URLs of pages in the Prometheus text or OpenMetrics format, one per target; placeholders are filled "
	         "in. The source's kind; one of `scrape`, `prometheus`, `json` and `alertmanager`." },
	{ .key = "prometheus", .kind = FIELD_CUSTOM, .custom = &prometheus_custom,
	  .doc = "URL of a Prometheus, Thanos or Mimir, below which `/api/v1/query` answers; KPIs are evaluated there." },
	{ .key = "json", .kind = FIELD_CUSTOM, .custom = &json_custom,
	  .doc = "URL of a JSON document with numbers that KPIs point to." },
	{ .key = "alertmanager", .kind = FIELD_CUSTOM, .custom = &alertmanager_custom,
	  .doc = "URL of an Alertmanager whose alerts gates may watch; several are members of one cluster." },
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
	{ .key = "credentials", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = SOURCE(credentials),
	  .min = 1, .max = NAME_MAX_BYTES,
	  .doc = "Credentials of `headgate.yaml` that are sent along; they say themselves which hosts may get them." },
	{ .key = "query_params", .kind = FIELD_MAP, .flags = FIELD_OMIT_ABSENT, .offset = SOURCE(query_params),
	  .count_offset = SOURCE(nquery_params), .max = 16, .table = &pair_table,
	  .doc = "Of `prometheus`: further parameters of each query, such as `dedup: \"true\"` for Thanos." },
};
const struct field_table source_table = {
	.noun = "source", .fields = source_fields, .n = ARRAY_LEN(source_fields),
	.size = sizeof(struct policy_source), .check = source_check
};
/* clang-format on */
