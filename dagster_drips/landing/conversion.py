"""From text to typed values, column by column: fields' declared types, decimals, lists.

A converter takes one text and returns its value or raises ValueError with the reason in words; it is called once for
each distinct text. Times have a module of their own (`times`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
import polars as pl

from dagster_drips.addresses import address_in

UNSEEN = r"\s\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
"""White space and characters without a width, as a class of a regular expression: soft hyphens, joiners, directions."""
_AROUND = re.compile(f"^[{UNSEEN}]+|[{UNSEEN}]+$")
# Inside, a space may be somebody's mistake that is to be seen; what can't be seen hides that two addresses differ.
_INSIDE = re.compile(f"(?![\\x00-\\x7f])[{UNSEEN}]")
_WRAPPED = re.compile("[<>]|mailto:", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
# Numbers as a spreadsheet writes them in most of Europe, or with thousands set off.
_LOCALIZED = re.compile(r"[+-]?\d[\d.,' \u00a0\u202f]*,[\d.,]*\d", re.ASCII)
_TRUTH = {"true": True, "t": True, "yes": True, "1": True, "false": False, "f": False, "no": False, "0": False}
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_CENTS = Decimal("0.0001")
_INTEGER_DIGITS = 14


@dataclass(frozen=True)
class Converted:
    """A typed column, and by row index the reasons for cells that hold something else (their values are null)."""

    values: pl.Series
    problems: dict[int, str]

    def or_these(self, values: pl.Series) -> Converted:
        """With other values where these are null."""
        return Converted(values.zip_with(values.is_not_null(), self.values), self.problems)


def convert_each(text: pl.Series, convert: Callable[[str], Any], dtype: pl.DataType | type[pl.DataType]) -> Converted:
    """The column converted cell by cell; nulls stay nulls."""
    values: dict[str | None, Any] = {}
    reasons: dict[str | None, str] = {}
    for distinct in text.drop_nulls().unique().to_list():
        try:
            values[distinct] = convert(distinct)
        except ValueError as error:
            reasons[distinct] = str(error)
    if not values and not reasons:
        return Converted(pl.repeat(None, len(text), dtype=dtype, eager=True), {})
    cells = text.to_list()
    problems = {index: reasons[cell] for index, cell in enumerate(cells) if cell in reasons} if reasons else {}
    return Converted(pl.Series([values.get(cell) for cell in cells], dtype=dtype), problems)


def shown(text: str) -> str:
    """A value for a reason: quoted, and not longer than a line."""
    return repr(text if len(text) <= 80 else text[:79] + "…")


def to_amount(text: str) -> str:
    """A sale's value for `decimal(18, 4)`, rounded half up, as text.

    Raises:
        ValueError: not a finite number, or more than 14 digits before the point.
    """
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        raise _not("a number", text)
    amount = Decimal(stripped)
    if amount and amount.adjusted() >= _INTEGER_DIGITS:
        raise ValueError(f"number out of range: {shown(text)}")
    # Beyond any digit that counts quantize would overflow or only yield zero.
    rounded = amount.quantize(_CENTS, ROUND_HALF_UP) if amount.adjusted() > -10 else Decimal(0)
    if abs(rounded) >= 10**_INTEGER_DIGITS:
        raise ValueError(f"number out of range: {shown(text)}")
    return f"{rounded:f}"


def to_integer(text: str) -> int:
    """An integer of 64 bits; `5.0` is one.

    Raises:
        ValueError: it isn't.
    """
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped):
        number = Decimal(stripped)
        if (not number or number.adjusted() < 19) and number == number.to_integral_value():
            value = int(number)
            if -(2**63) <= value < 2**63:
                return value
    raise _not("an integer", text)


def to_number(text: str) -> float:
    """A finite number.

    Raises:
        ValueError: it isn't.
    """
    stripped = text.strip()
    value = float(stripped) if _NUMBER.fullmatch(stripped) else float("inf")
    if abs(value) == float("inf"):
        raise _not("a number", text)
    return value


def _not(what: str, text: str) -> ValueError:
    form = (
        "; the decimal sign is a point, without thousands set off: 1234.5" if _LOCALIZED.fullmatch(text.strip()) else ""
    )
    return ValueError(f"not {what}: {shown(text)}{form}")


def to_boolean(text: str) -> bool:
    """True for `true`, `t`, `yes`, `1`, false for `false`, `f`, `no`, `0`, in any case.

    Raises:
        ValueError: neither.
    """
    try:
        return _TRUTH[text.strip().lower()]
    except KeyError:
        raise ValueError(f"not a boolean: {shown(text)}") from None


def to_address(text: str) -> str:
    """A mail address without white space and invisible characters around it; what is all ASCII stays as landed.

    Raises:
        ValueError: there is a space or an invisible character inside that no keyboard has.
    """
    if text.isascii():
        return text
    address = _AROUND.sub("", text)
    if found := _INSIDE.search(address):
        raise ValueError(f"the invisible character U+{ord(found[0]):04X} stands in {shown(address)}")
    return address


def to_address_at_any_rate(text: str) -> str:
    """The address of a suppression, whatever stands around or inside of it: a wish not to be mailed is never lost (L3).

    `Ann <ann@x.example>` and `mailto:ann@x.example` are the address in them; characters that can't be seen go.
    """
    plain = text if text.isascii() else _INSIDE.sub("", _AROUND.sub("", text))
    return (address_in(plain) if _WRAPPED.search(plain) else None) or plain


def to_tags(text: str) -> list[str]:
    """Tags out of text with `;`, trimmed, empty ones dropped."""
    return [tag for part in text.split(";") if (tag := part.strip())]


def to_tags_from_list(text: str) -> list[str]:
    """Tags out of a JSON list, trimmed, empty ones and nulls dropped; numbers and booleans as written.

    Raises:
        ValueError: not a list of plain values.
    """
    try:
        items = [bytes(item) for item in _ITEMS.decode(text)]
    except msgspec.MsgspecError:
        raise ValueError(f"not a list: {shown(text)}") from None
    tags = []
    for item in items:
        if item[:1] in b"[{":
            raise ValueError(f"not a list of texts: {shown(text)}")
        tags.append("" if item == b"null" else msgspec.json.decode(item) if item[:1] == b'"' else item.decode())
    return [stripped for tag in tags if (stripped := tag.strip())]
