"""What all schemas share."""

import math
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class Schema(BaseModel):
    """A frozen body that refuses fields that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def example(**fields: Any) -> ConfigDict:
    """Give a schema its example.

    Parameters
    ----------
    **fields
        What an instance looks like in JSON.

    Returns
    -------
    ConfigDict
        For ``model_config``.
    """
    return ConfigDict(json_schema_extra={"examples": [fields]})


def example_of(schema: type[BaseModel]) -> dict[str, Any]:
    """Look up the example of a schema.

    Parameters
    ----------
    schema
        With an example.

    Returns
    -------
    dict
        What an instance looks like in JSON.
    """
    extra: Any = schema.model_config["json_schema_extra"]
    found: dict[str, Any] = extra["examples"][0]
    return found


def _finite(value: float | None) -> float | None:
    """JSON has no NaN and no infinity: unknown is null, infinite is the largest number there is."""
    if value is None or math.isnan(value):
        return None
    return math.copysign(sys.float_info.max, value) if math.isinf(value) else float(value)


Number = Annotated[float | None, BeforeValidator(_finite), Field(description="Null if unknown.")]
"""A float whose NaN is null."""


def _in_range(moment: datetime) -> datetime:
    """Refuse times that the arithmetic of grids and zones cannot bear."""
    if not EARLIEST <= moment < LATEST:
        raise ValueError("the time must lie between 1970 and 2200")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_range), Field(description="With a time zone, 1970 to 2199.")]
"""A time that a caller states."""
