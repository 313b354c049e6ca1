"""Plays a random project through real ticks: one dbt project, one parse and one warehouse path for all of them.

Here belong files and ticks. What must hold of the outcome is in `invariants`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from conftest import copy_dbt_project

from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import Warehouse, open_warehouse
from dagster_drips.warehouse.marts_watermark import (
    BROUGHT_UP_TO_DATE,
    begin_measuring,
    end_measuring,
    forget_marts_watermark,
)
from dagster_drips.warehouse.watermark import drop_kept_tables
from properties.world import BROKEN, SEGMENTS, START, STEP_MINUTES, Definition, Engagement, Event, History, World

_SENT = "select * from raw.delivery_log where outcome = 'sent' order by as_of, message_id"

_KEPT = {
    name: f"select * from {name} order by all"
    for name in (
        *("kept.current_leads", "staging.stg_identities", "kept.current_message_states", "decide.unjudged_occurrences"),
        *("decide.judged_occurrences", "decide.open_enrollment_exits", "decide.current_step_states"),
        "decide.segment_members",
        *("after_sending.kept_message_states_after_sending", "after_sending.next_steps_after_sending"),
        "after_sending.pending_steps",
    )
} | {"open enrollments": "select * from kept.current_enrollments where is_open order by all"}

_INCREMENTAL = (
    *("int_moved_messages", "int_engagement_facts", "engagement", "enrollment_decisions", "message_attempts"),
    *("int_moved_events", "events", "sales", "int_moved_sales", "sales_attribution"),
)
"""The incremental marts, with what they read that is of the marts alone."""


class Workbench:
    """A project folder whose landing zone, sequences and warehouse are fresh for every world."""

    def __init__(self, root: Path):
        copy_dbt_project(root)
        shutil.rmtree(root / "dbt_project" / "models" / "segments")
        (root / "dbt_project" / "models" / "segments").mkdir()
        for name, sql in SEGMENTS.items():
            (root / "dbt_project" / "models" / "segments" / f"{name}.sql").write_text(sql)
        (root / "sequences").mkdir()
        self.project = Project.at(root)
        self.transform = Transform(self.project, warehouse=root / "played_0" / "warehouse.duckdb")
        self.project.data.mkdir()
        self._prepared = root / "prepared.duckdb"
        self._played = 0
        self._prepare()

    def play(self, world: World) -> History:
        """All ticks of a world, from an empty warehouse."""
        self._clear()
        history = History(world)
        pipeline = Pipeline(self.project, self.transform, journal=None)
        with open_warehouse(self.transform.warehouse) as warehouse:
            for number, tick in enumerate(world.ticks):
                self._write_sequences(world, number)
                self._land(warehouse, history, number)
                _tick(pipeline, warehouse, tick.as_of, tick.mishap)
                self._measure(warehouse, number)
                history.states.append(warehouse.rows("select * from decide.current_step_states"))
            history.brought_up_to_date, history.made_anew = _kept_either_way(pipeline, warehouse)
            up_to_date, anew = self._marts_either_way(warehouse)
            history.brought_up_to_date |= up_to_date
            history.made_anew |= anew
            for name in ("enrollment_decisions", "enrollment_closings", "skipped_steps"):
                setattr(history, name, warehouse.rows(f"select * from journal.{name} order by all"))
            history.sends = warehouse.rows(_SENT)
            assert not warehouse.rows("select * from raw.rejected_rows")
        return history

    def _measure(self, warehouse: Warehouse, number: int) -> None:
        """Bring the incremental marts up to date at two ticks of three; at one of these that dies, and is repeated."""
        if number % 3 == 2:
            return
        measured = begin_measuring(warehouse, "as it is")
        assert not [result for result in self.transform.run("run", _INCREMENTAL) if result.failed]
        if number % 3 == 0:
            end_measuring(warehouse, measured)

    def _marts_either_way(self, warehouse: Warehouse) -> tuple[dict[str, Any], dict[str, Any]]:
        """The incremental marts at the last tick: brought up to date build by build, and made anew from everything."""
        self._measure(warehouse, 0)
        before = {name: warehouse.rows(f"select * from {name} order by all") for name in BROUGHT_UP_TO_DATE}
        assert warehouse.value("select count(*) from raw.marts_watermark") == 1
        forget_marts_watermark(warehouse)
        self._measure(warehouse, 0)
        return before, {name: warehouse.rows(f"select * from {name} order by all") for name in before}

    def _prepare(self) -> None:
        # A tick over nothing makes seeds and views; every world starts from a copy without its traces.
        with open_warehouse(self.transform.warehouse) as warehouse:
            _tick(Pipeline(self.project, self.transform, journal=None), warehouse, START, None)
            self._measure(warehouse, 0)
            for table in warehouse.rows(
                "select table_schema || '.' || table_name as name from information_schema.tables"
                " where table_schema in ('raw', 'journal') and table_name <> 'prepared_models'"
            ):
                warehouse.execute(f"delete from {table['name']}")
            warehouse.checkpoint()
        shutil.copyfile(self.transform.warehouse, self._prepared)

    def _clear(self) -> None:
        for folder in (self.project.data, self.project.sequences):
            shutil.rmtree(folder)
            folder.mkdir()
        # A folder of its own: dbt keeps the last file open until it is told of another, and knows it by its stem.
        self.transform.warehouse.unlink()
        self._played += 1
        self.transform.warehouse = self.project.root / f"played_{self._played}" / "warehouse.duckdb"
        self.transform.warehouse.parent.mkdir()
        shutil.copyfile(self._prepared, self.transform.warehouse)

    def _write_sequences(self, world: World, number: int) -> None:
        if number and world.files[number] == world.files[number - 1]:
            return
        shutil.rmtree(self.project.sequences)
        self.project.sequences.mkdir()
        (self.project.sequences / "project.yml").write_text(json.dumps(world.settings))
        for sequence_id, definition in world.files[number].items():
            folder = self.project.sequences / sequence_id
            folder.mkdir()
            (folder / "sequence.yml").write_text(_as_file(definition))
            (folder / "mail.html").write_text("<p>Hello</p>")

    def _land(self, warehouse: Warehouse, history: History, number: int) -> None:
        sent = warehouse.rows(_SENT)
        world = history.world
        reactions = [one for one in world.reactions if one.lands == number] if sent else []
        for one in reactions:
            message = sent[one.choice % len(sent)]
            occurred_at = (
                None if one.places is None else message["as_of"] + timedelta(minutes=STEP_MINUTES * one.places)
            )
            history.engagement.append(
                Engagement(message["message_id"], one.type, occurred_at, one.topic, one.bounce_class, number)
            )
        rows = {
            "leads": world.leads,
            "events": [replace(one, value=_worth(one)) for one in world.events],
            "suppressions": world.suppressions,
            "engagement": history.engagement,
        }
        for kind, landed in rows.items():
            self._write_landing(kind, number, [asdict(one) for one in landed if one.lands == number])

    def _write_landing(self, kind: str, number: int, rows: Iterable[dict[str, Any]]) -> None:
        lines = [json.dumps({key: _as_json(value) for key, value in row.items() if key != "lands"}) for row in rows]
        if lines:
            folder = self.project.landing / kind
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number:03}.jsonl").write_text("\n".join(lines) + "\n")


def _tick(pipeline: Pipeline, warehouse: Warehouse, as_of: datetime, mishap: str | None) -> None:
    _decide(pipeline, warehouse, as_of)
    if mishap != "unsent":
        pipeline.pretend_to_send(warehouse)
    if mishap == "repeated":
        warehouse.execute("delete from raw.delivery_log where as_of = ? and message_id >= '8'", [as_of])
        _decide(pipeline, warehouse, as_of)
        pipeline.pretend_to_send(warehouse)
    pipeline.settle(warehouse)


def _decide(pipeline: Pipeline, warehouse: Warehouse, as_of: datetime) -> None:
    pipeline.begin(warehouse, as_of)
    pipeline.load_sequences(warehouse)
    pipeline.load_landing(warehouse, LANDING_KINDS)
    pipeline.decide(warehouse)
    pipeline.commit_decisions(warehouse)


def _kept_either_way(pipeline: Pipeline, warehouse: Warehouse) -> tuple[dict[str, Any], dict[str, Any]]:
    """What deciding keeps and says at the last tick: brought up to date tick by tick, and made anew from everything."""
    pipeline.decide(warehouse)
    before = {name: warehouse.rows(statement) for name, statement in _KEPT.items()}
    drop_kept_tables(warehouse)
    pipeline.decide(warehouse)
    return before, {name: warehouse.rows(statement) for name, statement in _KEPT.items()}


def _worth(event: Event) -> float | None:
    """What a purchase is worth, for the marts: nothing that is decided depends on it."""
    return float(len(event.lead_id) + int(event.event_id[1:])) if event.event == "purchase" else None


def _as_file(definition: Definition | str) -> str:
    return "steps: {" if definition == BROKEN else json.dumps(definition, default=_as_json)


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    return list(value) if isinstance(value, tuple) else value
