"""How long each file of the delivery journal has been, kept apart from it: a file that was cut, or is gone, is noticed.

A run's file ends wherever its run ended, and so does one that somebody has cut: only that it was longer tells the two
apart. `data/journal/delivery_lengths/` has a small file for each, of the same name, as long as its run is not over and
the tick's end not committed; from then on the tick journal knows what was handed over (`losses`). Here belongs that
folder; the delivery journal itself is in `delivery_journal`.

The length is written after every write of the journal, without syncing: it outlives the process as the journal does.
After the machine started anew only the length at the last sync counts, as a power cut may take the rest away.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Container
from pathlib import Path

from dagster_drips.files import atomic_write, sync
from dagster_drips.project import Project

_FOLDER = "delivery_lengths"
_LINE = "{boot_id:36} {length:015d} {synced:015d} {state}\n"
_FORM = re.compile(r"(?P<boot_id>.{36}) (?P<length>\d{15}) (?P<synced>\d{15}) (?P<state>open|closed|cut)")


class LengthKeeper:
    """Keeps one file's length while it grows.

    Args:
        project: whose journal.
        name: of the journal's file, which is there by its name already.
        boot_id: what names this machine's uptime.

    Raises:
        OSError: it can't be written, here and in every method.
    """

    def __init__(self, project: Project, name: str, boot_id: str):
        folder = lengths(project)
        folder.mkdir(parents=True, exist_ok=True)
        self._boot_id = boot_id[:36]
        self._length = self._synced = 0
        self._descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600)
        self._write()
        sync(folder)

    def grown(self, count: int, *, synced: bool) -> None:
        """The file has so many bytes more; `synced`: all of it would survive a power cut."""
        self._length += count
        if synced:
            self._synced = self._length
        self._write()

    def close(self) -> None:
        """The file grows no more."""
        self._write("closed")
        os.close(self._descriptor)

    def _write(self, state: str = "open") -> None:
        line = _LINE.format(boot_id=self._boot_id, length=self._length, synced=self._synced, state=state)
        os.pwrite(self._descriptor, line.encode(), 0)


def lengths(project: Project) -> Path:
    """The folder."""
    return project.journal / _FOLDER


def find_cut(
    project: Project, folder: Path, boot_id: str, *, known: Container[str] = (), closed: bool = False
) -> list[str]:
    """Names of the files that were longer, noted as such for good: settling makes them grow.

    Args:
        project: whose journal.
        folder: where the delivery journal lies.
        boot_id: what names this machine's uptime.
        known: files that the warehouse has as a whole: what became of them makes no difference to it.
        closed: judge the files of runs that have ended properly, too.

    Raises:
        OSError: a file can't be read or written.
    """
    found = []
    for path in sorted(lengths(project).glob("[!.]*.jsonl")):
        kept = _FORM.match(path.read_text(encoding="utf-8", errors="replace"))
        if kept is None:
            continue
        place = folder / path.name
        size = place.stat().st_size if place.exists() else -1
        least = int(kept["length"] if kept["boot_id"].strip() == boot_id else kept["synced"])
        is_judged = kept["state"] == "open" or (closed and kept["state"] == "closed")
        is_judged = is_judged and _may_be_its_own(place, kept["boot_id"].strip())
        if is_judged and size < least and path.name not in known:
            line = _LINE.format(boot_id=boot_id[:36], length=least, synced=least, state="cut")
            atomic_write(path, line.encode(), mode=0o600)
        elif kept["state"] != "cut":
            continue
        found.append(path.name)
    return found


def _may_be_its_own(file: Path, boot_id: str) -> bool:
    """Whether the file can be the one whose length was kept: it says itself in which uptime it was begun."""
    if not file.exists():
        return True
    with file.open("rb") as stream:
        first = stream.readline(1_000)
    return not first.endswith(b"\n") or boot_id.encode() in first


def length_will_be(file: Path, size: int) -> None:
    """Note that a file of the delivery journal is about to be made shorter on purpose: somebody is forgotten."""
    path = file.parent.parent / _FOLDER / file.name
    if path.exists():
        line = _LINE.format(boot_id="", length=size, synced=size, state="closed")
        atomic_write(path, line.encode(), mode=0o600)


def drop_lengths(project: Project, names: Collection[str] | None = None) -> None:
    """These files' lengths need not be known any more, or, where none are named, those of all that are whole."""
    for path in lengths(project).glob("[!.]*.jsonl"):
        kept = _FORM.match(path.read_text(encoding="utf-8", errors="replace"))
        if path.name in names if names is not None else kept is None or kept["state"] != "cut":
            path.unlink(missing_ok=True)
