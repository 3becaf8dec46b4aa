"""The wired loop gives function up while a component is ill, and takes it back after the repair."""

import pytest

from models.errors import ConfigurationError
from service.records import RecordKind
from tests.trained_system import a_system, an_application, broken

LEVELS = """\
degradations:
  - component: payment
    levels:
      - {name: lean, gives_up: [receipts], enter: worst_score >= 1.5, enter_hold_s: 60, leave: worst_score < 1,
         leave_hold_s: 120}
      - {name: plain, gives_up: [vouchers], enter: in_incident and worst_score >= 1.5, enter_hold_s: 60,
         leave: not in_incident, leave_hold_s: 60}
"""


def test_function_is_given_up_and_taken_back(tmp_path):
    """Step by step down with the fault, step by step up after the recovery, each step in the ledger."""
    (tmp_path / "levels.yaml").write_text(LEVELS)
    system = a_system()
    app = an_application(system, degradations=tmp_path / "levels.yaml")
    broken(system)
    for _ in range(90):
        app.engine.step()
    steps = [
        (record.data["previous"], record.data["level"])
        for record in app.store.records(kind=RecordKind.DEGRADATION_CHANGED, limit=500)
    ]
    assert steps[:2] == [(0, 1), (1, 2)]
    assert steps[-1] == (1, 0)
    assert all(abs(before - after) == 1 for before, after in steps)
    assert app.desk.safety.degradation("payment").name == "full"
    assert app.engine.pulse.failing == {}
    app.store.close()


def test_a_file_of_another_system_is_refused(tmp_path):
    """With the line of the component that is not there."""
    (tmp_path / "levels.yaml").write_text(LEVELS.replace("component: payment", "component: paymnt"))
    with pytest.raises(ConfigurationError, match=r"line 2.*did you mean payment"):
        an_application(degradations=tmp_path / "levels.yaml")
