"""Leaving out instants at which nothing can happen gives what living each of them gives, row for row."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dagster_drips.pipeline.replay import Span, ticks
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.plan.stillness import ticks_that_matter
from dagster_drips.warehouse import Warehouse, open_warehouse
from plan.conftest import Planned
from plan.world import LIFE, PROJECT, World

pytestmark = pytest.mark.slow

SPAN = Span(LIFE[-1] + timedelta(days=4, hours=20), LIFE[-1] + timedelta(days=19, hours=20), timedelta(days=1))
"""What people did lies behind: in these days time alone passes."""
ROWS = {
    "sent": "select message_id, as_of, variant_id from raw.delivery_log",
    "decisions": "select enrollment_id, sequence_id, lead_id, decided_at, decision, arm"
    " from journal.enrollment_decisions",
    "closings": "select enrollment_id, closed_at, status, exit_reason from journal.enrollment_closings",
    "skipped": "select enrollment_id, step_id, resolved_at, reason from journal.skipped_steps",
    "segments": "select segment, lead_id, as_of, change, is_entry from journal.segment_changes",
    "refreshes": "select distinct segment, refreshed_at from journal.segment_results where segment = 'refreshed'",
    "next steps": "select message_id, state, reason, scheduled_at from decide.current_step_states",
}
QUIET = (
    "select lead_id from {{{{ ref('stg_events') }}}} group by lead_id"
    " having max(occurred_at) <= {{{{ as_of() }}}} - interval '{} days'"
)
CLOCKED = {
    "quiet": QUIET.format(4),
    "silent": QUIET.format(14),
    "refreshed": "{{ config(meta={'refresh': '120h'}) }}\n" + QUIET.format(13),
}
"""Segments that are entered by the clock alone: the first one early, the others after days at which nothing happens."""
SEQUENCES = {
    "back": """
status: active
trigger: {segment_entered: quiet}
steps:
  - {id: soon, delay: {hours: 30}, subject: Back, template: mail.html}
  - {id: far, delay: {days: 30}, subject: Far, template: mail.html}
""",
    # whose control group completes by the clock, days after everything else
    "held": """
status: active
trigger: {event: signup, lookback: {days: 5}}
holdout: 0.5
steps: [{id: late, delay: {days: 16}, subject: Late, template: mail.html}]
""",
    # which opens in the middle of it
    "opens": f"""
status: active
active_from: {LIFE[-1] + timedelta(days=14, hours=1):%Y-%m-%dT%H:%M:%SZ}
trigger: {{event: signup, lookback: {{days: 30}}}}
send_window: {{days: [tue, wed], timezone: lead}}
steps:
  - {{id: never, delay: {{hours: 1}}, expires_after: {{hours: 6}}, subject: Never, template: mail.html}}
""",
}


@dataclass
class Lived:
    rows: dict[str, list[dict[str, Any]]]
    ticks: list[datetime]


@pytest.fixture(scope="module")
def both(planned: Planned, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lived, Lived]]:
    """The same days lived tick by tick, and without the still ones."""
    world = planned.world
    folder = tmp_path_factory.mktemp("still")
    with world.edited():
        for name, sql in CLOCKED.items():
            (world.project.segments / f"{name}.sql").write_text(sql + "\n")
        for name, text in SEQUENCES.items():
            world.write(name, text)
        settings = world.project.sequences / "project.yml"
        settings.write_text(PROJECT.replace("max_per_tick: 16\n", ""))
        world.transform.forget()
        yield lived(world, folder / "each", each=True), lived(world, folder / "still", each=False)
        for name in CLOCKED:
            (world.project.segments / f"{name}.sql").unlink()
    world.transform.forget()


def lived(world: World, folder: Path, *, each: bool) -> Lived:
    folder.mkdir()
    file = folder / "warehouse.duckdb"
    shutil.copyfile(world.project.warehouse, file)
    world.transform.warehouse = file
    pipeline = Pipeline(world.project, world.transform, journal=None)
    with open_warehouse(file) as warehouse:
        if each:
            instants = [report.decided.as_of for report in ticks(pipeline, warehouse, SPAN)]
        else:
            instants = [instant for instant, _ in ticks_that_matter(pipeline, warehouse, SPAN)]
        assert instants == SPAN.instants()
        return Lived(
            {name: sorted(warehouse.rows(sql), key=str) for name, sql in ROWS.items()},
            finished(warehouse),
        )


def finished(warehouse: Warehouse) -> list[datetime]:
    rows = warehouse.rows(
        "select as_of from journal.ticks where phase = 'finished' and as_of >= ? order by as_of", [SPAN.start]
    )
    return [row["as_of"] for row in rows]


@pytest.mark.parametrize("name", ROWS)
def test_what_comes_out_is_the_same(both: tuple[Lived, Lived], name: str) -> None:
    each, still = both
    assert still.rows[name] == each.rows[name]
    assert each.rows[name]


def test_ticks_are_left_out_and_none_at_which_something_happened(both: tuple[Lived, Lived]) -> None:
    each, still = both
    assert each.ticks == SPAN.instants()
    left_out = {*each.ticks} - {*still.ticks}
    assert len(left_out) >= 2
    moments = {
        "sent": {row["as_of"] for row in each.rows["sent"]},
        "decisions": {row["decided_at"] for row in each.rows["decisions"]},
        "closings": {row["closed_at"] for row in each.rows["closings"]},
        "skipped": {row["resolved_at"] for row in each.rows["skipped"]},
        "segments": {row["as_of"] for row in each.rows["segments"]},
    }
    assert not left_out & set().union(*moments.values())
    # each kind happens after a tick that was left out, too: what ends such a spell is seen
    assert all(max(moment) > min(left_out) for moment in moments.values())
