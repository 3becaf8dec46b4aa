"""Names of detectors."""

import pytest

from models.checks import check_detector
from models.errors import ConfigurationError, UnknownNameError
from models.registry import DETECTORS, make_detector


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_every_registered_detector_keeps_the_contract(name: str) -> None:
    """Causal, finite memory, independent of the batch and of the order, plain state, no warnings."""
    check_detector(DETECTORS[name])


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_names_and_parameters_agree(name: str) -> None:
    """A detector is registered under its own name and can be made again from its parameters."""
    detector = make_detector(name)
    assert detector.name == name
    assert make_detector(name, detector.parameters()).parameters() == detector.parameters()


def test_an_unknown_name_lists_the_known_ones() -> None:
    """A typing mistake is answered with the choice."""
    with pytest.raises(UnknownNameError, match="moving_average"):
        make_detector("moving_avarage")


def test_a_wrong_parameter_is_named() -> None:
    """A parameter that the detector does not take is a configuration error."""
    with pytest.raises(ConfigurationError, match="windows"):
        make_detector("moving_average", {"windows": 3})
