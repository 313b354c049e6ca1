"""A throw-away warehouse for thousands of ticks over a handful of rows: nothing is planned twice, nothing is kept.

Planning costs more than running on so few rows. So statements that come again and again are planned once, and a test is
one transaction, taken back at its end. Only for tables that keep their columns, and for one test after the other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from dagster_drips.warehouse import Warehouse

_PLANNABLE = re.compile(r"(?:\s*--[^\n]*\n)*\s*(?:select|insert|delete|with)\s")
_BOUND_WHEN_PLANNED = "getvariable"
"""A variable's value becomes a part of the plan."""


class PlannedWarehouse(Warehouse):
    """A warehouse on which what is asked again, without parameters, is planned once.

    Args:
        warehouse: open for writing; whoever opened it closes it.
    """

    def __init__(self, warehouse: Warehouse):
        super().__init__(warehouse._connection)
        self._in_test = False
        self._asked: Counter[str] = Counter()
        self._plans: dict[str, str] = {}
        self._columns: dict[str, dict[str, str]] = {}

    @contextmanager
    def taken_back(self) -> Generator[None]:
        """Whatever is done inside it leaves nothing behind."""
        self._connection.execute("begin")
        self._in_test = True
        try:
            yield
        finally:
            self._in_test = False
            self._connection.execute("rollback")

    @contextmanager
    def transaction(self) -> Generator[None]:
        """A part of the one transaction that is taken back, or one of its own outside of it."""
        if self._in_test:
            yield
            return
        with super().transaction():
            yield

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> None:
        """Run one statement for its effect."""
        super().execute(self._planned(sql, parameters), parameters)

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """All rows of a small result."""
        return super().rows(self._planned(sql, parameters), parameters)

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The first column of the first row; None where there is no row."""
        return super().value(self._planned(sql, parameters), parameters)

    def columns(self, table: str) -> dict[str, str]:
        """Column names and types; asked once of a table in all tests."""
        # A test may give content of its own.
        if not self._in_test or table.startswith("content."):
            return super().columns(table)
        if table not in self._columns:
            self._columns[table] = super().columns(table)
        return self._columns[table]

    def _planned(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> str:
        if parameters or not self._in_test:
            return sql
        if sql not in self._plans:
            self._asked[sql] += 1
            if self._asked[sql] == 1 or not _PLANNABLE.match(sql) or _BOUND_WHEN_PLANNED in sql:
                return sql
            name = f"drips_{len(self._plans)}"
            self._connection.execute(f"prepare {name} as {sql}")
            self._plans[sql] = f"execute {name}"
        return self._plans[sql]
