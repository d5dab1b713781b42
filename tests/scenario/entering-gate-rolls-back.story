play canary.part
health fails
after 1m
expect rolling_back
expect option kill_switch
expect because "health"
expect called
