/* url_text - one way to write what does not belong to the syntax of a URL. */
#include "source/url_text.h"

#include <string.h>

void url_add_encoded(struct buf *out, struct str text)
{
	static const char unreserved[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (size_t i = 0; i < text.n; i++) {
		if (memchr(unreserved, text.p[i], sizeof(unreserved) - 1) != NULL)
			buf_add_char(out, text.p[i]);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)text.p[i]);
	}
}

void url_add_param(struct buf *out, const char *name, struct str value)
{
	if (out->n > 0)
		buf_add_char(out, '&');
	url_add_encoded(out, str_of(name));
	buf_add_char(out, '=');
	url_add_encoded(out, value);
}
