"""What is asked of an object store: few verbs, so that another kind of store is one more class.

Keys are texts without a slash in front, below the prefix of `DRIPS_OBJECT_STORE_URL`. A `put` is whole or did not
happen, and is seen by every `get` and `list` that begins after it has returned: the claims of a sending run and the
owner of a journal count on that, which S3 has promised since 2020.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class NoSuchObject(Exception):
    """There is no object of that key."""


class HasChanged(Exception):
    """There is an object where none should be, or another than was thought."""


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """An object as a listing shows it.

    Args:
        key: below the prefix.
        etag: another one means other bytes.
        size: bytes.
    """

    key: str
    etag: str
    size: int


class ObjectStore(Protocol):
    """A bucket, or a folder of one.

    Every verb raises `DripsError`, one line, where the store can't be reached or refuses.
    """

    def list(self, folder: str, *, after: str = "") -> Iterator[ObjectFacts]:
        """Objects below a folder in the order of their keys' code points, those behind `after` alone."""
        ...

    def get(self, key: str) -> tuple[bytes, str]:
        """An object's bytes and its etag.

        Raises:
            NoSuchObject: it is not there.
        """
        ...

    def get_into(self, key: str, target: Path) -> str:
        """Write an object's bytes into a file, on disk for good; returns the etag.

        Raises:
            NoSuchObject: it is not there.
            OSError: the file can't be written.
        """
        ...

    def put(self, key: str, content: bytes | Path, *, only_if: str | None = None) -> str:
        """Put bytes, or a file's, under a key; returns the etag.

        Args:
            key: of the object.
            content: all of it.
            only_if: the etag of the object that is to be replaced; an empty one where none may be there.

        Raises:
            HasChanged: `only_if` does not hold.
            FileNotFoundError: the file is gone.
        """
        ...

    def copy(self, key: str, to: str) -> None:
        """Copy an object within the store.

        Raises:
            NoSuchObject: it is not there.
        """
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are not there are no mistake."""
        ...
