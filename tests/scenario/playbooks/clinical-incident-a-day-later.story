# Exactly 24 hours later it is no longer the same window: it stops once more, and people decide.
play clinical.part
incident P1 "dosage shown twice"
expect paused in canary
after 1h
mia resumes because it was the display alone
after 23h
incident P1 "dosage shown twice again"
expect paused in canary
after 10m
expect paused in canary
mia resumes because it is the display again
after 10m
expect running in canary
# A third one an hour after the second is in its window.
after 50m
incident P0 "wrong dosage"
expect rolling_back
