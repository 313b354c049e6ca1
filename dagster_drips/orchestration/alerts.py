"""What a person is told when something went wrong, whether or not a run failed by it.

Here belongs the message on the log. What is worth telling is found by `alert_sensors`; a function of one's own that
takes an `Alert` is given to `build_defs`. Mail, chats and pagers are targets of the room `dagster_drips.alerts`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

_log = logging.getLogger("dagster_drips.alerts")


@dataclass(frozen=True)
class Alert:
    """One message.

    Args:
        title: one line.
        details: one line each; may be none.
        run_id: the Dagster run that it is about; None where it is about no run.
    """

    title: str
    details: tuple[str, ...]
    run_id: str | None = None

    def __str__(self) -> str:
        return "\n".join((self.title, *(f"  {line}" for line in self.details)))


Hook = Callable[[Alert], None]
"""Takes an alert; what it raises makes Dagster's daemon try again."""


def send(alert: Alert) -> None:
    """Tell it: as an error on the log of the process."""
    _log.error(str(alert))
