"""Landing files between the bucket and `data/landing`: what is put there comes here, what is landed here goes there.

An object of the key `landing/<kind>/<name>` and the file of that path are one. Here belong fetching, keeping and what
takes an old object's place; what is in a file is `dagster_drips.landing`'s matter.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TypeVar

from dagster_drips.errors import DripsError
from dagster_drips.files import sync
from dagster_drips.landing.files import loose_files
from dagster_drips.landing.packs import PACKED, DamagedPack, members_of, packs
from dagster_drips.object_store.known_objects import KnownObjects, settled_state, state_of
from dagster_drips.object_store.listing import LANDING, Listing
from dagster_drips.object_store.port import HasChanged, NoSuchObject, ObjectFacts, ObjectStore
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS

SCRATCH = ".fetching."
"""Begins the name of a file while it is fetched; it is locked as long as who fetches it lives."""
RAW = "raw"

_AT_ONCE = 16
_BATCH = 500
_LONGEST_NAME = 255
_NO_NAMES = ("", ".", "..")
_TOP = 2
"""Parts of a key that are a kind's folder: `landing/events`."""
_UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".swp", "~")
_log = logging.getLogger("dagster_drips.object_store")
_Thing = TypeVar("_Thing")


def fetch_landed(project: Project, store: ObjectStore, known: KnownObjects, *, whole: bool = False) -> int:
    """Bring what is new in the bucket's folders of kinds into those here, each file whole; how many.

    An object whose bytes have changed takes the place of the file that it was fetched into, so that the load tells of
    it as of any changed file. Nothing here is deleted because an object is gone.

    Args:
        project: where to.
        store: the bucket.
        known: what is remembered of it.
        whole: list everything.

    Raises:
        DripsError: the bucket can't be read, or the disk not be written; what has come is whole.
    """
    listing = Listing(store, known, whole=whole)
    fetched = 0
    wanted = (facts for facts in listing.objects() if _is_wanted(project, facts))
    while some := list(islice(wanted, _BATCH * 2)):
        fetched += _fetch_new(project, store, known, some)
    listing.end()
    return fetched


def keep_landed(project: Project, store: ObjectStore, known: KnownObjects) -> int:
    """Put what was landed here and is not in the bucket there; how many files.

    Raises:
        DripsError: the bucket can't be written.
    """
    kept = 0
    for kind in LANDING_KINDS:
        files = loose_files(project, kind)
        keys = {f"{LANDING}/{kind}/{name}": name for name in files.names if _is_a_key(name)}
        new = [(key, file) for key in known.unknown(keys) if (file := files.file(keys[key])) and not file.leads_out]
        kept += _keep(store, known, {key: file.location for key, file in new})
    for folder in _folders(project.landing / RAW):
        kept += _keep_folder(project, store, known, folder)
    return kept


def keep_changed(project: Project, store: ObjectStore, known: KnownObjects) -> int:
    """Put what an erasure has rewritten into the place of what it was; how many files.

    Raises:
        DripsError: the bucket can't be written.
    """
    states = known.states(LANDING)
    changed = {}
    for key, state in states.items():
        place = place_of(project, key, (*LANDING_KINDS, PACKED, RAW))
        with suppress(FileNotFoundError):
            if place is not None and state and state_of(place) != state:
                changed[key] = place
    return _put_all(store, known, changed, only_new=False)


def replace_packed(project: Project, store: ObjectStore, known: KnownObjects) -> int:
    """Put packs into the bucket, and delete there what is in them; how many objects are gone.

    Killed on the way, the next time goes on: a pack is noted as done when the objects of its files are gone.
    """
    gone, kept = 0, known.states(f"{LANDING}/{PACKED}")
    for kind in LANDING_KINDS:
        for pack in packs(project, kind):
            key, state = f"{LANDING}/{PACKED}/{kind}/{pack.name}", state_of(pack)
            done = f"packed {key}"
            if known.fact(done) == state:
                continue
            if kept.get(key) != state:
                known.note({key: (store.put(key, pack), state)})
            keys = known.etags([f"{LANDING}/{kind}/{name}" for name in _members(pack)])
            # A file that lies here by itself is not what is packed, or is about to go.
            left = [one for one in keys if not (project.data / one).exists()]
            store.delete(left)
            known.forget(left)
            gone += len(left)
            if len(left) == len(keys):
                known.note_fact(done, state)
    return gone


