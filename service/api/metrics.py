"""The service's own figures for Prometheus, in a registry of their own: a process may hold several applications."""

import math
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.backend import Backend
from service.recovery.breakers.metrics import breaker_families
from service.recovery.health import HealthStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
EXAMPLE = 'faultline_rows_read_total 2880.0\nfaultline_breaker_state{breaker="payments-db",state="OPEN"} 1.0\n'
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class ServiceMetrics:
    """Figures of the engine, read when they are asked for, and of requests, counted as they pass.

    Parameters
    ----------
    backend
        The engine.
    """

    def __init__(self, backend: Backend) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_EngineCollector(backend))
        self._requests = Counter(
            "faultline_http_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "faultline_http_request_duration_seconds",
            "Time to the end of the answer.",
            ["route"],
            registry=self._registry,
            buckets=_BUCKETS,
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request.

        Parameters
        ----------
        method
            HTTP method; made-up ones count as OTHER, so that callers cannot grow the figures.
        route
            Template of the path, never the path itself.
        status
            HTTP status.
        seconds
            How long it took.
        """
        self._requests.labels(method if method in _METHODS else "OTHER", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def render(self) -> bytes:
        """Write all figures down.

        Returns
        -------
        bytes
            Prometheus text format.
        """
        return generate_latest(self._registry)


class _EngineCollector:
    """Reads the engine at the moment of a scrape."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def describe(self) -> Iterator[Metric]:
        """Tell the registry nothing in advance: the engine may not be up yet."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Read."""
        yield from self._engine()
        yield from self._incidents()
        yield from self._breakers()
        yield from self._checks()
        yield from self._safety()
        yield from self._strategies()

    def _engine(self) -> Iterator[Metric]:
        status = self._backend.status()
        lag = math.nan if status.last_row_at is None else (self._backend.now() - status.last_row_at).total_seconds()
        yield GaugeMetricFamily("faultline_ready", "1 if the loop watches.", value=float(status.is_ready))
        yield GaugeMetricFamily("faultline_data_lag_seconds", "Age of the newest metric row.", value=lag)
        yield CounterMetricFamily("faultline_rows_read", "Metric rows read.", value=status.rows_read)
        yield CounterMetricFamily("faultline_engine_errors", "Steps of the loop that failed.", value=status.error_count)

    def _incidents(self) -> Iterator[Metric]:
        family = GaugeMetricFamily("faultline_incidents", "Incidents kept, by status.", labels=["status"])
        for status, count in self._backend.store.count_incidents().items():
            family.add_metric([status.value], count)
        yield family

    def _breakers(self) -> Iterator[Metric]:
        yield from breaker_families(self._backend.breakers())

    def _safety(self) -> Iterator[Metric]:
        safety = self._backend.safety
        stopped = float(safety.stopped is not None)
        yield GaugeMetricFamily("faultline_actions_stopped", "1 while all actions are stopped.", value=stopped)
        family = GaugeMetricFamily(
            "faultline_degradation_level", "Level of reduced function, 0 is full.", labels=["component"]
        )
        for status in safety.degradations():
            family.add_metric([status.component], status.level)
        yield family

    def _strategies(self) -> Iterator[Metric]:
        runs = GaugeMetricFamily(
            "faultline_strategy_runs",
            "Finished runs among the latest thousand, by how they ended.",
            labels=["strategy", "ending"],
        )
        rate = GaugeMetricFamily(
            "faultline_strategy_success_ratio", "Completed among completed and failed runs.", labels=["strategy"]
        )
        seconds = GaugeMetricFamily(
            "faultline_strategy_time_to_recover_seconds", "Mean of completed runs.", labels=["strategy"]
        )
        for figures in self._backend.safety.figures():
            for ending in ("completed", "failed", "cancelled"):
                runs.add_metric([figures.strategy_id, ending], getattr(figures, ending))
            for family, value in ((rate, figures.success_rate), (seconds, figures.time_to_recover_s)):
                if value is not None:
                    family.add_metric([figures.strategy_id], value)
        yield from (runs, rate, seconds)

    def _checks(self) -> Iterator[Metric]:
        """Figures of the health checks; a value that is not known is left out."""
        names = ["check", "component"]
        status = GaugeMetricFamily("faultline_check_status", "1 for what is believed.", labels=[*names, "status"])
        value = GaugeMetricFamily("faultline_check_value", "Measured by the latest run.", labels=[*names, "metric"])
        took = GaugeMetricFamily("faultline_check_duration_seconds", "Of the latest run.", labels=names)
        flaps = GaugeMetricFamily("faultline_check_flap_ratio", "Share of results that differ.", labels=names)
        runs = CounterMetricFamily("faultline_check_runs", "Results, by outcome.", labels=[*names, "outcome"])
        for view in self._backend.checks.views():
            own = [view.id, view.component]
            for one in HealthStatus:
                status.add_metric([*own, one.value], float(view.status is one))
            for metric, measured in view.values.items():
                if math.isfinite(measured):
                    value.add_metric([*own, metric], measured)
            for family, figure in ((took, view.duration_s), (flaps, view.flap_rate)):
                if math.isfinite(figure):
                    family.add_metric(own, figure)
            runs.add_metric([*own, "timeout"], view.timeouts)
            runs.add_metric([*own, "failed"], view.bad_runs - view.timeouts)
            runs.add_metric([*own, "other"], view.runs - view.bad_runs)
        yield from (status, value, took, flaps, runs)
        yield GaugeMetricFamily("faultline_checks_hung", "Runs that have not ended.", value=self._backend.checks.hung)


class RequestMeter:
    """Counts every request that passes.

    Parameters
    ----------
    app
        What answers.
    metrics
        Where it is counted.
    clock
        Seconds that never run backwards.
    """

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics, clock: Any) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = self._clock(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.count(scope["method"], route, status, self._clock() - began)
