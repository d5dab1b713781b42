# Without a migration nobody is asked for a backup.
policy requires.yaml
play cast.part
release ticket CHG-7 link rollback_plan
expect running baking in full
