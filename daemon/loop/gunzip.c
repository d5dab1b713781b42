/* gunzip - zlib's streaming interface behind three functions. */
#include "loop/gunzip.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define PIECE_BYTES 16384
#define GZIP_ONLY (15 + 16) /* largest window; no zlib streams */

struct gunzip {
	z_stream z;
	bool is_whole;
};

struct gunzip *gunzip_new(void)
{
	struct gunzip *g = calloc(1, sizeof(*g));

	if (g && inflateInit2(&g->z, GZIP_ONLY) != Z_OK) {
		free(g);
		g = NULL;
	}
	return g;
}

void gunzip_free(struct gunzip **g)
{
	if (!*g)
		return;
	(void)inflateEnd(&(*g)->z);
	free(*g);
	*g = NULL;
}

/* One piece of output; false: the stream is broken. */
static bool unpack(struct gunzip *g, char out[PIECE_BYTES], size_t *out_n)
{
	int code;

	if (g->is_whole && inflateReset(&g->z) != Z_OK) /* another one follows */
		return false;
	g->is_whole = false;
	g->z.next_out = (unsigned char *)out;
	g->z.avail_out = PIECE_BYTES;
	code = inflate(&g->z, Z_NO_FLUSH);
	*out_n = PIECE_BYTES - g->z.avail_out;
	g->is_whole = code == Z_STREAM_END;
	/* Z_BUF_ERROR: all that came is used up. */
	return code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR;
}

enum gunzip_result gunzip_feed(struct gunzip *g, const char *bytes, size_t n,
                               bool (*sink)(void *ctx, const char *bytes, size_t n), void *ctx)
{
	char out[PIECE_BYTES];
	size_t made = 0;

	g->z.next_in = (unsigned char *)(size_t)bytes;
	g->z.avail_in = (unsigned)n;
	while (g->z.avail_in > 0 || made == PIECE_BYTES) {
		if (g->z.avail_in == 0 && g->is_whole)
			break;
		if (!unpack(g, out, &made))
			return GUNZIP_BAD;
		if (made > 0 && !sink(ctx, out, made))
			return GUNZIP_STOPPED;
	}
	return GUNZIP_OK;
}

bool gunzip_is_whole(const struct gunzip *g)
{
	return g->is_whole;
}
