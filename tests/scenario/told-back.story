# The five lines of the runbook's rollback sequence: a gate asked for it.
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
after 5m
sample error_rate 0.05
after 2m
expect rolling_back
ack
sample error_rate 0.001
after 40m
expect rolled_back
expect told scheduler.release.paused notification.rollback.initiated scheduler.release.rolledback notification.rollback.completed audit.rollback.logged
