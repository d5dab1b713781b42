# Rules A5, A8: whoever looks after a rollback that failed has not seen the incident that is reported later: people are
# called for it, level by level, however many calls were acknowledged.
policy calling.yaml
play cast.part
release
play green.part
after 4m
ann rolls back because users complain
refuse
after 10m
expect failed
bob acks failed
incident P1 "orders are lost"
expect failed
expect news "opened incident:1 on_call"
after 2m
expect news "raised incident:1 release_manager"
bob acks incident:1
expect addressed incident:1 by bob
incident P0
expect news "opened incident:2 on_call"
bob acks because it is switched off now
expect stabilising
expect calling on_call for incident:2
after 15m
expect rolled_back
