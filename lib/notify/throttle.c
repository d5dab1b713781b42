/* throttle - a bucket that refills evenly: so many messages at once, and so many in each period. */
#include "notify/notify.h"

bool notify_bucket_take(struct notify_bucket *b, const struct notify_throttle *throttle,
                        int64_t now_ms, bool is_urgent, int64_t *out_held_back)
{
	int64_t full = throttle->messages * throttle->per_ms;
	int64_t passed = now_ms > b->at_ms ? now_ms - b->at_ms : 0;
	bool has_room;

	if (!b->begun || passed >= throttle->per_ms)
		b->left = full;
	else
		b->left += passed * throttle->messages;
	if (b->left > full)
		b->left = full;
	b->begun = true;
	b->at_ms = now_ms;
	has_room = b->left >= throttle->per_ms;
	if (!has_room && !is_urgent) {
		b->held_back++;
		return false;
	}
	/* What is urgent counts for the others as far as there is room. */
	b->left = has_room ? b->left - throttle->per_ms : b->left;
	*out_held_back = b->held_back;
	b->held_back = 0;
	return true;
}

void notify_bucket_put_back(struct notify_bucket *b, const struct notify_throttle *throttle,
                            bool was_ok, int64_t held_back)
{
	if (was_ok) {
		b->left += throttle->per_ms;
		b->held_back += held_back;
	} else if (b->held_back > 0) {
		b->held_back--;
	}
}
