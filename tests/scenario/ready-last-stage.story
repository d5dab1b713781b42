# Leaving the last stage from ready: frozen until the thaw.
policy silent.yaml
play cast.part
release
play green.part
after 15m
quin checks smoke
rita approves
ann promotes because go
expect running baking in full
freeze "night"
after 20m
expect running ready in full
expect waiting "frozen: night"
thaw
expect completed
