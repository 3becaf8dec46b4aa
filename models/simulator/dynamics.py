"""One step of the system: load in, queueing, latency and errors up the graph, the state of the next step out.

Causes and simplifications, in the order in which a step computes them:

- Requests spread through the call graph within the step; failed calls are retried, a failing cache sends its callers to
  the database, a queue hands over what its worker can take.
- Waiting follows the approximation of Sakasegawa (1977) for many servers, rho^(sqrt(2 (c + 1)) - 1) / (c (1 - rho)),
  bounded; what is beyond the capacity is refused.
- A caller feels the latency and the errors of a callee one step later and gradually (percentiles are computed over
  windows, pools fill up), in part (not every request calls), and bounded by its timeout: late and damped.
"""

from dataclasses import dataclass

import numpy as np

from models.simulator.plant import Floats, Plant, spread
from models.simulator.strain import Strain

PROBE_RATE = 0.2
_RETRIES = 0.5
_FALLBACK_ERRORS = 0.3
_MAX_BUSY = 0.97
_STANDBY_SLOWNESS = 1.15
_BACKUP_CAPACITY = 0.85
_P95 = 1.645 / 2.326
_TAIL_SHARE = 0.75
_MAX_BACKLOG_S, _MAX_WAIT_S = 1800.0, 600.0
_MEAN_REVERSION_S = 1800.0
_DRIFT_SD = (0.03, 0.04, 0.01, 0.04)


@dataclass(slots=True, kw_only=True, eq=False)
class Levers:
    """What an operator set, and what happens in the next step only. Shape (n,).

    Parameters
    ----------
    is_isolated, is_redirected, is_on_backup
        1 where it is so, else 0.
    scale
        Replicas as a share of the original number.
    is_out
        1 where the process is restarted in the next step.
    """

    is_isolated: Floats
    is_redirected: Floats
    is_on_backup: Floats
    scale: Floats
    is_out: Floats

    @classmethod
    def released(cls, n: int) -> "Levers":
        """Nothing is set.

        Parameters
        ----------
        n
            Components.

        Returns
        -------
        Levers
            With arrays of its own.
        """
        return cls(**{name: np.ones(n) if name == "scale" else np.zeros(n) for name in cls.__slots__})


@dataclass(slots=True, kw_only=True, eq=False)
class State:
    """What one step leaves to the next. Shapes: (e,) for ``felt`` and ``failed`` (felt: (2, e)), else (n,).

    Parameters
    ----------
    felt
        Median and p99 latency of the callees as their callers feel them, seconds.
    failed
        Share of calls that fail, as the callers feel it.
    seen
        Median and p99 of the answers that callers get, seconds, shape (2, n).
    seen_errors
        Share of the answers that are errors.
    passed
        Share of the requests that are worked on far enough to call on.
    cpu
        Use of the own cores, unbounded.
    greed
        Use of the host beyond the own share.
    speed
        Usual latency as a share of the present one: how much a worker still gets done.
    leaked
        Share of the memory that leaked away.
    backlog, published
        Messages that wait, and messages a second that came in. Shape (queues,).
    drift
        The autocorrelated noise: latency (n), calls (e), memory (n), load (1).
    own
        Median and p99 of the time spent in the component itself, seconds, shape (2, n).
    """

    felt: Floats
    failed: Floats
    seen: Floats
    seen_errors: Floats
    passed: Floats
    cpu: Floats
    greed: Floats
    speed: Floats
    leaked: Floats
    backlog: Floats
    published: Floats
    drift: Floats
    own: Floats

    @classmethod
    def resting(cls, plant: Plant) -> "State":
        """A system without requests.

        Parameters
        ----------
        plant
            Its parameters.

        Returns
        -------
        State
            Needs some steps until it is in balance.
        """
        n, e, q = plant.n, len(plant.caller), len(plant.queues)
        own = np.stack([plant.service_s, plant.service_s * plant.tail])
        return cls(
            felt=own[:, plant.callee],
            failed=np.zeros(e),
            seen=own,
            seen_errors=plant.error_ratio,
            passed=np.ones(n),
            cpu=plant.idle_cpu,
            greed=np.zeros(n),
            speed=np.ones(n),
            leaked=np.zeros(n),
            backlog=np.zeros(q),
            published=plant.nominal_rate[plant.queues],
            drift=np.zeros(2 * n + e + 1),
            own=own,
        )


