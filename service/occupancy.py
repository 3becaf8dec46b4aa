"""One process at a time in a directory: a lock that the operating system takes back when its owner dies."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from models.errors import ConfigurationError

LOCK = "lock"
_MARK = 1 << 30
"""The byte that is locked: far behind the number of the process, which stays readable where locks are mandatory."""


@contextmanager
def occupied(directory: Path) -> Iterator[Path]:
    """Keep other processes out of a directory; one that died without leaving keeps nobody out.

    Parameters
    ----------
    directory
        Made if it does not exist. A file named ``lock`` stays behind in it: if it went, two could come in at once.

    Yields
    ------
    Path
        The directory.

    Raises
    ------
    ConfigurationError
        If another process is in it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / LOCK
    path.touch()
    with path.open("r+b") as file:
        if not _take(file):
            file.seek(0)
            owner = file.read(20).decode("ascii", "replace").strip() or "unknown"
            raise ConfigurationError(
                f"The directory {directory} is in use by another faultline, process {owner}.",
                remedy="end that process or wait for it, or set FAULTLINE_DATA_DIR to a directory of its own.",
            )
        file.truncate(0)
        file.write(b"%d\n" % os.getpid())
        file.flush()
        yield directory


if sys.platform == "win32":
    import msvcrt

    def _take(file: BinaryIO) -> bool:
        """Lock a file until it is closed; False if it is locked."""
        try:
            file.seek(_MARK)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(file: BinaryIO) -> bool:
        """Lock a file until it is closed; False if it is locked."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
