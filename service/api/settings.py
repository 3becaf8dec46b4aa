"""Limits of the HTTP edge."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """How much a caller may ask for, and under which names the service answers.

    Parameters
    ----------
    allowed_hosts
        Host names, without a port, that a request may be addressed to; any other is refused, so that a foreign page
        cannot reach a loopback service through a name of its own (DNS rebinding).
    max_body_bytes
        Largest request body; larger ones get 413. About 80,000 points.
    max_points
        Most points of one request to score.
    max_cells
        Most rows times series of the grid that the points span; keeps two far-off times from filling the memory.
    max_chart_rows
        Most rows of a chart.
    stream_poll_s
        How often an event stream looks for new records, seconds.
    stream_max_s
        How long an event stream lives before the client has to reconnect, seconds; it resumes where it was.
    stale_after_s
        The newest metric row may be so old, in the engine's time, before /health calls the data stale, seconds.
    """

    allowed_hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})
    max_body_bytes: int = 8 * 1024 * 1024
    max_points: int = 50_000
    max_cells: int = 2_000_000
    max_chart_rows: int = 5_000
    stream_poll_s: float = 0.5
    stream_max_s: float = 300.0
    stale_after_s: float = 900.0


DEFAULTS = ApiSettings()
