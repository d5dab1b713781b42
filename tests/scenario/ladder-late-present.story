# The same for the only option there is.
play half.part
ann rolls back
refuse
expect failed
ack
expect stabilising
