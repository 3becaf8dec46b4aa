"""Seeded histories of incidents: unrelated ones, and ones with a planted relation."""

from datetime import timedelta

import numpy as np

from analysis.correlation import IncidentHistory
from analysis.events import Event, EventKind
from analysis.incidents import Incident, IncidentStatus
from analysis.topology import from_edges
from models.frames import SeriesKey
from tests.analysis.builders import START, anomaly, frame_of

DAYS = 30
MINUTES = DAYS * 1440
OBSERVED = (START, START + timedelta(days=DAYS))
NAMES = tuple(f"s{n:02d}" for n in range(24))
HOSTS = {name: {"host": f"h{n // 4}", "zone": f"z{n % 3}"} for n, name in enumerate(NAMES)}
CALLS = tuple((NAMES[n], NAMES[m]) for n in range(24) for m in (2 * n + 1, 2 * n + 2) if m < 24)
GRAPH = from_edges(CALLS)
ROWS = 400


def incident(number, minute, components=("s00",), **changes):
    """An incident of some components, the first of them first."""
    found = tuple(anomaly(name, minute + k / 10, minute + 12, **changes) for k, name in enumerate(components))
    start = START + timedelta(minutes=float(minute))
    return Incident(
        id=f"i{number:05d}", status=IncidentStatus.RESOLVED, opened_at=start, updated_at=start, anomalies=found
    )


def incidents(minutes, places):
    """One incident for each minute, at its place or places."""
    return tuple(
        incident(n, float(minute), (place,) if isinstance(place, str) else place)
        for n, (minute, place) in enumerate(zip(minutes, places, strict=True))
    )


def minutes_of(rng, n, rhythm="even"):
    """Onsets of unrelated incidents: even, mostly by day, or mostly in three bad days."""
    if rhythm == "even":
        return np.sort(rng.uniform(0, MINUTES, n))
    if rhythm == "daily":
        hours = np.clip(rng.normal(14, 3, n), 0, 23.99)
        return np.sort(rng.integers(0, DAYS, n) * 1440 + hours * 60)
    is_bad = rng.random(n) < 0.4
    bad = rng.choice(DAYS, 3, replace=False)
    days = np.where(is_bad, rng.choice(bad, n), rng.integers(0, DAYS, n))
    return np.sort((days + rng.random(n)) * 1440)


def places_of(rng, n, *, most=1):
    """Where unrelated incidents are: some components far more often than others, sizes from one to ``most``."""
    weights = rng.dirichlet(np.full(len(NAMES), 2.0))
    sizes = rng.integers(1, most + 1, n)
    return [tuple(NAMES[i] for i in rng.choice(len(NAMES), size, replace=False, p=weights)) for size in sizes]


def changes_at(minutes, component="s03", name="deploy v2"):
    """A change at each minute."""
    return tuple(
        Event(at=START + timedelta(minutes=float(m)), component=component, kind=EventKind.DEPLOY, name=name)
        for m in minutes
    )


def random_changes(rng, n):
    """Unrelated changes by day."""
    minutes = minutes_of(rng, n, "daily")
    return tuple(
        change
        for k, minute in enumerate(minutes)
        for change in changes_at([minute], str(rng.choice(NAMES)), f"change {k % 5}")
    )


def unrelated(seed, n=120, rhythm="even", most=1):
    """A month of incidents that have nothing to do with each other, with everything known around them."""
    rng = np.random.default_rng(seed)
    return IncidentHistory(
        incidents=incidents(minutes_of(rng, n, rhythm), places_of(rng, n, most=most)),
        graph=GRAPH,
        changes=random_changes(rng, 60),
        attributes=HOSTS,
        observed=OBSERVED,
    )


def wander(rng, n_rows, keep):
    """Noise that remembers its past."""
    values = rng.normal(size=n_rows)
    for row in range(1, n_rows):
        values[row] += keep * values[row - 1]
    return values


