/* retry - one row per class; what differs between the classes stands in the row. */
#include "action/retry.h"

#include "base/macros.h"

#define SECOND_MS INT64_C(1000)
#define HOUR_MS (INT64_C(3600) * SECOND_MS)

/* After the first failure at once, then ever longer. */
static const int64_t slow_delays[] = {0, 1000, 2000, 5000, 15000, 60000, 120000, 240000, 300000};
static const int64_t fast_delays[] = {0, 1000, 2000, 5000, 15000};

struct retry_class {
	const int64_t *delays; /* the last one is the cap */
	size_t ndelays;
	int64_t give_up_ms;         /* 0: never */
	int64_t retry_after_max_ms; /* how long a receiver may put us off */
	enum store_delivery permanent;
	bool retries_permanent;
};

/* clang-format off */
static const struct retry_class classes[] = {
	[MESSAGE_ADVANCE]      = { slow_delays, ARRAY_LEN(slow_delays), 72 * HOUR_MS, HOUR_MS,        DELIVERY_REFUSED, false },
	[MESSAGE_ROLLBACK]     = { fast_delays, ARRAY_LEN(fast_delays), 0,            60 * SECOND_MS, DELIVERY_REFUSED, true },
	[MESSAGE_NOTIFICATION] = { slow_delays, ARRAY_LEN(slow_delays), 24 * HOUR_MS, HOUR_MS,        DELIVERY_DEAD,    false },
};
/* clang-format on */
_Static_assert(ARRAY_LEN(classes) == MESSAGE_CLASS_COUNT, "one row per class");

int64_t retry_delay_ms(enum message_class class, int64_t attempts)
{
	const struct retry_class *c = &classes[class];
	size_t at = attempts > 1 ? (size_t)attempts - 1 : 0;

	return c->delays[at < c->ndelays ? at : c->ndelays - 1];
}

/* splitmix64: neighbouring seeds give unrelated values. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* +-20 %, in steps of 0.1 %; never beyond the class's cap. */
static int64_t spread(const struct retry_class *c, int64_t delay_ms, uint64_t seed)
{
	int64_t permille = 800 + (int64_t)(mix(seed) % 401);
	int64_t cap = c->delays[c->ndelays - 1];
	int64_t spread_ms = delay_ms * permille / 1000;

	return spread_ms < cap ? spread_ms : cap;
}

static int64_t next_delay_ms(const struct retry_class *c, const struct attempt *a)
{
	int64_t delay = retry_delay_ms(a->class, a->attempts);
	int64_t asked = a->retry_after_ms;

	delay = spread(c, delay, a->seed);
	if (asked > c->retry_after_max_ms)
		asked = c->retry_after_max_ms;
	return asked > delay ? asked : delay;
}

/* Taken again and again without a callback is given up like silence, after the last one's time. */
static struct retry taken(const struct retry_class *c, const struct attempt *a)
{
	if (a->callback_ms == 0)
		return (struct retry){.how = DELIVERY_ACKNOWLEDGED, .retry_ms = -1};
	if (c->give_up_ms > 0 && a->age_ms >= c->give_up_ms + a->callback_ms)
		return (struct retry){.how = DELIVERY_DEAD, .retry_ms = -1};
	return (struct retry){.how = DELIVERY_TAKEN, .retry_ms = a->callback_ms};
}

struct retry retry_decide(const struct attempt *a)
{
	const struct retry_class *c = &classes[a->class];

	if (a->how == CARRIED_OK)
		return taken(c, a);
	if (a->how == CARRIED_REFUSED || a->how == CARRIED_UNDELIVERABLE)
		return (struct retry){
		        .how = c->permanent,
		        .retry_ms = c->retries_permanent ? next_delay_ms(c, a) : -1,
		};
	if (c->give_up_ms > 0 && a->age_ms >= c->give_up_ms)
		return (struct retry){.how = DELIVERY_DEAD, .retry_ms = -1};
	return (struct retry){.how = DELIVERY_RETRY, .retry_ms = next_delay_ms(c, a)};
}

struct retry retry_decide_callback(const struct attempt *a, bool ok)
{
	struct attempt as = *a;

	as.how = ok ? CARRIED_OK : CARRIED_REFUSED;
	as.callback_ms = 0;
	return retry_decide(&as);
}

bool retry_claim_stands(enum message_class class, int64_t since_ms, int64_t claim_ms,
                        int64_t timeout_ms)
{
	return since_ms + (class == MESSAGE_ROLLBACK ? 1 : timeout_ms) <= claim_ms;
}
