"""Guess who calls whom from what follows what in the metrics: for systems without traces and topology file.

Trouble travels from callee to caller. If the latency of one component helps to predict that of another beyond the
other's own past, the latter may call the former. The result is a hint with its evidence; nothing may be repaired on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from analysis.findings import SkippedMethod
from analysis.lagged import Values, common_load, f_test, fit_of, lagged, residuals
from analysis.rootcause.kinds import MetricKind, classify
from analysis.topology import DependencyGraph, EdgeSource, Fact, FactKind, from_edges
from models.errors import ConfigurationError
from models.frames import MetricFrame, SeriesKey

_Tested = dict[tuple[int, int], tuple[float, float, int]]
"""p-value, strength and lag of pairs (caller, callee), by column."""

_CARRIERS = (MetricKind.LATENCY, MetricKind.ERRORS)
_LEAST_CROWD = 8
_EXACT = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoverySettings:
    """How an edge is looked for.

    Parameters
    ----------
    max_lag
        Rows by which a caller may follow its callee, at least 1.
    window_rows
        Of the rolling median that is taken off, at least 5; shorter than the daily swing, longer than an incident.
    false_discovery_rate
        Expected share of edges without any lagged dependence, in (0, 1).
    max_candidates
        Callees that are tested for each component, the most correlated ones; the others count as tested and refused.
    least_rows
        Fewer rows give no edge.
    max_rows
        The last rows of the frame that are read.

    Raises
    ------
    ConfigurationError
        If a value is out of its range.
    """

    max_lag: int = 3
    window_rows: int = 61
    false_discovery_rate: float = 0.05
    max_candidates: int = 12
    least_rows: int = 240
    max_rows: int = 4320

    def __post_init__(self) -> None:
        least = {"max_lag": 1, "window_rows": 5, "max_candidates": 1, "least_rows": 20 * self.max_lag, "max_rows": 1}
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise ConfigurationError(f"{name} is {getattr(self, name)}.", remedy=f"Give at least {lowest}.")
        if not 0 < self.false_discovery_rate < 1:
            problem = f"false_discovery_rate is {self.false_discovery_rate}."
            raise ConfigurationError(problem, remedy="Give a number between 0 and 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LaggedEdge:
    """One guessed call.

    Parameters
    ----------
    caller, callee
        Components.
    lag_rows
        At which the callee's past weighs most.
    p_value
        Of "the callee's past tells nothing", the largest of the tests that it passed; not adjusted.
    strength
        Share of the caller's unexplained variance that the callee's past explains, in (0, 1].
    """

    caller: str
    callee: str
    lag_rows: int
    p_value: float
    strength: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What was found, from what, and what could not be looked at.

    Parameters
    ----------
    edges
        Sorted by caller and callee.
    signals
        The series that stood for each component, sorted.
    skipped
        Components and steps that were left out, and why.
    """

    edges: tuple[LaggedEdge, ...]
    signals: tuple[SeriesKey, ...]
    skipped: tuple[SkippedMethod, ...]

    @property
    def graph(self) -> DependencyGraph:
        """The edges as a graph with the source LAG, over every component that was looked at."""
        pairs = ((edge.caller, edge.callee) for edge in self.edges)
        return from_edges(pairs, source=EdgeSource.LAG, components=(key.component for key in self.signals))

    def hints(self, first: datetime, last: datetime) -> tuple[Fact, ...]:
        """Turn the edges into facts for a ``TopologyHistory``, which keeps them out of its graphs.

        Parameters
        ----------
        first
            UTC; when the frame begins.
        last
            UTC; when it ends.

        Returns
        -------
        tuple of Fact
            One an edge, with its strength.
        """
        bare = Fact(
            kind=FactKind.EDGE, names=("", ""), source=EdgeSource.LAG, first_seen=first, last_seen=max(first, last)
        )
        return tuple(replace(bare, names=(edge.caller, edge.callee), strength=edge.strength) for edge in self.edges)


