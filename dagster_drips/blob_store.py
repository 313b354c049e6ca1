"""The bytes of attachments and images that were ever part of a sequence version, each under its sha256.

`data/journal/files` belongs to the journal: what was sent can be sent again, or looked at, as long as it is there. A
file is written once and never changed. Which version has which files is in `journal.sequence_versions`; which files a
sequence may have is `sequences.attached_files`' matter.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from dagster_drips.errors import DripsError
from dagster_drips.files import atomic_write, sync
from dagster_drips.project import Project


@dataclass(frozen=True)
class FileFacts:
    """What a version knows of one of its files; `size` in bytes."""

    sha256: str
    size: int
    content_type: str

    @property
    def content_id(self) -> str:
        """How HTML refers to it (`cid:`, RFC 2392): the same bytes have the same one in every message."""
        return f"{self.sha256[:32]}@drips"


class BlobStore:
    """The folder of kept files."""

    def __init__(self, folder: Path):
        self.folder = folder

    @classmethod
    def of(cls, project: Project) -> BlobStore:
        """A project's."""
        return cls(project.journal / "files")

    def keep(self, source: Path, sha256: str) -> None:
        """Copy a file into the folder unless its bytes are there; they are on disk when this returns.

        Raises:
            DripsError: it has other bytes by now, or the folder can't be written.
        """
        place = self.folder / sha256
        if place.exists():
            return
        try:
            content = source.read_bytes()
            if _sha256(content) != sha256:
                raise DripsError("changed while it was being read; run again", file=source)
            if not self.folder.exists():
                self.folder.mkdir(parents=True, exist_ok=True)
                sync(self.folder.parent)
            atomic_write(place, content)
        except OSError as error:
            raise DripsError(f"can't be kept in {self.folder}: {error.strerror}", file=source) from error

    def read(self, sha256: str) -> bytes:
        """The bytes of that hash.

        Raises:
            DripsError: they are not there, can't be read, or were changed.
        """
        place = self.folder / sha256
        try:
            content = place.read_bytes()
        except FileNotFoundError as error:
            raise DripsError("this kept file is gone; put it back from a copy of the journal", file=place) from error
        except OSError as error:
            raise DripsError(f"can't be read: {error.strerror}", file=place) from error
        if _sha256(content) != sha256:
            raise DripsError("this kept file was changed; put it back from a copy of the journal", file=place)
        return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
