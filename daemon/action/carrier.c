/* carrier - one row per kind of destination, and what those that speak through curl have in common.
 */
#include "action/carrier.h"

#include "loop/fetch.h"

static const struct carrier *const carriers[DESTINATION_KIND_COUNT] = {
        [DESTINATION_WEBHOOK] = &carrier_webhook,
        [DESTINATION_COMMAND] = &carrier_command,
        [DESTINATION_ALERTMANAGER] = &carrier_alertmanager,
        [DESTINATION_MAIL] = &carrier_mail,
};

const struct carrier *carrier_for(enum destination_kind kind)
{
	return carriers[kind];
}

struct carried carried_by_reply(const struct fetch_reply *reply)
{
	return (struct carried){
	        .how = reply->failure == FETCH_FORBIDDEN ? CARRIED_UNDELIVERABLE
	                                                 : CARRIED_UNANSWERED,
	        .status = reply->failure == FETCH_OK ? reply->status : 0,
	        .retry_after_ms = reply->retry_after_ms,
	        .elapsed_ms = reply->elapsed_ms,
	        .text = reply->err.text,
	};
}
