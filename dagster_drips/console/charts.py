"""Charts of the console: one look, axes with titles and units, a tooltip for each mark.

Here belong kinds of charts; what is in them is a page's matter, and why there is none, `parts.nothing`. Colours come
from Streamlit's theme, light and dark. Days and times are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

HEIGHT = 250
_ROW = 28
_AXIS = 60
_LEGEND_HEIGHT, _LEGEND_LINE = 62, 18
"""Pixels beside the marks: Streamlit takes them off the height of a chart."""
_SHORTEST_AXIS = 130
"""Pixels in which an axis's title still stands whole."""
_SHORT_NAME = 16
_FEW_DAYS = 8
_POWERS = [10**power for power in range(10)]
_MOST_ROWS = 40
# Told apart by those who see red and green as one, on light and on dark; red is for what is wrong.
_PALETTE = ["#2563eb", "#f59e0b", "#0d9488", "#a855f7", "#64748b", "#0ea5e9", "#84cc16", "#db2777"]
FIRST = _PALETTE[0]
"""Where there is one series."""
_SPANS = {1: "1 s", 60: "1 min", 3_600: "1 h", 86_400: "1 d", 2_592_000: "30 d", 31_536_000: "1 y"}
_SPAN_LABELS = "{" + ", ".join(f"{seconds}: '{told}'" for seconds, told in _SPANS.items()) + "}[datum.value]"
_SHORTEST = 0.01


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
        if self.is_share or self.form:
            return alt.Axis(format=self.d3, tickCount=5)
        return alt.Axis(format=self.d3, tickCount=5, tickMinStep=1)

    def tooltip(self) -> alt.Tooltip:
        """With the same title and format."""
        return alt.Tooltip(f"{self.column}:Q", title=self.title, format=self.d3)


def marks(frame: pl.DataFrame) -> Any:
    """Altair's chart of a frame; `Any`, since a checker of types can't follow its methods."""
    return alt.Chart(frame)


def daily_bars(frame: pl.DataFrame, number: Number, *, day: str = "day", colour: str | None = None) -> None:
    """A bar a day, stacked by a name where there is one."""
    chart = (
        marks(frame)
        .mark_bar()
        .encode(
            x=_day(frame, day),
            y=alt.Y(f"{number.column}:Q", title=number.title, axis=number.axis()),
            tooltip=[_day_told(day), *_name_told(colour), number.tooltip()],
            **_coloured(frame, colour),
        )
    )
    show(chart, height=HEIGHT + _legend_height(frame, colour))


def daily_lines(frame: pl.DataFrame, number: Number, *, day: str = "day", colour: str | None = None) -> None:
    """A line a name, with its points: a single day shows, too."""
    chart = (
        marks(frame)
        .mark_line(point=alt.OverlayMarkDef(size=25))
        .encode(
            x=_day(frame, day),
            y=alt.Y(f"{number.column}:Q", title=number.title, axis=number.axis(), scale=_scale(frame, number)),
            tooltip=[_day_told(day), *_name_told(colour), number.tooltip()],
            **_coloured(frame, colour),
        )
    )
    show(chart, height=HEIGHT + _legend_height(frame, colour))


def weekly_bars(frame: pl.DataFrame, number: Number, *, week: str = "week", colour: str | None = None) -> None:
    """A bar a week that has one, stacked by a name; weeks go by their first day."""
    title = "Week from (UTC)"
    axis = alt.Axis(format="%d %b", labelOverlap=True, labelAngle=0)
    chart = (
        marks(frame)
        .mark_bar()
        .encode(
            x=alt.X(f"{week}:O", timeUnit="yearmonthdate", title=title, axis=axis),
            y=alt.Y(f"{number.column}:Q", title=number.title, axis=number.axis()),
            tooltip=[alt.Tooltip(f"{week}:T", title=title, format="%Y-%m-%d"), *_name_told(colour), number.tooltip()],
            **_coloured(frame, colour),
        )
    )
    show(chart, height=HEIGHT + _legend_height(frame, colour))


