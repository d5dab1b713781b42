# A release without what its policy requires is not accepted; what a role may confirm waits for that.
policy requires.yaml
play cast.part
release stable none
expect invalid "policy requires requires links.rollback_plan; a pinned stable_version (tag, digest or run id); a ticket"
release stable latest ticket CHG-7 link rollback_plan
expect invalid "requires a pinned stable_version"
release ticket CHG-7
expect invalid "requires links.rollback_plan"
release ticket CHG-7 link rollback_plan migration irreversible
expect planned
expect waiting "check backup (owner release_manager) is open: the release was posted without links.backup, as it has a migration"
expect not legal start
expect legal check
rita starts
expect refused "it may not start: check backup (owner release_manager) is open"
quin checks backup
expect denied "belongs to role release_manager"
rita checks backup see https://backups/run/81
expect running baking in full
expect not waiting "backup"
