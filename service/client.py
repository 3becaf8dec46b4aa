"""The Python client of a running service, for scripts and notebooks.

It speaks the public API only and gives back what the API says, as plain dictionaries; its errors are the API's
problems.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from models.errors import FaultlineError

Json = dict[str, Any]

PAGE_SIZE = 500


class ApiError(FaultlineError):
    """The service answered with a problem.

    Parameters
    ----------
    status
        HTTP status.
    detail
        What the service said.
    errors
        Fields that are wrong, each with ``location`` and ``message``.
    request_id
        Under which the service's log says more.
    """

    def __init__(
        self, status: int, detail: str, *, errors: Iterable[Mapping[str, str]] = (), request_id: str = ""
    ) -> None:
        super().__init__(f"The service answered {status}: {detail}")
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.request_id = request_id


class UnreachableError(FaultlineError):
    """The service does not answer."""


class FaultlineClient:
    """A connection to a running service; use it as a context manager, or close it.

    Parameters
    ----------
    base_url
        Where it listens.
    timeout_s
        Longest wait for an answer, seconds.
    transport
        How requests travel; None for the network.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8321",
        *,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=timeout_s, transport=transport)

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def score(self, points: Iterable[Mapping[str, Any]], *, step_s: float | None = None) -> Json:
        """Have metric values judged.

        Parameters
        ----------
        points
            Each with component, metric, ts (an aware datetime or ISO 8601 text) and a finite value.
        step_s
            Seconds between rows; None to have it told from the times.

        Returns
        -------
        dict
            ``anomalies``, ``repairs``, the shape of the grid, and the series that are ``unknown`` and were not judged.
        """
        return self._post("/score", {"points": [_wire(point) for point in points], "step_s": step_s})

    def anomalies(self, **filters: Any) -> Iterator[Json]:
        """Go through the anomalies, latest start first.

        Parameters
        ----------
        **filters
            ``component``, ``metric``, ``incident_id``, ``since``.

        Returns
        -------
        Iterator of dict
            All pages, fetched as they are needed.
        """
        return self._pages("/anomalies", filters)

    def incidents(self, **filters: Any) -> Iterator[Json]:
        """Go through the incidents, latest opened first.

        Parameters
        ----------
        **filters
            ``status``, ``component``.

        Returns
        -------
        Iterator of dict
            All pages, fetched as they are needed.
        """
        return self._pages("/incidents", filters)

    def incident(self, incident_id: str) -> Json:
        """Look up an incident with its anomalies; ApiError 404 if there is none."""
        return self._get(f"/incidents/{_quoted(incident_id)}")

    def card(self, incident_id: str) -> Json:
        """Look up root cause, critical failure, impact and story of an incident; ApiError 404 if there is none."""
        return self._get(f"/incidents/{_quoted(incident_id)}/card")

    def root_cause(self, incident_id: str) -> Json:
        """Look up the latest analysis of an incident; ApiError 404 if there is none."""
        return self._get(f"/incidents/{_quoted(incident_id)}/root-cause")

    def diagnose(self, incident_id: str) -> Json:
        """Have an incident analysed again; gives the new analysis."""
        return self._post(f"/incidents/{_quoted(incident_id)}/root-cause", {})

    def timeline(self, incident_id: str) -> Json:
        """Look up what was seen and done in an incident."""
        return self._get(f"/incidents/{_quoted(incident_id)}/timeline")

    def similar(self, incident_id: str, latest: int = 500) -> Json:
        """Find earlier failures that an incident may repeat, among so many of the latest incidents."""
        return self._get(f"/incidents/{_quoted(incident_id)}/similar", latest=latest)

    def correlations(self, latest: int = 500) -> Json:
        """Find related incidents among so many of the latest."""
        return self._get("/correlations", latest=latest)

    def patterns(self, latest: int = 500) -> Json:
        """Find failures that recur among so many of the latest incidents."""
        return self._get("/patterns", latest=latest)

    def topology(self) -> Json:
        """Look up all components with their state, and who calls whom."""
        return self._get("/topology")

    def series(self, component: str, metric: str, start: datetime, end: datetime) -> Json:
        """Look up the values of a metric with their expectation, from start to end (exclusive)."""
        return self._get("/series", component=component, metric=metric, start=start, end=end)

    def breakers(self) -> list[Json]:
        """List the circuit breakers."""
        return list(self._pages("/breakers", {}))

    def trip_breaker(self, name: str, reason: str) -> Json:
        """Open a circuit breaker; gives it as it is then."""
        return self._post("/breakers/trip", {"name": name, "reason": reason})

    def reset_breaker(self, name: str, reason: str) -> Json:
        """Close a circuit breaker; gives it as it is then."""
        return self._post("/breakers/reset", {"name": name, "reason": reason})

    def force_breaker(self, name: str, state: str, reason: str) -> Json:
        """Force a circuit breaker to be FORCED_OPEN, DISABLED or METRICS_ONLY until it is reset; gives it as it is."""
        return self._post("/breakers/force", {"name": name, "state": state, "reason": reason})

    def recoveries(self, **filters: Any) -> Iterator[Json]:
        """Go through the recovery runs, newest first.

        Parameters
        ----------
        **filters
            ``status``, ``incident_id``.

        Returns
        -------
        Iterator of dict
            All pages, fetched as they are needed.
        """
        return self._pages("/recoveries", filters)

    def approve(self, run_id: str, by: str) -> Json:
        """Let a recovery run go on that waits for an approval; gives it as it is then."""
        return self._post(f"/recoveries/{_quoted(run_id)}/approve", {"by": by})

    def cancel(self, run_id: str, reason: str) -> Json:
        """End a recovery run; gives it as it is then."""
        return self._post(f"/recoveries/{_quoted(run_id)}/cancel", {"reason": reason})

    def events(self, **filters: Any) -> Iterator[Json]:
        """Go through the ledger, newest first.

        Parameters
        ----------
        **filters
            ``kind``, ``subject``, ``incident_id``.

        Returns
        -------
        Iterator of dict
            All pages, fetched as they are needed.
        """
        return self._pages("/events", filters)

    def health(self) -> Json:
        """Ask how the service is."""
        return self._call("GET", "/health")

    def _pages(self, path: str, filters: Mapping[str, Any]) -> Iterator[Json]:
        cursor: str | None = None
        while True:
            page = self._get(path, **filters, cursor=cursor, limit=PAGE_SIZE)
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _get(self, path: str, **parameters: Any) -> Json:
        given = {name: _plain(value) for name, value in parameters.items() if value is not None}
        return self._call("GET", f"/api/v1{path}", params=given)

    def _post(self, path: str, body: Json) -> Json:
        return self._call("POST", f"/api/v1{path}", json=body)

    def _call(self, method: str, path: str, **arguments: Any) -> Json:
        try:
            response = self._http.request(method, path, **arguments)
        except httpx.TransportError as error:
            raise UnreachableError(
                f"{self._http.base_url} does not answer: {error}",
                remedy="check that the service runs there, for example with `make run`",
            ) from error
        body = _object(response)
        if response.is_success and body is not None:
            return body
        raise _error(response, body or {})


def _object(response: httpx.Response) -> Json | None:
    """The JSON object of an answer; None if it holds none."""
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _error(response: httpx.Response, body: Json) -> ApiError:
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        return ApiError(
            response.status_code,
            str(body.get("detail", response.reason_phrase)),
            errors=body.get("errors", ()),
            request_id=str(body.get("request_id", "")),
        )
    return ApiError(response.status_code, f"{response.reason_phrase}; it does not look like Faultline")


def _wire(point: Mapping[str, Any]) -> Json:
    return {name: _plain(value) for name, value in point.items()}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _quoted(part: str) -> str:
    return quote(part, safe="")
