"""Both sides' warehouses laid side by side, and what a plan tells of them.

What differs, for whom and why, is SQL (the .sql files beside this, and `pipeline/comparison.sql` for the pairing of
mails). Here belong opening the two, the record of what was found, and the files of all rows.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.comparison import STATEMENTS as COMPARISON
from dagster_drips.pipeline.replay import Span
from dagster_drips.sequences.schema import PlanLimits
from dagster_drips.warehouse import Warehouse, open_warehouse
from dagster_drips.warehouse.quoting import quoted_name, quoted_text
from dagster_drips.warehouse.statements import named_statements

STATEMENTS = {
    name: statement
    for file in ("sides", "mails", "people", "telling")
    for name, statement in named_statements(Path(__file__).with_name(f"{file}.sql")).items()
}
SAMPLES = 10
OUT = {
    "mails": "all_mails",
    "enrollments": "all_enrollments",
    "segment_members": "all_segment_members",
    "sends": "all_sends",
}
"""Parquet files of `--out`, and the statement behind each."""
_SIDES = ("comparison_schema", "sends", "here", "there")
_TABLES = (
    "sequences", "decisions", "closings", "skipped_steps", "limit_waits", "step_states", "live_sequences", "steps",
    "waiting_occurrences",
    "differences", "fates", "mails", "enrollments", "segment_members", "segments", "warnings",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What a plan found. Rows are as `telling.sql` has them.

    Args:
        base: what it is compared with: `live`, or the git ref.
        span: the ticks that both sides lived.
        edits: what is another in the files: `kind` (sequence, segment, model, file), `name`, `change`, `what`.
        totals: counts of mails and people.
        by_step: per sequence and step, who gains, loses, gets it earlier, later, in another variant.
        entering: per sequence, who would enter, or stay out.
        at_once: per sequence and reason, who would enter and exit at the same tick.
        displaced: per limit and sequence, whom it makes wait.
        days: mails a UTC day, before and after.
        segments: that grow, shrink, come or go, at the first tick.
        samples: mails of a few people, with what becomes of them on each side.
        warnings: `warning`, `subject`, `step_id`, `amount`; those that the base has too are left out.
        exceeded: thresholds of `project.yml` that are, in words.
        problems: mistakes in working files, and segments without a result.
        is_wrong: a mistake keeps the file of an active sequence from being taken.
    """

    base: str
    span: Span
    edits: list[dict[str, Any]]
    totals: dict[str, Any]
    by_step: list[dict[str, Any]]
    entering: list[dict[str, Any]]
    at_once: list[dict[str, Any]]
    displaced: list[dict[str, Any]]
    days: list[dict[str, Any]]
    segments: list[dict[str, Any]]
    samples: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    exceeded: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    is_wrong: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is another for anybody: no mail, no enrollment, no segment's member."""
        return not (self.by_step or self.entering or self.at_once or self.segments)


@contextmanager
def compared(base: Path, working: Path, span: Span, scratch: Path) -> Generator[Warehouse]:
    """The two sides attached to a database of their own, with the tables made that tell them apart.

    Args:
        base: its warehouse, after its last tick.
        working: likewise.
        span: the ticks of both.
        scratch: a folder for the database.
    """
    with open_warehouse(scratch / "differing.duckdb") as comparison:
        for name, file in (("base", base), ("working", working)):
            comparison.execute(f"attach {quoted_text(str(file))} as {quoted_name(name)} (read_only)")
        comparison.execute(STATEMENTS["schema"])
        comparison.rows(STATEMENTS["span"], {"start": span.start, "end": span.instants()[-1]})
        for name in _SIDES:
            comparison.execute(STATEMENTS[name])
        comparison.execute(COMPARISON["differences"])
        for name in _TABLES:
            comparison.execute(STATEMENTS[name])
        yield comparison


def read_plan(
    comparison: Warehouse,
    *,
    base: str,
    span: Span,
    edits: list[dict[str, Any]],
    limits: PlanLimits | None = None,
    problems: list[str] | None = None,
    is_wrong: bool = False,
) -> Plan:
    """What there is to tell."""
    rows = {name: comparison.rows(STATEMENTS[name]) for name in ("by_step", "entering", "at_once", "displaced", "days")}
    [totals] = comparison.rows(STATEMENTS["totals"])
    totals["change"] = totals["differing"] / max(totals["base_mails"], 1)
    return Plan(
        base=base,
        span=span,
        edits=edits,
        totals=totals,
        segments=comparison.rows(STATEMENTS["changed_segments"]),
        samples=comparison.rows(STATEMENTS["samples"], [SAMPLES]),
        warnings=comparison.rows(STATEMENTS["new_warnings"]),
        exceeded=_exceeded(totals, limits or PlanLimits()),
        problems=problems or [],
        is_wrong=is_wrong,
        **rows,
    )


def write_rows(comparison: Warehouse, folder: Path) -> None:
    """All differing rows, and all that the working side sends, as Parquet files of these names in a folder.

    Raises:
        DripsError: they can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, statement in OUT.items():
            comparison.frame(STATEMENTS[statement]).write_parquet(folder / f"{name}.parquet")
    except OSError as error:
        raise DripsError(f"can't write: {error.strerror}", file=folder) from error


def _exceeded(totals: dict[str, Any], limits: PlanLimits) -> list[str]:
    found = []
    new, most = totals["new_enrollments"], limits.max_new_enrollments
    if most is not None and new > most:
        found.append(f"{new} new enrollments, and max_new_enrollments is {most}")
    if limits.max_change is not None and totals["change"] > limits.max_change:
        share = f"{totals['differing']} of {totals['base_mails']} mails differ ({totals['change']:.1%})"
        found.append(f"{share}, and max_change is {limits.max_change:.1%}")
    return found
