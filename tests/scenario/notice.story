# Rule H5: a policy with notice: no start before it, announced a day ahead, started on time.
policy notice.yaml
play cast.part
release
expect invalid "policy notice asks for 1d of notice: start is 2026-01-02T00:01:00.000Z or later, or manual"
release start +23h
expect invalid "2026-01-02T00:01:00.000Z or later"
release start +48h
expect planned
expect not because "announced"
expect waiting "starts at 2026-01-03T00:00:00.000Z"
expect waiting "nobody may start it before 2026-01-02T00:00:00.000Z"
expect not legal start
ann starts
expect refused "it may not start before 2026-01-02T00:00:00.000Z: the policy asks for 1d of notice"
after 23h
expect not announced
after 1h
expect announced
expect because "its scheduled start is announced"
expect decision lease
expect legal start
freeze "night"
ann starts
expect refused "frozen: night"
thaw
after 23h
expect planned
after 1h
expect running baking in full
