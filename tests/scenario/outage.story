# Rule B1: what was not observed does not count; a long gap restarts the bake.
play baking.part
after 10m
down 30m
expect running baking
after 2m
expect waiting "of 15m observed green"
after 5m
expect running baking
after 10m
expect running entering in full
