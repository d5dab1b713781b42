# Rule R5.
play half.part
ann rolls back because users complain
expect message weight_zero
refuse
expect failed
ann acks
ann rolls back
expect repeat
ann retries
expect rolling_back
expect message weight_zero
ack
expect stabilising