def durations(frame: pl.DataFrame, *, seconds: str, told: str, time: str, colour: str) -> None:
    """Spans over instants on a logarithmic scale, a line a name; `told` has each span in words."""
    spans = frame.with_columns(pl.col(seconds).clip(lower_bound=_SHORTEST))
    axis = alt.Axis(values=list(_SPANS), labelExpr=_SPAN_LABELS)
    chart = (
        marks(spans)
        .mark_line(point=alt.OverlayMarkDef(size=25))
        .encode(
            x=_instant(time),
            y=alt.Y(f"{seconds}:Q", title="Duration (log scale)", axis=axis, scale=alt.Scale(type="log")),
            tooltip=[_instant_told(time), *_name_told(colour), alt.Tooltip(f"{told}:N", title="Duration")],
            **_coloured(frame, colour),
        )
    )
    show(chart, height=HEIGHT + _legend_height(frame, colour))


def timed_counts(frame: pl.DataFrame, number: Number, *, time: str, colour: str) -> None:
    """Counts above zero over instants on a logarithmic scale, a mark a name."""
    axis = alt.Axis(format=number.d3, values=_POWERS)
    chart = (
        marks(frame)
        .mark_point(filled=True, size=45, opacity=0.9)
        .encode(
            x=_instant(time),
            y=alt.Y(f"{number.column}:Q", title=number.title, axis=axis, scale=alt.Scale(type="log")),
            **_coloured(frame, colour),
            shape=alt.Shape(f"{colour}:N", legend=None),
            tooltip=[_instant_told(time), *_name_told(colour), number.tooltip()],
        )
    )
    show(chart, height=HEIGHT + _legend_height(frame, colour))


