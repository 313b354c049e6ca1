"""Whom `drips forget` erased: keyed hashes in `data/journal/forgotten.jsonl`, and their way into `raw.forgotten`.

The list is how a person who asked to be forgotten is still not mailed, landed anew or not, without anybody knowing who
it was. Its first line holds the project's pepper, a random key; each other line one hash. What a hash suppresses is
decided in dbt (`forgotten_addresses`); finding and erasing is in `dagster_drips.privacy`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dagster_drips.addresses import address_of
from dagster_drips.errors import DripsError
from dagster_drips.files import atomic_write
from dagster_drips.project import Project
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("load.sql"))


@dataclass(frozen=True)
class ForgottenList:
    """The pepper (hex) and the hashes, each with its kind: `address` or `lead`."""

    pepper: str
    hashes: frozenset[tuple[str, str]] = frozenset()

    def hash_of(self, kind: str, value: str) -> str:
        """sha256 of pepper, kind, ':' and the value in hex, as `forgotten_addresses` computes it."""
        return hashlib.sha256(f"{self.pepper}{kind}:{value}".encode()).hexdigest()

    def knows(self, kind: str, value: str) -> bool:
        """Whether that address (normalized) or lead was forgotten."""
        return (kind, self.hash_of(kind, value)) in self.hashes


def normalized_address(email: str | None) -> str | None:
    """The address that suppressions go by (L3), as the dbt macro `address` has it; None without an `@`."""
    return address_of(email) if email and "@" in email else None


def forgotten_file(project: Project) -> Path:
    """Where the list is."""
    return project.journal / "forgotten.jsonl"


def read_forgotten(project: Project) -> ForgottenList | None:
    """The list; None where nobody was forgotten yet.

    Raises:
        DripsError: the file can't be read: then nobody knows who must not be mailed.
    """
    file = forgotten_file(project)
    try:
        head, *lines = file.read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        return ForgottenList(json.loads(head)["pepper"], frozenset((row["kind"], row["hash"]) for row in rows))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DripsError("can't be read; put it back from a copy of the journal", file=file) from error


def remember_forgotten(project: Project, kinds_and_values: Iterable[tuple[str, str]]) -> None:
    """Add hashes of addresses (normalized) and leads to the list; on disk when this returns, and safe to repeat."""
    known = read_forgotten(project) or ForgottenList(secrets.token_hex(32))
    hashes = known.hashes | {(kind, known.hash_of(kind, value)) for kind, value in kinds_and_values}
    # Sorted by hash: the order in which people were forgotten is nobody's business.
    rows = [{"kind": kind, "hash": digest} for kind, digest in sorted(hashes, key=lambda row: row[1])]
    file = forgotten_file(project)
    lines = "".join(json.dumps(row) + "\n" for row in [{"pepper": known.pepper}, *rows])
    atomic_write(file, lines.encode(), mode=0o600)


def load_forgotten(project: Project, warehouse: Warehouse) -> int:
    """Make `raw.forgotten` say what the list says; returns how many hashes there are.

    Raises:
        DripsError: the list can't be read.
    """
    known = read_forgotten(project)
    if known is None:
        return 0
    if warehouse.value(_STATEMENTS["forgotten"]) != len(known.hashes):
        rows = [{"kind": kind, "hash": digest, "pepper": known.pepper} for kind, digest in sorted(known.hashes)]
        with warehouse.transaction():
            warehouse.execute(_STATEMENTS["clear_forgotten"])
            warehouse.append_rows("raw.forgotten", rows)
    return len(known.hashes)
