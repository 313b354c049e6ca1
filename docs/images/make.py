"""The pictures of the documentation: boxes with arrows, and timelines. `python docs/images/make.py` writes them anew.

What a picture says stands in `PICTURES` and `TIMELINES`; a test compares the files with it.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

FOLDER = Path(__file__).parent
_STYLE = (
    "<style>svg{background:#fff}text{font:14px system-ui,sans-serif;fill:#1f2933}.small{font-size:12px;fill:#52606d}"
    ".box{fill:#e6f0fa;stroke:#3e7cb1;rx:6}.bar{fill:#9fc5e8}.wait{fill:none;stroke:#9aa5b1;stroke-dasharray:4 4}"
    ".line{stroke:#3e7cb1;stroke-width:2;fill:none}.axis{stroke:#9aa5b1}.mail{fill:#2f855a}.skip{fill:#c53030}"
    ".event{fill:#d69e2e}</style>"
)

PICTURES = {
    "flow": [
        ("landing files", "leads, events,\nsuppressions, answers"),
        ("raw tables", "Polars reads,\nDuckDB keeps"),
        ("dbt decides", "segments, enrollments,\ndue steps"),
        ("send asset", "claim, render,\nSMTP, outcome"),
        ("marts", "published\nfor BI"),
    ],
    "landing": [
        ("exports, collector,\nmailbox", "write files"),
        ("data/landing/", "complete files,\nnever changed"),
        ("the next tick", "loads each once"),
        ("raw tables", "and what was rejected,\nwith file and line"),
    ],
    "tick": [
        ("load", "files that are new"),
        ("decide", "dbt's models, in SQL"),
        ("commit", "tick journal: decided"),
        ("send", "what is due"),
        ("settle", "tick journal: finished"),
        ("measure", "marts, published"),
    ],
    "segment": [
        ("a SQL file", "models/segments/x.sql"),
        ("dbt", "builds it at each tick"),
        ("members", "one row a lead"),
        ("sequences", "include, exclude,\nsegment_entered, only_if"),
    ],
    "sequence": [
        ("sequence.yml", "trigger, steps, exits"),
        ("mails", "Jinja and HTML"),
        ("tests.yml", "what should happen"),
        ("a version", "from the tick that\nfirst sees it"),
    ],
    "enrollment": [
        ("an occurrence", "event, new lead,\nsegment entered"),
        ("judged once", "enrolled, or why not"),
        ("step by step", "sent, skipped, waiting"),
        ("closed", "completed, or exited\nwith a reason"),
    ],
    "message": [
        ("due step", "a row, with its rule"),
        ("claim", "on disk first"),
        ("mail server", "takes it, or says why not"),
        ("outcome", "on disk; without one:\nin doubt"),
    ],
    "marts": [
        ("a tick ends", ""),
        ("marts", "dbt's tables"),
        ("a version", "DuckDB and Parquet,\na folder"),
        ("current", "one link,\nswapped whole"),
        ("BI", "reads, is never locked"),
    ],
}
"""Boxes from left to right: what, and what of it."""

TIMELINES = {
    "delays": (
        "Delays count from the step before (M2)",
        5,
        [
            ("event", 0, "cart"),
            ("mail", 0.25, "reminder: delay 6 h"),
            ("mail", 2.25, "help: delay 2 d after the reminder"),
        ],
        [],
    ),
    "after_trigger": (
        "after: trigger counts from the trigger, and never runs ahead of the step before (M2)",
        8,
        [("event", 0, "sign-up"), ("mail", 3, "tips: delay 3 d"), ("mail", 7, "review: delay 7 d, after: trigger")],
        [],
    ),
    "window": (
        "Outside of its window a mail waits (M5)",
        3,
        [
            ("event", 0.2, "due at night"),
            ("mail", 0.75, "the window opens"),
            ("event", 1.3, "due in the day"),
            ("mail", 1.32, "sent"),
        ],
        [(0.2, 0.75)],
    ),
    "expires": (
        "expires_after: what waited too long is skipped (M7)",
        5,
        [("event", 0, "due"), ("skip", 2, "expires_after 2 d: skipped"), ("mail", 4, "the next step counts from then")],
        [(0, 2)],
    ),
    "exit": (
        "Whoever leaves gets nothing more (L1)",
        6,
        [
            ("event", 0, "enrolled"),
            ("mail", 1, "first mail"),
            ("event", 2.5, "purchase: converted"),
            ("skip", 4, "no second mail"),
        ],
        [],
    ),
    "cap": (
        "The frequency cap lets a mail wait, and loses none (F1)",
        6,
        [
            ("mail", 0.5, "sequence A"),
            ("event", 1.5, "sequence B is due"),
            ("mail", 3.6, "three days after A: B is sent"),
        ],
        [(1.5, 3.6)],
    ),
    "reentry": (
        "reentry: {after: {days: 30}} counts from the last trigger (E6)",
        40,
        [("event", 0, "enrolled"), ("skip", 12, "again: reentry"), ("event", 33, "again: enrolled")],
        [],
    ),
}
"""Title, days shown, marks (kind, day, words), spans of waiting."""


def boxes(parts: list[tuple[str, str]]) -> str:
    """A row of boxes with arrows between them."""
    width, gap, height = 176, 28, 92
    whole = len(parts) * (width + gap) - gap + 4
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {height + 4}" role="img">', _STYLE]
    for number, (title, note) in enumerate(parts):
        left = 2 + number * (width + gap)
        lines.append(f'<rect class="box" x="{left}" y="2" width="{width}" height="{height}"/>')
        rows = [(row, "") for row in title.split("\n")] + [(row, ' class="small"') for row in note.split("\n") if row]
        top = 2 + height / 2 - 9 * len(rows) + 14
        for place, (row, style) in enumerate(rows):
            where = f'x="{left + width / 2:g}" y="{top + 18 * place:g}" text-anchor="middle"'
            lines.append(f"<text{style} {where}>{escape(row)}</text>")
        if number:
            middle = 2 + height / 2
            lines.append(f'<path class="line" d="M{left - gap + 3} {middle:g}H{left - 5}m-6 -5l6 5l-6 5"/>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def timeline(title: str, days: int, marks: list[tuple[str, float, str]], waits: list[tuple[float, float]]) -> str:
    """Marks on an axis of days, each with its words on a row of its own; waiting is dashed."""
    left, width, row = 20, 680, 22
    step = next(size for size in (1, 2, 5, 10) if days / size <= 10)
    base = 40 + row * len(marks)
    at = {mark: left + mark[1] / days * width for mark in marks}
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 260} {base + 34}" role="img">', _STYLE]
    lines.append(f'<text x="{left}" y="18">{escape(title)}</text>')
    for begin, end in waits:
        x, to = left + begin / days * width, left + end / days * width
        lines.append(f'<rect class="wait" x="{x:g}" y="{base - 8}" width="{to - x:g}" height="16"/>')
    lines.append(f'<line class="axis" x1="{left}" y1="{base}" x2="{left + width}" y2="{base}"/>')
    for day in range(0, days + 1, step):
        x = left + day / days * width
        lines.append(f'<line class="axis" x1="{x:g}" y1="{base - 4}" x2="{x:g}" y2="{base + 4}"/>')
        lines.append(f'<text class="small" x="{x:g}" y="{base + 22}" text-anchor="middle">day {day}</text>')
    for number, mark in enumerate(marks):
        kind, _, words = mark
        y = 40 + row * number
        lines.append(f'<line class="axis" x1="{at[mark]:g}" y1="{y}" x2="{at[mark]:g}" y2="{base}"/>')
        lines.append(f'<circle class="{kind}" cx="{at[mark]:g}" cy="{y}" r="6"/>')
        lines.append(f'<text x="{at[mark] + 12:g}" y="{y + 5}">{escape(words)}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def pictures() -> dict[str, str]:
    """Every picture by its file's name."""
    drawn = {f"{name}.svg": boxes(parts) for name, parts in PICTURES.items()}
    return drawn | {f"timeline_{name}.svg": timeline(*parts) for name, parts in TIMELINES.items()}


if __name__ == "__main__":
    for name, text in pictures().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
