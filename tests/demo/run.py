#!/usr/bin/python3
"""run - `make run`: headgate at work on the demo service until Ctrl-C; a second run goes on with the kept data."""

import signal
import sys
import time

from world import ENVIRONMENT, ROOT, SERVICE, Follower, Trouble, World, shown

ACTIVE = ("planned", "running", "paused", "rolling_back", "stabilising", "failed")


def next_version(world):
    """One minor version above everything there has been."""
    minors = [int(r["version"].split(".")[1]) for r in world.releases()] or [0]
    return f"1.{max(minors) + 1}.0"


def live_version(deployed):
    return deployed["canary"] if deployed["weight"] == 100 else deployed["stable"]


def choose_release(world):
    active = [r for r in world.releases() if r["state"] in ACTIVE]
    if active:
        print(f"{SERVICE}@{active[0]['version']} goes on where it was: {active[0]['state']}.")
        return active[0]
    version, stable = next_version(world), live_version(world.deployed())
    print(f"Posting {SERVICE}@{version}, with {stable} to go back to, under policy demo (config/policies/demo.yaml).")
    return world.post_release(version, stable)


def print_commands(world, release):
    token, api = shown(world.token_file), world.api
    name = f"{SERVICE}@{release['version']}"
    print(f"""
Try, in another terminal (in {ROOT}):

  auth="Authorization: Bearer $(cat {token})"
  curl -sH "$auth" {api}/v1/releases                                  # list
  curl -sH "$auth" {api}/v1/releases/{name}                 # where it is, why it waits, what is legal
  curl -sH "$auth" {api}/v1/releases/{name}/gates           # what every gate saw
  curl -X POST '{world.service}/fault?error_rate=0.015'               # errors: pauses it
  curl -X POST '{world.service}/fault?error_rate=0.05'                # more errors: rolls it back
  curl -X POST {world.service}/fault/clear
  curl -sH "$auth" {api}/v1/releases/{name}/pause    -d reason='p95 looks odd'
  curl -sH "$auth" {api}/v1/releases/{name}/resume   -d reason='was a deploy next door'
  curl -sH "$auth" {api}/v1/releases/{name}/rollback -d reason='customers complain'

Other faults: latency=0.8, lag=2000, critical_alerts=1, health=fail. What the deployer did: {world.deployer}/state
Logs: {shown(world.logs)}/   All addresses: headgate {api}, service {world.service}, deployer {world.deployer}
Ctrl-C ends everything and keeps the data.
""", flush=True)


def follow(world, release):
    """Whatever the newest release does; one posted by hand is followed as well."""
    follower = Follower(world, release["id"])
    while True:
        newest = max(world.releases(), key=lambda r: r["id"], default=None)
        if newest and newest["id"] != follower.id and follower.look()["state"] not in ACTIVE:
            follower = Follower(world, newest["id"])
        done = follower.look()["state"] not in ACTIVE
        if done and not getattr(follower, "told", False):
            follower.told = True
            follower.say(f"done. `make run` again posts the next version; {ENVIRONMENT} stays as it is.")
        world.check_children()
        time.sleep(0.5)


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    world = World(ROOT / "state")
    status = 0
    try:
        print(f"Starting PostgreSQL, the demo service, its deployer and headgate, all in {shown(world.state)}/ ...",
              flush=True)
        world.start()
        release = choose_release(world)
        print_commands(world, release)
        follow(world, release)
    except KeyboardInterrupt:
        print("\nEnding everything; the data stays.", flush=True)
    except Trouble as e:
        print(f"\nrun: {e}", file=sys.stderr)
        status = 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
        world.stop()
    return status


if __name__ == "__main__":
    sys.exit(main())
