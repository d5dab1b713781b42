# 10 % and then everybody; above 1 % it pauses, above 2 % it goes back and asks nobody.
play erp-patch.part
after 15m
expect running entering in full
expect message set_weight weight 100
ack
after 17m
expect running baking in post-checks
quin checks uat_smoke_tests
after 31m
expect completed
# Within a day a person may still go back.
after 20h
rita rolls back because the rounding is wrong after all
expect rolling_back
expect message weight_zero weight 0
play erp-back.part
