"""From the delivery journal into `raw.delivery_log`, once each.

Deleting the warehouse and ingesting again gives the same table. Who still waits for an answer is settled here too, for
runs that ended without doing so; the files' format is in `delivery_journal`. Memory stays flat however large a file is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

import polars as pl

from dagster_drips.clock import utc_now
from dagster_drips.delivery.delivery_journal import (
    Claim,
    OpenClaims,
    Released,
    Result,
    boot_id,
    deliveries,
    lock_if_free,
    read_records,
    settle,
)
from dagster_drips.delivery.lengths import find_cut
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements
from dagster_drips.warehouse.watermark import note_late_deliveries

_STATEMENTS = named_statements(Path(__file__).with_name("ingestion.sql"))
_CHUNK = 5000
_CHUNKS_A_TRANSACTION = 2
_COLUMNS = {
    "message_id": "String",
    "attempt": "Int32",
    "outcome": "String",
    "recorded_at": "Datetime",
    "as_of": "Datetime",
    "enrollment_id": "String",
    "sequence_id": "String",
    "version_id": "String",
    "step_id": "String",
    "variant_id": "String",
    "lead_id": "String",
    "sender": "String",
    "recipient": "String",
    "scheduled_at": "Datetime",
    "transactional": "Boolean",
    "smtp_code": "Int32",
    "enhanced_code": "String",
    "detail": "String",
    "retry_at": "Datetime",
}
"""Columns of the log by name → Polars' type by name: a look into Polars imports it (`orchestration.warm`)."""
_RESULT_COLUMNS = [name for name in _COLUMNS if name in Result.__struct_fields__]
_CLAIM_COLUMNS = [name for name in _COLUMNS if name not in _RESULT_COLUMNS]


@dataclass
class IngestionReport:
    """What was ingested, over all files.

    `settled_in_doubt` and `released` are claims of runs that ended without an outcome for them; `resent` are doubts of
    those that were made due again; `unreadable` counts lines torn by a crash; `alive` counts files of runs that are
    still sending, which were left alone.
    """

    files: int = 0
    rows: int = 0
    settled_in_doubt: int = 0
    released: int = 0
    resent: int = 0
    unreadable: int = 0
    alive: int = 0


def ingest_deliveries(
    project: Project, warehouse: Warehouse, *, now: Callable[[], datetime] = utc_now, resend: bool = False
) -> IngestionReport:
    """Move what ended runs have journaled and `raw.delivery_log` lacks into it; a second call does nothing.

    To be called before a tick decides (else it would decide without knowing what was sent) and after sending. Rows
    have an outcome each; claims that came to nothing leave none.

    Args:
        project: whose journal.
        warehouse: open for writing.
        now: the time to record for a dead run whose file names none, naive UTC.
        resend: make what a dead run leaves in doubt due again (`DRIPS_IN_DOUBT=resend`).

    Raises:
        DripsError: a journal file can't be read or settled.
    """
    report = IngestionReport()
    cut = set(cut_files(project, warehouse))
    known = {row["file"]: row for row in warehouse.rows(_STATEMENTS["known"])}
    for path in sorted(deliveries(project).glob("[!.]*.jsonl")):
        begun = known.get(path.name)
        if begun and begun["bytes"]:
            continue
        try:
            with path.open("r+b") as file:
                if lock_if_free(file):
                    outcomes = _outcomes(file, report, now=now, resend=resend, was_cut=path.name in cut)
                    _append(warehouse, path.name, file, outcomes, already=begun["rows"] if begun else 0, report=report)
                    report.files += 1
                else:
                    report.alive += 1
        except OSError as error:
            raise DripsError(f"the delivery journal can't be read or settled: {error.strerror}", file=path) from error
    return report


def cut_files(project: Project, warehouse: Warehouse, *, closed: bool = False) -> list[str]:
    """Names of the journal's files that are shorter than their runs left them, or gone, and were not ingested before.

    They stay noted as such. `closed`: look at those of runs that have ended properly, too; to be called before
    `ingest_deliveries`, which makes files grow.

    Raises:
        DripsError: a file can't be read.
    """
    warehouse.execute(_STATEMENTS["create"])
    rows = warehouse.rows(_STATEMENTS["whole"])
    try:
        return find_cut(project, deliveries(project), boot_id(), known={row["file"] for row in rows}, closed=closed)
    except OSError as error:
        raise DripsError(f"the delivery journal can't be read: {error.strerror}", file=project.journal) from error


def _outcomes(
    file: BinaryIO, report: IngestionReport, *, now: Callable[[], datetime], resend: bool, was_cut: bool
) -> Iterator[tuple[Claim, Result]]:
    """A file's outcomes with their claims, always in the same order; a dead run's file is settled at its end."""
    state = OpenClaims()
    for records in read_records(file):
        for record in records:
            if record is None:
                report.unreadable += 1
            elif (claim := state.take(record)) is not None and isinstance(record, Result):
                yield claim, record
    if state.closed:
        return
    for record in settle(file, state, now=now, resend=resend, was_cut=was_cut):
        claim = state.take(record)
        if claim is not None and isinstance(record, Result):
            report.settled_in_doubt += record.outcome == "in_doubt"
            report.resent += record.outcome == "deferred"
            yield claim, record
        elif isinstance(record, Released):
            report.released += 1


def _append(
    warehouse: Warehouse,
    name: str,
    file: BinaryIO,
    outcomes: Iterator[tuple[Claim, Result]],
    *,
    already: int,
    report: IngestionReport,
) -> None:
    """Append a file's outcomes, a transaction every so many, each with how far it came, so that none is missed or
    doubled after a crash in between; `already` were appended before."""
    outcomes = islice(outcomes, already, None)
    count, is_whole = already, False
    while not is_whole:
        with warehouse.transaction():
            for _ in range(_CHUNKS_A_TRANSACTION):
                chunk = list(islice(outcomes, _CHUNK))
                if chunk:
                    count += warehouse.append("raw.delivery_log", _frame(chunk))
                    note_late_deliveries(warehouse, [(claim.message_id, claim.as_of) for claim, _ in chunk])
                if is_whole := len(chunk) < _CHUNK:
                    break
            warehouse.execute(_STATEMENTS["forget"], [name])
            size = file.seek(0, os.SEEK_END) if is_whole else 0
            warehouse.execute(_STATEMENTS["note"], [name, size, count])
    report.rows += count - already


def _frame(outcomes: list[tuple[Claim, Result]]) -> pl.DataFrame:
    claims, results = zip(*outcomes, strict=True)
    columns = {name: list(map(attrgetter(name), results)) for name in _RESULT_COLUMNS}
    columns |= {name: list(map(attrgetter(name), claims)) for name in _CLAIM_COLUMNS}
    types = {name: pl.Datetime("us") if kind == "Datetime" else getattr(pl, kind) for name, kind in _COLUMNS.items()}
    return pl.DataFrame(columns, schema_overrides=types)
