# Rules R4, R5: the old version has no traffic at night; a person looked, and settles it.
play half.part
ann rolls back
ack
expect stabilising
silence
after 3h
expect stabilising
expect waiting "a person must look, and may resolve"
expect legal resolve
ann resolves 1.3.0
expect invalid "needs a reason"
ann resolves because it runs
expect invalid "say which version is live"
ann resolves 1.3.0 because "looked at it by hand, orders go through"
expect resolved
expect because "a person settled it and named the live version (ann): 1.3.0"
expect not waiting "deadline"
ann resolves 1.3.0 because twice
expect repeat
expect legal note
expect not legal resolve rollback retry
