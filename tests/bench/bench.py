#!/usr/bin/python3
"""bench.py PROGRAMS [NAME...] - measures headgate against peers and limits; docs/benchmarks.md says what is compared.

PROGRAMS: the folder of the compiled benches. One table line per figure; the last column names the peer.
"""
import pathlib
import shutil
import signal
import sys
import tempfile

# /tmp may be memory, where syncing costs nothing.
tempfile.tempdir = "/var/tmp"

import growth  # noqa: E402
import http_reads  # noqa: E402
import kpis  # noqa: E402
import loop_turn  # noqa: E402
import parse  # noqa: E402
import promql  # noqa: E402
import rollback  # noqa: E402
import scrape  # noqa: E402
import transitions  # noqa: E402
from figures import DurablePostgres  # noqa: E402
from world import World  # noqa: E402

# In this order: the last one looks at what the daemon went through in the two before.
BENCHES = {"parse": parse, "promql": promql, "kpis": kpis, "scrape": scrape, "growth": growth, "transitions": transitions, "http": http_reads, "rollback": rollback,
           "loop": loop_turn}


def main():
    programs, names = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:] or list(BENCHES)
    unknown = set(names) - set(BENCHES)
    if unknown:
        sys.exit(f"bench: no {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hg-bench-"))
    folder.chmod(0o755)
    postgres = DurablePostgres()
    world = World(programs, folder, postgres)
    try:
        postgres.start()
        print(f"{'figure':<50} {'headgate':>16} {'peer':>16} {'ratio':>8}  peer")
        for name in BENCHES:
            if name in names:
                BENCHES[name].run(world)
    finally:
        world.close()
        postgres.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
