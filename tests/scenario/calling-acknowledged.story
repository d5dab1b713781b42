# Rule A4: who acknowledges stops the escalation and changes nothing else; it stays to be seen until its cause is over.
play baking.part
sample error_rate 0.02
after 3m
expect paused
expect legal ack
ann acks errors
expect news "acknowledged errors on_call"
expect because "acknowledged by a person (ann): errors"
expect addressed errors by ann
expect paused
expect held errors
expect not waiting "errors: called"
expect not legal ack
bob acks errors
expect repeat "errors is acknowledged already by ann"
bob acks
expect repeat "acknowledged already by ann"
bob acks lunch
expect invalid "nothing asks under the name lunch"
after 1h
expect not news
sample error_rate 0.002
after 3m
rita resumes because fixed
expect news "ended errors on_call"
# The same cause again is a new call.
sample error_rate 0.02
after 3m
expect paused
expect news "opened errors on_call"
expect calling on_call for errors
after 15m
expect news "raised errors release_manager"
