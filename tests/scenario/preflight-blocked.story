# The same in a preflight stage that waits for people only.
policy shop.yaml
play cast.part
release
play green.part
after 2m
expect running ready in go
health fails
after 30s
expect running ready in go
expect held ask:health
expect called
quin checks tests
rita approves
expect running ready in go
health ok
after 30s
expect running ready in go
ann acks
after 1m
expect running entering in canary
