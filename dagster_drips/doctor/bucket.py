"""The project's bucket: whether these credentials may do there what a tick does. An object of ours is put, and goes."""

from __future__ import annotations

import uuid

from dagster_drips.doctor.report import Check
from dagster_drips.errors import DripsError
from dagster_drips.object_store.mirror import ObjectMirror
from dagster_drips.object_store.owner import id_here
from dagster_drips.object_store.port import HasChanged
from dagster_drips.project import Project
from dagster_drips.settings import Settings

_FOLDER = "drips-doctor"


def check_bucket(project: Project, settings: Settings) -> Check:
    """Put, get, list and delete, the conditions of `PUT`, and whose journal is there; for who has set a bucket."""
    subject = "bucket"
    try:
        mirror = ObjectMirror.of(project, settings)
        assert mirror is not None
        _try(mirror, f"{_FOLDER}/{uuid.uuid4().hex}")
        owner = mirror.owner()
    except DripsError as error:
        return Check(subject, "problem", str(error), "see docs/object-storage.md for the rights that it takes")
    if owner is not None and owner != id_here(project):
        message = f"the journal in {mirror.address} was written at another place, so nothing is loaded or sent here"
        return Check(subject, "problem", message, "`drips adopt`, if the project has moved here for good")
    return Check(subject, "ok", f"{mirror.address} can be read and written")


def _try(mirror: ObjectMirror, key: str) -> None:
    """What a tick asks of a store.

    Raises:
        DripsError: it is refused, or the store does something else.
    """
    store, content = mirror.store, b"drips doctor"
    etag = store.put(key, content, only_if="")
    try:
        found, _ = store.get(key)
        listed = [facts.key for facts in store.list(_FOLDER)]
        if found != content or key not in listed:
            raise DripsError(f"{mirror.address}: what was put there is not seen at once")
        for condition in ("", f'"{uuid.uuid4().hex}"'):
            try:
                store.put(key, b"other", only_if=condition)
            except HasChanged:
                continue
            raise DripsError(f"{mirror.address}: this store takes no notice of If-None-Match and If-Match")
        store.put(key, content, only_if=etag)
    finally:
        store.delete([key])
