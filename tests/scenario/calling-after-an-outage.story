# Rule A8: the offsets count from the start of the cause, also while headgate did not run; nobody is left out or called
# twice.
play baking.part
sample error_rate 0.02
after 3m
expect paused
expect calling on_call for errors
down 40m
takeover
after 1s
expect news "raised errors release_manager; raised errors cto"
expect calling cto for errors
takeover
after 1h
expect not news
