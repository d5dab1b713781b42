# Rule H5: who starts it by hand keeps to the notice, too.
policy notice.yaml
play cast.part
release start manual
ann starts
expect refused "it may not start before 2026-01-02T00:00:00.000Z"
after 25h
expect not announced
expect planned
expect legal start
ann starts
expect running
