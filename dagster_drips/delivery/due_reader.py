"""Due messages read in rank order, some thousand at a time: each with its lead, its event and its frozen content.

Sending, tests of sequences and declining (M10) read through here. Which messages they are is in the temporary table
`sending`, which `due_messages.sql` makes; what becomes of them is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from dagster_drips.delivery.due_message import DueMessage, due_messages
from dagster_drips.delivery.lead_fields import LeadReader
from dagster_drips.warehouse.port import Warehouse
from dagster_drips.warehouse.statements import named_statements

_CHUNK = 2_000
# Where templates take leads as a whole, there may be thousands of values a due.
_VALUES_A_CHUNK = 400_000
_STATEMENTS = named_statements(Path(__file__).with_name("due_messages.sql"))


def read_due(warehouse: Warehouse) -> Iterator[DueMessage]:
    """The messages of `sending`, the lowest rank first; what is read ahead is a few thousand rows.

    Args:
        warehouse: `open` of due_messages.sql was run on it.
    """
    leads_of = LeadReader(warehouse)
    shows_content = bool(warehouse.value(_STATEMENTS["any_content"]))
    size = min(_CHUNK, max(1, _VALUES_A_CHUNK // len(leads_of.columns)))
    after = -1
    while (upto := warehouse.value(_STATEMENTS["last_rank"], [after, size])) is not None:
        rows = warehouse.rows(_STATEMENTS["chunk"], {"after": after, "upto": upto})
        leads = leads_of.read(row["lead_id"] for row in rows)
        for row in rows:
            row["lead"] = leads[row["lead_id"]]
        if shows_content:
            ids = json.dumps([row["message_id"] for row in rows])
            shown = {one.pop("message_id"): one for one in warehouse.rows(_STATEMENTS["content"], [ids])}
            for row in rows:
                row |= shown.get(row["message_id"], {})
        yield from due_messages(rows)
        after = upto
