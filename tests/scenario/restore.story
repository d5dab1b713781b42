# Rule R7: an irreversible migration closes its options until a person confirms the restore.
policy shop.yaml
play cast.part
release migration irreversible
play green.part
after 2m
quin checks tests
rita approves
ack
after 2m
ann rolls back by previous_version because users complain
expect refused "requires a reversible migration"
ann rolls back because users complain
expect option kill_switch
refuse
expect option by_hand                      # previous_version is passed over
ann rolls back restored because the data is back
expect because "the data is restored"
ann rolls back restored
expect repeat
