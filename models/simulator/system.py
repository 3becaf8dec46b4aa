"""The live system: stepped row by row, strained by faults, and changed by an operator's actions."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from models.errors import ConfigurationError
from models.frames import MetricFrame, SeriesKey, to_datetime64
from models.simulator.controls import Controls
from models.simulator.dynamics import Dynamics
from models.simulator.faults import LEFT_BEHIND, FaultKind
from models.simulator.load import Calendar, load_factor
from models.simulator.noise import METRICS, Noise
from models.simulator.plant import Floats, build_plant
from models.simulator.settings import SimulatorSettings
from models.simulator.state import Levers, State
from models.simulator.strain import EFFECTS, Strain
from models.simulator.topology import Role
from models.simulator.tracing import Tracer

_WARM_UP_ROWS = 60
_DEPLOY_SLOWNESS = 1.15
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SimulatedSystem(Controls):
    """A seeded micro-service system, stepped live and acted upon.

    Rows, faults and actions interleave freely: an action changes the rows after it. Stepping once by 100 rows equals
    stepping 100 times by one, bit for bit, and a run equals its twin without the fault until the fault begins.

    Parameters
    ----------
    settings
        What to simulate; its start has to lie on a whole step since 1970.

    Examples
    --------
    >>> system = SimulatedSystem(SimulatorSettings(seed=7))
    >>> system.advance(5).values.shape
    (5, 112)
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self._plant = plant = build_plant(
            seed=settings.seed,
            components=settings.components,
            peak_rate=settings.peak_rate,
            step_s=settings.step_s,
        )
        self._step = timedelta(seconds=settings.step_s)
        self._row = _absolute_row(settings.start, self._step)
        super().__init__(plant.topology, _EPOCH + self._row * self._step)
        self.keys = tuple(SeriesKey(name, metric) for name in self.topology.names for metric in METRICS)
        self._dynamics = Dynamics(plant, settings.step_s)
        self._noise = Noise(
            seed=settings.seed,
            n_components=plant.n,
            n_shocks=self._dynamics.n_shocks,
            missing_ratio=settings.missing_ratio,
            gap_ratio=settings.gap_ratio,
        )
        self._calendar = Calendar(seed=settings.seed, n_components=plant.n, deploys_per_day=settings.deploys_per_day)
        self._batch_at = plant.topology.roles.index(Role.DATABASE)
        self._no_strain = Strain.none(plant.n)
        self._tracer = Tracer(plant, seed=settings.seed, traces_per_step=settings.traces_per_step)
        self._state = self._warmed_up()

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Caller and callee by name."""
        return self.topology.edges

    @property
    def hosts(self) -> dict[str, str]:
        """The host of each component."""
        return dict(zip(self.topology.names, self.topology.hosts, strict=True))

    @property
    def traces(self) -> pd.DataFrame:
        """Sampled spans so far, in the columns of the case format."""
        return self._tracer.spans

    def step(self) -> MetricFrame:
        """Go on by one row.

        Returns
        -------
        MetricFrame
            With that row.
        """
        return self.advance(1)

    def advance(self, n_rows: int) -> MetricFrame:
        """Go on.

        Parameters
        ----------
        n_rows
            Rows, not negative.

        Returns
        -------
        MetricFrame
            With these rows, the columns as in ``keys``; NaN where the settings let values be missing.

        Raises
        ------
        ConfigurationError
            If the number is negative.
        """
        if n_rows < 0:
            raise ConfigurationError(f"Cannot advance by {n_rows} rows.", remedy="Give a number from 0.")
        first = self._row
        truth = np.empty((n_rows, len(METRICS), self._plant.n))
        for row in truth:
            row[:] = self._next()
        values = self._noise.measure(truth, first, self.settings.step_s)
        return MetricFrame(
            start=to_datetime64(_EPOCH + first * self._step),
            step_s=self.settings.step_s,
            keys=self.keys,
            values=values.reshape(n_rows, len(self.keys)),
        )

    def _warmed_up(self) -> State:
        """Let an hour before the first row pass, so that the system starts in balance; nothing of it is kept."""
        state = State.resting(self._plant)
        for row in range(self._row - _WARM_UP_ROWS, self._row):
            state, _ = self._stepped(state, row, self._no_strain, Levers.released(self._plant.n))
        return state

    def _next(self) -> Floats:
        """One row of true metrics, shape (metrics, n)."""
        strain = self._strain()
        self._state, truth = self._stepped(self._state, self._row, strain, self._levers)
        self._levers.is_out[:] = 0.0
        self._tracer.record(self._row, self._now, self._state)
        self._row += 1
        self._now = _EPOCH + self._row * self._step
        return truth

    def _stepped(self, state: State, row: int, strain: Strain, levers: Levers) -> tuple[State, Floats]:
        moment = _EPOCH + row * self._step
        batch = np.zeros(self._plant.n)
        batch[self._batch_at] = self._calendar.batch_load(moment)
        return self._dynamics.step(state, strain, levers, load_factor(moment), batch, self._noise.shocks(row))

    def _strain(self) -> Strain:
        """What presses on the components in the next row; begins the deploys that are due."""
        due = self._calendar.deployed(self._now, self._now + self._step)
        forces = [(active, active.force(self._now)) for active in self._faults]
        acting = [(active, force) for active, force in forces if force > 0]
        if not (due or acting):
            return self._no_strain
        strain = Strain.none(self._plant.n)
        for active, force in acting:
            if active.fault.kind is FaultKind.BAD_DEPLOY and not active.has_begun:
                self._deploy(active.at)
            active.has_begun = True
            if not self._is_avoided(active.fault.kind, active.at):
                EFFECTS[active.fault.kind](strain, active.at, force)
        for at in due:
            if not any(active.at == at for active, _ in acting):
                self._deploy(at)
                strain.slowness[at] *= _DEPLOY_SLOWNESS
        return strain

    def _is_avoided(self, kind: FaultKind, at: int) -> bool:
        """Whether the present set-up keeps a fault from pressing: its instance does not serve, or does no work."""
        is_idle = kind is FaultKind.NOISY_NEIGHBOUR and self._levers.is_isolated[at] > 0
        return is_idle or (kind in LEFT_BEHIND and self._levers.is_on_backup[at] > 0)


def _absolute_row(start: datetime, step: timedelta) -> int:
    """Whole steps from 1970 to the start."""
    since = start.astimezone(UTC) - _EPOCH
    if since % step:
        raise ConfigurationError(
            f"The start {start.isoformat()} is not on a whole step of {step.total_seconds():g} s.",
            remedy="Start on a whole step, for example on the full hour.",
        )
    return since // step
