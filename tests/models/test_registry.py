"""Names of detectors."""

import pytest

from models.checks import check_detector
from models.errors import ConfigurationError, UnknownNameError
from models.registry import DETECTORS, ENSEMBLE, make_detector


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_every_registered_detector_keeps_the_contract(name: str) -> None:
    """Causal, independent of the batch and of the order, all memory in plain arrays, no warnings."""
    check_detector(DETECTORS[name])


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_names_and_parameters_agree(name: str) -> None:
    """A detector is registered under its own name and can be made again from its parameters."""
    detector = make_detector(name)
    assert detector.name == name
    assert make_detector(name, detector.parameters()).parameters() == detector.parameters()


def test_what_is_trained_by_default_is_registered() -> None:
    """The names of the ensemble are known, each is there once, and it and judges series as well as components."""
    assert set(ENSEMBLE) <= set(DETECTORS)
    assert len(set(ENSEMBLE)) == len(ENSEMBLE)
    assert {make_detector(name).scope for name in ENSEMBLE} == {"series", "component"}


def test_an_unknown_name_lists_the_known_ones() -> None:
    """A typing mistake is answered with the choice."""
    with pytest.raises(UnknownNameError, match="moving_average"):
        make_detector("moving_avarage")


def test_a_wrong_parameter_is_named() -> None:
    """A parameter that the detector does not take is a configuration error."""
    with pytest.raises(ConfigurationError, match="windows"):
        make_detector("moving_average", {"windows": 3})
