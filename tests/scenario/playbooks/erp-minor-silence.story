# Missing evidence at each stage: nothing bakes, it is recorded and told, people are called, and nothing moves.
policy ../../../config/policies/erp-minor.yaml
play cast.part
release service document-domain version 1.3.0 stable 1.2.4 artifact valero-neuroerp:1.3.0 start +24h link release_notes link rollback_plan param feature=x
play erp-numbers.part
pat checks changelog
dora checks version_and_image
quin checks tests
rita checks stakeholders_informed
rita approves preparation
quin checks schema_compatibility
dora checks migration_dry_run
# Pre-checks: the services' health is not known.
health unknown
after 24h5m
expect running in preparation
expect waiting "gate health"
after 1h
expect running in preparation
expect called
health ok
after 18m
expect running entering in wave1
# Not acknowledged: the receiver has it, nobody knows.
after 10m
expect running entering in wave1
expect called
ack
# In every wave: metrics, one by one and all.
silence error_rate
after 20m
expect running baking in wave1
expect held evidence
expect waiting "gate errors"
expect bake 0s
play erp-numbers.part
after 17m
expect running entering in wave2
ack
integrity unknown
after 2h
expect running baking in wave2
expect waiting "gate integrity"
expect called
integrity broken
after 1h
expect running baking in wave2
integrity ok
stale
after 40m
expect running baking in wave2
play erp-numbers.part
after 34m
expect running entering in wave3
ack
sample requests 20
after 30m
expect running baking in wave3
expect waiting "gate errors: insufficient"
play erp-numbers.part
after 14m
expect running baking in post-checks
silence consumer_lag
after 2h
expect running baking in post-checks
expect bake 0s
# The daemon itself is away for an hour: time in which nobody looked is not green time.
play erp-numbers.part
after 10m
down 1h
after 15m
expect running baking in post-checks
