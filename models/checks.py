"""The contract of a detector, as a check that anyone can run on their own.

Write ``check_detector(MyDetector)`` in a test. It needs no data and no network; it takes a second or two.
"""

import io
import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.anomalies import AnomalyType
from models.detector import Arrays, Detector, components
from models.errors import ContractError, NotFittedError
from models.features import Array
from models.frames import MetricFrame, SeriesKey
from models.online.arrays import from_arrays, to_arrays
from models.online.residuals import ResidualState
from models.residuals import ResidualModel, Residuals

STEP_S = 600.0
ROWS = 4 * 144
TRAIN_ROWS = 3 * 144
BATCHES = (1, 7, 60)

Factory = Callable[[], Detector]


def check_detector(factory: Factory) -> None:
    """Run every check on a detector.

    The promises: it names itself, and its parameters are JSON-ready; it refuses to score before it was fitted; scores
    are float64 of shape (n_columns, n_rows), not negative and never infinite, whatever the values; a later row changes
    no earlier score; rows in batches of 1, 7 and 60 with carried memory get the bits of the whole; memory and fitted
    state are plain arrays by column or series, and go on with the same bits from the disk; all that is remembered is
    in the memory, which is changed in place; what is handed in otherwise is not changed; a row without a value is NaN
    and changes nothing later; two fits score alike; the order of the series does not matter; nothing warns.

    Parameters
    ----------
    factory
        Makes an unfitted detector; called several times.

    Raises
    ------
    ContractError
        At the first promise that the detector breaks, naming it.
    """
    setting = _Setting.of(example_frame())
    checks = (
        _introduces_itself,
        _refuses_unfitted,
        _answers_in_shape,
        _changes_its_memory_only,
        _is_deterministic,
        _is_causal,
        _ignores_the_batch,
        _restores_its_memory,
        _restores_its_state,
        _survives_gaps,
        _survives_odd_series,
        _ignores_order,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            for check in checks:
                check(factory, setting)
        except Warning as warning:
            raise ContractError(f"{_name(factory)} warns: {warning!r}.", remedy="handle the values") from warning


def example_frame(seed: int = 11) -> MetricFrame:
    """Four days of twelve series in three components, gaps and extremes among them.

    Parameters
    ----------
    seed
        Of the noise.

    Returns
    -------
    MetricFrame
        Step 600 s; a day-night series, noise, negatives, integers, a constant, zeros, values of 1e-300, of 1e300 and of
        the largest size there is, a series with gaps, one that is all missing, and one that is noise until it leaps to
        1e300 and back on the last day.
    """
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(ROWS, 11))
    wave = np.sin(2 * np.pi * np.arange(ROWS) / 144)
    leaps = np.where(np.arange(ROWS) % 40 == 0, -1e300, 1e300) * (np.arange(ROWS) >= ROWS - 100)
    columns = {
        ("shop", "latency"): 5 + 2 * wave + 0.3 * noise[:, 0],
        ("shop", "noise"): noise[:, 1],
        ("shop", "negative"): -50 + noise[:, 2],
        ("shop", "count"): np.floor(4 + wave + np.abs(noise[:, 3])),
        ("store", "constant"): np.full(ROWS, 7.25),
        ("store", "zero"): np.zeros(ROWS),
        ("store", "tiny"): 1e-300 * noise[:, 4],
        ("store", "huge"): 1e300 * noise[:, 5],
        ("store", "largest"): 1.7e308 * np.sign(noise[:, 7]),
        ("queue", "gaps"): np.where(rng.random(ROWS) < 0.3, np.nan, noise[:, 6]),
        ("queue", "missing"): np.full(ROWS, np.nan),
        ("queue", "leaping"): np.where(np.arange(ROWS) % 20 == 0, leaps, noise[:, 10]),
    }
    return MetricFrame(
        start=np.datetime64("2026-03-02T00:00:00", "us"),
        step_s=STEP_S,
        keys=tuple(SeriesKey(*name) for name in columns),
        values=np.column_stack(list(columns.values())),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Setting:
    """History beside what was expected of it, and a residual model at its end for the rows behind it."""

    frame: MetricFrame
    model: ResidualModel
    history: Residuals
    state: ResidualState

    @classmethod
    def of(cls, frame: MetricFrame) -> "_Setting":
        model = ResidualModel(step_s=frame.step_s)
        past = frame.rows(0, TRAIN_ROWS)
        values, calendar = np.ascontiguousarray(past.values.T), np.zeros(frame.n_series, dtype=np.int64)
        history, state = model.fit_apply(frame.keys, past.times, values, calendar)
        return cls(frame=frame, model=model, history=history, state=state)

    @property
    def times(self) -> NDArray[np.datetime64]:
        return self.frame.times[TRAIN_ROWS:]

    @property
    def values(self) -> Array:
        """Shape (n_series, n_rows)."""
        return np.ascontiguousarray(self.frame.values[TRAIN_ROWS:].T)

    def seen(
        self, values: Array | None = None, *, times: NDArray[np.datetime64] | None = None, size: int = ROWS
    ) -> list[Residuals]:
        """Rows behind the history beside what was expected of them, in batches."""
        state = from_arrays(ResidualState, to_arrays(self.state))
        rows, moments = self.values if values is None else values, self.times if times is None else times
        return [
            self.model.apply(self.frame.keys, moments[first : first + size], rows[:, first : first + size], state)
            for first in range(0, max(rows.shape[1], 1), size)
        ]

    def fit(self, factory: Factory) -> Detector:
        return factory().fit(self.history)

    def memory(self, detector: Detector) -> dict[str, NDArray[Any]]:
        """As it is at the end of the history."""
        memory = detector.start(self.frame.keys)
        detector.score(self.history, memory)
        return memory

    def raw(self, detector: Detector, parts: Sequence[Residuals] | None = None) -> Array:
        memory = self.memory(detector)
        return np.concatenate([detector.score(part, memory) for part in parts or self.seen()], axis=1)


def _name(factory: Factory) -> str:
    return str(getattr(factory, "name", None) or getattr(factory, "__name__", factory))


def _fail(factory: Factory, promise: str) -> ContractError:
    return ContractError(f"{_name(factory)} breaks its contract: {promise}.", remedy="see models.detector.Detector")


def _same(left: Array, right: Array) -> bool:
    return np.array_equal(left, right, equal_nan=True)


def _inputs(seen: Residuals) -> tuple[NDArray[Any], ...]:
    return seen.values, seen.expected, seen.scale, seen.features


def _through_a_file(factory: Factory, arrays: Arrays, what: str) -> dict[str, NDArray[Any]]:
    file = io.BytesIO()
    try:
        np.savez(file, allow_pickle=False, **arrays)
    except ValueError as error:
        raise _fail(factory, f"the {what} is plain arrays, without objects") from error
    file.seek(0)
    with np.load(file, allow_pickle=False) as saved:
        return {name: saved[name] for name in saved.files}


def _introduces_itself(factory: Factory, _: _Setting) -> None:
    detector = factory()
    if not detector.name or detector.type not in set(AnomalyType):
        raise _fail(factory, "it has a name, and the type of its anomalies")
    if detector.scope not in ("series", "component"):
        raise _fail(factory, "its scope is series or component")
    if not (0 < detector.common_boundary < np.inf and 0 < detector.sigma < np.inf):
        raise _fail(factory, "common_boundary and sigma are positive")
    try:
        json.dumps(detector.parameters())
    except TypeError as error:
        raise _fail(factory, "its parameters are JSON-ready") from error


def _refuses_unfitted(factory: Factory, setting: _Setting) -> None:
    detector = factory()
    for name, action in (
        ("score", lambda: detector.score(setting.history, detector.start(setting.frame.keys))),
        ("to_arrays", detector.to_arrays),
    ):
        try:
            action()
        except NotFittedError:
            continue
        raise _fail(factory, f"{name}() before fit() raises NotFittedError")


def _answers_in_shape(factory: Factory, setting: _Setting) -> None:
    detector, members = setting.fit(factory), components(setting.frame.keys)
    n_columns = setting.frame.n_series if detector.scope == "series" else len(members)
    scores = setting.raw(detector)
    if scores.shape != (n_columns, len(setting.times)) or scores.dtype != np.float64:
        raise _fail(factory, "scores are float64 of shape (n_columns, n_rows)")
    _are_sizes(factory, scores)
    if np.isnan(scores[0 if detector.scope == "series" else list(members).index("shop")]).any():
        raise _fail(factory, "rows without gaps get scores")
    if setting.raw(detector, setting.seen(setting.values[:, :0])).shape != (n_columns, 0):
        raise _fail(factory, "no rows give no scores")
    sizes = {setting.frame.n_series, len(members)}
    for what, arrays in (("memory", detector.start(setting.frame.keys)), ("state", detector.to_arrays())):
        if any(np.shape(array)[:1] not in {(size,) for size in sizes} for array in arrays.values()):
            raise _fail(factory, f"the arrays of the {what} have the columns or the series first")


def _are_sizes(factory: Factory, scores: Array) -> None:
    if (scores < 0).any():
        raise _fail(factory, "scores are not negative")
    if np.isinf(scores).any():
        raise _fail(factory, "scores are never infinite")


def _changes_its_memory_only(factory: Factory, setting: _Setting) -> None:
    history = [array.copy() for array in _inputs(setting.history)]
    detector = setting.fit(factory)
    (seen,) = setting.seen()
    rows = [array.copy() for array in _inputs(seen)]
    memory, state = setting.memory(detector), {name: array.copy() for name, array in detector.to_arrays().items()}
    kept = dict(memory)
    detector.score(seen, memory)
    if not all(map(_same, [*history, *rows], [*_inputs(setting.history), *_inputs(seen)])):
        raise _fail(factory, "the rows that are handed in are not changed")
    if any(memory.get(name) is not array for name, array in kept.items()) or len(memory) != len(kept):
        raise _fail(factory, "the arrays of the memory are changed in place")
    if any(not _same_bits(array, state[name]) for name, array in detector.to_arrays().items()):
        raise _fail(factory, "all that is remembered is in the memory, not in the fitted state")
    if not _same(setting.raw(detector), setting.raw(detector)):
        raise _fail(factory, "all that is remembered is in the memory: from the start it scores the same again")


def _same_bits(left: NDArray[Any], right: NDArray[Any]) -> bool:
    return left.shape == right.shape and left.dtype == right.dtype and left.tobytes() == right.tobytes()


def _is_deterministic(factory: Factory, setting: _Setting) -> None:
    if not _same(setting.raw(setting.fit(factory)), setting.raw(setting.fit(factory))):
        raise _fail(factory, "two fits on the same history score alike")


def _is_causal(factory: Factory, setting: _Setting) -> None:
    detector = setting.fit(factory)
    whole = setting.raw(detector)
    for cut in (1, 2, len(setting.times) - 5):
        values = setting.values
        with np.errstate(over="ignore"):
            values[:, cut:] = np.clip(values[:, cut:] * -3.0 + 17.0, -1e300, 1e300)
        other = setting.raw(detector, setting.seen(values))
        prefix = setting.raw(detector, setting.seen(setting.values[:, :cut]))
        if not (_same(whole[:, :cut], other[:, :cut]) and _same(whole[:, :cut], prefix)):
            raise _fail(factory, "later rows do not change the score of a row")


def _ignores_the_batch(factory: Factory, setting: _Setting) -> None:
    detector = setting.fit(factory)
    whole = setting.raw(detector)
    for size in BATCHES:
        if not _same(setting.raw(detector, setting.seen(size=size)), whole):
            raise _fail(factory, f"batches of {size} rows with carried memory score like the whole, bit for bit")


def _restores_its_memory(factory: Factory, setting: _Setting) -> None:
    detector = setting.fit(factory)
    memory, scores = setting.memory(detector), []
    for part in setting.seen(size=60):
        memory = _through_a_file(factory, memory, "memory")
        scores.append(detector.score(part, memory))
    if not _same(np.concatenate(scores, axis=1), setting.raw(detector)):
        raise _fail(factory, "with a restored memory it goes on with the same bits")


def _restores_its_state(factory: Factory, setting: _Setting) -> None:
    detector = setting.fit(factory)
    restored = factory().from_arrays(_through_a_file(factory, detector.to_arrays(), "state"))
    if not _same(setting.raw(detector), setting.raw(restored)):
        raise _fail(factory, "a restored detector gives the same scores, bit for bit")


def _survives_gaps(factory: Factory, setting: _Setting) -> None:
    detector = setting.fit(factory)
    whole = setting.raw(detector)
    if detector.scope == "series" and not np.isnan(whole[np.isnan(setting.values)]).all():
        raise _fail(factory, "a missing value is NaN: cannot tell")
    # Rows at the time of the row before: the calendar does not move.
    twice = np.sort(np.concatenate([np.arange(len(setting.times)), [3, 3, 50, *np.full(30, 90)]]))
    is_gap = np.diff(twice, prepend=-1) == 0
    values = np.where(is_gap, np.nan, setting.values[:, twice])
    scores = setting.raw(detector, setting.seen(values, times=setting.times[twice]))
    if not np.isnan(scores[:, is_gap]).all():
        raise _fail(factory, "a row without any value is NaN: cannot tell")
    if not _same(scores[:, ~is_gap], whole):
        raise _fail(factory, "a row without any value changes no later score")


def _survives_odd_series(factory: Factory, setting: _Setting) -> None:
    frame = setting.frame
    for wanted in frame.keys:
        column = frame.series(wanted)
        for names, values in _alone_and_beside(wanted, column, frame.series(SeriesKey("shop", "noise"))):
            odd = _Setting.of(MetricFrame(start=frame.start, step_s=frame.step_s, keys=names, values=values))
            _are_sizes(factory, odd.raw(odd.fit(factory)))


def _alone_and_beside(
    key: SeriesKey, column: Array, other: Array
) -> Iterable[tuple[tuple[SeriesKey, ...], NDArray[np.float64]]]:
    yield (key,), column[:, None]
    yield (key, SeriesKey(key.component, "beside")), np.column_stack([column, other])


def _ignores_order(factory: Factory, setting: _Setting) -> None:
    frame = setting.frame
    order = [*range(1, frame.n_series, 2), *range(0, frame.n_series, 2)]
    detector, turned = setting.fit(factory), _Setting.of(frame.select([frame.keys[column] for column in order]))
    scores, other = setting.raw(detector), turned.raw(turned.fit(factory))
    if not _same(scores[order] if detector.scope == "series" else scores, other):
        raise _fail(factory, "the order of the series does not change their scores")
