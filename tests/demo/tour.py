#!/usr/bin/python3
"""tour - `make demo`: one good release completes, one bad release is paused by its gate and then rolled back.

Exits 0 only if exactly that happened, by headgate's API and by the receiver's own log.
"""

import shutil
import signal
import subprocess
import sys
import time

from world import ENVIRONMENT, ROOT, SERVICE, Follower, Trouble, World, shown

STATE = ROOT / "state" / "demo"


class Checks:
    """Claims about what happened. All are looked at, so that one failure does not hide the others."""

    def __init__(self):
        self.failed = 0

    def that(self, claim, good, seen=None):
        print(f"    {'ok  ' if good else 'FAIL'}  {claim}" + ("" if good else f"; seen: {seen}"), flush=True)
        self.failed += 0 if good else 1


def headline(text):
    print(f"\n== {text}", flush=True)


def fresh(state):
    if state.exists():
        subprocess.run([str(ROOT / "scripts" / "private-postgres"), "drop", str(state)], check=True)
        shutil.rmtree(state)


def weights_of(world, release):
    """What the receiver applied for it, in order; a transition sends its weight once."""
    return [row["state"]["weight"] for row in world.applied() if row["release"] == str(release["id"])]


def transitions(world, release_id):
    """The timeline, oldest first."""
    rows = world.ask("GET", f"/v1/releases/{release_id}/timeline?limit=100")["timeline"]
    return list(reversed(rows))


def state_after(row):
    """"running/baking" is state and step."""
    return row["to"].partition("/")[0]


def states(rows):
    """Every change of state, once."""
    out = []
    for row in rows:
        if not out or out[-1] != state_after(row):
            out.append(state_after(row))
    return out


def good_release(world, checks):
    headline(f"A good release: {SERVICE}@1.1.0 goes to 10 %, 50 %, 100 %, and is watched a little longer")
    release = world.post_release("1.1.0", "1.0.0")
    Follower(world, release["id"]).until(
        lambda r: r["state"] not in ("planned", "running"), 300, "the good release to end")
    release = world.ask("GET", f"/v1/releases/{release['id']}")
    checks.that("headgate says: completed", release["state"] == "completed", release["state"])
    checks.that("the receiver applied 10, 50 and 100 %, each once", weights_of(world, release) == [10, 50, 100],
                weights_of(world, release))
    seen = states(transitions(world, release["id"]))
    checks.that("planned, running, completed and nothing else", seen == ["planned", "running", "completed"], seen)


def bad_release(world, checks):
    headline(f"A bad release: {SERVICE}@1.2.0 fails 1.5 % of its requests as soon as it gets any")
    release = world.post_release("1.2.0", "1.1.0")
    follower = Follower(world, release["id"])
    follower.until(lambda r: r["step"] == "baking", 60, "the canary to get traffic")
    world.fault("?error_rate=0.015")
    follower.say("    (errors turned on: the gate allows 1 %)")
    paused = follower.until(lambda r: r["state"] != "running", 120, "the gate to pause it")
    checks.that("headgate says: paused, in the canary stage",
                (paused["state"], paused["stage"]["name"]) == ("paused", "canary"),
                (paused["state"], paused["stage"]))
    holds = [hold for hold in paused["holds"] if hold["pauses"]]
    checks.that("held by the gate `errors`, not by a person",
                [(hold["name"], hold["source"]) for hold in holds] == [("errors", "gate")], holds)
    for hold in holds:
        print(f"    why: {hold['reason']}", flush=True)
    checks.that("traffic stayed at 10 %", weights_of(world, release) == [10], weights_of(world, release))

    headline("An operator decides: roll back")
    world.ask("POST", f"/v1/releases/{release['id']}/rollback", {"reason": "errors in the canary; not worth a wait"})
    ended = follower.until(lambda r: r["state"] in ("rolled_back", "failed"), 180, "the service to be stable again")
    checks.that("headgate says: rolled_back", ended["state"] == "rolled_back", ended["state"])
    checks.that("the receiver took the canary's traffic away, once", weights_of(world, release) == [10, 0],
                weights_of(world, release))
    deployed = world.deployed()
    checks.that("version 1.1.0 has all the traffic", (deployed["stable"], deployed["weight"]) == ("1.1.0", 0), deployed)
    rows = transitions(world, release["id"])
    seen = states(rows)
    checks.that("planned, running, paused, rolling_back, stabilising, rolled_back and nothing else",
                seen == ["planned", "running", "paused", "rolling_back", "stabilising", "rolled_back"], seen)
    why = [row for row in rows if state_after(row) == "paused"][:1]
    checks.that("paused by the gate", bool(why) and why[0]["event"] == "rung_pause", why)
    why = [row for row in rows if state_after(row) == "rolling_back"][:1]
    checks.that("rolled back by a person, with the reason", bool(why) and why[0]["event"] == "rollback"
                and "not worth a wait" in (why[0].get("reason") or ""), why)


def whole(world, checks):
    headline("Looking back")
    ids = [row["id"] for row in world.applied()]
    checks.that("no message was applied twice", len(ids) == len(set(ids)), ids)
    fences = [(row["epoch"], row["fence"], row["sequence"]) for row in world.applied()]
    checks.that("and all in order", fences == sorted(fences), fences)
    active = [r for r in world.releases() if r["state"] not in ("completed", "rolled_back")]
    checks.that(f"nothing is left active in {ENVIRONMENT}", not active, [r["id"] for r in active])


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    started = time.monotonic()
    checks = Checks()
    world = World(STATE)
    status = 1
    try:
        print(f"A tour of headgate, in about three minutes, in {shown(STATE)}/ (made afresh).", flush=True)
        world.refuse_second()
        fresh(STATE)
        world.start()
        print(f"headgate {world.api}  service {world.service}  deployer {world.deployer}", flush=True)
        good_release(world, checks)
        bad_release(world, checks)
        whole(world, checks)
        status = 0 if checks.failed == 0 else 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
    except Trouble as e:
        print(f"\ndemo: {e}", file=sys.stderr)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        world.stop()
    took = int(time.monotonic() - started)
    print(f"\ndemo: {'all as it should be' if status == 0 else 'NOT as it should be'}, after {took // 60} min "
          f"{took % 60} s", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
