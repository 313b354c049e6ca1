"""What a sending run has journaled, in the bucket before its messages are begun: `journal/delivery_pieces/<file>/`.

An object can't grow. So each batch of claims goes there as one more object that is named for the byte of the journal's
file that it begins at: all that was written since the one before, outcomes of earlier messages, too. One after another
they are the file. When the run has ended the file is put as a whole, and its pieces go (`journaled`).

Then the run asks whose journal it is (`owner`). Who takes a journal over says so first, and lists the pieces after:
either the run sees that, and sends none of the batch, or the other one sees its claims, and sends none of them either.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from dagster_drips.object_store.owner import require_owner
from dagster_drips.object_store.port import ObjectStore
from dagster_drips.project import Project

PIECES = "journal/delivery_pieces"
_DIGITS = 15


class ClaimPieces:
    """Those of one file of the delivery journal, while its run goes on.

    Args:
        project: whose journal.
        store: the bucket.
        file: the run's own.
    """

    def __init__(self, project: Project, store: ObjectStore, file: Path):
        self._project = project
        self._store = store
        self._file = file
        self._lock = threading.Lock()
        self._kept = 0

    def keep(self) -> None:
        """Put what was written since the last time; claims in it may be begun once this returns.

        Raises:
            DripsError: the bucket can't be written, or the journal is another place's by now: none of them may.
        """
        with self._lock:
            with self._file.open("rb") as stream:
                stream.seek(self._kept, os.SEEK_SET)
                content = stream.read()
            # Whole lines: what is being written this moment is the next one's.
            content = content[: content.rfind(b"\n") + 1]
            key = piece_key(self._file.name, self._kept)
            if content:
                self._store.put(key, content)
                self._kept += len(content)
            require_owner(self._project, self._store)


def piece_key(name: str, begins_at: int) -> str:
    """The key of a file's piece."""
    return f"{PIECES}/{name}/{begins_at:0{_DIGITS}d}.jsonl"


def joined_pieces(store: ObjectStore, name: str, begins: Iterable[int]) -> bytes:
    """What a file's pieces are together; what came behind one that is gone is there all the same."""
    return b"".join(store.get(piece_key(name, begins_at))[0] for begins_at in sorted(begins))


def drop_pieces(store: ObjectStore, name: str) -> None:
    """Take a file's pieces away: it is there as a whole."""
    store.delete([facts.key for facts in store.list(f"{PIECES}/{name}")])
