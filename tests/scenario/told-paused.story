# A pause that a person ends, a silence, and a rollback after it: what is told of each.
policy waves.yaml
play cast.part
release start manual
sample requests 1000
sample error_rate 0.001
after 25h
ann starts
quin checks migrations-dry-run
after 1m
ack
expect told scheduler.release.planned scheduler.release.started scheduler.release.wave1
ann pauses
bob pauses
expect told scheduler.release.paused
bob resumes because fine
expect told scheduler.release.resumed
after 1m
silence
after 2m
expect told notification.release.held
sample requests 1000
sample error_rate 0.001
after 3m
expect told notification.release.evidence_back
ann pauses
ann rolls back because enough
expect told scheduler.release.paused notification.rollback.initiated
