"""Properties of events as JSON text: kept as written, with what a JSON reader would rewrite noted beside them (E1)."""

from __future__ import annotations

import re

import msgspec
import polars as pl

from dagster_drips.json_limits import raw_json_problem
from dagster_drips.landing.batches import Column, Form
from dagster_drips.landing.checks import Checks
from dagster_drips.landing.conversion import shown

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
# May hold a number that some JSON reader rewrites: a fraction, an exponent, 19 digits and more, minus zero.
_SUSPICIOUS = r"[0-9][.eE]|[0-9]{19}|-0"
_INTEGER = re.compile(r"-?(?:0|[1-9]\d*)", re.ASCII)


def event_properties(checks: Checks, name: str, extras: dict[str, Column]) -> tuple[pl.Series, pl.Series]:
    """`properties` and `number_texts` of a batch of events.

    Args:
        checks: notes the rows whose properties are no JSON object.
        name: the column with the properties.
        extras: columns that no event has; they become properties, unless there is one of that name already.

    Returns:
        The objects as they were written, with the extras put before the closing brace; and objects of those top-level
        numbers whose text a JSON reader would change (`1.50`, `1e3`), as text, null where there is none.
    """
    properties = _objects(checks, name)
    given = {extra: column for extra, column in extras.items() if column.text.is_not_null().any()}
    if given:
        properties = _with_extras(properties, given)
    suspicious = properties.str.contains(_SUSPICIOUS).fill_null(False).arg_true().to_list()
    if not suspicious:
        return properties, pl.repeat(None, len(properties), dtype=pl.String, eager=True)
    texts = properties.to_list()
    number_texts: list[str | None] = [None] * len(texts)
    for row in suspicious:
        number_texts[row] = rewritten_numbers(texts[row])
    return properties, pl.Series(number_texts, dtype=pl.String)


def rewritten_numbers(properties: str) -> str | None:
    """Of a JSON object its top-level numbers that a JSON reader may write otherwise, as `{"price":"1.50"}`; or None."""
    kept = {}
    for key, raw in _OBJECT.decode(properties).items():
        text = bytes(raw).decode()
        if text[0] in "-0123456789" and not _survives(text):
            kept[key] = text
    return msgspec.json.encode(kept).decode() if kept else None


def _survives(number: str) -> bool:
    if _INTEGER.fullmatch(number):
        return number != "-0" and len(number) <= 20 and -(2**63) <= int(number) < 2**63
    return "e" not in number.lower() and repr(float(number)) == number


def _objects(checks: Checks, name: str) -> pl.Series:
    column = checks.optional(name)
    texts = column.text
    in_json = texts.str.starts_with("{").fill_null(False) & column.has_form(Form.NESTED)
    unproven = (texts.is_not_null() & ~in_json).arg_true().to_list()
    if not unproven:
        return texts
    # Cells of CSV and texts in JSON hold an object as text; numbers, booleans and lists fail here.
    problems = {}
    for row in unproven:
        if problem := raw_json_problem(texts[row]):
            problems[row] = problem
            continue
        try:
            _OBJECT.decode(texts[row])
        except (msgspec.MsgspecError, RecursionError):
            problems[row] = f"not a JSON object: {shown(texts[row])}"
    checks.reject_each(name, problems)
    return texts.scatter(list(problems), None) if problems else texts


def _with_extras(properties: pl.Series, extras: dict[str, Column]) -> pl.Series:
    texts = properties.to_list()
    for row, text in enumerate(texts):
        members = {key: column.json(row) for key, column in extras.items() if column.text[row] is not None}
        if not members:
            continue
        known = _OBJECT.decode(text) if text is not None else {}
        added = [f"{msgspec.json.encode(key).decode()}:{value}" for key, value in members.items() if key not in known]
        if added:
            begun = text.rstrip()[:-1] if text is not None else "{"
            texts[row] = begun + ("," if known else "") + ",".join(added) + "}"
    return pl.Series(texts, dtype=pl.String)
