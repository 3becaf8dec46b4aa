"""The step is told from times that jitter, pause, repeat, and differ between series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InputError
from models.sources.steps import NICE_STEPS_S, infer_step

T0 = 1_714_521_600_000_000


def regular(step_s, n=100):
    """Times every ``step_s`` seconds, microseconds."""
    return T0 + (np.arange(n) * step_s * 1e6).astype(np.int64)


@given(st.sampled_from([*NICE_STEPS_S, 7.0, 61.5, 1000.0]), st.integers(2, 60), st.randoms(use_true_random=False))
def test_regular_times_give_their_step(step_s, n, random):
    """Equal differences are the step, in whatever order the times come."""
    times = regular(step_s, n).tolist()
    random.shuffle(times)
    assert infer_step(np.array(times)) == pytest.approx(step_s)


@given(st.sampled_from([1.0, 10.0, 60.0, 300.0]), st.integers(0, 2**31))
def test_jitter_pauses_and_repeats_do_not_matter(step_s, seed):
    """Jitter of 2 %, a third of the rows missing, and repeated times leave the step as it is."""
    rng = np.random.default_rng(seed)
    times = regular(step_s, 300) + rng.normal(0, 0.02 * step_s * 1e6, 300).astype(np.int64)
    times = times[rng.random(300) > 0.33]
    assert infer_step(np.concatenate([times, times[:20]])) == step_s


def test_the_finer_of_two_steps_wins():
    """Series of 60 s and of 300 s share a grid of 60 s, even if most are coarse."""
    fine, coarse = regular(60, 100), np.tile(regular(300, 20), 20)
    codes = np.concatenate([np.zeros(100, dtype=int), np.repeat(np.arange(1, 21), 20)])
    assert infer_step(np.concatenate([fine, coarse]), codes) == 60.0


def test_offsets_between_series_are_no_step():
    """Differences count inside a series, not between series that are offset."""
    times = np.concatenate([regular(300), regular(300) + 17_000_000])
    assert infer_step(times, np.repeat([0, 1], 100)) == 300.0


def test_one_odd_pair_does_not_set_the_step():
    """A single close pair among many regular times is no step."""
    times = regular(60)
    assert infer_step(np.append(times, times[3] + 1000)) == 60.0


def test_irregular_times_give_the_median():
    """Without a step that stands out the median difference is taken."""
    rng = np.random.default_rng(5)
    gaps = rng.exponential(100.0, 5000)
    times = T0 + np.cumsum(gaps * 1e6).astype(np.int64)
    assert infer_step(times) == pytest.approx(np.median(gaps), rel=0.05)


def test_many_series_are_sampled():
    """Hundreds of series give the same step as one."""
    times = np.tile(regular(60, 10), 500)
    assert infer_step(times, np.repeat(np.arange(500), 10)) == 60.0


@pytest.mark.parametrize("times", [[], [T0], [T0, T0, T0]])
def test_a_single_time_has_no_step(times):
    """Fewer than two different times are an error that names the input."""
    with pytest.raises(InputError, match=r"a\.csv: the step"):
        infer_step(np.array(times, dtype=np.int64), source="a.csv")
