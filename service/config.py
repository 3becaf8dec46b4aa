"""Settings: the only reader of the environment and of ``faultline.toml``.

Order, strongest first: arguments, environment (``FAULTLINE_`` prefix, ``__`` between levels), ``faultline.toml`` in the
working directory, the defaults below. An unknown name in the environment or the file, or a value out of range, is a
ConfigurationError that names it.
"""

import os
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from models.errors import ConfigurationError
from service.actuators.settings import ActuatorSettings
from service.check_config import CheckConfig
from service.guard_config import GuardConfig

PREFIX, BELOW = "FAULTLINE_", "__"
NOT_SETTINGS = frozenset({"FAULTLINE_TEST_STRICT"})
"""Variables with our prefix that others read: the test suite."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class JournalConfig(BaseModel):
    """How recovery runs are carried out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_running: int = Field(default=4, ge=1, le=1000)
    """So many runs act or verify at one time, over all instances on one store; the others wait."""
    action_timeout_s: float = Field(default=180.0, gt=0, le=7200)
    """An action that takes longer is in doubt: it is probed, and taken back if it may have been done."""
    lease_s: float = Field(default=30.0, ge=1, le=3600)
    """The runs of an instance that gave no sign of life for so long are taken over by another."""
    instance: str = ""
    """Name of this instance, which its next life goes on under at once; empty takes the host and the data directory."""


class EngineSettings(BaseModel):
    """How the loop watches and when it may act."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_rows: int = Field(default=1440, ge=10, le=1_000_000)
    """Rows of metrics kept in memory for scoring, diagnosis and charts. A day at one minute."""
    diagnosis_history_rows: int = Field(default=360, ge=5, le=1_000_000)
    """Rows before the onset that a diagnosis compares with. Six hours at one minute."""
    diagnosis_rows: int = Field(default=4, ge=1, le=1000)
    """Rows that an incident is watched before the first decision: an early diagnosis sees only the first symptom."""
    decision_patience_rows: int = Field(default=15, ge=1, le=1000)
    """Rows after which an undecided incident is decided with what is known."""
    act: bool = True
    """Whether actions are performed. False is a dry run: decisions are recorded, nothing is touched."""
    guard: GuardConfig = GuardConfig()
    """What automatic action is allowed to do; docs/safety.md."""
    approvers: tuple[str, ...] = ()
    """Who may approve a recovery; empty lets anybody. There is no authentication yet: a proxy in front must tell."""
    journal: JournalConfig = JournalConfig()
    """How recovery runs are carried out."""
    strategies: Path | None = None
    """YAML file of recovery strategies; None for the shipped ones. docs/strategies.md."""
    boundaries: Path | None = None
    """YAML file of isolation boundaries; None for the shipped one. docs/strategies.md."""
    degradations: Path | None = None
    """YAML file of levels of reduced function; None for none."""
    step_interval_s: float = Field(default=1.0, gt=0, le=3600)
    """Pause between steps of a served replay, seconds of the machine's clock."""


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=BELOW,
        toml_file="faultline.toml",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,  # an input may be a password
    )

    data_dir: Path = Path(".faultline")
    """Where the store, the tracking database and bundles live."""
    store_url: str = ""
    """SQLAlchemy URL of the store; empty means SQLite in ``data_dir``."""
    tracking_uri: str = ""
    """MLflow tracking URI; empty means SQLite in ``data_dir``."""
    host: str = "127.0.0.1"
    """Address to serve on. Only loopback: there is no authentication yet, so any other address is refused."""
    port: int = Field(default=8321, ge=0, le=65535)
    """Port to serve on; 0 takes a free one."""
    ranker: Path | None = None
    """Directory that ``faultline train-ranker`` wrote; None orders candidates by their evidence alone."""
    engine: EngineSettings = EngineSettings()
    checks: CheckConfig = CheckConfig()
    """Health checks; docs/health.md."""
    actuators: dict[str, ActuatorSettings] = {}
    """Name to what it may do and to whom; docs/actuators.md. What none of them may do is not done to a real system."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, environment, TOML; no dotenv and no secret files."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def store(self) -> str:
        """The URL of the store in force."""
        return self.store_url or f"sqlite:///{self.data_dir / 'faultline.db'}"

    @property
    def tracking(self) -> str:
        """The MLflow tracking URI in force."""
        return self.tracking_uri or f"sqlite:///{self.data_dir.resolve() / 'mlflow.db'}"


def load_settings(**arguments: Any) -> Settings:
    """Read the settings.

    Parameters
    ----------
    **arguments
        Field values that win over everything else; None means not given.

    Returns
    -------
    Settings
        Frozen.

    Raises
    ------
    ConfigurationError
        If a name or a variable is unknown, a value out of range, the file is not TOML, or the host is not a loopback
        address.
    """
    _check_names(os.environ)  # noqa: TID251  # this module is the one reader of the environment
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(
            f"The settings are wrong: {problems}.",
            remedy="mend faultline.toml or the FAULTLINE_ variable of that name.",
        ) from error
    except SettingsError as error:
        raise ConfigurationError(
            f"The settings cannot be read: {error}.", remedy="give the variable of that name as JSON, or unset it."
        ) from error
    except ValueError as error:  # tomllib
        raise ConfigurationError(f"faultline.toml cannot be read: {error}.", remedy="mend the file.") from error
    if settings.host not in LOOPBACK:
        raise ConfigurationError(
            f"Refusing to serve on {settings.host!r}: the API has no authentication yet.",
            remedy="serve on 127.0.0.1 and put an authenticating proxy in front.",
        )
    return settings


def _check_names(given: Iterable[str]) -> None:
    """A misspelt variable would be passed over without a word; case does not matter."""
    known = sorted(_variables(Settings))
    for name in sorted(given):
        spelt = name.upper().removeprefix(PREFIX)
        is_below = spelt.startswith(f"ACTUATORS{BELOW}")  # its names are the user's; pydantic judges what is below
        if name.upper().startswith(PREFIX) and spelt not in known and not is_below and name not in NOT_SETTINGS:
            near = get_close_matches(spelt, known, n=1)
            listed = ", ".join(PREFIX + setting for setting in near or known)
            raise ConfigurationError(
                f"There is no setting for the variable {name}.",
                remedy=f"did you mean {listed}?" if near else f"unset it, or use one of: {listed}.",
            )


def _variables(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Names of the variables of a model's fields, and of those below them, without what all begin with."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name.upper()}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _variables(field.annotation, f"{prefix}{name.upper()}{BELOW}")
