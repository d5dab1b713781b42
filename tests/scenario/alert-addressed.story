# Rule A4: an alert that a person takes care of fires on and counts no more, for this release.
policy alerted.yaml
play cast.part
release
after 2m
expect running baking in full
expect not legal ack
alerts fire
after 30s
expect paused
expect held critical
expect waiting "1 alert fires: Burning"
expect legal ack
ann resumes because it is the old one
expect refused "gate critical still breaches"
ann acks alert "f 1"
expect invalid "is no fingerprint"
ci-bot acks alert f1
expect denied "a person takes care of an alert"
ann acks alert f9 because it may come
expect invalid "no gate of the release knows of an alert f9 that fires"
ann acks alert f1 because the fan is known to be loud
expect because "acknowledged by a person (ann): f1: the fan is known to be loud"
expect paused
bob acks alert f1
expect repeat "alert f1 is addressed already by ann"
after 30s
ann resumes because it is taken care of
expect running baking
# It is kept over a takeover.
takeover
after 11m
expect completed
