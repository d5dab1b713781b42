# Rule E5 where nothing is exposed: no data in a gate that counts before the start.
policy shop.yaml
play cast.part
release
after 5m
expect running ready in go
expect held evidence
quin checks tests
rita approves
after 2h
expect running ready in go
expect called
play green.part
after 2m
expect running entering in canary
