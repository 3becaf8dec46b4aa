"""What is in force is a value: idempotent, timed, reversible."""

import pytest

from models.errors import ConfigurationError
from service.ports import ActionKind
from service.recovery.isolations import REVERSALS, Isolation, Isolations, isolations_of
from tests.service.recovery.plans import NOW, later

CUT = ActionKind.ISOLATE_COMPONENT


def isolation(component="orders", kind=CUT, release_at=None, reason="rule"):
    """One that is in force."""
    return Isolation(component=component, kind=kind, since=NOW, release_at=release_at, reason=reason)


def test_isolating_twice_changes_nothing():
    """The first stays, with its time."""
    first = Isolations().added(isolation(release_at=later(5)))
    assert first.added(isolation(release_at=later(99), reason="another")) is first
    assert len(first.added(isolation(kind=ActionKind.ENABLE_BACKUP)).active) == 2


def test_releasing_what_is_not_in_force_changes_nothing():
    """Releasing is idempotent too."""
    cut = Isolations().added(isolation())
    assert cut.without("orders", CUT).without("orders", CUT) == Isolations()
    assert cut.without("cart", CUT) == cut


def test_due_releases_come_in_time_and_in_order():
    """At its time an isolation is due, not before; without a time never."""
    timed = [isolation("late", release_at=later(9)), isolation("soon", release_at=later(3)), isolation("never")]
    isolations = isolations_of(timed)
    assert isolations.due(later(2.999)) == ()
    assert [i.component for i in isolations.due(later(3))] == ["soon"]
    assert [i.component for i in isolations.due(later(9999))] == ["soon", "late"]


def test_only_an_isolation_cuts_off():
    """A backup in force leaves the routes open."""
    both = isolations_of([isolation(), isolation("cart", ActionKind.ENABLE_BACKUP)])
    assert both.isolated == {"orders"}


@pytest.mark.parametrize("kind", sorted(set(ActionKind) - set(REVERSALS)))
def test_what_cannot_be_taken_back_is_not_held(kind):
    """A restart is over when it is done."""
    with pytest.raises(ConfigurationError, match=f"{kind} cannot be taken back"):
        Isolations().added(isolation(kind=kind))
