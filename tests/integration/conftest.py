"""Fixtures: one cluster per worker, a database, folder, target and receiver per test."""
import contextlib
import pathlib
import shutil
import tempfile

import pytest

from harness import Daemon, Postgres, Receiver, Target, check_invariants, policy


def pytest_configure(config):
    config.addinivalue_line("markers", "writes: changes releases of a daemon that others look at, on purpose")


@pytest.fixture(scope="session")
def postgres():
    cluster = Postgres()
    cluster.start()
    yield cluster
    cluster.close()


@pytest.fixture
def own_postgres():
    """For tests that stop or kill it."""
    cluster = Postgres()
    cluster.start()
    yield cluster
    cluster.close()


@pytest.fixture
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="hg-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def target():
    service = Target()
    yield service
    service.down()


@pytest.fixture
def receiver(folder):
    deployer = Receiver(folder)
    yield deployer
    deployer.stop()


@pytest.fixture
def make_daemon(folder, target, receiver):
    """make_daemon(postgres, policies=..., name=...): a daemon not yet started; closed and checked at the end."""
    made = []

    def make(cluster, policies=None, database=None, name="a", **policy_change):
        daemon = Daemon(folder, cluster, database or cluster.database(), target, receiver,
                        policies or policy(target, **policy_change), name)
        made.append(daemon)
        return daemon

    yield make
    with contextlib.ExitStack() as ends:  # all of them, whatever one says
        for daemon in reversed(made):
            ends.callback(daemon.close)
    for daemon in made:
        if daemon.postgres.process is not None:
            check_invariants(daemon)


@pytest.fixture
def daemon(postgres, make_daemon):
    return make_daemon(postgres).start()
