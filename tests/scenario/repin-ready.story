# Baked and green by the old policy proves nothing by the new one: the bake begins anew.
policy repin.yaml
play cast.part
release
rita approves because all is ready
sample requests 500
sample error_rate 0.002
ack
after 15m
expect running ready in canary
rita repins repin-back.yaml because ten minutes are too few
expect running baking in canary
expect bake 0s
expect waiting "no evaluation of this stage yet"
sample requests 500
sample error_rate 0.002
after 12m
rob repins repin.yaml because they were enough
expect running baking in canary
sample requests 500
sample error_rate 0.002
after 9m
expect running baking in canary
after 4m
expect running ready in canary
