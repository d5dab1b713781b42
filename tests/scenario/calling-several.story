# Rules A4, A8: several causes are called for one by one, and one word acknowledges them all.
play baking.part
sample tickets 5
after 1m
expect news "opened ask:tickets on_call"
after 10m
sample error_rate 0.02
after 3m
expect paused
expect news "opened errors on_call"
expect calling on_call for ask:tickets
after 3m
expect news "raised ask:tickets release_manager"
expect calling on_call for errors
ann acks tickets
expect addressed ask:tickets by ann
expect calling on_call for errors
after 12m
expect news "raised errors release_manager"
bob acks
expect addressed errors by bob
expect addressed ask:tickets by ann
sample tickets 0
after 1m
expect news "ended ask:tickets release_manager"
# A rollback ends what was called for on the way out.
ann rolls back because enough
expect news "ended errors release_manager"
expect not calling
