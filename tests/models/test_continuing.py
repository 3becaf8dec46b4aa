"""Judged in pieces, an incident is one anomaly from its first start, told as new once."""

import numpy as np
import pytest

from models.anomalies import Anomaly, AnomalySeverity
from models.bundle import Bundle
from models.continuing import Continued, find_continued
from models.evidence import find_anomalies
from models.frames import MetricFrame, SeriesKey, to_datetime
from models.scoring import Scorer
from tests.models.histories import DAY, changed, shop, trained


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Trained on seven days of the shop."""
    return trained(shop()).bundle


@pytest.fixture(scope="module")
def troubled() -> MetricFrame:
    """Two days: a shift that stays, a short spike, an incident of two hours on a component, and a silence."""
    frame = shop().rows(7 * DAY, 9 * DAY)
    frame = changed(frame, ("store", "memory"), slice(50, None), 15.0)
    frame = changed(frame, ("shop", "errors"), slice(300, 302), 30.0)
    for metric, size in (("latency", 25.0), ("rate", -90.0)):
        frame = changed(frame, ("shop", metric), slice(410, 434), size)
    return changed(frame, ("store", "cpu"), slice(200, 260), np.nan)


def in_pieces(bundle: Bundle, frame: MetricFrame, rows: int) -> tuple[list[Anomaly], list[Continued]]:
    """All anomalies with the last word on each, and what each piece said."""
    scorer, before, said = Scorer(bundle), (), []
    last: dict[tuple[object, object], Anomaly] = {}
    for first in range(0, frame.n_rows, rows):
        piece = frame.rows(first, first + rows)
        found = find_continued(bundle, scorer.advance(piece), before)
        before = found.still_open
        last |= {(each.key, each.start): each for each in (*found.new, *found.going_on)}
        said.append(found)
    return list(last.values()), said


@pytest.mark.parametrize("rows", [5, 12, 37, 144])
def test_pieces_tell_the_incidents_of_the_whole(bundle: Bundle, troubled: MetricFrame, rows: int) -> None:
    """The same series and starts as in one batch, and the same scores at the peaks; each is new once."""
    whole = find_anomalies(bundle, Scorer(bundle).advance(troubled))
    found, said = in_pieces(bundle, troubled, rows)
    begins = sorted((each.key, each.start) for piece in said for each in piece.new)
    assert begins == sorted((each.key, each.start) for each in whole)
    by_start = {(each.key, each.start): each for each in found}
    for each in whole:
        assert by_start[each.key, each.start].score == each.score
        assert by_start[each.key, each.start].end <= each.end


def test_an_hourly_piece_extends_what_began_before(bundle: Bundle, troubled: MetricFrame) -> None:
    """From the first start, with an end that grows, until the level has followed; then nothing is open."""
    _, said = in_pieces(bundle, troubled, 12)
    key = SeriesKey("store", "memory")
    shift = [each for piece in said for each in piece.going_on if each.key == key]
    assert len(shift) > 5
    assert {each.start for each in shift} == {to_datetime(troubled.times[50])}
    ends = [each.end for each in shift]
    assert ends == sorted(set(ends))
    assert {each.severity for each in shift[1:]} == {AnomalySeverity.CRITICAL}
    assert all(each.detector not in each.supporting_detectors for each in shift)
    assert all(each.key != key for each in said[-1].going_on)


def test_one_piece_is_the_batch(bundle: Bundle, troubled: MetricFrame) -> None:
    """With nothing before it all is new."""
    scores = Scorer(bundle).advance(troubled)
    found = find_continued(bundle, scores, ())
    assert (found.going_on, repr(found.new)) == ((), repr(find_anomalies(bundle, scores)))


def test_what_ended_long_ago_does_not_go_on(bundle: Bundle, troubled: MetricFrame) -> None:
    """An anomaly is no continuation of one that ended before the refractory rows, although it is on the same series."""
    early = find_continued(bundle, Scorer(bundle).advance(troubled.rows(0, 60)), ())
    (first,) = [each for each in early.still_open if each.key == SeriesKey("store", "memory")]
    later = Scorer(bundle).advance(troubled.rows(110, 130))
    found = find_continued(bundle, later, (first,))
    assert found.going_on == ()
    assert repr(found.new) == repr(find_anomalies(bundle, later))
    assert first not in found.still_open


def test_a_quiet_piece_forgets_what_ended(bundle: Bundle) -> None:
    """What ended is held while an alert may belong to it, and no longer."""
    frame = changed(shop().rows(7 * DAY, 8 * DAY), ("store", "memory"), slice(20, 23), 40.0)
    _, said = in_pieces(bundle, frame, 12)
    held = [any(each.key == SeriesKey("store", "memory") for each in piece.still_open) for piece in said]
    assert held[1:4] == [True] * 3
    assert not any(held[8:])
    assert sum(len(piece.new) for piece in said) == len(find_anomalies(bundle, Scorer(bundle).advance(frame)))
