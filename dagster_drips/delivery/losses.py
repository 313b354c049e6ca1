"""Messages that the delivery journal has lost: held in doubt, never released, so that nothing is sent twice.

The journal loses what somebody cut off, deleted, or replaced by an older copy. What it knew is known elsewhere: by the
commits of finished ticks (`handed_over`), by an earlier warehouse, and of a run that did not finish its tick by the
length its file had (`lengths`) and what was due. Here belongs putting the two together; a person says what became of
such messages (`resolve`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster_drips.clock import utc_now
from dagster_drips.delivery.delivery_journal import Claim, DeliveryJournal, Record, Result, deliveries
from dagster_drips.delivery.ingestion import cut_files, ingest_deliveries
from dagster_drips.delivery.lengths import drop_lengths
from dagster_drips.project import Project
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements

LOST = "the delivery journal has lost what became of it"

_STATEMENTS = named_statements(Path(__file__).with_name("losses.sql"))
_CLAIM_COLUMNS = Claim.__struct_fields__
_BATCH = 5_000


def hold_cut_off(project: Project, warehouse: Warehouse, *, now: Callable[[], datetime] = utc_now) -> int:
    """Hold what was due at the tick of a run whose file was cut or is gone; how many messages.

    To be called when `decide.due_steps` is that tick's, after `cut_files` and `ingest_deliveries`, before sending.

    Raises:
        DripsError: the journal can't be read or written; repeating is safe.
    """
    names = cut_files(project, warehouse)
    if not names or not warehouse.columns("decide.due_steps") or warehouse.value(_STATEMENTS["is_behind"]):
        return 0
    held = _hold(project, warehouse, warehouse.rows(_STATEMENTS["due"]), now)
    drop_lengths(project, names)
    return held


def hold_handed_over(
    project: Project, warehouse: Warehouse, files: Sequence[Path], *, now: Callable[[], datetime] = utc_now
) -> int:
    """Hold what these files of the tick journal know as handed over and the log lacks; how many messages.

    Raises:
        DripsError: the journal can't be written; repeating is safe.
    """
    if not files:
        return 0
    rows = warehouse.rows(_STATEMENTS["handed_over"], [[str(file) for file in files]])
    return _hold(project, warehouse, rows, now)


def hold_known_before(
    project: Project,
    warehouse: Warehouse,
    earlier: Warehouse,
    *,
    log: str = "raw.delivery_log",
    now: Callable[[], datetime] = utc_now,
) -> int:
    """Hold what an earlier warehouse of the same project knows as handed over and the log lacks; how many messages.

    Args:
        project: whose journal.
        warehouse: that lacks it.
        earlier: that may know more.
        log: its table of deliveries.
        now: the time to record, naive UTC.

    Raises:
        DripsError: the journal can't be written; repeating is safe.
    """
    if not earlier.columns(log):
        return 0
    known_before = _STATEMENTS["known_before"].substitute(log=log)
    warehouse.execute(_STATEMENTS["open_earlier"])
    for digit in "0123456789abcdef":  # a message id is hexadecimal: a sixteenth at a time
        warehouse.append("earlier_deliveries", earlier.frame(known_before, [digit]))
    return _hold(project, warehouse, warehouse.rows(_STATEMENTS["earlier"]), now)


def reported_losses(project: Project, warehouse: Warehouse) -> list[str]:
    """A sentence for each file of the delivery journal that this warehouse has seen longer."""
    if not warehouse.columns("journal.folded_deliveries"):
        return []
    sizes = {path.name: path.stat().st_size for path in deliveries(project).glob("[!.]*.jsonl")}
    rows = warehouse.rows(_STATEMENTS["shorter"], [list(sizes), list(sizes.values())])
    return [_sentence(row["file"], row["bytes"], row["bytes_now"]) for row in rows]


def _sentence(name: str, before: int, now: int | None) -> str:
    state = "gone" if now is None else f"shorter than it was ({now} of {before} bytes)"
    return f"data/journal/deliveries/{name} is {state}: put it back from a backup before `drips rebuild` is run"


def _hold(project: Project, warehouse: Warehouse, rows: Sequence[dict[str, Any]], now: Callable[[], datetime]) -> int:
    if not rows:
        return 0
    with DeliveryJournal(project, now=now) as journal:
        for start in range(0, len(rows), _BATCH):
            records: list[Record] = []
            for row in rows[start : start + _BATCH]:
                # A pair each: a power cut in between leaves no claim behind that would be released.
                records.append(Claim(**{name: row[name] for name in _CLAIM_COLUMNS}))
                records.append(Result(row["message_id"], row["attempt"], "in_doubt", row["recorded_at"], detail=LOST))
            journal.write(records, durable=True)
    ingest_deliveries(project, warehouse, now=now)
    return len(rows)
