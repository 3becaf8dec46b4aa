"""Which checks are due, what their results mean for each other, and what changed. No clock: time is an argument."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from service.recovery.checkup.definitions import Check, CheckSet, Reading, graver
from service.recovery.checkup.state import CheckPhase, CheckResult, CheckState
from service.recovery.checkup.views import CheckChange, CheckView
from service.recovery.health import HealthStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Leave to run a check once.

    Parameters
    ----------
    check
        Which.
    generation
        Tells this run from all others; a result of an earlier one is dropped.
    deadline_s
        Until when its result counts, monotonic seconds.
    """

    check: Check
    generation: int
    deadline_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What is to be done now.

    Parameters
    ----------
    starts
        Runs to start.
    results
        Of runs whose time ran out.
    """

    starts: tuple[Ticket, ...] = ()
    results: tuple[CheckResult, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Entry:
    """One check in force; ``told`` is what the outside was told last, or knows from an earlier life."""

    check: Check
    state: CheckState
    due_s: float
    told: tuple[HealthStatus, CheckPhase, bool]
    is_told: bool = False
    ticket: Ticket | None = None
    hung: Ticket | None = None
    until: datetime | None = None


class Checkup:
    """All checks in force and how they are.

    Not safe for threads: the caller holds a lock.

    Parameters
    ----------
    checks
        In force.
    seed
        Of the jitter.
    most_at_once
        Runs at the same time, at most; those that hang do not count.
    now_s
        Monotonic seconds.
    states
        What an earlier life believed, by id.
    maintained
        Until when an earlier life expected checks to fail, by id, UTC.
    """

    def __init__(
        self,
        checks: CheckSet,
        *,
        seed: int,
        most_at_once: int,
        now_s: float,
        states: Mapping[str, CheckState] | None = None,
        maintained: Mapping[str, datetime] | None = None,
    ) -> None:
        self._seed = seed
        self._most_at_once = most_at_once
        self._generation = 0
        self._entries: dict[str, _Entry] = {}
        self._restored = dict(states or {})
        self.checks = CheckSet()
        self.replace(checks, now_s)
        for check_id, until in (maintained or {}).items():
            if check_id in checks:
                self.maintain(check_id, until)

    def replace(self, checks: CheckSet, now_s: float) -> None:
        """Put other checks in force; those that are there unchanged go on as they are.

        Parameters
        ----------
        checks
            All that count from now on.
        now_s
            Monotonic seconds.
        """
        before, self._entries = self._entries, {}
        for check in checks:
            kept = before.get(check.id)
            if kept is not None and kept.check == check:
                self._entries[check.id] = kept
                continue
            state = self._restored.pop(check.id, CheckState()) if kept is None else CheckState()
            due_s = now_s + check.policy.first_delay_s(check.id, self._seed)
            told = (state.belief, CheckPhase.SETTLED, state.is_flapping)
            hung = None if kept is None else kept.hung or kept.ticket  # a run of the old check still holds its thread
            self._entries[check.id] = _Entry(check=check, state=state, due_s=due_s, told=told, hung=hung)
        self.checks = checks

    @property
    def states(self) -> dict[str, CheckState]:
        """What is believed of each check, by id."""
        return {name: entry.state for name, entry in self._entries.items()}

    @property
    def running(self) -> int:
        """Runs that count against the bound."""
        return sum(entry.ticket is not None for entry in self._entries.values())

    @property
    def hung(self) -> int:
        """Runs that ran out of time and have not ended."""
        return sum(entry.hung is not None for entry in self._entries.values())

    def state_of(self, check_id: str) -> CheckState:
        """What is believed of one check; UnknownNameError if there is none of that id."""
        return self._entries[self.checks[check_id].id].state

    def next_s(self) -> float:
        """When something is to be done next, monotonic seconds; infinite if there is nothing."""
        return min(
            (entry.ticket.deadline_s if entry.ticket else entry.due_s for entry in self._entries.values()),
            default=float("inf"),
        )

    def tick(self, now_s: float, now: datetime) -> Tick:
        """Find what is to be done.

        Parameters
        ----------
        now_s
            Monotonic seconds.
        now
            UTC.

        Returns
        -------
        Tick
            Its starts count as running from now on.
        """
        results = [self._run_out(entry, now_s, now) for entry in self._entries.values() if _is_over(entry, now_s)]
        free = self._most_at_once - self.running
        starts: list[Ticket] = []
        waiting = [entry for entry in self._entries.values() if entry.ticket is None and entry.due_s <= now_s]
        for entry in sorted(waiting, key=lambda one: (one.due_s, one.check.id)):
            if entry.hung is not None:
                reading = Reading(failure="an earlier run still hangs", is_timeout=True)
                results.append(self._take(entry, reading, now_s, now))
            elif len(starts) < free:
                starts.append(self._start(entry, now_s))
        return Tick(starts=tuple(starts), results=tuple(results))

    def settle(self, ticket: Ticket, reading: Reading, now_s: float, now: datetime) -> CheckResult | None:
        """Take the result of a run.

        Parameters
        ----------
        ticket
            Of the run.
        reading
            What it found.
        now_s
            Monotonic seconds.
        now
            UTC.

        Returns
        -------
        CheckResult or None
            None if the result comes too late to count.
        """
        entry = self._entries.get(ticket.check.id)
        if entry is None:
            return None
        if entry.hung is ticket:
            entry.hung = None
        if entry.ticket is not ticket:
            return None
        entry.ticket = None
        return self._take(entry, reading, now_s, now)

    def maintain(self, check_id: str, until: datetime | None) -> None:
        """Expect a check to fail for a while; UnknownNameError if there is none of that id.

        Parameters
        ----------
        check_id
            Which.
        until
            UTC; None ends it.
        """
        self._entries[self.checks[check_id].id].until = until

    def maintained_until(self, check_id: str) -> datetime | None:
        """End of the maintenance that somebody asked for, UTC; UnknownNameError if there is no check of that id."""
        return self._entries[self.checks[check_id].id].until

    def ask(self, check_id: str, now_s: float) -> None:
        """Let a check run as soon as there is room; UnknownNameError if there is none of that id."""
        entry = self._entries[self.checks[check_id].id]
        entry.due_s = min(entry.due_s, now_s)

    def views(self, now_s: float, now: datetime) -> tuple[CheckView, ...]:
        """Show all checks.

        Parameters
        ----------
        now_s
            Monotonic seconds.
        now
            UTC.

        Returns
        -------
        tuple of CheckView
            In the order of the file.
        """
        down: dict[str, str] = {}
        return tuple(self._view(entry, now_s, now, down) for entry in self._entries.values())

    def changes(self, now_s: float, now: datetime) -> tuple[CheckChange, ...]:
        """Tell what is seen otherwise than when this was last asked.

        Parameters
        ----------
        now_s
            Monotonic seconds.
        now
            UTC.

        Returns
        -------
        tuple of CheckChange
            Not the first good result, and nothing of a check that has not run yet.
        """
        return tuple(self._changed(now_s, now))

    def _changed(self, now_s: float, now: datetime) -> Iterator[CheckChange]:
        for view in self.views(now_s, now):
            entry = self._entries[view.id]
            if view.phase is CheckPhase.WAITING or (not entry.state.is_known and view.counts):
                continue
            phase = view.phase if not view.counts else CheckPhase.SETTLED
            seen = (view.status, phase, view.is_flapping)
            before, entry.told = entry.told, seen
            is_first = not entry.is_told and before[0] is HealthStatus.UNKNOWN and view.status is HealthStatus.HEALTHY
            entry.is_told = True
            if seen == before or is_first:
                continue
            is_bad = view.status is HealthStatus.UNHEALTHY
            yield CheckChange(
                id=view.id,
                component=view.component,
                previous=before[0],
                status=view.status,
                phase=phase,
                reason=view.reason,
                is_flapping=view.is_flapping,
                is_trip=is_bad and before[0] is not HealthStatus.UNHEALTHY and entry.check.trips_breaker,
            )

    def _start(self, entry: _Entry, now_s: float) -> Ticket:
        self._generation += 1
        entry.ticket = Ticket(
            check=entry.check, generation=self._generation, deadline_s=now_s + entry.check.policy.timeout_s
        )
        return entry.ticket

    def _run_out(self, entry: _Entry, now_s: float, now: datetime) -> CheckResult:
        entry.hung, entry.ticket = entry.ticket, None
        limit = entry.check.policy.timeout_s
        reading = Reading(failure=f"no answer within {limit:g} s", is_timeout=True, duration_s=limit)
        return self._take(entry, reading, now_s, now)

    def _take(self, entry: _Entry, reading: Reading, now_s: float, now: datetime) -> CheckResult:
        check, state = entry.check, entry.state
        status, reason = check.judge(reading)
        if self._maintained_until(entry, now) is not None or self._failed_parent(entry, now_s, now, {}):
            entry.state = state.set_aside(status, reading, now_s)
        else:
            is_held = graver(status, HealthStatus.DEGRADED) and self._awaits_parents(entry, now_s)
            entry.state = state.after((status, reason), reading, now_s, check.policy, is_held=is_held)
        delay_s = check.policy.delay_s(check.id, self._seed, entry.state.runs, is_pending=entry.state.is_pending)
        entry.due_s = now_s + delay_s
        return CheckResult(
            check_id=check.id,
            component=check.component,
            at=now,
            status=status,
            reason=reason,
            reading=reading,
            believed=entry.state.belief,
        )

    def _awaits_parents(self, entry: _Entry, now_s: float) -> bool:
        """Whether a parent may be why it fails: one that leans to failing, or was not looked at since; it is asked."""
        since_s = entry.state.streak_since_s if entry.state.is_worsening else now_s
        awaited = [
            parent
            for parent in (self._entries[name] for name in self.checks.ancestors_of(entry.check.id))
            if parent.state.last_s is None or parent.state.last_s <= since_s or _leans_down(parent.state)
        ]
        for parent in awaited:
            if parent.ticket is None and not _leans_down(parent.state):
                parent.due_s = min(parent.due_s, now_s)
        return bool(awaited)

    def _failed_parent(self, entry: _Entry, now_s: float, now: datetime, known: dict[str, str]) -> str:
        """Name a parent without which this check tells nothing; empty if there is none."""
        for name in entry.check.depends_on:
            parent = self._entries[name]
            if name not in known:
                known[name] = ""  # the set has no circles; this only spares the second look
                known[name] = (
                    name if self._is_down(parent, now_s, now) else self._failed_parent(parent, now_s, now, known)
                )
            if known[name]:
                return known[name]
        return ""

    def _is_down(self, entry: _Entry, now_s: float, now: datetime) -> bool:
        state = entry.state
        if self._maintained_until(entry, now) is not None:
            return state.latest is HealthStatus.UNHEALTHY
        is_stale = state.is_stale(now_s, entry.check.policy)
        return state.is_known and state.belief is HealthStatus.UNHEALTHY and not is_stale

    def _maintained_until(self, entry: _Entry, now: datetime) -> datetime | None:
        ends = [window.end for window in entry.check.maintenance if window.covers(now)]
        ends += [entry.until] if entry.until is not None and entry.until > now else []
        return max(ends, default=None)

    def _view(self, entry: _Entry, now_s: float, now: datetime, known: dict[str, str]) -> CheckView:
        check, state = entry.check, entry.state
        until = self._maintained_until(entry, now)
        phase, status, reason = self._seen(entry, now_s, now, known)
        return CheckView(
            id=check.id,
            component=check.component,
            type=check.type,
            status=status,
            phase=phase,
            reason=reason,
            latest=state.latest,
            streak=state.streak,
            age_s=float("nan") if state.last_s is None else now_s - state.last_s,
            duration_s=state.duration_s,
            values=state.values,
            units={limit.metric: limit.unit for limit in check.thresholds},
            flap_rate=state.flap_rate,
            is_flapping=state.is_flapping,
            is_hung=entry.hung is not None,
            runs=state.runs,
            bad_runs=state.bad_runs,
            timeouts=state.timeouts,
            depends_on=check.depends_on,
            maintenance_until=until,
        )

    def _seen(
        self, entry: _Entry, now_s: float, now: datetime, known: dict[str, str]
    ) -> tuple[CheckPhase, HealthStatus, str]:
        state = entry.state
        until = self._maintained_until(entry, now)
        if until is not None:
            return CheckPhase.MAINTENANCE, HealthStatus.UNKNOWN, f"maintenance until {until:%Y-%m-%dT%H:%M:%SZ}"
        parent = self._failed_parent(entry, now_s, now, known)
        if parent:
            return CheckPhase.SUPPRESSED, HealthStatus.UNKNOWN, f"it depends on {parent}, which is not well"
        if state.last_s is None:
            return CheckPhase.WAITING, HealthStatus.UNKNOWN, "it has not run yet"
        if state.is_stale(now_s, entry.check.policy):
            return CheckPhase.STALE, HealthStatus.UNKNOWN, f"the newest result is {now_s - state.last_s:.0f} s old"
        phase = CheckPhase.PENDING if state.is_pending else CheckPhase.SETTLED
        reason = state.reason or (f"pending: {state.bound_reason}" if state.is_worsening else "")
        return phase, state.belief, reason


def _is_over(entry: _Entry, now_s: float) -> bool:
    return entry.ticket is not None and entry.ticket.deadline_s <= now_s


def _leans_down(state: CheckState) -> bool:
    return state.is_worsening or state.latest is HealthStatus.UNHEALTHY
