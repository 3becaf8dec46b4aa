"""Random lives of several checks: what must hold at every moment, and mutants that show that the test bites."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from models.errors import FaultlineError
from service.recovery.checkup import CheckPhase, rounds
from service.recovery.checkup import state as states
from service.recovery.health import GRAVITY, HealthStatus
from tests.service.recovery.checkup.worlds import BAD, BLIND, GOOD, STEADY, World, a_check

NAMES = ("db", "web", "page", "lone")
QUICK = settings(max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))


class Lives(RuleBasedStateMachine):
    """Four checks, three of them in a chain, under any answers in any order."""

    @initialize()
    def begin(self):
        """All is well."""
        checks = (a_check("db"), a_check("web", "db"), a_check("page", "web"), a_check("lone"))
        self.world = World(*checks, most_at_once=2)
        self.bad_since = {}

    @rule(name=st.sampled_from(NAMES), answer=st.sampled_from([GOOD, BAD, BLIND, None]))
    def answer(self, name, answer):
        """From now on a check finds this; None hangs."""
        self.world.answers[name] = answer
        if answer is not BAD:
            self.bad_since.pop(name, None)
        else:
            self.bad_since.setdefault(name, self.world.now_s)

    @rule(first=st.sampled_from(NAMES))
    def fall_together(self, first):
        """All fail at once; whichever is asked first notices first."""
        for name in NAMES:
            self.answer(name, BAD)
        self.world.checkup.ask(first, self.world.now_s)

    @rule(seconds=st.sampled_from([1, 3, 7, 40, 150]))
    def wait(self, seconds):
        """Let time pass, moment by moment."""
        for _ in range(seconds):
            before = self.world.checkup.state_of("lone")
            told = len(self.world.told)
            tick = self.world.tick()
            self.look(before, tick, self.world.told[told:])
            self.world.now_s += 1

    @rule()
    def sleep(self):
        """The machine sleeps: time passes and nothing is done."""
        self.world.now_s += 500

    @rule(answer=st.sampled_from([GOOD, BAD]))
    def come_late(self, answer):
        """Runs that hang end; none of those that are out of time counts."""
        for generation, ticket in list(self.world.hanging.items()):
            is_late = ticket.deadline_s < self.world.now_s and self.world.view(ticket.check.id).is_hung
            result = self.world.checkup.settle(ticket, answer, self.world.now_s, self.world.now)
            del self.world.hanging[generation]
            assert not (is_late and result is not None)
            if result is not None:
                self.world.results.append(result)

    def look(self, before, tick, told):
        """After each moment: bounds, and beliefs that were earned."""
        checkup = self.world.checkup
        assert checkup.running <= 2
        assert len({ticket.check.id for ticket in tick.starts}) == len(tick.starts)
        alive = [ticket.check.id for ticket in self.world.hanging.values()]
        assert len(set(alive)) == len(alive)  # never two runs of one check
        after = checkup.state_of("lone")
        own = [result.status for result in self.world.results if result.check_id == "lone"]
        is_gap = before.is_stale(self.world.now_s, STEADY)
        if after.belief is not before.belief and before.is_known and not is_gap:
            is_worse = GRAVITY[after.belief] > GRAVITY[before.belief]
            needed = STEADY.max_retries + 1 if is_worse else STEADY.successes
            said = [GRAVITY[status] for status in own[-needed:]]
            assert len(said) == needed
            far = min(said) if is_worse else max(said)
            assert far == GRAVITY[after.belief]
        if not before.is_known and after.belief is HealthStatus.UNHEALTHY:
            assert len(own) > STEADY.max_retries
        for change in told:
            self.blame(change)
            parents = {"web": ("db",), "page": ("web", "db")}.get(change.id, ())
            known = [checkup.state_of(parent) for parent in parents]
            known = [state for state in known if state.last_s != self.world.now_s]  # what came at this moment is later
            if change.status is HealthStatus.UNHEALTHY:
                assert all(state.belief is not HealthStatus.UNHEALTHY and not state.is_worsening for state in known)

    def blame(self, change):
        """A child that fell with its parent, or after it, is not told as failed."""
        parent = {"web": "db", "page": "web"}.get(change.id)
        if change.status is not HealthStatus.UNHEALTHY or parent not in self.bad_since:
            return
        own = [result for result in self.world.results if result.check_id == change.id]
        first = own[-1].at
        for result in reversed(own):
            if result.status is not HealthStatus.UNHEALTHY:
                break
            first = result.at
        since = self.world.now - timedelta(seconds=self.world.now_s - self.bad_since[parent])
        assert since > first

    @invariant()
    def shown(self):
        """What is suppressed has a failed parent; what is healthy was seen to be, lately."""
        for name in NAMES:
            view = self.world.view(name)
            if view.phase is CheckPhase.SUPPRESSED:
                assert any(self.world.view(one).status is HealthStatus.UNHEALTHY for one in ("db", "web"))
            parent = {"web": "db", "page": "web"}.get(name)
            if parent is not None and self.world.view(parent).status is HealthStatus.UNHEALTHY:
                assert view.phase is CheckPhase.SUPPRESSED
            if view.status is HealthStatus.HEALTHY:
                assert view.age_s <= STEADY.stale_s
                assert view.runs > 0


def test_what_must_hold_holds():
    """Random lives keep every promise of the policy."""
    run_state_machine_as_test(Lives, settings=QUICK)


def _eager(self, entry, now_s):
    return False


def _forgetful(self, ticket, reading, now_s, now):
    entry = self._entries[ticket.check.id]
    entry.ticket = entry.hung = None
    return self._take(entry, reading, now_s, now)


@pytest.mark.parametrize(
    ("place", "name", "mutant"),
    [
        (rounds.Checkup, "_awaits_parents", _eager),
        (rounds.Checkup, "settle", _forgetful),
        (rounds.Checkup, "_failed_parent", lambda *_: ""),
        (states.CheckState, "is_stale", lambda *_: False),
        (states, "_leant", lambda state, said, *_, **__: states._believing(state, *said)),
    ],
)
def test_a_broken_policy_is_noticed(monkeypatch, place, name, mutant):
    """Each seeded defect breaks a promise."""
    monkeypatch.setattr(place, name, mutant)
    hard = settings(QUICK, max_examples=200, derandomize=True, phases=[Phase.generate], database=None)
    with pytest.raises((AssertionError, FaultlineError)):
        run_state_machine_as_test(Lives, settings=hard)
