"""Runs of abnormal rows equal those of a plain loop."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.segments import Run, SegmentRules, find_runs

SCORES = st.one_of(st.sampled_from([0.0, 0.5, 0.7, 0.9, 1.0, 1.3, 2.0]), st.just(float("nan")))


def _oracle(score: np.ndarray, alert: np.ndarray, leave: float, merge: list[int], refractory: int) -> list[Run]:
    runs: list[Run] = []
    for column in range(score.shape[1]):
        own: list[Run] = []
        groups: list[list[int]] = []
        for row in range(len(score)):
            if not score[row, column] >= leave:
                continue
            if groups and row - groups[-1][-1] - 1 <= merge[column]:
                groups[-1].append(row)
            else:
                groups.append([row])
        for group in groups:
            first, last = group[0], group[-1] + 1
            if any(alert[row, column] >= 1 for row in group):
                own.append(Run(column, first, last, max(group, key=lambda r: (score[r, column], -r))))
            elif any(score[row, column] >= 1 for row in group) and last - first >= 3:
                if own and first - own[-1].last <= refractory and own[-1].last - own[-1].first >= 3:
                    own[-1] = Run(column, own[-1].first, last, own[-1].peak)
                else:
                    own.append(Run(column, first, last, max(group, key=lambda r: (score[r, column], -r))))
        runs += own
    return runs


@given(
    arrays(float, st.tuples(st.integers(0, 40), st.integers(1, 3)), elements=SCORES),
    st.randoms(use_true_random=False),
    st.integers(0, 5),
    st.sampled_from([0.7, 0.9]),
    st.integers(0, 20),
)
def test_runs_equal_those_of_a_loop(score: np.ndarray, random, merge: int, leave: float, refractory: int) -> None:
    """Hysteresis, merging, alerts told before, and missing scores."""
    keep = np.array([random.random() < 0.4 for _ in range(score.size)], dtype=bool).reshape(score.shape)
    alert = np.where(np.isnan(score), np.nan, np.where((score >= 0.8) & keep, score, 0.3))
    rules = SegmentRules(merge_rows=merge, leave=leave, refractory_rows=refractory)
    assert find_runs(score, alert, rules) == _oracle(score, alert, leave, [merge] * score.shape[1], refractory)
    each = np.arange(score.shape[1])
    assert find_runs(score, alert, rules, each) == _oracle(score, alert, leave, each.tolist(), refractory)


def test_no_scores_no_runs() -> None:
    """Empty, unknown and quiet scores give nothing."""
    for score in (np.empty((0, 3)), np.full((9, 2), np.nan), np.zeros((9, 2))):
        assert find_runs(score, score, SegmentRules()) == []


def test_a_score_around_the_boundary_is_one_run() -> None:
    """Between leave and the boundary a run goes on, so it does not flap."""
    score = np.array([0.1, 1.1, 0.8, 1.05, 0.75, 1.2, 0.1, 0.1])[:, None]
    assert find_runs(score, score, SegmentRules(merge_rows=0)) == [Run(0, 1, 6, 5)]


def test_what_comes_again_untold_goes_on_with_what_lasted() -> None:
    """A lasting run grows by a lasting one behind it; an echo of a row or two is left out."""
    score = np.array([1.2, 1.1, 1.1, 0, 0, 1.1, 1.1, 1.1, 0, 0, 1.1, 0])[:, None]
    alert = np.where(np.arange(12) == 0, 1.2, 0.4)[:, None]
    assert find_runs(score, alert, SegmentRules(merge_rows=1)) == [Run(0, 0, 8, 0)]


def test_a_blip_does_not_swallow_the_incident_behind_it() -> None:
    """What lasts begins where it begins, also in the refractory rows of a blip before."""
    score = np.array([1.2, 0, 0, 0, 1.1, 1.3, 1.1, 0])[:, None]
    alert = np.where(np.arange(8) == 0, 1.2, 0.4)[:, None]
    assert find_runs(score, alert, SegmentRules(merge_rows=1)) == [Run(0, 0, 1, 0), Run(0, 4, 7, 5)]
