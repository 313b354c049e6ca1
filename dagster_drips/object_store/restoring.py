"""Everything that a bucket has, brought back: onto an empty disk, or over an older copy of the project.

The bucket's word counts: what a copy has in another form, or has not lost what somebody was erased from, gets the
bucket's. What a copy has and the bucket never had stays. Here belongs which objects are brought; ending the runs that
wrote the delivery journal is `delivery.restored`'s.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from dagster_drips.errors import DripsError
from dagster_drips.files import sync
from dagster_drips.landing.packs import PACKED
from dagster_drips.object_store.claims import PIECES, joined_pieces
from dagster_drips.object_store.journaled import DELIVERIES, JOURNAL, LAST, PLAIN, TICKS
from dagster_drips.object_store.known_objects import KnownObjects, state_of
from dagster_drips.object_store.landed import RAW, fetch_files, packed_names, place_of
from dagster_drips.object_store.listing import LANDING
from dagster_drips.object_store.owner import PLACE_KEY
from dagster_drips.object_store.port import NoSuchObject, ObjectFacts, ObjectStore
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS

_ASIDE = "set-aside-"
"""As `pipeline.tick_journal` calls what is no commit any more."""
_AT_ONCE = 16
_BATCH = 1_000


@dataclass(frozen=True)
class Restored:
    """What came back.

    Args:
        landed: files of the landing folders.
        journaled: files and commits of the journal.
        deliveries: files of the delivery journal among them, which may have no end.
    """

    landed: int = 0
    journaled: int = 0
    deliveries: list[Path] = field(default_factory=list)


@dataclass
class _Journal:
    """What the bucket has of it: plain files, commits with their files, files of deliveries, pieces of such."""

    plain: list[ObjectFacts] = field(default_factory=list)
    commits: dict[str, list[ObjectFacts]] = field(default_factory=lambda: defaultdict(list))
    deliveries: dict[str, ObjectFacts] = field(default_factory=dict)
    pieces: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))


def restore(project: Project, store: ObjectStore, known: KnownObjects) -> Restored:
    """Bring all of landing folders and journal, but for who owns it. It can be repeated.

    Raises:
        DripsError: the bucket can't be read, or the disk not be written.
    """
    landed = _restore_landed(project, store, known)
    journal = _listed(store)
    try:
        plain = _missing(project, known, journal.plain)
        fetch_files(project, store, known, plain)
        commits = _restore_commits(project, store, known, journal.commits)
        deliveries = _restore_deliveries(project, store, known, journal)
    except OSError as error:
        raise DripsError(f"can't be written: {error.strerror or error}", file=project.journal) from error
    return Restored(landed, len(plain) + commits + len(deliveries), deliveries)


def _restore_landed(project: Project, store: ObjectStore, known: KnownObjects) -> int:
    brought, listed = 0, store.list(LANDING)
    while some := list(islice(listed, _BATCH)):
        meant = [facts for facts in some if place_of(project, facts.key, (*LANDING_KINDS, PACKED, RAW))]
        packed = packed_names(project)
        loose = [facts for facts in meant if facts.key.removeprefix(f"{LANDING}/") not in packed]
        brought += fetch_files(project, store, known, _missing(project, known, loose))
    return brought


def _listed(store: ObjectStore) -> _Journal:
    found = _Journal()
    for facts in store.list(JOURNAL):
        names = facts.key.split("/")
        if any(name.startswith(".") or not name for name in names) or facts.key == PLACE_KEY:
            continue
        if facts.key.startswith(f"{TICKS}/") and len(names) == 5:
            found.commits["/".join(names[:4])].append(facts)
        elif facts.key.startswith(f"{PIECES}/") and len(names) == 4:
            with suppress(ValueError):
                found.pieces[names[2]].add(int(names[3].partition(".")[0]))
        elif facts.key.startswith(f"{DELIVERIES}/") and len(names) == 3:
            found.deliveries[names[2]] = facts
        elif len(names) == 2 or (len(names) == 3 and names[1] in PLAIN):
            found.plain.append(facts)
    return found


def _missing(project: Project, known: KnownObjects, listed: Iterable[ObjectFacts]) -> list[tuple[ObjectFacts, Path]]:
    """What is not here as it is in the bucket; of a file that nothing is remembered of its size tells."""
    listed = list(listed)
    etags = known.etags([facts.key for facts in listed])
    missing = []
    for facts in listed:
        place = project.data / facts.key
        if (
            not place.is_file()
            or (facts.key in etags and etags[facts.key] != facts.etag)
            or (facts.key not in etags and place.stat().st_size != facts.size)
        ):
            missing.append((facts, place))
    return missing


def _restore_commits(
    project: Project, store: ObjectStore, known: KnownObjects, commits: Mapping[str, list[ObjectFacts]]
) -> int:
    wanted = []
    for commit, files in sorted(commits.items()):
        place, keys = project.data / commit, {facts.key for facts in files}
        if f"{commit}/{LAST}" in keys:  # else it is half a commit, and nothing followed from it
            here = {f"{commit}/{path.name}" for path in place.glob("*.parquet")}
            if here != keys or _missing(project, known, files):
                wanted.append((place, files))

    def bring(one: tuple[Path, list[ObjectFacts]]) -> dict[str, tuple[str, str]]:
        place, files = one
        scratch = place.with_name(f".{place.name}.{os.getpid()}")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        etags = {}
        for facts in files:
            with suppress(NoSuchObject):
                etags[facts.key] = store.get_into(facts.key, scratch / facts.key.rpartition("/")[2])
        sync(scratch)
        shutil.rmtree(place, ignore_errors=True)
        scratch.rename(place)
        return {key: (etag, state_of(project.data / key)) for key, etag in etags.items()}

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for found in threads.map(bring, wanted):
            known.note(found)
    for day in {place.parent for place, _ in wanted}:
        sync(day)
    for commit in commits:
        day, _, name = commit.rpartition("/")
        if name.startswith(_ASIDE):
            shutil.rmtree(project.data / day / name.removeprefix(_ASIDE), ignore_errors=True)
    return len(wanted)


def _restore_deliveries(project: Project, store: ObjectStore, known: KnownObjects, journal: _Journal) -> list[Path]:
    folder = project.data / DELIVERIES
    folder.mkdir(parents=True, exist_ok=True)
    whole = _missing(project, known, journal.deliveries.values())
    fetch_files(project, store, known, whole)
    brought = [place for _, place in whole]
    for name in sorted(journal.pieces.keys() - journal.deliveries.keys()):
        place, content = folder / name, joined_pieces(store, name, journal.pieces[name])
        if len(content) > (place.stat().st_size if place.exists() else -1):
            scratch = place.with_name(f".{name}")
            scratch.write_bytes(content)
            sync(scratch)
            scratch.replace(place)
            brought.append(place)
    sync(folder)
    return brought
