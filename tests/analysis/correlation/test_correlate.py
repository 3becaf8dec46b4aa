"""All kinds together: false reports among unrelated incidents, order, what could not run, hostile histories."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.correlation import CorrelationKind, CorrelationSettings, IncidentHistory, correlate
from models.errors import ConfigurationError, InputError
from tests.analysis.correlation.worlds import GRAPH, OBSERVED, bad_host, chasing, incident, incidents, unrelated

SEEDS = range(25)


@pytest.mark.parametrize("rhythm", ["even", "daily", "bad days"])
def test_unrelated_incidents_stay_unrelated(rhythm):
    """Of months of unrelated incidents few have any report of a kind, even where most come by day or in three days."""
    shares = dict.fromkeys(CorrelationKind, 0.0)
    for seed in SEEDS:
        for kind in {each.kind for each in correlate(unrelated(seed, rhythm=rhythm, most=4)).found}:
            shares[kind] += 1 / len(SEEDS)
    assert max(shares.values()) <= 0.16
    assert sum(shares.values()) <= 0.28


def test_the_order_of_incidents_does_not_matter():
    """The same incidents in another order give the same answer."""
    history = chasing(1)
    mixed = tuple(history.incidents[i] for i in np.random.default_rng(0).permutation(len(history.incidents)))
    assert correlate(replace(history, incidents=mixed)) == correlate(history)
    assert correlate(history).found


def test_every_number_is_in_its_range():
    """Strength and confidence lie in [0, 1], the sentence has a number, the incidents exist."""
    for history in (chasing(2), bad_host(2)):
        names = {each.id for each in history.incidents}
        found = correlate(history).found
        assert found
        for each in found:
            assert 0 <= each.strength <= 1
            assert 0 <= each.confidence <= 1
            assert set(each.incident_ids) <= names
            assert any(letter.isdigit() for letter in each.description)
            assert all(np.isfinite(value) for value in each.numbers.values())


def test_what_cannot_run_is_named():
    """Without graph, metrics, attributes and changes each of these is named as missing."""
    said = correlate(IncidentHistory(incidents=incidents([1, 500, 9000], ["s00", "s01", "s02"])))
    assert said.found == ()
    names = " ".join(f"{method.name}: {method.reason}" for method in said.skipped)
    for word in ("TEMPORAL", "COMPONENT", "CAUSAL", "ENVIRONMENTAL", "who calls whom", "hosts", "records changes"):
        assert word in names


@pytest.mark.parametrize("observed", [None, OBSERVED])
@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_incident(n, observed):
    """None, one or two incidents are no error, and tell nothing if they are far apart."""
    history = IncidentHistory(
        incidents=tuple(incident(k, 5000 * k) for k in range(n)), graph=GRAPH, changes=(), observed=observed
    )
    assert correlate(history).found == ()


def test_many_incidents_of_one_moment():
    """A hundred incidents of one component that begin at the same moment are one group, and no error."""
    history = IncidentHistory(incidents=tuple(incident(k, 7) for k in range(100)), graph=GRAPH, observed=OBSERVED)
    (group,) = [each for each in correlate(history).found if each.kind is CorrelationKind.TEMPORAL]
    assert len(group.incident_ids) == 100


def test_a_history_that_contradicts_itself():
    """An incident without anomaly, one that comes twice, and a watch that ends before it begins are refused."""
    one = incident(1, 5)
    with pytest.raises(InputError, match="no anomaly"):
        IncidentHistory(incidents=(replace(one, anomalies=()),))
    with pytest.raises(InputError, match="i00001"):
        IncidentHistory(incidents=(one, one))
    with pytest.raises(InputError, match="start, then end"):
        IncidentHistory(incidents=(one,), observed=OBSERVED[::-1])


@pytest.mark.parametrize(
    ("name", "value"), [("window_s", 0.0), ("follow_s", float("nan")), ("false_discovery_rate", 1.0), ("hops", -1)]
)
def test_impossible_settings(name, value):
    """A setting out of its range is refused by name."""
    with pytest.raises(ConfigurationError, match=name):
        CorrelationSettings(**{name: value})
