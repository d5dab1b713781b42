# Everything people may do while a stage bakes.
play baking.part
rita waives errors because the counter is broken
rita waives errors because again
expect repeat
dora waives errors in full because mine
expect denied "may not waive"
ann waives errors in full because please
expect denied "may be waived by role release_manager"
rita waives health because it is noisy
expect denied "cannot be waived"
rita waives latency because there is no such gate
expect invalid "no gate latency"
rita waives errors in go because too late
expect refused "stage go is left already"
rita approves full
rita approves full
expect repeat
rob approves full as medical_lead
expect denied "you do not hold role medical_lead"
dora approves full
expect denied "of their own"
ci-bot approves full
expect denied "only a person may approve"
rita approves go
expect refused "stage go is left already"
rita approves watch
expect refused "asks for no approval"
rita approves nowhere
expect invalid "no stage nowhere"
ci-bot checks smoke see http://ci/7
ci-bot checks smoke see http://ci/7
expect repeat
ann checks smoke open
expect denied "belongs to role qa"
quin checks smoke open
quin checks lunch
expect invalid "has a check lunch"
ann acks
expect refused "nothing to acknowledge"
ann acks errors
expect invalid "nothing asks under the name errors"
ann notes
expect invalid "note needs a reason"
ann notes because we are watching
ann retries
expect refused "no action was refused"
ann cancels because oops
expect refused "use rollback"
ann starts
expect refused "start is not possible"
mia rejects full because not yet
expect paused
expect held rejected:medical_lead
mia approves full because now
expect running baking
