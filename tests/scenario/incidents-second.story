# Rule A5: the second critical incident within 24 hours rolls back, whichever release the first was about.
policy incidents.yaml
play cast.part
reported P1
release start +23h
at 23h
ack
# To the second: 24 h minus 1 s after the first one.
at 23h59m59s
expect running ready in canary
reported P0
after 15s
expect rolling_back
expect because "2 critical incidents in 1d"