class Dynamics:
    """The step function of a plant.

    Parameters
    ----------
    plant
        The parameters.
    step_s
        Seconds a step.

    Attributes
    ----------
    n_shocks : int
        Standard normal numbers that a step needs.
    """

    def __init__(self, plant: Plant, step_s: float) -> None:
        self.plant = plant
        self.step_s = step_s
        n, e = plant.n, len(plant.caller)
        self.n_shocks = 2 * n + e + 1
        self._keep = float(np.exp(-step_s / _MEAN_REVERSION_S))
        self._shock_sd = np.sqrt(1 - self._keep**2) * np.repeat(_DRIFT_SD, [n, e, n, 1])
        self._shares = np.concatenate([plant.latency_share, plant.latency_share * _TAIL_SHARE])
        self._both_callers = np.concatenate([plant.caller, plant.caller + n])
        self._refuge_from = np.flatnonzero(plant.refuge >= 0)
        self._refuge_to = plant.refuge[self._refuge_from]
        self._error_share = np.where(plant.refuge >= 0, 0.2, 1.0) * plant.error_share
        self._waiting_power = np.sqrt(2 * (plant.workers + 1)) - 1
        self._own_at_rest = np.stack([plant.service_s, plant.service_s * plant.tail])
        self._patience = np.stack([plant.timeout_s, plant.timeout_s])
        at_rest = self._own_at_rest
        for _ in range(plant.depth):
            at_rest = self._own_at_rest + self._of_callees(at_rest[:, plant.callee])
        self._median_at_rest = at_rest[0]

    def step(
        self, state: State, strain: Strain, levers: Levers, load: float, batch: Floats, shocks: Floats
    ) -> tuple[State, Floats]:
        """Go on by one step.

        Parameters
        ----------
        state
            Of the step before; it is not changed.
        strain
            Of the faults.
        levers
            Of the operator.
        load
            Share of the peak load.
        batch
            Utilisation by scheduled jobs, shape (n,).
        shocks
            Standard normal, shape (n_shocks,).

        Returns
        -------
        State
            Of this step.
        ndarray of float64, shape (metrics, n)
            The true metrics.
        """
        plant, n = self.plant, self.plant.n
        drift = self._keep * state.drift + self._shock_sd * shocks
        is_open = (1.0 - levers.is_isolated)[plant.callee]
        leaked, memory, pressure, is_out = self._memory(state, strain, levers, drift)
        is_answering = (1.0 - strain.is_dead) * (1.0 - is_out)
        stolen = self._stolen(state, levers)
        capacity = plant.capacity * levers.scale * (1 - (1 - _BACKUP_CAPACITY) * levers.is_on_backup)
        capacity = capacity / (strain.drag * (1 + 0.3 * stolen))

        handed_over = self._hand_over(state, capacity * is_answering, is_answering, levers)
        rate = self._requests(state, strain, levers, load, drift, handed_over, is_open)
        served = rate * (1.0 - levers.is_redirected) + PROBE_RATE
        rho = served / capacity + batch
        refused = np.maximum(0.0, 1.0 - 1.0 / np.maximum(rho, 1.0))

        felt = state.felt + plant.follow * (np.minimum(state.seen, self._patience)[:, plant.callee] - state.felt)
        felt *= is_open
        failed = np.where(
            is_open > 0, state.failed + plant.follow * (self._failing(state) - state.failed), _FALLBACK_ERRORS
        )
        of_callees = self._of_callees(felt)
        callee_errors = np.bincount(plant.caller, weights=failed * self._error_share, minlength=n)
        intact = 1.0 - np.minimum(callee_errors, 0.95)

        slowness = strain.slowness * (1 + stolen) * (1 + 6.0 * pressure**2) * (1 + drift[:n])
        slowness = slowness * (1 + self._waiting(rho, levers.scale) + 6.0 * refused)
        loss = strain.loss * (1.0 - levers.is_redirected)
        median, tail = self._own_at_rest * slowness + of_callees + strain.delay_s
        median, tail = median + 0.02 * loss, tail + pressure * median * 4.0 + 0.9 * loss
        own_errors = np.minimum(plant.error_ratio + strain.errors + refused + 0.06 * loss, 0.95)
        errors = 1.0 - (1.0 - own_errors) * intact
        hang = strain.is_dead * (1.0 - is_out)
        median, tail = median + hang * (plant.timeout_s - median), tail + hang * (plant.timeout_s - tail)
        errors = np.maximum(errors, np.maximum(0.97 * hang, is_out))

        cpu = plant.idle_cpu + (0.85 * rho + strain.cpu + 0.25 * pressure) * is_answering
        completed = (
            (served - PROBE_RATE) * (0.02 + 0.98 * is_answering) * (1 - np.minimum(0.08 * loss, 0.5)) * (1 - is_out)
        )
        in_flight = served * (1.2 * median + 0.02 * tail) * (1 + 2.0 * np.minimum(loss, 3.0))
        connections = np.minimum(plant.connections * levers.scale + in_flight, plant.pool * levers.scale) * (1 - is_out)

        standby = self._own_at_rest * _STANDBY_SLOWNESS + of_callees
        seen = np.where(levers.is_redirected > 0, standby, np.stack([median, tail]))
        seen_errors = np.where(levers.is_redirected > 0, 1.0 - (1.0 - plant.error_ratio) * intact, errors)
        passed = np.where(levers.is_redirected > 0, 1.0, is_answering * (1 - refused) * (1 - 0.5 * own_errors))
        backlog = np.clip(
            state.backlog + (state.published - handed_over) * self.step_s,
            0.0,
            plant.nominal_rate[plant.queues] * _MAX_BACKLOG_S,
        )
        waited = np.zeros(n)
        waited[plant.queues] = np.minimum(backlog / np.maximum(handed_over, 0.05), _MAX_WAIT_S)
        memory[plant.queues] += 0.3 * backlog / (plant.nominal_rate[plant.queues] * _MAX_BACKLOG_S)
        median, tail = median + waited, tail + 1.2 * waited
        return State(
            felt=felt,
            failed=failed,
            seen=seen,
            seen_errors=seen_errors,
            passed=passed,
            cpu=cpu,
            greed=strain.greed * is_answering,
            speed=self._median_at_rest / np.maximum(median, 1e-6),
            leaked=leaked,
            backlog=backlog,
            published=(rate * passed)[plant.queues],
            drift=drift,
            own=np.maximum(np.stack([median, tail]) - of_callees, self._own_at_rest),
        ), np.stack(
            [
                completed + PROBE_RATE,
                errors,
                median,
                median ** (1 - _P95) * tail**_P95,
                tail,
                np.minimum(cpu, 0.985),
                np.minimum(memory * (1 - 0.6 * is_out), 0.99),
                connections,
            ]
        )

    def _memory(
        self, state: State, strain: Strain, levers: Levers, drift: Floats
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Leaked share, use, pressure in [0, 1] and who is out: restarted, or killed for want of memory."""
        plant, n = self.plant, self.plant.n
        room = 1.0 - plant.memory
        leaked = state.leaked * (1 - levers.is_out) + strain.leak * room * (self.step_s / 60.0)
        is_killed = (leaked >= 0.97 * room) & (levers.is_on_backup == 0)
        held = leaked * (1 - levers.is_on_backup)
        memory = plant.memory * (1 + drift[-n - 1 : -1] + 0.06 * np.minimum(state.cpu, 1.0)) + held
        pressure = np.clip((held / room - 0.35) / 0.65, 0.0, 1.0)
        return np.where(is_killed, 0.0, leaked), memory, pressure, np.maximum(levers.is_out, is_killed)

    def _stolen(self, state: State, levers: Levers) -> Floats:
        """How much longer everything takes because neighbours on the host use more than their share."""
        plant = self.plant
        demand = np.minimum(state.cpu, 1.0) + state.greed
        total = np.bincount(plant.host, weights=demand)[plant.host]
        excess = np.clip(total / plant.crowd - 0.7, 0.0, 1.3)
        stolen: Floats = 6.0 * excess * (1.0 - demand / np.maximum(total, 1e-9)) * (1.0 - levers.is_on_backup)
        return stolen

    def _hand_over(self, state: State, capacity: Floats, is_answering: Floats, levers: Levers) -> Floats:
        """Messages a second that the queues hand to their workers, shape (queues,)."""
        queues, workers = self.plant.queues, self.plant.workers_of_queues
        able = capacity[workers] * np.minimum(state.speed[workers] * 1.3, 1.0) * (1.0 - levers.is_isolated[workers])
        able = np.where(levers.is_redirected[workers] > 0, self.plant.capacity[workers], able)
        return np.minimum(state.published + state.backlog / self.step_s, able) * is_answering[queues]

    def _requests(
        self,
        state: State,
        strain: Strain,
        levers: Levers,
        load: float,
        drift: Floats,
        handed_over: Floats,
        is_open: Floats,
    ) -> Floats:
        """Requests a second that are sent to each component, shape (n,)."""
        plant, n = self.plant, self.plant.n
        arriving = plant.nominal_rate * strain.surge * load
        arriving[0] += plant.nominal_rate[0] * load * (1 + drift[-1])
        arriving *= 1.0 - levers.is_isolated
        arriving[plant.workers_of_queues] += handed_over
        calls = plant.calls * (1 + drift[n : -n - 1]) * (1 + _RETRIES * state.failed)
        np.add.at(calls, self._refuge_to, (plant.calls * state.failed)[self._refuge_from])
        return spread(arriving, calls * is_open * state.passed[plant.caller], plant.caller, plant.callee, plant.depth)

    def _failing(self, state: State) -> Floats:
        """Share of the calls over each link that fail or take longer than the caller waits, shape (e,)."""
        median, tail = state.seen / self.plant.timeout_s
        late = np.clip(median - 0.5, 0.0, 1.0) + 0.02 * np.clip(tail - 0.8, 0.0, 1.0)
        failing: Floats = np.minimum(state.seen_errors + late, 1.0)[self.plant.callee]
        return failing

    def _of_callees(self, felt: Floats) -> Floats:
        """Median and tail that callers take on from their callees, shape (2, n)."""
        n = self.plant.n
        weights = felt.ravel() * self._shares
        return (
            np.bincount(self._both_callers, weights=weights, minlength=2 * n)
            .reshape(2, n)
            .astype(np.float64, copy=False)
        )

    def _waiting(self, rho: Floats, scale: Floats) -> Floats:
        """Waiting time as a multiple of the service time."""
        busy = np.minimum(rho, _MAX_BUSY)
        waiting: Floats = np.minimum(busy**self._waiting_power / (self.plant.workers * scale * (1 - busy)), 8.0)
        return waiting
