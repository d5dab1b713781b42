"""What every bench stands on: a cluster that really syncs, ways measured in turn, one table line per figure."""
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import PG_BIN, Postgres, wait_until  # noqa: E402

ROUNDS = 5


class DurablePostgres(Postgres):
    """The tests' private cluster, but with fsync, and with room for the log to grow."""

    SETTINGS = ("listen_addresses=", "unix_socket_permissions=0777", "max_connections=200", "fsync=on",
                "synchronous_commit=on", "shared_buffers=256MB", "max_wal_size=4GB")

    def start(self):
        with open(self.home / "log", "ab") as log:
            options = [part for setting in self.SETTINGS for part in ("-c", setting)]
            self.process = subprocess.Popen(
                self.command("postgres", "-D", self.home / "data", "-k", self.home, *options), stdout=log, stderr=log)
        wait_until(self.answers, "PostgreSQL to answer")


def in_turn(ways, rounds=ROUNDS):
    """Runs {name: function} in turn, so that whatever else the machine does hits all alike; the medians by name, of
    each member where a way returns a dict."""
    runs = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            runs[name].append(way())
    return {name: middle(values) for name, values in runs.items()}


def middle(values):
    if isinstance(values[0], dict):
        return {key: statistics.median(v[key] for v in values) for key in values[0]}
    return statistics.median(values)


def numbers(*command):
    """Runs a program that prints "name number" lines."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    return {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}


def show(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def line(name, ours, peer, unit, peer_name, less_is_better=False):
    """Ratio: how many times better than the peer; above 1 is good, whatever the unit."""
    if peer is None:
        print(f"{name:<50} {show(ours) + ' ' + unit:>16} {'-':>16}   {'-':>6}  {peer_name}", flush=True)
        return
    ratio = peer / ours if less_is_better else ours / peer
    print(f"{name:<50} {show(ours) + ' ' + unit:>16} {show(peer) + ' ' + unit:>16} {ratio:>7.2f}x  {peer_name}",
          flush=True)
