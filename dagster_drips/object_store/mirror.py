"""A project's bucket as the phases of a tick, and commands, use it: what to do when.

Here belongs the order of things: landing files go first, so that each file that the journal speaks of is there.
Without `DRIPS_OBJECT_STORE_URL` there is no mirror, and nothing of this room is asked.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_drips.locks import HeldElsewhere, exclusive
from dagster_drips.project import Project
from dagster_drips.settings import Settings, load_settings

if TYPE_CHECKING:
    from dagster_drips.object_store.claims import ClaimPieces
    from dagster_drips.object_store.known_objects import KnownObjects
    from dagster_drips.object_store.port import ObjectStore
    from dagster_drips.object_store.restoring import Restored

LOCK = "object_store.lock"
"""In the data folder: held by whoever moves files between here and the bucket."""
BETWEEN_LOOKS = 30.0
"""Seconds: a look costs a request for each family of keys, and one looks all day."""
_WAIT_SECONDS = 600.0
_looked_at: dict[Path, float] = {}


class ObjectMirror:
    """A project and its bucket.

    Args:
        project: whose files.
        store: the bucket.
        address: of the bucket, as it is told.
    """

    def __init__(self, project: Project, store: ObjectStore, address: str):
        self.project = project
        self.store = store
        self.address = address

    @classmethod
    def of(cls, project: Project, settings: Settings | None = None) -> ObjectMirror | None:
        """A project's; None where no bucket is set.

        Raises:
            DripsError: a setting is bad, or the extra is missing.
        """
        if settings is None and not _may_be_set(project):
            return None
        bucket = (settings or load_settings(project)).object_store_url
        if bucket is None:
            return None
        # Imported late: who has no bucket need not wait for the client.
        from dagster_drips.object_store.s3 import S3Store

        return cls(project, S3Store.of(project, bucket), str(bucket))

    def require_owner(self) -> None:
        """Nothing where the journal in the bucket is this place's.

        Raises:
            DripsError: it is another's.
        """
        from dagster_drips.object_store.owner import require_owner

        require_owner(self.project, self.store)

    def owner(self) -> str | None:
        """The id of the place that writes the journal in the bucket; None: there is no journal."""
        from dagster_drips.object_store.owner import owner_of

        return owner_of(self.store)

    def fetch(self, *, whole: bool = False) -> int:
        """Bring what has landed in the bucket here; how many files."""
        return self._fetch(whole=whole, wait_seconds=_WAIT_SECONDS)

    def _fetch(self, *, whole: bool, wait_seconds: float) -> int:
        from dagster_drips.object_store.landed import fetch_landed

        with self._known(wait_seconds) as known:
            _looked_at[self.project.root] = time.monotonic()
            return fetch_landed(self.project, self.store, known, whole=whole)

    def fetch_now_and_then(self) -> int:
        """The same for who asks again and again: nothing where somebody has just looked, or does at this moment."""
        looked_at = _looked_at.get(self.project.root)
        if looked_at is not None and time.monotonic() - looked_at < BETWEEN_LOOKS:
            return 0
        with suppress(HeldElsewhere):
            return self._fetch(whole=False, wait_seconds=0)
        return 0

    def keep(self, *, thorough: bool = False) -> None:
        """Put landed files and journal into the bucket, as far as it lacks them.

        Args:
            thorough: what was rewritten, too: somebody was erased.
        """
        from dagster_drips.object_store.journaled import keep_journal

        self.require_owner()
        self.keep_landed(thorough=thorough)
        with self._known() as known:
            keep_journal(self.project, self.store, known, thorough=thorough)

    def keep_landed(self, *, thorough: bool = False, wait_seconds: float = _WAIT_SECONDS) -> int:
        """Put landed files into the bucket, packs in the place of what is in them; how many files.

        Whose the journal is makes no difference: a collector on a machine of its own does that.

        Args:
            thorough: what was rewritten, too.
            wait_seconds: for who moves files at this moment.

        Raises:
            HeldElsewhere: they take longer.
        """
        from dagster_drips.object_store.landed import keep_changed, keep_landed, replace_packed

        with self._known(wait_seconds) as known:
            replace_packed(self.project, self.store, known)
            kept = keep_landed(self.project, self.store, known)
            return kept + (keep_changed(self.project, self.store, known) if thorough else 0)

    def keep_published(self, readable_for: timedelta) -> int:
        """Put the current set of what BI reads; how many files."""
        from dagster_drips.object_store.published import keep_published

        with self._known() as known:
            return keep_published(self.project, self.store, known, readable_for=readable_for)

    def claims(self, file: Path) -> ClaimPieces:
        """The pieces of a run's file of the delivery journal."""
        from dagster_drips.object_store.claims import ClaimPieces

        return ClaimPieces(self.project, self.store, file)

    def take_over(self, place: bytes) -> None:
        """Make the journal in the bucket this place's."""
        from dagster_drips.object_store.owner import take_over

        take_over(self.store, place)

    def restore(self) -> Restored:
        """Bring all that the bucket has here."""
        from dagster_drips.object_store.restoring import restore

        with self._known() as known:
            return restore(self.project, self.store, known)

    @contextmanager
    def _known(self, wait_seconds: float = _WAIT_SECONDS) -> Generator[KnownObjects]:
        """What is remembered of the bucket, for one process at a time."""
        from dagster_drips.object_store.known_objects import KnownObjects

        with (
            exclusive(self.project.data / LOCK, wait_seconds=wait_seconds),
            KnownObjects(self.project, self.address) as known,
        ):
            yield known


def _may_be_set(project: Project) -> bool:
    """Whether anything names the setting: to read all of them takes 2 ms, and those without a bucket ask often, too."""
    name = "drips_object_store_url"
    if any(variable.lower() == name for variable in os.environ):
        return True
    try:
        return name.encode() in (project.root / ".env").read_bytes().lower()
    except OSError:
        return False  # which whoever reads settings tells
