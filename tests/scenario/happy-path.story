# From the Go/No-Go to the last look: every stage bakes its time, and people give what is theirs to give.
policy shop.yaml
play cast.part
release version 1.4.0 stable 1.3.0
expect running ready in go                 # bake done (there is none), but people are missing
sample requests 500
sample error_rate 0.002
sample tickets 0
after 2m
expect waiting "check tests (owner qa) is open"
expect waiting "approval release_manager: 0 of 1"
expect not waiting "baking"
quin checks tests see http://ci/42
dora approves because it is mine
expect denied "may not approve a release of their own"
rita approves because all boxes are ticked
expect running entering in canary
expect because "baked, green"
expect message set_weight weight 10
expect waiting "waits for 1 acknowledgement of set_weight"
expect legal pause rollback note waive
expect not legal cancel start resume promote retry resolve
ack
expect running baking in canary
after 2m
expect waiting "of 15m observed green"
expect not waiting "gate"
after 17m
expect running entering in full
expect because "every gate held for the whole bake"
expect message set_weight weight 100
expect message warm_cache
ack
after 40m
expect running ready in full
expect waiting "approval medical_lead: 0 of 1"
rita approves
mia approves
expect waiting "check smoke (owner qa) is open"
quin checks smoke
expect running baking in watch            # nothing to send: it bakes at once
expect not message
after 40m
expect completed
expect because "every gate held through the last stage"
expect not legal pause resume promote cancel
expect legal rollback note
dora notes because well done
expect because "well done"
