"""The project folder: its files, its warehouse, its journal, its disk. Looked at, never changed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from dagster_drips.delivery.place import misplaced
from dagster_drips.doctor.report import Check, many
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.lost_mail import signs_of_lost_mail
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import Catalog
from dagster_drips.warehouse import Place, PostgresDatabase, open_warehouse, warehouse_of

_MEGABYTE = 1024 * 1024
_TOO_LITTLE = 100 * _MEGABYTE
_LITTLE = 1024 * _MEGABYTE
_COPIES = 3
"""How often the warehouse's size should be free: a run writes a snapshot for BI beside it, a rebuild a second one."""


def check_place(project: Project, catalog: Catalog) -> Iterator[Check]:
    """Folder, sequence files, warehouse, journal (writable, in its place, whole), disk, in this order."""
    yield Check("project", "ok", str(project.root))
    yield check_files(catalog)
    yield check_warehouse(warehouse_of(project))
    yield check_writable("journal", project.journal)
    yield check_moved(project)
    yield check_journal_is_whole(project)
    yield check_disk(project)


def check_moved(project: Project) -> Check:
    """Whether this is where the journal was written; a copy sends nothing."""
    if reason := misplaced(project):
        return Check("place", "problem", f"nothing is sent from here: {reason}", "if it has moved, say `drips adopt`")
    return Check("place", "ok", "the journal was written here" if project.journal.exists() else "no journal yet")


def check_journal_is_whole(project: Project) -> Check:
    """Whether mail went out that the journal doesn't know, as after a restore from an old backup."""
    signs = signs_of_lost_mail(project)
    if not signs:
        return Check("journal age", "ok", "nothing is newer than the journal")
    remedy = "put back a newer data/journal/, or people may be mailed again"
    return Check("journal age", "warning", f"mail may have gone out after this journal: {'; '.join(signs)}", remedy)


def check_files(catalog: Catalog) -> Check:
    """What `drips validate` would count."""
    errors = len(catalog.errors)
    warnings = len(catalog.problems) - errors
    sequences = many(len(catalog.written) + len(catalog.invalid), "sequence")
    message = f"{sequences}, {many(errors, 'error')}, {many(warnings, 'warning')}"
    if errors:
        return Check("sequences", "problem", message, "see `drips validate`")
    if warnings:
        return Check("sequences", "warning", message, "see `drips validate`")
    return Check("sequences", "ok", message)


def check_warehouse(path: Place) -> Check:
    """Whether the warehouse can be opened; one that a run is writing is well."""
    if isinstance(path, PostgresDatabase):
        return _check_database(path)
    if not path.exists():
        return Check("warehouse", "ok", "none yet; the first `drips run` makes it")
    try:
        with open_warehouse(path, read_only=True) as warehouse:
            warehouse.value("select 1")
    except DripsError as error:
        if isinstance(error.__cause__, duckdb.IOException) and "lock" in str(error.__cause__).lower():
            return Check("warehouse", "ok", "another process is writing it now, so it was not looked into")
        return Check("warehouse", "problem", str(error), "delete it and make it again by `drips rebuild`")
    except duckdb.Error as error:
        message = " ".join(f"{path}: {error}".split())
        return Check("warehouse", "problem", message, "delete it and make it again by `drips rebuild`")
    return Check("warehouse", "ok", f"{path} opens")


def _check_database(database: PostgresDatabase) -> Check:
    try:
        with open_warehouse(database, read_only=True) as warehouse:
            warehouse.value("select 1")
    except DripsError as error:
        return Check("warehouse", "problem", str(error), "see docs/postgres.md")
    return Check("warehouse", "ok", f"PostgreSQL {database.name} answers")


def check_writable(subject: str, folder: Path) -> Check:
    """Whether files can be made in a folder, or in what it will be made in; leaves none behind."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        message = f"{place} can't be written to: {error.strerror or error}"
        return Check(subject, "problem", message, "without a journal nothing is sent; fix its permissions, or the disk")
    return Check(subject, "ok", f"{folder} can be written to" if place == folder else f"{folder} can be made")


def check_disk(project: Project) -> Check:
    """Free space for journal, warehouse and snapshots."""
    place = project.data if project.data.exists() else project.root
    free = shutil.disk_usage(place).free
    size = project.warehouse.stat().st_size if project.warehouse.exists() else 0
    return disk_check(free, size)


def disk_check(free: int, warehouse_size: int) -> Check:
    """How so many free bytes do beside a warehouse of that size."""
    message = f"{_shown(free)} free, the warehouse has {_shown(warehouse_size)}"
    if free < _TOO_LITTLE:
        return Check("disk", "problem", message, "make room: a full disk stops sending")
    if free < max(_LITTLE, _COPIES * warehouse_size):
        return Check("disk", "warning", message, f"have {_shown(max(_LITTLE, _COPIES * warehouse_size))} free")
    return Check("disk", "ok", message)


def _shown(size: int) -> str:
    return f"{size / _MEGABYTE / 1024:,.1f} GB" if size >= _MEGABYTE * 1024 else f"{size / _MEGABYTE:,.0f} MB"
