# Rules H1, H2, V2: what may happen before the start, and what keeps a release from starting.
policy shop.yaml
play cast.part
release start manual
play green.part
expect planned
expect waiting "waits for start: it is started by hand"
expect legal start pause cancel rollback approve reject check waive note
expect not legal resume promote ack retry resolve
after 1h
expect planned
ann pauses for 10m because the team is at lunch
expect planned
expect held person:ann
ann pauses for 10m
expect repeat
ann starts
expect refused "it may not start: hold person:ann: the team is at lunch"
after 11m
expect planned
expect not held person:ann
expect because "a person's hold expired"
ann pauses because wait for the marketing people
bob resumes
expect invalid "resume needs a reason"
bob resumes because they are back
expect planned
expect not held person:ann
rita rejects go as release_manager because the changelog is empty
expect held rejected:release_manager
bob resumes because let us go
expect refused "only an approve by role release_manager clears that"
ann pauses
bob resumes because back again
expect because "others stay"
expect held rejected:release_manager
rita approves go because now it is written
expect not held rejected:release_manager
quin checks tests
rita waives errors in canary because the counter is broken, see 4711
dora notes because all set
freeze "quarter end"
ann starts
expect refused "frozen: quarter end"
expect waiting "frozen: quarter end"
thaw
pair busy
ann starts
expect refused "another release of shop in prod is active"
pair free
reentry open root_cause
ann starts
expect refused "re-entry after the last rollback is open: root_cause"
reentry closed
ann retries
expect refused "no action was refused"
ann starts
expect running
after 2m
expect because "baked, green"
