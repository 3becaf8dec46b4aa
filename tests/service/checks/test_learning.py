"""Results of checks are metrics like any other: what is usual is learnt from them, and what is not is noticed."""

from datetime import timedelta

import numpy as np

from models.evidence import find_anomalies
from models.frames import SeriesKey
from models.scoring import Scorer
from service.checks.series import frame_of
from service.recovery.checkup import CheckResult, Reading
from service.recovery.health import HealthStatus
from service.replay import learn
from tests.service.recovery.checkup.worlds import T0

ROWS, LAST = 2 * 1440, 40


def test_a_check_that_is_slower_than_usual_is_an_anomaly():
    """Long before its own threshold, latency ten times the usual one is found by what was learnt from the results."""
    noise = np.random.default_rng(7).normal(0.02, 0.002, ROWS + LAST)
    noise[-20:] *= 10
    results = [
        CheckResult(
            check_id="web",
            component="orders",
            at=T0 + timedelta(minutes=i),
            status=HealthStatus.HEALTHY,
            reason="",
            reading=Reading(values={"latency_s": float(value)}, duration_s=float(value)),
            believed=HealthStatus.HEALTHY,
        )
        for i, value in enumerate(noise)
    ]
    history = frame_of(results[:ROWS], 60)
    bundle = learn(history, T0 + timedelta(days=2)).bundle
    fresh = frame_of(results[ROWS:], 60)
    found = find_anomalies(bundle, Scorer(bundle).advance(fresh))
    latency = [one for one in found if one.key == SeriesKey("orders", "web.latency_s")]
    assert latency
    assert min(one.start for one in latency) >= T0 + timedelta(minutes=ROWS + LAST - 20)
    assert not [one for one in found if one.key == SeriesKey("orders", "web.status")]
