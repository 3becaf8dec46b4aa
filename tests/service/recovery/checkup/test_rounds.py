"""service.recovery.checkup.rounds: what is due, who waits for whom, what is told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.errors import UnknownNameError
from service.recovery.checkup import CheckPhase, CheckPolicy, CheckSet, Maintenance
from service.recovery.health import HealthStatus
from tests.service.recovery.checkup.worlds import BAD, GOOD, STEADY, T0, World, a_check


def test_a_failure_is_looked_at_again_soon_before_it_is_believed():
    """After the first bad result the retry interval counts, and only the third in a row is told."""
    world = World(a_check("web"))
    world.go(31)
    world.answers["web"] = BAD
    world.go(32)
    assert (world.view("web").phase, world.view("web").status) == (CheckPhase.PENDING, HealthStatus.HEALTHY)
    world.go(40)
    assert world.times_of("web") == [0, 30, 60, 65, 70, 100]  # believed at 70: the long interval again
    assert [(change.previous, change.status) for change in world.told] == [("HEALTHY", "UNHEALTHY")]


def test_a_recovery_needs_its_results_too():
    """One good result between bad ones does not heal."""
    world = World(a_check("web", policy=replace(STEADY, max_retries=0)))
    world.answers["web"] = BAD
    world.go(1)
    assert world.view("web").status is HealthStatus.UNHEALTHY
    world.answers["web"] = GOOD
    world.go(30)
    assert world.view("web").phase is CheckPhase.PENDING
    world.answers["web"] = BAD
    world.go(5)
    assert world.view("web").phase is CheckPhase.SETTLED
    world.answers["web"] = GOOD
    world.go(36)
    assert world.view("web").status is HealthStatus.HEALTHY


def test_the_children_of_a_failed_parent_are_not_reported():
    """Only the parent is told as failed, whichever of them notices first; children and grandchildren are suppressed."""
    world = World(a_check("db"), a_check("web", "db"), a_check("page", "web"))
    world.go(10)
    world.answers = dict.fromkeys(("db", "web", "page"), BAD)
    world.checkup.ask("page", world.now_s)  # the leaf notices first
    world.go(60)
    failed = [change.id for change in world.told if change.status is HealthStatus.UNHEALTHY]
    assert failed == ["db"]
    assert {world.view(name).phase for name in ("web", "page")} == {CheckPhase.SUPPRESSED}
    assert "db" in world.view("page").reason
    world.answers = {}
    world.go(80)
    assert {world.view(name).status for name in ("db", "web", "page")} == {HealthStatus.HEALTHY}
    assert failed == [change.id for change in world.told if change.status is HealthStatus.UNHEALTHY]


def test_a_child_that_fails_alone_is_reported():
    """A well parent is asked first, then the child is believed."""
    world = World(a_check("db", policy=replace(STEADY, interval_s=600, stale_after_s=2000)), a_check("web", "db"))
    world.go(31)
    world.answers["web"] = BAD
    world.go(60)
    assert [change.id for change in world.told] == ["web"]
    assert len(world.times_of("db")) == 2  # asked, long before its own interval


def test_a_run_that_hangs_is_bounded_counted_and_blocks_nobody():
    """With one place, the others go on; the hung check is started once and counted as out of time again and again."""
    world = World(a_check("stuck"), a_check("web"), most_at_once=1)
    world.answers["stuck"] = None
    world.go(120)
    assert len(world.hanging) == 1
    assert world.view("stuck").timeouts >= 5
    assert (world.view("stuck").status, world.view("stuck").is_hung) == (HealthStatus.UNHEALTHY, True)
    assert len(world.times_of("web")) >= 4
    assert (world.checkup.hung, world.checkup.running) == (1, 0)
    (ticket,) = world.hanging.values()
    assert world.checkup.settle(ticket, GOOD, world.now_s, world.now) is None  # too late to count
    world.answers["stuck"] = GOOD
    world.go(60)
    assert (world.view("stuck").status, world.checkup.hung) == (HealthStatus.HEALTHY, 0)


def test_at_most_so_many_run_at_once():
    """Of ten that are due two start; nobody starves."""
    world = World(*(a_check(f"c{i}") for i in range(10)), most_at_once=2)
    world.answers = {f"c{i}": None for i in range(10)}
    assert len(world.tick().starts) == 2
    assert world.tick().starts == ()
    world.go(40)
    assert {ticket.check.id for ticket in world.hanging.values()} == {f"c{i}" for i in range(10)}


def test_what_is_stale_is_unknown():
    """A service that was asleep does not claim that all is well; the first good result afterwards counts at once."""
    world = World(a_check("web"))
    world.go(1)
    world.now_s += 500
    assert (world.view("web").phase, world.view("web").status) == (CheckPhase.STALE, HealthStatus.UNKNOWN)
    world.go(2)
    assert len(world.times_of("web")) == 2  # missed runs are not made up for
    assert world.view("web").status is HealthStatus.HEALTHY


def test_maintenance_hides_failures_until_it_ends():
    """Nothing is told while it lasts; a failure that outlasts it is told after its retries."""
    window = Maintenance(start=T0 + timedelta(seconds=20), end=T0 + timedelta(seconds=200))
    world = World(a_check("web", maintenance=(window,)))
    world.go(20)
    world.answers["web"] = BAD
    world.go(170)
    assert world.view("web").phase is CheckPhase.MAINTENANCE
    assert HealthStatus.UNHEALTHY not in {change.status for change in world.told}
    world.go(60)
    assert world.told[-1].status is HealthStatus.UNHEALTHY


def test_maintenance_by_hand_of_a_parent_suppresses_its_children():
    """A database taken away on purpose makes nobody fail; it can be ended early."""
    world = World(a_check("db"), a_check("web", "db"))
    world.go(10)
    world.checkup.maintain("db", world.now + timedelta(hours=1))
    world.answers = {"db": BAD, "web": BAD}
    world.go(120)
    assert (world.view("db").phase, world.view("web").phase) == (CheckPhase.MAINTENANCE, CheckPhase.SUPPRESSED)
    world.checkup.maintain("db", None)
    world.go(120)
    assert [change.id for change in world.told if change.status is HealthStatus.UNHEALTHY] == ["db"]


def test_a_trip_is_asked_for_once_a_failure():
    """Only a check that says so trips, and only when it turns UNHEALTHY."""
    world = World(a_check("db", trips_breaker=True), a_check("web"))
    world.go(5)
    world.answers = {"db": BAD, "web": BAD}
    world.go(200)
    assert [(change.id, change.is_trip) for change in world.told] == [("db", True), ("web", False)]


def test_flapping_is_told_once_and_when_it_ends():
    """A check whose results alternate is marked, and unmarked when it is steady again."""
    world = World(a_check("web", policy=replace(STEADY, interval_s=5, stale_after_s=100)))
    for i in range(20):
        world.answers["web"] = BAD if i % 2 else GOOD
        world.go(5)
    assert world.view("web").is_flapping
    assert world.view("web").flap_rate > 0.9
    world.answers["web"] = GOOD
    world.go(150)
    assert not world.view("web").is_flapping
    assert [change.is_flapping for change in world.told] == [True, False]


def test_other_checks_come_into_force_without_losing_what_is_known():
    """Unchanged checks keep their state, changed ones begin anew, removed ones are gone and their late results too."""
    world = World(a_check("db"), a_check("web"), a_check("old"))
    world.go(1)
    world.answers["old"] = None
    world.go(31)
    (ticket,) = world.hanging.values()
    slower = a_check("web", policy=replace(STEADY, interval_s=60))
    world.checkup.replace(CheckSet([a_check("db"), slower]), world.now_s)
    assert world.checkup.settle(ticket, GOOD, world.now_s, world.now) is None
    assert world.view("db").runs == 2
    assert world.view("web").phase is CheckPhase.WAITING
    with pytest.raises(UnknownNameError):
        world.checkup.state_of("old")


def test_a_restart_goes_on_from_what_was_believed():
    """A failure that lasts is not told again, one that is over is; until the first result nothing is claimed."""
    world = World(a_check("db"), a_check("web"))
    world.answers = {"db": BAD, "web": BAD}
    world.go(60)
    states = {name: state.after_restart() for name, state in world.checkup.states.items()}
    again = World(a_check("db"), a_check("web"), states=states)
    assert again.view("db").status is HealthStatus.UNKNOWN
    again.answers = {"db": BAD}
    again.go(60)
    assert [(change.id, change.status) for change in again.told] == [("web", HealthStatus.HEALTHY)]
    assert again.view("db").status is HealthStatus.UNHEALTHY


def test_the_schedule_is_seeded_and_drifts_apart():
    """The same seed gives the same times; another seed others; two checks do not stay together."""
    policy = CheckPolicy(interval_s=30, retry_interval_s=5, timeout_s=4, jitter=0.2)

    def times(seed):
        world = World(a_check("a", policy=policy), a_check("b", policy=policy), seed=seed)
        world.go(600, step=0.5)
        return world.times_of("a"), world.times_of("b")

    first = times(1)
    assert first == times(1)
    assert first != times(2)
    assert len(set(first[0]) & set(first[1])) < 3
    gaps = [after - before for before, after in zip(first[0], first[0][1:], strict=False)]
    assert 24 <= min(gaps) <= max(gaps) <= 36.5
