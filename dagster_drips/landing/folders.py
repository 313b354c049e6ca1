"""What lies in the landing folders, by name alone: a folder of 200,000 files is listed at every tick.

Here belong reading folders and keeping what was read while nothing in them changes. What a name means is said by the
caller; nothing here asks the system about a single file.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

_KEPT_FOLDERS = 10_000
# As long as that after a folder's last change its time may stay the same at the next one: file systems count in ticks.
_SETTLED_NS = 2_000_000_000

_kept: dict[tuple[str, tuple[str, ...]], tuple[tuple[int, int], Entries]] = {}


@dataclass(frozen=True)
class Entries:
    """What is in a folder.

    Args:
        files: names of plain files with one of the endings asked for, no dotfile, valid UTF-8; in no order.
        folders: names of folders that are no links.
        others: everything else: other names, links, devices.
    """

    files: tuple[str, ...]
    folders: tuple[str, ...]
    others: tuple[str, ...]


def entries_of(place: Path, endings: tuple[str, ...], hidden: str) -> Entries:
    """The entries of a folder, read again when its time of change is another than before.

    A file that is written to in place is none of its folder's changes, and neither is its size.

    Args:
        place: the folder.
        endings: of names in lower case that need no closer look.
        hidden: characters that such a name doesn't begin with.

    Raises:
        OSError: it can't be listed.
    """
    status = place.stat()
    key, state = (str(place), endings), (status.st_ino, status.st_mtime_ns)
    kept = _kept.get(key)
    if kept is not None and kept[0] == state:
        return kept[1]
    found = _read(place, endings, hidden)
    if time.time_ns() - status.st_mtime_ns > _SETTLED_NS:
        if len(_kept) >= _KEPT_FOLDERS:
            _kept.clear()
        _kept[key] = (state, found)
    else:
        _kept.pop(key, None)
    return found


def _read(place: Path, endings: tuple[str, ...], hidden: str) -> Entries:
    with os.scandir(place) as scanned:
        entries = list(scanned)
    files = [
        name
        for entry in entries
        if (name := entry.name).endswith(endings) and name[0] not in hidden and entry.is_file(follow_symlinks=False)
    ]
    rest = []
    if len(files) < len(entries):
        plain = set(files)
        rest = [entry for entry in entries if entry.name not in plain]
    folders = [entry.name for entry in rest if entry.is_dir(follow_symlinks=False)]
    others = [entry.name for entry in rest if not entry.is_dir(follow_symlinks=False)]
    try:
        "\n".join(files).encode()
    except UnicodeEncodeError:
        odd = [name for name in files if not _is_unicode(name)]
        files = [name for name in files if _is_unicode(name)]
        others += odd
    return Entries(tuple(files), tuple(folders), tuple(others))


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
