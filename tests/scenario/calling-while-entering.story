# Rule A8: unacknowledged actions call people; sending them anew ends the call and may begin another.
play canary.part
after 6m
expect calling on_call for entering
after 15m
expect running entering
expect news "raised entering release_manager"
ann retries
expect news "ended entering release_manager"
after 5m
expect news "opened entering on_call"
ann acks
after 1h
expect not news
ack
expect running baking
expect news "ended entering on_call"