def discover_edges(frame: MetricFrame, settings: DiscoverySettings | None = None) -> Discovery:
    """Find calls by lagged dependence: Granger's F-test on deseasonalised latency, at a false-discovery rate.

    One latency series stands for a component, an error series where there is none; of several the one that remembers
    its own past best. A centred rolling median is taken off, the rest divided by its MAD and cut at ten. Each pair is
    tested given the target's own past and the common load (the median traffic; without traffic metrics the mean of the
    other signals), the survivors once more given the stronger callees of the same caller, which takes out most indirect
    calls. Only a slowdown that slows the caller counts; of two directions the one with more evidence stays.

    Assumes linear, stable dependence that takes at least part of a row to travel. It cannot see calls whose effect
    arrives within the same row, nor tell a call from a hidden cause that two components share with different delays;
    an indirect call whose middle is noisy or has gaps looks direct.

    A hint, no knowledge. On real recordings whose calls are known it is no better than chance: of 16 edges in three
    days of PetShop (5 min rows, 37 components) 1 was a call, 1 an indirect one, 3 ran backwards, where a pair at random
    is a call with 3 %; of 9 edges in ten hours of Online Boutique (1 min rows, 8 components) 2 were calls, 1 ran
    backwards, where a pair at random is one with 21 %. It found 3 % and 17 % of the calls. Real calls take
    milliseconds, so their effect arrives within the same row; what lags by minutes is mostly shared load.

    Measured on the simulated shop (14 components, 22 calls, 60 s rows, seeds 0 to 2), where a pair at random is a call
    with 12 %: two healthy days gave 41 to 55 % of the calls, and 91 to 100 % of the guesses were right; one day of seed
    0 gave 9 %. With 28 faint slowdowns of 12 minutes it gave 91 % of the calls, 77 to 95 % right. Simulated callers
    feel their callees one row late at the earliest, which is what the test looks for: these figures promise nothing.
    Of 100 frames of independent noise 3 had an edge, 7 if each value kept 95 % of the one before.

    Parameters
    ----------
    frame
        Healthy or troubled history, a day or more; NaN means missing. The order of the columns does not matter.
    settings
        None: the defaults.

    Returns
    -------
    Discovery
        Without edges and with the reason where nothing can be told.

    References
    ----------
    Granger (1969), Investigating Causal Relations by Econometric Models and Cross-spectral Methods, Econometrica 37.
    Benjamini and Hochberg (1995), Controlling the False Discovery Rate, J. R. Statist. Soc. B 57.
    """
    rules = settings or DiscoverySettings()
    recent = frame.rows(frame.n_rows - rules.max_rows, frame.n_rows)
    if recent.n_rows < rules.least_rows:
        return _nothing(f"{recent.n_rows} rows are fewer than {rules.least_rows}")
    signals, skipped = _signals(recent, rules)
    if len(signals) < 2:
        return _nothing(f"{len(signals)} components have a usable signal, two are needed", tuple(signals), skipped)
    load = common_load(recent, rules.window_rows)
    if load is None and len(signals) < _LEAST_CROWD:
        reason = f"no traffic metric, and the mean of fewer than {_LEAST_CROWD} components is no common load"
        skipped = (*skipped, SkippedMethod(name="common load", reason=reason))
    tested = _Pairs(np.column_stack(list(signals.values())), load, rules).passed()
    names = [key.component for key in signals]
    return Discovery(
        edges=tuple(
            LaggedEdge(caller=names[i], callee=names[j], lag_rows=lag, p_value=p, strength=strength)
            for (i, j), (p, strength, lag) in sorted(tested.items())
        ),
        signals=tuple(signals),
        skipped=skipped,
    )


def _nothing(reason: str, signals: tuple[SeriesKey, ...] = (), skipped: tuple[SkippedMethod, ...] = ()) -> Discovery:
    why = SkippedMethod(name="lagged dependence", reason=reason)
    return Discovery(edges=(), signals=signals, skipped=(*skipped, why))


def _signals(frame: MetricFrame, rules: DiscoverySettings) -> tuple[dict[SeriesKey, Values], tuple[SkippedMethod, ...]]:
    """The series that stands for each component, or why there is none."""
    carriers = sorted(key for key in frame.keys if classify(key.metric) in _CARRIERS)
    columns = zip(carriers, residuals(frame.select(carriers), rules.window_rows).T, strict=True)
    usable = {key: column for key, column in columns if not np.isnan(column).all()}
    chosen, skipped = {}, []
    for name in frame.components:
        ranks = {
            key: (-_CARRIERS.index(classify(key.metric)), _memory(column))
            for key, column in usable.items()
            if key.component == name
        }
        if ranks:
            best = max(ranks, key=ranks.__getitem__)
            chosen[best] = usable[best]
        else:
            reason = "no latency or error series with enough values that vary"
            skipped.append(SkippedMethod(name=f"lagged dependence of {name}", reason=reason))
    return chosen, tuple(skipped)


