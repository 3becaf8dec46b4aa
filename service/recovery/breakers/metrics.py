"""Breakers and bulkheads as Prometheus metrics, read at the moment of a scrape: a call costs nothing for them.

Not imported with the breakers: only who registers the collector loads ``prometheus_client``.
"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from service.recovery.breakers.events import BreakerSnapshot
from service.recovery.breakers.states import CircuitState
from service.recovery.bulkhead import BulkheadSnapshot


class GuardCollector:
    """For ``prometheus_client.REGISTRY.register``.

    Parameters
    ----------
    breakers
        Gives the breakers' figures, for example ``board.snapshots``.
    bulkheads
        Gives the bulkheads' figures.

    Examples
    --------
    >>> from service.recovery import CircuitBreaker
    >>> breaker = CircuitBreaker("orders")
    >>> collector = GuardCollector(lambda: [breaker.snapshot()])
    >>> next(iter(collector.collect())).name
    'faultline_breaker_state'
    """

    def __init__(
        self,
        breakers: Callable[[], Iterable[BreakerSnapshot]],
        bulkheads: Callable[[], Iterable[BulkheadSnapshot]] = tuple,
    ) -> None:
        self._breakers = breakers
        self._bulkheads = bulkheads

    def describe(self) -> Iterator[Metric]:
        """Tell the registry nothing in advance.

        Returns
        -------
        Iterator of Metric
            Empty.
        """
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Read all figures.

        Yields
        ------
        Metric
            One family after the other.
        """
        yield from breaker_families(self._breakers())
        yield from bulkhead_families(self._bulkheads())


def breaker_families(snapshots: Iterable[BreakerSnapshot]) -> Iterator[Metric]:
    """Write breakers as metrics.

    Parameters
    ----------
    snapshots
        Their figures.

    Yields
    ------
    Metric
        State, calls by outcome, slow calls, openings, shares of the window.
    """
    state = GaugeMetricFamily(
        "faultline_breaker_state", "1 for the state that the breaker is in.", labels=["breaker", "state"]
    )
    calls = CounterMetricFamily("faultline_breaker_calls", "Calls, by outcome.", labels=["breaker", "outcome"])
    slow = CounterMetricFamily("faultline_breaker_slow_calls", "Calls that were slow.", labels=["breaker"])
    opened = CounterMetricFamily("faultline_breaker_openings", "Times that it opened.", labels=["breaker"])
    failing = GaugeMetricFamily("faultline_breaker_failure_rate", "Failed share of the window.", labels=["breaker"])
    slowing = GaugeMetricFamily("faultline_breaker_slow_rate", "Slow share of the window.", labels=["breaker"])
    for snapshot in snapshots:
        for each in CircuitState:
            state.add_metric([snapshot.name, each.value], float(snapshot.state is each))
        for outcome in ("success", "failure", "rejected", "late"):
            calls.add_metric([snapshot.name, outcome], getattr(snapshot, f"{outcome}_count"))
        slow.add_metric([snapshot.name], snapshot.slow_count)
        opened.add_metric([snapshot.name], snapshot.opened_count)
        failing.add_metric([snapshot.name], snapshot.failure_rate)
        slowing.add_metric([snapshot.name], snapshot.slow_rate)
    yield from (state, calls, slow, opened, failing, slowing)


def bulkhead_families(snapshots: Iterable[BulkheadSnapshot]) -> Iterator[Metric]:
    """Write bulkheads as metrics.

    Parameters
    ----------
    snapshots
        Their figures.

    Yields
    ------
    Metric
        Calls inside, callers waiting, callers refused.
    """
    running = GaugeMetricFamily("faultline_bulkhead_running", "Calls inside.", labels=["bulkhead"])
    waiting = GaugeMetricFamily("faultline_bulkhead_waiting", "Callers that wait.", labels=["bulkhead"])
    rejected = CounterMetricFamily("faultline_bulkhead_rejections", "Callers refused.", labels=["bulkhead"])
    for snapshot in snapshots:
        running.add_metric([snapshot.name], snapshot.running)
        waiting.add_metric([snapshot.name], snapshot.waiting)
        rejected.add_metric([snapshot.name], snapshot.rejected_count)
    yield from (running, waiting, rejected)
