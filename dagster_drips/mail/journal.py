"""The delivery journal: what a sending run was about to do and what became of it, kept outside of the warehouse.

One append-only file of JSON lines a run, in `data/journal/deliveries/`. Here belong the format, writing and reading
it; moving it into the warehouse is in `fold`.

What survives what:

- A batch's claims are written and fsynced before any of its messages is begun, and `sending` is written before a
  message's MAIL command, its outcome right after the server's answer. Both reach the operating system at once, so
  they survive the end of the process (`kill -9`): in doubt is then at most one message an open connection.
- `sending` and outcomes are fsynced with the next batch's claims and at the end. After a power cut the tail may be
  missing, so whatever was claimed before the machine started anew and has no outcome is in doubt: at most one batch.
- A full disk, or any other failure to write: sending stops at once, and the next start settles the file as a dead
  run's.
- A run holds a lock on its file as long as it lives; a file whose lock is free belongs to a run that has ended.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from dagster_drips.errors import DripsError
from dagster_drips.project import Project

INTERRUPTED = "the sending process ended before the server's answer was recorded"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Run(msgspec.Struct, frozen=True, tag_field="record", tag="run"):
    """A file's first record: who writes it."""

    boot_id: str
    pid: int
    opened_at: datetime
    format: int = 1


class Claim(msgspec.Struct, frozen=True, tag_field="record", tag="claimed"):
    """This run, and no other, may send this attempt; the columns of `raw.delivery_log` that are known by then."""

    message_id: str
    attempt: int
    as_of: datetime
    enrollment_id: str
    sequence_id: str
    version_id: str | None
    step_id: str
    variant_id: str | None
    lead_id: str
    sender: str
    recipient: str
    scheduled_at: datetime
    transactional: bool


class Sending(msgspec.Struct, frozen=True, tag_field="record", tag="sending"):
    """The next thing is this message's MAIL command."""

    message_id: str
    attempt: int


class Result(msgspec.Struct, frozen=True, tag_field="record", tag="outcome", omit_defaults=True):
    """What became of a claim; the other columns of `raw.delivery_log`."""

    message_id: str
    attempt: int
    outcome: str
    recorded_at: datetime
    smtp_code: int | None = None
    enhanced_code: str | None = None
    detail: str | None = None
    retry_at: datetime | None = None


class Released(msgspec.Struct, frozen=True, tag_field="record", tag="released"):
    """A claim given back: its sending was never begun."""

    message_id: str
    attempt: int


class Closed(msgspec.Struct, frozen=True, tag_field="record", tag="closed"):
    """The last record: every claim above has its outcome or is released."""


Record = Run | Claim | Sending | Result | Released | Closed
_Key = tuple[str, int]
_decoder = msgspec.json.Decoder(Record)
_encoder = msgspec.json.Encoder()


@dataclass
class OpenClaims:
    """A run's claims that have no outcome yet, as its records go by."""

    boot_id: str = ""
    closed: bool = False
    claims: dict[_Key, Claim] = field(default_factory=dict)
    begun: set[_Key] = field(default_factory=set)

    def take(self, record: Record) -> Claim | None:
        """Take the next record; the claim that it settles with an outcome, if it does."""
        if isinstance(record, Claim):
            self.claims[record.message_id, record.attempt] = record
        elif isinstance(record, Sending):
            self.begun.add((record.message_id, record.attempt))
        elif isinstance(record, Result | Released):
            key = (record.message_id, record.attempt)
            self.begun.discard(key)
            claim = self.claims.pop(key, None)
            return claim if isinstance(record, Result) else None
        elif isinstance(record, Run):
            self.boot_id = record.boot_id
        else:
            self.closed = True
        return None

    def settlement(self, *, recorded_at: datetime, all_in_doubt: bool) -> list[Record]:
        """The records that end the run: what was begun, or may have been, is in doubt; any other claim is released."""
        records: list[Record] = []
        for message_id, attempt in self.claims:
            if all_in_doubt or (message_id, attempt) in self.begun:
                records.append(Result(message_id, attempt, "in_doubt", recorded_at, detail=INTERRUPTED))
            else:
                records.append(Released(message_id, attempt))
        return [*records, Closed()]


