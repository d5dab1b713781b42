# Rule R7: open only once a person has confirmed the restore, whatever the migration.
play careful.part
ann rolls back by after_restore
expect refused "it requires a confirmed restore: say restore_confirmed=true"
sample error_rate 0.2
after 1m
expect rolling_back
expect option kill_switch
expect message flags_off
expect message workers_paused
expect message weight_zero
ann rolls back restored because the backup of 3 o'clock is in place
expect because "the data is restored"
expect not waiting "after_restore"
refuse
expect option after_restore
expect message redeploy_restored version 1.3.0
