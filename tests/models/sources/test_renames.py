"""Earlier names of components in the tables of a case."""

import json

import numpy as np
import pandas as pd

from models.frames import SeriesKey
from models.sources.cases import read_case
from models.sources.renames import renamed_table

NAMES = {"old": "new"}


def written(place, topology, components):
    """A case whose one metric is told by the given component of each minute."""
    times = pd.date_range("2026-03-01", periods=len(components), freq="min", tz="UTC").as_unit("us")
    values = np.arange(len(components), dtype=float)
    metrics = pd.DataFrame({"ts": times, "component": components, "metric": "cpu", "value": values})
    metrics.to_parquet(place / "metrics.parquet")
    incident = {"detected_at": times[4].isoformat(), "target": {"component": "old", "metric": "cpu"}}
    (place / "incident.json").write_text(json.dumps(incident))
    (place / "topology.json").write_text(json.dumps(topology))
    return read_case(place)


def test_history_and_incident_become_one_series(tmp_path):
    """The alias joins what was recorded under two names, the target too, and the repair says so."""
    topology = {"edges": [{"caller": "web", "callee": "old"}], "components": [{"name": "new", "aliases": ["old"]}]}
    case = written(tmp_path, topology, ["old"] * 4 + ["new"] * 2)
    assert case.frame.keys == (SeriesKey("new", "cpu"),)
    assert case.frame.values.ravel().tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert (case.target, case.edges) == (SeriesKey("new", "cpu"), (("web", "new"),))
    assert [(r.problem, r.action, r.count) for r in case.repairs] == [
        ("the earlier name 'old'", "renamed to 'new'", 4),
    ]


def test_without_aliases_every_name_stays(tmp_path):
    """The old format changes nothing."""
    case = written(tmp_path, {"edges": []}, ["old"] * 4 + ["new"] * 2)
    assert case.frame.components == ("new", "old")
    assert (case.target.component, case.repairs) == ("old", ())


def test_an_edge_that_no_longer_holds_is_left_out(tmp_path):
    """A case has the calls that hold at its detection."""
    edges = [
        {"caller": "a", "callee": "b", "valid_until": "2026-01-01T00:00:00Z"},
        {"caller": "a", "callee": "c"},
    ]
    assert written(tmp_path, {"edges": edges}, ["a"] * 6).edges == (("a", "c"),)


def test_tables_are_renamed_in_both_columns():
    """Component and caller of events; a table without the name is handed through."""
    events = pd.DataFrame({"component": ["old", "x"], "caller": ["", "old"], "name": ["old", "old"]})
    renamed, (repair,) = renamed_table(events, NAMES, "events.parquet")
    assert renamed["component"].tolist() == ["new", "x"]
    assert renamed["caller"].tolist() == ["", "new"]
    assert renamed["name"].tolist() == ["old", "old"]
    assert (repair.source, repair.count) == ("events.parquet", 2)
    assert renamed_table(renamed, NAMES, "events.parquet") == (renamed, ())
