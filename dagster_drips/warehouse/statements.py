"""SQL in files with names: `-- name: due` starts a statement that ends at the next name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def named_statements(path: Path) -> dict[str, str]:
    """The statements of a file by name, in the order of the file."""
    parts = _NAME.split(path.read_text(encoding="utf-8"))
    return {name: body.strip().rstrip(";") for name, body in zip(parts[1::2], parts[2::2], strict=True)}
