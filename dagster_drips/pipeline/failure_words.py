"""What an author can use of a database's or dbt's words about a model that failed, in one line."""

from __future__ import annotations

import re

_HEADING = re.compile(r"\s*(Runtime|Database|Compilation) Error in model ")
_LONGEST = 500


def failure_words(message: str) -> str:
    """The message without dbt's heading, and without lines of SQL that nobody wrote."""
    kept = []
    for line in message.splitlines():
        if line.lstrip().startswith("LINE "):
            break
        if line.strip() and not _HEADING.match(line):
            kept.append(line.strip())
    words = " ".join(kept) or " ".join(message.split())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} …"
