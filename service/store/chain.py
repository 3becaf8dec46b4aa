"""The chain over the ledger: each record's digest covers its content and the digest before it.

The format is fixed for good: SHA-256 over the digest before, a line feed, and the record as canonical JSON (ASCII, keys
sorted, no spaces). Whoever changes, removes, inserts or moves a record would have to make every later digest anew.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64
"""Stands before the first record."""


def canonical(
    *, seq: int, at: datetime, kind: str, subject: str, message: str, incident_id: str, data: Mapping[str, Any]
) -> str:
    """Write a record in the one form that digests are made of.

    Parameters
    ----------
    seq
        Its number.
    at
        UTC.
    kind
        What happened.
    subject
        What it is about.
    message
        One sentence.
    incident_id
        The incident it belongs to.
    data
        JSON-ready details, as they were stored.

    Returns
    -------
    str
        ASCII.
    """
    content = {
        "seq": seq,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "kind": kind,
        "subject": subject,
        "message": message,
        "incident_id": incident_id,
        "data": data,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def link(previous: str, content: str) -> str:
    """Make the digest of a record.

    Parameters
    ----------
    previous
        Digest of the record before; ``GENESIS`` for the first.
    content
        As ``canonical`` wrote it.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return hashlib.sha256(f"{previous}\n{content}".encode("ascii")).hexdigest()
