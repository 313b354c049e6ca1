"""Rows on their way from checked batches into the raw tables.

Rows of some files gather in temporary tables and are settled together, in one transaction with the files' entries in
`raw.loaded_files`. What is a repetition of what is said in the .sql files beside this module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from dagster_drips.landing.batches import Batch
from dagster_drips.landing.checks import Checked
from dagster_drips.landing.fields import LeadFields
from dagster_drips.landing.files import LandingFile
from dagster_drips.landing.lead_table import add_fields, widen_staged
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.quoting import quoted_name
from dagster_drips.warehouse.statements import Statement, named_statements, whole_statement

_STATEMENTS = named_statements(Path(__file__).with_name("staging.sql"))

_KEYS = {"events": "event_id", "engagement": "engagement_id"}


@dataclass
class StagedFile:
    """A file of which all rows are staged.

    Args:
        file: as listed.
        load_id: its place in the order of loading.
        sha256: of its bytes.
        candidates: rows that passed the checks.
        rejected: rows that did not.
        is_told: whether it was told that parts of its rows are left out.
        repeats: all rows of a file that was loaded before under another name; nothing of it is staged.
    """

    file: LandingFile
    load_id: int
    sha256: str
    candidates: int = 0
    rejected: int = 0
    is_told: bool = False
    repeats: int = 0


class Staging:
    """Temporary tables for rows of one kind, taken and refused."""

    def __init__(self, warehouse: Warehouse, kind: str, fields: LeadFields):
        self._warehouse = warehouse
        self._kind = kind
        self._fields = fields
        self._columns: set[str] = set()
        # Load ids by columns that only the staging has yet.
        self._brought_by: dict[str, int] = {}

    def begin(self) -> None:
        """Create the tables, empty."""
        self._warehouse.execute(self._of_kind("begin"))
        self._warehouse.execute(_STATEMENTS["begin_rejected"])
        self._columns = set(self._warehouse.columns(f"raw.{self._kind}"))
        self._brought_by = {}

    def add(self, staged: StagedFile, batch: Batch, checked: Checked) -> None:
        """Stage a batch of a file, its sound rows and its others."""
        self.add_joined([staged], [0] * checked.frame.height, batch, checked)

    def add_joined(self, files: Sequence[StagedFile], owners: Sequence[int], batch: Batch, checked: Checked) -> None:
        """Stage a batch of several files.

        Args:
            files: whose rows they are.
            owners: of each row, the place of its file among these.
            batch: the rows.
            checked: the same after their checks.
        """
        reasons = sorted(checked.reasons.items())
        sound = pl.repeat(True, checked.frame.height, dtype=pl.Boolean, eager=True)
        if reasons:
            sound = sound.scatter([row for row, _ in reasons], False)
        told = []
        for row, reason in sorted(checked.left_out.items()):
            # Once a file: who sends a thousand new fields a row should not fill the quarantine as well.
            if not files[owners[row]].is_told:
                files[owners[row]].is_told = True
                told.append((row, reason))
        self._report([files[owner] for owner in owners], batch, [*reasons, *told])
        loads = pl.Series([files[owner].load_id for owner in owners], dtype=pl.Int64)
        frame = checked.frame.with_columns(loads.alias("_load")).filter(sound)
        # Columns without a value are many where rows have fields of their own; what isn't appended is null.
        frame = frame.select([column for column in frame if column.null_count() < frame.height])
        new = {name: self._fields.type_of(name).sql for name in frame.columns if name not in self._columns}
        if new:
            widen_staged(self._warehouse, new)
            self._columns |= new.keys()
            self._brought_by |= dict.fromkeys(new, files[owners[0]].load_id)
        self._warehouse.append("landing_staged", frame)
        refused = Counter(owners[row] for row, _ in reasons)
        for owner, rows in Counter(owners).items():
            files[owner].candidates += rows - refused[owner]
            files[owner].rejected += refused[owner]

    def _report(self, files: list[StagedFile], batch: Batch, reasons: list[tuple[int, str]]) -> None:
        if not reasons:
            return
        self._warehouse.append(
            "landing_rejected",
            pl.DataFrame(
                {
                    "kind": [self._kind] * len(reasons),
                    "file": [files[row].file.name for row, _ in reasons],
                    "line": [batch.lines[row] for row, _ in reasons],
                    "reason": [reason for _, reason in reasons],
                    "row": [batch.row_as_it_came(row) for row, _ in reasons],
                    "_load": [files[row].load_id for row, _ in reasons],
                }
            ),
        )

    def forget(self, staged: StagedFile) -> None:
        """Take back what is staged of a file that turned out to be damaged, and the columns that it brought."""
        self._warehouse.execute(_STATEMENTS["take_back"], [staged.load_id])
        self._warehouse.execute(_STATEMENTS["take_back_rejected"], [staged.load_id])
        for name in [name for name, load_id in self._brought_by.items() if load_id == staged.load_id]:
            self._warehouse.execute(_STATEMENTS["drop_column"].substitute(column=quoted_name(name)))
            self._columns.remove(name)
            del self._brought_by[name]

    def settle(self, files: list[StagedFile], loaded_at: datetime) -> dict[int, int]:
        """Move what is staged into the raw tables and note the files as loaded, all or nothing; empties the staging.

        Returns:
            How many rows were taken, by load id; the other candidates were duplicates.
        """
        self._warehouse.analyze("landing_staged")
        with self._warehouse.by_keys(), self._warehouse.transaction():
            if self._kind == "leads":
                add_fields(self._warehouse, self._fields)
                self._take_columns_of_leads()
            if self._kind == "engagement":
                self._warehouse.execute(_sql("fill_engagement_ids"))
            self._warehouse.execute(self._settling())
            self._warehouse.execute(_STATEMENTS["settle_rejected"])
            counts = self._warehouse.rows(self._of_kind("taken"), [min(staged.load_id for staged in files)])
            taken = {row["_load"]: row["rows"] for row in counts}
            self._warehouse.append_rows("raw.loaded_files", [_entry(file, taken, loaded_at) for file in files])
        self._warehouse.analyze_changed()
        self.begin()
        return taken

    def _take_columns_of_leads(self) -> None:
        """Where rows go in by the order of columns: have all those that leads have."""
        if self._warehouse.adds_columns_cheaply:
            there = self._warehouse.columns("raw.leads")
            missing = {name: sql_type for name, sql_type in there.items() if name not in self._columns}
            widen_staged(self._warehouse, missing)
            self._columns |= missing.keys()

    def _of_kind(self, name: str) -> Statement:
        return _STATEMENTS[name].substitute(kind=self._kind)

    def _settling(self) -> Statement:
        columns = ", ".join(quoted_name(name) for name in self._columns)
        if self._kind == "leads":
            content = [
                quoted_name(name) for name in self._warehouse.columns("raw.leads") if name not in ("_load", "_line")
            ]
            return _sql("settle_leads").substitute(content=", ".join(content), columns=columns)
        if self._kind == "suppressions":
            return _sql("settle_suppressions").substitute(columns=columns)
        statement = _sql("settle_first_of_key")
        return statement.substitute(table=f"raw.{self._kind}", key=_KEYS[self._kind], columns=columns)

    def end(self) -> None:
        """Drop the tables."""
        self._warehouse.execute(_STATEMENTS["end"])
        self._warehouse.execute(_STATEMENTS["end_rejected"])


def _entry(staged: StagedFile, taken: dict[int, int], loaded_at: datetime) -> dict[str, object]:
    rows = taken.get(staged.load_id, 0)
    return {
        "load_id": staged.load_id,
        "kind": staged.file.kind,
        "path": staged.file.path,
        "size": staged.file.size,
        "sha256": staged.sha256,
        "rows": rows,
        "rejected": staged.rejected,
        "duplicates": staged.candidates - rows + staged.repeats,
        "loaded_at": loaded_at,
    }


def _sql(name: str) -> Statement:
    return whole_statement(Path(__file__).with_name(f"{name}.sql"))
