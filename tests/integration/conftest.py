"""A real supervisor and a real HAProxy for the tests of this directory; each ends with its module."""

import pytest

from benchmarks import real_peers


@pytest.fixture(scope="module")
def directory():
    """A scratch directory with a short name."""
    with real_peers.scratch() as made:
        yield made


@pytest.fixture(scope="session")
def haproxy_here():
    """Skip where there is no HAProxy."""
    if real_peers.find_haproxy() is None:
        pytest.skip(real_peers.HAPROXY_REMEDY)
