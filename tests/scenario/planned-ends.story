# Rule R1: nothing exposed, so cancel and rollback both end in cancelled.
policy shop.yaml
play cast.part
release start manual
ann cancels
expect invalid "cancel needs a reason"
ann cancels because the branch was wrong
expect cancelled
ann cancels because again
expect repeat
ann rolls back
expect repeat
ann notes because see the next attempt
ann starts
expect refused "start is not possible while the release is cancelled; possible now: note"
expect not legal start cancel rollback
