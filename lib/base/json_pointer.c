/* json_pointer - one value of a JSON document, and whether it is the one that is wanted. */
#include "base/json_pointer.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define KEY_MAX 256 /* of one step, with NUL; the policy's pointers are no longer */
#define INDEX_DIGITS_MAX 9

/* Jansson walks objects through non-const iterators only; nothing is changed. */
static json_t *unconst(const json_t *value)
{
	json_t *result;

	memcpy(&result, &value, sizeof(result));
	return result;
}

/* One step, unescaped: ~1 is a slash, ~0 a tilde. False when it is none or too long. */
static bool read_step(const char *from, size_t n, char out[KEY_MAX])
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		char c = from[i];

		if (c == '~') {
			if (i + 1 == n || (from[i + 1] != '0' && from[i + 1] != '1'))
				return false;
			c = from[++i] == '0' ? '~' : '/';
		}
		if (at + 1 >= KEY_MAX)
			return false;
		out[at++] = c;
	}
	out[at] = '\0';
	return true;
}

/* Digits without a leading zero. */
static const json_t *element(const json_t *array, const char *step)
{
	size_t n = strlen(step), index = 0;

	if (n == 0 || n > INDEX_DIGITS_MAX || (step[0] == '0' && n > 1) ||
	    strspn(step, "0123456789") != n)
		return NULL;
	for (size_t i = 0; i < n; i++)
		index = index * 10 + (size_t)(step[i] - '0');
	return json_array_get(array, index);
}

bool json_pointer_is_fine(const char *pointer)
{
	if (*pointer != '/')
		return false;
	for (const char *p = pointer; *p; p++) {
		if (*p == '~' && p[1] != '0' && p[1] != '1')
			return false;
	}
	return true;
}

const json_t *json_pointer_find(const json_t *root, const char *pointer)
{
	const json_t *at = root;
	char step[KEY_MAX];

	while (at != NULL && *pointer != '\0') {
		size_t n;

		if (*pointer != '/')
			return NULL;
		n = strcspn(++pointer, "/");
		if (!read_step(pointer, n, step))
			return NULL;
		pointer += n;
		at = json_is_array(at) ? element(at, step) : json_object_get(at, step);
	}
	return at;
}

/* Exact also beyond 2^53, where a double cannot tell integers apart. */
static bool integer_is_real(json_int_t integer, double real)
{
	return real >= -0x1p63 && real < 0x1p63 && (json_int_t)real == integer &&
	       real - (double)(json_int_t)real >= 0 && real - (double)(json_int_t)real <= 0;
}

static bool number_is_same(const json_t *a, const json_t *b)
{
	if (json_is_integer(a) && json_is_integer(b))
		return json_integer_value(a) == json_integer_value(b);
	if (json_is_integer(a))
		return integer_is_real(json_integer_value(a), json_real_value(b));
	if (json_is_integer(b))
		return integer_is_real(json_integer_value(b), json_real_value(a));
	return json_real_value(a) >= json_real_value(b) && json_real_value(a) <= json_real_value(b);
}

static bool is_same(const json_t *a, const json_t *b, size_t depth);

static bool array_is_same(const json_t *a, const json_t *b, size_t depth)
{
	if (json_array_size(a) != json_array_size(b))
		return false;
	for (size_t i = 0; i < json_array_size(a); i++) {
		if (!is_same(json_array_get(a, i), json_array_get(b, i), depth))
			return false;
	}
	return true;
}

static bool object_is_same(const json_t *a, const json_t *b, size_t depth)
{
	json_t *walked = unconst(a), *member;
	const char *key;

	if (json_object_size(a) != json_object_size(b))
		return false;
	json_object_foreach(walked, key, member)
	{
		if (!is_same(member, json_object_get(b, key), depth))
			return false;
	}
	return true;
}

static bool is_same(const json_t *a, const json_t *b, size_t depth)
{
	if (a == NULL || b == NULL || depth == 0)
		return false;
	if (json_is_number(a) && json_is_number(b))
		return number_is_same(a, b);
	if (json_typeof(a) != json_typeof(b))
		return false;
	if (json_is_array(a))
		return array_is_same(a, b, depth - 1);
	if (json_is_object(a))
		return object_is_same(a, b, depth - 1);
	return json_equal(a, b) != 0;
}

bool json_is_same(const json_t *a, const json_t *b)
{
	return is_same(a, b, JSON_SAME_DEPTH_MAX);
}
