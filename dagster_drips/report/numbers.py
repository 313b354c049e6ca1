"""The numbers of a report: rows of what is published, and shares and changes of them. Words are `page`'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.concerns import concerns_of
from dagster_drips.pipeline.published import facts_as_published, opened_published
from dagster_drips.project import Project
from dagster_drips.report.weeks import Week
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_name("report.sql"))
_COUNTS = (
    *("sent", "delivered", "delivered_tracked", "opened", "clicked", "unsubscribed", "complained", "bounced"),
    *("answered", "conversions", "orders", "net_growth"),
)


@dataclass(frozen=True)
class Numbers:
    """A week and the one before.

    Args:
        week: which.
        as_of: the tick that published them, naive UTC.
        this: counts of the week by name: those of `report.sql`, 0 where there is nothing.
        before: the same of the week before.
        money: a row a currency, with `gross_this`, `gross_before`, `refunds_this`, `refunds_before`.
        days: a row a day of both weeks.
        money_of_days: a row a currency and day of the week.
        sequences: a row each, with `money`: its gross revenue by currency.
        deliverability: a row a mailbox provider.
        senders: a row a sender.
        concerns: what wants a look, as `drips status` says it.
    """

    week: Week
    as_of: datetime
    this: Mapping[str, int]
    before: Mapping[str, int]
    money: list[dict[str, Any]]
    days: list[dict[str, Any]]
    money_of_days: list[dict[str, Any]]
    sequences: list[dict[str, Any]]
    deliverability: list[dict[str, Any]]
    senders: list[dict[str, Any]]
    concerns: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether the tick that published them came after the week's end."""
        return self.as_of >= self.week.end


def last_published(project: Project) -> datetime | None:
    """The instant of the tick that published last; None where none has."""
    with opened_published(project) as published:
        return published.value(_STATEMENTS["as_of"]) if published is not None else None


def read_numbers(project: Project, week: Week) -> Numbers:
    """The numbers of a week.

    Raises:
        DripsError: nothing is published yet, or it can't be read.
    """
    with opened_published(project) as published:
        if published is None:
            raise DripsError("nothing is published yet; `drips run` does it", file=project.published)
        as_of = published.value(_STATEMENTS["as_of"])
        rows = {
            name: published.rows(sql, {"start": week.monday}) for name, sql in _STATEMENTS.items() if name != "as_of"
        }
    money: dict[str, list[tuple[str | None, Decimal]]] = {}
    for row in rows["money_of_sequences"]:
        money.setdefault(row["sequence_id"], []).append((row["currency"], row["gross_revenue"]))
    told = facts_as_published(project)
    return Numbers(
        week,
        as_of,
        _counts(rows, is_this=True),
        _counts(rows, is_this=False),
        rows["money"],
        rows["days"],
        rows["money_of_days"],
        [{**row, "money": money.get(row["sequence_id"], [])} for row in rows["sequences"]],
        rows["deliverability"],
        rows["senders"],
        [concern.text for concern in concerns_of(told[0])] if told else [],
    )


def _counts(rows: Mapping[str, list[dict[str, Any]]], *, is_this: bool) -> dict[str, int]:
    found = [row for name in ("mail", "conversions", "list") for row in rows[name] if row["is_this"] is is_this]
    given = {name: int(value or 0) for row in found for name, value in row.items() if name != "is_this"}
    return {name: given.get(name, 0) for name in _COUNTS}


def share(part: int, whole: int) -> float | None:
    """A share from 0 to 1; None of nothing."""
    return part / whole if whole else None


def change(now: float | Decimal, before: float | Decimal) -> float | None:
    """How much more than before, as a share of before; None where there was nothing."""
    return float(now) / float(before) - 1 if before else None
