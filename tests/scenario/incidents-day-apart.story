# Exactly 24 hours after the first one it is the only one.
policy incidents.yaml
play cast.part
reported P1
release start +23h
at 23h
ack
at 24h reported P0
after 1m
expect not held twice
expect running ready in canary
# A day from that one on it counts as the first.
at 47h59m59s reported P1
after 15s
expect rolling_back
