"""HTTP_ENDPOINT: one request; status, body, redirects, certificate, latency."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.checks.probes import CheckFailedError, CheckTroubleError, brief
from service.ports import Clock

if TYPE_CHECKING:
    import httpx

_PLAIN = {"Accept-Encoding": "identity", "User-Agent": "faultline-check"}  # a small packed body may be huge


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProbe:
    """Asks an endpoint and looks at the answer. Proxies of the environment are not used.

    Parameters
    ----------
    url
        http or https.
    clock
        For the age of the certificate.
    method
        GET or HEAD.
    headers
        Name and value of each; never shown.
    statuses
        Those that are well; empty means 200 to 299.
    body_contains
        Text that the body must hold; empty asks for none.
    max_body_bytes
        So much of the body is read.
    follow_redirects
        Whether redirects are followed; if not, they are an answer as any other.
    max_redirects
        More are a failure.
    verify_tls
        Whether the certificate must be valid.
    ca_file
        Authorities to trust; empty means the usual ones.
    """

    url: str
    clock: Clock
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    statuses: tuple[int, ...] = ()
    body_contains: str = ""
    max_body_bytes: int = 1 << 20
    follow_redirects: bool = False
    max_redirects: int = 5
    verify_tls: bool = True
    ca_file: str = ""

    def measure(self, budget_s: float) -> Mapping[str, float]:
        """Ask once.

        Parameters
        ----------
        budget_s
            For all of it, seconds.

        Returns
        -------
        Mapping of str to float
            ``latency_s`` to the end of what was read, ``body_bytes``, ``redirects``, ``certificate_left_s`` of https.

        Raises
        ------
        CheckFailedError
            If there is no answer, or not the one that is wanted.
        """
        import httpx

        began = self.clock.monotonic_s()
        try:
            with (
                httpx.Client(
                    timeout=budget_s,
                    verify=self._tls(),
                    trust_env=False,
                    follow_redirects=self.follow_redirects,
                    max_redirects=self.max_redirects,
                ) as client,
                client.stream(self.method, self.url, headers=_PLAIN | dict(self.headers)) as response,
            ):
                values = {"redirects": float(len(response.history)), **self._certificate(response)}
                body = self._body(response, began + budget_s, values)
        except httpx.TooManyRedirects:
            raise CheckFailedError(f"more than {self.max_redirects} redirects") from None
        except httpx.TimeoutException:
            raise CheckFailedError(f"no answer within {budget_s:g} s") from None
        except httpx.HTTPError as error:
            raise CheckFailedError(brief(f"{type(error).__name__}: {error}")) from None
        values |= {"latency_s": self.clock.monotonic_s() - began, "body_bytes": float(len(body))}
        self._judge(response.status_code, body, values)
        return values

    def _tls(self) -> ssl.SSLContext | bool:
        if not self.verify_tls:
            return False
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except OSError as error:
            raise CheckTroubleError(f"the authorities in {self.ca_file} cannot be read: {error.strerror}") from None

    def _body(self, response: "httpx.Response", deadline_s: float, values: Mapping[str, float]) -> bytes:
        """Read at most so much; a body that drips is cut by the deadline."""
        body = bytearray()
        for chunk in response.iter_bytes():  # as they come: whole chunks would be waited for
            body += chunk
            if len(body) >= self.max_body_bytes:
                break
            if self.clock.monotonic_s() > deadline_s:
                raise CheckFailedError("the body did not end in time", values)
        return bytes(body[: self.max_body_bytes])

    def _certificate(self, response: "httpx.Response") -> dict[str, float]:
        stream = response.extensions.get("network_stream")
        tls = stream.get_extra_info("ssl_object") if stream is not None else None
        shown = tls.getpeercert() if tls is not None else None
        if not shown:  # an unverified certificate is not laid open
            return {}
        ends = ssl.cert_time_to_seconds(str(shown["notAfter"]))
        return {"certificate_left_s": ends - self.clock.now().timestamp()}

    def _judge(self, status: int, body: bytes, values: Mapping[str, float]) -> None:
        if status not in self.statuses if self.statuses else not 200 <= status < 300:
            wanted = ", ".join(map(str, self.statuses)) or "200 to 299"
            raise CheckFailedError(f"the status is {status}, not {wanted}", values)
        if self.body_contains and self.body_contains.encode() not in body:
            raise CheckFailedError(f"the body does not contain {self.body_contains[:60]!r}", values)