def ranked_bars(
    frame: pl.DataFrame,
    name: str,
    name_title: str,
    number: Number,
    *,
    colour: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> None:
    """A bar a name in the order of the rows, the first on top; a long list is cut off, and says so."""
    order = frame[name].unique(maintain_order=True).to_list()
    if len(order) > _MOST_ROWS:
        st.caption(f"The first {_MOST_ROWS} of {len(order)}.")
        order = order[:_MOST_ROWS]
        frame = frame.filter(pl.col(name).is_in(order))
    chart = (
        marks(frame)
        .mark_bar()
        .encode(
            x=alt.X(f"{number.column}:Q", title=number.title, axis=number.axis()),
            y=alt.Y(f"{name}:N", title=name_title, sort=order, axis=alt.Axis(labelLimit=170)),
            tooltip=[alt.Tooltip(f"{name}:N", title=name_title), *_name_told(colour), number.tooltip()],
            **_coloured(frame, colour, colours),
        )
    )
    show(chart, height=tall(len(order)) + _legend_height(frame, colour))


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
    base = marks(frame)
    x = alt.X(f"{low}:Q", title=f"{title}, with 95 % interval", axis=alt.Axis(format=".2~%", tickCount=5))
    ranges = base.mark_rule(strokeWidth=2, color=FIRST).encode(x=x, x2=f"{high}:Q", y=y, tooltip=tooltip)
    points = base.mark_point(filled=True, size=70, opacity=1, color=FIRST).encode(x=f"{value}:Q", y=y, tooltip=tooltip)
    show(alt.layer(ranges, points), height=tall(frame.height))


def moments(frame: pl.DataFrame, *, time: str, row: str, row_title: str, told: Sequence[str]) -> None:
    """A dot a thing that happened, a line a kind of them."""
    chart = (
        marks(frame)
        .mark_point(filled=True, size=60, opacity=0.7)
        .encode(
            x=alt.X(f"{time}:T", title="When (UTC)", axis=alt.Axis(labelOverlap=True, tickCount=5)),
            y=alt.Y(f"{row}:N", title=row_title),
            color=alt.Color(f"{row}:N", legend=None, scale=alt.Scale(range=_PALETTE)),
            tooltip=[
                alt.Tooltip(f"{time}:T", title="When (UTC)", format="%Y-%m-%d %H:%M"),
                *(alt.Tooltip(f"{one}:N", title=one.replace("_", " ").capitalize()) for one in (row, *told)),
            ],
        )
    )
    show(chart, height=tall(frame[row].n_unique()))


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
    # Names aslant: on a phone the last one would be cut off, and some of the others left out.
    angle = -35 if frame[x].dtype == pl.String else 0
    chart = (
        marks(frame)
        .mark_rect()
        .encode(
            x=alt.X(f"{x}:O", title=titles[0], axis=alt.Axis(labelAngle=angle, labelOverlap=True, labelLimit=90)),
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
    room = max(rows * _ROW, _SHORTEST_AXIS) + _AXIS + _LEGEND_HEIGHT + 48
    show(chart, height=room + (40 if angle else 0))


def show(chart: Any, *, height: int = HEIGHT) -> None:
    """As wide as there is room."""
    st.altair_chart(chart.properties(height=height), width="stretch")


def tall(rows: int) -> int:
    """Pixels of a chart with so many rows."""
    return rows * _ROW + _AXIS + 20


def _scale(frame: pl.DataFrame, number: Number) -> alt.Scale:
    """Shares that are all 0 lie on the axis, not in the middle of nothing."""
    is_flat = number.is_share and not (frame[number.column].fill_null(0) != 0).any()
    return alt.Scale(domain=[0, 0.01]) if is_flat else alt.Scale()


def _instant(column: str) -> alt.X:
    axis = alt.Axis(format="%d %b %H:%M", labelOverlap=True, tickCount=4)
    return alt.X(f"{column}:T", title="Tick (UTC)", axis=axis)


def _instant_told(column: str) -> alt.Tooltip:
    return alt.Tooltip(f"{column}:T", title="Tick (UTC)", format="%Y-%m-%d %H:%M")


def _day(frame: pl.DataFrame, column: str) -> alt.X:
    # Of few days each has a tick of its own, and none has two.
    few = alt.TimeIntervalStep(interval="day", step=1)
    ticks = few if frame[column].n_unique() <= _FEW_DAYS else 6
    axis = alt.Axis(format="%d %b", labelOverlap=True, tickCount=ticks, labelAngle=0)
    return alt.X(f"{column}:T", timeUnit="yearmonthdate", title="Day (UTC)", axis=axis)


def _day_told(column: str) -> alt.Tooltip:
    return alt.Tooltip(f"{column}:T", title="Day (UTC)", format="%Y-%m-%d")


def _name_told(column: str | None) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{column}:N", title=column.replace("_", " ").capitalize())] if column else []


def _coloured(frame: pl.DataFrame, column: str | None, colours: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A colour a name; `colours` says which, in the order of the legend."""
    if column is None:
        return {"color": alt.value(FIRST)}
    scale = alt.Scale(domain=list(colours), range=list(colours.values())) if colours else alt.Scale(range=_PALETTE)
    columns = _legend_columns(frame, column)
    legend = alt.Legend(orient="bottom", columns=columns, labelLimit=280 // columns, title=None, offset=4)
    return {"color": alt.Color(f"{column}:N", legend=legend, scale=scale)}


def _legend_columns(frame: pl.DataFrame, column: str) -> int:
    """Names that are long have a line each, or a phone would cut them off."""
    return 1 if any(len(str(name)) > _SHORT_NAME for name in frame[column].unique()) else 2


def _legend_height(frame: pl.DataFrame, column: str | None) -> int:
    if column is None:
        return 0
    lines = -(-frame[column].n_unique() // _legend_columns(frame, column))
    return _LEGEND_HEIGHT + lines * _LEGEND_LINE
