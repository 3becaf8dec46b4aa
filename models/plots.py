"""Pictures of scores: each takes an Axes and gives it back; none makes a figure of its own accord but ``save_plot``."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.anomalies import Anomaly
from models.frames import SeriesKey, to_datetime64
from models.scoring import BundleScores

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_series(ax: "Axes", scores: BundleScores, key: SeriesKey, anomalies: Iterable[Anomaly] = ()) -> "Axes":
    """Draw a series with what was expected, the band, and its anomalies.

    Parameters
    ----------
    ax
        Where to draw.
    scores
        From ``score_frame``.
    key
        The series; must be one of the bundle's.
    anomalies
        Those of other series are left out.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    column = scores.frame.keys.index(key)
    times = scores.frame.times
    value, lower, upper = (part[:, column] for part in (scores.frame.values, scores.lower, scores.upper))
    ax.fill_between(times, lower, upper, color="#9ecae1", alpha=0.5, linewidth=0, label="band at the alarm boundary")
    ax.plot(times, scores.expected[:, column], color="#3182bd", linewidth=1.0, label="expected")
    ax.plot(times, value, color="#252525", linewidth=0.7, label="value")
    own = [anomaly for anomaly in anomalies if anomaly.key == key]
    for place, anomaly in enumerate(own):
        ax.axvspan(
            to_datetime64(anomaly.start),  # type: ignore[arg-type]  # matplotlib takes dates, its annotations do not
            to_datetime64(anomaly.end),  # type: ignore[arg-type]
            color="#de2d26",
            alpha=0.25,
            linewidth=0,
            label="anomaly" if place == 0 else None,
        )
    ax.set_title(str(key), loc="left", fontsize=10)
    ax.set_xlabel("time (UTC)")
    ax.set_ylabel(key.metric)  # an opaque name; by convention it ends with the unit
    ax.legend(loc="upper left", fontsize=8, frameon=False, ncols=4)
    ax.margins(x=0)
    shown = np.concatenate([value, scores.expected[:, column]])
    shown = shown[np.isfinite(shown)]
    if shown.size:
        # The band is wide next to a steep edge of the baseline; it must not flatten the value.
        room = 0.3 * (np.ptp(shown) or abs(shown[0]) or 1.0)
        ax.set_ylim(shown.min() - room, shown.max() + room)
    return ax


def most_abnormal(scores: BundleScores) -> SeriesKey:
    """The series with the highest score.

    Parameters
    ----------
    scores
        From ``score_frame``.

    Returns
    -------
    SeriesKey
        The first one if no score is known.
    """
    peaks = np.where(np.isnan(scores.score), -1.0, scores.score).max(axis=0, initial=-1.0)
    return scores.frame.keys[int(np.argmax(peaks))]


def save_plot(path: Path, draw: "Callable[[Axes], object]", *, width_in: float = 10.0, height_in: float = 3.2) -> Path:
    """Draw on a new figure and write it as PNG.

    Parameters
    ----------
    path
        Where to; its directory must exist.
    draw
        Called with the Axes.
    width_in
        Width in inches; 100 dots an inch.
    height_in
        Height in inches.

    Returns
    -------
    Path
        The file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure.add_subplot())
    figure.savefig(path)
    return path
