/*
 * gunzip - unpacks a gzip stream piece by piece, and knows whether it was whole.
 *
 * Curl would do it too, and take a stream that ends too early for a whole one.
 */
#ifndef LOOP_GUNZIP_H
#define LOOP_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

struct gunzip;

struct gunzip *gunzip_new(void); /* NULL without memory */
void gunzip_free(struct gunzip **g);

enum gunzip_result { GUNZIP_OK = 0, GUNZIP_BAD, GUNZIP_STOPPED };
/* Hands what is unpacked to sink(), in pieces of at most 16 KiB; stops when that returns false. */
enum gunzip_result gunzip_feed(struct gunzip *g, const char *bytes, size_t n,
                               bool (*sink)(void *ctx, const char *bytes, size_t n), void *ctx);
/* Checksum and length at the end were there and right; several streams may follow each other. */
bool gunzip_is_whole(const struct gunzip *g);

#endif
