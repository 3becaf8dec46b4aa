"""Where the trouble is felt."""

from analysis.rootcause.fusion import judge
from analysis.rootcause.observation import observe
from analysis.rootcause.settings import RootCauseSettings
from analysis.rootcause.symptom import find_symptom
from models.frames import SeriesKey
from tests.analysis.builders import moved, quiet, situation_of
from tests.analysis.rootcause.helpers import verdict_of

NAMES = [(c, m) for c in ("web", "orders", "db") for m in ("cpu", "latency_ms")]
OBSERVATION = observe(situation_of(moved(quiet(NAMES), ("db", "cpu"), 60, 3.0)))


def test_the_symptom_is_the_target_or_the_odd_component_on_top():
    """A named target wins; else the odd caller furthest up; none without odd callers."""
    series = quiet(NAMES)
    for name in ("web", "orders", "db"):
        series = moved(series, (name, "latency_ms"), 60, 3.0)
    slow = observe(situation_of(series))
    assert find_symptom(slow, judge(slow, RootCauseSettings())) == "web"
    named = observe(situation_of(series, target=SeriesKey("orders", "latency_ms")))
    assert find_symptom(named, judge(named, RootCauseSettings())) == "orders"
    assert find_symptom(OBSERVATION, judge(OBSERVATION, RootCauseSettings())) == ""
    assert find_symptom(OBSERVATION, verdict_of()) == ""
