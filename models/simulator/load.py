"""Everything that varies on a normal day: visitors, weekends, the nightly batch job and harmless deploys."""

import math
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

_WEEKEND_DIP = 0.3
_BATCH_LENGTH_S = 45 * 60.0
_DAY_STREAM = 11


def load_factor(moment: datetime) -> float:
    """Share of the peak load that a time of day and a day of the week bring.

    Parameters
    ----------
    moment
        UTC.

    Returns
    -------
    float
        About 0.25 at four in the morning, about 1 in the evening of a working day, 30 % less on weekends.
    """
    hour = moment.hour + moment.minute / 60 + moment.second / 3600
    daily = 0.62 - 0.33 * math.cos(2 * math.pi * (hour - 4) / 24) + 0.09 * math.cos(4 * math.pi * (hour - 20) / 24)
    return daily * (1 - _WEEKEND_DIP * _weekend(moment.weekday() * 24 + hour))


def _weekend(hour_of_week: float) -> float:
    """1 on Saturday and Sunday, 0 on working days, smooth over some hours around both midnights."""
    saturday, monday, last_monday = (1 / (1 + math.exp((at - hour_of_week) / 1.5)) for at in (120, 168, 0))
    return saturday - monday + 1 - last_monday


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """What is scheduled on one day.

    Parameters
    ----------
    batch_start
        When the nightly job on the first database begins, UTC.
    deploys
        Time and position of the component, in time order.
    """

    batch_start: datetime
    deploys: tuple[tuple[datetime, int], ...]


@dataclass(slots=True, kw_only=True)
class Calendar:
    """The plans of all days, made on demand from the seed alone.

    Parameters
    ----------
    seed
        That of the settings.
    n_components
        How many components can be deployed.
    deploys_per_day
        Mean of harmless deploys on a working day; there are none on weekends.
    """

    seed: int
    n_components: int
    deploys_per_day: float
    _plans: dict[date, DayPlan] = field(default_factory=dict)

    def plan(self, day: date) -> DayPlan:
        """Give the plan of a day.

        Parameters
        ----------
        day
            In UTC.

        Returns
        -------
        DayPlan
            The same at every call.
        """
        if day not in self._plans:
            rng = np.random.default_rng([self.seed, _DAY_STREAM, day.toordinal()])
            midnight = datetime.combine(day, time(), tzinfo=UTC)
            batch_start = midnight + timedelta(hours=2, seconds=int(rng.integers(0, 600)))
            n_deploys = rng.poisson(self.deploys_per_day) if day.weekday() < 5 else 0
            moments = sorted(rng.uniform(8 * 3600, 18 * 3600, n_deploys))
            self._plans[day] = DayPlan(
                batch_start=batch_start,
                deploys=tuple(
                    (midnight + timedelta(seconds=int(s)), int(rng.integers(self.n_components))) for s in moments
                ),
            )
        return self._plans[day]

    def batch_load(self, moment: datetime) -> float:
        """How busy the nightly job keeps its database.

        Parameters
        ----------
        moment
            UTC.

        Returns
        -------
        float
            Utilisation in [0, 0.45]; rises and falls within five minutes.
        """
        into_s = (moment - self.plan(moment.date()).batch_start).total_seconds()
        if not 0 <= into_s <= _BATCH_LENGTH_S:
            return 0.0
        return 0.45 * min(1.0, (into_s + 60) / 300, (_BATCH_LENGTH_S - into_s + 60) / 300)

    def deployed(self, start: datetime, end: datetime) -> list[int]:
        """Positions of the components that are harmlessly deployed in an interval.

        Parameters
        ----------
        start
            UTC, inclusive.
        end
            UTC, exclusive, at most a day later.

        Returns
        -------
        list of int
            In time order.
        """
        return [component for at, component in self.plan(start.date()).deploys if start <= at < end]
