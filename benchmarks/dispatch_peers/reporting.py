"""What a measured script says about itself: seconds and CPU of the sending alone, and how many messages were taken.

Each candidate of `benchmarks/dispatch.py` is one script beside this one, run by the Python of its own environment: as
`SCRIPT prepare FOLDER MESSAGES`, which is not measured, then as `SCRIPT send FOLDER PORT CONNECTIONS MESSAGES`, which
is.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from pathlib import Path


def cpu_seconds() -> float:
    """User and system time of this process and of those it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def peak_kib() -> int:
    """The most memory this process ever held (VmHWM). `ru_maxrss` would also count what it was started from."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


class Stopwatch:
    """Runs from its making; `report` prints the line that `benchmarks/dispatch.py` reads, the last of the output."""

    def __init__(self) -> None:
        self._laps: dict[str, float] = {}
        self._cpu = cpu_seconds()
        self._began = self._lap_began = time.perf_counter()

    def lap(self, name: str) -> None:
        """The end of one part of the work."""
        now = time.perf_counter()
        self._laps[name] = now - self._lap_began
        self._lap_began = now

    def report(self, count_sent: Callable[[], int], note: str | None = None) -> None:
        """Stop, then ask `count_sent()` how many messages the server took."""
        measured = {"seconds": time.perf_counter() - self._began, "cpu_seconds": cpu_seconds() - self._cpu}
        told = {"laps": self._laps, "sent": count_sent(), "peak_kib": peak_kib(), "note": note}
        print(json.dumps(measured | told), flush=True)
