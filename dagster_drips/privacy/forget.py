"""Erasing a person: landing files, journals, caught mail, warehouse and published marts without them.

What stays is a keyed hash of the addresses and of the lead id (`landing.forgotten`), so that nobody mails them again.
The warehouse is not cleaned but made again from the cleaned files, as `drips rebuild` does: no block of it has seen
them. A crash on the way is fixed by doing it again: what was found at first stands in a file until all is done.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dagster_drips.errors import DripsError
from dagster_drips.files import atomic_write
from dagster_drips.landing.files import landing_files
from dagster_drips.landing.forgotten import read_forgotten, remember_forgotten
from dagster_drips.pipeline.in_bucket import begin_erasure, end_erasure
from dagster_drips.pipeline.mail_exchangers import forget_domains
from dagster_drips.pipeline.rebuild import rebuild_under_lock
from dagster_drips.pipeline.rebuild_in_place import made_in_place
from dagster_drips.pipeline.run_lock import exclusive_run
from dagster_drips.privacy.journal_rows import (
    count_members_again,
    has_commits,
    loaded_hashes,
    note_new_bytes,
    without_decisions,
    without_deliveries,
)
from dagster_drips.privacy.landing_rows import raw_without_rows, without_rows
from dagster_drips.privacy.person import Person
from dagster_drips.privacy.rewriting import remove
from dagster_drips.privacy.search import search
from dagster_drips.privacy.survey import Survey, survey
from dagster_drips.project import Project
from dagster_drips.temporaries import clear, living
from dagster_drips.warehouse import open_warehouse, warehouse_of

_SECONDS_FOR_COLLECTORS = 5.0


@dataclass
class Unfinished:
    """What an erasure that has begun must not lose before it ends: whom, and what it touched."""

    lead_ids: list[str]
    addresses: list[str]
    message_ids: list[str]
    enrollment_ids: list[str]
    landing_paths: list[str] = field(default_factory=list)
    segments: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ForgetReport:
    """What was erased.

    Args:
        counts: rows by what they were, as `Survey.counts` has them.
        files: how many files were rewritten or deleted.
        sharing: other leads with one of the addresses; they are not mailed any more either.
        remaining: files below the project in which an address or an id still stands, such as rows of others that name
            it; the lead that shares an address is one.
        unread: files that could not be looked into, each with the reason.
        not_searched: folders that were left out, such as `.git`.
        out_of_reach: what others keep, and nobody here can look into: versions of objects, a server's own copies.
    """

    counts: dict[str, int]
    files: int
    sharing: list[str]
    remaining: list[str]
    unread: list[str]
    not_searched: list[str]
    out_of_reach: list[str]

    @property
    def is_complete(self) -> bool:
        """Whether nothing of the person is left, as far as everything could be looked into."""
        return not self.remaining and not self.unread


def forget(project: Project, lead_id: str, progress: Callable[[str], None] = lambda what: None) -> ForgetReport:
    """Erase a lead. It is done, or can be repeated.

    Args:
        project: where to look: everything in its folder.
        lead_id: whom.
        progress: told what is being done.

    Raises:
        DripsError: nobody knows that lead, another run is going on, another erasure has not ended, or a landed file is
            damaged, gone or changed, so that the warehouse could not be made again: nothing was erased then.
    """
    with exclusive_run(project, thoroughly=True):
        _wait_for_collectors(project)
        unfinished = _read_unfinished(project, lead_id)
        bucket = begin_erasure(project)
        found = survey(project, lead_id, _person(lead_id, unfinished))
        if unfinished is None and found.is_empty:
            raise _unknown(project, lead_id)
        counts = found.counts()
        todo = _todo(found, unfinished)
        _refuse_if_broken(project, set(todo.landing_paths) if unfinished else set())
        _write_unfinished(project, todo)
        remember_forgotten(project, [("lead", lead_id), *(("address", address) for address in found.person.addresses)])
        files = _erase(project, found, todo, progress)
        if has_commits(project):
            rebuild_under_lock(project, progress)
        else:
            _delete_warehouse(project)
        clear(project, holds_run_lock=True, thoroughly=True)
        out_of_reach = [*end_erasure(bucket), *_copies_of_database(project)]
        remove(_unfinished_file(project))
        progress("looking for what is left")
        left = search(project, found.person)
        found_left = (left.remaining, left.unread, left.not_searched)
        return ForgetReport(counts, files, sorted(found.sharing), *found_left, out_of_reach)


def surveyed(project: Project, lead_id: str) -> Survey:
    """What is known of a lead, looked up while no run is going on.

    Raises:
        DripsError: nobody knows that lead, another run is going on, a file can't be read.
    """
    with exclusive_run(project):
        _wait_for_collectors(project)
        unfinished = _read_unfinished(project, lead_id)
        found = survey(project, lead_id, _person(lead_id, unfinished))
        if unfinished is None and found.is_empty:
            raise _unknown(project, lead_id)
        return found


def _erase(project: Project, found: Survey, todo: Unfinished, progress: Callable[[str], None]) -> int:
    progress("landing files")
    without_rows(found.landing)
    for path, rows in found.raw.items():
        raw_without_rows(path, rows)
    progress("journals")
    touched = set(todo.landing_paths)
    note_new_bytes(project, {file.path: file for file in landing_files(project) if file.path in touched})
    for path in found.deliveries:
        without_deliveries(path, found.person)
    for path in found.decisions:
        without_decisions(path, found.person)
    if todo.segments:
        count_members_again(project, set(todo.segments))
    for path in found.mails:
        remove(path)
    forget_domains(project, todo.addresses)
    return sum(map(len, (found.landing, found.raw, found.deliveries, found.decisions, found.mails)))


def _todo(found: Survey, unfinished: Unfinished | None) -> Unfinished:
    person = found.person
    segments = {
        segment
        for path, frame in found.decisions.items()
        if path.stem == "segment_changes"
        for segment in frame["segment"]
    }
    return Unfinished(
        # The lead itself stands first.
        lead_ids=[person.lead_id, *sorted(person.lead_ids - {person.lead_id})],
        addresses=sorted(person.addresses),
        message_ids=sorted(person.message_ids),
        enrollment_ids=sorted(person.enrollment_ids),
        landing_paths=sorted(
            {file.path for file, _ in found.landing} | set(unfinished.landing_paths if unfinished else [])
        ),
        segments=sorted(segments | set(unfinished.segments if unfinished else [])),
    )


def _refuse_if_broken(project: Project, rewritten: set[str]) -> None:
    """Nothing is erased that could not be made whole again; `rewritten` may have other bytes than the journal knows."""
    lying = {file.path: file for file in landing_files(project)}
    for path, sha256 in loaded_hashes(project).items():
        place = project.landing / path
        if path not in lying:
            raise DripsError("this landed file is gone; without it the warehouse can't be made again", file=place)
        if path not in rewritten and lying[path].sha256() != sha256:
            raise DripsError("this landed file has changed since it was loaded; put it back first", file=place)


def _unknown(project: Project, lead_id: str) -> DripsError:
    forgotten = read_forgotten(project)
    if forgotten and forgotten.knows("lead", lead_id):
        return DripsError(f"lead {lead_id!r} was forgotten before, and nothing of them is here")
    return DripsError(f"nobody knows a lead {lead_id!r}: not in the landing files, not in the journal")


def _person(lead_id: str, unfinished: Unfinished | None) -> Person | None:
    if unfinished is None:
        return None
    return Person(
        lead_id,
        set(unfinished.lead_ids),
        set(unfinished.addresses),
        set(unfinished.message_ids),
        set(unfinished.enrollment_ids),
    )


def _unfinished_file(project: Project) -> Path:
    return project.journal / "forgetting.json"


def _read_unfinished(project: Project, lead_id: str) -> Unfinished | None:
    file = _unfinished_file(project)
    try:
        unfinished = Unfinished(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise DripsError("an erasure has begun and what it found can't be read", file=file) from error
    if unfinished.lead_ids[0] != lead_id:
        raise DripsError(
            f"an erasure has not ended: run `drips forget {unfinished.lead_ids[0]}` again first", file=file
        )
    return unfinished


def _write_unfinished(project: Project, unfinished: Unfinished) -> None:
    atomic_write(_unfinished_file(project), json.dumps(vars(unfinished)).encode(), mode=0o600)


def _delete_warehouse(project: Project) -> None:
    """Nothing was ever decided: the next run makes a new one from the landing files."""
    place = warehouse_of(project)
    if not isinstance(place, Path):
        with open_warehouse(place) as warehouse, made_in_place(warehouse):
            return
    for path in (project.warehouse, project.warehouse.with_suffix(".duckdb.wal")):
        path.unlink(missing_ok=True)


def _copies_of_database(project: Project) -> list[str]:
    """What a server keeps beside the warehouse that was made again."""
    place = warehouse_of(project)
    return [] if isinstance(place, Path) else [f"PostgreSQL {place.name}, its write-ahead log and backups"]


def _wait_for_collectors(project: Project) -> None:
    """Until what living collectors are writing has its name: a second or two, as rows that wait are not looked at."""
    waiting = living(project)
    deadline = time.monotonic() + _SECONDS_FOR_COLLECTORS
    while any(path.exists() for path in waiting) and time.monotonic() < deadline:
        time.sleep(0.1)
