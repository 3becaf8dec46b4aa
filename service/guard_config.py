"""The guards as they are written in the settings; ``service.config`` reads them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from models.errors import ConfigurationError
from service.recovery.guard_settings import GuardSettings

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=31_536_000)]
Count = Annotated[int, Field(ge=0, le=100_000)]

_OWN = frozenset({"environment", "environments"})


class Scope(BaseModel):
    """What may be acted on automatically in one environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    act_on: tuple[str, ...] = ("*",)
    """Patterns of components (``*`` and ``?``)."""
    leave_alone: tuple[str, ...] = ()
    """Patterns of components that are never acted on, even if ``act_on`` names them."""


class GuardConfig(BaseModel):
    """What automatic action is allowed to do; the meaning of each is told in docs/safety.md."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_confidence: Share = 0.5
    cooldown_s: Seconds = 600.0
    cooldown_factor: float = Field(default=2.0, ge=1, le=100)
    max_cooldown_s: Seconds = 21600.0
    once_within_s: Seconds = 0.0
    once_after_s: Seconds = 0.0
    rate_window_s: Seconds = 3600.0
    max_component_actions: Count = 4
    max_fleet_actions: Count = 12
    flap_window_s: Seconds = 21600.0
    max_flaps: Count = 3
    max_out_share: Share = 0.1
    max_unhealthy_share: Share = 0.6
    min_fleet: Count = 5
    max_tries: Count = 2
    trip_breaker: bool = True
    is_reversible_only: bool = False
    zones: dict[str, tuple[str, ...]] = {}
    """Zone to patterns of its components."""
    environment: str = ""
    """Where this service acts; names one of ``environments``."""
    environments: dict[str, Scope] = {}
    """What may be acted on where. If there are any, ``environment`` must name one of them."""

    def settings(self, *, is_dry_run: bool) -> GuardSettings:
        """Make the values that decisions take.

        Parameters
        ----------
        is_dry_run
            Decide and record, do nothing.

        Returns
        -------
        GuardSettings
            Checked.

        Raises
        ------
        ConfigurationError
            If the environment is not declared.
        """
        scope = Scope()
        if self.environments or self.environment:
            known = ", ".join(sorted(self.environments)) or "none"
            if self.environment not in self.environments:
                raise ConfigurationError(
                    f"The environment {self.environment!r} is not declared, known: {known}.",
                    remedy="set engine.guard.environment to one of engine.guard.environments",
                )
            scope = self.environments[self.environment]
        values = {name: value for name, value in self if name not in _OWN}
        return GuardSettings(**values, is_dry_run=is_dry_run, act_on=scope.act_on, leave_alone=scope.leave_alone)
