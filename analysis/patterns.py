"""Recurring failures: patterns among past incidents, and which of them a new incident repeats."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import numpy as np

from analysis.findings import CauseCategory
from analysis.incidents import Incident
from analysis.signatures import Signature, Symptom, signature_of, similarities
from models.errors import ConfigurationError, InputError

T = TypeVar("T")

_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Resolution:
    """What was done about an incident.

    Parameters
    ----------
    action
        What was done, for example RESTART_COMPONENT; several joined by commas.
    component
        To whom.
    is_verified
        Whether the component was seen well again afterwards.
    """

    action: str
    component: str
    is_verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PastIncident:
    """An incident with what came of it.

    Parameters
    ----------
    incident
        With an anomaly.
    cause
        Component that the analysis named; empty if it named none.
    category
        Of the cause.
    resolutions
        What was done, in order of time.
    """

    incident: Incident
    cause: str = ""
    category: CauseCategory | None = None
    resolutions: tuple[Resolution, ...] = ()

    @property
    def signature(self) -> Signature:
        """What it looked like."""
        return signature_of(self.incident, self.cause, self.category)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastResolution:
    """What was done about the incidents of a pattern, and how often it helped.

    Parameters
    ----------
    action
        What was done.
    component
        To whom.
    tries
        How often.
    verified
        How often the component was seen well again afterwards.
    """

    action: str
    component: str
    tries: int
    verified: int

    def __str__(self) -> str:
        return f"{self.action} on {self.component}, verified {self.verified} of {self.tries} times"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailurePattern:
    """A failure that recurs.

    Parameters
    ----------
    id
        Named after its first incident, so that it stays when new ones join.
    signature
        What at least half of its incidents show.
    incident_ids
        By onset.
    first_seen, last_seen
        Onsets, UTC.
    mean_gap_s
        Between two onsets, seconds; NaN if it was seen once.
    cohesion
        In [0, 1]: mean similarity of its incidents to the signature.
    resolutions
        What was done, most often verified first.
    """

    id: str
    signature: Signature
    incident_ids: tuple[str, ...]
    first_seen: datetime
    last_seen: datetime
    mean_gap_s: float
    cohesion: float
    resolutions: tuple[PastResolution, ...] = ()

    @property
    def count(self) -> int:
        """How often it was seen."""
        return len(self.incident_ids)

    @property
    def usual_resolution(self) -> PastResolution | None:
        """What helped most often; None if nothing was ever done."""
        return self.resolutions[0] if self.resolutions else None

    @property
    def description(self) -> str:
        """One sentence with the numbers that matter."""
        category = "" if self.signature.category is None else f"{self.signature.category.lower()} fault of "
        cause = f"{category}{self.signature.cause}" if self.signature.cause else "without a named cause"
        shown = _few([symptom for symptom, _ in self.signature.symptoms]) or "nothing in common"
        gap = "" if np.isnan(self.mean_gap_s) else f", every {self.mean_gap_s / 3600:.3g} h in the mean"
        return f"seen {self.count} {'time' if self.count == 1 else 'times'}{gap}: {cause}; {shown}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternMatch:
    """A pattern that an incident may repeat.

    Parameters
    ----------
    pattern
        The pattern.
    similarity
        In [0, 1]: that of the incident to the pattern's signature.
    shared
        Symptoms of both.
    missing
        Symptoms of the pattern that the incident does not show.
    added
        Symptoms of the incident that the pattern does not have.
    description
        One sentence: what is shared, what differs, and what was done about it earlier.
    """

    pattern: FailurePattern
    similarity: float
    shared: tuple[Symptom, ...]
    missing: tuple[Symptom, ...]
    added: tuple[Symptom, ...]
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternSettings:
    """What counts as the same failure.

    Parameters
    ----------
    least_similarity
        Incidents are united while those of two groups are as similar in the mean, in (0, 1).
    least_count
        Incidents that make a pattern; 1 keeps what was seen once as well.
    at_once
        Different signatures that are clustered at one time, the newest first; older ones join the groups that they
        resemble, and what is left is clustered next. Bounds the memory: 8 bytes a pair, a few times over.

    Raises
    ------
    ConfigurationError
        If a value is out of its range.
    """

    least_similarity: float = 0.5
    least_count: int = 2
    at_once: int = 1500

    def __post_init__(self) -> None:
        if not 0 < self.least_similarity < 1:
            problem = f"least_similarity is {self.least_similarity}."
            raise ConfigurationError(problem, remedy="Give a number between 0 and 1.")
        for name in ("least_count", "at_once"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} is {getattr(self, name)}.", remedy="Give at least 1.")


def identify_patterns(
    past: Iterable[PastIncident], settings: PatternSettings | None = None
) -> tuple[FailurePattern, ...]:
    """Find failures that recur.

    Signatures are compared by the weighted Jaccard index and united by agglomerative clustering with average linkage.
    Equal signatures are clustered as one.

    Assumes that components keep their names. Two faults that look alike and are healed differently are one pattern;
    its resolutions show it.

    Parameters
    ----------
    past
        In any order; InputError if one has no anomaly, or two have one id.
    settings
        None: the defaults.

    Returns
    -------
    tuple of FailurePattern
        The most frequent first, then the latest.

    References
    ----------
    Sokal and Michener (1958), A Statistical Method for Evaluating Systematic Relationships: average linkage.
    """
    rules = settings or PatternSettings()
    ordered = _ordered(past)
    alike: dict[Signature, list[PastIncident]] = defaultdict(list)
    for each in ordered:
        alike[each.signature].append(each)
    groups = [[each for signature in group for each in alike[signature]] for group in _clustered(list(alike), rules)]
    patterns = [_pattern(group) for group in groups if len(group) >= rules.least_count]
    return tuple(sorted(patterns, key=lambda p: (-p.count, -p.last_seen.timestamp(), p.id)))


def _ordered(past: Iterable[PastIncident]) -> list[PastIncident]:
    """The newest first."""
    found = list(past)
    for name, n in Counter(each.incident.id for each in found).items():
        if n > 1:
            raise InputError(f"{n} incidents have the id {name}", remedy="give each once")
    for each in found:
        if not each.incident.anomalies:
            raise InputError(f"incident {each.incident.id} has no anomaly", remedy="leave it out")
    return sorted(found, key=lambda each: (each.incident.onset, each.incident.id), reverse=True)


def _clustered(signatures: list[Signature], rules: PatternSettings) -> list[list[Signature]]:
    """Groups of different signatures; in rounds, so that the memory stays bounded."""
    groups: list[list[Signature]] = []
    left = signatures
    while left:
        fresh = _agglomerated(left[: rules.at_once], rules.least_similarity)
        left = left[rules.at_once :]
        if left:
            near = similarities(left, [_consensus(group) for group in fresh])
            best = near.argmax(axis=1)
            is_home = near.max(axis=1) >= rules.least_similarity
            for row in np.flatnonzero(is_home):
                fresh[best[row]].append(left[row])
            left = [left[row] for row in np.flatnonzero(~is_home)]
        groups += fresh
    return groups


def _agglomerated(signatures: list[Signature], least_similarity: float) -> list[list[Signature]]:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(signatures) < 2:
        return [signatures]
    distances = squareform(np.clip(1 - similarities(signatures, signatures), 0.0, 1.0), checks=False)
    labels = fcluster(linkage(distances, "average"), 1 - least_similarity, "distance")
    groups: dict[int, list[Signature]] = {}
    for signature, label in zip(signatures, labels.tolist(), strict=True):
        groups.setdefault(label, []).append(signature)
    return list(groups.values())


def _consensus(signatures: Sequence[Signature]) -> Signature:
    """What at least half of them show: symptoms with their median severity, the order, and the usual cause."""
    half = len(signatures) / 2
    severities: dict[Symptom, list[int]] = defaultdict(list)
    for signature in signatures:
        for symptom, severity in signature.symptoms:
            severities[symptom].append(severity)
    order = Counter(pair for signature in signatures for pair in signature.order)
    cause = _usual(signature.cause for signature in signatures if signature.cause) or ""
    categories = (s.category for s in signatures if s.cause == cause and s.category is not None)
    return Signature(
        cause=cause,
        category=_usual(categories) if cause else None,
        symptoms=tuple(sorted((s, sorted(v)[len(v) // 2]) for s, v in severities.items() if len(v) >= half)),
        order=tuple(sorted(pair for pair, n in order.items() if n >= half)),
    )


def _usual(values: Iterable[T]) -> T | None:
    """The most frequent one, of several the first by name; None if there is none."""
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], str(value)), default=None)


def _pattern(members: list[PastIncident]) -> FailurePattern:
    by_onset = sorted(members, key=lambda each: (each.incident.onset, each.incident.id))
    signatures = [each.signature for each in by_onset]
    signature = _consensus(signatures)
    first, last = by_onset[0].incident, by_onset[-1].incident
    span_s = (last.onset - first.onset).total_seconds()
    return FailurePattern(
        id=f"pattern-{first.id}",
        signature=signature,
        incident_ids=tuple(each.incident.id for each in by_onset),
        first_seen=first.onset,
        last_seen=last.onset,
        mean_gap_s=span_s / (len(by_onset) - 1) if len(by_onset) > 1 else float("nan"),
        cohesion=float(similarities(signatures, [signature]).mean()),
        resolutions=_resolutions(each for member in by_onset for each in member.resolutions),
    )


def _resolutions(done: Iterable[Resolution]) -> tuple[PastResolution, ...]:
    tried: Counter[tuple[str, str]] = Counter()
    verified: Counter[tuple[str, str]] = Counter()
    for each in done:
        tried[each.action, each.component] += 1
        verified[each.action, each.component] += each.is_verified
    order = sorted(tried, key=lambda what: (-verified[what], tried[what], what))
    return tuple(PastResolution(action=w[0], component=w[1], tries=tried[w], verified=verified[w]) for w in order)


def match(
    incident: PastIncident, patterns: Sequence[FailurePattern], *, least_similarity: float = 0.4
) -> tuple[PatternMatch, ...]:
    """Find the patterns that an incident may repeat.

    Parameters
    ----------
    incident
        A new one; what it was caused by may still be unknown. It should not be a member of the patterns.
    patterns
        From ``identify_patterns``.
    least_similarity
        Others are left out.

    Returns
    -------
    tuple of PatternMatch
        The most similar first, of equally similar ones the more frequent.
    """
    if not patterns:
        return ()
    own = incident.signature
    near = similarities([own], [pattern.signature for pattern in patterns])[0]
    found = [_match(own, p, float(s)) for p, s in zip(patterns, near, strict=True) if s >= least_similarity]
    return tuple(sorted(found, key=lambda m: (-m.similarity, -m.pattern.count, m.pattern.id)))


def _match(own: Signature, pattern: FailurePattern, similarity: float) -> PatternMatch:
    ours, theirs = ({symptom for symptom, _ in s.symptoms} for s in (own, pattern.signature))
    shared, missing, added = sorted(ours & theirs), sorted(theirs - ours), sorted(ours - theirs)
    differing = [f"without {_few(missing)}"] * bool(missing) + [f"with {_few(added)} besides"] * bool(added)
    usual = pattern.usual_resolution
    return PatternMatch(
        pattern=pattern,
        similarity=similarity,
        shared=tuple(shared),
        missing=tuple(missing),
        added=tuple(added),
        description=(
            f"{similarity:.0%} like {pattern.incident_ids[-1]}, seen {pattern.count}"
            f" {'time' if pattern.count == 1 else 'times'}: {_causes(own, pattern.signature)};"
            f" {len(shared)} of {len(ours | theirs)} symptoms shared{f' ({_few(shared)})' if shared else ''}"
            f"{', ' if differing else ''}{' and '.join(differing)};"
            f" earlier: {'nothing was done by us' if usual is None else usual}"
        ),
    )


def _causes(own: Signature, other: Signature) -> str:
    if not other.cause:
        return "its cause was never named"
    if not own.cause:
        return f"its cause was {other.cause}, none is named yet here"
    return f"the same cause {own.cause}" if own.cause == other.cause else f"cause {own.cause} instead of {other.cause}"


def _few(symptoms: Sequence[Symptom]) -> str:
    rest = f" and {len(symptoms) - _SHOWN} more" if len(symptoms) > _SHOWN else ""
    return ", ".join(map(str, symptoms[:_SHOWN])) + rest
