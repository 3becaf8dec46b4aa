"""The Python client of a running service, for scripts and notebooks.

It speaks the public API only and gives back what the API says, as plain dictionaries; its errors are the API's
problems.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx

from models.errors import FaultlineError

if TYPE_CHECKING:
    from service.recovery.routes import RouteTable

Json = dict[str, Any]
Heads = Iterable[tuple[int, str]]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradationView:
    """What a component is to leave out now.

    Parameters
    ----------
    component
        Whose.
    level
        0 is full function.
    levels
        So many there are below full function.
    name
        Of the level; ``full`` at level 0.
    gives_up
        Features that are not to be offered.
    since
        When it came there, ISO 8601; None if it was always there.
    reason
        Why.
    """

    component: str
    level: int
    levels: int
    name: str
    gives_up: tuple[str, ...]
    since: str | None
    reason: str

    def allows(self, feature: str) -> bool:
        """Whether a feature is to be offered; one that no level gives up always is."""
        return feature not in self.gives_up


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
        self._levels: dict[str, tuple[str, Json]] = {}

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

    def checks(self) -> Json:
        """Look up all health checks (``items``) and what they say together (``overall``)."""
        return self._get("/checks")

    def check(self, check_id: str) -> Json:
        """Look up a health check; ApiError 404 if there is none."""
        return self._get(f"/checks/{_quoted(check_id)}")

    def check_history(self, check_id: str) -> Iterator[Json]:
        """Go through the results of a health check that are kept, newest first."""
        return self._pages(f"/checks/{_quoted(check_id)}/history", {})

    def maintain_check(self, check_id: str, until: datetime | None) -> Json:
        """Expect a health check to fail until a time; None ends it. Gives the check as it is then."""
        return self._post(f"/checks/{_quoted(check_id)}/maintenance", {"until": _plain(until)})

    def reload_checks(self) -> Json:
        """Have the file of health checks read again; ApiError 422 if it is refused, those in force stay then."""
        return self._post("/checks/reload", {})

    def policy(self) -> Json:
        """Look up the strategies and boundaries in force."""
        return self._get("/policy")

    def reload_policy(self) -> Json:
        """Have both files read again; ApiError 422 if they are refused, what was in force stays then."""
        return self._post("/policy/reload", {})

    def route(self, caller: str, callee: str) -> Json:
        """Ask whether a call may be made: ``is_open``, ``boundary``, ``reason``; ApiError 404 for an unknown name."""
        return self._get("/routes/check", caller=caller, callee=callee)

    def route_table(self) -> "RouteTable":
        """Fetch all routes at this moment, for a ``RouteGuard``: it decides without asking again until the next one."""
        from service.recovery.routes import RouteRules, RouteTable

        told = self._get("/routes")
        rules = tuple(
            RouteRules(
                boundary=one["boundary"],
                components=frozenset(one["components"]),
                allowed=tuple((pair["caller"], pair["callee"]) for pair in one["allowed"]),
                blocked=tuple((pair["caller"], pair["callee"]) for pair in one["blocked"]),
            )
            for one in told["boundaries"]
        )
        return RouteTable(rules, frozenset(told["isolated"]))

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

    def recovery(self, run_id: str) -> Json:
        """Look up a recovery run with its plan, steps and approvals; ApiError 404 if there is none."""
        return self._get(f"/recoveries/{_quoted(run_id)}")

    def cancel(self, run_id: str, reason: str, by: str = "") -> Json:
        """End a recovery run; gives it as it is then."""
        return self._post(f"/recoveries/{_quoted(run_id)}/cancel", {"reason": reason, "by": by})

    def strategies(self) -> list[Json]:
        """Look up success rate and mean time to recover of each strategy, by the latest runs."""
        return list(self._get("/strategies")["items"])

    def actions(self) -> Json:
        """Look up whether the service acts by itself, who stopped it, and the numbers of its guards."""
        return self._get("/actions")

    def stop_actions(self, by: str, reason: str) -> Json:
        """Stop all actions until they are resumed; gives what ``actions`` gives then."""
        return self._post("/actions/stop", {"by": by, "reason": reason})

    def resume_actions(self, by: str, reason: str) -> Json:
        """Let actions go on; gives what ``actions`` gives then."""
        return self._post("/actions/resume", {"by": by, "reason": reason})

    def degradation(self, component: str) -> DegradationView:
        """Look up what a component is to leave out; cheap to ask often, unchanged answers are not sent again.

        Parameters
        ----------
        component
            One with levels; ApiError 404 otherwise.

        Returns
        -------
        DegradationView
            For example ``client.degradation("checkout").allows("recommendations")``.
        """
        (item,) = self._unchanged("/api/v1/degradation", component)["items"]
        return DegradationView(**item | {"gives_up": tuple(item["gives_up"])})

    def degradations(self) -> list[Json]:
        """List all components with levels of reduced function."""
        return list(self._get("/degradation")["items"])

    def audit_head(self) -> tuple[int, str]:
        """Look up number and digest of the newest record of the ledger, to be kept elsewhere."""
        head = self._get("/audit/head")
        return int(head["seq"]), str(head["digest"])

    def audit_verify(self, anchors: Heads = ()) -> Json:
        """Have the ledger checked, and heads that were kept elsewhere; ``broken_seq`` names the first broken record."""
        heads = [{"seq": seq, "digest": digest} for seq, digest in anchors]
        return self._post("/audit/verify", {"anchors": heads})

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

    def _unchanged(self, path: str, component: str) -> Json:
        """Ask for something that seldom changes, with the tag of the answer before."""
        etag, known = self._levels.get(component, ("", {}))
        headers = {"If-None-Match": etag} if etag else {}
        response = self._send("GET", path, params={"component": component}, headers=headers)
        if response.status_code == 304:
            return known
        body = _checked(response)
        self._levels[component] = (response.headers.get("etag", ""), body)
        return body

    def _post(self, path: str, body: Json) -> Json:
        return self._call("POST", f"/api/v1{path}", json=body)

    def _call(self, method: str, path: str, **arguments: Any) -> Json:
        return _checked(self._send(method, path, **arguments))

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **arguments)
        except httpx.TransportError as error:
            raise UnreachableError(
                f"{self._http.base_url} does not answer: {error}",
                remedy="check that the service runs there, for example with `make run`",
            ) from error


def _checked(response: httpx.Response) -> Json:
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
