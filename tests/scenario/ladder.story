# Rules R2, R3, R7: unacknowledged, refused, by hand, none left; older messages go on being retried.
play baking.part
ann rolls back by nothing
expect invalid "no rollback option nothing"
ann rolls back because users complain
expect message weight_zero
after 59s
expect not called
after 2s
expect unconfirmed
expect called
after 4m
expect option previous_version
expect because "the next option as well"
expect message redeploy version 1.3.0
expect called
ann rolls back by kill_switch because quick
expect refused "only a later option can jump ahead"
refuse previous_version
expect option by_hand
expect waiting "waits for a person to carry out rollback option by_hand and ack"
expect called
after 6m
expect failed
expect because "no rollback option is left"
expect waiting "the rollback failed"
expect legal retry rollback ack resolve note check
expect not legal pause resume start cancel promote approve
ann notes because calling the vendor
quin checks incident_note
ann pauses
expect refused "while the release is failed"
ann acks because I did it by hand
expect stabilising
expect because "a person carried out the way back"
after 40m
expect rolled_back
