"""service.checks.runner: real threads, a real store, and checks that hang."""

import threading
import time
from datetime import timedelta

import numpy as np
import pytest

from models.errors import ConfigurationError, InputError
from models.frames import SeriesKey
from models.sources.files import read_metrics, write_long
from service.checks.custom import FunctionProbe
from service.checks.runner import CheckRunner, RunnerSettings
from service.checks.series import frame_of, series_of
from service.clock import SystemClock
from service.records import RecordKind
from service.recovery.checkup import Check, CheckPhase, CheckPolicy, CheckResult, CheckSet, CheckType, Reading
from service.recovery.health import HealthStatus
from service.store.checks import CheckStore
from service.store.sql import SqlStore
from tests.service.checks.peers import until
from tests.service.recovery.checkup.worlds import T0

CLOCK = SystemClock()
FAST = CheckPolicy(interval_s=0.05, retry_interval_s=0.02, max_retries=1, successes=1, timeout_s=0.2, jitter=0)


def a_check(name, function, **changes):
    """A quick check by a function."""
    settings = {"id": name, "component": f"c-{name}", "type": CheckType.CUSTOM, "policy": FAST}
    return Check(target=FunctionProbe(name=name, function=function, metrics=("depth",)), **settings | changes)


def well():
    """Nothing is wrong."""
    return {"depth": 1}


def broken():
    """Always wrong."""
    raise RuntimeError("stuck")


@pytest.fixture
def store(tmp_path):
    """A store in a file."""
    store = SqlStore(f"sqlite:///{tmp_path}/faultline.db")
    yield store
    store.close()


def a_runner(store, *checks, load=None, keep=1000, **options):
    """A runner over checks; its records are in ``told``."""
    told = []
    runner = CheckRunner(
        load or (lambda: CheckSet(checks)),
        store=CheckStore(store.database, keep),
        clock=CLOCK,
        now=CLOCK.now,
        publish=told.append,
        **options,
    )
    runner.told = told
    return runner


def shown(runner, name):
    """One check as it is now."""
    return next(view for view in runner.views() if view.id == name)


def test_results_are_kept_told_and_trip_the_breaker(store):
    """A failing check is in the history, the ledger and at the breaker; a well one is told to nobody but listeners."""
    trips, heard = [], []
    checks = (a_check("bad", broken, trips_breaker=True), a_check("good", well))
    with a_runner(store, *checks, trip=lambda *said: trips.append(said), listeners=[heard.append]) as runner:
        until(lambda: shown(runner, "bad").status is HealthStatus.UNHEALTHY and len(runner.told) == 1)
        overview = runner.overview()
    assert (overview.status, overview.worst, overview.reason) == ("UNHEALTHY", "bad", "RuntimeError: stuck")
    assert trips == [("c-bad", "health check bad: RuntimeError: stuck")]
    (record,) = runner.told
    assert (record.kind, record.subject, record.data["check"]) == (RecordKind.HEALTH_CHANGED, "c-bad", "bad")
    page = CheckStore(store.database).history("bad", limit=2)
    assert [result.status for result in page.items] == [HealthStatus.UNHEALTHY] * 2
    assert {result.check_id for result in heard} == {"bad", "good"}
    assert series_of(next(r for r in heard if r.check_id == "good"))[SeriesKey("c-good", "good.depth")] == 1


def test_checks_that_hang_block_nobody_and_leave_few_threads(store):
    """Four hang in a place for two: the well one goes on, each hung one has one thread, a stop does not wait."""
    release = threading.Event()
    hanging = [a_check(f"h{i}", lambda: release.wait(30)) for i in range(4)]
    before = threading.active_count()
    try:
        with a_runner(store, *hanging, a_check("good", well), settings=RunnerSettings(max_running=2)) as runner:
            until(lambda: runner.hung == 4)
            runs = shown(runner, "good").runs
            until(lambda: shown(runner, "good").runs > runs + 5)
            until(lambda: shown(runner, "h0").timeouts > 3)
            assert threading.active_count() <= before + 2 + 4 + 2
            assert shown(runner, "h0").status is HealthStatus.UNHEALTHY
            stopped = time.monotonic()
        assert time.monotonic() - stopped < 5
    finally:
        release.set()
    until(lambda: threading.active_count() <= before)


def test_a_restart_keeps_history_belief_and_maintenance(store):
    """What was known before is known after; a failure that lasts is told once."""
    checks = (a_check("bad", broken), a_check("off", broken))
    with a_runner(store, *checks) as runner:
        runner.maintain("off", CLOCK.now() + timedelta(hours=1))
        until(lambda: len([record for record in runner.told if record.data["status"] == "UNHEALTHY"]) == 1)
    kept = len(CheckStore(store.database).history("bad", limit=500).items)
    with a_runner(store, *checks) as again:
        until(lambda: shown(again, "bad").status is HealthStatus.UNHEALTHY)
        until(lambda: shown(again, "bad").runs > kept)
        assert shown(again, "off").phase is CheckPhase.MAINTENANCE
        again.maintain("off", None)
        until(lambda: shown(again, "off").status is HealthStatus.UNHEALTHY)
    assert "c-bad" not in {record.subject for record in again.told}
    assert len(CheckStore(store.database).history("bad", limit=500).items) > kept


