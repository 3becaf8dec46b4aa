"""What applications import from the package."""

import subprocess
import sys

import pytest

import service.recovery


@pytest.mark.parametrize("name", service.recovery.__all__)
def test_every_name_is_there(name):
    """Also those that are loaded when they are asked for."""
    assert getattr(service.recovery, name).__name__ == name


def test_an_unknown_name_is_an_error():
    """As in any other module."""
    with pytest.raises(AttributeError, match="no attribute 'nobody'"):
        _ = service.recovery.nobody


def test_applications_do_not_load_what_they_do_not_need():
    """Importing the breaker brings no data frames and no server into an application."""
    heavy = "{'pandas', 'numpy', 'sqlalchemy', 'fastapi', 'prometheus_client'}"
    code = f"import sys; from service.recovery import CircuitBreaker; sys.exit({heavy} & set(sys.modules) or None)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
