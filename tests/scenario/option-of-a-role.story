# Rule R7: only a person who holds the role takes that option; the ladder and everybody else pass over it.
play careful.part
ann rolls back by last_config because users complain
expect denied "only a person who holds role medical_lead may take it, by its name"
ci-bot rolls back by last_config
expect denied
mia rolls back because users complain         # who names none means the way that is open to everybody
expect option kill_switch
expect message flags_off
expect message workers_paused
expect message weight_zero
expect waiting "option last_config is passed over: only a person who holds role medical_lead may take it, by its name"
expect waiting "option after_restore is passed over: it requires a confirmed restore"
refuse
expect failed
expect because "no rollback option is left"
expect called
expect waiting "option last_config is passed over"
mia rolls back by last_config because the risk is not bearable
expect rolling_back
expect option last_config
expect message redeploy version 1.3.0
refuse
expect failed
ann retries                                   # what was decided stays decided
expect option last_config
expect message redeploy
ack
expect stabilising
