"""Runs of abnormal rows equal those of a plain loop."""

import numpy as np
import pytest

from models.segments import Run, SegmentRules, find_runs


def _oracle(score: np.ndarray, rules: SegmentRules) -> list[Run]:
    runs = []
    for column in range(score.shape[1]):
        rows = [row for row in range(len(score)) if score[row, column] >= rules.leave]
        groups: list[list[int]] = []
        for row in rows:
            if groups and row - groups[-1][-1] - 1 <= rules.merge_rows:
                groups[-1].append(row)
            else:
                groups.append([row])
        for group in groups:
            strong = sum(score[row, column] >= rules.enter for row in group) >= max(rules.least_rows, 1)
            if strong or max(score[row, column] for row in group) >= max(rules.spike, rules.enter):
                peak = max(group, key=lambda row: (score[row, column], -row))  # used at once
                runs.append(Run(column, group[0], group[-1] + 1, peak))
    return runs


@pytest.mark.parametrize("seed", range(12))
def test_runs_equal_those_of_a_loop(seed: int) -> None:
    """Hysteresis, merging and missing scores on random input, under varied rules."""
    rng = np.random.default_rng(seed)
    score = np.round(rng.random((80, 4)) ** 2 * 1.5, 1)
    score[rng.random(score.shape) < 0.1] = np.nan
    rules = SegmentRules(
        merge_rows=int(rng.integers(0, 5)),
        least_rows=int(rng.integers(0, 4)),
        spike=float(rng.choice([1.2, 1.4, np.inf])),
    )
    assert find_runs(score, rules) == _oracle(score, rules)


def test_no_scores_no_runs() -> None:
    """Empty, unknown and quiet scores give nothing."""
    for score in (np.empty((0, 3)), np.full((9, 2), np.nan), np.zeros((9, 2))):
        assert find_runs(score, SegmentRules()) == []


def test_a_score_around_the_boundary_is_one_run() -> None:
    """Between leave and enter a run goes on, so it does not flap."""
    score = np.array([0.1, 1.1, 0.8, 1.05, 0.75, 1.2, 0.1, 0.1])[:, None]
    assert find_runs(score, SegmentRules(merge_rows=0)) == [Run(0, 1, 6, 5)]


def test_a_short_weak_spike_is_not_reported_and_a_strong_one_is() -> None:
    """One row just above the boundary is the commonest oddity of a healthy metric."""
    weak, strong = np.zeros((9, 1)), np.zeros((9, 1))
    weak[4], strong[4] = 1.2, 1.8
    assert find_runs(weak, SegmentRules()) == []
    assert find_runs(weak, SegmentRules(least_rows=1)) == [Run(0, 4, 5, 4)]
    assert find_runs(strong, SegmentRules()) == [Run(0, 4, 5, 4)]
    assert find_runs(strong, SegmentRules(spike=np.inf)) == []
