policy shop.yaml
play cast.part
release migration irreversible
play green.part
after 2m
quin checks tests
rita approves
ack
after 2m
ann rolls back
ack
expect stabilising
ann rolls back restored because the data is back
expect stabilising
sample error_rate 0.3
after 3h
expect because "it did not stabilise in time: the next option by previous_version"
expect message set_weight
expect message weight_zero
expect message redeploy
