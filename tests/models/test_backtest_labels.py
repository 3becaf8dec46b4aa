"""Alerts meet labels: an event counts once, and what lies outside is false."""

from types import SimpleNamespace

import numpy as np
import pytest

from models.backtest_labels import compare, place_labels
from models.errors import InputError
from models.shaping.rules import Selector
from models.sources.labels import Label
from tests.models.histories import STEP_S, frame_of

N = 100
FRAME = frame_of({(component, metric): np.zeros(N) for component in ("db", "web") for metric in ("cpu", "rate")})
"""Columns: db/cpu, db/rate, web/cpu, web/rate."""


def label(component, metric, first, end):
    """A label over rows."""
    selector = Selector(component=component, metric=metric)
    return Label(selector=selector, start=FRAME.start + first * FRAME.step, end=FRAME.start + end * FRAME.step)


def judgement(*alerts, by_rule=()):
    """Alerts at (row, column)."""
    told, rules = np.zeros((N, 4), dtype=bool), np.zeros((N, 4), dtype=bool)
    for place in alerts:
        told[place] = True
    for place in by_rule:
        told[place] = rules[place] = True
    return SimpleNamespace(
        alert=np.where(told, 2.0, np.nan).astype(np.float32),
        told=told,
        own=told,
        by_rule=rules,
        judged=np.full(4, N),
        component_judged=np.zeros(2),
        bundle=SimpleNamespace(step_s=STEP_S),
    )


def test_a_label_is_found_by_any_of_its_series() -> None:
    """One alert of two series is enough; the other component's alert is false; the delay is in seconds."""
    placed = place_labels([label("web", "*", 10, 20)], FRAME)
    assert placed.units == ((0,), (1,), (2, 3))
    figures = compare(judgement((14, 3), (15, 2), (50, 0)), placed)
    assert (figures.events, figures.found, figures.false_alerts) == (1, 1, 1)
    assert (figures.recall, figures.precision, figures.event_f1) == (1.0, 0.5, pytest.approx(2 / 3))
    assert figures.median_delay_s == 4 * STEP_S
    assert figures.false_per_series_day == pytest.approx(1 / (4 * N * STEP_S / 86_400))


def test_a_label_of_one_metric_is_not_found_by_another() -> None:
    """The alert of the other metric is a false one."""
    figures = compare(judgement((14, 3)), place_labels([label("web", "cpu", 10, 20)], FRAME))
    assert (figures.found, figures.false_alerts, figures.precision) == (0, 1, 0.0)
    assert (figures.event_f1, figures.median_delay_s) == (0.0, None)


def test_a_glob_over_components_is_an_event_of_each() -> None:
    """Both must be found."""
    figures = compare(judgement((14, 3)), place_labels([label("*", "rate", 10, 20)], FRAME))
    assert (figures.events, figures.found) == (2, 1)


def test_overlapping_labels_are_one_event() -> None:
    """Touching and nested ones too; it is said."""
    labels = [
        label("web", "*", 10, 20),
        label("web", "cpu", 15, 30),
        label("web", "*", 12, 13),
        label("web", "*", 30, 31),
    ]
    placed = place_labels(labels, FRAME)
    assert placed.events[-1] == ((10, 31),)
    assert placed.notes == ("3 labels overlap or touch another one of the same series and count as one with it",)


def test_alerts_of_rules_have_no_budget() -> None:
    """They are false alerts outside labels, but not false by the budget."""
    figures = compare(judgement(by_rule=[(60, 1)]), place_labels([label("web", "*", 10, 20)], FRAME))
    assert (figures.false_alerts, figures.false_per_series_day) == (1, 0.0)


def test_labels_at_the_edges_have_rows() -> None:
    """What begins before the judged part is cut, a label without length has one row, an end beyond is cut."""
    placed = place_labels(
        [label("db", "cpu", -50, 5), label("db", "rate", 40, 40), label("web", "cpu", 90, 500)], FRAME
    )
    assert placed.events[:3] == (((0, 5),), ((40, 41),), ((90, 100),))


def test_labels_that_match_nothing_are_told_or_refused() -> None:
    """Some are told in notes; if none is left it is an error with both reasons."""
    nobody, early = label("cache", "*", 1, 2), label("web", "cpu", -10, -5)
    placed = place_labels([nobody, nobody, early, label("web", "cpu", 1, 2)], FRAME)
    assert placed.notes == (
        "label names no judged series: cache/*",
        "1 labels lie outside the judged part and were not used",
    )
    with pytest.raises(
        InputError, match=r"of 2 labels 1 name no judged series, for example cache/\*, and 1 lie outside"
    ):
        place_labels([nobody, early], FRAME)
