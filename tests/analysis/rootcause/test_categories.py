"""What kind of thing went wrong."""

import pytest

from analysis.findings import CauseCategory, Evidence
from analysis.rootcause.categories import categorise
from analysis.rootcause.observation import observe
from analysis.situation import Situation
from tests.analysis.builders import at, moved, quiet, situation_of

NAMES = [(c, m) for c in ("web", "orders", "db") for m in ("cpu", "latency_ms")]
OBSERVATION = observe(situation_of(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0)))


def proof(collector, weight=1.0, metric="", statement="x."):
    """A piece of evidence about db."""
    return Evidence(collector=collector, component="db", metric=metric, statement=statement, weight=weight)


@pytest.mark.parametrize(
    ("evidence", "category"),
    [
        ([proof("level", metric="cpu")], CauseCategory.RESOURCE),
        ([proof("level", metric="latency_ms"), proof("trace_gap", 5.0)], CauseCategory.NETWORK),
        ([proof("level", metric="error_rate")], CauseCategory.DEPENDENCY),
        ([proof("level", metric="requests")], CauseCategory.TRAFFIC),
        ([proof("surge")], CauseCategory.TRAFFIC),
        ([proof("level", 9.0, "cpu"), proof("change", statement="It was changed (deploy v2).")], CauseCategory.DEPLOY),
        ([proof("change", statement="It was changed (config).")], CauseCategory.CONFIGURATION),
        ([proof("level", metric="zyx")], CauseCategory.UNKNOWN),
        ([proof("level", -2.0, "cpu")], CauseCategory.UNKNOWN),
        ([], CauseCategory.UNKNOWN),
    ],
)
def test_the_heaviest_evidence_names_the_category(evidence, category):
    """Changes win; else the kind of metric or span that weighs most."""
    assert categorise("db", evidence, OBSERVATION) is category


def test_a_component_without_metrics_is_external():
    """What only its callers' traces speak of lies outside."""
    assert categorise("payment-provider", [proof("trace_fanout")], OBSERVATION) is CauseCategory.EXTERNAL


@pytest.mark.parametrize("collector", ["level", "alerts"])
@pytest.mark.parametrize("metric", ["mysql_locks", "rows_read", "transactionRollbacks", "sql_cpu"])
def test_metrics_that_only_data_stores_have_name_the_category(collector, metric):
    """Whoever has locks and rows is a data store, whether a metric or an alert says so."""
    assert categorise("db", [proof(collector, metric=metric)], OBSERVATION) is CauseCategory.DATA_STORE


def test_alerts_name_the_category_by_their_metric():
    """As the metrics themselves do."""
    assert categorise("db", [proof("alerts", metric="cpu")], OBSERVATION) is CauseCategory.RESOURCE
    assert categorise("db", [proof("alerts")], OBSERVATION) is CauseCategory.UNKNOWN


def test_without_any_metrics_nobody_is_external():
    """Where nothing is measured, being unmeasured says nothing."""
    alerted = observe(Situation(detected_at=at(0)))
    assert categorise("db", [proof("alerts", metric="cpu")], alerted) is CauseCategory.RESOURCE


def test_a_slow_network_to_an_unmeasured_component_is_the_network():
    """The gap lies outside both ends."""
    assert categorise("provider", [proof("trace_gap")], OBSERVATION) is CauseCategory.NETWORK
