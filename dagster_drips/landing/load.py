"""Landing files into the raw tables: each file once, in order, whole or not at all.

This module knows which files to load and what to do with those that can't be; rows are the business of the readers,
the checks and the staging.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from dagster_drips.errors import DripsError
from dagster_drips.landing.fields import LeadFields
from dagster_drips.landing.files import LandingFile, UnreadableFile, format_of, landing_files
from dagster_drips.landing.forgotten import load_forgotten
from dagster_drips.landing.kinds import check_for
from dagster_drips.landing.lead_table import add_fields
from dagster_drips.landing.readers import read_batches
from dagster_drips.landing.staging import StagedFile, Staging
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.quoting import UnquotableError
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("load.sql"))

Progress = Callable[[str, int], None]

# Small files are settled together: what a settling costs does not depend on how little it moves.
_ROWS_A_SETTLING = 250_000
# From this size on (compressed or not) a file is loaded with little memory; small ones never need much.
_LARGE_FILE_BYTES = 16 << 20
_MEMORY_FOR_LARGE_FILES = "600MiB"
# Reports about whole files, not rows of any load.
_NO_LOAD = 0


@dataclass(frozen=True)
class LoadReport:
    """What one call loaded of a kind.

    `files` are those newly noted in `raw.loaded_files`; `rows` were taken; `rejected` are new rows in
    `raw.rejected_rows`, those about a damaged or changed file and about fields left out included; `duplicates` were
    dropped by their idempotency key or because their whole file was loaded before under another name.
    """

    kind: str
    files: int
    rows: int
    rejected: int
    duplicates: int


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
    did is looked at when its size or time is another than before.

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
        load = _KindLoad(warehouse, kind, lead_fields, loaded_at, progress)
        if kind == "leads":
            load.bring_fields_up_to_date()
        load.run(landing_files(project, [kind]))
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
    for entry in sorted(loaded, key=lambda entry: entry["load_id"]):
        file = lying.get(entry["path"])
        place = project.landing / entry["path"]
        if file is None:
            raise DripsError("this landed file is gone; without it the warehouse can't be made again", file=place)
        if file.sha256() != entry["sha256"]:
            raise DripsError("this landed file has changed since it was loaded", file=place)
        lead_fields = LeadFields(fields or {}, warehouse.columns("raw.leads"))
        _KindLoad(warehouse, entry["kind"], lead_fields, entry["loaded_at"], None).run([file])
    lead_fields = LeadFields(fields or {}, warehouse.columns("raw.leads"))
    _KindLoad(warehouse, "leads", lead_fields, datetime.min, None).bring_fields_up_to_date()
    load_forgotten(project, warehouse)
    return len(loaded)


@dataclass
class _KindLoad:
    """One pass over the files of a kind."""

    warehouse: Warehouse
    kind: str
    fields: LeadFields
    loaded_at: datetime
    progress: Progress | None
    report: LoadReport = field(init=False)

    def __post_init__(self) -> None:
        self.report = LoadReport(self.kind, 0, 0, 0, 0)
        self._staging = Staging(self.warehouse, self.kind, self.fields)
        self._loaded = {row["path"]: row for row in self.warehouse.rows(_STATEMENTS["loaded_files"], [self.kind])}
        self._reported = {
            (row["file"], row["row"]) for row in self.warehouse.rows(_STATEMENTS["reported_files"], [self.kind])
        }

    def bring_fields_up_to_date(self) -> None:
        with self.warehouse.transaction():
            lost = add_fields(self.warehouse, self.fields)
        for name, count in lost.items():
            reason = f"{name}: {count} earlier values do not fit the field's new type and are empty now"
            self._report_file("project.yml", reason, f"{name} since {self.loaded_at.isoformat()}")

    def run(self, files: list[LandingFile]) -> None:
        pending = []
        for file in files:
            known = self._loaded.get(file.path)
            if known is None:
                if (file.name, file.state) not in self._reported:
                    pending.append(file)
            elif known["state"] != file.written:
                self._look_again(file, known)
        if pending:
            with _little_memory(self.warehouse, needed=any(file.size > _LARGE_FILE_BYTES for file in pending)):
                try:
                    self._load(pending)
                except _rows_refused():
                    self._load_each(pending)

    def _look_again(self, file: LandingFile, known: Mapping[str, Any]) -> None:
        """Tell whether a loaded file has other bytes now, where its size or times say that it may."""
        try:
            sha256 = file.sha256()
        except UnreadableFile as error:
            self._report_file(file.name, f"unreadable file, loaded before: {error}", file.state)
            return
        if sha256 != known["sha256"]:
            sizes = f"{known['size']} bytes then, {file.size} now"
            self._report_file(
                file.name, f"changed after it was loaded: {sizes}; land it under a new name", f"sha256 {sha256}"
            )
        self._note_states([file])

    def _note_states(self, files: Sequence[LandingFile]) -> None:
        """Remember in which states files were looked at. Where a crash prevents it, they are looked at again."""
        states = [{"path": file.path, "state": file.written} for file in files]
        with self.warehouse.transaction():
            self.warehouse.execute(_STATEMENTS["forget_states"], [[file.path for file in files]])
            self.warehouse.append_rows("raw.file_states", states)

    def _load_each(self, pending: list[LandingFile]) -> None:
        """Load files one by one, where one of them has rows that nothing here foresaw: it must not stop the others."""
        known = {row["path"] for row in self.warehouse.rows(_STATEMENTS["loaded_files"], [self.kind])}
        for file in pending:
            if file.path in known or (file.name, file.state) in self._reported:
                continue
            # What another file brought in, and was refused with, is no part of this one.
            self.fields = self.fields.without_news(self.warehouse.columns("raw.leads"))
            self._staging = Staging(self.warehouse, self.kind, self.fields)
            try:
                self._load([file])
            except _rows_refused() as error:
                # Tried again at the next load, as the fault may be ours and fixed by then.
                self._report_file(file.name, f"its rows are refused: {_one_line(error)}", f"refused, {file.state}")

    def _load(self, pending: list[LandingFile]) -> None:
        rows_by_content = self._rows_by_content()
        load_id = self.warehouse.value(_STATEMENTS["last_load_id"]) + 1
        waiting: list[StagedFile] = []
        self._staging.begin()
        try:
            for file in pending:
                try:
                    staged = StagedFile(file, load_id, file.sha256())
                    content = (staged.sha256, file.format)
                    if content in rows_by_content:
                        staged.repeats = rows_by_content[content]
                    else:
                        self._stage(staged)
                        rows_by_content[content] = staged.candidates + staged.rejected
                except UnreadableFile as error:
                    self._report_file(file.name, f"unreadable file: {error}", file.state)
                    continue
                waiting.append(staged)
                load_id += 1
                if sum(staged.candidates + staged.rejected for staged in waiting) >= _ROWS_A_SETTLING:
                    self._settle(waiting)
                    waiting = []
            if waiting:
                self._settle(waiting)
        finally:
            self._staging.end()

    def _rows_by_content(self) -> dict[tuple[str, str | None], int]:
        """Rows of each loaded content; the same bytes in another format are something else."""
        loaded = self.warehouse.rows(_STATEMENTS["loaded_files"], [self.kind])
        return {(row["sha256"], format_of(row["path"])): row["all_rows"] for row in loaded}

    def _stage(self, staged: StagedFile) -> None:
        check = check_for(self.kind, self.fields)
        columns = self.fields.kept()
        try:
            for batch in read_batches(staged.file):
                self._staging.add(staged, batch, check(batch))
                if self.progress:
                    self.progress(staged.file.path, staged.candidates + staged.rejected)
        except UnreadableFile:
            self._staging.forget(staged)
            self.fields.back_to(columns)
            raise

    def _settle(self, files: list[StagedFile]) -> None:
        taken = self._staging.settle(files, self.loaded_at)
        self._note_states([staged.file for staged in files])
        rows = sum(taken.get(staged.load_id, 0) for staged in files)
        self._count(
            files=len(files),
            rows=rows,
            rejected=sum(staged.rejected + staged.is_told for staged in files),
            duplicates=sum(staged.candidates + staged.repeats for staged in files) - rows,
        )

    def _report_file(self, name: str, reason: str, state: str) -> None:
        """Say something about a file as a whole, once for each state of it."""
        if (name, state) in self._reported:
            return
        self._reported.add((name, state))
        report = {"kind": self.kind, "file": name, "line": 0, "reason": reason, "row": state, "_load": _NO_LOAD}
        self.warehouse.append_rows("raw.rejected_rows", [report])
        self._count(rejected=1)

    def _count(self, files: int = 0, rows: int = 0, rejected: int = 0, duplicates: int = 0) -> None:
        before = self.report
        self.report = LoadReport(
            self.kind,
            before.files + files,
            before.rows + rows,
            before.rejected + rejected,
            before.duplicates + duplicates,
        )


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500] or type(error).__name__


@contextmanager
def _little_memory(warehouse: Warehouse, *, needed: bool) -> Generator[None]:
    """Have the database spill to disk early while large files load."""
    if not needed:
        yield
        return
    before = warehouse.value(_STATEMENTS["memory_limit"])
    warehouse.execute(_STATEMENTS["set_memory_limit"], [_MEMORY_FOR_LARGE_FILES])
    try:
        yield
    finally:
        warehouse.execute(_STATEMENTS["set_memory_limit"], [before])


def _rows_refused() -> tuple[type[BaseException], ...]:
    """What an engine raises because of the rows it was given; of the rest (a full disk, no memory) no file is guilty.

    A function, as a look into these libraries imports them (`orchestration.warm`).
    """
    return (
        duckdb.DataError,
        duckdb.ProgrammingError,
        duckdb.IntegrityError,
        duckdb.NotSupportedError,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        UnquotableError,
    )
