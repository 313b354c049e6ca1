"""A tick's due messages split into shards: which message goes to which, and what each needs without a warehouse.

By a stable hash of the address (E7), so that one address is in one shard. The coordinator, which has the warehouse,
writes a batch; `load_shard` makes tables of a shard's rows that queue, routes and templates read like the warehouse's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from dagster_drips.clock import utc_now
from dagster_drips.delivery.batch import Batch, Facts, batch_named, named_parts
from dagster_drips.delivery.dispatch_report import DispatchReport
from dagster_drips.delivery.lead_fields import LeadReader
from dagster_drips.delivery.rate_limits import Limit, RateKey, rate_key_of
from dagster_drips.delivery.sharing import shard_of
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.quoting import quoted_name
from dagster_drips.warehouse.statements import named_statements

if TYPE_CHECKING:
    import polars as pl

_CHUNK = 5_000
# Where templates take leads as a whole, there may be thousands of values a lead.
_VALUES_A_CHUNK = 1_000_000
_STATEMENTS = named_statements(Path(__file__).with_name("shards.sql"))
_DUE = named_statements(Path(__file__).with_name("due_messages.sql"))
_OF_MESSAGES = ("due", "events", "leads", "content")
_OF_ALL = ("versions", "settings", "identities", "domains")


def split(
    project: Project,
    warehouse: Warehouse,
    report: DispatchReport,
    shards: int,
    *,
    as_of: datetime,
    now: Callable[[], datetime],
    name: str | None = None,
) -> Batch:
    """Write a batch of what is in the table `sending`; memory stays flat.

    Args:
        project: whose.
        warehouse: `open` of due_messages.sql was run on it.
        report: of what is due.
        shards: how many.
        as_of: the tick's instant.
        now: the time to record, naive UTC.
        name: of the batch; by the time and this process where there is none.

    Raises:
        DripsError: it can't be written.
    """
    batch = batch_named(project, name or f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}_{os.getpid()}")
    try:
        _write_batch(batch, warehouse, report, shards, as_of=as_of, ahead=(now() - utc_now()).total_seconds())
    except OSError as error:
        batch.take_away()
        raise DripsError(f"can't be written: {error.strerror or error}", file=batch.folder) from error
    return batch


def _write_batch(
    batch: Batch, warehouse: Warehouse, report: DispatchReport, shards: int, *, as_of: datetime, ahead: float
) -> None:
    for shard in range(shards):
        batch.rows(shard).mkdir(parents=True)
    limits = _limits(warehouse)
    rows, counts = [0] * shards, {name: [0] * shards for name, limit in limits.items() if limit.rate}
    leads = LeadReader(warehouse)
    columns = ", ".join(f"leads.{quoted_name(name)}" for name in leads.columns)
    statements = {
        **{kind: _STATEMENTS[kind] for kind in _OF_MESSAGES},
        # Its `$after` and `$upto` are the engine's.
        "leads": Template(_STATEMENTS["leads"]).safe_substitute(columns=columns),
    }
    size = min(_CHUNK, max(1, _VALUES_A_CHUNK // len(leads.columns)))
    after, number = -1, 0
    while (upto := warehouse.value(_DUE["last_rank"], [after, size])) is not None:
        ranks = {"after": after, "upto": upto}
        frames = {kind: warehouse.frame(statement, ranks) for kind, statement in statements.items()}
        for shard, part in enumerate(_parts(frames["due"], shards, limits, counts)):
            rows[shard] += part.height
            for kind, frame in _of_part(frames, part).items():
                if frame.height or not number:
                    _write(frame, batch.rows(shard) / f"{kind}-{number:06}.parquet")
        after, number = upto, number + 1
    for kind in _OF_ALL:
        frame = warehouse.frame(_STATEMENTS[kind])
        for shard in range(shards):
            _write(frame, batch.rows(shard) / f"{kind}-000000.parquet")
    named = named_parts({name: of_shards for name, of_shards in counts.items() if any(of_shards)})
    batch.set_up(Facts(as_of, ahead, report.due, report.only_to, rows, named))


def load_shard(batch: Batch, shard: int, warehouse: Warehouse) -> None:
    """Make a shard's rows the tables that sending reads, in a warehouse of its own that is empty."""
    for name in ("raw", "decide", "staging", "journal"):
        warehouse.execute(_STATEMENTS[f"create_schema_{name}"])
    for kind in (*_OF_MESSAGES, *_OF_ALL):
        # Each by its name: a project's folder may be called what an engine takes for a pattern.
        files = sorted(str(path) for path in batch.rows(shard).iterdir() if path.name.startswith(kind))
        warehouse.execute(_STATEMENTS[f"take_{kind}"], {"files": files})
    warehouse.execute(_STATEMENTS["take_sendable"])


def name_of(kind: str, name: str) -> str:
    """How a batch calls a limited sender or domain."""
    return f"{kind} {name}"


def names_of(rate_key: RateKey) -> tuple[str, str]:
    """How a batch calls the sender and the domain of a message."""
    return name_of("sender", rate_key.sender), name_of("domain", rate_key.domain)


def _limits(warehouse: Warehouse) -> dict[str, Limit]:
    senders, domains = warehouse.rows(_DUE["identities"]), warehouse.rows(_DUE["domains"])
    found = {name_of("sender", row["address"]): Limit(row["rate"], row["connections"]) for row in senders}
    return found | {name_of("domain", row["domain"]): Limit(row["rate"], row["connections"]) for row in domains}


def _parts(
    due: pl.DataFrame, shards: int, limits: Mapping[str, Limit], counts: Mapping[str, list[int]]
) -> list[pl.DataFrame]:
    """Each shard's part of some due rows; messages of limited names are counted."""
    import polars as pl

    placed = []
    for address, sender, recipient in due.select("address", "sender_email", "recipient").iter_rows():
        names = [name for name in names_of(rate_key_of(sender, recipient)) if name in limits] if limits else []
        # A name with fewer connections than there are shards is in so many shards alone: each of them has one.
        shard = shard_of(address, min([shards, *(limits[name].connections or shards for name in names)]))
        for name in names:
            if name in counts:
                counts[name][shard] += 1
        placed.append(shard)
    drawn = pl.Series(placed, dtype=pl.Int64)
    return [due.filter(drawn == shard) for shard in range(shards)]


def _of_part(frames: Mapping[str, pl.DataFrame], part: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """What these due rows need."""
    return {
        "due": part,
        "events": frames["events"].join(part.select(event_id="occurrence_id").unique(), on="event_id", how="semi"),
        "leads": frames["leads"].join(part.select("lead_id").unique(), on="lead_id", how="semi"),
        "content": frames["content"].join(part.select("message_id"), on="message_id", how="semi"),
    }


def _write(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path, compression="lz4")
