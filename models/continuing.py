"""Anomalies across calls: rows that are judged piece by piece show one incident once, as the whole would.

Scores of pieces are those of the whole to the bit, see ``models.scoring``, but a piece shows only its own part of an
anomaly. So the rules of runs are applied to the piece behind a few rows that stand for what was found before: rows
without values, with the scores of the anomalies that may go on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.anomalies import Anomaly
from models.bundle import Bundle
from models.detector import components
from models.evidence import find_anomalies
from models.frames import MetricFrame, SeriesKey, to_datetime, to_datetime64
from models.scoring import BundleScores


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued:
    """The anomalies of a piece.

    Parameters
    ----------
    going_on
        Those that began in an earlier piece, from their first start; with the evidence of their strongest part.
    new
        Those that begin here.
    still_open
        Those, and earlier ones, that may go on in the next piece; at most one a series.
    """

    going_on: tuple[Anomaly, ...] = ()
    new: tuple[Anomaly, ...] = ()
    still_open: tuple[Anomaly, ...] = ()


def find_continued(bundle: Bundle, scores: BundleScores, before: Sequence[Anomaly]) -> Continued:
    """Turn the scores of a piece into anomalies.

    Parameters
    ----------
    bundle
        That gave the scores.
    scores
        Of rows right behind the piece before.
    before
        What was ``still_open`` after it.

    Returns
    -------
    Continued
        Each by start, then by series.
    """
    piece = scores.frame
    held = _within(before, piece.start, bundle, piece)
    begin = to_datetime(piece.start)
    going_on, new = {}, []
    for each in find_anomalies(bundle, _behind(bundle, scores, held.values())):
        if each.end <= begin:
            continue
        if each.start >= begin or each.key not in held:
            new.append(replace(each, start=max(each.start, begin)))
            continue
        going_on[each.key] = _joined(held[each.key], each, is_peak_here=each.peak >= begin)
    open_ = _within((*{**held, **going_on}.values(), *new), piece.end, bundle, piece)
    return Continued(going_on=tuple(going_on.values()), new=tuple(new), still_open=tuple(open_.values()))


def _joined(earlier: Anomaly, later: Anomaly, *, is_peak_here: bool) -> Anomaly:
    """One anomaly of two parts, with the evidence of the stronger one; it grows graver with its length."""
    stronger = later if is_peak_here and later.score > earlier.score else earlier
    judges = (earlier.detector, *earlier.supporting_detectors, later.detector, *later.supporting_detectors)
    return replace(
        stronger,
        start=earlier.start,
        end=later.end,
        severity=max(earlier.severity, later.severity, key=lambda severity: severity.rank),
        supporting_detectors=tuple(name for name in dict.fromkeys(judges) if name != stronger.detector),
    )


def _rows_before(bundle: Bundle) -> int:
    """So far back may lie what a run belongs to."""
    longest = max((rule.merge_s or 0.0 for rule in bundle.shaping.rules), default=0.0)
    return max(bundle.rules.refractory_rows, bundle.rules.merge_rows, int(np.ceil(longest / bundle.step_s))) + 1


def _within(
    anomalies: Iterable[Anomaly], moment: np.datetime64, bundle: Bundle, frame: MetricFrame
) -> dict[SeriesKey, Anomaly]:
    """The last anomaly of each series, where a run behind a moment may belong to it."""
    reach = _rows_before(bundle) * frame.step
    found: dict[SeriesKey, Anomaly] = {}
    for each in sorted(anomalies, key=lambda each: (each.start, each.key)):
        if moment - to_datetime64(each.end) < reach:
            found[each.key] = each
    return found


def _behind(bundle: Bundle, scores: BundleScores, held: Iterable[Anomaly]) -> BundleScores:
    """The scores behind rows that stand for the anomalies before."""
    n, piece = _rows_before(bundle), scores.frame
    frame = MetricFrame(
        start=piece.start - n * piece.step, step_s=piece.step_s, keys=piece.keys, values=_later(piece.values, n)
    )
    arrays: dict[str, Any] = {
        each.name: _later(getattr(scores, each.name), n)
        for each in fields(scores)
        if isinstance(getattr(scores, each.name), np.ndarray)
    }
    by_detector = {name: _later(judged, n) for name, judged in scores.by_detector.items()}
    longer = replace(scores, frame=frame, by_detector=by_detector, **arrays)
    for each in held:
        _stand_for(bundle, longer, each)
    return longer


def _later(array: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    return np.concatenate([np.full((rows, array.shape[1]), np.nan), array])


def _stand_for(bundle: Bundle, scores: BundleScores, anomaly: Anomaly) -> None:
    """Write an anomaly into the rows before the piece: told, with its own judge and score, as long as it lasted."""
    rows = slice(scores.frame.row_at(anomaly.start), scores.frame.row_at(anomaly.end))
    column, name = bundle.keys.index(anomaly.key), anomaly.detector
    place = list(components(bundle.keys)).index(anomaly.key.component)
    scopes = {member.detector.name: member.detector.scope for member in bundle.members}
    judges = {scopes.get(each, "series") for each in (name, *anomaly.supporting_detectors)}
    if "series" in judges:
        scores.score[rows, column] = scores.alert[rows, column] = 1.0
    if "component" in judges:
        scores.component_score[rows, place] = scores.component_alert[rows, place] = 1.0
        scores.share[rows, column] = anomaly.score
    by_component = scopes.get(name) == "component"
    own = scores.component_score if by_component else scores.score
    own[rows, place if by_component else column] = anomaly.score
    scores.by_detector[name][rows, place if by_component else column] = anomaly.score
