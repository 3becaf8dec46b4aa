"""Cases come back as they were written, with any part absent, and broken ones are named."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import CaseError, FaultlineError
from models.frames import MetricFrame, SeriesKey, to_datetime
from models.sources.cases import Case, read_case, write_case
from models.sources.files import write_long
from tests.models.sources.examples import START, assert_same, counts, sample_frame

DETECTED = datetime(2024, 5, 1, 0, 15, tzinfo=UTC)


def times(*seconds):
    """UTC times after the start."""
    return pd.DatetimeIndex(START + np.array(seconds, dtype="timedelta64[s]")).tz_localize("UTC")


def full_case():
    """A case with every part."""
    return Case(
        name="case 1/é",
        detected_at=DETECTED,
        target=SeriesKey("c0", "latency"),
        frame=sample_frame(),
        edges=(("c0", "c1"), ("c1", "c0"), ("c1", "no metrics")),
        traces=pd.DataFrame(
            {
                "ts": times(0, 60),
                "trace_id": ["t", "t"],
                "span_id": ["1", "2"],
                "parent_span_id": ["", "1"],
                "component": ["c0", "c1"],
                "operation": ["GET /", "select"],
                "duration_s": [0.5, float("nan")],
            }
        ),
        logs=pd.DataFrame({"ts": times(900), "component": ["c0"], "message": ["out of memory"]}),
        events=pd.DataFrame(
            {
                "ts": times(600, 900),
                "component": ["c0", "c1"],
                "caller": ["", "c0"],
                "kind": ["CHANGE", "TRACE"],
                "name": ["deploy", "HTTP/POST"],
                "sign": ["", "500"],
            }
        ),
        attributes={"c0": {"host": ("h1", "h2"), "zone": ("north",)}, "nowhere else": {"host": ("h1",)}},
    )


def bare_case(directory, **incident):
    """Write an incident.json and nothing else."""
    content = {"case": "a", "detected_at": "2024-05-01T00:15:00Z", "target": None, "step_s": None}
    (directory / "incident.json").write_text(json.dumps(content | incident))
    return directory


def test_case_comes_back(tmp_path):
    """Every part of a case survives writing and reading, without a repair."""
    case = full_case()
    write_case(case, tmp_path / "new" / "case")
    back = read_case(tmp_path / "new" / "case")
    assert back.attributes == case.attributes
    assert (back.name, back.detected_at, back.target, back.edges) == (
        case.name,
        case.detected_at,
        case.target,
        case.edges,
    )
    assert_same(back.frame, case.frame)
    for name in ("traces", "logs", "events"):
        pd.testing.assert_frame_equal(getattr(back, name), getattr(case, name))
    assert back.repairs == ()


def test_all_but_the_incident_may_be_absent(tmp_path):
    """A case of an incident.json alone is a case."""
    case = read_case(bare_case(tmp_path))
    assert (case.frame, case.edges, case.traces, case.logs, case.events, case.target) == (None,) * 6
    assert case.repairs == ()
    write_case(case, tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["incident.json"]


def test_truth_is_not_looked_at(tmp_path):
    """A truth beside or inside the case, even a broken one, changes nothing."""
    (tmp_path / "truth.json").write_text("{broken")
    case = tmp_path / "case"
    case.mkdir()
    (case / "truth.json").write_text("{broken")
    assert read_case(bare_case(case)).name == "a"


def test_name_defaults_to_the_directory(tmp_path):
    """A case that does not name itself is called like its directory."""
    (tmp_path / "incident.json").write_text('{"detected_at": "2024-05-01T00:15:00+09:00"}')
    case = read_case(tmp_path)
    assert case.name == tmp_path.name
    assert case.detected_at == datetime(2024, 4, 30, 15, 15, tzinfo=UTC)


def test_detection_without_a_zone_is_utc(tmp_path):
    """A detection without a zone is taken as UTC and counted."""
    case = read_case(bare_case(tmp_path, detected_at="2024-05-01T00:15:00"))
    assert case.detected_at == DETECTED
    assert counts(case.repairs) == {"time without a zone": 1}


@pytest.mark.parametrize(("stated", "taken"), [(None, 60.0), (60, 60.0), (30.0, 60.0), (40, 40.0), (120, 120.0)])
def test_step_is_stated_or_told(tmp_path, stated, taken):
    """Without a step, or with one that is half of the data's or less, the step of the data is taken."""
    write_long(sample_frame(), tmp_path / "metrics.parquet")
    case = read_case(bare_case(tmp_path, step_s=stated))
    assert case.frame.step_s == taken
    assert any("stated step" in repair.problem for repair in case.repairs) == (stated == 30.0)


