"""What must hold for every situation, whatever it is made of."""

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.pipeline import MOST_CAUSES, diagnose
from analysis.rootcause.fusion import judge
from analysis.rootcause.observation import observe
from analysis.rootcause.settings import RootCauseSettings
from models.frames import SeriesKey
from tests.analysis.builders import CHAIN, at, event, noise, situation_of, span

NAMES = ("db", "mail", "orders", "web")
METRICS = ("cpu", "error_rate", "latency_ms", "requests")
CHEAP = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def situations(draw, names=NAMES):
    """Series that may step, vanish, appear or stand still; any calls; tables or none; detected anywhere."""
    seed = draw(st.integers(0, 2**16))
    rng = np.random.default_rng(seed)
    rows = draw(st.sampled_from([3, 20, 60]))
    cut = draw(st.integers(-2, rows + 2))
    series = {}
    for name in names:
        for metric in METRICS[: draw(st.integers(1, 4))]:
            series[name, metric] = _series(rng, rows, max(1, min(cut, rows - 1)), draw(st.integers(0, 6)))
    ends = st.sampled_from((*names, "stranger"))
    edges = draw(st.one_of(st.none(), st.lists(st.tuples(ends, ends), max_size=6).map(tuple)))
    target = draw(st.sampled_from([None, SeriesKey("web", "latency_ms"), SeriesKey("ghost", "x")]))
    tables = {
        "traces": _traces(rng, names, rows) if draw(st.booleans()) else None,
        "logs": _logs(rng, names, rows) if draw(st.booleans()) else None,
        "events": _events(rng, names, rows) if draw(st.booleans()) else None,
    }
    return situation_of(series, detected=cut, edges=edges, target=target, **tables)


def _series(rng, rows, cut, shape):
    """One of seven fates."""
    values = 10 + rng.normal(size=rows)
    late = np.arange(rows) >= cut
    fates = (
        values,
        np.where(late, values * 4, values),
        np.where(late, values / 4, values),
        np.full(rows, 7.0),
        np.where(late, np.nan, values),
        np.where(late, values, np.nan),
        np.where(rng.random(rows) < 0.5, np.nan, 1e200 * values),
    )
    return fates[shape]


def _minutes(rng, rows, n):
    return rng.integers(0, rows, n).tolist()


def _traces(rng, names, rows):
    """Calls of any two, some longer than others; ids that occur twice."""
    table = []
    for t, minute in enumerate(_minutes(rng, rows, 40)):
        caller, callee = rng.choice(names, 2)
        table += [
            span(t % 37, "a", "", caller, minute, float(rng.exponential())),
            span(t % 37, "b", "a", callee, minute, float(rng.exponential())),
            span(t % 37, "c", "a", caller, minute, float(rng.exponential())),
        ]
    return pd.DataFrame(table)


def _logs(rng, names, rows):
    """A few kinds of messages."""
    texts = ("served 1", "failed to serve", "cache miss of user-7", "")
    chosen = [(rng.choice(names), m, rng.choice(texts)) for m in _minutes(rng, rows, 60)]
    return pd.DataFrame([{"ts": pd.Timestamp(at(m)), "component": str(c), "message": str(x)} for c, m, x in chosen])


def _events(rng, names, rows):
    """Alerts and changes of any kind."""
    kinds = (("CHANGE", "deploy"), ("METRIC", "cpu"), ("METRIC", "requests"), ("TRACE", "slow"), ("LOG", "x"))
    table = []
    for minute in _minutes(rng, rows, 12):
        kind, name = kinds[rng.integers(len(kinds))]
        a, b = rng.choice(names, 2)
        table.append(event(str(a), minute, kind, name, str(rng.choice(["up", "down", ""])), caller=str(b)))
    return pd.DataFrame(table)


def shuffled(table, rng):
    """The same rows in another order, with another index."""
    return None if table is None else table.iloc[rng.permutation(len(table))]


