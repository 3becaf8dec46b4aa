"""``faultline patterns`` as a user types it."""

import json
from contextlib import closing

import pytest

from service.store.recovery import RecoveryStore
from service.store.sql import SqlStore
from tests.service.commands.conftest import typed
from tests.service.store.examples import T0, an_analysis
from tests.service.test_past import HOUR, db_incident, finished


@pytest.fixture
def store(tmp_path):
    """A database file with a failure that came three times."""
    path = tmp_path / "faultline.db"
    with closing(SqlStore(f"sqlite:///{path}")) as store:
        for number, hour in enumerate((0, 5, 10)):
            store.save_incident(db_incident(number, hour))
            store.save_analysis(f"inc-{number:04d}", an_analysis(), T0 + hour * HOUR)
        RecoveryStore(store.database).ask(finished(1, "inc-0001"))
    return path


def test_recurring_failures_for_people(store):
    """The failure is told with what helped, and what could not be looked for."""
    said = typed("patterns", store)
    assert (said.code, said.err) == (0, "")
    assert "1 recurring failure among 3 incidents\n" in said.out
    assert "seen 3 times, every 5 h in the mean: resource fault of payments-db" in said.out
    assert "RESTART_COMPONENT on payments-db, verified 1 of 1 times" in said.out
    assert "not used: CAUSAL: nobody knows who calls whom" in said.out
    assert "older ones were left out" in typed("patterns", store, "--latest", 2).out


def test_recurring_failures_for_programs(store):
    """One JSON document holds patterns and correlations."""
    told = json.loads(typed("patterns", store, "--json").out)
    assert [pattern["incident_ids"] for pattern in told["patterns"]] == [["inc-0000", "inc-0001", "inc-0002"]]
    assert (told["n_incidents"], told["is_complete"], told["correlations"]["found"]) == (3, True, [])


def test_a_topology_file(store, tmp_path):
    """With a file of calls and hosts the kinds that need them run."""
    path = tmp_path / "topology.json"
    components = [{"name": name, "attributes": {"host": f"h{n}"}} for n, name in enumerate(("orders", "payments-db"))]
    path.write_text(
        json.dumps({"edges": [{"caller": "orders", "callee": "payments-db"}], "components": components}),
        encoding="utf-8",
    )
    said = typed("patterns", store, "--topology", path)
    assert said.code == 0, said.err
    assert "who calls whom" not in said.out
    assert "nobody tells hosts" not in said.out
    assert "nobody tells hosts" in typed("patterns", store).out
    assert typed("patterns", store, "--topology", tmp_path / "none.json").code == 2


def test_the_store_of_the_settings(store, monkeypatch):
    """Without a file the settings say where the store is."""
    monkeypatch.setenv("FAULTLINE_STORE_URL", f"sqlite:///{store}")
    assert "seen 3 times" in typed("patterns").out


def test_no_store(tmp_path):
    """A file that is not there is an error with a remedy, and is not made."""
    said = typed("patterns", tmp_path / "none.db")
    assert said.code == 2
    assert "There is no store" in said.err
    assert not list(tmp_path.iterdir())


def test_an_empty_store(tmp_path):
    """A store without incidents is no error."""
    SqlStore(f"sqlite:///{tmp_path / 'empty.db'}").close()
    said = typed("patterns", tmp_path / "empty.db")
    assert (said.code, said.out) == (0, "0 recurring failures among 0 incidents\n")
    assert json.loads(typed("patterns", tmp_path / "empty.db", "--json").out)["correlations"] is None
