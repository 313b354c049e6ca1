"""Charts of the console: one look, axes with titles and units, a tooltip for each mark.

Here belong kinds of charts; what is in them is a page's matter, and why there is none, `parts.nothing`. Colours come
from Streamlit's theme, light and dark. Days and times are UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

HEIGHT = 260
_ROW = 26
_MOST_ROWS = 40
_LEGEND = alt.Legend(orient="bottom", columns=2, labelLimit=150, title=None)


@dataclass(frozen=True)
class Number:
    """A column that is drawn: its title with the unit, and whether it is a share from 0 to 1."""

    column: str
    title: str
    is_share: bool = False
    form: str = ""

    @property
    def d3(self) -> str:
        """How d3 writes it."""
        return self.form or (".2~%" if self.is_share else ",.10~g")

    def axis(self) -> alt.Axis:
        """Of whole numbers no tick lies between two."""
        return alt.Axis(format=self.d3, tickCount=5, **({} if self.is_share or self.form else {"tickMinStep": 1}))

    def tooltip(self) -> alt.Tooltip:
        """With the same title and format."""
        return alt.Tooltip(f"{self.column}:Q", title=self.title, format=self.d3)


def daily_bars(frame: pl.DataFrame, number: Number, *, day: str = "day", colour: str | None = None) -> None:
    """A bar a day, stacked by a name where there is one."""
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=_day(day),
            y=alt.Y(f"{number.column}:Q", title=number.title, axis=number.axis()),
            tooltip=[_day_told(day), *_name_told(colour), number.tooltip()],
            **_coloured(colour),
        )
    )
    show(chart)


def daily_lines(frame: pl.DataFrame, number: Number, *, day: str = "day", colour: str | None = None) -> None:
    """A line a name, with its points: a single day shows, too."""
    chart = (
        alt.Chart(frame)
        .mark_line(point=alt.OverlayMarkDef(size=25))
        .encode(
            x=_day(day),
            y=alt.Y(f"{number.column}:Q", title=number.title, axis=number.axis()),
            tooltip=[_day_told(day), *_name_told(colour), number.tooltip()],
            **_coloured(colour),
        )
    )
    show(chart)


def timed_lines(
    frame: pl.DataFrame, number: Number, *, time: str, colour: str | None = None, log: bool = False
) -> None:
    """A line a name over instants."""
    scale = alt.Scale(type="symlog") if log else alt.Scale()
    chart = (
        alt.Chart(frame)
        .mark_line(point=alt.OverlayMarkDef(size=25))
        .encode(
            x=alt.X(
                f"{time}:T", title="Tick (UTC)", axis=alt.Axis(format="%d %b %H:%M", labelOverlap=True, tickCount=4)
            ),
            y=alt.Y(f"{number.column}:Q", title=number.title, axis=number.axis(), scale=scale),
            tooltip=[
                alt.Tooltip(f"{time}:T", title="Tick (UTC)", format="%Y-%m-%d %H:%M"),
                *_name_told(colour),
                number.tooltip(),
            ],
            **_coloured(colour),
        )
    )
    show(chart)


def ranked_bars(frame: pl.DataFrame, name: str, name_title: str, number: Number, *, colour: str | None = None) -> None:
    """A bar a name in the order of the rows, the first on top; a long list is cut off, and says so."""
    order = frame[name].unique(maintain_order=True).to_list()
    if len(order) > _MOST_ROWS:
        st.caption(f"The first {_MOST_ROWS} of {len(order)}.")
        order = order[:_MOST_ROWS]
        frame = frame.filter(pl.col(name).is_in(order))
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X(f"{number.column}:Q", title=number.title, axis=number.axis()),
            y=alt.Y(f"{name}:N", title=name_title, sort=order, axis=alt.Axis(labelLimit=150)),
            tooltip=[alt.Tooltip(f"{name}:N", title=name_title), *_name_told(colour), number.tooltip()],
            **_coloured(colour),
        )
    )
    show(chart, height=_tall(len(order)))


def intervals(frame: pl.DataFrame, name: str, name_title: str, numbers: tuple[str, str, str], title: str) -> None:
    """A point with its 95 % interval a name; columns of the value, its low and its high end are shares."""
    value, low, high = numbers
    y = alt.Y(f"{name}:N", title=name_title, sort=frame[name].to_list(), axis=alt.Axis(labelLimit=170))
    tooltip = [
        alt.Tooltip(f"{name}:N", title=name_title),
        alt.Tooltip(f"{value}:Q", title=title, format=".2%"),
        alt.Tooltip(f"{low}:Q", title="95 % interval, low", format=".2%"),
        alt.Tooltip(f"{high}:Q", title="95 % interval, high", format=".2%"),
    ]
    base = alt.Chart(frame)
    x = alt.X(f"{low}:Q", title=f"{title}, with 95 % interval", axis=alt.Axis(format=".2~%", tickCount=5))
    ranges = base.mark_rule(strokeWidth=2).encode(x=x, x2=f"{high}:Q", y=y, tooltip=tooltip)
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x=f"{value}:Q", y=y, tooltip=tooltip)
    show(ranges + points, height=_tall(frame.height))


def heat_map(
    frame: pl.DataFrame,
    columns: tuple[str, str],
    titles: tuple[str, str],
    number: Number,
    *,
    order: Sequence[Any] | None = None,
    more: Sequence[Number] = (),
) -> None:
    """A cell a pair of names, the darker the more; `order` is that of the rows."""
    x, y = columns
    rows = frame[y].n_unique()
    chart = (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            x=alt.X(f"{x}:O", title=titles[0], axis=alt.Axis(labelAngle=0, labelOverlap=True, labelLimit=90)),
            y=alt.Y(f"{y}:O", title=titles[1], sort=list(order) if order else None, axis=alt.Axis(labelLimit=120)),
            color=alt.Color(
                f"{number.column}:Q",
                title=number.title,
                legend=alt.Legend(orient="bottom", format=number.d3, gradientLength=180, tickCount=3),
                scale=alt.Scale(scheme="blues"),
            ),
            tooltip=[
                alt.Tooltip(f"{x}:O", title=titles[0]),
                alt.Tooltip(f"{y}:O", title=titles[1]),
                *(one.tooltip() for one in (number, *more)),
            ],
        )
    )
    show(chart, height=max(160, rows * _ROW + 110))


def show(chart: alt.Chart | alt.LayerChart, *, height: int = HEIGHT) -> None:
    """As wide as there is room."""
    st.altair_chart(chart.properties(height=height), width="stretch")


def _tall(rows: int) -> int:
    return max(100, rows * _ROW + 60)


def _day(column: str) -> alt.X:
    axis = alt.Axis(format="%d %b", labelOverlap=True, tickCount=6, labelAngle=0)
    return alt.X(f"{column}:T", timeUnit="yearmonthdate", title="Day (UTC)", axis=axis)


def _day_told(column: str) -> alt.Tooltip:
    return alt.Tooltip(f"{column}:T", title="Day (UTC)", format="%Y-%m-%d")


def _name_told(column: str | None) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{column}:N", title=column.replace("_", " ").capitalize())] if column else []


def _coloured(column: str | None) -> dict[str, Any]:
    return {"color": alt.Color(f"{column}:N", legend=_LEGEND)} if column else {}
