"""Checks and a clock for the tests of the policy."""

from datetime import UTC, datetime, timedelta

from service.recovery.checkup import Check, CheckPolicy, CheckSet, CheckType, Checkup, Reading

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEADY = CheckPolicy(interval_s=30, retry_interval_s=5, max_retries=2, successes=2, timeout_s=4, jitter=0)
GOOD, BAD, BLIND = Reading(), Reading(failure="refused"), Reading(trouble="no permission")


def a_check(name, *parents, policy=STEADY, **changes):
    """A check on a component of the same name."""
    settings = {"id": name, "component": f"c-{name}", "type": CheckType.CUSTOM, "policy": policy}
    return Check(depends_on=parents, **settings | changes)


class World:
    """A checkup whose runs end at once with what is set; time is moved by hand."""

    def __init__(self, *checks, most_at_once=4, seed=1, states=None):
        self.now_s = 1000.0
        self.told, self.results = [], []
        self.hanging = {}
        self.answers = {}
        options = {"seed": seed, "most_at_once": most_at_once, "now_s": self.now_s, "states": states}
        self.checkup = Checkup(CheckSet(checks), **options)

    @property
    def now(self):
        """Wall time."""
        return T0 + timedelta(seconds=self.now_s - 1000)

    def tick(self):
        """Do what is due, at this moment."""
        tick = self.checkup.tick(self.now_s, self.now)
        self.results += tick.results
        for ticket in tick.starts:
            answer = self.answers.get(ticket.check.id, GOOD)
            if answer is None:
                self.hanging[ticket.generation] = ticket
            else:
                self.results.append(self.checkup.settle(ticket, answer, self.now_s, self.now))
        self.told += self.checkup.changes(self.now_s, self.now)
        return tick

    def go(self, seconds, step=1.0):
        """Let time pass."""
        end = self.now_s + seconds
        while self.now_s < end:
            self.tick()
            self.now_s += step

    def view(self, name):
        """One check as it is shown now."""
        return next(view for view in self.checkup.views(self.now_s, self.now) if view.id == name)

    def times_of(self, name):
        """When its results came, seconds since the start."""
        return [(result.at - T0).total_seconds() for result in self.results if result.check_id == name]
