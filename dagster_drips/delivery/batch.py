"""The folder that processes which send together share: what each is to send, who has begun, what became of it.

One folder a batch below `data/sending/`. Here belongs what lies in it and who may read what when; what is in a shard's
rows is `shards`', sending them `shard_worker`'s. Nothing in it is needed once nobody sends: claims and outcomes are in
the delivery journal, as always.

What keeps a message from going twice, whoever is killed, and on whichever machine of a shared volume:

- A shard begins at most once (`begin`): only one process can make the file that says so, and it is on disk before
  anything is claimed.
- A process that sends a shard opens its journal's file first, which is locked as long as it lives, and looks then
  whether the batch still `stands`. Whoever is to send next takes the batch away first, and looks then for journals of
  living processes. Whatever the order, one of the two sees the other.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import msgspec

from dagster_drips.delivery.dispatch_report import DispatchReport
from dagster_drips.files import atomic_write, sync
from dagster_drips.locks import exclusive, is_held
from dagster_drips.project import Project

_COUNTS_BYTES = 512
_LOOKS_SECONDS = 1.0


class Facts(msgspec.Struct, frozen=True):
    """What is known of a batch: its tick, how far its own time is ahead of the clock (seconds), messages, shards.

    `due` and `only_to` are as of a `DispatchReport`; `rows` has each shard's messages. `parts` has, by the name of a
    limited sender or domain, which part of its messages each shard has.
    """

    as_of: datetime
    ahead: float
    due: int
    only_to: int
    rows: list[int]
    parts: dict[str, list[float]]

    @property
    def shards(self) -> int:
        """Into how many it was split."""
        return len(self.rows)


class Refused(msgspec.Struct, frozen=True):
    """Messages that must not go any more: suppressed (L3), or of ended enrollments (L1)."""

    suppressed: list[str]
    ended: list[str]


class Outcome(msgspec.Struct, frozen=True):
    """What one shard came to: as of `sending.Leftovers`, or the error that stopped it."""

    refused: int = 0
    exited: int = 0
    held: int = 0
    stops: dict[str, str] = {}
    reserved: dict[str, int] = {}
    error: str | None = None


class Batch:
    """A batch's folder.

    Args:
        folder: of it.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.rates = folder / "rates"
        """When the next message of each limited sender and domain may go (`shared_rates`)."""
        self._facts = folder / "batch.json"
        self._refused = folder / "refused.json"
        self._attended = folder / "attended"

    def rows(self, shard: int) -> Path:
        """The folder of a shard's rows, Parquet files by kind."""
        return self.folder / f"{shard:03}"

    def warehouse(self, shard: int) -> Path:
        """The file in which a shard has its rows as tables."""
        return self.folder / f"{shard:03}.duckdb"

    # Whether it stands ---------------------------------------------------------------------------------------------

    def set_up(self, facts: Facts) -> None:
        """From now on its shards may be sent; everything they need is there."""
        self.rates.touch()
        atomic_write(self._facts, msgspec.json.encode(facts))

    @property
    def facts(self) -> Facts | None:
        """What is known of it; None: it was taken away."""
        try:
            # Opened, not only looked for: over a network that asks the server.
            return msgspec.json.decode(self._facts.read_bytes(), type=Facts)
        except OSError:
            return None

    @property
    def stands(self) -> bool:
        """Whether nobody has taken it away."""
        return self.facts is not None

    def take_away(self) -> None:
        """Nobody begins to send of it any more. Who sends already has a journal's file that is locked."""
        self._facts.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            sync(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    # Who sends -----------------------------------------------------------------------------------------------------

    @contextmanager
    def begin(self, shard: int) -> Generator[bool]:
        """Whether this process is the one to send that shard; others see that it lives as long as the block lasts."""
        path = self._begun(shard)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except (FileExistsError, FileNotFoundError):
            yield False
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.write(descriptor, b"begun\n")  # only now: a file that says so and is not locked is a dead process's
            os.fsync(descriptor)
            with suppress(FileNotFoundError):  # taken away since, which is seen soon enough
                sync(self.folder)
            yield True
        finally:
            os.close(descriptor)

    def has_begun(self, shard: int) -> bool:
        """Whether a process was the one to send that shard."""
        return self._begun(shard).exists()

    def is_sent(self, shard: int) -> bool:
        """Whether that process has ended, however it did."""
        path = self._begun(shard)
        return path.exists() and path.stat().st_size > 0 and not is_held(path)

    def _begun(self, shard: int) -> Path:
        return self.folder / f"{shard:03}.begun"

    # Who must not get it -------------------------------------------------------------------------------------------

    @contextmanager
    def attended(self) -> Generator[None]:
        """As long as it lasts, this process says who must not get mail any more, and others may claim."""
        with exclusive(self._attended, wait_seconds=_LOOKS_SECONDS):  # who looks whether it is held holds it, too
            yield

    @property
    def is_attended(self) -> bool:
        """Whether somebody does."""
        return is_held(self._attended)

    def refuse(self, suppressed: frozenset[str], ended: frozenset[str]) -> None:
        """Say which messages must not go; the earlier word is replaced as a whole."""
        atomic_write(self._refused, msgspec.json.encode(Refused(sorted(suppressed), sorted(ended))))

    def refused(self) -> Refused | None:
        """What was said last; None: nothing yet."""
        try:
            return msgspec.json.decode(self._refused.read_bytes(), type=Refused)
        except OSError:
            return None

    @property
    def refused_version(self) -> tuple[int, int]:
        """What tells one word from the next."""
        try:
            status = self._refused.stat()
        except OSError:
            return (0, 0)
        return (status.st_ino, status.st_mtime_ns)

    # What became of it ---------------------------------------------------------------------------------------------

    @contextmanager
    def counting(self, shard: int) -> Generator[Counts]:
        """Counts a shard's outcomes where others read them."""
        descriptor = os.open(self._counts(shard), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            yield Counts(descriptor)
        finally:
            os.close(descriptor)

    def counts(self) -> Counter[str]:
        """The outcomes so far of all shards, by kind."""
        counted: Counter[str] = Counter()
        for path in self.folder.glob("*.counts"):
            with suppress(OSError, msgspec.DecodeError):
                counted.update(msgspec.json.decode(path.read_bytes(), type=dict[str, int]))
        return counted

    def _counts(self, shard: int) -> Path:
        return self.folder / f"{shard:03}.counts"

    def report(self, shard: int, outcome: Outcome) -> None:
        """Say what a shard came to."""
        atomic_write(self._report(shard), msgspec.json.encode(outcome))

    def outcome(self, shard: int) -> Outcome | None:
        """What a shard came to; None: its process was ended before it could say so, or it lives."""
        try:
            return msgspec.json.decode(self._report(shard).read_bytes(), type=Outcome)
        except OSError:
            return None

    def _report(self, shard: int) -> Path:
        return self.folder / f"{shard:03}.json"


class Counts:
    """Outcomes of one shard, by kind, in a file that is written anew for each.

    Args:
        descriptor: of it, open for writing.
    """

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._counts: Counter[str] = Counter()

    def add(self, kind: str) -> None:
        """One more of that kind."""
        self._counts[kind] += 1
        os.pwrite(self._descriptor, msgspec.json.encode(self._counts).ljust(_COUNTS_BYTES), 0)


def batch_named(project: Project, name: str) -> Batch:
    """The batch of that name, whether it is there or not."""
    return Batch(project.data / "sending" / name)


def batches(project: Project) -> list[Batch]:
    """Those that lie about: of a sending that goes on, or of one that was killed."""
    folder = project.data / "sending"
    return [Batch(path) for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []


def take_away_batches(project: Project) -> bool:
    """Take all away; whether there ever was one. To be called before the journal is asked who lives."""
    for batch in batches(project):
        batch.take_away()
    return (project.data / "sending").is_dir()


def add_outcomes(batch: Batch, report: DispatchReport, ends: list[str]) -> list[str]:
    """Add what all shards came to; returns the errors of those that could not go on.

    Args:
        batch: of them.
        report: of what is due.
        ends: of each, what is told where it could not say itself what it came to.
    """
    errors: list[str] = []
    report.add_outcomes(batch.counts())
    for shard, end in enumerate(ends):
        outcome = batch.outcome(shard)
        if outcome is None:
            report.stop({f"shard {shard + 1} of {len(ends)}": f"shard {shard + 1} of {len(ends)}: {end}"})
            continue
        report.refused += outcome.refused
        report.exited_at_send += outcome.exited
        report.held += outcome.held
        report.stop(outcome.stops)
        report.add_reserved(outcome.reserved)
        errors += [outcome.error] if outcome.error else []
    return errors


def named_parts(counts: Mapping[str, Sequence[int]]) -> dict[str, list[float]]:
    """Each shard's part of every name's messages."""
    return {name: [one / sum(of_shards) for one in of_shards] for name, of_shards in counts.items()}
