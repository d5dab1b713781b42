# From failed any option may be tried again.
play baking.part
ann rolls back
after 20m
expect failed
ann rolls back by kill_switch because the deployer is back
expect rolling_back
expect option kill_switch
ack
expect stabilising
