"""What is believed of one check, and which results in a row would change that.

Consecutive thresholds in both directions, as in HAProxy (fall, rise) and Nagios (soft and hard states). A run of worse
results is believed at the mildest of them, a run of better ones at the worst of them: alternating results never hide.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from service.recovery.checkup.definitions import Reading, graver
from service.recovery.checkup.policy import CheckPolicy
from service.recovery.health import HealthStatus

FLAP_WINDOW = 20
"""Results that the flap rate looks back on."""
FLAP_LEAST = 8
FLAP_STARTS, FLAP_ENDS = 0.5, 0.25
"""Shares of changes; Nagios, "Detection and Handling of State Flapping"."""


class CheckPhase(StrEnum):
    """Where a check stands besides its status."""

    WAITING = "WAITING"
    SETTLED = "SETTLED"
    PENDING = "PENDING"
    STALE = "STALE"
    SUPPRESSED = "SUPPRESSED"
    MAINTENANCE = "MAINTENANCE"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One result, as it is kept and told.

    Parameters
    ----------
    check_id
        Of which check.
    component
        Whose health it tells.
    at
        UTC.
    status
        What this run says by itself.
    reason
        Why, one sentence; empty if all is well.
    reading
        What was measured.
    believed
        What is believed of the check after it.
    seq
        Position in the history, given by the store; 0 before that.
    """

    check_id: str
    component: str
    at: datetime
    status: HealthStatus
    reason: str
    reading: Reading
    believed: HealthStatus
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckState:
    """What is believed, and what would change that.

    Parameters
    ----------
    belief
        What enough results in a row have said.
    reason
        Why; empty if all is well.
    streak
        Results in a row that say otherwise, all worse or all better.
    bound
        What will be believed of them: the mildest of worse ones, the worst of better ones.
    bound_reason
        Why.
    streak_since_s
        When the streak began, monotonic seconds.
    last_s
        When the latest result came, monotonic seconds; None if there was none in this life of the process.
    latest
        What the latest result says.
    recent
        What the latest results say, oldest first.
    is_flapping
        Whether they change too often to be believed.
    is_known
        False until a result was believed: the first good one is, at once.
    runs, bad_runs, timeouts
        Counted since the check is known.
    values
        Measured by the latest run.
    duration_s
        Of the latest run, seconds; NaN if there is none.
    """

    belief: HealthStatus = HealthStatus.UNKNOWN
    reason: str = ""
    streak: int = 0
    bound: HealthStatus = HealthStatus.UNKNOWN
    bound_reason: str = ""
    streak_since_s: float = math.nan
    last_s: float | None = None
    latest: HealthStatus = HealthStatus.UNKNOWN
    recent: tuple[HealthStatus, ...] = ()
    is_flapping: bool = False
    is_known: bool = False
    runs: int = 0
    bad_runs: int = 0
    timeouts: int = 0
    values: Mapping[str, float] = field(default_factory=dict)
    duration_s: float = math.nan

    @property
    def is_pending(self) -> bool:
        """Whether results say otherwise than what is believed."""
        return self.streak > 0

    @property
    def is_worsening(self) -> bool:
        """Whether they are worse."""
        return self.is_pending and (not self.is_known or graver(self.bound, self.belief))

    @property
    def flap_rate(self) -> float:
        """Share of the recent results that differ from the one before; NaN for fewer than two."""
        changes = sum(a is not b for a, b in zip(self.recent, self.recent[1:], strict=False))
        return changes / (len(self.recent) - 1) if len(self.recent) > 1 else math.nan

    def is_stale(self, now_s: float, policy: CheckPolicy) -> bool:
        """Tell whether the latest result is too old, or there is none."""
        return self.last_s is None or now_s - self.last_s > policy.stale_s

    def after(
        self, said: tuple[HealthStatus, str], reading: Reading, now_s: float, policy: CheckPolicy, *, is_held: bool
    ) -> "CheckState":
        """Take one result.

        Parameters
        ----------
        said
            What it says, and why.
        reading
            What was measured.
        now_s
            Monotonic seconds.
        policy
            How many in a row are believed.
        is_held
            Whether a change for the worse must not be believed yet.

        Returns
        -------
        CheckState
            Counted; with another belief if enough results in a row said so.
        """
        is_gap = self.last_s is not None and self.is_stale(now_s, policy)  # results so far apart are not in a row
        before = self.forgotten() if is_gap else self
        return _leant(_counted(before, said[0], reading, now_s), said, now_s, policy, is_held=is_held)

    def set_aside(self, said: HealthStatus, reading: Reading, now_s: float) -> "CheckState":
        """Take a result that must not be believed, because it is known why it is bad: what comes after counts anew."""
        return _counted(self.forgotten(), said, reading, now_s)

    def after_restart(self) -> "CheckState":
        """Keep what is believed; times of the monotonic clock of another process mean nothing, so streaks end."""
        return replace(self, last_s=None, streak=0, streak_since_s=math.nan)

    def forgotten(self) -> "CheckState":
        """Believe nothing; what was counted stays."""
        return replace(self, belief=HealthStatus.UNKNOWN, reason="", streak=0, streak_since_s=math.nan, is_known=False)


def _counted(state: CheckState, said: HealthStatus, reading: Reading, now_s: float) -> CheckState:
    counted = replace(
        state,
        last_s=now_s,
        latest=said,
        recent=(*state.recent, said)[-FLAP_WINDOW:],
        runs=state.runs + 1,
        bad_runs=state.bad_runs + (said is HealthStatus.UNHEALTHY),
        timeouts=state.timeouts + reading.is_timeout,
        values=dict(reading.values),
        duration_s=reading.duration_s,
    )
    limit = FLAP_ENDS if state.is_flapping else FLAP_STARTS
    return replace(counted, is_flapping=len(counted.recent) >= FLAP_LEAST and counted.flap_rate >= limit)


def _leant(
    state: CheckState, said: tuple[HealthStatus, str], now_s: float, policy: CheckPolicy, *, is_held: bool
) -> CheckState:
    status, reason = said
    is_good = not graver(status, HealthStatus.DEGRADED)
    if (is_good and not state.is_known) or (status is state.belief and state.is_known):
        return _believing(state, status, reason)
    is_worse = not state.is_known or graver(status, state.belief)
    if state.is_pending and is_worse is state.is_worsening:
        is_nearer = graver(state.bound, status) if is_worse else graver(status, state.bound)
        is_bound = is_nearer or status is state.bound
        bound = said if is_bound else (state.bound, state.bound_reason)
        leant = replace(state, streak=state.streak + 1, bound=bound[0], bound_reason=bound[1])
    else:
        leant = replace(state, streak=1, bound=status, bound_reason=reason, streak_since_s=now_s)
    needed = policy.max_retries + 1 if is_worse else policy.successes
    if leant.streak < needed or (is_worse and is_held):
        return leant
    return _believing(leant, leant.bound, leant.bound_reason)


def _believing(state: CheckState, belief: HealthStatus, reason: str) -> CheckState:
    return replace(state, belief=belief, reason=reason, streak=0, streak_since_s=math.nan, is_known=True)
