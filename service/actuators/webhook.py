"""Asks somebody else to act, by a signed request.

Signed as in Standard Webhooks 1.0 (standard-webhooks/spec): HMAC-SHA256 over ``id.timestamp.body``, in the header as
``v1,`` and base64. The id depends on the action's key alone, so a receiver can tell a repetition.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from service.actuators.base import PeerActuator
from service.actuators.settings import WebhookSettings
from service.actuators.waiting import Deadline
from service.ports import Action, ActionOutcome, Clock, InDoubtError, PermanentError, TransientError

_MAX_ANSWER_BYTES = 65_536
_BACKOFF_S = 0.2
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_UNCERTAIN = frozenset({502, 504})
_ANSWERS = {"DONE": True, "NOT_DONE": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What came back; ``status`` None: nothing, and ``was_sent`` tells whether the request may have arrived."""

    status: int | None
    body: Any = None
    retry_after_s: float = 0.0
    was_sent: bool = True
    why: str = ""


class WebhookActuator(PeerActuator):
    """Posts actions to a receiver and repeats them with the same id while it does not answer.

    Without ``status_url`` an answer of 2xx is all that is known: the outcome says that it is not verified, and a probe
    cannot tell. A dry run sends nothing, as a receiver might not know what that is.

    Parameters
    ----------
    name
        As in the settings.
    settings
        Of this actuator.
    clock
        Dates the requests.
    """

    def __init__(self, name: str, settings: WebhookSettings, clock: Clock) -> None:
        super().__init__(name, settings.allow, settings.components)
        self._settings = settings
        self._clock = clock

    def _rehearse(self, action: Action) -> str:
        _body(action)
        return f"post {action.kind} on {action.component} to {_place(self._settings.url)} with the id {_id(action)}"

    def _perform(self, action: Action) -> ActionOutcome:
        body = _body(action)
        deadline = Deadline(self._settings.timeout_s)
        answer = self._posted(action, body, deadline)
        is_changed = not (isinstance(answer.body, dict) and answer.body.get("is_changed") is False)
        place = _place(self._settings.url)
        if not self._settings.status_url:
            detail = f"{place} accepted it with {answer.status}; not verified, as there is no status_url"
            return ActionOutcome(is_changed=is_changed, detail=f"{self.name}: {detail}")
        is_done = deadline.wait_for(lambda: self._status(action, deadline) is True, every_s=0.05)
        state = True if is_done else self._status(action, deadline)
        if state:
            return ActionOutcome(is_changed=is_changed, detail=f"{self.name}: {place} did it, verified")
        if state is None:
            raise InDoubtError(f"{self.name}: {place} accepted it and does not say whether it is done.")
        raise TransientError(f"{self.name}: {place} accepted it and did not do it within {deadline.seconds:g} s.")

    def _probe(self, action: Action) -> bool | None:
        return self._status(action, Deadline(self._settings.timeout_s)) if self._settings.status_url else None

    def _posted(self, action: Action, body: bytes, deadline: Deadline) -> _Answer:
        """Post until it is accepted, refused, or there are no tries or no time left."""
        attempt, may_have_arrived = 1, False
        while True:
            answer = self._exchange("POST", self._settings.url, _id(action), body, deadline)
            if answer.status is not None and HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                return answer
            may_have_arrived |= answer.was_sent and (answer.status is None or answer.status in _UNCERTAIN)
            if answer.status is not None and answer.status not in _PASSING:
                raise PermanentError(f"{self.name}: {_place(self._settings.url)} refused it with {answer.status}.")
            wait_s = max(_BACKOFF_S * 2 ** (attempt - 1), answer.retry_after_s)
            if attempt >= self._settings.attempts or wait_s >= deadline.left_s:
                raise self._unanswered(answer, attempt, may_have_arrived=may_have_arrived)
            deadline.pause(wait_s)
            attempt += 1

    def _unanswered(self, answer: _Answer, attempt: int, *, may_have_arrived: bool) -> Exception:
        said = answer.why if answer.status is None else f"it answered {answer.status}"
        message = f"{self.name}: {_place(self._settings.url)} did not accept it in {attempt} tries: {said}."
        if may_have_arrived:
            return InDoubtError(f"{message} It may have arrived.")
        return TransientError(message, retry_after_s=answer.retry_after_s or None)

    def _status(self, action: Action, deadline: Deadline) -> bool | None:
        answer = self._exchange("GET", self._settings.status_url, _id(action), b"", deadline)
        said = answer.body.get("state") if isinstance(answer.body, dict) else None
        return _ANSWERS.get(said) if answer.status == HTTPStatus.OK and isinstance(said, str) else None

    def _exchange(self, method: str, url: str, message_id: str, body: bytes, deadline: Deadline) -> _Answer:
        """Send once; the secret, the address's path and the answer's text never come into a message."""
        import httpx

        headers = self._headers(message_id, body)
        params = {"id": message_id} if method == "GET" else None
        limit = Deadline(deadline.exchange_s)
        try:
            with (
                httpx.Client(timeout=limit.seconds, follow_redirects=False, trust_env=False) as client,
                client.stream(method, url, params=params, content=body or None, headers=headers) as response,
            ):
                return _Answer(
                    status=response.status_code,
                    body=_read(response.iter_bytes(), limit),
                    retry_after_s=_seconds(response.headers.get("retry-after", "")),
                )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return _Answer(status=None, was_sent=False, why=f"no connection ({type(error).__name__})")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return _Answer(status=None, why=f"no answer ({type(error).__name__})")

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._clock.now().timestamp()))
        return {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(self._settings.secret.get_secret_value(), message_id, timestamp, body),
        }


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Sign a message as Standard Webhooks do.

    Parameters
    ----------
    secret
        ``whsec_`` and base64.
    message_id
        Of the message.
    timestamp
        Seconds since 1970, as text.
    body
        As sent.

    Returns
    -------
    str
        ``v1,`` and base64.
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode('ascii')}"


def _id(action: Action) -> str:
    return f"msg_{hashlib.sha256(action.key.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _body(action: Action) -> bytes:
    document = {
        "type": "faultline.action",
        "timestamp": None if action.asked_at is None else action.asked_at.isoformat(),
        "data": {
            "key": action.key,
            "action": action.kind.value,
            "component": action.component,
            "parameters": action.parameters,
        },
    }
    try:
        return json.dumps(document, sort_keys=True, allow_nan=False).encode("ascii")
    except (TypeError, ValueError) as error:
        raise PermanentError(f"The parameters of {action.kind} on {action.component} are no JSON: {error}.") from error


def _read(chunks: Any, deadline: Deadline) -> Any:
    """Read a JSON answer of bounded size and time; None for anything else."""
    read = b""
    for chunk in chunks:
        read += chunk
        if len(read) > _MAX_ANSWER_BYTES:
            return None
        if deadline.left_s <= 0:
            raise TimeoutError
    try:
        return json.loads(read)
    except (ValueError, RecursionError):
        return None


def _seconds(text: str) -> float:
    return min(float(text), 86_400.0) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0


def _place(url: str) -> str:
    """Name the receiver without what may be secret in its address."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"
