# A policy turns out wrong in the middle of a release: a named person moves it to the mended one.
policy repin.yaml
play cast.part
release start +1h
expect legal repin
# Before the start as well: to another policy and back.
rita repins repin-back.yaml because of a whim
expect planned
rob repins repin.yaml because it was one
after 1h
expect running ready in go
rita approves because all is ready
sample requests 500
sample error_rate 0.002
after 2m
expect running entering in canary
expect message set_weight weight 10
expect not legal repin
rita repins repin-mended.yaml because the limit is wrong
expect refused "repin is not possible while the release is running/entering"
ack
after 5m
sample error_rate 0.02
after 1m
expect paused in canary
expect held errors
rita waives errors because the limit is wrong
ann repins repin-mended.yaml because the limit is wrong
expect denied "repin belongs to role release_manager, which you do not hold"
dora repins repin-mended.yaml because the limit is wrong
expect denied "dora may not repin a release of their own"
rita repins repin-mended.yaml
expect invalid "repin needs a reason"
rita repins repin-wider.yaml because it is faster
expect invalid "stage canary of policy repin differs in kind, weight or flags"
rita repins repin.yaml because nothing is new
expect repeat "it is on this policy already"
rita repins repin-mended.yaml because the limit is wrong
expect paused in canary
expect because "moved to another policy by a person"
expect decision restarts
expect decision forgets
expect held errors
# What was waived and measured is gone; the pause is still a person's to end.
expect bake 0s
sample requests 500
sample error_rate 0.02
after 1m
rob resumes because the limit fits now
expect running baking in canary
after 14m
expect running ready in canary
expect waiting "waits for promote"
rita repins repin.yaml because of a whim
expect denied "policy repin lets nobody move a release: its repin_by is empty"
rita promotes because it is green
after 1m
expect running entering in full
