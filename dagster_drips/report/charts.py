"""Charts of a report, as PNG pictures: matplotlib draws them, no window is ever opened.

Each says the same as a table of the page, for whoever sees no pictures.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dagster_drips.extras import needs
from dagster_drips.report.numbers import Numbers
from dagster_drips.sequences.fields import WEEKDAYS

with needs("report"):
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

WIDTH = 600
"""Pixels in the page; the pictures have twice as many."""
_DPI = 200
_THIS, _BEFORE, _OTHER = "#2b5fd9", "#b9c2d0", "#d9742b"
_INK, _LINES = "#1f2933", "#e4e7eb"
_SEQUENCES = 8
_CURRENCIES = 3
_LONGEST_NAME = 34


@dataclass(frozen=True)
class Chart:
    """A picture: `name` is its file's, `alt` says what it shows."""

    name: str
    alt: str
    png: bytes

    @property
    def height(self) -> int:
        """Pixels in the page."""
        width, height = (int.from_bytes(self.png[at : at + 4], "big") for at in (16, 20))
        return round(WIDTH * height / width)


def charts_of(numbers: Numbers) -> list[Chart]:
    """The charts that have something to show."""
    charts = [_sent(numbers), _engaged(numbers), _sequences(numbers), _money(numbers)]
    return [chart for chart in charts if chart is not None]


def _sent(numbers: Numbers) -> Chart | None:
    this, before = _by_day(numbers, "sent")
    if not sum(this) + sum(before):
        return None
    figure, axes = _figure(2.3)
    places = range(7)
    axes.bar([place + 0.2 for place in places], this, 0.38, color=_THIS, label="this week")
    axes.bar([place - 0.2 for place in places], before, 0.38, color=_BEFORE, label="week before")
    _days(axes)
    _legend(axes)
    alt = f"Messages sent by day: {_listed(this)}; the week before: {_listed(before)}"
    return _drawn("sent.png", alt, figure)


def _engaged(numbers: Numbers) -> Chart | None:
    lines = [("opened", _THIS), ("clicked", _OTHER)]
    found = {name: _by_day(numbers, name) for name, _ in lines}
    if not sum(sum(this) + sum(before) for this, before in found.values()):
        return None
    figure, axes = _figure(2.3)
    for name, color in lines:
        this, before = found[name]
        axes.plot(range(7), this, color=color, marker="o", markersize=3.5, label=name)
        axes.plot(range(7), before, color=color, alpha=0.4, linestyle=(0, (3, 2)), label=f"{name}, week before")
    axes.set_ylim(bottom=0)
    _days(axes)
    _legend(axes)
    told = "; ".join(f"{name} {_listed(found[name][0])}" for name, _ in lines)
    return _drawn("engaged.png", f"Messages opened and clicked by people, by the day of their sending: {told}", figure)


def _sequences(numbers: Numbers) -> Chart | None:
    rows = [row for row in numbers.sequences if row["sent"] or row["sent_before"]][:_SEQUENCES]
    if not rows:
        return None
    figure, axes = _figure(0.7 + 0.42 * len(rows))
    places = range(len(rows))
    axes.barh([place - 0.2 for place in places], [row["sent"] for row in rows], 0.38, color=_THIS, label="this week")
    axes.barh(
        [place + 0.2 for place in places],
        [row["sent_before"] for row in rows],
        0.38,
        color=_BEFORE,
        label="week before",
    )
    axes.set_yticks(list(places), [_short(row["name"]) for row in rows])
    axes.invert_yaxis()
    axes.grid(axis="x", color=_LINES, linewidth=0.6)
    axes.xaxis.set_major_formatter(FuncFormatter(_number))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    _legend(axes)
    alt = "Messages sent by sequence: " + ", ".join(f"{row['name']} {row['sent']}" for row in rows)
    return _drawn("sequences.png", alt, figure)


def _money(numbers: Numbers) -> Chart | None:
    currencies = [row["currency"] for row in numbers.money if row["gross_this"] > 0][:_CURRENCIES]
    if not currencies:
        return None
    figure = Figure(figsize=(WIDTH * 2 / _DPI, 1.55 * len(currencies) + 0.25), dpi=_DPI, layout="constrained")
    told = []
    for place, currency in enumerate(currencies, start=1):
        axes = figure.add_subplot(len(currencies), 1, place)
        _plain(axes)
        by_day = {row["number"]: row["gross_revenue"] for row in numbers.money_of_days if row["currency"] == currency}
        values = [float(by_day.get(day, 0)) for day in range(7)]
        axes.bar(range(7), values, 0.6, color=_THIS)
        axes.set_title(currency or "no currency", loc="left", fontsize=8, color=_INK)
        _days(axes)
        told.append(f"{currency or 'no currency'} {_listed(values)}")
    return _drawn("revenue.png", f"Revenue by day of the order: {'; '.join(told)}", figure)


# Drawing --------------------------------------------------------------------------------------------------------------


def _figure(height: float) -> tuple[Figure, Axes]:
    """Inches at `_DPI`."""
    figure = Figure(figsize=(WIDTH * 2 / _DPI, height), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    _plain(axes)
    return figure, axes


def _plain(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_LINES)
    axes.tick_params(length=0, labelsize=8, labelcolor=_INK)
    axes.set_axisbelow(True)


def _days(axes: Axes) -> None:
    axes.set_xticks(range(7), [day.capitalize() for day in WEEKDAYS])
    axes.grid(axis="y", color=_LINES, linewidth=0.6)
    axes.yaxis.set_major_formatter(FuncFormatter(_number))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def _legend(axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=len(labels),
        frameon=False,
        fontsize=8,
        labelcolor=_INK,
        handlelength=1.2,
        borderaxespad=0.2,
        columnspacing=1.2,
    )


def _drawn(name: str, alt: str, figure: Figure) -> Chart:
    drawn = io.BytesIO()
    FigureCanvasAgg(figure).print_png(drawn, metadata={"Software": None})
    return Chart(name, alt, drawn.getvalue())


def _by_day(numbers: Numbers, name: str) -> tuple[list[int], list[int]]:
    this, before = [0] * 7, [0] * 7
    for row in numbers.days:
        (this if row["is_this"] else before)[row["number"]] = int(row[name])
    return this, before


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:,.0f}" for value in values)


def _short(name: str) -> str:
    # matplotlib takes what stands between dollars for mathematics.
    plain = name.replace("$", r"\$")
    return plain if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…".replace("$", r"\$")


def _number(value: float, _: Any) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}" if math.isclose(value, round(value)) else f"{value:.1f}"