def test_single_row_is_a_case(tmp_path):
    """Metrics of one moment are read with a step of a minute, counted, or with the stated one."""
    write_long(sample_frame().rows(0, 1), tmp_path / "metrics.parquet")
    assert counts(read_case(bare_case(tmp_path)).repairs) == {"a step that cannot be told": 1}
    case = read_case(bare_case(tmp_path, step_s=5))
    assert (case.frame.n_rows, case.frame.step_s, case.repairs) == (1, 5.0, ())


def test_metrics_without_a_row_are_no_frame(tmp_path):
    """A metrics file without rows gives a case without a frame."""
    write_long(sample_frame().rows(0, 0), tmp_path / "metrics.parquet")
    assert read_case(bare_case(tmp_path)).frame is None


def test_metric_without_values_stays(tmp_path):
    """A metric that is there but always missing keeps its column."""
    table = sample_frame().to_long()
    table.loc[table["metric"] == "cpu", "value"] = np.nan
    table.to_parquet(tmp_path / "metrics.parquet")
    frame = read_case(bare_case(tmp_path)).frame
    assert np.isnan(frame.series(SeriesKey("c0", "cpu"))).all()


def test_history_of_another_day_moves_up_in_all_files(tmp_path):
    """A hole of days before the incident is closed, in metrics and tables alike, and counted."""
    early = sample_frame(60, step_s=1.0)
    late = sample_frame(60, step_s=1.0, seed=1)
    late = MetricFrame(start=START + np.timedelta64(3, "D"), step_s=1.0, keys=late.keys, values=late.values)
    both = pd.concat([early.to_long(), late.to_long()])
    both.to_parquet(tmp_path / "metrics.parquet")
    logs = {"ts": times(10, 3 * 86_400 + 5), "component": ["c0", "c0"], "message": ["early", "late"]}
    pd.DataFrame(logs).to_parquet(tmp_path / "logs.parquet")
    detected = to_datetime(late.start + np.timedelta64(30, "s"))
    case = read_case(bare_case(tmp_path, detected_at=detected.isoformat()))
    assert case.frame.end == late.end
    assert case.frame.n_rows < 150
    assert np.array_equal(case.frame.values[:60], early.values, equal_nan=True)
    assert np.array_equal(case.frame.values[-60:], late.values, equal_nan=True)
    assert (case.logs["ts"][1] - case.logs["ts"][0]).total_seconds() < 75
    assert any("hole" in repair.problem for repair in case.repairs)


def test_tables_are_ordered_and_nulls_are_empty(tmp_path):
    """Rows of a table come in order of time; a null string is an empty one."""
    logs = pd.DataFrame({"ts": times(60, 0), "component": ["b", None], "message": ["second", "first"]})
    logs.to_parquet(tmp_path / "logs.parquet")
    case = read_case(bare_case(tmp_path))
    assert case.logs["message"].tolist() == ["first", "second"]
    assert case.logs["component"].tolist() == ["", "b"]


def test_mended_tables_are_counted(tmp_path):
    """What a table needed, a zone or a finite duration, is among the repairs of the case."""
    traces = full_case().traces.assign(ts=times(0, 60).tz_localize(None), duration_s=[np.inf, 1.0])
    traces.to_parquet(tmp_path / "traces.parquet")
    case = read_case(bare_case(tmp_path))
    assert counts(case.repairs) == {"time without a zone": 2, "infinite, or beyond 1e+100": 1}
    assert np.isnan(case.traces["duration_s"][0])


def test_repeated_edges_count_once(tmp_path):
    """An edge that is listed twice is one edge; loops and cycles stay."""
    edges = [{"caller": "a", "callee": "b"}, {"caller": "a", "callee": "b"}, {"caller": "b", "callee": "b"}]
    (tmp_path / "topology.json").write_text(json.dumps({"edges": edges}))
    assert read_case(bare_case(tmp_path)).edges == (("a", "b"), ("b", "b"))


