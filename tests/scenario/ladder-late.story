# Rule R3: a late acknowledgement of an option passed over counts.
play baking.part
ann rolls back because users complain
refuse
expect option previous_version
ack kill_switch
expect stabilising
expect open 1
after 40m
expect rolled_back
expect decision closes
expect open 0
