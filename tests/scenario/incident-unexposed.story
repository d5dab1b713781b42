# Nothing is exposed: nothing to roll back, so a critical incident holds it and calls people.
policy shop.yaml
play cast.part
release
play green.part
after 2m
expect running ready in go
incident P0 "another service is down"
expect paused
expect held incident:1
expect called
quin checks tests
rita approves
after 5m
expect paused
ann resumes because it has nothing to do with this
after 1m
expect running entering in canary