@pytest.mark.parametrize(
    ("incident", "column"),
    [
        ({"detected_at": None}, "detected_at"),
        ({"detected_at": "soon"}, "detected_at"),
        ({"detected_at": 17}, "detected_at"),
        ({"detected_at": "0001-01-01T00:00:00+09:00"}, "detected_at"),
        ({"case": ""}, "case"),
        ({"case": 3}, "case"),
        ({"step_s": 0}, "step_s"),
        ({"step_s": -1}, "step_s"),
        ({"step_s": "60"}, "step_s"),
        ({"step_s": True}, "step_s"),
        ({"target": "c0"}, "target"),
        ({"target": {"component": "c0"}}, "target.metric"),
        ({"target": {"component": "", "metric": "x"}}, "target.component"),
    ],
)
def test_broken_incident_is_named(tmp_path, incident, column):
    """A field of incident.json that breaks the format is an error that names it."""
    with pytest.raises(CaseError) as caught:
        read_case(bare_case(tmp_path, **incident))
    assert (caught.value.source, caught.value.column) == (str(tmp_path / "incident.json"), column)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("incident.json", b"", "JSON"),
        ("incident.json", b"[]", "object"),
        ("incident.json", b"[" * 100_000, "JSON"),
        ("incident.json", b"\xff", "JSON"),
        ("topology.json", b"{}", "edges"),
        ("topology.json", b'{"edges": 3}', "edges"),
        ("topology.json", b'{"edges": ["a"]}', "row 0"),
        ("topology.json", b'{"edges": [{"caller": "a", "callee": "b"}, {"caller": "a"}]}', "row 1"),
        ("topology.json", b'{"edges": [{"caller": "a", "callee": ""}]}', "row 0"),
        ("metrics.parquet", b"", "Parquet"),
        ("metrics.parquet", b"PAR1", "Parquet"),
        ("logs.parquet", b"ts,component\n", "Parquet"),
    ],
)
def test_broken_file_is_named(tmp_path, name, content, said):
    """A file that is no JSON or Parquet of the format is a CaseError that names it."""
    bare_case(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CaseError, match=said) as caught:
        read_case(tmp_path)
    assert caught.value.source == str(tmp_path / name)


def test_absent_incident_is_named(tmp_path):
    """A directory without an incident.json is no case."""
    with pytest.raises(CaseError, match=r"incident\.json"):
        read_case(tmp_path / "absent")


@pytest.mark.parametrize("name", ["metrics", "traces", "logs", "events"])
def test_missing_column_is_named(tmp_path, name):
    """A table that lacks a column of the format is a CaseError that names the column."""
    pd.DataFrame({"ts": times(0), "component": ["c0"]}).to_parquet(tmp_path / f"{name}.parquet")
    with pytest.raises(CaseError, match="missing") as caught:
        read_case(bare_case(tmp_path))
    assert caught.value.column


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("2024-05-01T00:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["caller", "callee", "edges"]), inner),
    max_leaves=8,
)


@settings(max_examples=150)
@given(
    st.dictionaries(st.sampled_from(["case", "detected_at", "target", "step_s"]), JSON),
    st.dictionaries(st.sampled_from(["edges"]), JSON),
)
def test_random_json_gives_only_our_errors(tmp_path_factory, incident, topology):
    """Any JSON in the two JSON files gives a case or a FaultlineError."""
    directory = tmp_path_factory.mktemp("case")
    (directory / "incident.json").write_text(json.dumps(incident))
    (directory / "topology.json").write_text(json.dumps(topology))
    try:
        read_case(directory)
    except FaultlineError:
        return


def test_attributes_are_those_of_the_detection(tmp_path):
    """Where a component ran before, or will run, is left out; so is a component that says nothing."""
    bare_case(tmp_path)
    components = [
        {"name": "a", "attributes": {"host": "h1"}, "valid_until": "2024-01-01T00:00:00Z"},
        {"name": "b", "attributes": {"host": ["h2", "h3"]}},
        {"name": "c", "aliases": ["old c"]},
    ]
    (tmp_path / "topology.json").write_text(json.dumps({"edges": [], "components": components}))
    assert read_case(tmp_path).attributes == {"b": {"host": ("h2", "h3")}}


def test_without_a_topology_nobody_knows_where_anything_runs(tmp_path):
    """None, as for a topology that tells calls only."""
    assert read_case(bare_case(tmp_path)).attributes is None
    (tmp_path / "topology.json").write_text(json.dumps({"edges": []}))
    assert read_case(tmp_path).attributes is None


def test_attributes_alone_are_written(tmp_path):
    """A case without known calls keeps its hosts; its calls are then none instead of unknown."""
    case = replace(full_case(), edges=None)
    write_case(case, tmp_path)
    back = read_case(tmp_path)
    assert (back.attributes, back.edges) == (case.attributes, ())
