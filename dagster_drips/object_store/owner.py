"""Whose journal the bucket's is: one place writes it, and no other may send.

`journal/place.json` there is that of `data/journal` (`delivery.place`): the id of the place that the journal is written
on. It is put where none is, and another's is replaced by an adoption alone. Here belong asking and taking over.
"""

from __future__ import annotations

import json
from contextlib import suppress

from dagster_drips.errors import DripsError
from dagster_drips.object_store.port import HasChanged, NoSuchObject, ObjectStore
from dagster_drips.project import Project

PLACE_KEY = "journal/place.json"
_ID_FILE = "place"


def require_owner(project: Project, store: ObjectStore) -> None:
    """Nothing where the bucket's journal is this place's, or nobody's yet, which makes it this place's.

    Raises:
        DripsError: it is another's, or can't be read.
    """
    try:
        content, _ = store.get(PLACE_KEY)
    except NoSuchObject:
        if (mine := _mine(project)) is not None and _put_first(store, mine):
            return
        content = b""
    if _id_of(content) != id_here(project) or not content:
        raise DripsError(
            "nothing is loaded or sent: the journal in the bucket was written at another place. If this project has"
            " moved here for good, and the other one sends no more, say `drips adopt`",
            file=project.root,
        )


def owner_of(store: ObjectStore) -> str | None:
    """The id of the place that writes the bucket's journal; None: there is no journal."""
    try:
        return _id_of(store.get(PLACE_KEY)[0])
    except NoSuchObject:
        return None


def take_over(store: ObjectStore, place: bytes) -> None:
    """Make the bucket's journal that of a place, whoever's it was.

    Args:
        store: the bucket.
        place: what `place.json` says.

    Raises:
        DripsError: another place took it at the same moment.
    """
    try:
        try:
            _, etag = store.get(PLACE_KEY)
        except NoSuchObject:
            etag = ""
        store.put(PLACE_KEY, place, only_if=etag)
    except HasChanged:
        raise DripsError("another place has just adopted this journal; let one of the two do it") from None


def id_here(project: Project) -> str:
    """The id of this place; empty where it has none."""
    file = project.data / _ID_FILE
    return file.read_text(encoding="utf-8", errors="replace").strip() if file.is_file() else ""


def _mine(project: Project) -> bytes | None:
    with suppress(OSError):
        return (project.data / PLACE_KEY).read_bytes()
    return None


def _put_first(store: ObjectStore, place: bytes) -> bool:
    with suppress(HasChanged):
        store.put(PLACE_KEY, place, only_if="")
        return True
    return False


def _id_of(content: bytes) -> str:
    try:
        return str(json.loads(content)["id"])
    except (ValueError, KeyError, TypeError):
        return ""
