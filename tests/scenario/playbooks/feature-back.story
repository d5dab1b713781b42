# Errors explode: the feature goes off at once, the profile is the default one, the green ledger is replayed.
play feature-internal.part
sample failed 0.2
after 25m
expect rolling_back
expect message feature_off
expect message guardian_default value default
expect message replay ledger dec-20260301-007
sample failed 0
ack
after 1h
expect rolled_back
pm checks ledger_entry see docs/LEDGER/dec-20260310-rollback-001.md
pm checks rollback_notice
pm records "searchLite times out" "one run in five" dec-20260301-007
