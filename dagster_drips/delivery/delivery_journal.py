"""The delivery journal: what a sending run was about to do and what became of it, kept outside of the warehouse.

One append-only file of JSON lines a run, in `data/journal/deliveries/`. Here belong the format, writing and reading
it; moving it into the warehouse is in `ingestion`.

A message's records, in this order: `claimed`; `sending`; `outcome`. `released` instead of the last two gives the claim
back. An outcome after the outcome `in_doubt` resolves the doubt.

When they are written:

- A batch's claims are written and fsynced before any of its messages is begun.
- `sending` is written before the first byte of a message's body is handed to the kernel. MAIL, RCPT and DATA may be on
  their way before it: until the final dot is there no server may accept the message (RFC 5321 4.1.1.4, 4.2.5).
- An outcome is written right after the server's answer, in one write with the next message's `sending` if need be.
- What is not claims is fsynced with the next batch's claims and at the end of the run, not by itself.

What survives what:

- The end of the process (`kill -9`): every record whose write has returned, since the kernel has it. Begun without
  an outcome is what was inside of its body or waited for the answer: at most one message an open connection, in doubt.
  A record torn in mid-write counts as not written, which is true: what it allows, or reports, came after.
- A power cut, or a crash of the kernel: every claim that was begun, and all up to the last fsync. After that a tail may
  be missing, or a hole in it be filled with anything. So of a run from before the machine started anew, whatever was
  claimed and has no outcome is in doubt, begun or not: at most the batch claimed last, and the few messages of each
  connection in flight or in line by then. A message whose outcome was lost is among them: never sent again by itself.
- A file that was cut, deleted, or replaced by an older copy: it was longer (`lengths`), so that what was claimed or due
  then and has no outcome is in doubt (`losses`). A disk that lies about fsync is such a file, if anything shows it.
- A full disk, or any other failure to write: sending stops at once; what was begun without an outcome is in doubt, the
  rest is due again. The next start settles the file as a dead run's.

A run holds a lock on its file as long as it lives; a file whose lock is free belongs to a run that has ended. The lock
is inherited by `fork`: processes that a run forks after opening its journal must not outlive it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from dagster_drips.delivery.lengths import LengthKeeper
from dagster_drips.errors import DripsError
from dagster_drips.files import sync
from dagster_drips.object_store.mirror import ObjectMirror
from dagster_drips.project import Project

INTERRUPTED = "the sending process ended before the server's answer was recorded"
SENT_AGAIN = "was in doubt, to be sent again with the same Message-ID"
RESENDS = 5
"""How often a message in doubt is sent again by itself; one more doubt than these is held, lest it go on for ever."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_READ_BYTES = 1 << 20


class Run(msgspec.Struct, frozen=True, gc=False, tag_field="record", tag="run"):
    """A file's first record: who writes it."""

    boot_id: str
    pid: int
    opened_at: datetime
    format: int = 1


class Claim(msgspec.Struct, frozen=True, gc=False, tag_field="record", tag="claimed"):
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


class Sending(msgspec.Struct, frozen=True, gc=False, tag_field="record", tag="sending"):
    """The next thing is this message's body."""

    message_id: str
    attempt: int


class Result(msgspec.Struct, frozen=True, gc=False, tag_field="record", tag="outcome", omit_defaults=True):
    """What became of a claim, or of a doubt about it; the other columns of `raw.delivery_log`."""

    message_id: str
    attempt: int
    outcome: str
    recorded_at: datetime
    smtp_code: int | None = None
    enhanced_code: str | None = None
    detail: str | None = None
    retry_at: datetime | None = None


class Released(msgspec.Struct, frozen=True, gc=False, tag_field="record", tag="released"):
    """A claim given back: its sending was never begun."""

    message_id: str
    attempt: int


class Closed(msgspec.Struct, frozen=True, gc=False, tag_field="record", tag="closed"):
    """The last record: every claim above has its outcome or is released."""


Record = Run | Claim | Sending | Result | Released | Closed
_Key = tuple[str, int]
_decoder = msgspec.json.Decoder(Record)
_encoder = msgspec.json.Encoder()


@dataclass
class OpenClaims:
    """A run's claims that have no outcome yet, and its doubts, as its records go by."""

    boot_id: str = ""
    closed: bool = False
    last_time: datetime | None = None
    """The latest that the run noted, in the tick's own time."""
    claims: dict[_Key, Claim] = field(default_factory=dict)
    begun: set[_Key] = field(default_factory=set)
    doubts: dict[_Key, Claim] = field(default_factory=dict)

    def take(self, record: Record) -> Claim | None:
        """Take the next record; for an outcome the claim that it belongs to."""
        if isinstance(record, Sending):
            self.begun.add((record.message_id, record.attempt))
        elif isinstance(record, Result):
            return self._settled(record)
        elif isinstance(record, Claim):
            self.claims[record.message_id, record.attempt] = record
        elif isinstance(record, Released):
            key = (record.message_id, record.attempt)
            self.begun.discard(key)
            self.claims.pop(key, None)
        elif isinstance(record, Run):
            self.boot_id, self.last_time = record.boot_id, record.opened_at
        else:
            self.closed = True
        return None

    def _settled(self, result: Result) -> Claim | None:
        key = (result.message_id, result.attempt)
        self.begun.discard(key)
        self.last_time = result.recorded_at
        claim = self.claims.pop(key, None) or self.doubts.pop(key, None)
        if claim is not None and result.outcome == "in_doubt":
            self.doubts[key] = claim
        return claim

    def settlement(self, *, recorded_at: datetime, all_in_doubt: bool, resend: bool) -> list[Record]:
        """The records that end the run: what was begun, or may have been, is in doubt; any other claim is released.

        With `resend` every doubt of the run becomes due again, up to `RESENDS` times a message.
        """
        records: list[Record] = []
        doubts = list(self.doubts.values())
        for key, claim in self.claims.items():
            if all_in_doubt or key in self.begun:
                records.append(Result(*key, "in_doubt", recorded_at, detail=INTERRUPTED))
                doubts.append(claim)
            else:
                records.append(Released(*key))
        if resend:
            records += [due_again(claim, recorded_at, SENT_AGAIN) for claim in doubts if claim.attempt <= RESENDS]
        return [*records, Closed()]


