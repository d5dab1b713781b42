# promotion: manual: baked and green is not enough; everything people do while it is ready.
play half.part
expect waiting "waits for promote: the stage is left by hand"
after 30m
expect running ready in half
ann promotes because looks good
expect refused "check smoke"
quin checks smoke
ann promotes because looks good
expect refused "approval release_manager: 0 of 1"
rita waives errors in full because broken there
ann acks
expect refused "nothing to acknowledge"
ann notes because asked rita
rita approves
after 1m
expect running ready
ann promotes because looks good
expect running baking in full
expect because "all that was missing"
after 15m
expect completed
