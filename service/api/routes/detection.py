"""Score metrics, list anomalies."""

from typing import Annotated

from fastapi import APIRouter, Query

from service.api.dependencies import PREFIX, Cursor, Engine, Filter, Limit, Limits
from service.api.openapi import problems
from service.api.points import frame_of
from service.api.schemas.base import Moment
from service.api.schemas.detection import Anomaly, AnomalyPage, RepairNote, ScoreRequest, ScoreResult, UnknownSeries

router = APIRouter(prefix=PREFIX, tags=["detection"])


@router.post("/score", summary="Judge metric values", responses=problems(400, 403, 409, 413, 415, 422))
def score(request: ScoreRequest, engine: Engine, limits: Limits) -> ScoreResult:
    """Judge points by the trained bundle in force and return what is abnormal in them; nothing is kept."""
    frame, repairs = frame_of(request.points, request.step_s, limits)
    judged = engine.score(frame)
    return ScoreResult(
        anomalies=[Anomaly.of(anomaly) for anomaly in judged.anomalies],
        n_points=len(request.points),
        n_rows=frame.n_rows,
        n_series=frame.n_series,
        step_s=frame.step_s,
        repairs=[RepairNote.of(repair) for repair in repairs],
        unknown=[UnknownSeries(component=key.component, metric=key.metric) for key in judged.unknown],
    )


@router.get("/anomalies", summary="List anomalies", responses=problems(422))
def anomalies(
    engine: Engine,
    component: Filter = None,
    metric: Filter = None,
    incident_id: Filter = None,
    since: Annotated[Moment | None, Query(description="Only those that start at or after this time.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> AnomalyPage:
    """Page through the anomalies that were noticed, latest start first."""
    page = engine.store.anomalies(
        component=component, metric=metric, incident_id=incident_id, since=since, cursor=cursor, limit=limit
    )
    return AnomalyPage(items=[Anomaly.of(anomaly) for anomaly in page.items], next_cursor=page.next_cursor)
