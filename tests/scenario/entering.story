# Rules A1, A2, H2, H3: what people do while messages are out.
play canary.part
rita waives errors in full because its counter is broken
rita approves full
quin checks smoke
ann notes because the deployer is slow today
ann acks
expect refused "nothing to acknowledge"
after 4m
expect not called
after 2m
expect because "not acknowledged in time"
expect called
expect running entering
ann retries
expect message set_weight weight 10
expect because "send the stage's actions again"
refuse
expect held action:set_weight
expect called
expect waiting "action set_weight was refused"
ann retries
expect not held action:set_weight
expect message set_weight
ann pauses because let us look first
expect paused
expect decision parks
ann resumes because looked
expect running entering
expect message set_weight weight 10
ack
expect running baking