@CHEAP
@given(situations(), st.integers(0, 99))
def test_no_order_of_the_input_decides_anything(situation, seed):
    """Columns, edges and rows of tables in another order give the identical analysis, to the last bit."""
    rng = np.random.default_rng(seed)
    frame = situation.frame
    order = rng.permutation(frame.n_series)
    keys = tuple(frame.keys[i] for i in order)
    other = replace(
        situation,
        frame=replace(frame, keys=keys, values=frame.values[:, order]),
        edges=None
        if situation.edges is None
        else tuple(situation.edges[i] for i in rng.permutation(len(situation.edges))),
        traces=shuffled(situation.traces, rng),
        logs=shuffled(situation.logs, rng),
        events=shuffled(situation.events, rng),
    )
    assert diagnose(other) == diagnose(situation)


RENAMED = {name: f"a-{name}-☃" for name in (*NAMES, "ghost", "stranger")}


@CHEAP
@given(situations())
def test_names_of_components_mean_nothing(situation):
    """Names that sort alike give the same ranking, likelihoods and weights."""
    frame = situation.frame
    keys = tuple(SeriesKey(RENAMED[key.component], key.metric) for key in frame.keys)
    tables = {}
    for name in ("traces", "logs", "events"):
        table = getattr(situation, name)
        columns = [] if table is None else [c for c in ("component", "caller") if c in table]
        tables[name] = None if table is None else table.assign(**{c: table[c].map(RENAMED) for c in columns})
    other = replace(
        situation,
        frame=replace(frame, keys=keys),
        edges=None if situation.edges is None else tuple((RENAMED[a], RENAMED[b]) for a, b in situation.edges),
        target=situation.target and SeriesKey(RENAMED[situation.target.component], situation.target.metric),
        **tables,
    )
    one, two = diagnose(situation), diagnose(other)
    assert two.ranking == tuple(RENAMED[name] for name in one.ranking)
    assert two.confidence == one.confidence
    for mine, theirs in zip(one.possible_causes, two.possible_causes, strict=True):
        assert theirs.component == RENAMED[mine.component]
        assert (theirs.likelihood, theirs.category) == (mine.likelihood, mine.category)
        assert [e.weight for e in theirs.evidence] == [e.weight for e in mine.evidence]


@CHEAP
@given(situations())
def test_every_analysis_is_sound(situation):
    """Each candidate once, likelihoods that are probabilities, finite weights that add up."""
    found = diagnose(situation)
    seen = observe(situation)
    assert sorted(found.ranking) == sorted(set(found.ranking)) == list(seen.candidates)
    likelihoods = [cause.likelihood for cause in found.possible_causes]
    assert all(0 <= value <= 1 for value in [*likelihoods, found.confidence])
    assert sum(likelihoods) <= 1 + 1e-9
    assert len(likelihoods) <= MOST_CAUSES
    verdict = judge(seen, RootCauseSettings())
    for name, items in verdict.evidence.items():
        assert name in found.ranking
        assert np.isfinite([item.weight for item in items]).all()
        assert np.isfinite([number for item in items for number in item.numbers.values()]).all()
        assert abs(verdict.scores[name] - sum(item.weight for item in items)) < 1e-6
        assert all(item.statement.endswith(".") for item in items)


@CHEAP
@given(situations(), st.sampled_from(["a-quiet", "m-quiet", "z-quiet"]), st.booleans())
def test_a_component_that_does_not_move_displaces_nobody(situation, name, is_constant):
    """Whether it stands still or was never seen, the first stays the first."""
    frame = situation.frame
    values = np.full((frame.n_rows, 1), 3.0 if is_constant else np.nan)
    keys = (*frame.keys, SeriesKey(name, "cpu"))
    other = replace(situation, frame=replace(frame, keys=keys, values=np.hstack([frame.values, values])))
    before = diagnose(situation)
    if before.possible_causes:
        assert diagnose(other).ranking[0] == before.ranking[0]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_a_noisy_bystander_does_not_displace_the_cause(seed):
    """One more component that only makes noise costs the clear cause nothing."""
    late = np.arange(80) >= 60
    series = {
        (name, metric): noise(80, seed=seed + i) for i, name in enumerate(NAMES) for metric in ("cpu", "latency_ms")
    }
    series["db", "cpu"] = series["db", "cpu"] * np.where(late, 3.0, 1.0)
    series["bystander", "cpu"] = noise(80, seed=seed + 99)
    assert diagnose(situation_of(series, edges=CHAIN)).ranking[0] == "db"
