# Many small ones ask; one of a key is one.
policy incidents.yaml
play cast.part
release
ack
after 1m
reported P3 a
reported P3 a
reported P3 a
reported P3 b
after 1m
expect running baking in canary
expect not held ask:noise
reported P3
reported P3
after 15s
expect held ask:noise
ann acks
after 2h
expect not held ask:noise
# What nobody could ask for is not none.
store away
after 3m
store back
expect waiting "noise: stale: the newest answer of the database is"
