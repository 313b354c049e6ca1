"""What a tick, and commands that change files, do about the project's bucket; nothing where none is set.

Here belongs when the bucket is asked and what becomes of its failures; how files get there is `object_store`'s.
A bucket that can't be reached fails a tick before it loads anything, and stops a send before it begins what it could
not claim there: mail that the bucket does not know of would go out again from another machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dagster_drips.clock import utc_now
from dagster_drips.delivery.delivery_journal import deliveries
from dagster_drips.delivery.place import adopt, misplaced
from dagster_drips.delivery.restored import settle_restored
from dagster_drips.errors import DripsError
from dagster_drips.object_store.mirror import ObjectMirror
from dagster_drips.pipeline.publish import READABLE_FOR
from dagster_drips.pipeline.run_lock import exclusive_run
from dagster_drips.pipeline.tick_journal import TickJournal
from dagster_drips.project import Project
from dagster_drips.settings import load_settings


def begin_with_bucket(project: Project) -> None:
    """Begin a tick: only the journal's own place may, and what has landed in the bucket is brought here.

    Raises:
        DripsError: the bucket's journal is another place's, this is a copy, or the bucket can't be read.
    """
    if (mirror := _own(project)) is not None:
        mirror.fetch()


def fetch_meanwhile(project: Project) -> None:
    """Bring what has landed in the bucket since, where nobody has looked in the last half minute."""
    if (mirror := ObjectMirror.of(project)) is not None:
        mirror.fetch_now_and_then()


def fetch_to_look(project: Project) -> str | None:
    """The same for who only looks whether a tick should begin; why it could not be done, which the tick will tell."""
    try:
        fetch_meanwhile(project)
    except DripsError as error:
        return str(error)
    return None


def keep_in_bucket(project: Project) -> None:
    """Put landed files and journal there, before anything that they allow happens."""
    if (mirror := ObjectMirror.of(project)) is not None:
        mirror.keep()


def keep_landed_in_bucket(project: Project) -> None:
    """Put landed files there, and packs in the place of what is in them; a copy of a project does neither."""
    if (mirror := ObjectMirror.of(project)) is not None and not misplaced(project):
        mirror.keep_landed()


def keep_published_in_bucket(project: Project, readable_for: timedelta = READABLE_FOR) -> None:
    """Put the current set of what BI reads there."""
    if (mirror := ObjectMirror.of(project)) is not None:
        mirror.keep_published(readable_for)


def begin_erasure(project: Project) -> ObjectMirror | None:
    """Bring everything here before somebody is looked for; None where there is no bucket."""
    if (mirror := _own(project)) is not None:
        mirror.fetch(whole=True)
        mirror.keep()
    return mirror


def end_erasure(mirror: ObjectMirror | None) -> list[str]:
    """Let the bucket hold what is left here, and no more; returns what nobody could look into, for people."""
    if mirror is None:
        return []
    mirror.keep(thorough=True)
    mirror.keep_published(timedelta(0))
    return [f"{mirror.address}, earlier versions of objects, if the bucket keeps any"]


@dataclass(frozen=True)
class Adopted:
    """What an adoption did.

    Args:
        is_new: whether this was not the journal's place before.
        landed: files that came from the bucket.
        restored: whether any of the journal did.
    """

    is_new: bool
    landed: int = 0
    restored: bool = False


def adopt_with_bucket(project: Project, *, now: Callable[[], datetime] = utc_now) -> Adopted:
    """Take this for the journal's place from now on, and bring what the bucket has here.

    The bucket is told whose journal it is before its claims are read: see `object_store.claims`.

    Raises:
        DripsError: there is no journal, here or in the bucket; the one here is another than the bucket's; the bucket
            can't be read or written. It can be repeated.
    """
    mirror = ObjectMirror.of(project)
    if mirror is None:
        return Adopted(adopt(project, now=now()))
    with exclusive_run(project):
        owner = mirror.owner()
        _refuse_another(project, owner, mirror.address)
        if owner is not None:
            project.journal.mkdir(parents=True, exist_ok=True)
        is_new = adopt(project, now=now()) or owner != _places(project)[-1]
        mirror.take_over((project.journal / "place.json").read_bytes())
        restored = mirror.restore()
        settle_restored(restored.deliveries, now=now, resend=load_settings(project).in_doubt == "resend")
        mirror.keep()
        return Adopted(is_new, restored.landed, restored.journaled > 0)


def _own(project: Project) -> ObjectMirror | None:
    """The mirror of a project that may write to its bucket."""
    mirror = ObjectMirror.of(project)
    if mirror is None:
        return None
    if reason := misplaced(project):
        raise DripsError(
            f"nothing is loaded or sent: {reason}, and a copy must not write to the bucket of its original. Unset"
            " DRIPS_OBJECT_STORE_URL here, or say `drips adopt` if the project has moved",
            file=project.root,
        )
    mirror.require_owner()
    return mirror


def _refuse_another(project: Project, owner: str | None, address: str) -> None:
    """A journal of ticks is not joined with another project's, or one that another place has gone on with."""
    has_lived = _commits(project) > 0 or any(deliveries(project).glob("[!.]*.jsonl"))
    if has_lived and owner is not None and owner not in _places(project):
        raise DripsError(
            f"this journal is not the one in {address}: move data/journal, data/landing and data/warehouse.duckdb away"
            " to take over what the bucket has",
            file=project.journal,
        )


def _places(project: Project) -> list[str]:
    """The ids of the places that the journal here was written on, the latest last."""
    try:
        known = json.loads((project.journal / "place.json").read_bytes())
        return [*(one["before"] for one in known["adoptions"]), known["id"]]
    except (OSError, ValueError, KeyError, TypeError):
        return [""]


def _commits(project: Project) -> int:
    return len(TickJournal(project.journal / "ticks").commits())
