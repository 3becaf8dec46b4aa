"""The careful use of an actuator: bounded in time, and whatever it raises or gives back becomes an outcome."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from time import monotonic

from models.errors import FaultlineError
from service.ports import Action, ActionOutcome, Actuator, InDoubtError, TransientError
from service.recovery.runs import Acted, ActionFailed

_MAX_HUNG = 16
_MAX_DETAIL = 2000

Beat = Callable[[], None]


class Hand:
    """Performs and probes actions for the journal.

    Each call runs in a thread of its own. One that does not come back in time is left behind, and its action is in
    doubt; an actuator that starts programs ends them itself. While too many calls hang, nothing new is begun.

    Parameters
    ----------
    actuator
        The hand that acts.
    timeout_s
        How long a call may take, seconds.
    beat_s
        How often a sign of life is due while a call is waited for, seconds.
    """

    def __init__(self, actuator: Actuator, timeout_s: float, beat_s: float) -> None:
        self.actuator = actuator
        self._timeout_s = timeout_s
        self._beat_s = beat_s
        self._hung: list[Future[object]] = []

    def perform(self, action: Action, beat: Beat) -> Acted | ActionFailed:
        """Do an action.

        Parameters
        ----------
        action
            Its intent is stored.
        beat
            Called again and again while it lasts; what it raises ends the wait.

        Returns
        -------
        Acted or ActionFailed
            In doubt if it hung or broke and nobody can tell whether it is done.
        """
        refusal = self._refusal(action)
        if refusal is not None:
            return refusal
        call = self._call(lambda: self.actuator.perform(action), beat)
        if call is None:
            return self._after_hanging(action, beat)
        return _outcome(call)

    def settle(self, action: Action, beat: Beat) -> Acted | ActionFailed:
        """Find out whether an interrupted action is done; do it if it surely is not.

        Parameters
        ----------
        action
            It is noted as doubted.
        beat
            As in ``perform``.

        Returns
        -------
        Acted or ActionFailed
            In doubt if the probe cannot tell: it is not repeated then.
        """
        is_done = self._probe(action, beat)
        if is_done:
            return Acted(is_changed=True, detail="it was found in place after an interruption")
        if is_done is None:
            return ActionFailed("it was interrupted, and nobody can tell whether it is in place", is_in_doubt=True)
        return self.perform(action, beat)

    def _refusal(self, action: Action) -> ActionFailed | None:
        try:
            why = self.actuator.refusal(action.kind, action.component)
        except Exception as error:  # noqa: BLE001  # as in perform, but nothing was touched yet
            why = f"{type(error).__name__}: {error}"
        if why:
            return ActionFailed(_short(why))
        self._hung = [call for call in self._hung if not call.done()]
        if len(self._hung) >= _MAX_HUNG:
            return ActionFailed(f"{len(self._hung)} earlier calls of the actuator still hang", is_transient=True)
        return None

    def _after_hanging(self, action: Action, beat: Beat) -> Acted | ActionFailed:
        late = f"it did not come back within {self._timeout_s:g} s"
        if self._probe(action, beat):
            return Acted(is_changed=True, detail=f"{late}, but it was found in place")
        return ActionFailed(late, is_in_doubt=True)

    def _probe(self, action: Action, beat: Beat) -> bool | None:
        call = self._call(lambda: self.actuator.probe(action), beat)
        if call is None:
            return None
        try:
            answer = call.result()
        except Exception:  # noqa: BLE001  # as in perform: what cannot be found out stays in doubt, and is recorded so
            return None
        return answer if isinstance(answer, bool) else None

    def _call(self, work: Callable[[], object], beat: Beat) -> Future[object] | None:
        """Wait for a call, but not for ever: None if it hangs."""
        answer: Future[object] = Future()
        Thread(target=_fulfil, args=(answer, work), name="action", daemon=True).start()
        end = monotonic() + self._timeout_s
        while not wait([answer], timeout=min(self._beat_s, max(end - monotonic(), 0.0))).done:
            if monotonic() >= end:
                self._hung.append(answer)
                return None
            beat()
        return answer


def _outcome(call: Future[object]) -> Acted | ActionFailed:
    try:
        outcome = call.result()
    except TransientError as error:
        return ActionFailed(_short(error), is_transient=True, retry_after_s=error.retry_after_s or 0.0)
    except InDoubtError as error:
        return ActionFailed(_short(error), is_in_doubt=True)
    except FaultlineError as error:
        return ActionFailed(_short(error))
    except Exception as error:  # noqa: BLE001  # an actuator may raise anything; what it did is then in doubt
        return ActionFailed(_short(f"{type(error).__name__}: {error}"), is_in_doubt=True)
    if not isinstance(outcome, ActionOutcome):
        return ActionFailed(f"the actuator gave back a {type(outcome).__name__}", is_in_doubt=True)
    return Acted(bool(outcome.is_changed), _short(outcome.detail))


def _fulfil(answer: Future[object], work: Callable[[], object]) -> None:
    try:
        answer.set_result(work())
    except BaseException as error:  # noqa: BLE001  # it is raised where the answer is looked at
        answer.set_exception(error)


def _short(text: object) -> str:
    whole = str(text)
    return whole if len(whole) <= _MAX_DETAIL else f"{whole[:_MAX_DETAIL]}..."
