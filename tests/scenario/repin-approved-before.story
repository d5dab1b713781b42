# What was approved by a policy is void when the release is moved, also when it comes back to it; and whoever approved
# may do so again.
policy repin.yaml
play cast.part
release start +1h
rita approves because all is ready
rita repins repin-back.yaml because of a whim
rob repins repin.yaml because it was one
sample requests 500
sample error_rate 0.002
after 1h
expect running ready in go
expect waiting "approval release_manager: 0 of 1"
rita approves because all is ready
after 1m
expect running entering in canary
