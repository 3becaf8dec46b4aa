"""What does not belong together is refused, not answered with nothing."""

import pytest

from service.store.sql import SqlStore
from tests.service.commands.conftest import typed
from tests.service.store.examples import a_record


def test_series_that_the_bundle_does_not_know_are_not_called_normal(shared, tmp_path):
    """Without a single common series there is no judgement, and so no "0 anomalies"."""
    path = tmp_path / "foreign.csv"
    path.write_text("ts,component,metric,value\n" + "".join(f"{300 * i},else,cpu,{i}\n" for i in range(200)))
    said = typed("detect", str(path), "--bundle", str(shared.bundle))
    assert said.code == 2
    assert "has none of the" in said.err
    assert "Remedy" in said.err


def test_a_replay_does_not_mix_with_an_earlier_one(tmp_path, monkeypatch):
    """A store that holds records is refused before anything is simulated."""
    url = f"sqlite:///{tmp_path / 'used.db'}"
    store = SqlStore(url)
    store.append(a_record())
    store.close()
    monkeypatch.setenv("FAULTLINE_STORE_URL", url)
    said = typed("run", "--no-serve")
    assert (said.code, "is not empty" in said.err) == (2, True)


@pytest.mark.parametrize("kind", ["nonsense", ""])
def test_an_unknown_fault_kind_names_the_known_ones(kind):
    """The remedy lists what can be injected."""
    said = typed("simulate", "out", "--fault", kind)
    assert (said.code, "CPU_HOG" in said.err) == (2, True)
