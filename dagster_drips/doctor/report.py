"""One answer of the doctor: what was looked at, how it is, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "problem"]

_ORDER: tuple[State, ...] = ("ok", "warning", "problem")


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Args:
        subject: what it is about: a setting, `warehouse`, `server main`, `sender acme: SPF`.
        state: `problem`: mail, or a part of it, will fail; `warning`: it may, or the doctor could not find out.
        message: how it is, in one line.
        advice: what to do; empty where there is nothing.
    """

    subject: str
    state: State
    message: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.state:<8} {self.subject}: {self.message}" + (f"; {self.advice}" if self.advice else "")


def worst(states: list[State]) -> State:
    """The gravest of them; `ok` where there are none."""
    return max(states, key=_ORDER.index, default="ok")


def many(count: int, what: str) -> str:
    """`1 warning`, `2 warnings`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
