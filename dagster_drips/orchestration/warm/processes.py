"""Processes of this machine, known again by number and start: a number alone may be another process's by now."""

from __future__ import annotations

import os
from pathlib import Path


def name_of(pid: int) -> str | None:
    """What stands for that process as long as the machine is up: its number and when it began; None where it is gone.

    One that has ended and was not waited for yet is gone.
    """
    try:
        # proc(5): the name in brackets may hold anything; behind it the 3rd field is the state, the 22nd the start.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in ("Z", "X") else f"{pid} {fields[19]}"


def is_there(name: str) -> bool:
    """Whether the process of that name goes on."""
    return name_of(_pid(name)) == name


def signal_to(name: str, number: int) -> bool:
    """Send a signal; whether there was somebody to take it."""
    try:
        if is_there(name):
            os.kill(_pid(name), number)
            return True
    except ProcessLookupError:
        pass
    return False


def _pid(name: str) -> int:
    return int(name.partition(" ")[0])
