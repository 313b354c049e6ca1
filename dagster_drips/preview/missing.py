"""Which values that a mail names are missing, and for how many leads of its sequence's segments.

What belongs here is counting, over the leads that were published last; what one reader lacks is `mails`' to tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dagster_drips.field_names import same_field
from dagster_drips.sequences.schema import Sequence as SequenceFile
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.quoting import quoted_name
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("missing.sql"))
_PROFILES = "marts.lead_profiles"


@dataclass(frozen=True)
class MissingValues:
    """Of whom a sequence is for.

    Args:
        leads: how many there are.
        lacking: field → how many of them have no value in it; all of them where no lead has such a field.
    """

    leads: int
    lacking: dict[str, int]


def missing_values(published: Warehouse, sequence: SequenceFile, fields: Sequence[str]) -> MissingValues:
    """Count them; fields in the order given.

    Args:
        published: `drips.duckdb` of a published set.
        sequence: whose segments say whom it is for.
        fields: of leads, as templates name them.
    """
    columns = {same_field(name): name for name in published.columns(_PROFILES)}
    known = {field: columns[same_field(field)] for field in fields if same_field(field) in columns}
    names = list(known)
    counts = "".join(
        f", count(*) filter (where {quoted_name(known[field])} is null) as lacks_{number}"
        for number, field in enumerate(names)
    )
    segments = sequence.segments
    triggering = sequence.trigger.segment_entered
    include = [*segments.include, *([triggering] if triggering else ())]
    asked = [include, segments.exclude]
    (row,) = published.rows(_STATEMENTS["leads"].substitute(counts=counts), asked)
    found = {field: row[f"lacks_{number}"] for number, field in enumerate(names)}
    return MissingValues(row["leads"], {field: found.get(field, row["leads"]) for field in fields})
