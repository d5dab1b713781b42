play smoke.part
ack
after 1m
ann rolls back because wrong branch
expect cancelled
