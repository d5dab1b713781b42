# "> 2 %": the release manager decides. Two minutes of three are enough to call, three pause as well; at no time does it
# roll back by itself.
play erp-minor.part
sample error_rate 2%
after 3m
expect paused in wave1
expect not held ask:errors-severe
sample error_rate 0.1%
after 4m
rita resumes because it was short
sample error_rate 2.01%
after 1m45s
expect running baking in wave1
expect held ask:errors-severe
expect calling on_call for ask:errors-severe
after 2m
expect paused in wave1
# The chain: 15 minutes, 30 minutes.
after 13m
expect calling release_manager for ask:errors-severe
after 15m
expect calling cto for ask:errors-severe
after 2h
expect paused in wave1
rita rolls back because 2 % of the documents fail
expect message flag_off
expect message weight_zero_and_migrate_down schema 1.2.4
expect rolling_back
play erp-back.part
# What is owed before the next release.
expect told scheduler.release.planned notification.maintenance.scheduled scheduler.release.started scheduler.release.wave1 scheduler.release.paused scheduler.release.resumed scheduler.release.paused notification.rollback.initiated scheduler.release.rolledback notification.rollback.completed audit.rollback.logged
rita checks stakeholders_told
dora checks post_mortem_planned
dora records leak "1 in 20 documents" 1.2.4
