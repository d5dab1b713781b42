# One result is one vote, however often it is looked at: it takes a second failure to roll back.
play nightly.part
ann reports backup passed
after 1m
ack
nightly-ci reports nightly passed
after 11m
expect running entering in full
ack
nightly-ci reports nightly passed
nightly-ci reports flaky failed
after 2h
expect running baking in full
expect waiting "the next report votes"
nightly-ci reports flaky passed
after 12m
expect running ready in full
nightly-ci reports flaky failed
after 15s
expect rolling_back
expect because "2 of 3 votes flaky failed"
