"""What a row of each kind must hold (the contract's section "In"): leads, events, suppressions, engagement.

One function a kind, from a batch to the columns of its raw table. Idempotency keys belong to the SQL that settles
staged rows.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import polars as pl

from dagster_drips.landing.batches import Batch, Column, Form
from dagster_drips.landing.checks import Checked, Checks
from dagster_drips.landing.conversion import shown, to_address, to_address_at_any_rate, to_tags, to_tags_from_list
from dagster_drips.landing.fields import LeadFields
from dagster_drips.landing.properties import event_properties
from dagster_drips.vocabulary import ENGAGEMENT_TYPES, LANDED_COLUMNS, LEAD_CREATED, ROW_SOURCES

_ENGAGEMENT_TEXTS = ("engagement_id", "topic", "url", "user_agent", "ip", "bounce_class", "detail")


def check_leads(batch: Batch, fields: LeadFields) -> Checked:
    """One row a version of a lead; columns that are not known are custom fields.

    `fields` learns of new ones by the rows that are taken: what only refused rows have is no column.
    """
    batch = fields.named(batch)
    checks = Checks(batch)
    columns = {
        "lead_id": checks.required("lead_id"),
        "created_at": checks.required_time("created_at"),
        "updated_at": checks.time("updated_at"),
    }
    for name in batch.columns:
        if name in ("tags", "changed_fields"):
            columns[name] = _texts(checks, name)
        elif name == "email":
            columns[name] = checks.address(name, checks.text(name), to_address)
        elif name == "_drips_source":
            columns[name] = _source(checks)
        elif name not in columns:
            columns[name] = fields.typed(checks, name)
    for name in _of_refused_rows(checks, [name for name in batch.columns if fields.is_new(name)]):
        del columns[name]
    fields.keep(columns)
    return checks.result(columns)


def _of_refused_rows(checks: Checks, names: list[str]) -> list[str]:
    """Those of these columns in which only refused rows hold something; all of them, where no row is taken."""
    if not names or not checks.reasons:
        return []
    refused = pl.Series([row in checks.reasons for row in range(len(checks.batch.lines))], dtype=pl.Boolean)
    if refused.all():
        return names
    filled = {name: checks.batch.columns[name].text.is_not_null() for name in names}
    return [name for name, there in filled.items() if there.any() and not (there & ~refused).any()]


def _texts(checks: Checks, name: str) -> pl.Series:
    """A column of lists, or of text with `;`."""
    column = checks.optional(name)
    nested = column.has_form(Form.NESTED)
    plain = checks.converted(name, column.text.set(nested, None), to_tags, pl.List(pl.String))
    if not nested.any():
        return plain
    listed = checks.converted(name, column.text.set(~nested, None), to_tags_from_list, pl.List(pl.String))
    return listed.zip_with(nested, plain)


def _source(checks: Checks) -> pl.Series:
    """Whose word a row is: a mark makes it less than a row without one, so anybody who lands files may write it."""
    source = checks.optional("_drips_source").text
    checks.reject(~source.is_in(ROW_SOURCES), lambda row: f"_drips_source: not a known one: {shown(source[row])}")
    return source


def check_events(batch: Batch) -> Checked:
    """One row an event; columns that are not known become properties."""
    checks = Checks(batch)
    event_id, lead_id, event = (checks.required(name) for name in ("event_id", "lead_id", "event"))
    checks.reject(event == LEAD_CREATED, f"reserved name {LEAD_CREATED}")
    times = {"occurred_at": checks.required_time("occurred_at"), "received_at": checks.time("received_at")}
    extras = {name: column for name, column in batch.columns.items() if name not in LANDED_COLUMNS["events"]}
    properties, number_texts = event_properties(checks, "properties", extras)
    return checks.result(
        {"event_id": event_id, "lead_id": lead_id, "event": event}
        | times
        | {
            "properties": properties,
            "number_texts": number_texts,
            "value": checks.amount("value"),
            "currency": checks.text("currency"),
            "_drips_source": _source(checks),
        }
    )


def check_suppressions(batch: Batch) -> Checked:
    """One row an address; a time that can't be read is none (L3). Other columns stay in the landing file."""
    checks = Checks(batch)
    return checks.result(
        {
            "email": checks.address("email", checks.required("email"), to_address_at_any_rate),
            "reason": checks.text("reason"),
            "occurred_at": checks.unchecked_time("occurred_at").values,
            "topic": checks.text("topic"),
        }
    )


def check_engagement(batch: Batch) -> Checked:
    """One row a fact about a message; only what suppresses may lack a time (L3).

    Columns that are not known go into `detail` as a JSON object where it is empty, and else stay in the landing file.
    """
    checks = Checks(batch)
    columns = {"message_id": checks.required("message_id"), "type": checks.required("type")}
    kind = columns["type"]
    checks.reject(~kind.is_in(ENGAGEMENT_TYPES), lambda row: f"type: not a known one: {shown(kind[row])}")
    columns |= {name: checks.text(name) for name in _ENGAGEMENT_TEXTS}
    columns["engagement_id"] = _key(checks)
    soft = columns["bounce_class"].eq_missing(pl.Series(["soft"]))
    suppresses = kind.is_in(["unsubscribed", "complained"]) | ((kind == "bounced") & ~soft)
    time = checks.unchecked_time("occurred_at")
    missing = checks.optional("occurred_at").text.is_null()
    checks.reject(missing & ~suppresses, "occurred_at missing")
    checks.reject_each("occurred_at", {row: why for row, why in time.problems.items() if not suppresses[row]})
    columns["occurred_at"] = time.values
    extras = {name: column for name, column in batch.columns.items() if name not in {*columns, "occurred_at"}}
    columns["detail"] = _detail(columns["detail"], extras)
    return checks.result(columns)


def _key(checks: Checks) -> pl.Series:
    """The landed idempotency key; null where there is none, to be filled when the rows are settled."""
    key = checks.optional("engagement_id")
    strange = key.has_form(Form.BOOLEAN, Form.NESTED)
    checks.reject(strange, lambda row: f"engagement_id: not a text or a number: {shown(key.text[row])}")
    return key.text


def _detail(detail: pl.Series, extras: dict[str, Column]) -> pl.Series:
    given = {name: column for name, column in extras.items() if column.text.is_not_null().any()}
    if not given:
        return detail
    texts = detail.to_list()
    for row, text in enumerate(texts):
        members = [
            f"{msgspec.json.encode(name).decode()}:{column.json(row)}"
            for name, column in given.items()
            if column.text[row] is not None
        ]
        if members and not (text or "").strip():
            texts[row] = "{" + ",".join(members) + "}"
    return pl.Series(texts, dtype=pl.String)


def check_for(kind: str, fields: LeadFields) -> Callable[[Batch], Checked]:
    """The checks of a kind."""
    if kind == "leads":
        return lambda batch: check_leads(batch, fields)
    return {"events": check_events, "suppressions": check_suppressions, "engagement": check_engagement}[kind]
