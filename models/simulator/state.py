"""What one step of the dynamics takes from outside and leaves to the next."""

from dataclasses import dataclass

import numpy as np

from models.simulator.plant import Floats, Plant


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
        Usual working time (without waiting) as a share of the present one: how much a worker still gets done.
    leaked
        Share of the memory that leaked away.
    backlog, waited, published
        Messages that wait, how long the last one handed over had waited (seconds), and messages a second that came in.
        Shape (queues,).
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
    waited: Floats
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
            waited=np.zeros(q),
            published=plant.nominal_rate[plant.queues],
            drift=np.zeros(2 * n + e + 1),
            own=own,
        )
