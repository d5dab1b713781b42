# While paused evidence is shown; the hold goes when it is back, and nothing else happens.
play half.part
silence
after 1m
expect held evidence
ann pauses
play green.part
after 3m
expect paused
expect not held evidence