class DeliveryJournal:
    """This run's own file, open for appending; its methods may be called by several threads.

    Args:
        project: whose journal.
        now: the time to record at the beginning and the end, naive UTC.

    Raises:
        DripsError: the journal can't be written, here and in every method; nothing that was not recorded may be sent
            then.
    """

    def __init__(self, project: Project, *, now: Callable[[], datetime]):
        folder = deliveries(project)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}_{os.getpid()}_{secrets.token_hex(4)}.jsonl"
        self.path = folder / name
        self._lock = threading.Lock()
        self._open_claims = OpenClaims()
        self._failed = False
        self._now = now
        hidden = folder / f".{name}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(hidden, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
            # The lock is held before the file has its name: nobody can take this run for a dead one.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._append([Run(boot_id(), os.getpid(), now())], durable=True)
            hidden.rename(self.path)
            _sync_folder(folder)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except DripsError:
            if kind is None:  # else the first error tells more; the next start settles what is open here
                raise

    def claim(self, claims: Iterable[Claim]) -> None:
        """Record a batch's claims so that they survive a power cut; none of them may be begun before this returns."""
        self._append(list(claims), durable=True)

    def sending(self, message_id: str, attempt: int) -> None:
        """Record that this message's transaction begins."""
        self._append([Sending(message_id, attempt)], durable=False)

    def result(self, result: Result) -> None:
        """Record what became of a message."""
        self._append([result], durable=False)

    def close(self) -> None:
        """End the run: what was not begun is given back, what was begun without an answer is in doubt."""
        if self._descriptor < 0:
            return
        try:
            if not self._failed:
                self._append(self._open_claims.settlement(recorded_at=self._now(), all_in_doubt=False), durable=True)
        finally:
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, records: list[Record], *, durable: bool) -> None:
        data = b"".join(_encoder.encode(record) + b"\n" for record in records)
        with self._lock:
            if self._failed:
                raise DripsError("the delivery journal could not be written before; sending stopped", file=self.path)
            try:
                _write_whole(self._descriptor, data)
                if durable:
                    os.fsync(self._descriptor)
            except OSError as error:
                self._failed = True  # a torn record may stand at the end: nothing must follow it
                raise _unwritable(self.path, error) from error
            for record in records:
                self._open_claims.take(record)


def deliveries(project: Project) -> Path:
    """The folder of the delivery journal."""
    return project.journal / "deliveries"


def boot_id() -> str:
    """What names this machine's uptime, empty where the system has no such name."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def read_records(file: BinaryIO) -> Iterator[Record | None]:
    """A journal file's records in order; None for a line that can't be read (torn by a crash in mid-write)."""
    for line in file:
        try:
            yield _decoder.decode(line)
        except msgspec.DecodeError:
            yield None


def settle(file: BinaryIO, state: OpenClaims, *, recorded_at: datetime) -> list[Record]:
    """End a dead run's file for it, durably; returns what was appended.

    Args:
        file: open for reading and writing, locked, read to its end.
        state: after all of its records.
        recorded_at: wall clock.
    """
    same_boot = bool(state.boot_id) and state.boot_id == boot_id()
    records = state.settlement(recorded_at=recorded_at, all_in_doubt=not same_boot)
    size = file.seek(0, os.SEEK_END)
    torn = False
    if size:
        file.seek(-1, os.SEEK_END)
        torn = file.read(1) != b"\n"
    file.write((b"\n" if torn else b"") + b"".join(_encoder.encode(record) + b"\n" for record in records))
    file.flush()
    os.fsync(file.fileno())
    return records


def lock_if_free(file: BinaryIO) -> bool:
    """Take the lock of a run's file; False: the run is alive."""
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_whole(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(path: Path, error: OSError) -> DripsError:
    return DripsError(
        f"the delivery journal can't be written ({error.strerror}); sending stopped, nothing is lost", file=path
    )
