"""Related incidents and recurring failures."""

from typing import Annotated

from fastapi import APIRouter, Query

from analysis.patterns import identify_patterns
from service.api.dependencies import PREFIX, Engine
from service.api.openapi import problems
from service.api.schemas.incidents import SkippedMethod
from service.api.schemas.related import (
    Correlation,
    Correlations,
    Pattern,
    Patterns,
    SimilarFailure,
    SimilarFailures,
)
from service.past import latest_incidents, similar_to, with_outcomes

router = APIRouter(prefix=PREFIX, tags=["related"])

Latest = Annotated[int, Query(ge=1, le=2000, description="So many of the latest incidents are looked at.")]


@router.get("/correlations", summary="Find related incidents", responses=problems(422))
def correlations(engine: Engine, latest: Latest = 500) -> Correlations:
    """Find incidents related by time, components, cause or surroundings, each tested against chance."""
    past, found = engine.correlations(latest)
    return Correlations(
        items=[Correlation.of(each) for each in found.found],
        skipped=[SkippedMethod(name=method.name, reason=method.reason) for method in found.skipped],
        n_incidents=len(past.incidents),
        is_complete=past.is_complete,
    )


@router.get("/patterns", summary="Find recurring failures", responses=problems(422))
def patterns(engine: Engine, latest: Latest = 500) -> Patterns:
    """Find failures that recur, with what they have in common, how often they come, and what was done about them."""
    past = latest_incidents(engine.store, latest)
    found = identify_patterns(with_outcomes(engine.store, past.incidents))
    return Patterns(
        items=[Pattern.of(each) for each in found], n_incidents=len(past.incidents), is_complete=past.is_complete
    )


@router.get(
    "/incidents/{incident_id}/similar", summary="Find earlier failures like an incident", responses=problems(404, 422)
)
def similar(incident_id: str, engine: Engine, latest: Latest = 500) -> SimilarFailures:
    """Find earlier failures that an incident may repeat, with what is shared, what differs, and what helped then."""
    found = similar_to(engine.store, incident_id, latest)
    return SimilarFailures(incident_id=incident_id, items=[SimilarFailure.of(each) for each in found])
