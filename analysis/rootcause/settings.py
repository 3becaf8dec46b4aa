"""The one configuration of the diagnosis: the same for every system."""

from dataclasses import dataclass

from models.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class RootCauseSettings:
    """How the evidence is weighed.

    The defaults sit on a plateau: halving or doubling any of them changes the recorded suites little.

    Parameters
    ----------
    effect_cap
        Largest level shift that counts, in robust deviations; beyond it "more" says nothing.
    noise_deviations
        Robust deviations that are taken off every level shift: the medians of quiet series differ by that much.
    symptom_weight, saturation_weight, other_weight
        Weight of latency and errors, of saturation, and of traffic and unknown kinds. Saturation stays in its component
        and so accuses it more; traffic follows the callers and so accuses less.
    second_share
        Weight of the second and third metric of a kind relative to the first; they are often the same quantity again.
    comovement_rows
        Rows before the onset that take part in the co-movement with the target.
    comovement_power
        Sharpens the co-movement; 0 switches it off.
    assumed_comovement_power
        The same where the target is only assumed; 0 ignores such a target.
    other_symptom_share
        What is left of a latency shift when the target is about errors, and the other way round; 1 switches it off.
    explained_share
        Largest part of a symptom that anomalous callees can take over; 0 switches the graph off.
    explained_steps
        Calls to follow downwards; each further one counts ``explained_decay``.
    explained_decay
        In (0, 1].
    silence_weight
        Weight of having gone silent; 0 switches it off.
    trace_weight
        Weight of slowed calls and of changed call patterns; 0 switches traces off.
    log_weight
        Weight of more errors, new and vanished kinds of messages; 0 switches logs off.
    onset_weight
        Weight of having started first; 0 switches it off.
    change_weight
        Weight of a change event at the onset; 0 switches it off.
    change_window_s
        How long before the onset a change is still suspicious, seconds.
    alert_weight
        Weight of alert events; 0 switches them off.
    environment_weight
        Weight of a host or zone that those that moved share, in [0, 1]; 0 switches it off.
    least_confidence
        Below it no most likely cause is named; the default names what is rather right than wrong.

    Raises
    ------
    ConfigurationError
        If a value is out of its range.
    """

    effect_cap: float = 1e4
    noise_deviations: float = 1.0
    symptom_weight: float = 1.0
    saturation_weight: float = 2.0
    other_weight: float = 0.5
    second_share: float = 0.5
    comovement_rows: int = 12
    comovement_power: float = 2.0
    assumed_comovement_power: float = 1.0
    other_symptom_share: float = 0.3
    explained_share: float = 0.9
    explained_steps: int = 4
    explained_decay: float = 0.8
    silence_weight: float = 3.0
    trace_weight: float = 2.0
    log_weight: float = 1.0
    onset_weight: float = 0.5
    change_weight: float = 3.0
    change_window_s: float = 1800.0
    alert_weight: float = 1.0
    environment_weight: float = 0.5
    least_confidence: float = 0.5

    def __post_init__(self) -> None:
        shares = (
            *("second_share", "other_symptom_share", "explained_share", "explained_decay"),
            *("environment_weight", "least_confidence"),
        )
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if not 0 <= value <= (1 if name in shares else float("inf")):
                limit = "in [0, 1]" if name in shares else "not negative"
                raise ConfigurationError(f"{name} is {value}.", remedy=f"Give a number that is {limit}.")
