"""Files that are whole or not there, and stay so through a power cut.

Here belong writing a small file in one go and syncing folders. Logs that grow have their own modules, as each has its
own rules of what may be lost.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path


def atomic_write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Put a file in the place of the one of that name, or where none was; it is on disk for good when this returns.

    A crash in between leaves the earlier file and perhaps a hidden scratch file beside it, which is one of
    `temporaries`: it is locked as long as its writer lives.

    Args:
        path: its folder is made where it is missing.
        content: all of it.
        mode: permissions of the new file.

    Raises:
        OSError: it can't be written; the earlier file is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(_own(scratch, mode), "wb") as stream:
        stream.truncate()
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
        scratch.replace(path)
    sync(path.parent)


def _own(scratch: Path, mode: int) -> int:
    """The scratch file, open and locked."""
    while True:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, mode)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.fstat(descriptor), scratch.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        # Somebody who looked for leftovers was faster than our lock.
        os.close(descriptor)


def sync(path: Path) -> None:
    """Have a file's content, or a folder's list of names, on disk for good."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file's content within the kernel; a file system that can lets both names share what is on disk.

    Raises:
        OSError: it can't be read or written.
    """
    with source.open("rb") as read, target.open("wb") as written:
        left = os.fstat(read.fileno()).st_size
        with suppress(AttributeError, OSError):  # not on macOS; between some file systems it can't be done
            while left and (done := os.copy_file_range(read.fileno(), written.fileno(), left)):
                left -= done
    if left:
        shutil.copyfile(source, target)
