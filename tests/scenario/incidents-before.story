# What was reported before this exposure does not speak against it; the fix of two incidents may go out. A third does.
policy incidents.yaml
play cast.part
reported P0
release start +2h
at 1h reported P0
at 2h
ack
after 10m
expect running baking in canary
expect not waiting "twice"
# The same incident that got worse, under its key, is one.
reported P3 PD-7
reported P1 PD-7
after 15s
expect rolling_back
expect because "3 critical incidents in 1d"
