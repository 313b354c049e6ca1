"""Filters that write times, numbers and money as a reader expects them: by the lead's time zone and locale.

Here belong the filters that Jinja doesn't have. What they look like in a language is CLDR's word, by way of Babel; time
zones are the pinned ones of `time_zones` (T3). What can't be written is an error of that one message, in plain words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import Undefined, pass_context
from jinja2.exceptions import FilterArgumentError
from jinja2.runtime import Context

from dagster_drips.time_zones import zones

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from babel import Locale

FALLBACK_LOCALE = "en"
"""For a lead whose locale is missing or unknown."""
MAX_DECIMALS = 20
MAX_MAGNITUDE = 10**24
"""Numbers beyond are refused: nobody reads them, and writing them out could take a machine's memory."""
MAX_PATTERN = 100
"""Characters of a date pattern."""

_CURRENCY = re.compile(r"[A-Za-z]{3}")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# The fields of a CLDR pattern (UTS 35); a word of other letters is a format's name that does not exist.
_PATTERN = re.compile(r"(?:'[^']*'|[GyYuUrQqMLlwWdDFgEecabBhHKkmsSAzZOvVXx]|[^A-Za-z'])+")
# A currency without a sign of its own stands apart from the digits (UTS 35, currency spacing).
_LETTER_BEFORE_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)")
_FORMATS = ("short", "medium", "long", "full")


def value_filters(timezone: str) -> dict[str, Callable[..., str]]:
    """The filters `date`, `time`, `datetime`, `number` and `money`, by name.

    Empty text stays empty, so that `lead.birthday | default('') | date` works. A `locale` (BCP 47) or `timezone` (IANA)
    given to a filter goes before the lead's.

    Args:
        timezone: IANA name of the zone for leads without one of their own: the project's.
    """

    project_zone = timezone

    @pass_context
    def date_filter(
        context: Context, value: Any, format: str = "medium", *, locale: Any = None, timezone: Any = None
    ) -> str:
        from babel.dates import format_date

        if _is_empty(value):
            return ""
        moment = _moment(value)
        if isinstance(moment, datetime):
            moment = moment.astimezone(_zone(context, timezone, project_zone)).date()
        return format_date(moment, _format(format), _locale(context, locale))

    @pass_context
    def time_filter(
        context: Context, value: Any, format: str = "short", *, locale: Any = None, timezone: Any = None
    ) -> str:
        from babel.dates import format_time

        if _is_empty(value):
            return ""
        local = _instant(value).astimezone(_zone(context, timezone, project_zone))
        return format_time(local, _format(format), tzinfo=local.tzinfo, locale=_locale(context, locale))

    @pass_context
    def datetime_filter(
        context: Context, value: Any, format: str = "medium", *, locale: Any = None, timezone: Any = None
    ) -> str:
        from babel.dates import format_datetime

        if _is_empty(value):
            return ""
        local = _instant(value).astimezone(_zone(context, timezone, project_zone))
        return format_datetime(local, _format(format), tzinfo=local.tzinfo, locale=_locale(context, locale))

    return {
        "date": date_filter,
        "time": time_filter,
        "datetime": datetime_filter,
        "number": _number_filter,
        "money": _money_filter,
    }


@pass_context
def _number_filter(context: Context, value: Any, decimals: Any = None, *, locale: Any = None) -> str:
    from babel.numbers import format_decimal

    if _is_empty(value):
        return ""
    number = _number(value)
    if decimals is None:
        return format_decimal(number, locale=_locale(context, locale), decimal_quantization=False)
    if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= MAX_DECIMALS:
        raise FilterArgumentError(f"decimals must be a whole number from 0 to {MAX_DECIMALS}")
    places = f".{'0' * decimals}" if decimals else ""
    return format_decimal(number, f"#,##0{places}", locale=_locale(context, locale))


@pass_context
def _money_filter(context: Context, value: Any, currency: Any = None, *, locale: Any = None) -> str:
    from babel.numbers import format_currency

    if _is_empty(value):
        return ""
    code = _event_currency(context) if currency is None else currency
    if isinstance(code, Undefined) or not isinstance(code, str) or not _CURRENCY.fullmatch(code.strip()):
        shown = "missing" if code is None or isinstance(code, Undefined) else _shown(code)
        raise FilterArgumentError(f"the currency is {shown}; write its three letters: | money('EUR')")
    text = format_currency(_number(value), code.strip().upper(), locale=_locale(context, locale))
    return _LETTER_BEFORE_DIGIT.sub("\u00a0", text)


