"""The longest turn of the daemon's loop through all of the above: everything else waited for as long."""
import re

from figures import line


def run(world):
    text = world.daemon().get("/metrics", who=None)[1]
    longest = float(re.search(r"(?m)^headgate_loop_longest_turn_seconds (\S+)", text)[1])
    line("loop: longest turn of the daemon above", longest * 1000, 5.0, "ms", "the target of 5 ms", less_is_better=True)
