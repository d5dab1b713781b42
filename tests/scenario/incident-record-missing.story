# Rule A6: the pair's next release stays planned until then, and says what is missing.
policy shop.yaml
play cast.part
reentry record root_cause
release
expect planned
expect waiting "re-entry after the last rollback is open: root_cause"
expect waiting "release 7 has no incident record: curl"
expect waiting "-d root_cause=... -d impact=... -d restore_point=... $HEADGATE/v1/releases/7/incident"
ann starts
expect refused "release 7 has no incident record"
reentry open root_cause
expect planned
expect not waiting "incident record"
reentry closed
expect running
