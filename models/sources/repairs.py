"""What a reader mended on the way in, counted, so that nothing is dropped in silence."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One kind of repair in one place.

    Parameters
    ----------
    source
        The file or the name of the input.
    problem
        What was wrong, for example ``duplicate time``.
    action
        What was done, for example ``kept the last value``.
    count
        How many values or rows.
    column
        The column or series, if one is concerned.
    first_row
        Zero-based data row of the first occurrence.
    """

    source: str
    problem: str
    action: str
    count: int
    column: str = ""
    first_row: int | None = None

    def __str__(self) -> str:
        where = f"{self.source}, column {self.column!r}" if self.column else self.source
        since = f", first in row {self.first_row}" if self.first_row is not None else ""
        return f"{where}: {self.problem} ({self.count} times{since}): {self.action}"
