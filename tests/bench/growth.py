"""What a scrape costs as targets become more: pages of 100 series, the targets read in turn at the same rate."""
from figures import line
from scrape import Ours, measure

SIZES = ((100, 1), (1000, 5), (10000, 20))  # targets, seconds between two scrapes of one


def run(world):
    first = None
    for targets, every_s in SIZES:
        found = measure(world, [Ours], targets, 100, "identity", every_s)[Ours]
        first = first or found["us"]
        line(f"growth: CPU per scrape, {targets:,} targets", found["us"], first, "µs",
             f"itself with {SIZES[0][0]} targets; {found['rate']:.0f} scrapes/s, {found['mb']:.0f} MB resident",
             less_is_better=True)
