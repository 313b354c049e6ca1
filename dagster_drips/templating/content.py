"""Frozen content as templates see it: `content.NAME`, typed as the model's columns are (M9).

Content is kept as JSON beside its columns' types, so that what was sent can be shown again by any later release. Here
belongs only the way back: from both texts to values. Freezing is the pipeline's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from dagster_drips.templating.sandbox import Record

Convert = Callable[[Any, str], Any]
"""From a value of JSON, and its name for templates, to the value that templates see."""

_DECIMAL = re.compile(r"DECIMAL\(\d+,\s*(\d+)\)")
_TIMES: dict[str, Callable[[str], Any]] = {"DATE": date.fromisoformat, "TIME": time.fromisoformat}
_FLOATS = frozenset({"DOUBLE", "FLOAT", "REAL"})
_exactly = msgspec.json.Decoder(float_hook=Decimal)


def content_record(content: str | None, types: str | None) -> Record:
    """What `content` is in a template; without any where a message shows none.

    Args:
        content: a JSON object: model → its row, or its rows.
        types: a JSON object: model → `many` and `columns`, which maps each column to the type that the engine gives it.

    Raises:
        ValueError: a text is not what was frozen.
    """
    if not content or not types:
        content, types = "{}", "{}"
    shown, models = _decoded(content), _models(types)
    values: dict[str, Any] = {}
    for name, (is_many, convert) in models.items():
        if name in shown:
            values[name] = convert(shown[name], f"content.{name}")
        elif is_many:
            values[name] = []
    record = Record("content", values)
    record.has_rows = True
    return record


def _decoded(text: str) -> dict[str, Any]:
    try:
        return _exactly.decode(text)
    except msgspec.DecodeError:
        return json.loads(text, parse_float=Decimal)  # NaN, which is none of JSON's


@lru_cache(maxsize=256)
def _models(types: str) -> dict[str, tuple[bool, Convert]]:
    found: dict[str, tuple[bool, Convert]] = {}
    for name, facts in json.loads(types).items():
        row = _struct({column: _converter(type_) for column, type_ in facts["columns"].items()})
        found[name] = (facts["many"], _list(row) if facts["many"] else row)
    return found


def _converter(type_: str) -> Convert | None:
    """None: the value is as JSON has it."""
    if type_.endswith("]"):
        return _list(_converter(type_[: type_.rindex("[")]))
    if type_.startswith("STRUCT("):
        return _struct({name: _converter(inner) for name, inner in _fields(type_[7:-1])})
    if type_.startswith("MAP("):
        inner = _converter(_parts(type_[4:-1])[1].strip())
        return lambda value, name: {key: _converted(inner, one, name) for key, one in value.items() if one is not None}
    if type_.startswith("TIMESTAMP"):
        return lambda value, name: _naive(value)
    if type_ in _TIMES:
        read = _TIMES[type_]
        return lambda value, name: read(value)
    if match := _DECIMAL.fullmatch(type_):
        unit = Decimal(1).scaleb(-int(match[1]))
        return lambda value, name: Decimal(value).quantize(unit)
    if type_ in _FLOATS:
        return lambda value, name: float(value)
    return _plain if type_ == "JSON" else None


def _naive(value: str) -> datetime:
    """An instant as naive UTC: a session writes those with a zone in UTC."""
    return datetime.fromisoformat(value.removesuffix("+00")).replace(tzinfo=None)


def _plain(value: Any, name: str) -> Any:
    """JSON inside of a column, where numbers are what JSON makes of them."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return Record(name, {key: _plain(inner, f"{name}.{key}") for key, inner in value.items()})
    return [_plain(inner, name) for inner in value] if isinstance(value, list) else value


def _converted(convert: Convert | None, value: Any, name: str) -> Any:
    return value if convert is None or value is None else convert(value, name)


def _struct(columns: Mapping[str, Convert | None]) -> Convert:
    given = [(column, convert) for column, convert in columns.items() if convert is not None]

    def convert_row(value: Any, name: str) -> Record:
        for column, convert in given:
            if value.get(column) is not None:
                value[column] = convert(value[column], f"{name}.{column}")
        record = Record(name, value)
        if len(record) != len(value):
            record.nulls = frozenset(value.keys() - record.keys())
        return record

    return convert_row


def _list(convert: Convert | None) -> Convert:
    def convert_list(values: Any, name: str) -> list[Any]:
        return values if convert is None else [None if one is None else convert(one, name) for one in values]

    return convert_list


def _fields(text: str) -> list[tuple[str, str]]:
    """Names and types of `a INTEGER, "b c" VARCHAR[]`."""
    found = []
    for part in _parts(text):
        part = part.strip()
        if part.startswith('"'):
            end = re.compile(r'"(?:[^"]|"")*"').match(part)
            assert end is not None, "the engine closes what it quotes"
            found.append((end[0][1:-1].replace('""', '"'), part[end.end() :].strip()))
        else:
            name, _, type_ = part.partition(" ")
            found.append((name, type_.strip()))
    return found


def _parts(text: str) -> list[str]:
    """The stretches between commas that stand in no parenthesis and no quotes."""
    parts, depth, begin, quote = [], 0, 0, ""
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and not depth:
            parts.append(text[begin:place])
            begin = place + 1
    return [*parts, text[begin:]]
