"""Gone silent: a component whose resources and traffic collapse together has stopped, rather than being relieved.

Less work lowers traffic and processor, but hardly memory, files and connections; a process that died, or a host that is
cut off, takes all of them down at once, or its series end.
"""

import numpy as np

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause.kinds import MetricKind
from analysis.rootcause.level import is_silent
from analysis.rootcause.observation import Observation, SeriesView
from analysis.rootcause.onset import ODD_DEVIATION
from analysis.rootcause.settings import RootCauseSettings

NAME = "silence"
COLLAPSED = 0.1
"""Level over baseline below which a series has collapsed."""
LEAST_SHARE, FEWEST_SERIES = 0.5, 2
"""Part of the resource and traffic series of a component that must collapse, and how many at least."""


def collect(observation: Observation, settings: RootCauseSettings) -> tuple[Evidence, ...] | SkippedMethod:
    """Accuse components that collapsed while others did not.

    Parameters
    ----------
    observation
        The series.
    settings
        Gives the weight.

    Returns
    -------
    tuple of Evidence or SkippedMethod
        One a component that collapsed; none if more than half of the measured components did, as then it is the
        measuring that ended.
    """
    view = observation.series
    if view is None or settings.silence_weight == 0:
        return SkippedMethod(name=NAME, reason="There are no metrics, or it is switched off.")
    collapsed = _collapsed(view)
    parts: dict[str, list[int]] = {}
    for i, (key, kind) in enumerate(zip(view.keys, view.kinds, strict=True)):
        if kind in {MetricKind.SATURATION, MetricKind.TRAFFIC}:
            parts.setdefault(key.component, []).append(i)
    dead = {name: _share(view, columns, collapsed) for name, columns in parts.items()}
    found = {name: share for name, share in sorted(dead.items()) if share >= LEAST_SHARE}
    if 2 * len(found) > len(parts):
        return SkippedMethod(name=NAME, reason="More than half of the components went silent: the measuring ended.")
    return tuple(_evidence(name, share, len(parts[name]), settings) for name, share in found.items())


def _collapsed(view: SeriesView) -> np.ndarray:
    """Which series fell to nearly nothing, or ended."""
    with np.errstate(invalid="ignore"):
        fell = (np.abs(view.level) < COLLAPSED * np.abs(view.baseline)) & (np.abs(view.shift) > ODD_DEVIATION)
    return np.asarray(fell | is_silent(view))


def _share(view: SeriesView, columns: list[int], collapsed: np.ndarray) -> float:
    """Part of the series of a component that collapsed; 0 if none of them is a resource, or too few did."""
    down = [i for i in columns if collapsed[i]]
    if len(down) < FEWEST_SERIES or not any(view.kinds[i] is MetricKind.SATURATION for i in down):
        return 0.0
    return len(down) / len(columns)


def _evidence(component: str, share: float, n: int, settings: RootCauseSettings) -> Evidence:
    """One sentence on the collapse."""
    return Evidence(
        collector=NAME,
        component=component,
        statement=f"It has gone silent: {share:.0%} of its {n} resource and traffic metrics collapsed or ended.",
        weight=settings.silence_weight * share,
        numbers={"collapsed_share": share},
    )
