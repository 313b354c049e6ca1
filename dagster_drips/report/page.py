"""A report as HTML: the template, numbers in words, and what of them wants a look.

Pictures are referred to as a mail does (`cid:`), or stand in the page itself as data.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from babel.numbers import format_currency, format_decimal, format_percent
from jinja2 import Environment, StrictUndefined

from dagster_drips.clock import format_instant
from dagster_drips.report.charts import WIDTH, Chart
from dagster_drips.report.numbers import Numbers, change, share
from dagster_drips.templating.inlined_styles import with_inlined_styles

_PAGE = Path(__file__).with_name("page.html")
_LOCALE = "en"
COMPLAINTS, BOUNCES = 0.001, 0.05
"""From which shares of a week on a provider's complaints and a sender's bounces want a look. Gmail's and Yahoo's rules
for bulk senders want complaints below 0.1 %, and 0.3 % never reached."""
_FEWEST = 100
"""Messages of which a share is taken."""
_CENTS_BELOW = 1_000
_ROWS = 12
"""Of each table."""


def html_of(numbers: Numbers, charts: list[Chart], *, project: str, inline: bool) -> str:
    """The page.

    Args:
        numbers: to tell.
        charts: of them.
        project: what people call it.
        inline: pictures as data, for a file; else as parts of a mail.
    """
    pictures = {
        chart.name.removesuffix(".png"): {
            "src": _data(chart) if inline else f"cid:{content_id(chart)}",
            "alt": chart.alt,
            "height": chart.height,
        }
        for chart in charts
    }
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"number": _number, "percent": _percent, "money": _money, "change": _change}
    page = environment.from_string(_PAGE.read_text(encoding="utf-8")).render(
        project=project,
        week=numbers.week,
        numbers=numbers,
        as_of=format_instant(numbers.as_of),
        pictures=pictures,
        width=WIDTH,
        overview=_overview(numbers),
        attention=attention(numbers),
        rows=_ROWS,
        share=share,
    )
    return with_inlined_styles(page)


def subject_of(numbers: Numbers, project: str) -> str:
    """What an inbox shows."""
    told = change(numbers.this["sent"], numbers.before["sent"])
    compared = f" ({_change(told)})" if told is not None else ""
    return f"{project}, week {numbers.week}: {_number(numbers.this['sent'])} mails sent{compared}"


def content_id(chart: Chart) -> str:
    """How the mail's HTML refers to it (RFC 2392)."""
    return f"{hashlib.sha256(chart.png).hexdigest()[:32]}@drips"


def attention(numbers: Numbers) -> list[str]:
    """What wants a look, a sentence each: what `drips status` says, and what the week's numbers do."""
    found = list(numbers.concerns)
    for row in numbers.deliverability:
        complaints = share(row["complained"], row["delivered"])
        if complaints is not None and complaints >= COMPLAINTS and row["delivered"] >= _FEWEST:
            found.append(
                f"{row['mailbox_provider']}: {_percent(complaints, 2)} of the mail was marked as spam; Gmail and Yahoo"
                " want less than 0.1 %"
            )
    for row in numbers.senders:
        bounces = share(row["bounced"], row["answered"])
        if bounces is not None and bounces >= BOUNCES and row["answered"] >= _FEWEST:
            found.append(f"{row['sender']}: {_percent(bounces)} of the mail bounced")
    for row in numbers.sequences:
        if row["status"] == "active" and row["sent_before"] and not row["sent"]:
            found.append(f"{row['name']}: sent {_number(row['sent_before'])} mails the week before, and none this week")
    return found


def _overview(numbers: Numbers) -> list[tuple[str, str, str, str]]:
    """(name, this week, the week before, change) of each number."""
    this, before = numbers.this, numbers.before
    rows = [
        _count("Sent", "sent", numbers),
        _count("Delivered", "delivered", numbers),
        _share("Open rate, people", lambda counts: share(counts["opened"], counts["delivered_tracked"]), numbers),
        _share("Click rate, people", lambda counts: share(counts["clicked"], counts["delivered_tracked"]), numbers),
        _share("Bounce rate", lambda counts: share(counts["bounced"], counts["answered"]), numbers, 2),
        _share("Complaint rate", lambda counts: share(counts["complained"], counts["delivered"]), numbers, 2),
        _count("Unsubscribed", "unsubscribed", numbers),
        _count("Conversions", "conversions", numbers),
    ]
    if this["net_growth"] or before["net_growth"]:
        rows.append(_count("List growth", "net_growth", numbers))
    for row in numbers.money:
        name = f"Revenue, {row['currency'] or 'no currency'}"
        now, then = row["gross_this"], row["gross_before"]
        rows.append((name, _money(now, row["currency"]), _money(then, row["currency"]), _change(change(now, then))))
        if row["refunds_this"] or row["refunds_before"]:
            now, then = row["refunds_this"], row["refunds_before"]
            told = (_money(now, row["currency"]), _money(then, row["currency"]), _change(change(now, then)))
            rows.append(("of which refunded", *told))
    return rows


def _count(name: str, key: str, numbers: Numbers) -> tuple[str, str, str, str]:
    now, before = numbers.this[key], numbers.before[key]
    return name, _number(now), _number(before), _change(change(now, before))


def _share(
    name: str, of: Callable[[Any], float | None], numbers: Numbers, digits: int = 1
) -> tuple[str, str, str, str]:
    """Shares differ by points, not by shares of themselves."""
    now, before = of(numbers.this), of(numbers.before)
    points = "" if now is None or before is None else f"{100 * (now - before):+.{digits}f}\u00a0pt"
    return name, _percent(now, digits), _percent(before, digits), points.replace("-", "−")


# Words ----------------------------------------------------------------------------------------------------------------


def _number(value: float | Decimal) -> str:
    return format_decimal(value, locale=_LOCALE).replace("-", "−")


def _percent(value: float | None, digits: int = 1) -> str:
    if value is None:
        return "–"
    return format_percent(value, format=f"0.{'0' * digits}\u00a0%", locale=_LOCALE, decimal_quantization=True)


def _money(value: Decimal | float, currency: str | None) -> str:
    if not currency:
        return _number(value)
    if abs(value) < _CENTS_BELOW:
        return format_currency(value, currency, locale=_LOCALE)
    return format_currency(value, currency, "¤#,##0", locale=_LOCALE, currency_digits=False)


def _change(value: float | None) -> str:
    if value is None:
        return ""
    return "±0\u00a0%" if abs(value) < 0.005 else f"{100 * value:+,.0f}\u00a0%".replace("-", "−")


def _data(chart: Chart) -> str:
    return f"data:image/png;base64,{base64.b64encode(chart.png).decode()}"
