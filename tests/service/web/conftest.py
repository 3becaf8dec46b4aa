"""Fakes end with their test."""

import pytest

from tests.browser import fake


@pytest.fixture(autouse=True)
def _stores_are_closed():
    """No connection is left to the garbage collector."""
    yield
    fake.close_all()
