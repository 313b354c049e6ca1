"""Names of the files that intake lands: by them a file says that it is one of these, and of which tick.

What is in such a file is `pipeline.intake_rows`' matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

_NAME = re.compile(r"intake-(absent-)?\d{8}T\d{6}Z-\d{4}\.parquet")
PART = ".part"
"""Ends the name of one that is being written; a dot before it keeps the loader away, too."""


def is_intake(name: str) -> bool:
    """Whether a landing file is one of these."""
    return _NAME.fullmatch(name) is not None


def is_of_absent(name: str) -> bool:
    """Whether it has those who are in a model of leads no more."""
    return name.startswith("intake-absent-")


def next_name(as_of: datetime, names: Iterable[str], *, absent: bool = False) -> str:
    """Such as `intake-20260329T010000Z-0001.parquet`: sorted by name they are in the order of ticks.

    Args:
        as_of: the tick's, naive UTC.
        names: what lies in the folder; a tick that is repeated lands another file.
        absent: who is in a model of leads no more.
    """
    head = f"intake-{'absent-' if absent else ''}{as_of:%Y%m%dT%H%M%SZ}-"
    taken = {name for name in names if name.startswith(head)}
    number = 1
    while (name := f"{head}{number:04}.parquet") in taken:
        number += 1
    return name
