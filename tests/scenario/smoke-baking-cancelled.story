play smoke.part
ack
after 1m
expect running baking
ann cancels because wrong branch
expect cancelled
