"""FILE_SYSTEM: free space and inodes, whether it can be written to, size and age of a file."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service.checks.probes import CheckFailedError
from service.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystemProbe:
    """Looks at a path and at the file system that it lies on.

    Parameters
    ----------
    path
        A directory or a file; it must be there.
    clock
        For the age.
    writable
        Whether a small file is written, flushed and removed: in the directory, or beside the file.
    """

    path: str
    clock: Clock
    writable: bool = False

    def measure(self, budget_s: float) -> Mapping[str, float]:
        """Look once.

        Parameters
        ----------
        budget_s
            Not used: the system calls cannot be cut short.

        Returns
        -------
        Mapping of str to float
            ``free_ratio`` and ``free_bytes`` for users other than root, ``free_inodes_ratio`` (NaN where the file
            system counts none), ``age_s`` since the last change, and of a file ``size_bytes``.

        Raises
        ------
        CheckFailedError
            If the path is not there, or cannot be written to.
        """
        del budget_s
        path = Path(self.path)
        try:
            found, space = path.stat(), os.statvfs(path)
        except OSError as error:
            raise CheckFailedError(f"{self.path}: {error.strerror}") from None
        total, inodes = space.f_blocks * space.f_frsize, space.f_files
        values = {
            "free_ratio": space.f_bavail / space.f_blocks if total else float("nan"),
            "free_bytes": float(space.f_bavail * space.f_frsize),
            "free_inodes_ratio": space.f_favail / inodes if inodes else float("nan"),
            "age_s": max(self.clock.now().timestamp() - found.st_mtime, 0.0),
        }
        if path.is_file():
            values["size_bytes"] = float(found.st_size)
        if self.writable:
            _write(path if path.is_dir() else path.parent, values)
        return values


def _write(directory: Path, values: Mapping[str, float]) -> None:
    try:
        with tempfile.NamedTemporaryFile(dir=directory, prefix=".faultline-check-") as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CheckFailedError(f"{directory} cannot be written to: {error.strerror}", values) from None
