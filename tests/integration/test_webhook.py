"""The webhook actuator over HTTP on loopback, against a receiver that checks signatures by itself."""

import base64
from datetime import UTC, datetime

import pytest

from benchmarks import real_peers
from models.errors import ConfigurationError
from service.actuators.webhook import signature
from service.clock import SystemClock
from service.config import load_settings
from service.ports import Action, ActionKind, InDoubtError, PermanentError, TransientError
from tests.contracts.receiver import Receiver, listening
from tests.contracts.rigs import deaf_port, hand_of

SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes of great secrecy").decode()

SCALING = ["SCALE_UP", "SCALE_DOWN"]


@pytest.fixture
def receiver():
    """Does each id once."""
    return Receiver(SECRET)


@pytest.fixture
def url(receiver):
    """Where it listens."""
    with listening(receiver) as address:
        yield address


def hand(url, **more):
    """An actuator that asks for scaling."""
    settings = {"type": "webhook", "url": f"{url}/hook", "secret": SECRET, "allow": SCALING, "components": ["web"]}
    return hand_of(settings | {"timeout_s": 5} | more, "hook")


def action(key="run-1:scale:1", **more):
    """One action."""
    parameters = {"factor": 2.0}
    return Action(key=key, kind=ActionKind.SCALE_UP, component="web", parameters=parameters, **more)


def test_the_signature_is_that_of_the_specification():
    """The example of the public specification of Standard Webhooks."""
    signed = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_request_says_what_is_wanted(receiver, url):
    """Key, action, component and parameters; a time within seconds of now; not verified without a status address."""
    asked = datetime(2026, 1, 5, tzinfo=UTC)
    outcome = hand(url).perform(action(asked_at=asked))
    ((message_id, timestamp, body),) = receiver.requests
    assert message_id.startswith("msg_")
    assert abs(int(timestamp) - SystemClock().now().timestamp()) < 60
    assert body == {
        "type": "faultline.action",
        "timestamp": asked.isoformat(),
        "data": {
            "key": "run-1:scale:1",
            "action": "SCALE_UP",
            "component": "web",
            "parameters": {"factor": 2.0},
        },
    }
    assert outcome.is_changed
    assert "not verified" in outcome.detail


def test_a_repetition_has_the_same_id(receiver, url):
    """While the receiver is busy it is asked again, with one id and one effect; so does a hand that was made anew."""
    receiver.troubles = [(503, {}), (429, {"retry-after": "0"})]
    assert hand(url).perform(action()).is_changed
    assert not hand(url).perform(action()).is_changed
    assert len(receiver.requests) == 4
    assert len({message_id for message_id, _, _ in receiver.requests}) == len(receiver.done) == 1
    hand(url).perform(action("run-1:scale:2"))
    assert len(receiver.done) == 2


@pytest.mark.parametrize("status", [301, 307, 400, 403, 404, 410, 422])
def test_a_refusal_is_final(receiver, url, status):
    """It is not repeated, a redirection is not followed, and the answer's text is not told."""
    receiver.troubles = [(status, {"location": f"{url}/elsewhere"})]
    with pytest.raises(PermanentError, match=f"refused it with {status}") as caught:
        hand(url).perform(action())
    assert len(receiver.requests) == 1
    assert "do not repeat me" not in str(caught.value)


def test_a_busy_receiver_is_an_error_that_may_pass(receiver, url):
    """After all tries it says when to come again; a long wait is left to the caller."""
    receiver.troubles = [(503, {}), (503, {}), (429, {})]
    with pytest.raises(TransientError, match="in 3 tries: it answered 429"):
        hand(url).perform(action())
    receiver.troubles = [(503, {"retry-after": "120"})]
    with pytest.raises(TransientError, match="in 1 tries") as caught:
        hand(url).perform(action())
    assert caught.value.retry_after_s == 120
    assert receiver.done == []


def test_what_may_have_arrived_is_in_doubt(receiver, url):
    """A gateway that lost the answer, or silence: nobody can tell. Without a connection nothing was asked."""
    receiver.troubles = [(504, {})]
    with pytest.raises(InDoubtError, match="may have arrived"):
        hand(url, attempts=1).perform(action())
    with deaf_port() as port, pytest.raises(InDoubtError, match="no answer"):
        hand(f"http://127.0.0.1:{port}", timeout_s=0.3).perform(action())
    (port,) = real_peers.free_ports(1)
    with pytest.raises(TransientError, match="no connection"):
        hand(f"http://127.0.0.1:{port}").perform(action())


def test_a_wrong_secret_is_refused_by_the_receiver(receiver, url):
    """The signature depends on it."""
    other = "whsec_" + base64.b64encode(b"another secret of thirty-two byte").decode()
    with pytest.raises(PermanentError, match="401"):
        hand(url, secret=other).perform(action())
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("state", "known", "error"), [("DONE", True, None), ("NOT_DONE", False, TransientError), ("?", None, InDoubtError)]
)
def test_the_status_verifies(receiver, url, state, known, error):
    """Accepted is not done: the status address decides, and a probe says the same."""
    receiver.state = state
    asking = hand(url, status_url=f"{url}/status", timeout_s=0.5)
    assert asking.probe(action()) is known
    if error is None:
        assert "verified" in asking.perform(action()).detail
    else:
        with pytest.raises(error):
            asking.perform(action())


def test_a_rehearsal_sends_nothing(receiver, url):
    """A receiver might not know what a dry run is."""
    said = hand(url).rehearse(action())
    assert receiver.requests == []
    assert said.startswith(f"hook would post SCALE_UP on web to {url} with the id msg_")


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_???", "x" * 200])
def test_a_weak_secret_is_refused_on_load(monkeypatch, tmp_path, secret):
    """And is repeated neither in the error nor in what it came from."""
    monkeypatch.chdir(tmp_path)
    settings = {"type": "webhook", "url": "http://127.0.0.1:1", "allow": SCALING, "components": ["web"]}
    with pytest.raises(ConfigurationError, match="24 to 64 bytes") as caught:
        load_settings(actuators={"hook": settings | {"secret": secret}})
    told = f"{caught.value} {caught.value.__cause__}"
    assert len(secret) <= len("whsec_") or secret not in told
