"""Runs of abnormal rows equal those of a plain loop."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.segments import Run, SegmentRules, find_runs

SCORES = st.one_of(st.sampled_from([0.0, 0.5, 0.7, 0.9, 1.0, 1.3, 2.0]), st.just(float("nan")))


def _oracle(score: np.ndarray, alert: np.ndarray, rules: SegmentRules, merge: list[int]) -> list[Run]:
    runs: list[Run] = []
    for column in range(score.shape[1]):
        own: list[Run] = []
        groups: list[list[int]] = []
        for row in range(len(score)):
            if not score[row, column] >= rules.leave:
                continue
            if groups and row - groups[-1][-1] - 1 <= merge[column]:
                groups[-1].append(row)
            else:
                groups.append([row])
        for group in groups:
            first, last = next((row for row in group if score[row, column] >= 1), group[0]), group[-1] + 1
            tells = any(alert[row, column] >= 1 for row in group)
            lasts = last - first >= rules.lasting_rows and any(score[row, column] >= 1 for row in group)
            if not tells and not lasts:
                continue
            near = own and first - own[-1].last <= rules.refractory_rows
            if near and not tells and own[-1].last - own[-1].first >= rules.lasting_rows:
                own[-1] = Run(column, own[-1].first, last, own[-1].peak)
            else:
                own.append(Run(column, first, last, max(group, key=lambda r: (score[r, column], -r))))
        runs += own
    return runs


@settings(deadline=None)
@given(
    arrays(float, st.tuples(st.integers(0, 40), st.integers(1, 3)), elements=SCORES),
    st.randoms(use_true_random=False),
    st.builds(
        SegmentRules,
        merge_rows=st.integers(0, 5),
        leave=st.sampled_from([0.7, 0.9]),
        refractory_rows=st.integers(0, 20),
        lasting_rows=st.integers(1, 5),
    ),
)
def test_runs_equal_those_of_a_loop(score: np.ndarray, random, rules: SegmentRules) -> None:
    """Hysteresis, merging, alerts told before, echoes and missing scores."""
    keep = np.array([random.random() < 0.4 for _ in range(score.size)], dtype=bool).reshape(score.shape)
    alert = np.where(np.isnan(score), np.nan, np.where((score >= 0.8) & keep, score, 0.3))
    columns = score.shape[1]
    assert find_runs(score, alert, rules) == _oracle(score, alert, rules, [rules.merge_rows] * columns)
    each = np.arange(columns)
    assert find_runs(score, alert, rules, each) == _oracle(score, alert, rules, each.tolist())


def test_no_scores_no_runs() -> None:
    """Empty, unknown and quiet scores give nothing."""
    for score in (np.empty((0, 3)), np.full((9, 2), np.nan), np.zeros((9, 2))):
        assert find_runs(score, score, SegmentRules()) == []


def test_a_score_around_the_boundary_is_one_run() -> None:
    """Between leave and the boundary a run goes on, so it does not flap."""
    score = np.array([0.1, 1.1, 0.8, 1.05, 0.75, 1.2, 0.1, 0.1])[:, None]
    assert find_runs(score, score, SegmentRules(merge_rows=0)) == [Run(0, 1, 6, 5)]


def test_what_goes_on_untold_belongs_to_the_alert_before() -> None:
    """The run grows to its end, with the peak of what was told; a short echo of it is left out."""
    score = np.array([0, 1.1, 1.2, 1.1, 0, 0, 1.5, 1.5, 1.5, 0, 0, 1.6, 0])[:, None]
    alert = np.where(np.arange(13) == 1, 1.1, 0.4)[:, None]
    assert find_runs(score, alert, SegmentRules(merge_rows=1)) == [Run(0, 1, 9, 2)]


def test_a_blip_does_not_swallow_the_incident_behind_it() -> None:
    """What lasts behind an alert of one row is a run of its own, though it was not told again."""
    score = np.array([0, 1.2, 0, 0, 1.1, 1.3, 1.1, 0])[:, None]
    alert = np.where(np.arange(8) == 1, 1.2, 0.4)[:, None]
    assert find_runs(score, alert, SegmentRules(merge_rows=1)) == [Run(0, 1, 2, 1), Run(0, 4, 7, 5)]
