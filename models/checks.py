"""The contract of a detector, as a check that anyone can run on their own.

Write ``check_detector(MyDetector)`` in a test. It needs no data and no network; it takes a second or two.
"""

import io
import warnings
from collections.abc import Callable

import numpy as np

from models.baseline import Baseline, Baselined
from models.detector import Detector, Scores
from models.errors import ContractError, NotFittedError
from models.features import Array
from models.frames import MetricFrame, SeriesKey

STEP_S = 600.0
ROWS = 4 * 144
TRAIN_ROWS = 3 * 144

Factory = Callable[[], Detector]


def check_detector(factory: Factory) -> None:
    """Run every check on a detector.

    Parameters
    ----------
    factory
        Makes an unfitted detector; called several times.

    Raises
    ------
    ContractError
        At the first promise that the detector breaks, naming it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            for check in (_refuses_unfitted, _answers_in_shape, _is_causal, _forgets, _ignores_the_batch):
                check(factory)
            for check in (_survives_gaps, _survives_odd_series, _is_deterministic, _keeps_its_state, _ignores_order):
                check(factory)
        except Warning as warning:
            raise ContractError(f"{_name(factory)} warns: {warning!r}.", remedy="handle the values") from warning


def example_frame(seed: int = 11) -> MetricFrame:
    """Four days of ten series in three components, gaps and extremes among them.

    Parameters
    ----------
    seed
        Of the noise.

    Returns
    -------
    MetricFrame
        Step 600 s; a day-night series, noise, negatives, integers, a constant, zeros, values of 1e-300 and of 1e300, a
        series with gaps, and one that is all missing.
    """
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(ROWS, 10))
    wave = np.sin(2 * np.pi * np.arange(ROWS) / 144)
    columns = {
        ("shop", "latency"): 5 + 2 * wave + 0.3 * noise[:, 0],
        ("shop", "noise"): noise[:, 1],
        ("shop", "negative"): -50 + noise[:, 2],
        ("shop", "count"): np.floor(4 + wave + np.abs(noise[:, 3])),
        ("store", "constant"): np.full(ROWS, 7.25),
        ("store", "zero"): np.zeros(ROWS),
        ("store", "tiny"): 1e-300 * noise[:, 4],
        ("store", "huge"): 1e300 * noise[:, 5],
        ("queue", "gaps"): np.where(rng.random(ROWS) < 0.3, np.nan, noise[:, 6]),
        ("queue", "missing"): np.full(ROWS, np.nan),
    }
    return MetricFrame(
        start=np.datetime64("2026-03-02T00:00:00", "us"),
        step_s=STEP_S,
        keys=tuple(SeriesKey(*name) for name in columns),
        values=np.column_stack(list(columns.values())),
    )


def _name(factory: Factory) -> str:
    return str(getattr(factory, "name", None) or getattr(factory, "__name__", factory))


def _fail(factory: Factory, promise: str) -> ContractError:
    return ContractError(f"{_name(factory)} breaks its contract: {promise}.", remedy="see models.detector.Detector")


def _fitted(factory: Factory, frame: MetricFrame) -> tuple[Detector, Baseline]:
    baseline = Baseline()
    return factory().fit(baseline.fit_apply(frame.rows(0, TRAIN_ROWS))), baseline


def _raw(detector: Detector, seen: Baselined) -> Array:
    return detector.score(seen).score


def _changed(frame: MetricFrame, first: int, last: int) -> MetricFrame:
    """The frame with other values in some rows."""
    values = frame.values.copy()
    values[first:last] = np.where(np.abs(values[first:last]) < 1e100, values[first:last] * -3.0 + 17.0, 0.0)
    return MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)


def _same(left: Array, right: Array) -> bool:
    return np.array_equal(left, right, equal_nan=True)


def _refuses_unfitted(factory: Factory) -> None:
    frame = example_frame()
    seen = Baseline().fit_apply(frame)
    try:
        factory().score(seen)
    except NotFittedError:
        return
    raise _fail(factory, "score() before fit() raises NotFittedError")


def _answers_in_shape(factory: Factory) -> None:
    frame = example_frame()
    detector, baseline = _fitted(factory, frame)
    scores: Scores = detector.score(baseline.apply(frame))
    for name in ("score", "expected", "scale", "deviation"):
        array: Array = getattr(scores, name)
        if array.shape != frame.values.shape or array.dtype != np.float64:
            raise _fail(factory, f"{name} is float64 of shape (n_rows, n_series)")
        if np.isinf(array).any() and name in ("score", "deviation"):
            raise _fail(factory, f"{name} is never infinite")
    if (scores.score < 0).any():
        raise _fail(factory, "scores are not negative")
    if np.isnan(scores.score[detector.context_rows :, 0]).all():
        raise _fail(factory, "a series without gaps gets scores behind the first context_rows rows")
    if detector.score(baseline.apply(frame.rows(0, 0))).score.shape != (0, frame.n_series):
        raise _fail(factory, "no rows give no scores")


def _is_causal(factory: Factory) -> None:
    frame = example_frame()
    detector, baseline = _fitted(factory, frame)
    whole = _raw(detector, baseline.apply(frame))
    for cut in (TRAIN_ROWS, TRAIN_ROWS + 1, ROWS - 5):
        other = _raw(detector, baseline.apply(_changed(frame, cut, ROWS)))
        prefix = _raw(detector, baseline.apply(frame.rows(0, cut)))
        if not (_same(whole[:cut], other[:cut]) and _same(whole[:cut], prefix)):
            raise _fail(factory, "later rows do not change the score of a row")


def _forgets(factory: Factory) -> None:
    frame = example_frame()
    detector, baseline = _fitted(factory, frame)
    whole = _raw(detector, baseline.apply(frame))
    cut = ROWS - 20
    first = cut + detector.context_rows
    other = _raw(detector, baseline.apply(_changed(frame, 0, cut)))
    if not _same(whole[first:], other[first:]):
        raise _fail(factory, "rows further back than context_rows do not change the score of a row")


def _ignores_the_batch(factory: Factory) -> None:
    frame = example_frame()
    detector, baseline = _fitted(factory, frame)
    whole = _raw(detector, baseline.apply(frame))
    context = detector.context_rows
    for size in (1, 7, 60):
        for first in range(max(context, ROWS - 130), ROWS - size, size):
            part = _raw(detector, baseline.apply(frame.rows(first - context, first + size)))
            if not _same(part[context:], whole[first : first + size]):
                raise _fail(factory, f"batches of {size} rows behind their context score like the whole, bit for bit")


def _survives_gaps(factory: Factory) -> None:
    frame = example_frame()
    detector, baseline = _fitted(factory, frame)
    values = frame.values.copy()
    values[ROWS - 40 : ROWS - 30] = np.nan
    gap = MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)
    scores = _raw(detector, baseline.apply(gap))
    if not np.isnan(scores[ROWS - 40 : ROWS - 30]).all():
        raise _fail(factory, "a row without any value is NaN: cannot tell")
    if np.isnan(scores[-1, 0]):
        raise _fail(factory, "scores come back 30 rows behind a gap of 10 rows")


def _survives_odd_series(factory: Factory) -> None:
    frame = example_frame()
    for wanted in frame.keys:
        alone = frame.where(lambda key, wanted=wanted: key == wanted)  # type: ignore[misc]  # bound for each turn
        detector, baseline = _fitted(factory, alone)
        scores = _raw(detector, baseline.apply(alone))
        if np.isinf(scores).any():
            raise _fail(factory, f"the score of {wanted} alone is finite or NaN")


def _is_deterministic(factory: Factory) -> None:
    frame = example_frame()
    (first, baseline), (second, _) = _fitted(factory, frame), _fitted(factory, frame)
    if not _same(_raw(first, baseline.apply(frame)), _raw(second, baseline.apply(frame))):
        raise _fail(factory, "two fits on the same history score alike")


def _keeps_its_state(factory: Factory) -> None:
    frame = example_frame()
    detector, baseline = _fitted(factory, frame)
    file = io.BytesIO()
    try:
        np.savez(file, allow_pickle=False, **detector.to_arrays())
    except ValueError as error:
        raise _fail(factory, "the state is plain arrays, without objects") from error
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        restored = factory().from_arrays({name: arrays[name] for name in arrays.files})
    seen = baseline.apply(frame)
    for name in ("score", "expected", "scale", "deviation"):
        if not _same(getattr(detector.score(seen), name), getattr(restored.score(seen), name)):
            raise _fail(factory, f"a restored detector gives the same {name}, bit for bit")


def _ignores_order(factory: Factory) -> None:
    frame = example_frame()
    order = [*range(1, frame.n_series), 0]
    turned = frame.select([frame.keys[column] for column in order])
    detector, baseline = _fitted(factory, frame)
    other, other_baseline = _fitted(factory, turned)
    if not _same(_raw(detector, baseline.apply(frame))[:, order], _raw(other, other_baseline.apply(turned))):
        raise _fail(factory, "the order of the series does not change their scores")
