"""Settings of the health checks."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

Argv = Annotated[tuple[str, ...], Field(min_length=1, max_length=100)]


class CheckConfig(BaseModel):
    """Where the health checks are, and what they may use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path | None = None
    """YAML file of health checks; None for none. docs/health.md."""
    commands: dict[str, Argv] = {}
    """Name to the argument list that a CUSTOM check of that name runs, without a shell; nothing else is run."""
    databases: dict[str, SecretStr] = {}
    """Name to the SQLAlchemy URL that a DATABASE_QUERY of that name asks: passwords stay out of the file of checks."""
    max_running: int = Field(default=8, ge=1, le=256)
    """So many checks run at one time; those that hang do not count."""
    history: int = Field(default=1000, ge=1, le=1_000_000)
    """Results kept of each check."""
    seed: int = Field(default=0, ge=0)
    """Of the jitter of the schedule."""
    reload_s: float = Field(default=5.0, ge=0, le=3600)
    """How often is looked whether the file changed, seconds; 0 never looks: it is read again on demand only."""

    @field_validator("commands")
    @classmethod
    def _whole_paths(cls, commands: dict[str, Argv]) -> dict[str, Argv]:
        for name, argv in commands.items():
            if not Path(argv[0]).is_absolute():
                raise ValueError(f"the program of {name!r} is {argv[0]!r}: write its whole path")
        return commands
