"""What is wrong with a sequence file, told so that its author can fix it.

Here belong the record of one mistake and the wording of suggestions; finding mistakes belongs to the modules that know
the rule.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """One mistake (`error`: the file isn't taken) or surprise (`warning`: it is).

    Args:
        file: relative to the project folder: `sequences/welcome/sequence.yml`.
        line: 1-based; None where no line is to blame.
        message: what is wrong and how to fix it.
    """

    file: str
    line: int | None
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant; None where none is close."""
    words = sorted(known)
    lowered = {name.lower(): name for name in words}
    close = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return lowered[close[0]] if close else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that says what was probably meant, or else what there is."""
    words = sorted(known)
    close = nearest(word, words)
    if close:
        return f"; did you mean '{close}'?"
    if not words:
        return ""
    return "; known: " + ", ".join(words[:12]) + (", …" if len(words) > 12 else "")
