"""Landing files into the raw tables: each file once, in order, whole or not at all.

Here belongs what is loaded: what is new of every kind, or what the journal says was loaded. How files of a kind are
loaded, and what is done with those that can't be, is `kind_load`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from dagster_drips.errors import DripsError
from dagster_drips.landing.fields import LeadFields
from dagster_drips.landing.files import LandingFile, UnreadableFile, landing_files
from dagster_drips.landing.forgotten import load_forgotten
from dagster_drips.landing.kind_load import KindLoad, LoadReport, Progress
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse.port import Warehouse

__all__ = ["LoadReport", "Progress", "load_again", "load_landing"]


def load_landing(
    project: Project,
    warehouse: Warehouse,
    *,
    kinds: Sequence[str] = LANDING_KINDS,
    fields: Mapping[str, str] | None = None,
    loaded_at: datetime,
    progress: Progress | None = None,
) -> dict[str, LoadReport]:
    """Load what is new in the landing folders.

    A file is loaded once, by its path; one whose bytes were loaded before under another name of the same format adds
    nothing and is noted with all its rows as duplicates. The rows of a file, those of it in quarantine and its entry in
    `raw.loaded_files` take effect together.

    A file that can't be read to its end gives no row. It is reported in `raw.rejected_rows` with line 0 and not noted
    as loaded; it is tried again only when its size or times changed, so it is neither reported at every tick nor in
    the way of others. One whose rows the engine refuses is reported once, too, and the others are loaded without it. A
    file that changed after it was loaded is reported likewise, once for each content, and not loaded again; whether it
    did is looked at when its size or time is another than before. Of more than `LOOKED_AT` loaded files of a kind, a
    load asks for size and time of so many by chance.

    Args:
        project: where the landing folders are.
        warehouse: open for writing.
        kinds: which folders, in the order of loading.
        fields: declared types of custom fields (`text`, `integer`, `number`, `boolean`, `date`, `timestamp`); others
            are text. Declared ones get their column in `raw.leads` before any lead has them.
        loaded_at: wall clock, naive UTC.
        progress: called after each batch with the file's path and how many of its rows are read so far.

    Returns:
        A report by kind, for each of `kinds`.

    Raises:
        DripsError: `fields` names an unknown type or a reserved name, or the list of whom to forget can't be read.
    """
    lead_fields = LeadFields(fields or {}, warehouse.columns("raw.leads"))
    reports = {}
    if "suppressions" in kinds:
        load_forgotten(project, warehouse)
    for kind in kinds:
        load = KindLoad(warehouse, kind, lead_fields, loaded_at, progress)
        if kind == "leads":
            load.bring_fields_up_to_date()
        load.run(project)
        reports[kind] = load.report
    return reports


def load_again(
    project: Project,
    warehouse: Warehouse,
    loaded: Sequence[Mapping[str, Any]],
    *,
    fields: Mapping[str, str] | None = None,
) -> int:
    """Load files once more into an empty warehouse, just as they were loaded before.

    Args:
        project: where the landing folders are.
        warehouse: without landed rows.
        loaded: rows of `raw.loaded_files` as the journal kept them.
        fields: as for `load_landing`.

    Returns:
        How many files.

    Raises:
        DripsError: a file is gone or has changed since; the warehouse can't be made again without it.
    """
    lying = {file.path: file for file in landing_files(project)}
    in_order = sorted(loaded, key=lambda entry: entry["load_id"])
    # What was loaded at once is loaded at once, as the same settling made the same rows of it.
    for (kind, loaded_at), entries in groupby(in_order, key=lambda entry: (entry["kind"], entry["loaded_at"])):
        files = [_as_it_was(project, lying, entry) for entry in entries]
        lead_fields = LeadFields(fields or {}, warehouse.columns("raw.leads"))
        KindLoad(warehouse, kind, lead_fields, loaded_at, None).load(files)
    lead_fields = LeadFields(fields or {}, warehouse.columns("raw.leads"))
    KindLoad(warehouse, "leads", lead_fields, datetime.min, None).bring_fields_up_to_date()
    load_forgotten(project, warehouse)
    return len(loaded)


def _as_it_was(project: Project, lying: Mapping[str, LandingFile], entry: Mapping[str, Any]) -> LandingFile:
    file = lying.get(entry["path"])
    place = project.landing / entry["path"]
    if file is None:
        raise DripsError("this landed file is gone; without it the warehouse can't be made again", file=place)
    try:
        sha256 = file.sha256()
    except UnreadableFile as error:
        raise DripsError(f"this landed file can't be read: {error}", file=file.location) from error
    if sha256 != entry["sha256"]:
        raise DripsError("this landed file has changed since it was loaded", file=place)
    return file
