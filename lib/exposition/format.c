/* Which format a page is in. */
#include <string.h>
#include <strings.h>

#include "base/macros.h"
#include "exposition/exposition.h"

bool exposition_format_of(struct str content_type, enum exposition_format *out, struct err *err)
{
	static const struct {
		struct str type;
		enum exposition_format format;
	} types[] = {
	        {{"text/plain", 10}, EXPOSITION_PROMETHEUS},
	        {{"application/openmetrics-text", 28}, EXPOSITION_OPENMETRICS},
	};
	const char *end = memchr(content_type.p, ';', content_type.n);
	char shown[STR_QUOTE_MAX];
	struct str type = content_type;

	if (end != NULL)
		type.n = (size_t)(end - type.p);
	type = str_trim(type);
	if (type.n == 0)
		return err_set(err, ERR_INVALID, "no Content-Type");
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (type.n != types[i].type.n || strncasecmp(type.p, types[i].type.p, type.n) != 0)
			continue;
		*out = types[i].format;
		return true;
	}
	return err_set(err, ERR_INVALID, "%s is not a metrics page", str_quote(type, shown));
}

enum exposition_format exposition_guess_format(struct str page)
{
	static const struct str mark = {"# EOF", 5};

	for (const char *line = page.p, *end = page.p + page.n; line < end;) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t n = (size_t)((newline != NULL ? newline : end) - line);

		if (str_eq((struct str){.p = line, .n = n}, mark))
			return EXPOSITION_OPENMETRICS;
		line += n + 1;
	}
	return EXPOSITION_PROMETHEUS;
}
