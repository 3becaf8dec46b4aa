"""A small history for the tests of single commands: two components, eleven days at ten minutes."""

import numpy as np

from models.frames import MetricFrame
from models.training import TrainingSettings, train
from tests.models.histories import CREATED, frame_of

DAY = 144
LEARNT = 7 * DAY


def small_frame(seed: int = 2) -> MetricFrame:
    """A spike on the ninth day, and from the tenth on another level of one series."""
    n = 11 * DAY
    rng = np.random.default_rng(seed)
    rate, cpu, memory = 10 + rng.normal(size=n), 0.5 + 0.02 * rng.normal(size=n), 50 + rng.normal(size=n)
    rate[8 * DAY + 30 : 8 * DAY + 36] += 25
    memory[9 * DAY :] += 15
    return frame_of({("web", "rate"): rate, ("web", "cpu"): cpu, ("db", "memory"): memory}, step_s=600.0)


def write(frame: MetricFrame, path):
    """As a Parquet file."""
    frame.to_long().to_parquet(path)
    return path


def small_bundle(directory):
    """Trained on the first seven days, without MLflow."""
    return train(small_frame().rows(0, LEARNT), TrainingSettings(), created=CREATED).bundle.save(directory)
