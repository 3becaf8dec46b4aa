"""How old a process of this machine is, to a hundredth of a second: supervisor itself tells whole seconds.

Source: proc(5), /proc/PID/stat, field 22 (start time after boot, in clock ticks).
"""

import os
import time
from pathlib import Path

_START_TIME = 19
"""Field 22, counted behind the name of the program, which may hold anything."""


def process_age_s(pid: int) -> float | None:
    """Tell how long a process has been there.

    Parameters
    ----------
    pid
        Of this machine.

    Returns
    -------
    float or None
        Seconds; None where that cannot be told: no such process, or no Linux.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        ticks = int(fields[_START_TIME])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None
