"""Reading a mailbox into the landing folders: batch by batch, rows first, then the bookmark.

A crash anywhere repeats at most one batch, and a repeated mail gives the same rows under the same keys. What a mail is
belongs to `classification`.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dagster_drips.clock import format_time, utc_now
from dagster_drips.errors import DripsError
from dagster_drips.inbox.bookmark import Bookmark, bookmark_file, read_bookmark, write_bookmark
from dagster_drips.inbox.classification import LANDED_KINDS, Finding
from dagster_drips.inbox.judging import Judge, Judgement
from dagster_drips.inbox.kept_mails import RAW_FOLDER
from dagster_drips.inbox.mailbox import MOST_BYTES, Arrival, Mail, Mailbox
from dagster_drips.landing.writer.writer import LandingUnavailable, LandingWriter
from dagster_drips.locks import exclusive
from dagster_drips.project import Project
from dagster_drips.settings import ImapServer, Settings
from dagster_drips.temporaries import clear

COUNTED = (
    *("hard_bounces", "soft_bounces", "deferred", "complained", "unsubscribed", "replied"),
    *("auto_replied", "reported", "unattributed", "not_understood", "unrelated", "broken"),
)
"""What a report counts, in this order; each mail is one of these."""
# Dealt with: nobody has to look at these in the mailbox. Answers of people wait for people.
_DEALT_WITH = frozenset(
    {"hard_bounces", "soft_bounces", "deferred", "complained", "unsubscribed", "auto_replied", "reported"}
)
KEPT = frozenset({"auto_replied", "reported", "unattributed", "not_understood", "unrelated", "broken"})
"""What gives no fact: kept as it came in, so that no request is lost because it was not understood."""
# Of mails that have nothing to do with us the beginning is enough to see that.
_KEPT_BYTES = {"unrelated": 64 * 1024}


@dataclass
class InboxReport:
    """What was read: `read` mails, each counted once in `counts` (by `COUNTED`); `cut` were longer than is read."""

    mailbox: str
    read: int = 0
    landed: int = 0
    cut: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        counts = {name: self.counts[name] for name in COUNTED}
        return {"mailbox": self.mailbox, "read": self.read, "landed": self.landed, "cut": self.cut, **counts}


@dataclass(frozen=True)
class _Judged:
    """A mail that was looked at: what it counts as, and the rows it gives."""

    uid: int
    counted: str
    rows: dict[str, list[dict[str, Any]]]


def required_server(settings: Settings) -> ImapServer:
    """The server of `DRIPS_IMAP_URL`.

    Raises:
        DripsError: it is not set.
    """
    if settings.imap_server is None:
        raise DripsError("no mailbox to read: set DRIPS_IMAP_URL, such as imaps://bounces@mail.example")
    return settings.imap_server


def read_inbox(
    project: Project,
    server: ImapServer,
    *,
    mailbox: str = "INBOX",
    since: datetime | None = None,
    mark_seen: bool = False,
    move_to: str | None = None,
    on_progress: Callable[[int], None] = lambda read: None,
) -> InboxReport:
    """Read what is new in a mailbox and land what it says.

    Args:
        project: whose landing folders and bookmark.
        server: where the mailbox is.
        mailbox: its name there.
        since: read mails that arrived since then (naive UTC) again, too; at the first time, no older ones.
        mark_seen: mark mails as seen that nobody needs to look at.
        move_to: move those into this folder.
        on_progress: called with the number of mails read so far.

    Raises:
        DripsError: the mailbox can't be read, the rows can't be kept, or another process reads it.
    """
    report = InboxReport(mailbox)
    file = bookmark_file(project, mailbox)
    account = f"{server.user}@{server.address}"
    with (
        exclusive(file.with_suffix(".lock")),
        Mailbox(server, mailbox, writable=mark_seen or move_to is not None) as box,
        Judge() as judge,
    ):
        if move_to is not None:
            box.require_folder(move_to)
        known = read_bookmark(file, account, box.uid_validity)
        done = known.last_uid if known else 0
        writer = LandingWriter(project)
        try:
            clear(project)
            for arrivals in box.arrivals(after=0 if since else done):
                wanted = [arrival for arrival in arrivals if _is_wanted(arrival, known, since)]
                for mails in box.read(wanted):
                    judged = [_judged(mail, mailbox, judge) for mail in mails]
                    _land(writer, judged)
                    _tidy(box, [one.uid for one in judged if one.counted in _DEALT_WITH], mark_seen, move_to)
                    _count(report, mails, judged)
                    done = max(done, *(mail.arrival.uid for mail in mails)) if mails else done
                    write_bookmark(file, Bookmark(account, box.uid_validity, done))
                    on_progress(report.read)
                if arrivals[-1].uid > done:
                    done = arrivals[-1].uid
                    write_bookmark(file, Bookmark(account, box.uid_validity, done))
        except LandingUnavailable as error:
            raise DripsError(f"what was read can't be kept: {error}", file=project.landing) from error
        except OSError as error:
            raise DripsError(f"can't be written: {error.strerror or error}", file=file) from error
        finally:
            writer.close()
    return report


def _is_wanted(arrival: Arrival, known: Bookmark | None, since: datetime | None) -> bool:
    if known is not None and arrival.uid > known.last_uid:
        return True
    return since is None or arrival.arrived_at is None or arrival.arrived_at >= since


def _judged(mail: Mail, mailbox: str, judge: Judge) -> _Judged:
    unreadable = Judgement(None, error="the server can't give it")
    judgement = judge.judge(mail.data) if mail.data is not None else unreadable
    finding = judgement.finding
    counted = _counted(finding) if finding else "broken"
    if finding is None or counted in KEPT:
        rows = {RAW_FOLDER: [_raw(mail, mailbox, counted, judgement)]}
    else:
        rows = {"engagement": [_row(finding, judgement.mail_id, mail)]}
    return _Judged(mail.arrival.uid, counted, rows)


def _counted(finding: Finding) -> str:
    if finding.kind in LANDED_KINDS and finding.message_id is None:
        return "unattributed"
    return f"{finding.bounce_class}_bounces" if finding.kind == "bounced" else finding.kind


def _row(finding: Finding, mail_id: str, mail: Mail) -> dict[str, Any]:
    """The normal form (contract: engagement). The time is the arrival in the mailbox, which no sender can forge."""
    arrived = mail.arrival.arrived_at or utc_now()
    row = {
        "engagement_id": _key(finding, mail_id, mail.data or b""),
        "message_id": finding.message_id,
        "type": finding.kind,
        "occurred_at": format_time(arrived),
        "bounce_class": finding.bounce_class,
        "detail": finding.detail,
    }
    return {name: _storable(value) for name, value in row.items() if value is not None}


def _key(finding: Finding, mail_id: str, data: bytes) -> str:
    """The same for a mail wherever it lies and however often it is read."""
    parts = ("inbox", finding.kind, finding.message_id or "", mail_id or hashlib.sha256(data).hexdigest())
    return hashlib.md5("\0".join(parts).encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _raw(mail: Mail, mailbox: str, counted: str, judgement: Judgement) -> dict[str, Any]:
    """As `LandingWriter.keep_raw` has it."""
    detail = judgement.error or (judgement.finding.detail if judgement.finding else None) or ""
    labels = {"mailbox": mailbox, "uid": str(mail.arrival.uid), "counted": counted, "detail": detail[:500]}
    labels |= {"from": judgement.author[:200], "subject": judgement.subject[:200]}
    return {
        "received_at": format_time(mail.arrival.arrived_at or datetime.now(UTC)),
        "headers": {name: _storable(value) for name, value in labels.items()},
        "body": base64.b64encode((mail.data or b"")[: _KEPT_BYTES.get(counted, MOST_BYTES)]).decode("ascii"),
    }


def _storable(text: str) -> str:
    """Without what is no character in UTF-8, and without NUL, which not every database takes."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _land(writer: LandingWriter, judged: Iterable[_Judged]) -> None:
    rows: dict[str, list[dict[str, Any]]] = {}
    for one in judged:
        for kind, some in one.rows.items():
            rows.setdefault(kind, []).extend(some)
    writer.land_now(rows)


def _tidy(box: Mailbox, uids: Sequence[int], mark_seen: bool, move_to: str | None) -> None:
    if mark_seen:
        box.mark_seen(uids)
    if move_to is not None:
        box.move(uids, move_to)


def _count(report: InboxReport, mails: Sequence[Mail], judged: Sequence[_Judged]) -> None:
    report.read += len(mails)
    report.cut += sum(mail.arrival.size > MOST_BYTES for mail in mails)
    report.counts.update(one.counted for one in judged)
    report.landed += sum(len(one.rows.get("engagement", ())) for one in judged)
