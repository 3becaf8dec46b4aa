"""Settings: the only reader of the environment and of ``faultline.toml``.

Order, strongest first: arguments, environment (``FAULTLINE_`` prefix, ``__`` between levels), ``faultline.toml`` in the
working directory, the defaults below. An unknown name in the file or a value out of range is a ConfigurationError that
names it.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from models.errors import ConfigurationError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


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
    step_interval_s: float = Field(default=1.0, gt=0, le=3600)
    """Pause between steps of a served replay, seconds of the machine's clock."""


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix="FAULTLINE_", env_nested_delimiter="__", toml_file="faultline.toml", frozen=True, extra="forbid"
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
    engine: EngineSettings = EngineSettings()

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
        If a name is unknown, a value out of range, the file is not TOML, or the host is not a loopback address.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(
            f"The settings are wrong: {problems}.",
            remedy="mend faultline.toml or the FAULTLINE_ variable of that name.",
        ) from error
    except ValueError as error:  # tomllib
        raise ConfigurationError(f"faultline.toml cannot be read: {error}.", remedy="mend the file.") from error
    if settings.host not in LOOPBACK:
        raise ConfigurationError(
            f"Refusing to serve on {settings.host!r}: the API has no authentication yet.",
            remedy="serve on 127.0.0.1 and put an authenticating proxy in front.",
        )
    return settings
