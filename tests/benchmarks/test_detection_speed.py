"""What the measurement of speed is made of; the figures themselves are not tested."""

import math

import numpy as np
from sklearn.ensemble import IsolationForest

from benchmarks.detection_speed import DETECTORS, OURS, Sizes, Speeds, held_bytes, lag_vectors, main, markdown
from benchmarks.train import history

SIZES = Sizes(series=4, days=1, step_series=1_000, single_points=3, repetitions=1, rival_series=2)


def test_lag_vectors_begin_with_the_newest_value():
    """Row 9 is the first with ten values."""
    vectors = lag_vectors(np.arange(12.0))
    assert vectors.shape == (3, 10)
    assert vectors[0].tolist() == list(range(9, -1, -1))


def test_held_bytes_count_what_a_model_keeps():
    """An array counts once however often it is referred to, and a view does not count its base twice."""

    class Model:
        def __init__(self):
            self.first = self.again = np.zeros(10_000)
            self.part = self.first[:5_000]

    assert 80_000 < held_bytes(Model()) < 85_000


def test_held_bytes_see_the_nodes_of_a_forest():
    """A forest with more nodes is larger, though scikit-learn keeps them outside Python's sight."""
    values = np.random.default_rng(3).normal(size=(500, 2))
    small, large = (IsolationForest(n_estimators=5, max_samples=size, random_state=1).fit(values) for size in (8, 400))
    assert held_bytes(large) > held_bytes(small) + 50_000


def test_every_rival_gives_all_figures():
    """All columns are positive numbers for each of the others."""
    frame = history(SIZES.series, SIZES.days, 300.0)
    for who in DETECTORS.keys() - {OURS}:
        cells = DETECTORS[who](frame, SIZES).cells()
        assert all(cell >= 0 and math.isfinite(cell) for cell in cells), who


def test_the_second_table_holds_ratios():
    """Each figure over ours, in the columns of the first."""
    measured = {
        OURS: Speeds(batch=100.0, step_s=2.0, points_ms=[1.0], state_bytes=10.0),
        "other": Speeds(batch=50.0, step_s=4.0, points_ms=[3.0]),
    }
    text = markdown(measured, 1_000)
    assert "one step of 1,000 series" in text
    assert "| other | 0.5 | 2 | 3 | 3 | nan |" in text


def test_the_command_measures_what_is_chosen(capsys):
    """One detector, small sizes: its row and no other."""
    small = ["--series", "2", "--days", "1", "--single-points", "2", "--repetitions", "1", "--rival-series", "1"]
    main([*small, "--detector", "PyOD ECOD"])
    out = capsys.readouterr().out
    assert "| PyOD ECOD |" in out
    assert "isolation forest" not in out
