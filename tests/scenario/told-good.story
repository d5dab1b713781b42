# The ten lines of the runbook's event sequence, nothing between them, and when.
policy waves.yaml
play cast.part
release start +24h5m
sample requests 1000
sample error_rate 0.001
expect told scheduler.release.planned
after 10m
expect told notification.maintenance.scheduled
after 24h
quin checks migrations-dry-run
expect told scheduler.release.started
ack
expect told scheduler.release.wave1
after 20m
ack
expect told scheduler.release.wave2
after 35m
ack
expect told scheduler.release.wave3
after 15m
expect running in post-checks
expect told scheduler.release.completed
after 35m
expect completed
expect told analytics.release.metrics notification.release.successful audit.release.logged