def test_history_is_bounded_and_paged(store):
    """Only the newest are kept; pages follow each other without gap."""
    kept = CheckStore(store.database, most_kept=30)
    with a_runner(store, a_check("good", well, policy=FAST), keep=30) as runner:
        runner.ask("good")
        until(lambda: shown(runner, "good").runs >= 5)
    state = kept.states()["good"]
    first = kept.history("good").items[-1]
    for _ in range(200):
        kept.save([(first, state)])
    seqs, cursor = [], None
    while True:
        page = kept.history("good", cursor=cursor, limit=7)
        seqs += [result.seq for result in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert 30 <= len(seqs) <= 80
    assert seqs == sorted(set(seqs), reverse=True)
    assert kept.history("nobody").items == ()


def test_a_refused_file_leaves_the_running_set_in_force(store):
    """A mistake is a warning that names it; the file is taken again when it is mended, without being asked."""
    state = {"version": 1, "error": None, "checks": CheckSet([a_check("a", well)])}

    def load():
        if state["error"]:
            raise ConfigurationError("checks.yaml: line 3: wrong.", remedy="mend it")
        return state["checks"]

    options = {"version": lambda: state["version"], "settings": RunnerSettings(reload_s=0.01)}
    with a_runner(store, load=load, **options) as runner:
        until(lambda: shown(runner, "a").runs > 0)
        state |= {"version": 2, "error": True}
        until(lambda: runner.refused)
        runs = shown(runner, "a").runs
        until(lambda: shown(runner, "a").runs > runs)
        assert "line 3" in runner.overview().warnings[0]
        with pytest.raises(ConfigurationError, match="line 3"):
            runner.reload()
        state |= {"version": 3, "error": None, "checks": CheckSet([a_check("b", well)])}
        until(lambda: [check.id for check in runner.checks] == ["b"])
        assert runner.overview().warnings == ()


def test_a_store_that_fails_stops_nothing(store):
    """Results that cannot be kept are counted and warned of; the checks go on, and heal with the store."""

    class Failing(CheckStore):
        is_broken = True

        def save(self, results):
            if self.is_broken:
                raise OSError("disk full")
            super().save(results)

    kept = Failing(store.database)
    checks = CheckSet([a_check("good", well)])
    with CheckRunner(lambda: checks, store=kept, clock=CLOCK, now=CLOCK.now, publish=lambda _: None) as runner:
        until(lambda: runner.lost_count >= 3)
        assert any("disk full" in warning for warning in runner.overview().warnings)
        kept.is_broken = False
        until(lambda: not runner.failing)
        runs = shown(runner, "good").runs
        until(lambda: shown(runner, "good").runs > runs + 2)


def test_a_check_in_a_wrong_file_at_the_start_is_an_error(store):
    """Without a set to go on with, the start fails."""

    def load():
        raise ConfigurationError("checks.yaml: line 1: wrong.")

    with pytest.raises(ConfigurationError):
        a_runner(store, load=load)


def test_results_are_metrics_that_can_be_learnt(tmp_path):
    """Laid out on a grid and written as a file, they are read as any other metrics."""

    def result(seconds, depth, status=HealthStatus.HEALTHY):
        return CheckResult(
            check_id="queue",
            component="orders",
            at=T0 + timedelta(seconds=seconds),
            status=status,
            reason="",
            reading=Reading(values={"depth": depth}, duration_s=0.1),
            believed=status,
        )

    listed = [result(3, 1.0), result(33, 2.0), result(38, 3.0), result(125, 5.0, HealthStatus.UNHEALTHY)]
    frame = frame_of(listed, 30)
    assert [str(key) for key in frame.keys] == ["orders/queue.depth", "orders/queue.duration_s", "orders/queue.status"]
    np.testing.assert_array_equal(frame.values[:, 0], [1, 3, np.nan, np.nan, 5])
    np.testing.assert_array_equal(frame.values[:, 2], [0, 0, np.nan, np.nan, 3])
    assert frame_of(reversed(listed), 30).keys == frame.keys
    write_long(frame, tmp_path / "checks.csv")
    again = read_metrics(tmp_path / "checks.csv", step_s=30).frame
    np.testing.assert_array_equal(again.values, frame.values)
    with pytest.raises(InputError):
        frame_of([], 30)
