"""Which due messages their templates decline (M10): the templates of steps that call `skip`, rendered as for sending.

Only asking them belongs here. What a declined step is, the models that decide say (`judged_steps`); what a
template may do, `templating`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from dagster_drips.delivery.composer import rendered_message
from dagster_drips.delivery.due_reader import read_due
from dagster_drips.links.message_links import LinkMaker
from dagster_drips.templating.rendering import RenderError, StepDeclined, is_failure
from dagster_drips.templating.templates import TemplateCache
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

_ROWS = 5_000
_DUE = named_statements(Path(__file__).parents[1] / "delivery" / "due_messages.sql")
_STATEMENTS = named_statements(Path(__file__).with_name("content.sql"))


def declined_steps(warehouse: Warehouse) -> int:
    """Write `raw.declined_steps` for what is due; returns how many messages were declined.

    A template that fails otherwise declines nothing: its message fails when it is sent.
    """
    if not warehouse.value(_STATEMENTS["may_decline"]):
        return 0
    warehouse.execute(_DUE["open_declinable"])
    count = 0
    try:
        declined = _declined(warehouse)
        while rows := list(islice(declined, _ROWS)):
            count += warehouse.append_rows("raw.declined_steps", rows)
    finally:
        warehouse.execute(_DUE["close"])
    return count


def _declined(warehouse: Warehouse) -> Iterator[dict[str, Any]]:
    # Without a public address: nobody gets these, and nothing of them is tracked.
    links = LinkMaker()
    templates = TemplateCache(warehouse, links)
    for due in read_due(warehouse):
        try:
            template = templates.step(due.sequence_id, due.version_id, due.step_id, due.variant_id)
            rendered_message(due, template, links, tracked=False)
        except StepDeclined as declined:
            yield {"message_id": due.message_id, "reason": declined.reason}
        except RenderError:
            continue
        except BaseException as error:
            if not is_failure(error):
                raise
