"""The load of one kind's files: which of them are new, what is staged and settled together, what is told of the others.

Rows are the business of the readers, the checks and the staging; what is asked of the warehouse about many files at
once stands in `known_files`, and reading many small ones in `joined`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from dagster_drips.landing.fields import LeadFields
from dagster_drips.landing.files import (
    LandingFile,
    LooseFiles,
    UnreadableFile,
    format_of,
    loose_files,
    packed_files,
)
from dagster_drips.landing.joined import Content, in_groups, joined_batches
from dagster_drips.landing.kinds import check_for
from dagster_drips.landing.known_files import KnownFiles, path_of
from dagster_drips.landing.lead_table import add_fields
from dagster_drips.landing.readers import read_batches
from dagster_drips.landing.staging import StagedFile, Staging
from dagster_drips.project import Project
from dagster_drips.warehouse.engine_errors import rows_refused
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
# Loaded files of a kind whose size and time a load asks for: 200,000 take most of a second, and hardly any changes.
LOOKED_AT = 2_000
# Files whose contents are asked for at once.
_FILES_AT_ONCE = 1_000
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


@dataclass
class KindLoad:
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
        self._known = KnownFiles(self.warehouse, self.kind)
        self._reported = {
            (row["file"], row["row"]) for row in self.warehouse.rows(_STATEMENTS["reported_files"], [self.kind])
        }

    def bring_fields_up_to_date(self) -> None:
        """Give `raw.leads` the columns that are declared, in their types; tells of values that fit no more."""
        with self.warehouse.transaction():
            lost = add_fields(self.warehouse, self.fields)
        for name, count in lost.items():
            reason = f"{name}: {count} earlier values do not fit the field's new type and are empty now"
            self._report_file("project.yml", reason, f"{name} since {self.loaded_at.isoformat()}")

    def run(self, project: Project) -> None:
        """Load what is new in the kind's folder and in packs."""
        loose = loose_files(project, self.kind)
        unknown = self._known.not_loaded(loose.names)
        self._look_at_some(loose, unknown)
        pending = {name: file for name in unknown if (file := loose.file(name))}
        # What lies there by itself as well was packed: it is the same file, and the pack is what stays.
        pending |= self._not_loaded_of_packs(project)
        self.load([pending[name] for name in sorted(pending)])

    def load(self, files: list[LandingFile]) -> None:
        """Load these, of which none is loaded, in this order."""
        pending = [file for file in files if (file.name, file.state) not in self._reported]
        if pending:
            with _little_memory(self.warehouse, needed=any(file.size > _LARGE_FILE_BYTES for file in pending)):
                try:
                    self._load(pending)
                except _rows_refused():
                    self._load_each(pending)

    def _look_at_some(self, loose: LooseFiles, unknown: set[str]) -> None:
        """Tell of loaded files that have changed since."""
        chosen = loose.names if len(loose.names) <= LOOKED_AT else random.sample(loose.names, LOOKED_AT)
        states = {name: state for name in chosen if name not in unknown and (state := loose.written(name))}
        for known in self._known.in_another_state(states):
            if file := loose.file(known["name"]):
                self._look_again(file, known)

    def _not_loaded_of_packs(self, project: Project) -> dict[str, LandingFile]:
        """By name; packs of which all files are loaded are remembered, and not read again before they change."""
        found = {}
        for pack, state in self._known.packs_to_look_into(project):
            files = {file.name: file for file in packed_files(self.kind, pack)}
            missing, changed = self._known.compared({name: file.noted_sha256 for name, file in files.items()})
            for known in changed:
                file = files[known["name"]]
                self._report_changed(file, known, file.noted_sha256)
            if files and not missing:
                self._known.note_states({path_of(self.kind, pack): state})
            found |= {name: files[name] for name in missing}
        return found

    def _look_again(self, file: LandingFile, known: Mapping[str, Any]) -> None:
        """Tell whether a loaded file has other bytes now, where its size or times say that it may."""
        try:
            sha256 = file.sha256()
        except UnreadableFile as error:
            self._report_file(file.name, f"unreadable file, loaded before: {error}", file.state)
            return
        if sha256 != known["sha256"]:
            self._report_changed(file, known, sha256)
        self._known.note_states({file.path: file.written})

    def _report_changed(self, file: LandingFile, known: Mapping[str, Any], sha256: str) -> None:
        sizes = f"{known['size']} bytes then, {file.size} now"
        self._report_file(
            file.name, f"changed after it was loaded: {sizes}; land it under a new name", f"sha256 {sha256}"
        )

    def _load_each(self, pending: list[LandingFile]) -> None:
        """Load files one by one, where one of them has rows that nothing here foresaw: it must not stop the others."""
        unknown = self._known.not_loaded([file.name for file in pending])
        for file in pending:
            if file.name not in unknown or (file.name, file.state) in self._reported:
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
        rows_by_content: dict[tuple[str, str | None], int] = {}
        load_id = self.warehouse.value(_STATEMENTS["last_load_id"]) + 1
        waiting: list[StagedFile] = []
        rows = 0
        self._staging.begin()
        try:
            for some in in_groups(self._with_contents(pending, rows_by_content)):
                staged = [StagedFile(one.file, load_id + nth, one.sha256) for nth, one in enumerate(some)]
                try:
                    self._stage_new(staged, some, rows_by_content)
                except UnreadableFile as error:
                    # One of several that was plain a moment ago: none of them is loaded now, and the next load knows.
                    for one in staged:
                        self._staging.forget(one)
                    if len(some) == 1:
                        self._report_file(some[0].file.name, f"unreadable file: {error}", some[0].file.state)
                    continue
                waiting += staged
                load_id += len(staged)
                rows += sum(one.candidates + one.rejected for one in staged)
                if rows >= _ROWS_A_SETTLING:
                    self._settle(waiting)
                    waiting, rows = [], 0
            if waiting:
                self._settle(waiting)
        finally:
            self._staging.end()

    def _with_contents(
        self, pending: list[LandingFile], rows_by_content: dict[tuple[str, str | None], int]
    ) -> Iterator[Content]:
        """Each file that can be read.

        `rows_by_content` learns how many rows such bytes brought when they were loaded before; the same bytes in
        another format are something else.
        """
        for start in range(0, len(pending), _FILES_AT_ONCE):
            contents = []
            for file in pending[start : start + _FILES_AT_ONCE]:
                try:
                    contents.append(Content.of(file))
                except UnreadableFile as error:
                    self._report_file(file.name, f"unreadable file: {error}", file.state)
            for row in self._known.with_contents([content.sha256 for content in contents]):
                rows_by_content.setdefault((row["sha256"], format_of(row["path"])), row["all_rows"])
            yield from contents

    def _stage_new(
        self, staged: list[StagedFile], contents: list[Content], rows_by_content: dict[tuple[str, str | None], int]
    ) -> None:
        """Stage those whose bytes were not loaded before."""
        new = []
        for file, content in zip(staged, contents, strict=True):
            if content.key in rows_by_content:
                file.repeats = rows_by_content[content.key]
            else:
                new.append((file, content))
        if len(new) == 1 or not self._stage_joined(new):
            for file, _ in new:
                self._stage(file)
        rows_by_content |= {content.key: file.candidates + file.rejected for file, content in new}

    def _stage_joined(self, new: list[tuple[StagedFile, Content]]) -> bool:
        """Stage small files in one go; False: they bring in columns, and which one does makes a difference."""
        batches = list(joined_batches(self.kind, [content.lines or b"" for _, content in new]))
        if self.kind == "leads" and any(self.fields.is_new(name) for one in batches for name in one.batch.columns):
            return False
        files = [file for file, _ in new]
        check = check_for(self.kind, self.fields)
        for one in batches:
            self._staging.add_joined(files, one.owners, one.batch, check(one.batch))
        if self.progress:
            for file in files:
                self.progress(file.file.path, file.candidates + file.rejected)
        return True

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
        self._known.note_states(
            {staged.file.path: staged.file.written for staged in files if staged.file.member is None}
        )
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
        *rows_refused(),
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        UnquotableError,
    )
