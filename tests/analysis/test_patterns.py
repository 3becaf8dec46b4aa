"""Recurring failures among past incidents, and the matching of a new one."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from analysis.findings import CauseCategory
from analysis.incidents import Incident, IncidentStatus
from analysis.patterns import PastIncident, PatternSettings, Resolution, identify_patterns, match
from analysis.rootcause.kinds import MetricKind
from analysis.signatures import Direction, Symptom, signature_of, similarities
from models.anomalies import AnomalySeverity, AnomalyType
from models.errors import ConfigurationError, InputError
from tests.analysis.builders import START, anomaly

METRICS = ("cpu", "latency", "errors")
RESTART = Resolution(action="RESTART_COMPONENT", component="db", is_verified=True)


def incident(number, minute, parts):
    """An incident of ``{(component, metric): minutes after its onset}``."""
    found = tuple(anomaly(c, minute + late, minute + 20, metric=m) for (c, m), late in parts.items())
    at = START + timedelta(minutes=minute)
    return Incident(id=f"i{number:05d}", status=IncidentStatus.RESOLVED, opened_at=at, updated_at=at, anomalies=found)


def db_fault(number, minute, **known):
    """The database is busy, then its caller slow."""
    parts = {("db", "cpu"): 0, ("db", "latency"): 0, ("orders", "latency"): 2}
    known = {"cause": "db", "category": CauseCategory.RESOURCE} | known
    return PastIncident(incident=incident(number, minute, parts), **known)


def mail_fault(number, minute):
    """Mail fails alone."""
    parts = {("mail", "errors"): 0}
    return PastIncident(incident=incident(number, minute, parts), cause="mail", category=CauseCategory.EXTERNAL)


def families(seed, *, n_families=8, each=10, noise=0.2, n_alone=20):
    """Noisy repetitions of some failures among incidents that happen once; gives the truth as well, -1 for once.

    A repetition loses each symptom with ``noise``, gains another as often, and its cause is named wrongly or not at all
    as often.
    """
    rng = np.random.default_rng(seed)
    names = [f"s{n:02d}" for n in range(20)]
    past, truth = [], []
    for family in range(n_families + n_alone):
        own = [(str(c), str(m)) for c in rng.choice(names, 4, replace=False) for m in rng.choice(METRICS, 2, False)]
        n = each if family < n_families else 1
        for _ in range(n):
            kept = [part for part in own if rng.random() > noise] or own[:1]
            more = [(str(rng.choice(names)), str(rng.choice(METRICS))) for _ in own if rng.random() < noise / 2]
            parts = {part: names.index(part[0]) % 7 for part in (*kept, *more)}
            cause = own[0][0] if rng.random() > noise else str(rng.choice(["", *names]))
            category = CauseCategory.RESOURCE if cause else None
            number, minute = len(past), float(rng.integers(0, 40_000))
            past.append(PastIncident(incident=incident(number, minute, parts), cause=cause, category=category))
            truth.append(family if family < n_families else -1)
    return past, np.array(truth)


def scores(past, truth):
    """Share of the pairs of a family that are in one pattern, and of the pairs in a pattern that are of one family."""
    label = dict.fromkeys((each.incident.id for each in past), -1)
    for k, pattern in enumerate(identify_patterns(past)):
        label |= dict.fromkeys(pattern.incident_ids, k)
    found = np.array([label[each.incident.id] for each in past])
    upper = np.triu(np.ones((len(past), len(past)), dtype=bool), 1)
    is_true = (truth[:, None] == truth) & (truth[:, None] >= 0) & upper
    is_found = (found[:, None] == found) & (found[:, None] >= 0) & upper
    return (is_true & is_found).sum() / is_true.sum(), (is_true & is_found).sum() / max(is_found.sum(), 1)


def test_noisy_repetitions_are_found():
    """Of eight failures of ten noisy repetitions each, most pairs are united and hardly any others."""
    for noise, least_recall, least_precision in ((0.1, 0.9, 0.92), (0.2, 0.65, 0.95)):
        found = [scores(*families(seed, noise=noise)) for seed in range(5)]
        recall, precision = np.mean(found, axis=0)
        assert recall >= least_recall
        assert precision >= least_precision


def test_incidents_that_happen_once_make_no_pattern():
    """Of a hundred incidents that share no more than chance gives few are united."""
    past, _ = families(1, n_families=0, n_alone=100)
    assert sum(pattern.count for pattern in identify_patterns(past)) <= 12


def test_what_a_pattern_says():
    """Count, first and last time, mean gap, signature and what was done are those of its incidents."""
    failed = replace(RESTART, is_verified=False)
    scaled = Resolution(action="SCALE_UP", component="db", is_verified=False)
    past = [
        db_fault(1, 0, resolutions=(failed, RESTART)),
        db_fault(2, 600, resolutions=(RESTART,)),
        db_fault(3, 1800, resolutions=(scaled, scaled)),
        mail_fault(4, 500),
    ]
    (pattern,) = identify_patterns(past)
    assert pattern.incident_ids == ("i00001", "i00002", "i00003")
    assert (pattern.count, pattern.mean_gap_s, pattern.cohesion) == (3, 54000.0, 1.0)
    assert (pattern.last_seen - pattern.first_seen).total_seconds() == 1800 * 60
    assert (pattern.signature.cause, pattern.signature.category) == ("db", CauseCategory.RESOURCE)
    assert pattern.signature.order == (("db", "orders"),)
    usual = pattern.usual_resolution
    assert (usual.action, usual.tries, usual.verified) == ("RESTART_COMPONENT", 3, 2)
    assert pattern.description.startswith("seen 3 times, every 15 h in the mean: resource fault of db; db latency up")


def test_the_order_does_not_matter():
    """Past incidents in another order give the same patterns."""
    past, _ = families(3)
    mixed = [past[i] for i in np.random.default_rng(0).permutation(len(past))]
    assert identify_patterns(mixed) == identify_patterns(past)


def test_rounds_find_what_one_clustering_finds():
    """Clustering few at a time loses hardly any pair: failures whose parts fall into different rounds are joined."""
    past, _ = families(4, each=20)
    whole, parts = identify_patterns(past), identify_patterns(past, PatternSettings(at_once=40))
    assert abs(sum(p.count for p in whole) - sum(p.count for p in parts)) <= 10
    assert sum(p.count >= 10 for p in parts) >= 7


def test_a_new_incident_is_matched():
    """The pattern comes with similarity, what is shared, what differs, and what was done earlier."""
    past = [db_fault(1, 0, resolutions=(RESTART,)), db_fault(2, 600), mail_fault(3, 50), mail_fault(4, 90)]
    parts = {("db", "cpu"): 0, ("orders", "latency"): 3, ("web", "errors"): 4}
    (found,) = match(PastIncident(incident=incident(9, 5000, parts)), identify_patterns(past))
    assert found.pattern.signature.cause == "db"
    assert 0.4 <= found.similarity < 1
    assert [str(s) for s in found.missing] == ["db latency up"]
    assert [str(s) for s in found.added] == ["web errors up"]
    for part in ("none is named yet", "2 of 4", "without db latency up", "RESTART_COMPONENT on db, verified 1 of 1"):
        assert part in found.description


def test_matching_finds_the_right_failure():
    """The best match of a further noisy repetition is its own failure in most cases."""
    past, truth = families(7, each=12)
    new = [list(truth).index(family) for family in range(8)]
    known = identify_patterns([each for k, each in enumerate(past) if k not in new])
    family_of = {each.incident.id: family for each, family in zip(past, truth, strict=True)}
    best = [match(replace(past[k], cause="", category=None), known)[:1] for k in new]
    right = [bool(m) and family_of[m[0].pattern.incident_ids[0]] == truth[k] for m, k in zip(best, new, strict=True)]
    assert sum(right) >= 7


def test_nothing_alike():
    """No patterns, or none that is alike, match nothing; a single incident matches as one that was seen once."""
    assert match(mail_fault(1, 5), ()) == ()
    alone = identify_patterns([db_fault(1, 0)], PatternSettings(least_count=1))
    assert identify_patterns([db_fault(1, 0)]) == ()
    assert match(mail_fault(2, 5), alone) == ()
    (found,) = match(db_fault(3, 900), alone)
    assert np.isnan(found.pattern.mean_gap_s)
    assert "seen 1 time" in found.description
    assert "nothing was done by us" in found.description


def test_another_cause_is_said():
    """The same symptoms with another cause are a weaker match, and the sentence says so."""
    patterns = identify_patterns([db_fault(1, 0), db_fault(2, 60)])
    (same,), (other,) = match(db_fault(3, 900), patterns), match(db_fault(4, 900, cause="orders"), patterns)
    assert same.similarity == 1
    assert other.similarity < 0.85
    assert "cause orders instead of db" in other.description


def test_directions():
    """Up, down, gone, stuck and unknown are told apart, and the gravest anomaly of a kind gives the severity."""
    base = anomaly("db", 0, 5)
    different = (
        base,
        replace(base, deviation=-3.0),
        replace(base, type=AnomalyType.MISSING_DATA),
        replace(base, type=AnomalyType.STUCK_VALUE),
        replace(base, deviation=float("nan"), severity=AnomalySeverity.LOW),
        replace(base, deviation=float("nan"), severity=AnomalySeverity.CRITICAL),
    )
    signature = signature_of(replace(incident(1, 0, {("db", "cpu"): 0}), anomalies=different))
    assert {symptom.direction for symptom, _ in signature.symptoms} == set(Direction)
    assert dict(signature.symptoms)[Symptom("db", MetricKind.SATURATION, Direction.UNKNOWN)] == 4


def test_similarity_is_the_mean_of_weighted_jaccard_indices():
    """The fast way equals the formula, part by part."""

    def slow(one, other):
        def ruzicka(a, b):
            names = {*a, *b}
            return sum(min(a.get(n, 0), b.get(n, 0)) for n in names) / sum(max(a.get(n, 0), b.get(n, 0)) for n in names)

        total = weights = 0.0
        for weight, part in ((0.3, "cause"), (0.5, "symptoms"), (0.2, "order")):
            if part == "cause":
                a, b = ({("c", s.cause): 3, ("k", s.category): 1} if s.cause else {} for s in (one, other))
            else:
                a, b = (dict(s.symptoms) if part == "symptoms" else dict.fromkeys(s.order, 1) for s in (one, other))
            if a and b:
                total, weights = total + weight * ruzicka(a, b), weights + weight
        return total / weights if weights else 0.0

    past, _ = families(5, n_families=3, each=4, n_alone=4)
    signatures = [each.signature for each in past]
    expected = [[slow(a, b) for b in signatures] for a in signatures]
    assert similarities(signatures, signatures) == pytest.approx(np.array(expected))


def test_hostile_input():
    """Nothing, incidents without anomalies, ids that come twice and impossible settings."""
    assert identify_patterns([]) == ()
    one = db_fault(1, 0)
    with pytest.raises(InputError, match="i00001"):
        identify_patterns([one, one])
    with pytest.raises(InputError, match="no anomaly"):
        identify_patterns([replace(one, incident=replace(one.incident, anomalies=()))])
    with pytest.raises(ConfigurationError, match="least_similarity"):
        PatternSettings(least_similarity=1.0)
    with pytest.raises(ConfigurationError, match="at_once"):
        PatternSettings(at_once=0)
