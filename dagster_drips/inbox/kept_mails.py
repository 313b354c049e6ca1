"""Mails of the mailbox that gave no fact, kept as they came in: counted, and listed for whoever looks.

`inbox` writes them into `data/landing/raw/inbox/`, which the loader does not read. A mail that was read twice lies
there twice and counts once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from dagster_drips.clock import parse_instant
from dagster_drips.errors import DripsError
from dagster_drips.project import Project

RAW_FOLDER = "raw/inbox"
"""Below `data/landing`."""
TO_LOOK_AT = ("unattributed", "not_understood", "broken")
"""Kinds that a person has to look at: facts that name no message, answers in no known form, broken mails."""
LOOKED_BACK = timedelta(days=7)
"""How long `drips status` shows a mail."""


class _Row(msgspec.Struct):
    received_at: str
    headers: dict[str, str]


@dataclass(frozen=True)
class KeptMail:
    """One mail: when it arrived (naive UTC), what it was counted as and why, who wrote it, and where it lies."""

    arrived_at: datetime
    counted: str
    author: str
    subject: str
    detail: str
    mailbox: str
    uid: str
    place: str
    """File below the data folder, and line."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return vars(self)


def kept_mails(project: Project, *, since: datetime | None = None) -> list[KeptMail]:
    """The mails that are kept, in the order of their arrival; of one that was read twice the last.

    Args:
        project: whose.
        since: only those that arrived since then (naive UTC).
    """
    found: dict[tuple[str, ...], KeptMail] = {}
    for path in sorted((project.landing / RAW_FOLDER).glob("[!.]*.jsonl")):
        for mail in _of_file(project, path):
            if since is None or mail.arrived_at >= since:
                found[mail.mailbox, mail.uid, mail.subject, str(mail.arrived_at)] = mail
    return sorted(found.values(), key=lambda mail: mail.arrived_at)


def to_look_at(project: Project, *, now: datetime) -> Counter[str]:
    """How many mails of late a person has to look at, by what they were counted as."""
    late = (mail.counted for mail in kept_mails(project, since=now - LOOKED_BACK))
    return Counter(counted for counted in late if counted in TO_LOOK_AT)


def _of_file(project: Project, path: Path) -> Iterator[KeptMail]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = msgspec.json.decode(line, type=_Row)
                arrived_at = parse_instant(row.received_at)
            except (msgspec.DecodeError, DripsError):
                continue  # torn by a crash, and written again when the mail is read again
            named = ("counted", "from", "subject", "detail", "mailbox", "uid")
            place = f"{path.relative_to(project.data)}:{number}"
            yield KeptMail(arrived_at, *(row.headers.get(name, "") for name in named), place)
