"""Peers that answer nonsense: an error with words, in bounded memory and time."""

import socket
import threading
from contextlib import contextmanager

import pytest

from service.ports import Action, ActionKind, InDoubtError, PermanentError, TransientError
from tests.contracts.rigs import hand_of

ISOLATE = Action(key="k", kind=ActionKind.ISOLATE_COMPONENT, component="web")
ALLOW = ["ISOLATE_COMPONENT", "RELEASE_COMPONENT"]


@contextmanager
def peer(*answers):
    """A port that gives one answer a connection, the last one to all further ones."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        waiting = list(answers)

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(2)
                    try:
                        connection.recv(65_536)
                        connection.sendall(waiting.pop(0) if len(waiting) > 1 else waiting[0])
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join(5)


def haproxy(port, timeout_s=0.5):
    """An actuator whose HAProxy is the port."""
    settings = {"type": "haproxy", "url": f"tcp://127.0.0.1:{port}", "allow": ALLOW, "timeout_s": timeout_s}
    return hand_of(settings | {"components": {"web": {"servers": ["web/a"]}}})


def supervisor(port):
    """An actuator whose supervisor is the port."""
    settings = {"type": "supervisor", "url": f"http://127.0.0.1:{port}", "allow": ALLOW, "timeout_s": 0.5}
    return hand_of(settings | {"components": {"web": {"programs": ["a"]}}})


HEADER = b"1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\xff\xfe\x00garbage",
        b"Permission denied\n",
        HEADER,
        HEADER + b"3 web 1 a 127.0.0.1 two 0 1 1\n",
        HEADER + b"3 web 1 a 127.0.0.1\n",
        b"# be_name\nweb\n",
    ],
)
def test_states_that_cannot_be_read_are_an_error(answer):
    """Nothing is changed by guess."""
    with peer(answer) as port, pytest.raises(PermanentError, match="hand: "):
        haproxy(port).perform(ISOLATE)


def test_a_change_that_does_not_show_is_no_success():
    """An empty answer means success to HAProxy; the states decide."""
    ready = HEADER + b"3 web 1 a 127.0.0.1 2 0 1 1\n3 web 2 b 127.0.0.1 2 0 1 1\n"
    with peer(ready, b"\n", ready) as port, pytest.raises(TransientError, match="is not in place: web/a is ready, up"):
        haproxy(port).perform(ISOLATE)


def test_a_peer_that_falls_silent_after_a_change_leaves_it_in_doubt():
    """The change was sent; what became of it nobody knows."""
    ready = HEADER + b"3 web 1 a 127.0.0.1 2 0 1 1\n3 web 2 b 127.0.0.1 2 0 1 1\n"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(4)

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(ready)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(InDoubtError, match="did not answer 'set server web/a state drain'"):
            haproxy(listener.getsockname()[1]).perform(ISOLATE)
        thread.join(5)


@pytest.mark.timeout(60)
def test_an_answer_without_end_is_cut():
    """Not more than some megabytes are kept."""
    with peer(b"x" * 5_000_000) as port:
        hand = haproxy(port, timeout_s=20)
        with pytest.raises(TransientError, match="more than 4000000 bytes"):
            hand.perform(ISOLATE)


def response(body, status=b"200 OK"):
    """An HTTP response."""
    return b"HTTP/1.1 %s\r\ncontent-type: text/xml\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)


VALUE = b"<?xml version='1.0'?><methodResponse><params><param><value>%s</value></param></params></methodResponse>"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\xff\xfe\x00garbage",
        response(b""),
        response(b"<methodResponse>"),
        response(b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + VALUE % b"<int>x</int>"),
        response(b"<methodCall></methodResponse>"),
        response(VALUE % b"<string>RUNNING</string>"),
        response(VALUE % b"<struct><member><name>state</name><value><int>20</int></value></member></struct>"),
        response(b"no", b"500 Oops"),
        response(b"x" * 5_000_000),
    ],
)
def test_no_answer_of_a_supervisor_is_believed_by_guess(answer):
    """Broken HTTP, broken XML, other types, missing members, endless bodies."""
    with peer(answer) as port, pytest.raises((PermanentError, TransientError), match="hand: "):
        supervisor(port).perform(ISOLATE)


def fault(code):
    """An XML-RPC fault."""
    member = b"<member><name>%s</name><value>%s</value></member>"
    both = member % (b"faultCode", b"<int>%d</int>" % code) + member % (b"faultString", b"<string>WORDS</string>")
    return response(b"<methodResponse><fault><value><struct>%s</struct></value></fault></methodResponse>" % both)


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [(10, PermanentError, "no process 'a'"), (6, TransientError, "shutting down"), (90, PermanentError, "WORDS")],
)
def test_faults_are_told_by_their_meaning(code, error, said):
    """BAD_NAME, SHUTDOWN_STATE and others."""
    with peer(fault(code)) as port, pytest.raises(error, match=said):
        supervisor(port).perform(ISOLATE)
