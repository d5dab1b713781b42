# A smoke test that is answered badly calls people once, and at the deadline it is a breach.
play careful.part
ann rolls back restored because users complain
ack
expect stabilising
fail smoke
expect not called
after 59s
expect not called
after 2s
expect called
expect because "a smoke test of the way back fails: claim_dry_run"
expect calling on_call for smoke
expect waiting "claim_dry_run fails: green time does not count yet"
after 50m
expect stabilising
expect not called
expect message flags_off
expect message workers_paused
expect message weight_zero
expect message health
expect message claim_dry_run
after 10m
expect rolling_back
expect option after_restore
expect because "it did not stabilise in time: the next option by after_restore: a smoke test fails"
expect message redeploy_restored
expect open 5                                # two that dampen, two smoke tests, and the option itself
ack
expect stabilising
expect message health
expect message claim_dry_run
expect open 4                                # the older smoke tests are closed
ack smoke
after 12m
expect rolled_back
