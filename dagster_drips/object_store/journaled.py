"""The journal in the bucket: each file of `data/journal` under the same path, put there before what it allows happens.

Here belongs keeping the journal; bringing it back is `restoring`'s. Claims of a run that is sending are `claims`, whose
journal it is `owner`'s. What is of this machine alone stays here: locks, lengths of files, the list of an erasure that
has not ended.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dagster_drips.object_store.claims import drop_pieces
from dagster_drips.object_store.known_objects import KnownObjects, settled_state, state_of
from dagster_drips.object_store.owner import PLACE_KEY
from dagster_drips.object_store.port import ObjectStore
from dagster_drips.project import Project

JOURNAL = "journal"
"""The folder of the journal, as below `data/`."""
TICKS, DELIVERIES = f"{JOURNAL}/ticks", f"{JOURNAL}/deliveries"

LAST = "ticks.parquet"
"""Every commit has it: it is put last, so that a commit without it is none."""
_LOCAL = ("forgetting.json",)
PLAIN = ("", "files", "inbox", "reports")
_END = b'{"record":"closed"}\n'
"""As `delivery.delivery_journal` writes it."""
_LOOKED_AT = 200
"""So many files of the delivery journal are looked at: those of earlier runs change no more."""
_AT_ONCE = 16


def keep_journal(project: Project, store: ObjectStore, known: KnownObjects, *, thorough: bool = False) -> int:
    """Make the bucket's journal what the one here is; how many objects were put or deleted.

    Args:
        project: whose journal; the place that it is written on.
        store: the bucket.
        known: what is remembered of it.
        thorough: look at every file, as somebody may have been taken out of it.

    Raises:
        DripsError: the bucket can't be written; what is missing there is put by the next time.
    """
    changed = 0
    for folder in PLAIN:
        place = project.journal / folder if folder else project.journal
        files = {f"{place.relative_to(project.data)}/{path.name}": path for path in _files(place)}
        changed += _keep(store, known, files, known.states_of(files))
    changed += _keep_deliveries(project, store, known, thorough=thorough)
    for day in sorted((project.journal / "ticks").glob("*-*-*")):
        path, state = str(day.relative_to(project.data)), settled_state(day)
        if thorough or not state or known.folder(path) != state:
            changed += _keep_day(project, store, known, day, thorough=thorough)
            known.note_folder(path, state)
    return changed


# Keeping -------------------------------------------------------------------------------------------------------------


def _keep(store: ObjectStore, known: KnownObjects, files: Mapping[str, Path], there: Mapping[str, str]) -> int:
    """Put what is not there as it is here, and delete what is here no more."""
    gone = [key for key in there if key not in files]
    new = {key: path for key, path in files.items() if there.get(key, "") != state_of(path)}
    _put(store, known, new)
    if gone:
        store.delete(gone)
        known.forget(gone)
    return len(new) + len(gone)


def _put(store: ObjectStore, known: KnownObjects, files: Mapping[str, Path]) -> None:
    def put(one: tuple[str, Path]) -> tuple[str, tuple[str, str]]:
        key, path = one
        state = state_of(path)
        return key, (store.put(key, path), state)

    if len(files) == 1:
        known.note(dict([put(next(iter(files.items())))]))
    elif files:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            known.note(dict(threads.map(put, sorted(files.items()))))


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    # `place.json` is `owner`'s.
    out = {*_LOCAL, Path(PLACE_KEY).name}
    return [folder / name for name in names if not name.startswith(".") and name not in out and name[-5:] != ".lock"]


def _keep_day(project: Project, store: ObjectStore, known: KnownObjects, day: Path, *, thorough: bool) -> int:
    path = str(day.relative_to(project.data))
    there: dict[str, dict[str, str]] = defaultdict(dict)
    for key, state in known.states(path).items():
        there[key.rpartition("/")[0]][key] = state
    here = {f"{path}/{commit.name}": commit for commit in day.iterdir() if not commit.name.startswith(".")}
    changed = 0
    for commit, place in sorted(here.items()):
        last, known_files = f"{commit}/{LAST}", there.get(commit, {})
        if thorough or last not in known_files:
            files = {f"{commit}/{file.name}": file for file in place.glob("*.parquet")}
            for some in ({*files} - {last}, {last}):
                of_some = {key: state for key, state in known_files.items() if (key == last) == (some == {last})}
                changed += _keep(store, known, {key: files[key] for key in sorted(some)}, of_some)
    gone = [key for commit, files in there.items() if commit not in here for key in files]
    # What makes it a commit goes first.
    store.delete(sorted(gone, key=lambda key: not key.endswith(f"/{LAST}")))
    known.forget(gone)
    return changed + len(gone)


def _keep_deliveries(project: Project, store: ObjectStore, known: KnownObjects, *, thorough: bool) -> int:
    files = {f"{DELIVERIES}/{path.name}": path for path in sorted((project.data / DELIVERIES).glob("[!.]*.jsonl"))}
    latest = [*files][-_LOOKED_AT:] if not thorough else files
    states = known.states_of(latest)
    changed = {key for key in latest if key in states and states[key] != state_of(files[key])}
    new = {key: files[key] for key in (*known.unknown(files), *changed) if _has_ended(files[key])}
    _put(store, known, new)
    for path in new.values():
        drop_pieces(store, path.name)
    return len(new)


def _has_ended(file: Path) -> bool:
    """Whether a file of the delivery journal says so at its end; a dead run's does as soon as a tick has settled it."""
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - len(_END)))
        return stream.read() == _END
