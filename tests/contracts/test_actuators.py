"""What every actuator promises, run on each that there is: on real peers where this machine can have them."""

import pytest

from models.errors import FaultlineError
from service.ports import Action, ActionKind, InDoubtError, PermanentError, TransientError
from tests.contracts.rigs import RIGS, Peers


@pytest.fixture(scope="module")
def peers():
    """Supervisor and HAProxy, if somebody needs them."""
    started = Peers()
    yield started
    started.close()


@pytest.fixture(params=sorted(RIGS))
def rig(request, peers):
    """Each actuator with its peer."""
    with RIGS[request.param](peers) as made:
        yield made


def action(rig, key="run-1:a:1", **more):
    """What the rig's actuator is asked to do."""
    return Action(**{"key": key, "kind": rig.kind, "component": rig.component} | more)


def test_a_key_is_done_once(rig):
    """The same key twice is one effect and one outcome."""
    hand = rig.make()
    first = hand.perform(action(rig))
    seen = rig.snapshot()
    assert first.is_changed
    assert hand.perform(action(rig)) == first
    assert rig.snapshot() == seen


def test_a_probe_tells_what_was_done_and_what_not(rig):
    """Not in place before, in place after; also to a hand that was made anew."""
    hand = rig.make()
    assert hand.probe(action(rig)) is False
    hand.perform(action(rig))
    assert hand.probe(action(rig)) is True
    if rig.deaf is not None:  # the simulated system lives as long as its hand
        assert rig.make().probe(action(rig)) is True


def test_a_rehearsal_changes_nothing(rig):
    """It says what would be done; the peer is as before, and nothing counts as done."""
    hand, before = rig.make(), rig.snapshot()
    assert hand.rehearse(action(rig))
    assert rig.snapshot() == before
    assert hand.probe(action(rig)) is False
    assert hand.perform(action(rig)).is_changed


def test_what_it_may_do_it_does_not_refuse(rig):
    """Kinds and components are those of the pairs that are not refused."""
    hand = rig.make()
    assert hand.refusal(rig.kind, rig.component) == ""
    assert rig.kind in hand.kinds
    assert rig.component in hand.components


@pytest.mark.parametrize("component", ["nobody", "", "web\0", "web web"])
def test_an_unknown_component_is_a_clear_error(rig, component):
    """It is named, nobody is asked, nothing is done."""
    hand, before = rig.make(), rig.snapshot()
    unknown = action(rig, component=component)
    assert repr(component) in hand.refusal(rig.kind, component)
    for attempt in (hand.perform, hand.rehearse):
        with pytest.raises(PermanentError):
            attempt(unknown)
    with pytest.raises(FaultlineError):
        hand.probe(unknown)
    assert rig.snapshot() == before


def test_what_is_not_allowed_is_refused(rig):
    """An action beyond the list is named and not done."""
    hand, before = rig.make(), rig.snapshot()
    for kind in sorted(set(ActionKind) - hand.kinds):
        assert kind in hand.refusal(kind, rig.component)
        with pytest.raises(PermanentError, match=kind):
            hand.perform(action(rig, kind=kind))
    assert rig.snapshot() == before


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_senseless_parameters_are_refused(rig, value):
    """They are an error for good, before anything is done."""
    hand, before = rig.make(), rig.snapshot()
    for attempt in (hand.rehearse, hand.perform):
        with pytest.raises(PermanentError):
            attempt(action(rig, parameters={"percent": value, "nonsense": value}))
    assert rig.snapshot() == before


@pytest.mark.timeout(30)
def test_a_silent_peer_holds_nobody(rig):
    """A peer that never answers is an error in bounded time, nothing is claimed, and a probe cannot tell."""
    if rig.deaf is None:
        return
    hand = rig.deaf()
    with pytest.raises((TransientError, InDoubtError)):
        hand.perform(action(rig))
    assert hand.probe(action(rig)) is None


def test_secrets_are_never_told(rig):
    """No sentence of an actuator holds a password, token, signing secret or the path of an address."""
    hand = rig.make()
    told = [hand.refusal(rig.kind, "nobody"), hand.rehearse(action(rig)), hand.perform(action(rig)).detail, repr(hand)]
    for one in [hand] if rig.deaf is None else [hand, rig.deaf()]:
        for attempt in (one.perform, one.rehearse):
            for wrong in (
                action(rig, "k2"),
                action(rig, "k3", component="nobody"),
                action(rig, "k4", parameters={"x": 1}),
            ):
                try:
                    told.append(str(attempt(wrong)))
                except FaultlineError as error:
                    told += [str(error), repr(error)]
    assert len(told) > 8
    assert [text for text in told for secret in rig.secrets if secret in text] == []
