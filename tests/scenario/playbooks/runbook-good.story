# The way forward, and a regression found two days later: still possible, and one call.
policy ../../../config/policies/rollback-runbook.yaml
play cast.part
release stable latest ticket CHG-1 param stable_artifact=x param stable_run=y
expect invalid "pinned stable_version"
release migration irreversible ticket CHG-1 param stable_artifact=x param stable_run=y
expect invalid "links.migration"
release param stable_artifact=x param stable_run=y
expect invalid "a ticket"
