"""ISO 8601 times as others land them, to naive UTC.

`parse_time` is the definition; `parse_times` gives the same for a whole column, fast. Which times a row must have is
said by the checks of its kind.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import polars as pl

from dagster_drips.landing.conversion import Converted, convert_each, shown

TIME = pl.Datetime("us")
_SHAPE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:(Z)|([+-])(\d\d)(?::?(\d\d))?)?)?",
    re.ASCII,
)
# Only spellings that Polars reads as `_SHAPE` does: a leap second is none of them.
_USUAL = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]+)?"
    r"(Z|[+-]([01][0-9]|2[0-3]):?[0-5][0-9]|[+-]([01][0-9]|2[0-3]))?$"
)


def parse_time(text: str) -> datetime:
    """A time as naive UTC with microseconds (further digits are cut off); white space around it doesn't count.

    A date with `T` or a space, hours, minutes, and optionally seconds, a fraction and an offset (`Z`, `+02:00`,
    `+0200`, `-05`; none is UTC). A date alone is midnight UTC.

    Raises:
        ValueError: it isn't one, or lies outside of the years 1 to 9999.
    """
    shape = _SHAPE.fullmatch(text.strip())
    if shape is None:
        raise ValueError(f"not a time: {shown(text)}")
    year, month, day, hour, minute, second, fraction, _, sign, hours, minutes = shape.groups()
    microsecond = int((fraction or "")[:6].ljust(6, "0"))
    if int(hours or 0) > 23 or int(minutes or 0) > 59:
        raise ValueError(f"not a time: {shown(text)}")
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    zone = timezone(-offset if sign == "-" else offset)
    parts = (int(part or 0) for part in (year, month, day, hour, minute, second))
    try:
        return datetime(*parts, microsecond=microsecond, tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError(f"time out of range: {shown(text)}") from error


def parse_times(text: pl.Series) -> Converted:
    """Each cell by `parse_time`."""
    usual = text.alias("text").to_frame().select(_INSTANT)["instant"]
    return convert_each(text.set(usual.is_not_null(), None), parse_time, TIME).or_these(usual)


def _instant() -> pl.Expr:
    """What the usual spellings in the column `text` mean; null for all others."""
    text = pl.col("text").str.strip_chars()
    tail = text.str.slice(19)
    fraction = tail.str.extract(r"^\.([0-9]{1,6})").str.pad_end(6, "0").cast(pl.Int64).fill_null(0)
    offset = tail.str.extract(r"([+-].*)$")
    digits = offset.str.replace_all(r"[+:-]", "")
    # What is not usual may have anything here, so the casts must not insist.
    hours = digits.str.slice(0, 2).cast(pl.Int64, strict=False)
    minutes = digits.str.slice(2).replace("", "0").cast(pl.Int64, strict=False)
    east = (hours * 60 + minutes) * pl.when(offset.str.starts_with("-")).then(-1).otherwise(1)
    local = (
        text.str.slice(0, 19)
        .str.replace("T", " ", literal=True)
        .str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    )
    instant = (
        local
        + pl.duration(microseconds=fraction, time_unit="us")
        - pl.duration(minutes=east.fill_null(0), time_unit="us")
    )
    is_usual = text.str.contains(_USUAL) & instant.is_between(datetime.min, datetime.max)
    return pl.when(is_usual).then(instant).alias("instant")


_INSTANT = _instant()
