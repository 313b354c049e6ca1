"""The tick journal: what cannot be derived again is on disk before the warehouse knows it.

One folder a commit, `data/journal/ticks/2026-03-29/010000-decided-1/`, with one Parquet file a table that got rows.
The folder appears by one rename, so it is there complete or not at all. What the warehouse lost in a crash is taken in
from here at the next start. Deliveries have a journal of their own (`mail/journal.py`), written message by message.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from dagster_drips.files import sync
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.quoting import quoted_name, quoted_text
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("tick_journal.sql"))
_SET_ASIDE = named_statements(Path(__file__).with_name("set_aside.sql"))

# Tables of a commit that are not of schema `journal`: which files were loaded, in which order; what was sent; and where
# a rebuild went back in time, which deliveries and which commits are of the ticks that it set aside.
LOADED_FILES = "loaded_files"
HANDED_OVER = "handed_over"
"""Messages that mail servers got, or may have got: a rebuild holds in doubt those that the delivery journal lost."""
SET_ASIDE_DELIVERIES = "set_aside_deliveries"
SET_ASIDE_COMMITS = "set_aside_commits"
_FOR_REBUILDS = {LOADED_FILES, HANDED_OVER, SET_ASIDE_COMMITS}
_ASIDE = "set-aside-"
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
        return self.place(self.draft(warehouse, as_of=as_of, phase=phase, selects=selects))

    def draft(self, warehouse: Warehouse, *, as_of: datetime, phase: str, selects: Mapping[str, str]) -> Path:
        """The same under a name that is no commit's yet: `ingest` takes it, `place` makes it one."""
        day = self.root / f"{as_of:%Y-%m-%d}"
        if not day.exists():
            day.mkdir(parents=True)
            sync(self.root)
        scratch = day / f".{as_of:%H%M%S}-{phase}.{os.getpid()}"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        for table, select in selects.items():
            if warehouse.value(f"select exists (select 1 from ({select}) as rows_of_table)"):
                path = scratch / file_name(table)
                warehouse.write_parquet(select, path)
                sync(path)
        sync(scratch)
        return scratch

    def place(self, draft: Path) -> Path:
        """Make a draft a commit, in one go."""
        day, name = draft.parent, draft.stem.removeprefix(".")
        number = 1
        # A commit that was set aside keeps its number: a list of such commits names it for good.
        while (place := day / f"{name}-{number}").exists() or (day / f"{_ASIDE}{place.name}").exists():
            number += 1
        draft.rename(place)
        sync(day)
        return place

    def drop_drafts(self) -> None:
        """Delete what this process has drafted and not made commits."""
        for draft in self.root.glob(f"*-*-*/.*.{os.getpid()}"):
            shutil.rmtree(draft, ignore_errors=True)

    def commits(self, since: datetime | None = None) -> list[Path]:
        """All commits in order, from the day of `since` on."""
        first = f"{since:%Y-%m-%d}" if since else ""
        days = sorted(day for day in self.root.glob("*-*-*") if day.name >= first)
        commits = (commit for day in days for commit in sorted(day.glob("[0-9]*"), key=_order))
        return [commit for commit in commits if self._until is None or instant_of(commit) <= self._until]

    def last_finished_at(self) -> datetime | None:
        """When the last tick finished, by the wall clock, in naive UTC; None where none has."""
        for day in sorted(self.root.glob("*-*-*"), reverse=True):
            if finished := sorted(day.glob("[0-9]*-finished-*"), key=_order):
                return max(pl.read_parquet(finished[-1] / "ticks.parquet")["recorded_at"])
        return None

    def later(self) -> list[Path]:
        """The commits that `until` leaves out."""
        kept = set(self.commits())
        return [commit for commit in TickJournal(self.root).commits() if commit not in kept]

    def set_aside(self) -> list[Path]:
        """Take the later commits out of the journal; their folders stay, named `set-aside-…`."""
        later = self.later()
        for commit in reversed(later):
            _put_aside(commit)
        return later

    def finish_setting_aside(self) -> None:
        """Put aside what a process that was killed at it has left in the journal."""
        for listing in sorted(self.root.glob(f"*-*-*/[0-9]*/{SET_ASIDE_COMMITS}.parquet")):
            for name in reversed(pl.read_parquet(listing)["commit"].to_list()):
                if (commit := self.root / name).exists():
                    _put_aside(commit)

    def folders_set_aside(self) -> list[Path]:
        """Folders of what were commits once."""
        return sorted(self.root.glob(f"*-*-*/{_ASIDE}*"))

    def ingest(self, warehouse: Warehouse, commit: Path) -> None:
        """Take one commit's rows into the warehouse's tables."""
        with warehouse.transaction():
            for path in sorted(commit.glob("*.parquet")):
                table = table_of(path)
                if table in _FOR_REBUILDS:
                    continue  # for rebuilds only
                if path.stem == SET_ASIDE_DELIVERIES:
                    warehouse.execute(_SET_ASIDE["date_back"], [str(path)])
                    continue
                if table == "sequence_versions":
                    warehouse.execute(_STATEMENTS["take_versions"], [str(path)])
                    continue
                rows = f"select * from read_parquet({quoted_text(str(path))})"
                warehouse.execute(f"insert into journal.{quoted_name(table)} by name ({rows})")

    def rows(self, warehouse: Warehouse, table: str) -> list[dict[str, Any]]:
        """All rows of a table over all commits."""
        files = [str(path) for path in self.files(table)]
        return warehouse.rows(_STATEMENTS["rows"], [files]) if files else []

    def files(self, table: str, *, set_aside: bool = False) -> list[Path]:
        """The files of a table over all commits, those that are set aside included where asked for."""
        commits = self.commits() + (self.folders_set_aside() if set_aside else [])
        return [path for commit in commits if (path := commit / file_name(table)).exists()]

    def missing(self, warehouse: Warehouse, since: datetime | None) -> list[Path]:
        """Commits from that day on that the warehouse doesn't know: a crash came between the two."""
        known = {
            (row["as_of"], row["phase"], row["recorded_at"])
            for row in warehouse.rows(
                _STATEMENTS["known_ticks"],
                [since.replace(hour=0, minute=0, second=0) if since else None],
            )
        }
        absent = []
        for commit in self.commits(since):
            tick = warehouse.rows(_STATEMENTS["tick_of"], [str(commit / "ticks.parquet")])[0]
            if (tick["as_of"], tick["phase"], tick["recorded_at"]) not in known:
                absent.append(commit)
        return absent


def file_name(table: str) -> str:
    """The file of a commit that holds a table's rows."""
    return f"{_FILE_NAMES.get(table, table)}.parquet"


def instant_of(commit: Path) -> datetime:
    """The instant of the tick whose commit this is."""
    return datetime.strptime(f"{commit.parent.name} {commit.name.partition('-')[0]}", "%Y-%m-%d %H%M%S")


def _order(commit: Path) -> tuple[str, str, int]:
    time, phase, number = commit.name.split("-")
    return time, phase, int(number)  # `decided` comes before `finished`


def _put_aside(commit: Path) -> None:
    commit.rename(commit.with_name(f"{_ASIDE}{commit.name}"))
    sync(commit.parent)
