"""Methods: Faultline with any collector switched off, and back again."""

from dataclasses import replace

import pytest

from analysis.findings import SkippedMethod
from analysis.rootcause import fusion, metrics
from benchmarks.rca.methods import Ours, Theirs, collectors, switched_off
from tests.benchmarks.rca.made_cases import alert_case, metric_case, traced_case


def test_every_module_of_evidence_is_found():
    """What the fusion imports and can collect is in the list, by its own name."""
    found = collectors()
    assert {"level", "position", "alerts", "change"} <= set(found)
    assert all(name == module.NAME for name, module in found.items())


def test_faultline_names_the_culprit_with_a_confidence():
    """The whole answer comes through: ranking, series, likelihoods, confidence, time."""
    answer = Ours()(metric_case())
    assert answer.ranking[0] == answer.metrics[0][0] == answer.causes[0][0] == "db"
    assert answer.confidence == answer.causes[0][1]
    assert answer.is_named
    assert answer.seconds > 0


@pytest.mark.parametrize("name", sorted(collectors()))
def test_every_collector_can_be_switched_off(name):
    """Its evidence is gone, the rest is still ranked, and afterwards it is there again."""
    before = collectors()[name].collect
    for case in (metric_case(), alert_case(), traced_case()):
        assert len(Ours(off=(name,))(case).ranking) == len(Ours()(case).ranking)
    assert collectors()[name].collect is before


def test_a_collector_that_is_off_says_so():
    """It is listed among what was skipped."""
    with switched_off(("alerts",)):
        told = fusion.alerts.collect(None, None)
    assert told == SkippedMethod(name="alerts", reason="It is switched off.")


def test_metrics_switched_off_find_nothing():
    """No evidence, but as many points as there are series, all zero."""
    answer = Ours(off=(metrics.NAME, "onset_order", "surge", "position"))(metric_case())
    assert answer.confidence == 0
    assert not answer.is_named
    assert len(answer.metrics) == 16


def test_without_all_collectors_nothing_is_blamed():
    """Whatever the case holds: no confidence, and the candidates in the order of their names."""
    for case in (metric_case(), alert_case(), traced_case()):
        answer = Ours(off=tuple(collectors()))(case)
        assert answer.confidence == 0
        assert list(answer.ranking) == sorted(answer.ranking)


def test_all_known_calls_can_be_changed():
    """Also those that only the traces show; the same case is changed alike, and the next one is seen as it is."""
    case, seen = traced_case(), []

    def forget(edges, random):
        seen.append((edges, random.random()))
        return ()

    with_graph = Ours()(replace(case, edges=None))
    for _ in range(2):
        without = Ours(calls=forget)(replace(case, edges=None))
        assert set(without.ranking) == set(with_graph.ranking)
    assert seen[0] == seen[1]
    assert ("web", "orders") in seen[0][0]
    assert Ours()(replace(case, edges=None)).causes == with_graph.causes


def test_a_collector_is_put_back_after_an_error():
    """Also when the diagnosis raises; an unknown name is a KeyError."""
    before = fusion.alerts.collect
    with pytest.raises(ZeroDivisionError), switched_off(("alerts",)):
        raise ZeroDivisionError
    assert fusion.alerts.collect is before
    with pytest.raises(KeyError, match="nobody"), switched_off(("nobody",)):
        pass


def test_a_rival_states_no_confidence():
    """It ranks, or gives its reason."""
    ranking = Theirs(key="n-sigma")(metric_case())
    assert ranking.ranking[0] == "db"
    assert ranking.confidence is None
    assert Theirs(key="n-sigma")(alert_case()).reason == "no metrics"
