"""Which fields of leads a send reads: those that its templates use, however many the project has.

A project may have two thousand custom fields, and templates use a handful. What the templates mention is read from
their syntax trees (`sequences.template_facts`); where a template takes a lead as a whole, all fields are read. Reading
the rows belongs here too; rendering them is in `templating`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dagster_drips.field_names import RESERVED_PREFIXES, same_field
from dagster_drips.sequences.template_facts import template_facts
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.quoting import quoted_name
from dagster_drips.warehouse.statements import named_statements

COLUMNS_AT_ONCE = 64
"""Columns of one query: an engine holds a block of memory for each column that it scans."""
# What our own filters and links read, whatever templates mention.
_ALWAYS = ("lead_id", "tracking", "locale", "timezone")
_STATEMENTS = named_statements(Path(__file__).with_name("due_messages.sql"))
_VERSION = (Path(__file__).parents[1] / "sequences" / "version.sql").read_text(encoding="utf-8")


class LeadReader:
    """Reads the leads of due messages, with the fields that the due versions' templates use.

    Args:
        warehouse: `open` of due_messages.sql was run on it.
    """

    def __init__(self, warehouse: Warehouse):
        self._warehouse = warehouse
        columns = [name for name in warehouse.columns("staging.stg_leads") if not _is_ours(name)]
        used = _fields_of_versions(warehouse)
        wanted = None if used is None else {same_field(name) for name in (*_ALWAYS, *used)}
        self.columns = [name for name in columns if wanted is None or same_field(name) in wanted]
        """The columns that are read."""

    def read(self, lead_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The leads by id, each as a dict of its columns."""
        ids = sorted(set(lead_ids))
        leads: dict[str, dict[str, Any]] = {lead_id: {} for lead_id in ids}
        for first in range(0, len(self.columns), COLUMNS_AT_ONCE):
            names = self.columns[first : first + COLUMNS_AT_ONCE]
            columns = ", ".join(f"leads.{quoted_name(name)}" for name in names)
            statement = _STATEMENTS["leads"].substitute(columns=columns)
            # One text and not a list: DuckDB asks Python for modules that are missing, for each value that it binds.
            for row in self._warehouse.rows(statement, [json.dumps(ids)]):
                leads[row.pop("_drips_lead_id")] |= row
        return leads


def used_fields(texts: Iterable[str]) -> set[str] | None:
    """The fields of a lead that these templates read by name; None: one of them takes the lead as a whole."""
    used: set[str] = set()
    for text in texts:
        try:
            uses = template_facts(text).uses
        except RecursionError:
            return None  # nested so deeply that nobody knows what it uses; its own rendering says so
        for use in uses:
            if use.chain[0] != "lead":
                continue
            if len(use.chain) == 1:
                return None
            used.add(use.chain[1])
    return used


def _fields_of_versions(warehouse: Warehouse) -> set[str] | None:
    used: set[str] = set()
    for row in warehouse.rows(_STATEMENTS["versions"]):
        for version in warehouse.rows(_VERSION, [row["sequence_id"], row["version_id"]]):
            try:
                found = used_fields(_texts(json.loads(version["definition"]), json.loads(version["files"])))
            except (ValueError, TypeError, AttributeError, RecursionError):
                return None  # a version that can't be read: each of its messages says so when it is composed
            if found is None:
                return None
            used |= found
    return used


def _texts(definition: Mapping[str, Any], files: Mapping[str, str]) -> Iterator[str]:
    """Everything of a version that is rendered, or may be included in it."""
    yield from files.values()
    steps: Sequence[Mapping[str, Any]] = definition.get("steps", ())
    for step in steps:
        for part in (step, *(step.get("variants") or ())):
            yield from (part[name] for name in ("subject", "preview_text") if part.get(name))


def _is_ours(name: str) -> bool:
    return same_field(name).startswith(RESERVED_PREFIXES)
