/* From text to a checked policy, and back to the form its hash is made of. */
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/str.h"
#include "policy/crosscheck.h"
#include "policy/include.h"
#include "policy/yaml.h"

/* A policy of 1 MiB with every default written out. */
#define CANONICAL_MAX_BYTES (8 * 1024 * 1024)

void policy_free(struct policy **p)
{
	struct policy *gone = *p;

	if (!gone)
		return;
	*p = NULL;
	for (size_t i = 0; i < gone->nkpis; i++)
		promql_free(&gone->kpis[i].parsed);
	positions_free(&gone->positions);
	field_free(&policy_table, gone);
	free(gone);
}

/* The keys of its kind stand in the gate itself, where a person writes them. */
static bool flatten_gate(json_t *gate)
{
	json_t *kind = json_incref(json_object_get(gate, "<kind>"));
	bool ok =
	        kind && json_object_del(gate, "<kind>") == 0 && json_object_update(gate, kind) == 0;

	json_decref(kind);
	return ok;
}

json_t *policy_to_json(const struct policy *p)
{
	json_t *document = field_encode(&policy_table, p);
	const char *name;
	json_t *gate;

	json_object_foreach(json_object_get(document, "gates"), name, gate)
	{
		if (!flatten_gate(gate)) {
			json_decref(document);
			return NULL;
		}
	}
	return document;
}

static bool hash_bytes(struct str bytes, char out[POLICY_HASH_TEXT])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (EVP_Digest(bytes.p, bytes.n, digest, &n, EVP_sha256(), NULL) != 1 ||
	    2 * n >= POLICY_HASH_TEXT)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	out[2 * n] = '\0';
	return true;
}

static bool hash_policy(struct policy *p)
{
	json_t *document = policy_to_json(p);
	struct buf canonical;
	struct err err;
	bool ok = false;

	buf_init(&canonical, CANONICAL_MAX_BYTES);
	ok = document && json_canonical(document, &canonical, &err) &&
	     hash_bytes(buf_str(&canonical), p->hash);
	buf_fini(&canonical);
	json_decref(document);
	return ok;
}

/* Every element of a map begins with its name. */
static int compare_names(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;

	return strcmp(*left, *right);
}

/* An absent map is a null pointer, which qsort may not be given. */
static void sort_map(void *items, size_t n, size_t size)
{
	if (n > 1)
		qsort(items, n, size, compare_names);
}

/* Documents that differ only in the order of their keys are one policy under one hash; so the
 * indexes by which evaluations and checkpoints speak of gates and KPIs must not depend on that
 * order. */
static void sort_maps(struct policy *p)
{
	sort_map(p->sources, p->nsources, sizeof(*p->sources));
	sort_map(p->kpis, p->nkpis, sizeof(*p->kpis));
	sort_map(p->gates, p->ngates, sizeof(*p->gates));
	sort_map(p->actions, p->nactions, sizeof(*p->actions));
	sort_map(p->requires, p->nrequires, sizeof(*p->requires));
}

enum reading {
	READ_WHOLE = 0,
	READ_PARTLY, /* something could not be included: only looked through for mistakes */
	READ_STORED  /* it was checked when it was stored: what it says need only be readable */
};

/* Everything a document can tell about itself. Goes on after a decode with problems, so that all
 * are listed; but not without what could not be included, or every name would lead nowhere. */
static struct policy *read_document(json_t *document, const struct positions *positions,
                                    struct problems *problems, size_t first, enum reading how)
{
	struct crosscheck c = {
	        .document = document, .problems = problems, .positions = positions, .first = first};
	struct policy *p = calloc(1, sizeof(*p));
	struct decode d;
	bool ok = false;

	if (!p) {
		problems_add(problems, NULL, 0, 0, "", "no memory to read this policy");
		return NULL;
	}
	decode_init(&d, problems, positions);
	ok = field_decode(&policy_table, document, p, &d);
	decode_fini(&d);
	c.policy = p;
	if (json_is_object(document) && how != READ_PARTLY)
		crosscheck_policy(&c);
	if (how != READ_STORED)
		ok = ok && how == READ_WHOLE && problems->n == first && problems->dropped == 0;
	if (ok)
		sort_maps(p);
	if (ok && !hash_policy(p)) {
		problems_add(problems, NULL, 0, 0, "", "no memory to hash this policy");
		ok = false;
	}
	if (!ok)
		policy_free(&p);
	return p;
}

/* The policy's own file first, then those it includes; from top to bottom. A text without a file
 * has an empty name. */
static bool stands_after(const struct problem *a, const struct problem *b, const char *file)
{
	int order = strcmp(a->file ? a->file : file, b->file ? b->file : file);

	if (order != 0 && (!b->file || strcmp(b->file, file) == 0))
		return true;
	if (order != 0)
		return order > 0 && a->file && strcmp(a->file, file) != 0;
	return a->line > b->line || (a->line == b->line && a->column > b->column);
}

static void sort_problems(struct problems *problems, size_t first, const char *file)
{
	file = file ? file : "";
	for (size_t i = first + 1; i < problems->n; i++) {
		struct problem moving = problems->list[i];
		size_t j = i;

		for (; j > first && stands_after(&problems->list[j - 1], &moving, file); j--)
			problems->list[j] = problems->list[j - 1];
		problems->list[j] = moving;
	}
}

