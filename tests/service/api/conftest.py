"""A client of an application over the fake backend."""

import httpx
import pytest

from service.api.app import create_app
from tests.service.api.asgi import AppTransport
from tests.service.api.fakes import FakeBackend


@pytest.fixture
def backend():
    """Fresh, with a store in memory."""
    backend = FakeBackend()
    yield backend
    backend.store.close()


@pytest.fixture
def client(backend):
    """Speaks to the application."""
    with httpx.Client(transport=AppTransport(create_app(backend)), base_url="http://127.0.0.1") as client:
        yield client
