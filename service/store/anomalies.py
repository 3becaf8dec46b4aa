"""Anomalies as rows: known by series and start, renewed while they grow; type and detector may change meanwhile."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.anomalies import Anomaly, AnomalySeverity, AnomalyType
from models.frames import SeriesKey
from service.store.codec import encode
from service.store.tables import AnomalyRow, MemberRow

_PLAIN = (
    "confidence", "start", "peak", "end", "value", "expected", "lower", "upper", "score", "deviation",
    "previous_value", "rate_of_change", "detector", "model_version", "step_s",
)  # fmt: skip
_CHUNK = 500


def identity(anomaly: Anomaly) -> str:
    """Say which anomaly it is.

    Parameters
    ----------
    anomaly
        Any.

    Returns
    -------
    str
        The same for the same component, metric and start; 64 characters.
    """
    parts = [anomaly.key.component, anomaly.key.metric, encode(anomaly.start)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def upsert(session: Session, anomalies: Iterable[Anomaly]) -> list[int]:
    """Add the new ones, renew the known ones.

    Parameters
    ----------
    session
        In a writing transaction.
    anomalies
        Of two with the same identity the later one stays.

    Returns
    -------
    list of int
        Row ids in the order of their first occurrence, each once.
    """
    rows = {identity(anomaly): _to_row(anomaly) for anomaly in anomalies}
    if not rows:
        return []
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(AnomalyRow)
    renewed = {name: insert.excluded[name] for name in ("type", "severity", "supporting_detectors", *_PLAIN)}
    session.execute(
        insert.on_conflict_do_update(index_elements=["identity"], set_=renewed),
        [{"identity": digest, **row} for digest, row in rows.items()],
    )
    return _ids(session, list(rows))


def forget_orphans(session: Session, ids: Iterable[int]) -> None:
    """Delete those of some anomalies that no incident holds.

    Parameters
    ----------
    session
        In a writing transaction.
    ids
        Rows of anomalies that left an incident.
    """
    wanted = sorted(ids)
    for first in range(0, len(wanted), _CHUNK):
        left = AnomalyRow.id.in_(wanted[first : first + _CHUNK])
        session.execute(delete(AnomalyRow).where(left, ~exists().where(MemberRow.anomaly_id == AnomalyRow.id)))


def _ids(session: Session, digests: Sequence[str]) -> list[int]:
    found: dict[str, int] = {}
    for first in range(0, len(digests), _CHUNK):
        wanted = AnomalyRow.identity.in_(digests[first : first + _CHUNK])
        query = select(AnomalyRow.identity, AnomalyRow.id).where(wanted)
        found.update((digest, row_id) for digest, row_id in session.execute(query))
    return [found[digest] for digest in digests]


def _to_row(anomaly: Anomaly) -> dict[str, Any]:
    return {
        "component": anomaly.key.component,
        "metric": anomaly.key.metric,
        "type": anomaly.type.value,
        "severity": anomaly.severity.value,
        "supporting_detectors": json.dumps(anomaly.supporting_detectors),
        **{name: getattr(anomaly, name) for name in _PLAIN},
    }


def to_anomaly(row: AnomalyRow) -> Anomaly:
    """Make the value of a row.

    Parameters
    ----------
    row
        Loaded.

    Returns
    -------
    Anomaly
        As it was saved last.
    """
    return Anomaly(
        key=SeriesKey(row.component, row.metric),
        type=AnomalyType(row.type),
        severity=AnomalySeverity(row.severity),
        supporting_detectors=tuple(json.loads(row.supporting_detectors)),
        **{name: getattr(row, name) for name in _PLAIN},
    )
