"""Closes routes between components in HAProxy: it looks each call up in a map, and this keeps the map.

The map's keys are ``caller/callee``. Source: HAProxy 2.6, doc/management.txt, section 9.3 "show map", "add map", "del
map"; like all changes at run time they are lost when HAProxy is reloaded.
"""

from collections.abc import Iterable

from service.actuators.haproxy_socket import HaproxySocket
from service.actuators.settings import HaproxySettings
from service.actuators.waiting import Deadline
from service.ports import ActionOutcome, PermanentError, TransientError

_FORBIDDEN = frozenset(";\\#\"'<>")
Routes = Iterable[tuple[str, str]]


class HaproxyRoutes:
    """The map of closed routes of one HAProxy.

    Parameters
    ----------
    name
        Of the actuator, for messages.
    settings
        Of the actuator; it has a ``routes_map``.
    """

    def __init__(self, name: str, settings: HaproxySettings) -> None:
        self._name = name
        self._map = settings.routes_map
        self._timeout_s = settings.timeout_s
        self._socket = HaproxySocket(name, settings.url)

    def rehearse(self, closed: Routes) -> str:
        """Say what would be changed; changes nothing.

        Parameters
        ----------
        closed
            Caller and callee; all others are open.

        Returns
        -------
        str
            One sentence.
        """
        adding, removing = self._differences(_keys(closed), Deadline(self._timeout_s))
        return f"{self._name} would {_words(adding, removing)}"

    def apply(self, closed: Routes) -> ActionOutcome:
        """Let the map hold exactly these routes; the closing comes first, and everything is verified.

        Parameters
        ----------
        closed
            Caller and callee; all others are open.

        Returns
        -------
        ActionOutcome
            Unchanged if the map was so already.

        Raises
        ------
        TransientError
            If the map is not as wanted afterwards: somebody else changes it as well.
        """
        wanted, deadline = _keys(closed), Deadline(self._timeout_s)
        adding, removing = self._differences(wanted, deadline)
        self._socket.change([f"add map {self._map} {key} closed" for key in adding], deadline)
        self._socket.change([f"del map {self._map} {key}" for key in removing], deadline)
        if any(self._differences(wanted, deadline)):
            raise TransientError(f"{self._name}: the map {self._map} is not as wanted after its change.")
        detail = f"{self._name}: {_words(adding, removing)}, verified"
        return ActionOutcome(is_changed=bool(adding or removing), detail=detail)

    def _differences(self, wanted: set[str], deadline: Deadline) -> tuple[list[str], list[str]]:
        answer = self._socket.ask(f"show map {self._map}", deadline)
        rows = [line.split() for line in answer.splitlines() if line.strip()]
        if any(not row[0].startswith("0x") or len(row) < 2 for row in rows):
            raise PermanentError(f"{self._name}: HAProxy says of the map {self._map}: {' '.join(answer.split())[:200]}")
        present = {row[1] for row in rows}
        return sorted(wanted - present), sorted(present - wanted)


def _keys(closed: Routes) -> set[str]:
    keys = {f"{caller}/{callee}" for caller, callee in closed}
    for key in keys:
        if not key.isprintable() or set(key) & _FORBIDDEN or len(key.split()) != 1:
            raise PermanentError(f"The route {key!r} cannot stand in a map of HAProxy; rename the component.")
    return keys


def _words(adding: list[str], removing: list[str]) -> str:
    parts = [f"close {', '.join(adding)}"] * bool(adding) + [f"open {', '.join(removing)}"] * bool(removing)
    return "; ".join(parts) or "change nothing, as the map is so already"
