"""What pages share of looks: headings, why there is nothing, rows of numbers, tables, choices.

Here belongs nothing of one page alone, and no chart (`charts`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import streamlit as st

from dagster_drips.console.state import Console

NOT_PUBLISHED = "Nothing is published yet: `drips run` makes a tick and publishes its numbers into `data/published`."
NO_MAIL = "No message was tried yet: `drips status` says what is due next and what holds it."
NUMBER_WIDTH = 160
"""Pixels: a million with its separators fits."""
_NONE = "–"
_NO_CENTS = 10_000
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~$:])")


def heading(console: Console, title: str, about: str = "") -> bool:
    """A page's title, and of which tick its numbers are; whether there are any."""
    st.title(title)
    if console.published is None:
        nothing(NOT_PUBLISHED)
        return False
    as_of = console.published.as_of
    st.caption(" · ".join(part for part in (about, f"as of the tick {told(as_of)} UTC" if as_of else "") if part))
    return True


def nothing(reason: str) -> None:
    """In place of a chart or table that would be empty: why it is."""
    st.info(reason, icon=":material/info:")


def told(value: Any, *, share: bool = False) -> str:
    """A value as people read it: times to the minute, thousands apart, shares in percent, a dash for NULL."""
    if value is None:
        return _NONE
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, timedelta):
        return duration(value.total_seconds())
    if share:
        return f"{value:.2%}"
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return f"{value:,.0f}" if value == round(value) or abs(value) >= _NO_CENTS else f"{value:,.2f}"
    return str(value)


def literal(text: str) -> str:
    """A text that others wrote, in which nothing is Markdown."""
    return _MARKDOWN.sub(r"\\\1", text)


def duration(seconds: float | None) -> str:
    """A span in its two largest units: `2 d 3 h`."""
    if seconds is None:
        return _NONE
    left, parts = round(seconds), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def numbers(values: Sequence[tuple[str, str] | tuple[str, str, str]]) -> None:
    """Numbers in a row, as many as fit beside each other: label, value, and what it means."""
    with st.grid(columns="auto", min_column_width=NUMBER_WIDTH):
        for label, value, *meaning in values:
            st.metric(label, value, help=meaning[0] if meaning else None)


def table(frame: pl.DataFrame, labels: Mapping[str, Any], *, shares: Sequence[str] = ()) -> None:
    """Rows under readable headings; columns without one are left out.

    Args:
        frame: the rows.
        labels: column → its heading, or how Streamlit shows it.
        shares: columns with shares from 0 to 1, shown in percent.
    """
    names = [name for name in labels if name in frame.columns]
    shown = frame.select(names)
    config: dict[str, Any] = {}
    for name in names:
        label = labels[name]
        if name in shares:
            shown = shown.with_columns((pl.col(name) * 100).alias(name))
            config[name] = st.column_config.NumberColumn(str(label), format="%.2f %%")
        elif isinstance(label, str):
            config[name] = _config(label, shown.schema[name])
        else:
            config[name] = label
    st.dataframe(shown, hide_index=True, column_config=config, width="stretch", column_order=names, placeholder=_NONE)


def _config(label: str, dtype: pl.DataType) -> Any:
    if isinstance(dtype, pl.Datetime):
        return st.column_config.DatetimeColumn(label, format="YYYY-MM-DD HH:mm")
    if isinstance(dtype, pl.Date):
        return st.column_config.DateColumn(label, format="YYYY-MM-DD")
    if dtype.is_numeric():
        return st.column_config.NumberColumn(label, format="localized")
    return st.column_config.TextColumn(label)


def chosen(label: str, options: Sequence[str], *, key: str) -> str | None:
    """One of a list, which stands in the page's address, too; None where the list is empty."""
    if not options:
        return None
    wanted = st.query_params.get(key)
    index = options.index(wanted) if wanted in options else 0
    value = st.selectbox(label, options, index=index, key=f"chosen-{key}")
    if value is not None and value != wanted:
        st.query_params[key] = value
    return value
