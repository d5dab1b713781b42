# Blue/green with three steps of a canary; blue goes when somebody says so, not sooner than a quarter of an hour after.
play erp-major.part
after 1h
expect running entering in extended
expect message set_weight weight 25
ack
after 1h2m
expect message set_weight weight 50
ack
after 1h2m
expect running entering in switch
expect message set_weight weight 100
ack
after 20m
expect running ready in switch
expect waiting "waits for promote"
rita promotes because blue is not needed any more
expect running entering in post-checks
expect message shut_down_blue replicas 0
ack
# Blue is gone: to switch back is refused, and the previous version is deployed in its place.
after 5m
health fails
after 1m
expect rolling_back
expect option switch_back
expect message flag_off
expect message weight_zero
refuse
expect option previous_version
expect message redeploy version 1.5.0
health ok
ack previous_version
expect stabilising
after 7m
expect rolled_back
