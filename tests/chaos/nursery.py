"""Starts lives quickly: one process imports everything once, and forks a child for each life.

``python -m tests.chaos.nursery`` reads lines of JSON: a life to begin, or the number of a child to wait for.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from tests.chaos.worker import Life, live

ROOT = Path(__file__).resolve().parents[2]


class Nursery:
    """The handle that tests have of it."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._alive: set[int] = set()

    def begin(self, life: Life) -> int:
        """Start a life; gives the number of its process."""
        pid = self._ask({"life": asdict(life)})
        self._alive.add(pid)
        return pid

    def wait(self, pid: int) -> int:
        """Wait for its end; gives the exit code, negative for a signal."""
        code = self._ask({"wait": pid})
        self._alive.discard(pid)
        return code

    def live(self, life: Life) -> int:
        """Begin and wait."""
        return self.wait(self.begin(life))

    def close(self) -> None:
        """End it, and every life that is left."""
        for pid in list(self._alive):
            os.kill(pid, signal.SIGKILL)
            self.wait(pid)
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def _ask(self, message) -> int:
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def main() -> None:
    """Serve one Nursery."""
    for line in sys.stdin:
        message = json.loads(line)
        if "wait" in message:
            _, status = os.waitpid(message["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = os.fork() or _child(Life(**message["life"]))
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _child(life: Life) -> int:
    code = 1
    try:
        live(life)
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