/* What this version finds fault with, an older one may have accepted. */
struct policy *policy_from_stored(json_t *document, struct problems *problems)
{
	return read_document(document, NULL, problems, problems->n, READ_STORED);
}

struct policy *policy_from_json(json_t *document, struct problems *problems)
{
	return read_document(document, NULL, problems, problems->n, READ_WHOLE);
}

/* All JSON that matters here is YAML; where it is not, the pointers have to do. */
static void find_positions(struct str text, struct positions *positions)
{
	struct problems ignored;

	problems_init(&ignored);
	json_decref(yaml_read(NULL, text, POLICY_MAX_BYTES, positions, &ignored));
	problems_fini(&ignored);
}

/* For warnings, which come later. */
static void keep_positions(struct policy *p, struct positions **positions)
{
	if (p) {
		p->positions = *positions;
		*positions = NULL;
	}
	positions_free(positions);
}

struct policy *policy_from_json_text(json_t *document, struct str text, struct problems *problems)
{
	struct positions *positions = positions_new();
	size_t first = problems->n;
	struct policy *p = NULL;

	if (!positions) {
		problems_add(problems, NULL, 0, 0, "", "no memory to read this policy");
		return NULL;
	}
	find_positions(text, positions);
	p = read_document(document, positions, problems, first, READ_WHOLE);
	sort_problems(problems, first, NULL);
	keep_positions(p, &positions);
	return p;
}

struct policy *policy_from_yaml(const char *file, struct str text,
                                const struct policy_include *include, struct problems *problems)
{
	struct positions *positions = positions_new();
	size_t first = problems->n;
	struct policy *p = NULL;
	json_t *document = NULL;
	bool included = false;

	if (!positions) {
		problems_add(problems, file, 0, 0, "", "no memory to read this policy");
		return NULL;
	}
	document = yaml_read(file, text, POLICY_MAX_BYTES, positions, problems);
	if (document) {
		included = include_expand(file, document, include, positions, problems);
		p = read_document(document, positions, problems, first,
		                  included ? READ_WHOLE : READ_PARTLY);
	}
	sort_problems(problems, first, file);
	json_decref(document);
	keep_positions(p, &positions);
	return p;
}

const struct policy_action *policy_action(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->nactions; i++) {
		if (strcmp(p->actions[i].name, name) == 0)
			return &p->actions[i];
	}
	return NULL;
}

const struct gate *policy_gate(const struct policy *p, const char *name, size_t *out_index)
{
	for (size_t i = 0; i < p->ngates; i++) {
		if (strcmp(p->gates[i].name, name) != 0)
			continue;
		if (out_index)
			*out_index = i;
		return &p->gates[i];
	}
	return NULL;
}

const struct kpi *policy_kpi(const struct policy *p, const char *name, size_t *out_index)
{
	for (size_t i = 0; i < p->nkpis; i++) {
		if (strcmp(p->kpis[i].name, name) != 0)
			continue;
		if (out_index)
			*out_index = i;
		return &p->kpis[i];
	}
	return NULL;
}

const struct policy_source *policy_source(const struct policy *p, const char *name,
                                          size_t *out_index)
{
	for (size_t i = 0; i < p->nsources; i++) {
		if (strcmp(p->sources[i].name, name) != 0)
			continue;
		if (out_index)
			*out_index = i;
		return &p->sources[i];
	}
	return NULL;
}

const struct policy_option *policy_option(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->rollback.noptions; i++) {
		const char *option = p->rollback.options[i].option;

		if (option && strcmp(option, name) == 0)
			return &p->rollback.options[i];
	}
	return NULL;
}

const struct policy_level *policy_escalation(const struct policy *p, size_t *out_n)
{
	/* clang-format off */
	static const struct policy_level usual[] = {
		{ .role = (char *)(uintptr_t)"on_call" },
		{ .role = (char *)(uintptr_t)"release_manager", .after_ms = 15 * 60 * 1000 },
		{ .role = (char *)(uintptr_t)"cto",             .after_ms = 30 * 60 * 1000 },
	};
	/* clang-format on */

	*out_n = p->nescalation > 0 ? p->nescalation : ARRAY_LEN(usual);
	return p->nescalation > 0 ? p->escalation : usual;
}

bool policy_gate_counts(const struct gate *gate, const struct policy_stage *stage)
{
	if (gate->shadow)
		return false;
	if (gate->in == GATE_IN_ALL)
		return true;
	if (gate->in == GATE_IN_DEFAULT)
		return stage->kind != STAGE_PREFLIGHT || (gate->kind && gate->kind->counts_before &&
		                                          gate->kind->counts_before(gate->spec));
	for (size_t i = 0; i < gate->nin_stages; i++) {
		/* While a policy is being checked a name may be missing. */
		if (gate->in_stages[i] && strcmp(gate->in_stages[i], stage->stage) == 0)
			return true;
	}
	return false;
}

void policy_reference(struct buf *out)
{
	field_reference(&policy_table, out);
	for (size_t i = 0; gate_kinds[i]; i++) {
		buf_add_char(out, '\n');
		field_reference(gate_kinds[i]->fields, out);
	}
}
