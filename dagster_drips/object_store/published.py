"""What BI reads, in the bucket: `published/versions/<version>/`, each a set of one tick, and which of them is current.

A set's files are put first, its manifest after them, and `published/current.json` last: the same manifest, whose
`version` names the folder. So who reads `current.json` once reads a whole set. A file that holds what it held is copied
within the bucket. Superseded sets go after as long as here. What is in a set is `pipeline.publish`'s matter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster_drips.object_store.known_objects import KnownObjects, state_of
from dagster_drips.object_store.port import NoSuchObject, ObjectStore
from dagster_drips.project import Project

CURRENT_KEY = "published/current.json"

_SETS = "published/versions"
_MANIFEST = "manifest.json"
_VERSION = "%Y%m%dT%H%M%S.%fZ"
_BEFORE = "published"
"""The fact of which files the last set that was put has, by name with their states."""
_AT_ONCE = 8


def keep_published(project: Project, store: ObjectStore, known: KnownObjects, *, readable_for: timedelta) -> int:
    """Put the set that is current here and make it the current one there; how many files were sent there.

    Args:
        project: whose.
        store: the bucket.
        known: what is remembered of it.
        readable_for: superseded sets go after this long.

    Raises:
        DripsError: the bucket can't be written; the set before stays current there.
    """
    folder = project.published_set.resolve()
    if not (folder / _MANIFEST).exists():
        return 0
    files = {path.name: path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")}
    states = {name: state_of(path) for name, path in files.items()}
    before = json.loads(known.fact(_BEFORE) or "{}")
    if before.get("version") == folder.name and before.get("files") == states:
        return 0
    manifest = files.pop(_MANIFEST)
    # What a set before has may have to do with somebody who is erased.
    kept = before if readable_for else {}
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        sent = sum(threads.map(lambda one: _put(store, folder.name, *one, states, kept), files.items()))
    store.put(f"{_SETS}/{folder.name}/{_MANIFEST}", manifest)
    store.put(CURRENT_KEY, manifest)
    known.note_fact(_BEFORE, json.dumps({"version": folder.name, "files": states}))
    _prune(store, folder.name, readable_for)
    return sent + 2


def _put(
    store: ObjectStore, version: str, name: str, path: Path, states: Mapping[str, str], before: Mapping[str, object]
) -> int:
    key, files = f"{_SETS}/{version}/{name}", before.get("files")
    if isinstance(files, dict) and files.get(name) == states[name]:
        try:
            store.copy(f"{_SETS}/{before['version']}/{name}", key)
            return 0
        except NoSuchObject:
            pass  # somebody has deleted it
    store.put(key, path)
    return 1


def _prune(store: ObjectStore, current: str, readable_for: timedelta) -> None:
    now = datetime.now(UTC)
    sets: dict[str, list[str]] = {}
    for facts in store.list(_SETS):
        names = facts.key.split("/")
        if len(names) == 4:
            sets.setdefault(names[2], []).append(facts.key)
    made = sorted((instant, version) for version in sets if (instant := _instant(version)) is not None)
    for (_, version), (superseded_at, _) in zip(made, [*made[1:], (None, None)], strict=True):
        is_readable = superseded_at is not None and timedelta(0) <= now - superseded_at < readable_for
        if version != current and not is_readable:
            # Who still finds the manifest finds all of it.
            store.delete(sorted(sets[version], key=lambda key: not key.endswith(f"/{_MANIFEST}")))


def _instant(version: str) -> datetime | None:
    try:
        return datetime.strptime(version, _VERSION).replace(tzinfo=UTC)
    except ValueError:
        return None
