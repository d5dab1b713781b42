# On the way back results are taken, too: the suite that ran on the old version says that it is stable.
play nightly.part
ann reports backup passed
after 1m
ack
nightly-ci reports nightly passed
after 2m
ann rolls back because users complain
nightly-ci reports nightly passed
expect rolling_back
refuse
expect failed
nightly-ci reports nightly passed
expect failed
after 1m
ann retries
ack
expect stabilising
after 20m
expect stabilising
nightly-ci reports nightly passed
after 11m
expect rolled_back
nightly-ci reports nightly failed
expect refused "evidence is not possible while the release is rolled_back"
