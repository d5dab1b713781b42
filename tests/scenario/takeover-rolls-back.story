# Rule E3: votes survive a restart, so a rollback is not delayed by it.
play baking.part
sample error_rate 0.08
after 70s
takeover
after 30s
expect rolling_back
