"""Which detectors exist, by name. A new detector is one line here."""

from collections.abc import Callable, Mapping
from typing import Any

from models.detector import Detector
from models.detectors.component_residual import ComponentResidual
from models.detectors.isolation_forest import ComponentForest, IsolationForest
from models.detectors.lasting import Lasting
from models.detectors.moving_average import MovingAverage
from models.detectors.pattern import Pattern
from models.detectors.seasonal_baseline import SeasonalBaseline
from models.detectors.shift import Shift
from models.detectors.spike import Spike
from models.detectors.sudden_change import SuddenChange
from models.errors import ConfigurationError, UnknownNameError

DETECTORS: Mapping[str, Callable[..., Detector]] = {
    each.name: each
    for each in (
        Spike,
        Shift,
        Lasting,
        ComponentResidual,
        SeasonalBaseline,
        MovingAverage,
        SuddenChange,
        IsolationForest,
        ComponentForest,
        Pattern,
    )
}
ENSEMBLE = (Spike.name, Shift.name, ComponentResidual.name)
"""What is trained unless the user says otherwise."""


def make_detector(name: str, parameters: Mapping[str, Any] | None = None) -> Detector:
    """Make a detector that is not fitted yet.

    Parameters
    ----------
    name
        A key of ``DETECTORS``.
    parameters
        Passed to its ``__init__``; None means the defaults.

    Returns
    -------
    Detector
        Unfitted.

    Raises
    ------
    UnknownNameError
        If nobody registered the name.
    ConfigurationError
        If the detector does not take the parameters.
    """
    if name not in DETECTORS:
        raise UnknownNameError("detector", name, DETECTORS)
    try:
        return DETECTORS[name](**(parameters or {}))
    except TypeError as error:
        raise ConfigurationError(f"The detector {name} does not take these parameters: {error}.") from error
