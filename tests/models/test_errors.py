"""Messages of errors read as sentences."""

import pytest

from models.errors import FaultlineError, InputError


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("It is gone", "It is gone. Remedy: look"),
        ("It is gone.", "It is gone. Remedy: look"),
        ("Is it gone?", "Is it gone? Remedy: look"),
        ("Unknown name 'x'", "Unknown name 'x'. Remedy: look"),
    ],
)
def test_a_full_stop_stands_before_the_remedy(message: str, said: str) -> None:
    """It is set where the message has none, and only there."""
    assert str(FaultlineError(message, remedy="look")) == said


def test_without_a_remedy_the_message_stays() -> None:
    """Nothing is added to it."""
    assert str(FaultlineError("gone")) == "gone"


def test_the_place_does_not_matter() -> None:
    """The message of an input with its place gets its full stop too."""
    assert str(InputError("is empty", source="a.csv", remedy="fill it")) == "a.csv: is empty. Remedy: fill it"
