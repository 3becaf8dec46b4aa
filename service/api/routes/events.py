"""The ledger: page by page, or as a stream."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent, format_sse_event

from service.api.backend import Backend
from service.api.dependencies import PREFIX, Cursor, Engine, Filter, Limit, Limits
from service.api.openapi import problems
from service.api.schemas.base import example_of
from service.api.schemas.ledger import Record, RecordPage
from service.records import RecordKind
from service.store.paging import MAX_LIMIT

router = APIRouter(prefix=f"{PREFIX}/events", tags=["events"])

_SHOWN = Record(**example_of(Record))
_STREAM_EXAMPLE = format_sse_event(data_str=_SHOWN.model_dump_json(), event=_SHOWN.kind, id=str(_SHOWN.seq)).decode()


@router.get("", summary="List the ledger", responses=problems(422))
def events(
    engine: Engine,
    kind: RecordKind | None = None,
    subject: Filter = None,
    incident_id: Filter = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> RecordPage:
    """Page through everything that the service noticed, decided and did, newest first."""
    page = engine.store.record_page(kind=kind, subject=subject, incident_id=incident_id, cursor=cursor, limit=limit)
    return RecordPage(items=[Record.of(record) for record in page.items], next_cursor=page.next_cursor)


@router.get(
    "/stream",
    summary="Follow the ledger",
    response_class=EventSourceResponse,
    responses=problems(422)
    | {
        200: {
            "description": "Server-sent events; the id is the number of the record, the event its kind.",
            "content": {"text/event-stream": {"example": _STREAM_EXAMPLE}},
        }
    },
)
async def stream(
    request: Request,
    engine: Engine,
    limits: Limits,
    last_event_id: Annotated[int | None, Header(ge=0, lt=2**63, description="Resume behind this record.")] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow the ledger from now on, or from Last-Event-ID; the stream ends now and then and is to be resumed."""
    after = await run_in_threadpool(_newest, engine) if last_event_id is None else last_event_id
    clock = asyncio.get_running_loop().time
    end = clock() + limits.stream_max_s
    yield ServerSentEvent(comment="following")
    while True:
        records = await run_in_threadpool(engine.store.records, after=after, limit=MAX_LIMIT)
        for record in records:
            after = record.seq
            yield ServerSentEvent(data=Record.of(record), event=record.kind.value, id=str(record.seq))
        if len(records) < MAX_LIMIT:
            if clock() >= end or request.app.state.is_closing:
                return
            await asyncio.sleep(limits.stream_poll_s)


def _newest(engine: Backend) -> int:
    return max((record.seq for record in engine.store.records(newest_first=True, limit=1)), default=0)
