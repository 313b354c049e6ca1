"""What the warehouse knows of landed files, asked of whole listings at once.

A tick compares everything that lies in the landing folders with everything that was ever loaded, so nothing here goes
file by file. What to do with the answers is `load`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from dagster_drips.landing.packs import PACKED, packs, state_of
from dagster_drips.project import Project
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("known_files.sql"))


def path_of(kind: str, pack: Path) -> str:
    """A pack's path below `data/landing`."""
    return f"{PACKED}/{kind}/{pack.name}"


class KnownFiles:
    """The loaded files of one kind; names are below its folder, paths below `data/landing`."""

    def __init__(self, warehouse: Warehouse, kind: str):
        self._warehouse = warehouse
        self._kind = kind

    def not_loaded(self, names: Sequence[str]) -> set[str]:
        """Those of these that are no loaded file's."""
        with self._listed(names):
            return {row["name"] for row in self._rows("not_loaded")}

    def in_another_state(self, states: Mapping[str, str]) -> list[dict[str, Any]]:
        """`name`, `size` and `sha256`, as they were loaded, of those that look otherwise than they last did."""
        with self._listed(states, list(states.values())):
            return self._rows("in_another_state")

    def loaded_before(self, names: Sequence[str], today: datetime) -> list[dict[str, Any]]:
        """`name`, `sha256` and `day` of those that ticks in the journal loaded before this midnight (UTC)."""
        with self._listed(names):
            return self._rows("loaded_before", today)

    def compared(self, hashes: Mapping[str, str]) -> tuple[list[str], list[dict[str, Any]]]:
        """Names that are not loaded, and `name` and `size` of those that were loaded with other bytes."""
        with self._listed(hashes, list(hashes.values())):
            return [row["name"] for row in self._rows("not_loaded")], self._rows("with_other_bytes")

    def with_contents(self, hashes: Collection[str]) -> list[dict[str, Any]]:
        """`sha256`, `path` and `all_rows` of loaded files with these bytes."""
        return self._warehouse.rows(_STATEMENTS["with_contents"], [self._kind, list(hashes)])

    def packs_to_look_into(self, project: Project) -> Iterator[tuple[Path, str]]:
        """Packs of which it is not known that all is loaded, each with its state."""
        lying = [(pack, state_of(pack)) for pack in packs(project, self._kind)]
        if lying:
            known = {row["path"]: row["state"] for row in self._warehouse.rows(_STATEMENTS["pack_states"])}
            yield from ((pack, state) for pack, state in lying if known.get(path_of(self._kind, pack)) != state)

    def note_states(self, states: Mapping[str, str]) -> None:
        """Remember in which states files and packs were looked at. Where a crash prevents it, they are again."""
        with self._warehouse.transaction():
            self._warehouse.execute(_STATEMENTS["forget_states"], [list(states)])
            rows = [{"path": path, "state": state} for path, state in states.items()]
            self._warehouse.append_rows("raw.file_states", rows)

    def _rows(self, name: str, *parameters: datetime) -> list[dict[str, Any]]:
        return self._warehouse.rows(_STATEMENTS[name], [self._kind, *parameters])

    @contextmanager
    def _listed(self, names: Collection[str], told: Sequence[str] = ()) -> Generator[None]:
        """The table `landing_listed` while something is asked of it; `told` is a state or hash of each."""
        self._warehouse.execute(_STATEMENTS["listed"])
        frame = pl.DataFrame({"name": pl.Series(list(names), dtype=pl.String)})
        self._warehouse.append("landing_listed", frame.with_columns(told=pl.Series(told)) if told else frame)
        try:
            yield
        finally:
            self._warehouse.execute(_STATEMENTS["drop_listed"])
