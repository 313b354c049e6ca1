"""Errors that a user can fix.

Here belong only the exceptions that the command line prints as one line. Bugs stay ordinary exceptions
with a traceback.
"""

from __future__ import annotations

from pathlib import Path


class DripsError(Exception):
    """A user's mistake or a state of the world that stops a command, told in one line.

    Args:
        message: what is wrong and how to fix it.
        file: the file to fix, if there is one.
        line: 1-based line in that file.
    """

    def __init__(self, message: str, *, file: str | Path | None = None, line: int | None = None):
        self.message = " ".join(message.split())
        self.file = str(file) if file is not None else None
        self.line = line
        super().__init__(str(self))

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file and self.line else f"{self.file}: " if self.file else ""
        return where + self.message
