# Rule H5: headgate did not run while the start was to be announced: late, and before it starts.
policy notice.yaml
play cast.part
release start +48h
down 49h
after 1s
expect because "its scheduled start is announced | its start has come"
expect running