class DeliveryJournal:
    """This run's own file, open for appending; its methods may be called by several threads.

    Args:
        project: whose journal.
        now: the time to record at the beginning and the end, naive UTC.
        resend: at the end, make what is in doubt due again (`DRIPS_IN_DOUBT=resend`).

    Raises:
        DripsError: the journal can't be written, here and in every method; nothing that was not recorded may be sent
            then.
    """

    def __init__(self, project: Project, *, now: Callable[[], datetime], resend: bool = False):
        folder = deliveries(project)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}_{os.getpid()}_{secrets.token_hex(4)}.jsonl"
        self.path = folder / name
        self._lock = threading.Lock()
        self._open_claims = OpenClaims()
        self._failed = False
        self._now = now
        self._resend = resend
        self._length: LengthKeeper | None = None
        mirror = ObjectMirror.of(project)
        self._pieces = mirror.claims(self.path) if mirror else None
        hidden = folder / f".{name}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(hidden, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
            # The lock is held before the file has its name: nobody can take this run for a dead one.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.write([Run(boot_id(), os.getpid(), now())], durable=True)
            hidden.rename(self.path)
            sync(folder)
            # Only now: a length without a file says that the file is gone.
            self._length = LengthKeeper(project, name, boot_id())
            self._length.grown(os.fstat(self._descriptor).st_size, synced=True)
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
            if kind is None:  # else the first error says more; the next start settles what is open here
                raise

    def claim(self, claims: Iterable[Claim]) -> None:
        """Record a batch's claims so that they survive a power cut; none of them may be begun before this returns.

        Where the project has a bucket, they are there, too, and survive the machine.
        """
        self.write(list(claims), durable=True)
        if self._pieces is not None:
            self._pieces.keep()

    def close(self) -> None:
        """End the run: what was not begun is given back, what was begun without an answer is in doubt."""
        if self._descriptor < 0:
            return
        try:
            if not self._failed:
                settlement = self._open_claims.settlement(
                    recorded_at=self._now(), all_in_doubt=False, resend=self._resend
                )
                self.write(settlement, durable=True)
        finally:
            os.close(self._descriptor)
            self._descriptor = -1
            if self._length is not None:
                self._length.close()

    def write(self, records: Sequence[Record], *, durable: bool = False) -> None:
        """Record several things in this order, in one write; they survive the end of this process once it returns.

        Args:
            records: of this run's claims; `claim` first.
            durable: survive a power cut, too: an fsync, of all that was written before as well.
        """
        data = _encoder.encode_lines(records)
        with self._lock:
            if self._failed:
                raise DripsError("the delivery journal could not be written before; sending stopped", file=self.path)
            try:
                _write_whole(self._descriptor, data)
                if durable:
                    os.fsync(self._descriptor)
                if self._length is not None:
                    self._length.grown(len(data), synced=durable)
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


def due_again(claim: Claim, recorded_at: datetime, detail: str) -> Result:
    """The outcome that makes a message in doubt due at the next tick, whenever that is, with the same Message-ID."""
    return Result(claim.message_id, claim.attempt, "deferred", recorded_at, detail=detail, retry_at=claim.as_of)


def read_records(file: BinaryIO) -> Iterator[list[Record | None]]:
    """A journal file's records in order, some thousand at a time; None for a line that can't be read (torn)."""
    while lines := file.readlines(_READ_BYTES):
        try:
            yield [*_decoder.decode_lines(b"".join(lines))]
        except (msgspec.DecodeError, UnicodeDecodeError):
            yield [_decoded(line) for line in lines]


def settle(
    file: BinaryIO, state: OpenClaims, *, now: Callable[[], datetime], resend: bool, was_cut: bool = False
) -> list[Record]:
    """End a dead run's file for it, durably; returns what was appended.

    The doubts are dated by the latest time that the run noted: about then the messages went out.

    Args:
        file: open for reading and writing, locked, read to its end.
        state: after all of its records.
        now: for a file that names no time.
        resend: make what is in doubt due again.
        was_cut: the file has lost its end, so that whatever was claimed may have been begun; none of it goes again.
    """
    same_boot = bool(state.boot_id) and state.boot_id == boot_id()
    records = state.settlement(
        recorded_at=state.last_time or now(),
        all_in_doubt=was_cut or not same_boot,
        resend=resend and not was_cut,
    )
    size = file.seek(0, os.SEEK_END)
    torn = False
    if size:
        file.seek(-1, os.SEEK_END)
        torn = file.read(1) != b"\n"
    file.write((b"\n" if torn else b"") + _encoder.encode_lines(records))
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


def _decoded(line: bytes) -> Record | None:
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _write_whole(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _unwritable(path: Path, error: OSError) -> DripsError:
    return DripsError(
        f"the delivery journal can't be written ({error.strerror}); sending stopped, nothing is lost", file=path
    )
