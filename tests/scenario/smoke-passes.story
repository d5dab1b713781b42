# Rule R4: green time counts only once every smoke test is acknowledged.
play careful.part
ann rolls back because users complain
ack
expect stabilising
expect waiting "waits for 2 acknowledgements of smoke tests (health, claim_dry_run): green time does not count yet"
after 20m
expect stabilising
expect bake 0s
expect not called
ack smoke
expect because "every smoke test is acknowledged"
expect decision lease
after 9m
expect stabilising
after 2m
expect rolled_back
expect open 0
