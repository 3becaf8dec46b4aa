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
from models.simulator.state import Levers, State
from models.simulator.strain import Strain

PROBE_RATE = 0.2
_RETRIES = 0.25
_FALLBACK_ERRORS = 0.1
_MAX_BUSY = 0.97
_STANDBY_SLOWNESS = 1.15
_BACKUP_CAPACITY = 0.85
_P95 = 1.645 / 2.326
_TAIL_SHARE = 0.75
_MAX_BACKLOG_S, _MAX_WAIT_S = 1800.0, 600.0
_MEAN_REVERSION_S = 1800.0
_RECLAIM_S = 300.0
_LOSS_S = np.array([[0.02], [0.9]])
_LONGEST_S = np.array([[30.0], [60.0]])
_DRIFT_SD = (0.03, 0.04, 0.01, 0.04)


@dataclass(slots=True, kw_only=True, eq=False)
class _Flow:
    """What is asked of the components in a step, and what they have for it. Shape (n,), handed_over (queues,)."""

    leaked: Floats
    memory: Floats
    pressure: Floats
    is_out: Floats
    is_answering: Floats
    stolen: Floats
    handed_over: Floats
    rate: Floats
    served: Floats
    rho: Floats
    used: Floats
    refused: Floats
    loss: Floats


@dataclass(slots=True, kw_only=True, eq=False)
class _Answers:
    """How a step's requests are answered. Latencies (2, n): median and p99, seconds; felt (2, e), failed (e,)."""

    felt: Floats
    failed: Floats
    of_callees: Floats
    intact: Floats
    working: Floats
    own_errors: Floats
    latency: Floats
    errors: Floats


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
        self._reclaim = float(np.exp(-step_s / _RECLAIM_S))
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
        drift = self._keep * state.drift + self._shock_sd * shocks
        flow = self._flow(state, strain, levers, load, batch, drift)
        answers = self._answers(state, strain, levers, batch, drift, flow)
        plant, queues, is_elsewhere = self.plant, self.plant.queues, levers.is_redirected > 0
        standby = self._own_at_rest * _STANDBY_SLOWNESS + answers.of_callees
        passed = flow.is_answering * (1 - flow.refused) * (1 - 0.5 * answers.own_errors)
        passed = np.where(is_elsewhere, 1.0, passed)
        grown = state.backlog + (state.published - flow.handed_over) * self.step_s
        backlog = np.clip(grown, 0.0, plant.nominal_rate[queues] * _MAX_BACKLOG_S)
        due_s = np.minimum(backlog / np.maximum(flow.handed_over, 0.05), state.waited + self.step_s)
        after = State(
            felt=answers.felt,
            failed=answers.failed,
            seen=np.where(is_elsewhere, standby, answers.latency),
            seen_errors=np.where(is_elsewhere, 1 - (1 - plant.error_ratio) * answers.intact, answers.errors),
            passed=passed,
            cpu=plant.idle_cpu + (0.85 * flow.used + strain.cpu + 0.25 * flow.pressure) * flow.is_answering,
            greed=strain.greed * flow.is_answering,
            speed=self._median_at_rest / answers.working,
            leaked=flow.leaked,
            backlog=backlog,
            waited=np.minimum(due_s, _MAX_WAIT_S),
            published=(flow.rate * passed)[queues],
            drift=drift,
            own=np.maximum(answers.latency - answers.of_callees, self._own_at_rest),
        )
        return after, self._metrics(after, levers, flow, answers)

    def _flow(self, state: State, strain: Strain, levers: Levers, load: float, batch: Floats, drift: Floats) -> _Flow:
        """Who is there to answer, what is asked of whom, and how much of it fits."""
        plant = self.plant
        leaked, memory, pressure, is_out = self._memory(state, strain, levers, drift)
        is_answering = (1.0 - strain.is_dead) * (1.0 - is_out)
        stolen = self._stolen(state, levers)
        capacity = plant.capacity * levers.scale * (1 - (1 - _BACKUP_CAPACITY) * levers.is_on_backup) / strain.drag
        able = capacity / (1 + 0.1 * stolen)
        handed_over = self._hand_over(state, able * is_answering, is_answering, levers)
        rate = self._requests(state, strain, levers, load, drift, handed_over)
        served = rate * (1.0 - levers.is_redirected) + PROBE_RATE
        rho = served / able + batch
        return _Flow(
            leaked=leaked,
            memory=memory,
            pressure=pressure,
            is_out=is_out,
            is_answering=is_answering,
            stolen=stolen,
            handed_over=handed_over,
            rate=rate,
            served=served,
            rho=rho,
            used=served / capacity + batch,
            refused=np.maximum(0.0, 1.0 - 1.0 / np.maximum(rho, 1.0)),
            loss=strain.loss * (1.0 - levers.is_redirected),
        )

    def _answers(
        self, state: State, strain: Strain, levers: Levers, batch: Floats, drift: Floats, flow: _Flow
    ) -> _Answers:
        """How long the answers take and how many are errors, from within and from the callees."""
        plant, n = self.plant, self.plant.n
        is_open = (1.0 - levers.is_isolated)[plant.callee]
        felt = state.felt + plant.follow * (np.minimum(state.seen, self._patience)[:, plant.callee] - state.felt)
        felt *= is_open
        failed = state.failed + plant.follow * (self._failing(state) - state.failed)
        failed = np.where(is_open > 0, failed, _FALLBACK_ERRORS)
        of_callees = self._of_callees(felt)
        callee_errors = np.bincount(plant.caller, weights=failed * self._error_share, minlength=n)
        intact = 1.0 - np.minimum(callee_errors, 0.95)

        slowness = strain.slowness * (1 + flow.stolen) * (1 + 6.0 * flow.pressure**2) * (1 + drift[:n])
        slowness = slowness * (1 + 0.25 * np.minimum(flow.rho, 1.0) + 0.6 * batch)
        working = self._own_at_rest[0] * slowness + of_callees[0] + strain.delay_s
        slowness = slowness * (1 + self._waiting(flow.rho, levers.scale) + 6.0 * flow.refused)
        latency = self._own_at_rest * slowness + of_callees + strain.delay_s
        latency[1] += 4.0 * flow.pressure * latency[0]
        latency = np.minimum(latency + _LOSS_S * flow.loss, _LONGEST_S)
        own_errors = np.minimum(plant.error_ratio + strain.errors + flow.refused + 0.06 * flow.loss, 0.95)
        hang = strain.is_dead * (1.0 - flow.is_out)
        return _Answers(
            felt=felt,
            failed=failed,
            of_callees=of_callees,
            intact=intact,
            working=working,
            own_errors=own_errors,
            latency=latency + hang * (plant.timeout_s - latency),
            errors=np.maximum(1.0 - (1.0 - own_errors) * intact, np.maximum(0.97 * hang, flow.is_out)),
        )

    def _metrics(self, after: State, levers: Levers, flow: _Flow, answers: _Answers) -> Floats:
        """What a perfect monitoring would show, shape (metrics, n)."""
        plant = self.plant
        is_up = 1 - flow.is_out
        completed = (flow.served - PROBE_RATE) * (0.02 + 0.98 * flow.is_answering) * is_up
        median, tail = answers.latency
        in_flight = flow.served * (1.2 * median + 0.02 * tail) * (1 + 2.0 * np.minimum(flow.loss, 3.0))
        connections = np.minimum(plant.connections * levers.scale + in_flight, plant.pool * levers.scale)
        waited = np.zeros(plant.n)
        waited[plant.queues] = after.waited
        flow.memory[plant.queues] += 0.3 * after.backlog / (plant.nominal_rate[plant.queues] * _MAX_BACKLOG_S)
        median, tail = median + waited, tail + 1.2 * waited
        return np.stack(
            [
                completed * (1 - np.minimum(0.08 * flow.loss, 0.5)) + PROBE_RATE,
                answers.errors,
                median,
                median ** (1 - _P95) * tail**_P95,
                tail,
                np.minimum(after.cpu, 0.985),
                np.minimum(flow.memory * (1 - 0.6 * flow.is_out), 0.99),
                connections * is_up,
            ]
        )

    def _memory(
        self, state: State, strain: Strain, levers: Levers, drift: Floats
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Leaked share, use, pressure in [0, 1] and who is out: restarted, or killed for want of memory."""
        plant, n = self.plant, self.plant.n
        room = 1.0 - plant.memory
        leaked = state.leaked * np.where(strain.leak > 0, 1.0, self._reclaim) * (1 - levers.is_out)
        leaked += strain.leak * room * (self.step_s / 60.0)
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
        stolen: Floats = 3.0 * excess * (1.0 - demand / np.maximum(total, 1e-9)) * (1.0 - levers.is_on_backup)
        return stolen

    def _hand_over(self, state: State, capacity: Floats, is_answering: Floats, levers: Levers) -> Floats:
        """Messages a second that the queues hand to their workers, shape (queues,)."""
        queues, workers = self.plant.queues, self.plant.workers_of_queues
        able = capacity[workers] * np.minimum(state.speed[workers] * 1.4, 1.0) * (1.0 - levers.is_isolated[workers])
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
    ) -> Floats:
        """Requests a second that are sent to each component, shape (n,)."""
        plant, n = self.plant, self.plant.n
        arriving = plant.nominal_rate * strain.surge * load
        arriving[0] += plant.nominal_rate[0] * load * (1 + drift[-1])
        arriving *= 1.0 - levers.is_isolated
        arriving[plant.workers_of_queues] += handed_over
        calls = plant.calls * (1 + drift[n : -n - 1]) * (1 + _RETRIES * state.failed)
        np.add.at(calls, self._refuge_to, (plant.calls * state.failed)[self._refuge_from])
        calls *= (1.0 - levers.is_isolated)[plant.callee]
        return spread(arriving, calls * state.passed[plant.caller], plant.caller, plant.callee, plant.depth)

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
