/* kpi_pick - one number out of a JSON document, and how old it is. */
#include "base/json_pointer.h"
#include "base/str.h"
#include "base/units.h"
#include "gate/kpi_remote.h"

/* Larger numbers are milliseconds: as seconds this would be the year 5138. */
#define SECONDS_MAX 1e11

static const char *kind_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		return "null";
	case JSON_STRING:
	case JSON_INTEGER:
	case JSON_REAL:
		break;
	}
	return "a text that is no number";
}

static bool number_of(const json_t *value, double *out)
{
	struct str text = {0};
	struct err ignored;

	if (json_is_number(value)) {
		*out = json_number_value(value);
		return true;
	}
	if (!json_is_string(value))
		return false;
	text = (struct str){.p = json_string_value(value), .n = json_string_length(value)};
	return number_parse(str_trim(text), out, &ignored);
}

/* False after refusing. A pointer that leads nowhere is data that is not there. */
static bool find(const json_t *document, const char *pointer, const json_t **out,
                 struct kpi_remote *r)
{
	*out = json_pointer_find(document, pointer);
	if (*out && !json_is_null(*out))
		return true;
	kpi_remote_refuse(r, GATE_NO_DATA, *out ? "%s is null" : "there is no %s in the answer",
	                  *pointer ? pointer : "value");
	return false;
}

static bool instant_of(const json_t *value, struct wall *out)
{
	struct err ignored;
	double number = 0;

	if (json_is_string(value) && instant_parse(str_of(json_string_value(value)), out, &ignored))
		return true;
	if (!number_of(value, &number) || !(number > 0) || !(number < SECONDS_MAX * 1000))
		return false;
	out->ms = (int64_t)(number < SECONDS_MAX ? number * 1000 : number);
	return true;
}

static bool pick_age(const struct kpi *kpi, const json_t *document, struct wall asked,
                     struct kpi_remote *out)
{
	const json_t *value = NULL;
	struct wall at = asked;

	if (!kpi->at)
		return true;
	if (!find(document, kpi->at, &value, out))
		return false;
	if (!instant_of(value, &at)) {
		kpi_remote_refuse(out, GATE_ERROR, "%s is no instant", kpi->at);
		return false;
	}
	out->age_ms = asked.ms - at.ms;
	return true;
}

void kpi_pick(const struct kpi *kpi, const json_t *document, struct wall asked,
              struct kpi_remote *out)
{
	const json_t *value = NULL;
	double number = 0;

	out->age_ms = 0;
	out->why[0] = '\0';
	if (!find(document, kpi->pointer, &value, out))
		return;
	if (!number_of(value, &number)) {
		kpi_remote_refuse(out, GATE_ERROR, "%s is %s", *kpi->pointer ? kpi->pointer : "it",
		                  kind_of(value));
		return;
	}
	if (!pick_age(kpi, document, asked, out))
		return;
	out->result = GATE_PASS;
	out->value = number * kpi_given_factor((enum kpi_given)kpi->given_in, kpi->unit);
}
