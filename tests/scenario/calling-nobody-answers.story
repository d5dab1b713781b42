# Rule A8: a gate paused the release and nobody answers: on call at once, the release manager after 15 minutes, the
# CTO after 30; each of them once, whatever else happens to the release.
play baking.part
sample error_rate 0.02
after 3m
expect paused
expect news "opened errors on_call"
expect calling on_call for errors
expect waiting "errors: called on_call at"
expect waiting "release_manager follows at"
ann notes because I see it
bob pauses because me too
after 11m
expect not news
after 3m
expect news "raised errors release_manager"
expect because "nobody acknowledged in time: the next level is called: release_manager: a gate paused the release: errors"
expect calling release_manager for errors
expect waiting "cto follows at"
after 15m
expect news "raised errors cto"
expect waiting "errors: called cto at"
expect waiting "nobody has acknowledged yet"
after 30m
expect not news
expect paused
sample error_rate 0.002
after 3m
expect calling cto for errors              # the gate passes again, and yet it is held
rita resumes because fixed
expect news "ended errors cto"
expect not calling
