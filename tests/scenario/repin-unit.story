# What was pushed in one unit is not read in another after a move: 20 % is not 0.2 of at most 5.
policy units.yaml
play cast.part
release
after 1m
ann pushes wrong 20
after 1m
expect paused in canary
rita repins units-mended.yaml because percent are numbers here
after 1m
rob resumes because the limit fits now
after 20m
expect running baking in canary
expect waiting "no measurement was pushed yet"
ann pushes wrong 3
after 15m
expect completed
