/*
 * page_fetch - a metrics page from a URL, for commands that may wait for it.
 */
#include "cli/page_fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 10000L
#define CONTENT_TYPE_MAX 128

bool page_is_url(const char *path)
{
	return strncmp(path, "http://", 7) == 0 || strncmp(path, "https://", 8) == 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct buf *out = ctx;

	buf_add(out, bytes, size * count);
	return out->failed == ERR_NONE ? size * count : 0;
}

static bool ask(CURL *easy, const char *url, const struct curl_slist *headers, struct buf *out,
                char *why)
{
	return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, out) == CURLE_OK &&
	       curl_easy_perform(easy) == CURLE_OK;
}

static bool judge(CURL *easy, enum exposition_format *out_format, struct err *err)
{
	const char *type = NULL;
	long status = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
	if (status != 200)
		return err_set(err, ERR_UNAVAILABLE, "answered %ld instead of a page", status);
	return exposition_format_of(str_of(type), out_format, err);
}

bool page_fetch(const char *url, struct buf *out, enum exposition_format *out_format,
                struct err *err)
{
	struct curl_slist *headers =
	        curl_slist_append(NULL, "Accept: application/openmetrics-text;version=1.0.0,"
	                                "text/plain;version=0.0.4;q=0.5,*/*;q=0.1");
	CURL *easy = curl_easy_init();
	char why[CURL_ERROR_SIZE] = "";
	bool ok = false;

	if (easy == NULL || headers == NULL)
		(void)err_set(err, ERR_NOMEM, "no memory");
	else if (!ask(easy, url, headers, out, why) && buf_ok(out, err))
		(void)err_set(err, ERR_UNAVAILABLE, "cannot be fetched: %s",
		              why[0] != '\0' ? why : "no answer");
	else
		ok = out->failed == ERR_NONE && judge(easy, out_format, err);
	curl_slist_free_all(headers);
	curl_easy_cleanup(easy);
	return ok;
}
