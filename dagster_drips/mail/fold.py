"""From the delivery journal into `raw.delivery_log`, once each.

Deleting the warehouse and folding again gives the same table. Who still waits for an answer is settled here too, for
runs that ended without doing so; the files' format is in `journal`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import polars as pl

from dagster_drips.clock import utc_now
from dagster_drips.errors import DripsError
from dagster_drips.mail.journal import Claim, OpenClaims, Result, deliveries, lock_if_free, read_records, settle
from dagster_drips.project import Project
from dagster_drips.warehouse.port import Warehouse

_DDL = Path(__file__).with_name("folded_deliveries.sql")
_CHUNK = 50_000
_TIME = pl.Datetime("us")
_COLUMNS: dict[str, Any] = {
    "message_id": pl.String,
    "attempt": pl.Int32,
    "outcome": pl.String,
    "recorded_at": _TIME,
    "as_of": _TIME,
    "enrollment_id": pl.String,
    "sequence_id": pl.String,
    "version_id": pl.String,
    "step_id": pl.String,
    "variant_id": pl.String,
    "lead_id": pl.String,
    "sender": pl.String,
    "recipient": pl.String,
    "scheduled_at": _TIME,
    "transactional": pl.Boolean,
    "smtp_code": pl.Int32,
    "enhanced_code": pl.String,
    "detail": pl.String,
    "retry_at": _TIME,
}


@dataclass
class FoldReport:
    """What a fold did, over all files.

    `settled_in_doubt` and `released` are claims of runs that ended without an outcome for them; `unreadable` counts
    lines torn by a crash; `alive` counts files of runs that are still sending, which were left alone.
    """

    files: int = 0
    rows: int = 0
    settled_in_doubt: int = 0
    released: int = 0
    unreadable: int = 0
    alive: int = 0


def fold(project: Project, warehouse: Warehouse, *, now: Callable[[], datetime] = utc_now) -> FoldReport:
    """Move what ended runs have journaled and `raw.delivery_log` lacks into it; a second call does nothing.

    To be called before a tick decides (else it would decide without knowing what was sent) and after sending. Rows
    have an outcome each; claims that came to nothing leave none.

    Raises:
        DripsError: a journal file can't be read or settled.
    """
    report = FoldReport()
    warehouse.execute(_DDL.read_text(encoding="utf-8"))
    known = set(warehouse.frame("select file from journal.folded_deliveries")["file"].to_list())
    for path in sorted(deliveries(project).glob("[!.]*.jsonl")):
        if path.name in known:
            continue
        try:
            with path.open("r+b") as file:
                if lock_if_free(file):
                    with warehouse.transaction():
                        _fold_file(path.name, file, warehouse, report, now())
                    report.files += 1
                else:
                    report.alive += 1
        except OSError as error:
            raise DripsError(f"the delivery journal can't be read: {error.strerror}", file=path) from error
    return report


def _fold_file(name: str, file: BinaryIO, warehouse: Warehouse, report: FoldReport, recorded_at: datetime) -> None:
    state = OpenClaims()
    rows = _Rows(warehouse)
    for record in read_records(file):
        if record is None:
            report.unreadable += 1
            continue
        claim = state.take(record)
        if claim is not None and isinstance(record, Result):
            rows.add(claim, record)
    if not state.closed:
        for record in settle(file, state, recorded_at=recorded_at):
            claim = state.take(record)
            if claim is not None and isinstance(record, Result):
                rows.add(claim, record)
                report.settled_in_doubt += 1
            elif not state.closed:
                report.released += 1
    rows.flush()
    report.rows += rows.count
    size = file.seek(0, 2)
    warehouse.execute("insert into journal.folded_deliveries values (?, ?, ?)", [name, size, rows.count])


class _Rows:
    """Rows of `raw.delivery_log`, appended some ten thousand at a time."""

    def __init__(self, warehouse: Warehouse):
        self.count = 0
        self._warehouse = warehouse
        self._pending: list[dict[str, Any]] = []

    def add(self, claim: Claim, result: Result) -> None:
        self._pending.append({**msgspec.structs.asdict(claim), **msgspec.structs.asdict(result)})
        self.count += 1
        if len(self._pending) >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        self._warehouse.append("raw.delivery_log", pl.DataFrame(self._pending, schema=_COLUMNS))
        self._pending.clear()
