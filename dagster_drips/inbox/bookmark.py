"""How far a mailbox was read: a small file a mailbox in `data/journal/inbox/`.

It only saves work. Losing it means that a mailbox is read again from its beginning, which adds nothing twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import msgspec

from dagster_drips.files import atomic_write
from dagster_drips.project import Project


@dataclass(frozen=True)
class Bookmark:
    """Up to which UID a mailbox was read; it holds for one account and one UIDVALIDITY (RFC 3501 2.3.1.1)."""

    account: str
    uid_validity: int
    last_uid: int


def bookmark_file(project: Project, mailbox: str) -> Path:
    """Where a mailbox's bookmark lies: `INBOX.json`; other characters than a file's name may have are escaped."""
    # INBOX is the one name without regard to case (RFC 3501 5.1).
    name = quote("INBOX" if mailbox.upper() == "INBOX" else mailbox, safe="")
    if len(name) > 200:
        name = hashlib.sha256(name.encode()).hexdigest()
    return project.journal / "inbox" / f"{name}.json"


def read_bookmark(file: Path, account: str, uid_validity: int) -> Bookmark | None:
    """The bookmark, if there is one that can be read and holds for this account and validity."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Bookmark)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return found if (found.account, found.uid_validity) == (account, uid_validity) else None


def write_bookmark(file: Path, bookmark: Bookmark) -> None:
    """Put it in the place of the one before; it is on disk when this returns."""
    atomic_write(file, msgspec.json.encode(bookmark) + b"\n")
