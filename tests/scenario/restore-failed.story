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
after 20m
expect failed
ann rolls back restored because the data is back
expect failed
ann rolls back by previous_version because now it may
expect rolling_back
expect option previous_version
