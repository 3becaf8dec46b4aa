"""CUSTOM: a command of the list of allowed ones, or a function that the application registered."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from service.checks.probes import CheckFailedError, CheckTroubleError, brief, numbers

LONGEST_OUTPUT = 1 << 16
"""Bytes that are looked at; a command may write more, up to the limit below, where the system stops it."""
_MOST_WRITTEN = 1 << 22
_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,63})=(\S{1,40})")
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}

CheckFunction = Callable[[], Mapping[str, float] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandProbe:
    """Runs a program without a shell, in a process group of its own that is killed when the time is over.

    Exit code 0 is well; that it cannot be started is CheckTroubleError. Lines ``name=number`` of the output are
    measured values.

    Parameters
    ----------
    name
        Under which the settings allow it.
    argv
        The program, by its whole path, and its arguments.
    metrics
        What it must print.
    """

    name: str
    argv: tuple[str, ...]
    metrics: tuple[str, ...] = ()

    def measure(self, budget_s: float) -> Mapping[str, float]:
        """Run it once.

        Parameters
        ----------
        budget_s
            Seconds.

        Returns
        -------
        Mapping of str to float
            What it printed of the declared metrics.

        Raises
        ------
        CheckFailedError
            If it ends with another code than 0, or not in time.
        """
        with tempfile.TemporaryFile() as output:
            code = self._run(output, budget_s)
            output.seek(0)
            text = output.read(LONGEST_OUTPUT).decode("utf-8", "replace")
        lines = (_LINE.fullmatch(line.strip()) for line in text.splitlines())
        found = numbers({match[1]: match[2] for match in lines if match})
        values = {name: found[name] for name in self.metrics if name in found}
        if code != 0:
            said = brief(text) or "it printed nothing"
            raise CheckFailedError(f"{self.name} ended with {code}: {said}", values)
        _require(self.name, values, self.metrics)
        return values

    def _run(self, output: IO[bytes], budget_s: float) -> int:
        try:
            process = subprocess.Popen(  # noqa: S603  # the argument list is one of the settings, and there is no shell
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_ENVIRONMENT,
                start_new_session=True,
                close_fds=True,
            )
        except OSError as error:
            raise CheckTroubleError(f"{self.name} cannot be started: {error.strerror}") from None
        try:
            return self._wait(process, output, budget_s)
        finally:
            _kill(process)

    def _wait(self, process: "subprocess.Popen[bytes]", output: IO[bytes], budget_s: float) -> int:
        slice_s = 0.05
        left_s = 0.9 * budget_s
        while left_s > 0:
            try:
                return process.wait(min(slice_s, left_s))
            except subprocess.TimeoutExpired:
                left_s -= slice_s
            if os.fstat(output.fileno()).st_size > _MOST_WRITTEN:
                raise CheckFailedError(f"{self.name} wrote more than {_MOST_WRITTEN >> 20} MiB")
        raise CheckFailedError(f"{self.name} did not end within {budget_s:g} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionProbe:
    """Calls a registered function; one that raises has failed.

    Parameters
    ----------
    name
        Under which it is registered.
    function
        Gives measured values, or None.
    metrics
        What it must give.
    """

    name: str
    function: CheckFunction
    metrics: tuple[str, ...] = ()

    def measure(self, budget_s: float) -> Mapping[str, float]:
        """Call it once.

        Parameters
        ----------
        budget_s
            Not used: a function cannot be cut short, but it blocks nobody.

        Returns
        -------
        Mapping of str to float
            What it gave of the declared metrics.

        Raises
        ------
        CheckFailedError
            If it raises an ordinary error.
        """
        del budget_s
        try:
            given: Any = self.function()
        except Exception as error:  # the function's way to say that something is wrong
            raise CheckFailedError(brief(f"{type(error).__name__}: {error}")) from error
        found = numbers(given)
        values = {name: found[name] for name in self.metrics if name in found}
        _require(self.name, values, self.metrics)
        return values


def _require(name: str, values: Mapping[str, float], metrics: tuple[str, ...]) -> None:
    missing = [metric for metric in metrics if metric not in values]
    if missing:
        raise CheckTroubleError(f"{name} did not give {', '.join(missing)}")


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End the whole group, also what the program left behind; then let the system forget it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
