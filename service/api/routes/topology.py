"""The service map and the series behind it."""

from typing import Annotated

from fastapi import APIRouter, Query

from analysis.topology import from_edges
from models.errors import InputError
from models.frames import SeriesKey
from service.api.dependencies import PREFIX, Engine, Limits
from service.api.openapi import problems
from service.api.schemas.base import Moment
from service.api.schemas.topology import Component, Edge, Series, Topology

router = APIRouter(prefix=PREFIX, tags=["topology"])

Name = Annotated[str, Query(max_length=1000)]


@router.get("/topology", summary="Look up the service map", responses=problems())
def topology(engine: Engine) -> Topology:
    """List all components with their state, and who calls whom, with the way in which that is known."""
    return Topology(
        nodes=[Component.of(state) for state in engine.component_states()],
        edges=[
            Edge(caller=edge.caller, callee=edge.callee, sources=list(edge.sources))
            for edge in from_edges(engine.edges()).edges
        ],
    )


@router.get("/series", summary="Look up a series with its expectation", responses=problems(404, 422))
def series(engine: Engine, limits: Limits, component: Name, metric: Name, start: Moment, end: Moment) -> Series:
    """Give the values of a metric from start to end (exclusive) with the expected value and band, for a chart."""
    if start >= end:
        raise InputError("the end does not lie behind the start", source="series", remedy="swap start and end")
    chart = engine.chart(SeriesKey(component, metric), start, end)
    if len(chart.times) > limits.max_chart_rows:
        raise InputError(
            f"there are {len(chart.times)} rows",
            source="series",
            remedy=f"ask for a span of at most {limits.max_chart_rows} rows",
        )
    return Series.of(chart)
