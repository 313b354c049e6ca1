"""What is known of the bucket: `data/object_store.sqlite`, a memory that saves looking, and can be deleted.

An object is noted after it was put, fetched or deleted, never before, so that a crash costs doing it once more. Here
belong the tables of that file; what follows from them is the callers'. SQLite, as a sensor looks while a run holds the
warehouse.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Self

from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.warehouse.statements import named_statements

FILE = "object_store.sqlite"
"""In the data folder."""

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))
_SECONDS = 60.0
_MANY = 5_000
_SETTLED_NS = 2_000_000_000
"""As long as that after a folder's last change its time may stay the same at the next one."""
_NEWEST = "\U0010ffff"


def state_of(path: Path) -> str:
    """Size, time and inode of a file: another state means that it may hold something else."""
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ino}"


def settled_state(folder: Path) -> str:
    """What changes when a name in a folder does; empty where it changed so lately that it may not tell."""
    changed = folder.stat().st_mtime_ns
    return str(changed) if time.time_ns() - changed > _SETTLED_NS else ""


class KnownObjects:
    """The file of one project and bucket; one of another bucket is begun anew, and so is one that is damaged.

    Raises:
        DripsError: it can't be written.
    """

    def __init__(self, project: Project, bucket: str):
        self.path = project.data / FILE
        try:
            self._open(bucket)
        except sqlite3.DatabaseError:
            self._forget_all()
            self._open(bucket)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _open(self, bucket: str) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=_SECONDS, isolation_level=None)
        except (OSError, sqlite3.OperationalError) as error:
            raise DripsError(f"can't be opened: {error}", file=self.path) from error
        self._connection.executescript(_STATEMENTS["create"])
        if self.fact("bucket") != bucket:
            with self._transaction():
                for name in ("forget_objects", "forget_folders", "forget_marks", "forget_facts"):
                    self._connection.execute(_STATEMENTS[name])
                self.note_fact("bucket", bucket)

    def _forget_all(self) -> None:
        self._connection.close()
        for suffix in ("", "-journal"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    # Objects --------------------------------------------------------------------------------------------------------

    def etags(self, keys: Collection[str]) -> dict[str, str]:
        """Key → etag, of those of these keys that are known."""
        found: dict[str, str] = {}
        rest = iter(keys)
        while some := list(islice(rest, _MANY)):
            found |= dict(self._connection.execute(_STATEMENTS["etags"], [json.dumps(some)]))
        return found

    def unknown(self, keys: Iterable[str]) -> list[str]:
        """Those of these keys that are not known, in the order given."""
        found: list[str] = []
        rest = iter(keys)
        while some := list(islice(rest, _MANY)):
            found += [key for (key,) in self._connection.execute(_STATEMENTS["unknown"], [json.dumps(some)])]
        return found

    def states_of(self, keys: Collection[str]) -> dict[str, str]:
        """Key → the state of the file that the object was made of, or was fetched into, of those that are known."""
        return dict(self._connection.execute(_STATEMENTS["states_of"], [json.dumps(list(keys))]))

    def states(self, folder: str) -> dict[str, str]:
        """The same of all objects below a folder."""
        bounds = [f"{folder}/", f"{folder}/{_NEWEST}"]
        return dict(self._connection.execute(_STATEMENTS["states"], bounds))

    def note(self, objects: Mapping[str, tuple[str, str]]) -> None:
        """Remember objects: key → etag and the local file's state."""
        with self._transaction():
            rows = [(key, etag, state) for key, (etag, state) in objects.items()]
            self._connection.executemany(_STATEMENTS["note"], rows)

    def forget(self, keys: Iterable[str]) -> None:
        """Remember objects no more: they were deleted."""
        with self._transaction():
            self._connection.executemany(_STATEMENTS["forget"], [(key,) for key in keys])

    # Folders, listings, facts ---------------------------------------------------------------------------------------

    def folder(self, path: str) -> str:
        """The state in which all of a local folder was kept; empty where that is not known."""
        row = self._connection.execute(_STATEMENTS["folder"], [path]).fetchone()
        return row[0] if row else ""

    def note_folder(self, path: str, state: str) -> None:
        """Remember that all of a local folder is kept; nothing where its state may not tell."""
        if state:
            self._connection.execute(_STATEMENTS["note_folder"], [path, state])

    def marks(self) -> dict[str, tuple[str, str, float]]:
        """By family of keys: behind which key listings begin, the last key seen, when the first was moved."""
        rows = self._connection.execute(_STATEMENTS["marks"])
        return {family: (settled, latest, moved_at) for family, settled, latest, moved_at in rows}

    def note_marks(self, marks: Mapping[str, tuple[str, str, float]]) -> None:
        """Remember such marks."""
        with self._transaction():
            self._connection.executemany(_STATEMENTS["note_mark"], [(family, *mark) for family, mark in marks.items()])

    def fact(self, name: str) -> str:
        """A fact by its name; empty where it is not known."""
        row = self._connection.execute(_STATEMENTS["fact"], [name]).fetchone()
        return row[0] if row else ""

    def note_fact(self, name: str, value: str) -> None:
        """Remember a fact."""
        self._connection.execute(_STATEMENTS["note_fact"], [name, value])
