# Rule A3: neither an approve nor a retry sends the stage's actions while it is frozen.
play canary.part
mia rejects full because the texts are not checked
freeze "quarter end"
mia approves full because now they are
expect refused "frozen: quarter end"
expect paused
thaw
mia approves full because now they are
expect running entering
expect decision thaw
expect message set_weight
refuse
expect held action:set_weight
freeze "quarter end"
expect waiting "frozen: quarter end"
expect not legal retry
ann retries
expect refused "frozen: quarter end"
expect not message
thaw
ann retries
expect decision thaw
expect message set_weight
freeze "quarter end"
ack
after 2m
expect running baking
ann pauses because "this one sends nothing"
ann resumes because "so it may"
expect running baking
ann rolls back because "a freeze stops no rollback"
expect rolling_back