def metric_pair(seed, *, weight, noisy=3.0, both_end=340):
    """Two incidents of a dependency and its caller, and their latency; ``weight`` 0 makes them unrelated.

    Both rise at their onset and are noisier while they last; the caller follows the changes of its dependency by two
    rows.
    """
    rng = np.random.default_rng(seed)
    first, then = 300, int(rng.integers(302, 312))
    rows = np.arange(ROWS)
    cause = wander(rng, ROWS, 0.5) * np.where((rows >= first) & (rows < both_end), noisy, 1.0)
    own = wander(rng, ROWS, 0.5) * np.where((rows >= then) & (rows < both_end), noisy, 1.0)
    effect = own + weight * np.concatenate([np.zeros(2), cause[:-2]])
    cause += 20.0 * ((rows >= first) & (rows < both_end))
    effect += 15.0 * ((rows >= then) & (rows < both_end))
    frame = frame_of({("s03", "latency"): 50 + cause, ("s01", "latency"): 50 + effect})
    pair = (
        _lasting(0, "s03", first, both_end),
        _lasting(1, "s01", then, both_end),
    )
    return IncidentHistory(incidents=pair, graph=GRAPH, frame=frame, observed=OBSERVED)


def _lasting(number, component, first, last):
    found = anomaly(component, first, last, metric="latency")
    assert found.key == SeriesKey(component, "latency")
    return Incident(
        id=f"i{number:05d}",
        status=IncidentStatus.RESOLVED,
        opened_at=found.start,
        updated_at=found.start,
        anomalies=(found,),
    )


def joined(*parts, **known):
    """One history of several lists of (minute, places)."""
    ordered = sorted(((float(minute), place) for part in parts for minute, place in part), key=lambda pair: pair[0])
    found = incidents([minute for minute, _ in ordered], [place for _, place in ordered])
    return IncidentHistory(incidents=found, **{"graph": GRAPH, "observed": OBSERVED} | known)


def background(seed, n=120, rhythm="even", most=1):
    """Unrelated incidents as (minute, places)."""
    rng = np.random.default_rng(seed)
    return list(zip(minutes_of(rng, n, rhythm), places_of(rng, n, most=most), strict=True))


def burst(seed, *, n=4, within_min=4.0):
    """Unrelated incidents, and some that begin together somewhere else; gives the minute of the burst as well."""
    rng = np.random.default_rng(seed + 10_000)
    minute = float(rng.uniform(0, MINUTES - 60))
    planted = [(minute + within_min * k / n, NAMES[int(rng.integers(24))]) for k in range(n)]
    return joined(background(seed), planted), minute


def pair_failing(seed, *, n=8, most=2):
    """Incidents of up to two components, and some in which s05 and s11 fail together."""
    rng = np.random.default_rng(seed + 10_000)
    planted = [(minute, ("s05", "s11")) for minute in rng.uniform(0, MINUTES, n)]
    return joined(background(seed, most=most), planted)


def chasing(seed, *, n=8, followed=6):
    """Incidents of s03, most of them followed by one of its caller s01 some minutes later."""
    rng = np.random.default_rng(seed + 10_000)
    leads = rng.uniform(0, MINUTES - 60, n)
    follows = [(minute + rng.uniform(3, 10), "s01") for minute in leads[:followed]]
    return joined(background(seed), [(minute, "s03") for minute in leads], follows)


def bad_host(seed, *, n=4, within_min=50.0):
    """Incidents of different components of the host h2 within an hour."""
    rng = np.random.default_rng(seed + 10_000)
    minute = float(rng.uniform(0, MINUTES - 60))
    names = [name for name in NAMES if HOSTS[name]["host"] == "h2"]
    planted = [(minute + within_min * k / n, names[k % len(names)]) for k in range(n)]
    return joined(background(seed), planted, attributes=HOSTS)


def bad_deploys(seed, *, n=6, broken=4):
    """Deploys of s03, most of them followed by an incident of it within half an hour."""
    rng = np.random.default_rng(seed + 10_000)
    minutes = minutes_of(rng, n, "daily")
    planted = [(minute + rng.uniform(2, 25), "s03") for minute in minutes[:broken]]
    changes = (*changes_at(minutes), *random_changes(rng, 60))
    return joined(background(seed), planted, changes=changes, attributes=HOSTS)
