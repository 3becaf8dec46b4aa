"""Results of health checks in the store, on both databases: kept whole, bounded, paged; beliefs outlive restarts."""

import math
from datetime import timedelta

import pytest

from models.errors import InputError
from service.recovery.checkup import CheckResult, CheckState, Reading
from service.recovery.health import HealthStatus
from service.store.checks import CheckStore, KeptState
from service.store.sql import SqlStore
from tests.service.recovery.checkup.worlds import T0

STATE = CheckState(
    belief=HealthStatus.UNHEALTHY, reason="odd \0 text \ud800", streak=2, streak_since_s=5.0, last_s=7.0, is_known=True,
    recent=(HealthStatus.HEALTHY, HealthStatus.UNHEALTHY), runs=9, bad_runs=4, timeouts=1,
    values={"a": math.nan}, duration_s=math.inf,
)  # fmt: skip


def a_result(number, check_id="web"):
    """One of many."""
    return CheckResult(
        check_id=check_id,
        component="orders",
        at=T0 + timedelta(seconds=number),
        status=HealthStatus.UNHEALTHY,
        reason=f"refused \0 {number}",
        reading=Reading(
            values={"latency_s": 0.1, "lost": math.nan}, failure="refused", is_timeout=True, duration_s=0.5
        ),
        believed=HealthStatus.DEGRADED,
    )


@pytest.fixture
def database(store_url):
    """Of each kind."""
    store = SqlStore(store_url)
    yield store.database
    store.close()


def test_a_result_comes_back_whole(database):
    """With all that was measured; what could not be is NaN."""
    kept = CheckStore(database)
    kept.save([(a_result(1), KeptState(state=STATE))])
    (result,) = kept.history("web").items
    assert result.seq > 0
    assert math.isnan(result.reading.values["lost"])
    assert result.reading.values["latency_s"] == 0.1
    assert (result.at, result.reason, result.reading.is_timeout) == (T0 + timedelta(seconds=1), "refused \0 1", True)


def test_a_belief_comes_back_without_its_clock(database):
    """Times of another process's monotonic clock are gone, and the streak with them."""
    kept = CheckStore(database)
    until = T0 + timedelta(hours=1)
    kept.save([(a_result(1), KeptState(state=STATE, until=until))])
    found = CheckStore(database).states()["web"]
    assert found.until == until
    assert (found.state.belief, found.state.reason, found.state.is_known) == (STATE.belief, STATE.reason, True)
    assert (found.state.runs, found.state.recent) == (9, STATE.recent)
    assert (found.state.last_s, found.state.streak) == (None, 0)
    kept.save_state("web", T0, KeptState(state=CheckState()))
    assert CheckStore(database).states()["web"].until is None


def test_only_the_newest_of_each_check_are_kept(database):
    """The bound is for each check by itself; pages go through all that is left, newest first."""
    kept = CheckStore(database, most_kept=20)
    kept.save([(a_result(0, "rare"), KeptState(state=STATE))])
    for number in range(150):
        kept.save([(a_result(number), KeptState(state=STATE))])
    found, cursor = [], None
    while True:
        page = kept.history("web", cursor=cursor, limit=15)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert 20 <= len(found) <= 20 + 51
    assert [result.reason for result in found] == [f"refused \0 {149 - i}" for i in range(len(found))]
    assert len(kept.history("rare").items) == 1
    assert len(kept.all_results()) == len(found) + 1


def test_foreign_cursors_and_limits_are_refused(database):
    """A listing takes back what it gave, and at most so many."""
    kept = CheckStore(database)
    for arguments in ({"cursor": "abc"}, {"limit": 0}, {"limit": 501}):
        with pytest.raises(InputError):
            kept.history("web", **arguments)
