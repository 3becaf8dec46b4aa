"""Runs one program of this machine: no shell, bounded time, bounded output, ended as a whole process group."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from service.actuators.waiting import Deadline

_GRACE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a program ended.

    Parameters
    ----------
    code
        Exit code, negative for a signal; None if it was ended because its time was over.
    output
        The beginning of what it said on both streams.
    """

    code: int | None
    output: str


def run_bounded(
    argv: Sequence[str], *, environment: Mapping[str, str], timeout_s: float, max_output_bytes: int
) -> Finished:
    """Run a program and wait for it; OSError if it cannot be started.

    What it leaves running in its process group is ended with it: a program that shall stay needs a session of its own.

    Parameters
    ----------
    argv
        Program and arguments.
    environment
        All of it.
    timeout_s
        Then the group gets SIGTERM, and a second later SIGKILL.
    max_output_bytes
        More is read and thrown away.

    Returns
    -------
    Finished
        Its end.
    """
    process = subprocess.Popen(  # noqa: S603  # the argv is a checked template of the operator's settings, no shell
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=dict(environment),
        start_new_session=True,
    )
    heard = _Heard(process.stdout, max_output_bytes)
    is_over = False
    try:
        is_over = Deadline(timeout_s).wait_for(lambda: _has_ended(process))
        if not is_over:
            _signal(process, signal.SIGTERM)
            Deadline(_GRACE_S).wait_for(lambda: _has_ended(process))
    finally:
        _signal(process, signal.SIGKILL)
        code = process.wait()
        output = heard.end()
    return Finished(code=code if is_over else None, output=output)


class _Heard:
    """Reads a stream to its end in a thread, so that a full pipe stops nobody, and keeps its beginning."""

    def __init__(self, stream: IO[bytes] | None, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._read, name="faultline-command", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while self._stream and (chunk := os.read(self._stream.fileno(), 65_536)):
            self._kept += chunk[: self._limit - len(self._kept)]

    def end(self) -> str:
        """Give what was kept; the stream is closed unless somebody outside the group still holds it."""
        self._thread.join(_GRACE_S)
        if self._stream and not self._thread.is_alive():
            self._stream.close()
        return bytes(self._kept).decode("utf-8", "replace")


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Look without reaping: the number of the group stays taken until it was signalled."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
