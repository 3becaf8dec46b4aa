"""The application: routes over a backend. Nothing happens at import."""

import time

from fastapi import FastAPI

from service.api import openapi, problems
from service.api.backend import Backend
from service.api.guards import Guards
from service.api.metrics import RequestMeter, ServiceMetrics
from service.api.routes import (
    checks,
    control,
    detection,
    events,
    health,
    incidents,
    policy,
    related,
    safety,
    topology,
)
from service.api.settings import DEFAULTS, ApiSettings

OPENAPI_PATH = "/openapi.json"

_DESCRIPTION = """\
Learns what normal looks like, notices when a system leaves it, names the root cause with evidence, repairs what it may.

Every error is `application/problem+json` (RFC 9457). Listings are pages of `items` with a `next_cursor`. Times are UTC,
spans are seconds, unknown numbers are null. Requests that change something are sent as `application/json`.
"""

_TAGS = [
    {"name": "detection", "description": "Judge metrics, list what was abnormal."},
    {"name": "incidents", "description": "Anomalies that belong together, and their root cause."},
    {"name": "related", "description": "Incidents that are related, and failures that recur."},
    {"name": "topology", "description": "The service map and the series behind it."},
    {"name": "checks", "description": "Health checks, their results, and maintenance."},
    {"name": "breakers", "description": "Circuit breakers, one a component."},
    {"name": "recoveries", "description": "Recovery runs and their approvals."},
    {"name": "policy", "description": "Strategies and boundaries in force, and the routes between components."},
    {"name": "safety", "description": "Stop all actions; guards; levels of reduced function."},
    {"name": "events", "description": "The ledger of all that was noticed, decided and done."},
    {"name": "health", "description": "The service itself."},
]


def create_app(backend: Backend, settings: ApiSettings = DEFAULTS) -> FastAPI:
    """Build the application.

    Parameters
    ----------
    backend
        The engine; it outlives the application.
    settings
        Limits.

    Returns
    -------
    FastAPI
        Ready to serve; further routers (the page) may be included.
    """
    app = FastAPI(
        title="Faultline",
        version=_version(),
        summary="Fault detection, root cause and recovery.",
        description=_DESCRIPTION,
        openapi_url=OPENAPI_PATH,
        openapi_tags=_TAGS,
        # The framework's pages would load scripts from a content delivery network.
        docs_url=None,
        redoc_url=None,
        # A slash too many is another path: a redirection would be an answer that the description does not name.
        redirect_slashes=False,
    )
    app.state.backend, app.state.settings, app.state.metrics = backend, settings, ServiceMetrics(backend)
    app.state.is_closing = False
    for module in (detection, incidents, related, topology, checks, control, policy, safety, events, health):
        app.include_router(module.router)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(RequestMeter, metrics=app.state.metrics, clock=time.perf_counter)
    app.add_middleware(Guards, settings=settings)
    return app


def _version() -> str:
    from importlib.metadata import version

    return version("faultline")
