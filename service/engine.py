"""The loop: read, score, group, analyse, decide, act, verify, record. One step a call; the caller owns the pace.

A stage that fails is recorded and does not stop the others. One lock guards the whole: a step and a request from
outside never interleave.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from analysis.topology import DependencyGraph, from_edges
from models.frames import MetricFrame, to_datetime
from service.casebook import Casebook
from service.observer import Observer
from service.ports import Clock, EventSink, MetricSource
from service.records import Record, RecordKind
from service.responder import Responder
from service.store.sql import SqlStore

Publish = Callable[[Record], None]


@dataclass(slots=True, kw_only=True)
class Pulse:
    """How the loop itself is: counted, not judged.

    Parameters
    ----------
    rows_read
        Metric rows since the start.
    error_count
        Stages that failed since the start.
    last_error
        What the latest failure said; empty if there was none.
    last_step_at
        UTC; None before the first step.
    """

    rows_read: int = 0
    error_count: int = 0
    last_error: str = ""
    last_step_at: datetime | None = None


class Ledger:
    """Writes every record to the store, then tells whoever listens.

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
            sink.publish(kept)


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
    publish
        The ledger.
    """

    def __init__(
        self,
        *,
        source: MetricSource,
        clock: Clock,
        observer: Observer,
        casebook: Casebook,
        responder: Responder,
        publish: Publish,
    ) -> None:
        self.lock = threading.RLock()
        self.pulse = Pulse()
        self.observer = observer
        self.casebook = casebook
        self._source = source
        self._clock = clock
        self._responder = responder
        self._publish = publish

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
        with self.lock:
            fresh: MetricFrame | None = None
            with self._stage("read"):
                fresh = self._source.read()
                self.casebook.note_changes(self._source.changes())
            if fresh is not None:
                with self._stage("score"):
                    self.observer.observe(fresh)
                    self.pulse.rows_read += fresh.n_rows
                with self._stage("group"):
                    self._group(fresh)
            with self._stage("respond"):
                self._responder.respond(self.observer, self.edges, self._clock.now())
            self.pulse.last_step_at = self._clock.now()
        return fresh is not None

    def _group(self, fresh: MetricFrame) -> None:
        since = self.casebook.watched_since(to_datetime(fresh.start))
        graph = from_edges(self.edges) if self.edges is not None else DependencyGraph()
        self.casebook.update(self.observer.anomalies(since), graph, self._clock.now())

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001  # the one place where a failing stage must not stop the loop; it is recorded
            self.pulse.error_count += 1
            self.pulse.last_error = f"{name}: {error}"
            self._publish(
                Record(
                    at=self._clock.now(),
                    kind=RecordKind.ENGINE_ERROR,
                    subject=name,
                    message=f"the stage {name} failed: {type(error).__name__}: {error}",
                )
            )
