# What dampens goes first and holds nothing up: not its pendency, not its refusal; and only once.
play careful.part
ann rolls back because users complain
expect message flags_off
expect message workers_paused
expect message weight_zero
expect not message
expect waiting "2 of the dampening actions (flags_off, workers_paused) not acknowledged yet"
expect waiting "waits for 1 acknowledgement of rollback option kill_switch"
refuse dampening
expect option kill_switch
ack
expect stabilising
expect waiting "2 of the dampening actions"
expect message health
expect message claim_dry_run version 1.3.0
ack smoke
mia rolls back by last_config because not enough
expect message redeploy                      # what dampens is not sent again
expect not message
ack dampening
expect not waiting "dampening"
ack
expect stabilising
expect open 2                                # the first smoke tests were acknowledged
