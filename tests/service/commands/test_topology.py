"""``faultline topology discover``: a guess at the call graph, from metrics alone."""

import json

import numpy as np
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
