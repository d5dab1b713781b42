"""kill -9 at every fail point and at random moments: the same result, no step double or lost, by the receiver's log
and by SQL."""
import random
import subprocess

import pytest
from harness import BINARY, check_audit_chain, wait_until

LISTING = subprocess.run([str(BINARY), "failpoints"], capture_output=True, text=True, check=False).stdout
# What happens only to states that are read back is told in test_readback.py, to incidents in test_incidents.py.
FAILPOINTS = [line.split()[0] for line in LISTING.splitlines() if line and not line.startswith(("(", "drift", "incident"))]


def test_the_fail_points_are_built_in():
    assert len(FAILPOINTS) >= 11, "build with FAILPOINTS=1"


def states_once(receiver):
    """The weights in order of application, and that no message was applied twice."""
    rows = receiver.applied()
    assert len({row["id"] for row in rows}) == len(rows), "one message applied twice"
    return receiver.weights()


def post_until_taken(daemon, body):
    """What a scheduler does: posts again after a crash; the same content is the same release."""
    def post():
        status, answer, _ = daemon.post("/v1/releases", body, who="bob")
        return answer["id"] if status in (200, 201) else None
    return wait_until(post, "the release to be taken")


BODY = {"service": "checkout", "environment": "prod", "version": "1.0.0", "policy": "test", "stable_version": "0.9.0"}


# How often a release of two stages passes those that it does not pass three times.
SELDOM = {"create_before_send": 1, "lease_after_gain": 1, "recovery_after_load": 1,
          "delivery_after_claim": 2, "delivery_after_reply": 2, "delivery_after_record": 2}
KILLS = [(point, nth) for point in FAILPOINTS for nth in sorted({1, SELDOM.get(point, 3)})]


@pytest.mark.parametrize("point,nth", KILLS)
def test_kill_9_at_a_fail_point_ends_in_the_same_result(postgres, make_daemon, receiver, point, nth):
    daemon = make_daemon(postgres).start(failpoint=f"{point}:{nth}=kill", wait=False)

    def until_dead_or_done():
        if daemon.process.poll() is not None:
            return True
        try:
            status, answer, _ = daemon.post("/v1/releases", BODY, who="bob")
        except OSError:
            return False
        return status == 200 and answer["state"] == "completed"

    wait_until(until_dead_or_done, f"death at {point} or the release's end")
    assert daemon.process.poll() is not None, f"the fail point was not passed {nth} times"
    daemon.wait_dead()
    daemon.start()
    id_ = post_until_taken(daemon, BODY)
    done = daemon.wait_state(id_, "completed")
    assert states_once(receiver) == [10, 100]
    check_audit_chain(daemon, done["id"])


@pytest.mark.parametrize("point", [p for p in FAILPOINTS if p.startswith(("transition", "delivery"))])
def test_kill_9_during_a_rollback_loses_nothing(postgres, make_daemon, receiver, point):
    daemon = make_daemon(postgres).start()
    id_ = daemon.create()["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    daemon.stop()
    daemon.start(failpoint=f"{point}:1=kill", wait=False)

    def ask():
        if daemon.process.poll() is not None:
            return True
        try:
            daemon.post(f"/v1/releases/{id_}/rollback", {"reason": "drill"})
        except OSError:
            pass
        return daemon.process.poll() is not None

    try:
        wait_until(ask, f"death at {point}")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{daemon.log()[-4000:]}\n{daemon.release(id_)}") from None
    daemon.wait_dead()
    daemon.start()
    # Asking again is harmless: it is the same rollback, or the first if the crash came before the commit.
    wait_until(lambda: daemon.post(f"/v1/releases/{id_}/rollback", {"reason": "drill"})[0] == 200, "the rollback")
    daemon.wait_state(id_, "rolled_back")
    weights = states_once(receiver)
    assert weights[-1] == 0 and weights.count(0) == 1


@pytest.mark.parametrize("seed", range(4))
def test_kill_9_at_random_moments_ends_in_the_same_result(postgres, make_daemon, receiver, seed):
    dice = random.Random(seed)
    daemon = make_daemon(postgres).start()
    id_ = daemon.create()["id"]
    for _ in range(3):
        rounds = dice.randint(1, 40)
        for _ in range(rounds):  # a varying number of reads is what makes the moment random
            daemon.release(id_)
        daemon.kill()
        daemon.start()
    daemon.wait_state(id_, "completed")
    assert states_once(receiver) == [10, 100]


def test_votes_and_bake_survive_a_restart(postgres, make_daemon, target):
    daemon = make_daemon(postgres).start()
    id_ = daemon.create()["id"]
    daemon.wait_release(id_, "baking", lambda r: r["step"] == "baking")
    target.set(errors=0.015)
    daemon.wait_state(id_, "paused")
    daemon.kill()
    daemon.start()
    assert daemon.release(id_)["state"] == "paused"
    assert daemon.release(id_)["holds"][0]["name"] == "errors"
