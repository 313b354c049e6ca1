"""SQL in files with names: `-- name: due` starts a statement that ends at the next name.

Where an engine takes another SQL, its variant stands in the same file below the same name (`-- name: due for
postgres`), or, of a file that is one statement, in a sibling (`settle.postgres.sql`). Whoever runs a statement hands it
over as it is, and the engine takes its own.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from string import Template

_NAME = re.compile(r"^-- name: (\w+)(?: for (postgres))?\n", re.MULTILINE)


class Statement(str):
    """A statement as DuckDB takes it.

    Args:
        text: that.
        postgres: its variant for PostgreSQL; None where that takes the same.
    """

    postgres: str | None

    def __new__(cls, text: str, postgres: str | None = None) -> Statement:
        """A text with its variant."""
        statement = super().__new__(cls, text)
        statement.postgres = postgres
        return statement

    def substitute(self, **parts: str) -> Statement:
        """The statement with these in the place of its `${…}`, in each variant; parameters by name stay."""
        postgres = None if self.postgres is None else Template(self.postgres).safe_substitute(parts)
        return Statement(Template(self).safe_substitute(parts), postgres)


@cache
def named_statements(path: Path) -> dict[str, Statement]:
    """The statements of a file by name, in the order of the file."""
    parts = _NAME.split(path.read_text(encoding="utf-8"))
    found: dict[str, Statement] = {}
    for name, engine, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        text = body.strip().rstrip(";")
        found[name] = Statement(found[name], postgres=text) if engine else Statement(text)
    return found


@cache
def whole_statement(path: Path) -> Statement:
    """The one statement of a file."""
    variant = path.with_suffix(".postgres.sql")
    postgres = variant.read_text(encoding="utf-8") if variant.exists() else None
    return Statement(path.read_text(encoding="utf-8"), postgres)
