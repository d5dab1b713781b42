policy shop.yaml
play cast.part
release start +1h
expect waiting "starts at 2026-01-01T01:00:00"
ann rolls back because we changed our mind
expect cancelled
expect because "nothing was exposed"
expect not message
