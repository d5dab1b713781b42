# Rules R1, R3, R4, A6: back by a person, watched until it is stable, and what the next one owes.
play baking.part
ann rolls back because users complain
expect rolling_back
expect because "rollback decided by a person by kill_switch (ann): users complain"
expect message weight_zero weight 0
expect waiting "waits for 1 acknowledgement of rollback option kill_switch"
ann rolls back
expect repeat
ann rolls back by kill_switch
expect repeat
ann pauses
expect refused "pause is not possible while the release is rolling_back"
ann cancels because x
expect refused "use rollback"
ann notes because see 4713
ann acks
expect refused "nothing to acknowledge"
quin checks incident_note see http://wiki/4713
ack
expect stabilising
expect waiting "stabilising: 0s of 30m observed green"
after 10m
ann rolls back by kill_switch
expect repeat
ann pauses
expect refused "while the release is stabilising"
ann acks
expect refused "nothing to acknowledge"
ann notes because it looks better
quin checks root_cause
quin checks root_cause open
after 25m
expect rolled_back
expect because "green for long enough"
expect decision lease
quin checks root_cause
quin checks smoke
expect invalid "check smoke"
ann rolls back
expect repeat
ann notes because done
expect legal note check
expect not legal rollback resume pause start cancel
