"""One browser a module, never longer: while it lives its event loop is that of the thread, and asyncio.run fails."""

import pytest

from tests.browser import fake
from tests.browser.chromium import REMEDY, chromium, find_chromium


@pytest.fixture(scope="module")
def browser():
    """A Chromium, or a skip that says how to get one."""
    if find_chromium() is None:
        pytest.skip(REMEDY)
    with chromium() as found:
        yield found


@pytest.fixture(autouse=True)
def _stores_are_closed():
    """No connection is left to the garbage collector."""
    yield
    fake.close_all()
