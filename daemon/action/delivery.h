/*
 * delivery - carries outbox rows to their destinations, at least once, under an id that stays.
 *
 * Claims are made in the database (SKIP LOCKED), so any number of instances may deliver. What a
 * message says is a desired state; its receiver may see it more than once and orders it by (epoch,
 * fence). A rollback is never given up. Wire: daemon/action/webhook.c and docs/receiver.md.
 */
#ifndef ACTION_DELIVERY_H
#define ACTION_DELIVERY_H

#include <stdint.h>

#include "base/err.h"

struct app;
struct delivery;

struct delivery *delivery_new(struct app *app, struct err *err);
void delivery_free(struct delivery **d);
/* Something was committed: claim at once. Otherwise the outbox is polled every 250 ms. */
void delivery_kick(struct delivery *d);
/* The daemon stops: nothing is claimed any more, commands under way are ended. done() is called once
 * they are gone and that is recorded; perhaps from within. */
void delivery_stop(struct delivery *d, void (*done)(void *ctx), void *ctx);
/* The database is back or away. */
void delivery_store_changed(struct delivery *d);

#endif