def place_of(project: Project, key: str, below: Sequence[str]) -> Path | None:
    """The file of an object in one of these folders of `landing/`; None: it is none, or says that it isn't meant."""
    folder, *names = key.split("/")
    if folder != LANDING or len(names) < 2 or names[0] not in below or not all(map(_is_a_name, names)):
        return None
    return project.landing.joinpath(*names)


def _is_wanted(project: Project, facts: ObjectFacts) -> bool:
    if place_of(project, facts.key, LANDING_KINDS) is not None:
        return True
    _, kind, *names = facts.key.split("/")
    # A key that ends so is what some tools make for a folder.
    if kind in LANDING_KINDS and names[-1:] != [""] and any(name in _NO_NAMES or _is_long(name) for name in names):
        _log.warning("the object %r is not loaded: its key is no file's name", facts.key)
    return False


def _is_long(name: str) -> bool:
    return "\0" in name or len(name.encode("utf-8", "replace")) > _LONGEST_NAME


def _is_a_name(name: str) -> bool:
    return (
        name not in _NO_NAMES
        and not _is_long(name)
        and not name.startswith((".", "~"))
        and not name.lower().endswith(_UNFINISHED)
    )


def _is_a_key(name: str) -> bool:
    """Whether a file's name can be an object's: bytes that are no UTF-8 can't."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return all(map(_is_a_name, name.split("/")))


# Fetching ------------------------------------------------------------------------------------------------------------


def _fetch_new(project: Project, store: ObjectStore, known: KnownObjects, listed: Sequence[ObjectFacts]) -> int:
    etags = known.etags([facts.key for facts in listed])
    new = [facts for facts in listed if etags.get(facts.key) != facts.etag]
    if not new:
        return 0
    found: dict[str, tuple[str, str]] = {}
    wanted: list[tuple[ObjectFacts, Path]] = []
    packed = packed_names(project)
    for facts in new:
        place = place_of(project, facts.key, (*LANDING_KINDS, PACKED, RAW))
        if place is None:
            continue
        if facts.key not in etags and place.is_file() and place.stat().st_size == facts.size:
            found[facts.key] = (facts.etag, state_of(place))  # what is remembered was lost
        elif facts.key not in etags and place.is_file():
            _log.warning(
                "%s and the object %s have other bytes under one name: neither takes the other's place",
                place,
                facts.key,
            )
        elif facts.key.removeprefix(f"{LANDING}/") in packed:
            found[facts.key] = (facts.etag, "")
        else:
            wanted.append((facts, place))
    known.note(found)
    return fetch_files(project, store, known, wanted)


def fetch_files(
    project: Project, store: ObjectStore, known: KnownObjects, wanted: Sequence[tuple[ObjectFacts, Path]]
) -> int:
    """Bring these objects into these places, some at once; how many.

    Raises:
        DripsError: the bucket can't be read, or the disk not be written; what has come is whole.
    """
    try:
        for some in _portions(wanted):
            known.note(_fetch(project, store, some))
    except OSError as error:
        raise DripsError(f"can't be written: {error.strerror or error}", file=project.data) from error
    return len(wanted)


def _fetch(
    project: Project, store: ObjectStore, wanted: Sequence[tuple[ObjectFacts, Path]]
) -> dict[str, tuple[str, str]]:
    """Fetch some at once; their places in the folders are on disk for good when this returns."""
    for folder in {place.parent for _, place in wanted}:
        folder.mkdir(parents=True, exist_ok=True)

    def fetch(one: tuple[ObjectFacts, Path]) -> tuple[str, tuple[str, str]] | None:
        facts, place = one
        # Not in a folder that a tool has named: who clears temporaries does not look there.
        etag = fetch_file(store, facts.key, place, beside=_top(project, facts.key))
        return None if etag is None else (facts.key, (etag, state_of(place)))

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        found = dict(one for one in threads.map(fetch, wanted) if one is not None)
    for folder in {place.parent for _, place in wanted}:
        sync(folder)
    return found


def _top(project: Project, key: str) -> Path | None:
    return project.data.joinpath(*key.split("/")[:_TOP]) if key.startswith(f"{LANDING}/") else None


def fetch_file(store: ObjectStore, key: str, place: Path, *, beside: Path | None = None) -> str | None:
    """One object as a file, whole or not at all; its etag, or None: it is gone.

    Args:
        store: the bucket.
        key: of the object.
        place: of the file.
        beside: the folder in which it is written, of the same file system; its own where None.
    """
    scratch = (beside or place.parent) / f"{SCRATCH}{os.getpid()}.{secrets.token_hex(4)}"
    with scratch.open("wb") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        try:
            etag = store.get_into(key, scratch)
        except NoSuchObject:
            scratch.unlink()
            return None
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise
        scratch.replace(place)
    return etag


def packed_names(project: Project) -> set[str]:
    """What lies in packs here, as `<kind>/<name>`."""
    return {f"{kind}/{name}" for kind in LANDING_KINDS for pack in packs(project, kind) for name in _members(pack)}


def _members(pack: Path) -> list[str]:
    try:
        return [member.name for member in members_of(pack)]
    except (DamagedPack, OSError):
        return []


# Keeping -------------------------------------------------------------------------------------------------------------


def _keep_folder(project: Project, store: ObjectStore, known: KnownObjects, folder: Path) -> int:
    path, state = str(folder.relative_to(project.data)), settled_state(folder)
    if state and known.folder(path) == state:
        return 0
    names = [entry.name for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
    keys = {f"{path}/{name}": folder / name for name in sorted(names) if _is_a_key(name)}
    kept = _keep(store, known, {key: keys[key] for key in known.unknown(keys)})
    known.note_folder(path, state)
    return kept


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []


def _keep(store: ObjectStore, known: KnownObjects, files: Mapping[str, Path]) -> int:
    return _put_all(store, known, files, only_new=True)


def _put_all(store: ObjectStore, known: KnownObjects, files: Mapping[str, Path], *, only_new: bool) -> int:
    kept = 0

    def put(one: tuple[str, Path]) -> tuple[str, tuple[str, str]] | None:
        key, place = one
        try:
            state = state_of(place)
            return key, (store.put(key, place, only_if="" if only_new else None), state)
        except FileNotFoundError:
            return None  # packed or deleted meanwhile
        except HasChanged:
            return _kept_before(store, key, place, state)

    for some in _portions(sorted(files.items())):
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            found = dict(one for one in threads.map(put, some) if one is not None)
        known.note(found)
        kept += len(found)
    return kept


def _kept_before(store: ObjectStore, key: str, place: Path, state: str) -> tuple[str, tuple[str, str]] | None:
    """An object that was there before, and what is remembered does not know: ours, where it has the same bytes."""
    with suppress(NoSuchObject, FileNotFoundError):
        content, etag = store.get(key)
        if content == place.read_bytes():
            return key, (etag, state)
        _log.warning(
            "%s and the object %s have other bytes under one name: neither takes the other's place", place, key
        )
    return None


def _portions(things: Sequence[_Thing]) -> Iterator[Sequence[_Thing]]:
    return (things[begin : begin + _BATCH] for begin in range(0, len(things), _BATCH))
