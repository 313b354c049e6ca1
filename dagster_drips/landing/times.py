"""Times as others land them, to naive UTC: ISO 8601 as the warehouses write it, RFC 5322's dates, epochs.

`parse_time` is the definition; `parse_times` gives the same for a whole column, fast. Which times a row must have is
said by the checks of its kind.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

import polars as pl

from dagster_drips.landing.conversion import Converted, convert_each, shown

TIMES_TAKEN = "taken are 2026-01-31T10:00:00Z and its like, and epochs of the years 2000 to 2099 in s, ms, µs or ns"

# Offsets: Z, UTC and GMT, or digits, which warehouses put a space before. A zone's name behind one adds nothing.
_OFFSET = r"(?:[Zz]| ?(?:UTC|GMT)| ?([+-])(\d\d)(?::?(\d\d)(?::(\d\d))?)?)(?:\[[\w/+-]+\])?"
_CLOCK = r"(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?"
_SHAPE = re.compile(rf"(\d{{4}})([-/])(\d\d)\2(\d\d)(?:[Tt ]{_CLOCK}(?:{_OFFSET})?)?", re.ASCII)
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)[Tt](\d\d)(\d\d)(\d\d)(?=\D|$)", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MAIL = re.compile(
    rf"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ?)?(\d\d?) ({'|'.join(_MONTHS)}) (\d{{4}}) "
    r"(\d\d:\d\d(?::\d\d)?) (UTC|GMT|[+-]\d{4})",
    re.ASCII,
)
_EPOCH = re.compile(r"([1-9]\d{8,18})(?:\.(\d+))?", re.ASCII)
# Day and month can't be told apart, or it is a number that may be anything: an Excel date, 20260131, an epoch of 1970.
_UNCERTAIN = re.compile(
    r"\d\d?[./-]\d\d?[./-]\d\d(?:\d\d)?(?:,? .*\d.*)?|[+-]?(?:\d{4,}(?:[.,]\d*)?|\d+[.,]\d+[eE]\+?\d+)", re.ASCII
)
# An epoch's unit is told by its size. The bounds keep the units and dates written as digits (20260131100000) apart.
_EPOCH_FROM, _EPOCH_TO = 946_684_800, 4_102_444_800
_UNITS_A_SECOND = (1, 10**3, 10**6, 10**9)
_START = datetime(1970, 1, 1)

# Only spellings that Polars reads as `_SHAPE` does: a leap second is none of them.
_USUAL = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]+)?"
    r"([Zz]| ?UTC| ?[+-]([01][0-9]|2[0-3]):?[0-5][0-9]| ?[+-]([01][0-9]|2[0-3]))?$"
)
_USUAL_EPOCH = r"^[1-9][0-9]{8,18}$"


def time_type() -> pl.Datetime:
    """Of a column of instants; a function, as a look into Polars imports it (`orchestration.warm`)."""
    return pl.Datetime("us")


def parse_time(text: str) -> datetime:
    """A time as naive UTC with microseconds (further digits are cut off); white space around it doesn't count.

    - ISO 8601 and what BigQuery, Snowflake, PostgreSQL, Spark and SQL Server make of it: a date with `T` or a space,
      hours, minutes, and optionally seconds, a fraction and an offset (`Z`, `UTC`, `+02:00`, ` +0200`, `-05`; none is
      UTC), in either case of letters. A date alone is midnight UTC. Slashes (`2026/01/31`) and the basic form
      (`20260131T100000Z`) are the same.
    - RFC 5322: `Sat, 31 Jan 2026 10:00:00 +0000`.
    - Seconds, milliseconds, microseconds or nanoseconds since 1970, of the years 2000 to 2099: outside of them a number
      may mean something else.

    Raises:
        ValueError: it isn't one, or lies outside of the years 1 to 9999.
    """
    stripped = text.strip()
    if epoch := _EPOCH.fullmatch(stripped):
        return _from_epoch(text, *epoch.groups(default=""))
    if mail := _MAIL.fullmatch(stripped):
        day, month, year, clock, offset = mail.groups()
        stripped = f"{year}-{_MONTHS.index(month) + 1:02}-{day:0>2} {clock} {offset}"
    shape = _SHAPE.fullmatch(_BASIC.sub(r"\1-\2-\3T\4:\5:\6", stripped))
    if shape is None:
        raise _not_a_time(text)
    year, _, month, day, hour, minute, second, fraction, sign, *of_offset = shape.groups()
    microsecond = int((fraction or "")[:6].ljust(6, "0"))
    hours, minutes, seconds = (int(part or 0) for part in of_offset)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError(f"not a time: {shown(text)}")
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    zone = timezone(-offset if sign == "-" else offset)
    parts = (int(part or 0) for part in (year, month, day, hour, minute, second))
    try:
        return datetime(*parts, microsecond=microsecond, tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError(f"time out of range: {shown(text)}") from error


def _from_epoch(text: str, whole: str, fraction: str) -> datetime:
    for units in _UNITS_A_SECOND:
        if _EPOCH_FROM * units <= int(whole) < _EPOCH_TO * units:
            microseconds = int(whole + fraction) * 10**6 // (units * 10 ** len(fraction))
            return _START + timedelta(microseconds=microseconds)
    raise _not_a_time(text)


def _not_a_time(text: str) -> ValueError:
    taken = f"; {TIMES_TAKEN}" if _UNCERTAIN.fullmatch(text.strip()) else ""
    return ValueError(f"not a time: {shown(text)}{taken}")


def parse_times(text: pl.Series) -> Converted:
    """Each cell by `parse_time`."""
    instants = text.alias("text").to_frame().select(_instant())["instant"]
    others = text.set(instants.is_not_null(), None)
    if others.null_count() < len(others):
        epochs = others.alias("text").to_frame().select(_instant_of_epoch())["instant"]
        instants, others = instants.zip_with(epochs.is_null(), epochs), others.set(epochs.is_not_null(), None)
    return convert_each(others, parse_time, time_type()).or_these(instants)


@cache
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


@cache
def _instant_of_epoch() -> pl.Expr:
    """What the whole numbers in the column `text` mean as epochs; null for all others."""
    text = pl.col("text").str.strip_chars()
    number = pl.when(text.str.contains(_USUAL_EPOCH)).then(text).cast(pl.Int64, strict=False)
    instants = [
        pl.when(number.is_between(_EPOCH_FROM * units, _EPOCH_TO * units, closed="left")).then(
            number * (10**6 // units) if units <= 10**6 else number // (units // 10**6)
        )
        for units in _UNITS_A_SECOND
    ]
    return pl.coalesce(instants).cast(time_type()).alias("instant")
