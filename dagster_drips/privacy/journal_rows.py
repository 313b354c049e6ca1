"""One person's records in the delivery journal and the tick journal: which they are, and the files without them.

The formats belong to `delivery.delivery_journal` and `pipeline.tick_journal`. What else a tick's commit says of the
person without naming them stands here as well: how many members a segment had, and which bytes a landing file has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from dagster_drips.delivery.delivery_journal import deliveries, lock_if_free
from dagster_drips.delivery.lengths import length_will_be
from dagster_drips.errors import DripsError
from dagster_drips.landing.files import LandingFile
from dagster_drips.pipeline.tick_journal import LOADED_FILES, TickJournal, table_of
from dagster_drips.privacy.person import Person
from dagster_drips.privacy.rewriting import remove, replacing
from dagster_drips.project import Project

_OWN_COLUMN = {
    "enrollment_decisions": "lead_id",
    "segment_changes": "lead_id",
    "handed_over": "lead_id",
    "message_content": "lead_id",
    "set_aside_deliveries": "lead_id",
    "enrollment_closings": "enrollment_id",
    "skipped_steps": "enrollment_id",
}


def gather_from_journals(project: Project, person: Person) -> None:
    """Add messages, enrollments and addresses that the journals know of."""
    for file in delivery_files(project):
        for line in file.read_bytes().splitlines():
            record = _record(line)
            if record.get("record") == "claimed" and record.get("lead_id") in person.lead_ids:
                person.message_ids.add(record["message_id"])
                person.enrollment_ids.add(record["enrollment_id"])
                person.add_address(record["recipient"])
    for file in _tables(project, "enrollment_decisions", set_aside=True):
        own = pl.read_parquet(file).filter(pl.col("lead_id").is_in(list(person.lead_ids)))
        person.enrollment_ids |= set(own["enrollment_id"].drop_nulls())
    person.seal()


def delivery_files(project: Project) -> list[Path]:
    """The delivery journal's files."""
    return sorted(deliveries(project).glob("[!.]*.jsonl"))


def own_deliveries(file: Path, person: Person) -> list[bytes]:
    """The person's records of a file: claims, outcomes and whatever else is said of their messages."""
    return [line for line in file.read_bytes().splitlines(keepends=True) if _is_own(line, person)]


def without_deliveries(file: Path, person: Person) -> None:
    """Put the file without them in its place.

    Raises:
        DripsError: its run is still sending.
    """
    with file.open("r+b") as stream:
        if not lock_if_free(stream):
            raise DripsError("a run is still sending; wait until it has ended", file=file)
        kept = [line for line in stream.read().splitlines(keepends=True) if not _is_own(line, person)]
        rest = b"".join(kept)
        length_will_be(file, len(rest))
        with replacing(file) as scratch:
            scratch.write_bytes(rest)


def own_decisions(project: Project, person: Person) -> dict[Path, pl.DataFrame]:
    """The person's rows of the tick journal, by file; files without any are left out."""
    ids = {"lead_id": list(person.lead_ids), "enrollment_id": list(person.enrollment_ids)}
    found = {}
    for table, column in _OWN_COLUMN.items():
        for file in _tables(project, table, set_aside=True):
            own = pl.read_parquet(file).filter(pl.col(column).is_in(ids[column]))
            if own.height:
                found[file] = own
    return found


def without_decisions(file: Path, person: Person) -> None:
    """Put the file without the person's rows in its place; one that has no other is deleted."""
    column = _OWN_COLUMN[table_of(file)]
    ids = person.lead_ids if column == "lead_id" else person.enrollment_ids
    _rewrite(file, pl.read_parquet(file).filter(~pl.col(column).is_in(list(ids)).fill_null(False)))


def count_members_again(project: Project, segments: set[str]) -> None:
    """Make the sizes of these segments those that the changes left in the journal add up to, at every tick."""
    frames = [
        pl.read_parquet(file).filter(pl.col("segment").is_in(list(segments)))
        for file in _tables(project, "segment_changes")
    ]
    changes = (
        pl.concat(frames)
        if frames
        else pl.DataFrame(
            schema={"segment": pl.String, "lead_id": pl.String, "as_of": pl.Datetime("us"), "change": pl.String}
        )
    )
    # Two changes of one instant took each other back: see the mart segment_memberships.
    lasting = changes.filter(pl.len().over("segment", "lead_id", "as_of") == 1)
    steps = lasting.select(
        "segment", "as_of", pl.when(pl.col("change") == "entered").then(1).otherwise(-1).alias("step")
    )
    sums = steps.group_by("segment", "as_of").agg(pl.col("step").sum()).sort("segment", "as_of")
    sizes = sums.with_columns(pl.col("step").cum_sum().over("segment").alias("counted")).sort("as_of")
    for file in _tables(project, "segment_results"):
        results = pl.read_parquet(file).sort("as_of", maintain_order=True)
        counted = results.join_asof(
            sizes.select("segment", "as_of", "counted"), on="as_of", by="segment", check_sortedness=False
        )
        fixed = counted.with_columns(
            pl.when(pl.col("segment").is_in(list(segments)))
            .then(pl.col("counted").fill_null(0).cast(pl.Int64))
            .otherwise(pl.col("members"))
            .alias("members")
        ).select(results.columns)
        if not fixed.equals(results):
            _rewrite(file, fixed)


def note_new_bytes(project: Project, files: Mapping[str, LandingFile]) -> None:
    """Have the journal know rewritten landing files by the bytes that they have now, so that they are the same files.

    Args:
        project: whose journal.
        files: path below `data/landing` → the file as it lies there.
    """
    facts = {path: (file.size, file.sha256()) for path, file in files.items()}
    for journal_file in _tables(project, LOADED_FILES):
        rows = pl.read_parquet(journal_file)
        known = [facts.get(path) for path in rows["path"]]
        sizes = [fact[0] if fact else size for fact, size in zip(known, rows["size"], strict=True)]
        hashes = [fact[1] if fact else sha for fact, sha in zip(known, rows["sha256"], strict=True)]
        fixed = rows.with_columns(pl.Series("size", sizes, dtype=rows["size"].dtype), pl.Series("sha256", hashes))
        if not fixed.equals(rows):
            _rewrite(journal_file, fixed)


def loaded_hashes(project: Project) -> dict[str, str]:
    """Path below `data/landing` → sha256, of all files that the journal says were loaded."""
    frames = [pl.read_parquet(file, columns=["path", "sha256"]) for file in _tables(project, LOADED_FILES)]
    return dict(pl.concat(frames).iter_rows()) if frames else {}


def has_commits(project: Project) -> bool:
    """Whether any tick was committed."""
    return bool(TickJournal(project.journal / "ticks").commits())


def _tables(project: Project, table: str, *, set_aside: bool = False) -> list[Path]:
    return TickJournal(project.journal / "ticks").files(table, set_aside=set_aside)


def _rewrite(file: Path, frame: pl.DataFrame) -> None:
    if not frame.height:
        remove(file)  # a table without rows has no file
        return
    with replacing(file) as scratch:
        frame.write_parquet(scratch)


def _is_own(line: bytes, person: Person) -> bool:
    record = _record(line)
    if not record:
        return person.is_mentioned(line.decode("utf-8", "replace"))
    return record.get("message_id") in person.message_ids or record.get("lead_id") in person.lead_ids


def _record(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}  # torn by a crash
    return record if isinstance(record, dict) else {}
