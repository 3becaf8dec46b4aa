"""Faultline and its rivals behind one call: a case goes in, an answer comes out."""

import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from time import process_time
from types import ModuleType
from typing import Any

import numpy as np

from analysis import pipeline
from analysis.findings import SkippedMethod
from analysis.pipeline import diagnose, situation_from_case
from analysis.ranking.files import load_ranker
from analysis.ranking.ranker import Ranker
from analysis.rootcause import fusion, metrics
from analysis.rootcause.observation import Observation
from analysis.rootcause.settings import RootCauseSettings
from analysis.situation import Situation
from analysis.topology import from_edges
from benchmarks.rca.contract import CannotRun, ranked
from benchmarks.rca.rivals import RIVALS
from models.sources.cases import Case

METRICS_KEPT = 50
SEED = 20_260_301

Edges = tuple[tuple[str, str], ...]
"""Caller and callee."""
ChangeEdges = Callable[[Edges, np.random.Generator], Edges]


def seeded(case: str) -> np.random.Generator:
    """A generator that depends on the name of the case alone."""
    return np.random.default_rng([SEED, zlib.crc32(case.encode())])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a method says of a case.

    Parameters
    ----------
    ranking
        Every candidate, best first; empty if there is no answer.
    metrics
        Component and metric, best first.
    causes
        Components with their likelihoods; empty for methods that state none.
    confidence
        That the first is right, in [0, 1]; None for methods that state none.
    is_named
        Whether the method names a most likely cause or says that there is not enough evidence.
    seconds
        CPU time without reading the files.
    reason
        Why there is no answer.
    """

    ranking: tuple[str, ...] = ()
    metrics: tuple[tuple[str, str], ...] = ()
    causes: tuple[tuple[str, float], ...] = ()
    confidence: float | None = None
    is_named: bool | None = None
    seconds: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """Faultline.

    Parameters
    ----------
    settings
        The configuration.
    off
        Names of collectors that are switched off.
    calls
        Changes all known calls, also those that traces and alerts show; None leaves them. Takes a generator that is
        seeded by the case alone.
    ranker
        Directory of a ranker that was learnt from resolved incidents; None ranks without.
    """

    settings: RootCauseSettings = field(default_factory=RootCauseSettings)
    off: tuple[str, ...] = ()
    calls: ChangeEdges | None = None
    ranker: Path | None = None

    def __call__(self, case: Case) -> Answer:
        """Diagnose."""
        situation = situation_from_case(case)
        ranker = None if self.ranker is None else _load(self.ranker)
        with switched_off(self.off), changed_calls(self.calls, case.name):
            began = process_time()
            analysis = diagnose(situation, self.settings, ranker)
            seconds = process_time() - began
        return Answer(
            ranking=analysis.ranking,
            metrics=tuple((key.component, key.metric) for key in analysis.metric_ranking[:METRICS_KEPT]),
            causes=tuple((cause.component, cause.likelihood) for cause in analysis.possible_causes),
            confidence=analysis.confidence,
            is_named=analysis.most_likely_cause is not None,
            seconds=seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """A rival.

    Parameters
    ----------
    key
        In ``RIVALS``.
    """

    key: str

    def __call__(self, case: Case) -> Answer:
        """Rank."""
        began = process_time()
        scores = RIVALS[self.key].score(case)
        seconds = process_time() - began
        if isinstance(scores, CannotRun):
            return Answer(reason=scores.reason)
        return Answer(ranking=ranked(case, scores), seconds=seconds)


@cache
def _load(place: Path) -> Ranker:
    """Read a ranker once a process."""
    return load_ranker(place)


def collectors() -> dict[str, ModuleType]:
    """The collectors that the fusion knows.

    Returns
    -------
    dict of str to module
        By their names: every module that ``analysis.rootcause.fusion`` has imported and that has ``NAME`` and
        ``collect``.
    """
    modules = (thing for thing in vars(fusion).values() if isinstance(thing, ModuleType))
    return {module.NAME: module for module in modules if hasattr(module, "NAME") and hasattr(module, "collect")}


@contextmanager
def switched_off(names: tuple[str, ...]) -> Iterator[None]:
    """Let collectors say that they were switched off.

    Parameters
    ----------
    names
        As in ``collectors``; an unknown one is a KeyError.

    Yields
    ------
    None
        Once.
    """
    with ExitStack() as stack:
        for name in names:
            module = collectors()[name]
            changed = _nothing_of_metrics(metrics.collect) if module is metrics else _skip(name)
            stack.enter_context(_replaced(module, "collect", changed))
        yield


@contextmanager
def changed_calls(change: ChangeEdges | None, case: str) -> Iterator[None]:
    """Let the diagnosis see other calls than the situation shows.

    Parameters
    ----------
    change
        Of all edges, sorted; None changes nothing.
    case
        Seeds the change.

    Yields
    ------
    None
        Once.
    """
    if change is None:
        yield
        return

    def observe(situation: Situation) -> Observation:
        seen: Observation = usual(situation)
        edges = change(tuple(sorted({(edge.caller, edge.callee) for edge in seen.graph.edges})), seeded(case))
        return replace(seen, graph=from_edges(edges, components=seen.graph.components))

    usual = vars(pipeline)["observe"]
    with _replaced(pipeline, "observe", observe):
        yield


@contextmanager
def _replaced(module: ModuleType, name: str, value: object) -> Iterator[None]:
    """Exchange what a module knows under a name, and put it back."""
    usual = vars(module)[name]
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, usual)


def _skip(name: str) -> Any:
    """A collector that finds nothing."""

    def collect(*_given: object) -> SkippedMethod:
        return SkippedMethod(name=name, reason="It is switched off.")

    return collect


def _nothing_of_metrics(collect: Callable[..., metrics.MetricFindings]) -> Callable[..., metrics.MetricFindings]:
    """The collector of metrics as if there were none; other collectors still see the series."""

    def collect_nothing(observation: Observation, settings: RootCauseSettings) -> metrics.MetricFindings:
        width = 0 if observation.series is None else len(observation.series.keys)
        return replace(collect(replace(observation, series=None), settings), points=np.zeros(width))

    return collect_nothing
