"""The tick journal: what cannot be derived again is on disk before the warehouse knows it.

One folder a commit, `data/journal/ticks/2026-03-29/010000-decided-1/`, with one Parquet file a table that got rows.
The folder appears by one rename, so it is there complete or not at all. What the warehouse lost in a crash is folded in
from here at the next start. Deliveries have a journal of their own (`mail/journal.py`), written message by message.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster_drips.durable import sync
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.quoting import quoted_name, quoted_text

# Tables of a commit that are not of schema `journal`: which files were loaded, in which order; and what was sent.
LOADED_FILES = "loaded_files"
HANDED_OVER = "handed_over"
"""Messages that mail servers got, or may have got: a rebuild holds in doubt those that the delivery journal lost."""
_FILE_NAMES = {"enrollment_decisions": "verdicts", "enrollment_closings": "closings", "skipped_steps": "resolutions"}
"""Table → its file in a commit, where the two differ: a journal is kept for good, whatever tables are called since."""
_TABLES = {file: table for table, file in _FILE_NAMES.items()}


def table_of(file: Path) -> str:
    """The table whose rows a commit's file holds."""
    return _TABLES.get(file.stem, file.stem)


class TickJournal:
    """The folder `data/journal/ticks`.

    Args:
        root: where it is.
        until: as if no later tick were in it; None: all are.
    """

    def __init__(self, root: Path, until: datetime | None = None):
        self.root = root
        self._until = until

    def write(self, warehouse: Warehouse, *, as_of: datetime, phase: str, selects: Mapping[str, str]) -> Path:
        """Write one commit: for each table the rows of its select; tables without rows get no file."""
        day = self.root / f"{as_of:%Y-%m-%d}"
        if not day.exists():
            day.mkdir(parents=True)
            sync(self.root)
        scratch = day / f".{as_of:%H%M%S}-{phase}.{os.getpid()}"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        for table, select in selects.items():
            if warehouse.value(f"select exists (select 1 from ({select}))"):
                path = scratch / _file_name(table)
                warehouse.execute(f"copy ({select}) to {quoted_text(str(path))} (format parquet)")
                sync(path)
        sync(scratch)
        place = self._free_place(day, as_of, phase)
        scratch.rename(place)
        sync(day)
        return place

    def commits(self, since: datetime | None = None) -> list[Path]:
        """All commits in order, from the day of `since` on."""
        first = f"{since:%Y-%m-%d}" if since else ""
        days = sorted(day for day in self.root.glob("*-*-*") if day.name >= first)
        commits = (commit for day in days for commit in sorted(day.glob("[0-9]*"), key=_order))
        return [commit for commit in commits if self._until is None or _instant(commit) <= self._until]

    def set_aside(self, after: datetime) -> list[Path]:
        """Take the commits of later ticks out of the journal; their folders stay, named `set-aside-…`."""
        later = [commit for commit in TickJournal(self.root).commits() if _instant(commit) > after]
        for commit in reversed(later):
            commit.rename(commit.with_name(f"set-aside-{commit.name}"))
            sync(commit.parent)
        return later

    def fold(self, warehouse: Warehouse, commit: Path) -> None:
        """Take one commit's rows into the warehouse's tables."""
        with warehouse.transaction():
            for path in sorted(commit.glob("*.parquet")):
                table = table_of(path)
                if table in (LOADED_FILES, HANDED_OVER):
                    continue  # for rebuilds only
                # Versions are recorded while loading, so the warehouse may have them already.
                rows = f"select * from read_parquet({quoted_text(str(path))})"
                if table == "sequence_versions":
                    # Commits made before a column was added lack it.
                    known = "select * from journal.sequence_versions"
                    rows = f"({known} limit 0) union all by name {rows} except all {known}"
                warehouse.execute(f"insert into journal.{quoted_name(table)} by name ({rows})")

    def rows(self, warehouse: Warehouse, table: str) -> list[dict[str, Any]]:
        """All rows of a table over all commits."""
        files = [str(path) for path in self.files(table)]
        return warehouse.rows("select * from read_parquet(?)", [files]) if files else []

    def files(self, table: str) -> list[Path]:
        """The files of a table over all commits."""
        return [path for commit in self.commits() if (path := commit / _file_name(table)).exists()]

    def missing(self, warehouse: Warehouse, since: datetime | None) -> list[Path]:
        """Commits from that day on that the warehouse doesn't know: a crash came between the two."""
        known = {
            (row["as_of"], row["phase"], row["recorded_at"])
            for row in warehouse.rows(
                "select as_of, phase, recorded_at from journal.ticks"
                " where as_of >= coalesce(?, timestamp '0001-01-01')",
                [since.replace(hour=0, minute=0, second=0) if since else None],
            )
        }
        absent = []
        for commit in self.commits(since):
            tick = warehouse.rows(
                "select as_of, phase, recorded_at from read_parquet(?)", [str(commit / "ticks.parquet")]
            )[0]
            if (tick["as_of"], tick["phase"], tick["recorded_at"]) not in known:
                absent.append(commit)
        return absent

    def _free_place(self, day: Path, as_of: datetime, phase: str) -> Path:
        number = 1
        while (place := day / f"{as_of:%H%M%S}-{phase}-{number}").exists():
            number += 1
        return place


def _file_name(table: str) -> str:
    return f"{_FILE_NAMES.get(table, table)}.parquet"


def _instant(commit: Path) -> datetime:
    return datetime.strptime(f"{commit.parent.name} {commit.name.partition('-')[0]}", "%Y-%m-%d %H%M%S")


def _order(commit: Path) -> tuple[str, str, int]:
    time, phase, number = commit.name.split("-")
    return time, phase, int(number)  # `decided` comes before `finished`
