/* carrier - one row per kind of destination. */
#include "action/carrier.h"

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
