# Nothing starts or enters a stage outside the policy's windows; the way back asks for none.
# The stories begin on Thursday, 2026-01-01, at midnight UTC.
policy windows.yaml
play cast.part
release
expect planned
expect waiting "outside the policy's windows (mon-fri 08:00-16:00, not fri 12:00-24:00, 2026-01-06, in UTC) until 2026-01-01T08:00:00.000Z"
ann starts
expect refused "it may not start: outside the policy's windows"
sample requests 500
sample error_rate 0.002
after 7h
expect planned
after 1h
expect running entering in canary
after 7h
expect message set_weight weight 10
# Seven hours later the receiver answers; two hours of bake end when the window has closed.
ack
after 1h
expect running baking in canary
after 2h
expect running ready in canary
expect waiting "until 2026-01-02T08:00:00.000Z; a rollback needs none"
rita promotes because it is green
expect refused "outside the policy's windows"
after 13h
expect running ready in canary
after 2h
expect running entering in full
expect message set_weight weight 100
# The way back at any hour.
after 10h
expect running entering in full
rita rolls back because it is late
expect rolling_back
expect message weight_zero weight 0
