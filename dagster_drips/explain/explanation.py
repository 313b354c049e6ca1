"""The rows of `marts.explanations` for one lead, with their facts.

Here belongs reading them from a warehouse whose marts are built; making an earlier tick again is `past`'s matter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

MODELS = ("+explanations,fqn:drips.marts",)
"""What dbt has to build for it once a tick is decided, in a throw-away warehouse without marts (`Transform.run`)."""

STATEMENTS = named_statements(Path(__file__).with_name("explanation.sql"))


@dataclass(frozen=True)
class Explanation:
    """Why one step of one enrollment, or of none, went out to a lead or did not: a row of `marts.explanations`.

    Instants are naive UTC. `facts` holds the values of all predicates (docs/explain.md).
    """

    lead_id: str
    sequence_id: str
    step_id: str
    position: int | None
    enrollment_id: str | None
    state: str
    reason: str | None
    rule: str | None
    text: str
    decided_at: datetime | None
    scheduled_at: datetime | None
    next_at: datetime | None
    next_outcome: str | None
    facts: dict[str, Any]
    as_of: datetime


def explain(
    warehouse: Warehouse, lead_id: str, sequence_id: str | None = None, step_id: str | None = None
) -> list[Explanation]:
    """Why a lead got each step of each live sequence, or did not, as of the end of the tick that the marts are of.

    Args:
        warehouse: with the marts built, or at least `MODELS`.
        lead_id: whose.
        sequence_id: this one alone.
        step_id: this step alone.

    Returns:
        By sequence, enrollment in the order they were made (without one last) and step; empty for a lead that is not
        visible.
    """
    asked = {"lead_id": lead_id, "sequence_id": sequence_id, "step_id": step_id}
    rows = warehouse.rows(STATEMENTS["explanations"], asked)
    return [Explanation(**row | {"facts": json.loads(row["facts"])}) for row in rows]
