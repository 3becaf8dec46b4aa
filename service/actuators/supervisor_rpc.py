"""Speaks XML-RPC with a supervisor, over a unix socket or HTTP, each call bounded in time and size."""

import base64
import http.client
import socket
import xmlrpc.client  # the peer is the operator's own supervisor, and its answers are bounded
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

from service.actuators.waiting import Deadline
from service.ports import InDoubtError, PermanentError, TransientError

_MAX_ANSWER_BYTES = 4_000_000
NOT_RUNNING, ALREADY_STARTED, BAD_NAME, SHUTDOWN = 70, 60, 10, 6
"""Faults that are no errors, or errors of their own kind; supervisor/xmlrpc.py, class Faults."""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _Transport(xmlrpc.client.Transport):
    """One connection a call, no silent repetition, no answer without end."""

    def __init__(self, connect: Callable[[], http.client.HTTPConnection], headers: list[tuple[str, str]]) -> None:
        super().__init__(headers=headers)
        self._connect = connect
        self.has_sent = False

    def request(self, host: Any, handler: str, request_body: Any, verbose: bool = False) -> Any:  # noqa: FBT001, FBT002  # the signature is the base's
        """Ask once: the base would ask again after a broken connection."""
        return self.single_request(host, handler, request_body, verbose)

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        """Open a new connection."""
        del host
        connection = self._connect()
        try:
            connection.connect()
        except OSError:
            connection.close()
            raise
        self.has_sent = True
        self._connection = (None, connection)
        return connection

    def parse_response(self, response: http.client.HTTPResponse) -> Any:
        """Read a bounded answer."""
        body = response.read(_MAX_ANSWER_BYTES + 1)
        if len(body) > _MAX_ANSWER_BYTES:
            raise xmlrpc.client.ResponseError("the answer is too long")
        if b"<!" in body:
            raise xmlrpc.client.ResponseError("the answer declares entities, which a supervisor never does")
        parser, target = self.getparser()
        try:
            parser.feed(body)
            parser.close()
        except ExpatError as error:
            raise xmlrpc.client.ResponseError("the answer is no XML") from error
        return target.close()


class SupervisorFaultError(Exception):
    """Supervisor's own refusal.

    Parameters
    ----------
    code
        As in supervisor/xmlrpc.py.
    text
        In its words.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text} (fault {code})")
        self.code = code
        self.text = text


class SupervisorRpc:
    """The calls that the actuator needs.

    Parameters
    ----------
    name
        Of the actuator, for messages.
    url
        ``unix:///path`` or ``http://host:port``.
    username
        Empty for none.
    password
        Empty for none.
    """

    def __init__(self, name: str, url: str, username: str, password: str) -> None:
        self._name = name
        self._parts = urlsplit(url)
        pair = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
        self._headers = [("Authorization", f"Basic {pair}")] if username else []

    def info(self, program: str, deadline: Deadline) -> dict[str, Any]:
        """Ask how a process is.

        Parameters
        ----------
        program
            ``name`` or ``group:name``.
        deadline
            Of the action.

        Returns
        -------
        dict of str to Any
            ``state``, ``pid``, ``start``, ``stop``, ``now`` and others; PermanentError if there is no such process.
        """
        info = self._call("getProcessInfo", (program,), deadline, is_change=False)
        return info if isinstance(info, dict) else {}

    def start(self, program: str, deadline: Deadline) -> bool:
        """Ask for a start, without waiting for it.

        Parameters
        ----------
        program
            ``name`` or ``group:name``.
        deadline
            Of the action.

        Returns
        -------
        bool
            False if it was started already.
        """
        return self._change("startProcess", program, ALREADY_STARTED, deadline)

    def stop(self, program: str, deadline: Deadline) -> bool:
        """Ask for a stop, without waiting for it.

        Parameters
        ----------
        program
            ``name`` or ``group:name``.
        deadline
            Of the action.

        Returns
        -------
        bool
            False if it was not running.
        """
        return self._change("stopProcess", program, NOT_RUNNING, deadline)

    def _change(self, method: str, program: str, is_so_already: int, deadline: Deadline) -> bool:
        try:
            self._call(method, (program, False), deadline, is_change=True)
        except SupervisorFaultError as fault:
            if fault.code != is_so_already:
                raise PermanentError(f"{self._name}: supervisor refuses {method} of {program}: {fault}.") from fault
            return False
        return True

    def _call(self, method: str, arguments: tuple[Any, ...], deadline: Deadline, *, is_change: bool) -> Any:
        transport = _Transport(lambda: self._connection(deadline), self._headers)
        proxy = xmlrpc.client.ServerProxy("http://peer/RPC2", transport=transport)  # the transport knows the address
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            raise self._judged(fault, arguments[0]) from fault
        except xmlrpc.client.ProtocolError as error:
            raise PermanentError(f"{self._name}: supervisor answers {error.errcode} {error.errmsg}.") from error
        except (OSError, http.client.HTTPException, xmlrpc.client.Error, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            if not transport.has_sent:
                raise TransientError(f"{self._name}: supervisor cannot be reached: {why}.") from error
            message = f"{self._name}: supervisor did not answer {method} of {arguments[0]}: {why}."
            raise (InDoubtError if is_change else TransientError)(message) from error
        finally:
            transport.close()

    def _judged(self, fault: xmlrpc.client.Fault, program: Any) -> Exception:
        if fault.faultCode == BAD_NAME:
            return PermanentError(f"{self._name}: supervisor knows no process {program!r}.")
        if fault.faultCode == SHUTDOWN:
            return TransientError(f"{self._name}: supervisor is shutting down.")
        return SupervisorFaultError(fault.faultCode, str(fault.faultString)[:200])

    def _connection(self, deadline: Deadline) -> http.client.HTTPConnection:
        left_s = deadline.exchange_s
        if self._parts.scheme == "unix":
            return _UnixConnection(self._parts.path, left_s)
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        return kind(self._parts.hostname or "", self._parts.port, timeout=left_s)
