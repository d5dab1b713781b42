# A failed result pauses; the next one that passes lets a person resume.
play nightly.part
ann reports backup passed
after 1m
ack
nightly-ci reports nightly failed see https://ci.example/7 because 3 of 812 failed
expect because "nightly failed: 3 of 812 failed"
after 15s
expect paused
expect held suite
expect because "nightly failed, says nightly-ci: https://ci.example/7"
expect waiting "it would pass with a newer result that passed"
ann resumes because it is flaky
expect refused "gate suite still breaches"
nightly-ci reports nightly passed
after 15s
ann resumes because it was flaky
after 11m
expect running entering in full
