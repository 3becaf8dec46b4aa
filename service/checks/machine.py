"""MEMORY_USAGE and CPU_USAGE: of the whole machine, or of the processes of one name or process file."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.checks.probes import CheckFailedError, CheckTroubleError
from service.ports import Clock

if TYPE_CHECKING:
    import psutil


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """Which processes.

    Parameters
    ----------
    name
        Their name, whole; empty if the file says it.
    pid_file
        A file that holds the number of one; empty if the name says it. Both empty is the whole machine.
    """

    name: str = ""
    pid_file: str = ""

    def __bool__(self) -> bool:
        """Whether it is less than the whole machine."""
        return bool(self.name or self.pid_file)

    def find(self) -> list["psutil.Process"]:
        """Look them up.

        Returns
        -------
        list of psutil.Process
            At least one.

        Raises
        ------
        CheckFailedError
            If there is none.
        """
        found = list(self._find())
        if not found:
            raise CheckFailedError(f"no process {self.name or self.pid_file} runs", {"processes": 0.0})
        return found

    def _find(self) -> Iterator["psutil.Process"]:
        import psutil

        if self.name:
            yield from (one for one in psutil.process_iter(["name"]) if one.info["name"] == self.name)
            return
        try:
            yield psutil.Process(int(Path(self.pid_file).read_text(encoding="ascii")[:32]))
        except (OSError, ValueError, psutil.NoSuchProcess):
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryProbe:
    """Memory, at this moment.

    Parameters
    ----------
    processes
        Whose.
    """

    processes: Processes = Processes()

    def measure(self, budget_s: float) -> Mapping[str, float]:
        """Look once.

        Parameters
        ----------
        budget_s
            Not used.

        Returns
        -------
        Mapping of str to float
            Of the machine ``used_ratio``, ``available_bytes``, ``swap_used_ratio`` (NaN without swap); of processes
            ``resident_bytes`` and ``used_ratio``, together, and ``processes``.
        """
        import psutil

        del budget_s
        memory = psutil.virtual_memory()
        if self.processes:
            kept = _sum(self.processes.find(), lambda process: float(process.memory_info().rss))
            resident = sum(kept)
            return {"resident_bytes": resident, "used_ratio": resident / memory.total, "processes": float(len(kept))}
        swap = psutil.swap_memory()
        return {
            "used_ratio": 1 - memory.available / memory.total,
            "available_bytes": float(memory.available),
            "swap_used_ratio": swap.used / swap.total if swap.total else float("nan"),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuProbe:
    """Processor time over a short while.

    Parameters
    ----------
    clock
        Measures the while.
    processes
        Whose.
    sample_s
        How long is looked, seconds.
    """

    clock: Clock
    processes: Processes = Processes()
    sample_s: float = 0.5

    def measure(self, budget_s: float) -> Mapping[str, float]:
        """Look for a while.

        Parameters
        ----------
        budget_s
            At most half of it is looked, seconds.

        Returns
        -------
        Mapping of str to float
            Of the machine ``used_ratio`` and ``load_per_core`` (one minute); of processes ``used_cores``, together,
            and ``processes``.

        Raises
        ------
        CheckTroubleError
            If a process ended meanwhile.
        """
        import psutil

        sample_s = min(self.sample_s, budget_s / 2)
        if not self.processes:
            used = psutil.cpu_percent(interval=sample_s) / 100
            return {"used_ratio": used, "load_per_core": psutil.getloadavg()[0] / (psutil.cpu_count() or 1)}
        found = self.processes.find()
        began, before = self.clock.monotonic_s(), _sum(found, _cpu_s)
        psutil.cpu_percent(interval=sample_s)  # waits
        ended, after = self.clock.monotonic_s(), _sum(found, _cpu_s)
        if len(after) < len(before):
            raise CheckTroubleError("a process ended while it was looked at")
        used = max(sum(after) - sum(before), 0.0) / max(ended - began, 1e-6)
        return {"used_cores": used, "processes": float(len(after))}


def _cpu_s(process: "psutil.Process") -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _sum(found: list["psutil.Process"], take: Callable[[Any], float]) -> list[float]:
    """Values of those that are still there."""
    import psutil

    kept = []
    for process in found:
        try:
            kept.append(take(process))
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied as error:
            raise CheckTroubleError(f"process {error.pid} may not be looked at") from None
    if not kept:
        raise CheckFailedError("its processes ended", {"processes": 0.0})
    return kept