def _memory(column: Values) -> float:
    """Autocorrelation at one row: how much of a series is more than the noise of its measurement."""
    filled = np.nan_to_num(column)
    return float(filled[1:] @ filled[:-1] / (filled @ filled))


class _Pairs:
    """The tests of one frame; ``signals`` has shape (rows, components)."""

    def __init__(self, signals: Values, load: Values | None, rules: DiscoverySettings) -> None:
        self._rules, self._load = rules, load
        self._wanted = signals[rules.max_lag :]
        self._filled = np.nan_to_num(signals)
        self._pasts = [lagged(column, 1, rules.max_lag) for column in self._filled.T]

    def passed(self) -> _Tested:
        """Every (caller, callee) that passes in at most one direction."""
        alone: _Tested = {}
        for at in range(len(self._pasts)):
            alone |= self._tested(at)
        strong = self._controlled(alone)
        given: _Tested = {}
        for at, by in strong:
            stronger = [j for i, j in strong if i == at and _rank(strong, (i, j)) < _rank(strong, (at, by))]
            for pair, (p_value, strength, lag) in self._tested(at, [by], stronger).items():
                given[pair] = (max(p_value, strong[pair][0]), strength, lag)
        kept = self._controlled(given)
        return {(i, j): kept[i, j] for i, j in kept if (j, i) not in kept or _rank(kept, (i, j)) < _rank(kept, (j, i))}

    def _tested(self, at: int, callees: Sequence[int] = (), given: Sequence[int] = ()) -> _Tested:
        """Test callees, by default the likeliest, beyond the own past, the load and given callees of a caller."""
        known = ~np.isnan(self._wanted[:, at])
        fit = fit_of(
            self._wanted[known, at], np.column_stack([*self._known(at), *(self._pasts[j] for j in given)])[known]
        )
        results: _Tested = {}
        for by in callees or self._candidates(at, fit.resid, known):
            if result := f_test(fit, self._pasts[by][known]):
                results[at, by] = result
        return results

    def _known(self, at: int) -> list[Values]:
        """What tells of a caller without any callee: its own past and the common load."""
        parts = [np.ones((len(self._wanted), 1)), self._pasts[at]]
        n = self._filled.shape[1]
        if self._load is not None:
            parts.append(lagged(self._load, 0, self._rules.max_lag))
        elif n >= _LEAST_CROWD:
            others = (self._filled.sum(axis=1) - self._filled[:, at]) / (n - 1)
            parts.append(lagged(others, 0, self._rules.max_lag))
        return parts

    def _candidates(self, at: int, unexplained: Values, known: NDArray[np.bool_]) -> list[int]:
        """The components whose past goes most with what is left of the caller."""
        lengths = [np.linalg.norm(past[known], axis=0).clip(_EXACT) for past in self._pasts]
        shares = [np.abs(unexplained @ p[known] / n).max() for p, n in zip(self._pasts, lengths, strict=True)]
        ranked = sorted((j for j in range(len(shares)) if j != at), key=lambda j: (-shares[j], j))
        return ranked[: self._rules.max_candidates]

    def _controlled(self, results: _Tested) -> _Tested:
        """Those that stay at the false-discovery rate over all pairs; a pair without a result counts as p = 1."""
        from statsmodels.stats.multitest import multipletests

        n = len(self._pasts)
        values = np.ones(n * (n - 1))
        values[: len(results)] = [p for p, _, _ in results.values()]
        stays = multipletests(values, self._rules.false_discovery_rate, method="fdr_bh")[0]
        return {pair: results[pair] for pair, is_kept in zip(results, stays, strict=False) if is_kept}


def _rank(results: _Tested, pair: tuple[int, int]) -> tuple[float, float, tuple[int, int]]:
    """More evidence first."""
    p_value, strength, _ = results[pair]
    return p_value, -strength, pair
