"""``faultline topology``: the sources of the call graph merged, and a guess at it from metrics alone."""

import json

import numpy as np
import pandas as pd
import pytest

from models.frames import MetricFrame, SeriesKey
from models.sources.files import write_long
from models.sources.topology_file import read_topology_file
from tests.service.commands.conftest import typed


@pytest.fixture
def history(tmp_path):
    """A file in which ``shop`` feels the latency of ``store`` one row later, and ``other`` feels nothing."""
    rng = np.random.default_rng(3)
    store, other, own = rng.standard_normal((3, 1500))
    shop = 0.9 * np.r_[0.0, store[:-1]] + 0.5 * own
    keys = tuple(SeriesKey(name, "latency_p50_s") for name in ("store", "shop", "other"))
    values = 1 + 0.1 * np.stack([store, shop, other], axis=1)
    path = tmp_path / "history.parquet"
    start = np.datetime64("2026-03-02T00:00:00", "us")
    write_long(MetricFrame(start=start, step_s=60.0, keys=keys, values=values), path)
    return path


def test_the_lagged_call_is_found_and_written(history, tmp_path):
    """Caller and callee come out in the right order, on the screen and as a topology file that the reader takes."""
    said = typed("topology", "discover", str(history), "--out", str(tmp_path / "topology.json"))
    assert said.code == 0
    assert "shop -> store" in said.out
    assert [(e.caller, e.callee) for e in read_topology_file(tmp_path / "topology.json").edges] == [("shop", "store")]


def test_json_tells_lag_and_strength(history):
    """Programs get every edge with its figures, and what could not be used."""
    said = typed("topology", "discover", str(history), "--json")
    (edge,) = json.loads(said.out)["edges"]
    assert (edge["caller"], edge["callee"], edge["lag_rows"]) == ("shop", "store", 1)
    assert 0 <= edge["p_value"] < 0.001


@pytest.fixture
def sources(tmp_path):
    """A topology file, the spans of a reading and a case of both: they differ in one call."""
    edges = [
        {"caller": "web", "callee": "db"},
        {"caller": "db", "callee": "cache", "valid_until": "2026-02-01T00:00:00Z"},
    ]
    components = [{"name": "web", "aliases": ["front"], "attributes": {"host": "h1"}}]
    (tmp_path / "topology.json").write_text(json.dumps({"edges": edges, "components": components}))
    spans = pd.DataFrame(
        [("1", "a", "", "front"), ("1", "b", "a", "db"), ("1", "c", "a", "queue"), ("1", "d", "c", "web")],
        columns=["trace_id", "span_id", "parent_span_id", "component"],
    )
    start = pd.Timestamp("2026-03-02T00:00:00Z").as_unit("us")
    spans = spans.assign(ts=start + pd.to_timedelta(range(4), "s"), operation="op", duration_s=0.1)
    spans.to_parquet(tmp_path / "traces.parquet")
    (tmp_path / "incident.json").write_text(json.dumps({"detected_at": "2026-03-02T00:01:00Z"}))
    return tmp_path


def test_sources_are_merged_with_their_provenance(sources):
    """Each call is listed with who knows it and since when, under the present names."""
    said = typed("topology", "--file", sources / "topology.json", "--traces", sources / "traces.parquet")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == "4 calls among 4 components known ever, 0 hints"
    assert "web -> db  FILE; TRACES from 2026-03-02 00:00:01 to 2026-03-02 00:00:01 1 call" in lines
    assert "db -> cache  FILE to 2026-02-01 00:00:00" in lines


def test_a_case_is_both_of_its_files(sources):
    """The directory of a case stands for its topology and its traces."""
    files = ("--file", sources / "topology.json", "--traces", sources / "traces.parquet")
    assert typed("topology", "--case", sources).out == typed("topology", *files).out


def test_a_moment_shows_what_held_then(sources):
    """Before the traces the old call of the file held; later it does not, and the traced ones do."""
    shown = {}
    for time in ("2026-01-15T00:00:00Z", "2026-03-02T12:00:00", "2027-01-01T00:00:00Z"):
        document = json.loads(typed("topology", "--case", sources, "--at", time, "--json").out)
        shown[time[:7]] = [(edge["caller"], edge["callee"]) for edge in document["edges"]]
    assert shown == {
        "2026-01": [("db", "cache"), ("web", "db")],
        "2026-03": [("queue", "web"), ("web", "db"), ("web", "queue")],
        "2027-01": [("web", "db")],
    }


def test_what_is_known_can_be_gone_on_with(sources, tmp_path):
    """What --out writes, --history reads: the same is known, and another source adds to it."""
    kept = tmp_path / "known.json"
    first = typed("topology", "--file", sources / "topology.json", "--out", kept)
    assert typed("topology", "--history", kept).out == first.out
    both = typed("topology", "--history", kept, "--traces", sources / "traces.parquet", "--json")
    assert both.out == typed("topology", "--case", sources, "--json").out
    assert json.loads(both.out)["attributes"] == {"web": {"host": ["h1"]}}


def test_conflicts_and_renames_are_told(tmp_path):
    """Files that contradict what is known, and a component that may have a new name, are told, not resolved."""
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    edges = [{"caller": "web", "callee": "pay"}, {"caller": "pay", "callee": "db"}]
    renamed = [{"caller": "web", "callee": "bill"}, {"caller": "bill", "callee": "db"}]
    always = [{"caller": "web", "callee": "x"}, {"caller": "db", "callee": "x"}]
    until, since = "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"
    old.write_text(json.dumps({"edges": edges + always, "valid_until": until}))
    new.write_text(json.dumps({"edges": renamed + always, "valid_from": since}))
    said = typed("topology", "--file", old, "--file", new)
    assert "perhaps renamed: pay => bill (100 % of their neighbours are the same)" in said.out
    assert "web -> pay  FILE to 2026-02-01 00:00:00" in said.out


def test_lag_gives_hints(history, sources):
    """Calls that only the metrics suggest are marked, and told apart in JSON; a contradiction is told."""
    topology = sources / "topology.json"
    topology.write_text(json.dumps({"edges": [{"caller": "store", "callee": "shop"}]}))
    said = typed("topology", "--metrics", history, "--file", topology)
    assert "1 call among 2 components known ever, 1 hint" in said.out
    assert "shop ?> store  LAG from 2026-03-02 00:00:00 to 2026-03-03 00:59:00 strength" in said.out
    assert "conflict: REVERSED: LAG says that shop calls store, FILE says that store calls shop" in said.out
    document = json.loads(typed("topology", "--metrics", history, "--json").out)
    assert [edge["is_hint"] for edge in document["edges"]] == [True]
    assert document["components"] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no source is named"),
        (("--file", "nowhere.json"), "nowhere.json: there is no such file"),
        (("--traces", "nowhere.parquet"), "nowhere.parquet"),
        (("--case", "."), "there is no incident.json"),
        (("--metrics", "nowhere.csv"), "nowhere.csv"),
        (("--history", "nowhere.json"), "nowhere.json"),
        (("--file", "good.json", "--at", "noon"), "--at: 'noon' is not a time"),
        (("--file", "good.json", "--at", "0001-01-01T00:00:00+14:00"), "--at: "),
        (("--file", "good.json", "--staleness-s", "-1"), "staleness_s is -1"),
        (("--history", "good.json"), "schema version"),
    ],
)
def test_wrong_usage_names_the_offender(tmp_path, monkeypatch, words, message):
    """One message with the remedy and exit code 2, never a traceback."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.json").write_text('{"edges": []}')
    said = typed("topology", *words)
    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert "Remedy" in said.err
