"""Pages and the opaque cursors between them."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from models.errors import InputError
from service.store.codec import dumps

T = TypeVar("T")

MAX_LIMIT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some items of a listing.

    Parameters
    ----------
    items
        In the order of the listing.
    next_cursor
        Where the next page begins; None at the end.
    """

    items: tuple[T, ...]
    next_cursor: str | None = None


class CursorError(InputError):
    """A cursor was not made by this listing."""


def check_limit(limit: int) -> int:
    """Refuse a page size outside 1 to 500.

    Parameters
    ----------
    limit
        Items asked for.

    Returns
    -------
    int
        The same.

    Raises
    ------
    InputError
        If it is out of range.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InputError(f"the limit is {limit}", remedy=f"ask for 1 to {MAX_LIMIT} items")
    return limit


def make_cursor(listing: str, *place: str | int | datetime) -> str:
    """Write down a place in a listing.

    Parameters
    ----------
    listing
        Which one.
    *place
        The sort key of the last item of a page.

    Returns
    -------
    str
        URL-safe, not meant to be read.
    """
    return base64.urlsafe_b64encode(dumps([listing, *place]).encode()).decode().rstrip("=")


def read_cursor(listing: str, cursor: str, *kinds: type) -> list[Any]:
    """Read a place back.

    Parameters
    ----------
    listing
        The listing that it must belong to.
    cursor
        From ``make_cursor``; anything else is refused.
    *kinds
        ``str``, ``int`` or ``datetime``, one a part of the place.

    Returns
    -------
    list of Any
        The place, of these kinds.

    Raises
    ------
    CursorError
        If the cursor is not one of this listing.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return [_read_part(kind, part, listing) for kind, part in zip((None, *kinds), parts, strict=True)][1:]
    except (ValueError, TypeError, RecursionError):
        raise CursorError(
            f"the cursor {cursor[:80]!r} does not belong to this listing", remedy="take it from next_cursor, unchanged"
        ) from None


def _read_part(kind: type | None, part: Any, listing: str) -> Any:
    if kind is datetime:
        moment = datetime.fromisoformat(part)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    elif kind is int and type(part) is int:
        if 0 <= part < 2**63:
            return part
    elif (kind is str and type(part) is str) or (kind is None and part == listing):
        return part
    raise ValueError(part)
