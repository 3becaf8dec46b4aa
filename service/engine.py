"""The loop: read, score, group, analyse, decide, act, verify, record. One step a call; the caller owns the pace.

A stage that fails is recorded and does not stop the others. One lock guards the whole: a step and a request from
outside never interleave.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from analysis.topology import DependencyGraph, from_edges
from models.frames import MetricFrame, to_datetime
from service.casebook import Casebook
from service.health import HealthMonitor
from service.observer import Observer
from service.ports import Clock, EventSink, MetricSource
from service.records import Record, RecordKind
from service.responder import Responder
from service.store.sql import SqlStore

Publish = Callable[[Record], None]
_log = logging.getLogger(__name__)
_RESPOND = "respond to "
_WHOLE = "step"


@dataclass(slots=True, kw_only=True)
class Pulse:
    """How the loop itself is: counted, not judged.

    Parameters
    ----------
    rows_read
        Metric rows since the start.
    error_count
        Stages that failed since the start.
    unrecorded_count
        Failures that could not be written to the ledger; they are in the log of the process.
    failing
        Stage to what it said, of those that failed when they were last tried.
    last_step_at
        UTC; None before the first step.
    """

    rows_read: int = 0
    error_count: int = 0
    unrecorded_count: int = 0
    failing: dict[str, str] = field(default_factory=dict)
    last_step_at: datetime | None = None


class Ledger:
    """Writes every record to the store, then tells whoever listens.

    A listener that fails is logged and changes nothing: the record is kept, and the others hear of it.

    Parameters
    ----------
    store
        Where the ledger is kept.
    sinks
        Told of every record, in order.
    """

    def __init__(self, store: SqlStore, sinks: Iterable[EventSink] = ()) -> None:
        self._store = store
        self._sinks = tuple(sinks)

    def __call__(self, record: Record) -> None:
        """Keep and tell."""
        kept = self._store.append(record)
        for sink in self._sinks:
            try:
                sink.publish(kept)
            except Exception:  # noqa: BLE001  # a listener may raise anything, and the record would be written again
                _log.exception("a listener failed on record %d", kept.seq)


class Engine:
    """The closed loop over one system.

    Parameters
    ----------
    source
        Where metrics and changes come from.
    clock
        The engine's time.
    observer
        Scores.
    casebook
        Groups and analyses.
    responder
        Decides, acts, verifies.
    health
        Judges the components.
    publish
        The ledger.
    degrade
        Looks at the levels of reduced function, once a step.

    Attributes
    ----------
    lock
        Held during a step.
    pulse
        Figures of the loop.
    driver
        The thread that goes round, once there is one; None while the steps are called by hand.
    """

    def __init__(
        self,
        *,
        source: MetricSource,
        clock: Clock,
        observer: Observer,
        casebook: Casebook,
        responder: Responder,
        health: HealthMonitor,
        publish: Publish,
        degrade: Callable[[datetime], object] = lambda _: None,
    ) -> None:
        self.lock = threading.RLock()
        self.pulse = Pulse()
        self.observer = observer
        self.casebook = casebook
        self._source = source
        self._clock = clock
        self.health = health
        self._responder = responder
        self._publish = publish
        self._degrade = degrade
        self.driver: threading.Thread | None = None
        self._ungrouped_since: datetime | None = None
        self._recorded: dict[str, str] = {}

    @property
    def is_going(self) -> bool:
        """False if a thread was to go round and has ended."""
        return self.driver is None or self.driver.is_alive()

    @property
    def edges(self) -> tuple[tuple[str, str], ...] | None:
        """Who calls whom; None if nobody knows."""
        return self._source.edges

    def step(self) -> bool:
        """Go round once.

        Returns
        -------
        bool
            Whether there were fresh rows.
        """
        fresh: MetricFrame | None = None
        with self.lock, self._stage(_WHOLE):  # what fails between the stages must not stop the loop either
            with self._stage("read"):
                fresh = self._source.read()
                self.casebook.note_changes(self._source.changes())
            if fresh is not None:
                with self._stage("score"):
                    self.observer.observe(fresh)
                    self.pulse.rows_read += fresh.n_rows
                with self._stage("group"):
                    self._group(fresh)
            with self._stage("health"):
                self.health.observe(self.observer.scores, self._clock.now())
            for incident in self.casebook.open:
                with self._stage(f"{_RESPOND}{incident.id}"):
                    self._responder.respond(incident, self.observer, self.edges, self._clock.now())
            with self._stage("recover"):
                self._responder.advance(self.observer, self.edges, self._clock.now())
            with self._stage("degrade"):
                self._degrade(self._clock.now())
            self._forget_the_resolved()
            self.pulse.last_step_at = self._clock.now()
        return fresh is not None

    def _group(self, fresh: MetricFrame) -> None:
        if self._ungrouped_since is None:
            self._ungrouped_since = to_datetime(fresh.start)
        since = self.casebook.watched_since(self._ungrouped_since)
        graph = from_edges(self.edges) if self.edges is not None else DependencyGraph()
        self.casebook.update(self.observer.anomalies(since), graph, self._clock.now())
        self._ungrouped_since = None

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001  # here a failing stage must not stop the loop; it is recorded
            self._note_failure(name, error)
        else:
            self.pulse.failing.pop(name, None)
            self._recorded.pop(name, None)

    def _forget_the_resolved(self) -> None:
        """A stage of an incident that is over is not tried again, so it does not fail any more."""
        alive = {f"{_RESPOND}{incident.id}" for incident in self.casebook.open}
        for stage in [name for name in self.pulse.failing if name.startswith(_RESPOND) and name not in alive]:
            del self.pulse.failing[stage]
            self._recorded.pop(stage, None)

    def _note_failure(self, stage: str, error: Exception) -> None:
        """Count a failure and record it; one that goes on step after step is recorded once."""
        what = f"{type(error).__name__}: {error}"
        self.pulse.error_count += 1
        self.pulse.failing[stage] = what
        if self._recorded.get(stage) == what:
            return
        _log.error("the stage %s failed", stage, exc_info=error)
        try:
            self._publish(
                Record(
                    at=self._clock.now(),
                    kind=RecordKind.ENGINE_ERROR,
                    subject=stage,
                    message=f"the stage {stage} failed: {what}",
                )
            )
        except Exception:  # noqa: BLE001  # a failing ledger must not stop the loop: what acts has to be watched
            self.pulse.unrecorded_count += 1
            _log.exception("the failure of the stage %s could not be recorded", stage)
        else:
            self._recorded[stage] = what
