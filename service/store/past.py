"""What came of past incidents, many at a time: the causes that were named, and the runs that were carried out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from analysis.findings import CauseCategory
from service.recovery.runs import RecoveryRun
from service.store import codec, run_codec
from service.store.database import Database
from service.store.recovery_tables import RunRow
from service.store.tables import AnalysisRow

_AT_ONCE = 500
"""Names in one query: databases bound how many there may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCause:
    """What is read of the cause that an analysis names; the evidence, most of it by far, is left alone."""

    component: str
    category: CauseCategory


@dataclass(frozen=True, slots=True, kw_only=True)
class _Analysis:
    most_likely_cause: NamedCause | None


def causes_of(database: Database, incident_ids: Sequence[str]) -> Mapping[str, NamedCause]:
    """Look up the causes that the latest analyses name.

    Parameters
    ----------
    database
        Of the service.
    incident_ids
        Of any incidents.

    Returns
    -------
    Mapping of str to NamedCause
        Without those that were not analysed, or whose analysis names no cause.
    """
    found = {}
    with database.reading() as session:
        for ids in _parts(incident_ids):
            query = select(AnalysisRow).where(AnalysisRow.incident_id.in_(ids))
            for row in session.scalars(query):
                cause = codec.loads(_Analysis, row.body).most_likely_cause
                if cause is not None:
                    found[row.incident_id] = cause
    return found


def runs_of(database: Database, incident_ids: Sequence[str]) -> Mapping[str, tuple[RecoveryRun, ...]]:
    """Look up the recovery runs of incidents.

    Parameters
    ----------
    database
        Of the service.
    incident_ids
        Of any incidents.

    Returns
    -------
    Mapping of str to tuple of RecoveryRun
        Oldest first; without the incidents that have none.
    """
    found: dict[str, list[RecoveryRun]] = defaultdict(list)
    with database.reading() as session:
        for ids in _parts(incident_ids):
            query = select(RunRow.incident_id, RunRow.body).where(RunRow.incident_id.in_(ids)).order_by(RunRow.seq)
            for incident_id, body in session.execute(query):
                found[incident_id] += run_codec.readable([body])
    return {incident_id: tuple(runs) for incident_id, runs in found.items()}


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[first : first + _AT_ONCE] for first in range(0, len(ids), _AT_ONCE)]
