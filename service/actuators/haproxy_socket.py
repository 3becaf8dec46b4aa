"""Speaks with the runtime socket of HAProxy: one command a connection, an answer that ends with the connection."""

import csv
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from service.actuators.waiting import Deadline
from service.ports import InDoubtError, PermanentError, TransientError

_MAX_ANSWER_BYTES = 4_000_000
_SHUT = 0x01 | 0x02 | 0x20
_DRAINING = 0x08 | 0x10
_RUNNING = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """One server as HAProxy sees it; doc/management.txt, "show servers state".

    Parameters
    ----------
    name
        ``backend/server``.
    is_up
        Its health checks, if it has any, find it well.
    is_shut
        In maintenance.
    is_draining
        Gets no new requests.
    weight, initial_weight
        Now, and as configured.
    """

    name: str
    is_up: bool
    is_shut: bool
    is_draining: bool
    weight: int
    initial_weight: int

    @property
    def is_open(self) -> bool:
        """Whether nothing keeps requests away by hand; its health may."""
        return not self.is_shut and not self.is_draining

    @property
    def is_serving(self) -> bool:
        """Whether it gets new requests."""
        return self.is_open and self.is_up and self.weight > 0

    @property
    def words(self) -> str:
        """How it is set, for people."""
        word = "maint" if self.is_shut else "drain" if self.is_draining else "ready"
        return word if self.weight == self.initial_weight else f"{word}, weight {self.weight}"


class HaproxySocket:
    """The runtime API of one HAProxy.

    Parameters
    ----------
    name
        Of the actuator, for messages.
    url
        ``unix:///path`` or ``tcp://host:port``.
    """

    def __init__(self, name: str, url: str) -> None:
        self._name = name
        self._parts = urlsplit(url)

    def states(self, backend: str, deadline: Deadline) -> dict[str, ServerState]:
        """Read how the servers of a backend are.

        Parameters
        ----------
        backend
            Its name.
        deadline
            Of the action.

        Returns
        -------
        dict of str to ServerState
            By ``backend/server``.

        Raises
        ------
        PermanentError
            If there is no such backend.
        """
        answer = self.ask(f"show servers state {backend}", deadline)
        lines = [line for line in answer.splitlines() if line.strip()]
        header = next((line for line in lines if line.startswith("#")), None)
        if header is None:
            raise PermanentError(f"{self._name}: HAProxy says of backend {backend!r}: {_short(answer)}.")
        names = header.lstrip("# ").split()
        rows = [dict(zip(names, line.split(), strict=False)) for line in lines[lines.index(header) + 1 :]]
        return {state.name: state for state in (self._state(row) for row in rows)}

    def stat(self, backend: str, deadline: Deadline) -> dict[str, dict[str, str]]:
        """Read the counters of the servers of a backend.

        Parameters
        ----------
        backend
            Its name.
        deadline
            Of the action.

        Returns
        -------
        dict of str to dict
            By ``backend/server``: ``scur`` open requests, ``bck`` 1 for a backup, and the others of "show stat".
        """
        answer = self.ask(f"show stat {backend} 4 -1", deadline)
        rows = csv.DictReader(answer.lstrip("# ").splitlines())
        return {f"{row['pxname']}/{row['svname']}": row for row in rows if row.get("svname")}

    def change(self, commands: Iterable[str], deadline: Deadline) -> None:
        """Give commands that answer nothing when they succeed.

        Parameters
        ----------
        commands
            In this order.
        deadline
            Of the action.

        Raises
        ------
        PermanentError
            If HAProxy refuses one.
        """
        for command in commands:
            answer = self.ask(command, deadline, is_change=True).strip()
            if answer:
                raise PermanentError(f"{self._name}: HAProxy answers {command!r} with: {_short(answer)}.")

    def ask(self, command: str, deadline: Deadline, *, is_change: bool = False) -> str:
        """Give one command.

        Parameters
        ----------
        command
            Of one line.
        deadline
            Of the action.
        is_change
            Whether silence leaves it in doubt what happened.

        Returns
        -------
        str
            The answer.

        Raises
        ------
        TransientError
            If HAProxy cannot be reached, or does not answer a question.
        InDoubtError
            If it does not answer a change.
        """
        limit = Deadline(deadline.exchange_s)
        try:
            peer = self._connected(limit)
        except OSError as error:
            raise TransientError(f"{self._name}: HAProxy cannot be reached: {_why(error)}.") from error
        with peer:
            try:
                peer.sendall(f"{command}\n".encode())
                return _read(peer, limit)
            except OSError as error:
                message = f"{self._name}: HAProxy did not answer {command!r}: {_why(error)}."
                if is_change:
                    raise InDoubtError(message) from error
                raise TransientError(message) from error

    def _connected(self, deadline: Deadline) -> socket.socket:
        left_s = max(deadline.left_s, 0.001)
        if self._parts.scheme == "tcp":
            return socket.create_connection((self._parts.hostname or "", self._parts.port or 0), timeout=left_s)
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            peer.settimeout(left_s)
            peer.connect(self._parts.path)
        except OSError:
            peer.close()
            raise
        return peer

    def _state(self, row: dict[str, str]) -> ServerState:
        try:
            admin = int(row["srv_admin_state"])
            return ServerState(
                name=f"{row['be_name']}/{row['srv_name']}",
                is_up=int(row["srv_op_state"]) == _RUNNING,
                is_shut=bool(admin & _SHUT),
                is_draining=bool(admin & _DRAINING),
                weight=int(row["srv_uweight"]),
                initial_weight=int(row["srv_iweight"]),
            )
        except (KeyError, ValueError) as error:
            raise PermanentError(f"{self._name}: the states of HAProxy's servers cannot be read: {error!r}.") from error


def _read(peer: socket.socket, deadline: Deadline) -> str:
    chunks: list[bytes] = []
    size = 0
    while size <= _MAX_ANSWER_BYTES:
        left_s = deadline.left_s
        if left_s <= 0:
            raise TimeoutError("timed out")
        peer.settimeout(left_s)
        chunk = peer.recv(65_536)
        if not chunk:
            return b"".join(chunks).decode("utf-8", "replace")
        chunks.append(chunk)
        size += len(chunk)
    raise OSError(f"its answer has more than {_MAX_ANSWER_BYTES} bytes")


def _short(answer: str) -> str:
    return " ".join(answer.split())[:200].rstrip(".") or "nothing"


def _why(error: OSError) -> str:
    return error.strerror or str(error)