def _event_currency(context: Context) -> Any:
    event = context.get("event")
    return event.get("currency") if isinstance(event, Mapping) else None


def _is_empty(value: Any) -> bool:
    if isinstance(value, Undefined):
        str(value)  # raises, and says which value was missing
    return value is None or (isinstance(value, str) and not value.strip())


def _format(format: Any) -> Any:
    if format in _FORMATS:
        return format
    if isinstance(format, str) and 0 < len(format) <= MAX_PATTERN and _PATTERN.fullmatch(format):
        return format
    raise FilterArgumentError(f"the format {_shown(format)} is none of {', '.join(_FORMATS)}, and no pattern of CLDR")


def _moment(value: Any) -> date | datetime:
    """A day, or an instant with its zone; input without one is UTC."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        text = value.strip()
        try:
            return date.fromisoformat(text) if _DATE.fullmatch(text) else _moment(datetime.fromisoformat(text))
        except ValueError:
            pass
    raise FilterArgumentError(f"{_shown(value)} is no date; write it as ISO 8601, such as 2026-03-29T01:00:00Z")


def _instant(value: Any) -> datetime:
    moment = _moment(value)
    if not isinstance(moment, datetime):
        raise FilterArgumentError(f"{_shown(value)} is a day without a time; write | date")
    return moment


def _number(value: Any) -> Decimal:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        number = Decimal(value.strip())
    elif isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        try:
            # By way of its text: 9.9 is 9.9, not 9.9000000000000003553.
            number = Decimal(value) if isinstance(value, int) else Decimal(str(value))
        except InvalidOperation:
            number = Decimal("nan")
    else:
        number = Decimal("nan")
    if not number.is_finite():
        raise FilterArgumentError(f"{_shown(value)} is no number; write it with digits and a point, such as 1234.5")
    if abs(number) > MAX_MAGNITUDE or int(number.as_tuple().exponent) < -MAX_MAGNITUDE.bit_length():
        raise FilterArgumentError("a number with more digits than anybody reads")
    return number


def _zone(context: Context, given: Any, project_zone: str) -> ZoneInfo:
    known = zones()
    if given is not None:
        if not isinstance(given, str) or given.strip() not in known:
            raise FilterArgumentError(f"{_shown(given)} is no time zone; write an IANA name, such as Europe/Paris")
        return known[given.strip()]
    own = _of_lead(context, "timezone")
    return known[own] if own in known else known.get(project_zone) or known["UTC"]


def _locale(context: Context, given: Any) -> Locale:
    if given is not None:
        found = _known_locale(str(given).strip())
        if found is None:
            raise FilterArgumentError(f"{_shown(given)} is no locale; write a language, such as de or pt-BR")
        return found
    return _known_locale(_of_lead(context, "locale")) or _english()


@lru_cache(maxsize=512)
def _known_locale(tag: str) -> Locale | None:
    """The locale of a BCP 47 tag, or of its language where the rest is unknown; None: nobody has heard of it."""
    from babel import Locale, UnknownLocaleError

    written = tag.replace("-", "_")
    for candidate in dict.fromkeys((written, written.split("_")[0])):
        try:
            return Locale.parse(candidate)
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    return None


@lru_cache(maxsize=1)
def _english() -> Locale:
    from babel import Locale

    return Locale.parse(FALLBACK_LOCALE)


def _of_lead(context: Context, name: str) -> str:
    lead = context.get("lead")
    value = lead.get(name) if isinstance(lead, Mapping) else None
    return value.strip()[:64] if isinstance(value, str) else ""


def _shown(value: Any) -> str:
    """A value in an error's words: short, and never more than a line."""
    if isinstance(value, (str, int, float, Decimal, date, time)):
        try:
            text = str(value)
        except ValueError:  # an integer of thousands of digits
            return "a huge number"
        return f"'{' '.join(text[:40].split())}{'…' if len(text) > 40 else ''}'"
    return f"a {type(value).__name__}"
