"""Which version is live over edits, deletions and broken files, and what the journal keeps (S1, S2, S3, M1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from dagster_drips.errors import DripsError
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.pipeline.tick_clock import set_clock
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.schema import Sequence
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.sequences.versions import Version, live_version, load_version, record_catalog
from dagster_drips.warehouse import Warehouse, open_warehouse

from .conftest import SEQUENCE, TEMPLATE, ProjectFolder

START = datetime(2026, 3, 1)
FILE = "sequences/welcome/sequence.yml"


@pytest.fixture
def warehouse(folder: ProjectFolder) -> Iterator[Warehouse]:
    with open_warehouse(folder.root / "data" / "warehouse.duckdb") as opened:
        yield opened


def tick(folder: ProjectFolder, warehouse: Warehouse, hour: int) -> list[Version]:
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    return record_catalog(warehouse, catalog, as_of=START + timedelta(hours=hour))


def live(warehouse: Warehouse, columns: str = "status, file_state", sequence_id: str = "welcome") -> tuple[Any, ...]:
    rows = warehouse.rows(f"select {columns} from raw.sequences where sequence_id = ?", [sequence_id])
    return tuple(rows[0].values()) if rows else ()


def journal(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    rows = warehouse.rows(
        "select status, file_state, hour(seen_at) as hour from journal.sequence_versions"
        " where sequence_id = 'welcome' order by seen_at, rowid"
    )
    return [tuple(row.values()) for row in rows]


def table(warehouse: Warehouse, name: str, columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in warehouse.rows(f"select {columns} from raw.{name} order by all")]


def steps(*names: str) -> str:
    """A sequence of those steps, each a day after the one before."""
    head = SEQUENCE.partition("steps:")[0]
    lines = "".join(f"  - {{id: {name}, delay: {{days: 1}}, subject: x, template: welcome.html}}\n" for name in names)
    return f"{head}steps:\n{lines}"


def test_a_sequence_becomes_rows_that_dbt_reads(folder: ProjectFolder, warehouse: Warehouse) -> None:
    folder.write("sequences/project.yml", "timezone: Europe/Berlin\nfrequency_cap: {messages: 3, per: {days: 1.5}}\n")
    text = SEQUENCE.replace(
        "event: signup", "event: signup\n  where: {plan: pro, price: 1.50, paid: True, seats: '07'}"
    )
    text = text.replace("opened: welcome", "opened: [welcome]\n      segment: customers\n    after: trigger")
    text = text.replace("priority: 50", "priority: 7\nactive_from: 2026-01-01T02:00:00+02:00\ntransactional: yes")
    folder.sequence(text)
    new = tick(folder, warehouse, 0)
    assert [(version.sequence_id, version.status, version.file_state) for version in new] == [
        ("welcome", "active", "valid")
    ]
    row = warehouse.rows("select * from raw.sequences")[0]
    expected = {
        "sequence_id": "welcome",
        "version_id": new[0].version_id,
        "name": "Welcome",
        "active_from": datetime(2026, 1, 1),
        "trigger_kind": "event",
        "trigger_event": "signup",
        "trigger_segment": None,
        "include_existing": False,
        "lookback_seconds": 0,
        "trigger_max_age_seconds": None,
        "reentry": "never",
        "reentry_seconds": None,
        "holdout": 0.1,
        "exits_on_goal": True,
        "exits_on_reply": False,
        "exits_on_leaving_segments": False,
        "sender_name": "Ada",
        "sender_email": "ada@acme.example",
        "sender_reply_to": None,
        "sender_max_per_tick": None,
        "window_days": "1100000",
        "window_start_minute": 540,
        "window_end_minute": 1020,
        "window_timezone": "lead",
        "priority": 7,
        "topic": "onboarding",
        "transactional": True,
        "confirmation": False,
    }
    assert {key: row[key] for key in expected} == expected
    assert table(warehouse, "project_settings", "*") == [
        ("Europe/Berlin", 3, 129600, None, ["default"], None, None, "wait", "all", None, None, 604800)
    ]
    assert table(warehouse, "sequence_steps", "step_id, position, delay_seconds, after_trigger") == [
        ("security", 2, 259200, True),
        ("welcome", 1, 0, False),
    ]
    assert table(warehouse, "step_variants", "step_id, variant_id, position, weight") == [
        ("security", "long", 2, 2.0),
        ("security", "short", 1, 1.0),
    ]
    assert table(warehouse, "step_conditions", "polarity, kind, value") == [
        ("only_if", "opened", "welcome"),
        ("only_if", "segment", "customers"),
    ]
    assert table(warehouse, "sequence_segments", "role, segment") == [("include", "enterprise")]
    assert table(warehouse, "sequence_exit_events", "event") == [("cancelled",)]
    assert table(warehouse, "sequence_predicates", "role, property, value") == [
        ("trigger", "paid", "true"),
        ("trigger", "plan", "pro"),
        ("trigger", "price", "1.50"),
        ("trigger", "seats", "07"),
    ]


def test_the_projects_defaults_are_part_of_a_version(folder: ProjectFolder, warehouse: Warehouse) -> None:
    window = SEQUENCE[SEQUENCE.index("send_window:") : SEQUENCE.index("priority:")]
    bare = SEQUENCE.replace("sender: {name: Ada, email: ada@acme.example}\n", "").replace(window, "")
    folder.sequence(bare)
    settings = "timezone: Asia/Tokyo\nsender: {email: all@acme.example}\nsend_window: {end: 24:00, start: 22:30}\n"
    folder.write("sequences/project.yml", settings)
    first = tick(folder, warehouse, 0)[0]
    columns = "sender_email, window_days, window_start_minute, window_end_minute, window_timezone"
    assert live(warehouse, columns) == ("all@acme.example", "1111111", 1350, 1440, "Asia/Tokyo")
    folder.write("sequences/project.yml", settings.replace("all@", "team@"))
    assert tick(folder, warehouse, 1)[0].version_id != first.version_id
    assert live(warehouse, "sender_email") == ("team@acme.example",)


def test_without_a_window_every_minute_is_open(folder: ProjectFolder, warehouse: Warehouse) -> None:
    window = SEQUENCE[SEQUENCE.index("send_window:") : SEQUENCE.index("priority:")]
    folder.sequence(SEQUENCE.replace(window, ""))
    tick(folder, warehouse, 0)
    columns = "window_days, window_start_minute, window_end_minute, window_timezone"
    assert live(warehouse, columns) == ("1111111", 0, 1440, "UTC")


@pytest.mark.parametrize(
    ("written", "expected"),
    [("never", ("never", None)), ("after_exit", ("after_exit", None)), ("{days: 1, hours: 6}", ("after", 108000))],
)
def test_each_kind_of_reentry_has_its_row(
    folder: ProjectFolder, warehouse: Warehouse, written: str, expected: tuple[Any, ...]
) -> None:
    folder.sequence(SEQUENCE.replace("reentry: never", f"reentry: {written}"))
    tick(folder, warehouse, 0)
    assert live(warehouse, "reentry, reentry_seconds") == expected


def test_a_second_tick_without_an_edit_writes_nothing(folder: ProjectFolder, warehouse: Warehouse) -> None:
    folder.sequence()
    assert len(tick(folder, warehouse, 0)) == 1
    warehouse.execute(
        "create or replace table raw.retired_steps as select 'a' sequence_id, 'b' step_id, 'c' stood_after"
    )
    assert tick(folder, warehouse, 0) == []
    assert tick(folder, warehouse, 1) == []
    assert journal(warehouse) == [("active", "valid", 0)]
    assert table(warehouse, "retired_steps", "*") == [("a", "b", "c")]


def test_a_template_a_layout_and_the_definition_each_make_a_version(
    folder: ProjectFolder, warehouse: Warehouse
) -> None:
    folder.write("sequences/_layouts/base.html", "<html></html>")
    folder.sequence()
    folder.write("sequences/welcome/short.html", "{% extends '_layouts/base.html' %}")
    edits = [
        (FILE, SEQUENCE),
        ("sequences/welcome/welcome.html", TEMPLATE + "<p>new</p>"),
        ("sequences/_layouts/base.html", "<html><p>x</p></html>"),
        (FILE, SEQUENCE.replace("holdout: 0.1", "holdout: 0.2")),
    ]
    seen = []
    for hour, (name, text) in enumerate(edits):
        folder.write(name, text)
        seen.extend(version.version_id for version in tick(folder, warehouse, hour))
    assert len(set(seen)) == len(edits)


def test_comments_and_other_spellings_of_the_same_make_no_version(folder: ProjectFolder, warehouse: Warehouse) -> None:
    folder.sequence()
    tick(folder, warehouse, 0)
    text = SEQUENCE.replace("within: {days: 14}", "within: {weeks: 1, hours: 168}").replace(
        "name: Welcome", "name: 'Welcome'"
    )
    folder.sequence("# a comment\n" + text.replace("priority: 50\n", ""))
    assert tick(folder, warehouse, 1) == []


def test_an_invalid_edit_leaves_the_sequence_as_it_was(folder: ProjectFolder, warehouse: Warehouse) -> None:
    folder.sequence()
    first = tick(folder, warehouse, 0)[0]
    folder.sequence(SEQUENCE.replace("status: active", "status: paused").replace("holdout", "holdot"))
    assert tick(folder, warehouse, 1) == []
    assert live(warehouse, "version_id, status, file_state") == (first.version_id, "active", "invalid")
    folder.sequence(SEQUENCE.replace("status: active", "status: paused"))
    assert [version.status for version in tick(folder, warehouse, 2)] == ["paused"]
    assert live(warehouse) == ("paused", "valid")


def test_a_sequence_that_never_was_valid_is_nowhere(folder: ProjectFolder, warehouse: Warehouse) -> None:
    folder.sequence("steps: [")
    assert tick(folder, warehouse, 0) == []
    assert live(warehouse) == ()
    with pytest.raises(DripsError, match="no tick has seen"):
        live_version(warehouse, "welcome")


def test_a_deleted_file_pauses_and_its_return_resumes(folder: ProjectFolder, warehouse: Warehouse) -> None:
    folder.sequence()
    tick(folder, warehouse, 0)
    (folder.root / FILE).unlink()
    assert [version.file_state for version in tick(folder, warehouse, 1)] == ["deleted"]
    assert live(warehouse) == ("paused", "deleted")
    assert tick(folder, warehouse, 2) == []
    folder.sequence("steps: [")
    tick(folder, warehouse, 3)
    assert live(warehouse) == ("paused", "invalid")
    folder.sequence()
    tick(folder, warehouse, 4)
    assert live(warehouse) == ("active", "valid")
    assert journal(warehouse) == [("active", "valid", 0), ("paused", "deleted", 1), ("active", "valid", 4)]


def test_an_archived_sequence_stays_archived_when_its_file_goes(folder: ProjectFolder, warehouse: Warehouse) -> None:
    folder.sequence(SEQUENCE.replace("status: active", "status: archived"))
    tick(folder, warehouse, 0)
    (folder.root / FILE).unlink()
    tick(folder, warehouse, 1)
    assert live(warehouse) == ("archived", "deleted")


def test_going_back_to_an_old_text_is_a_new_spell_of_the_old_version(
    folder: ProjectFolder, warehouse: Warehouse
) -> None:
    folder.sequence()
    first = tick(folder, warehouse, 0)[0]
    folder.sequence(SEQUENCE.replace("status: active", "status: draft"))
    tick(folder, warehouse, 1)
    folder.sequence()
    assert [version.version_id for version in tick(folder, warehouse, 2)] == [first.version_id]
    assert journal(warehouse) == [("active", "valid", 0), ("draft", "valid", 1), ("active", "valid", 2)]


def test_retired_steps_stand_after_what_they_last_stood_after(folder: ProjectFolder, warehouse: Warehouse) -> None:
    edits = [
        (("a", "b", "c", "d"), []),
        (("a", "x", "b", "d"), [("c", "b")]),
        (("x", "a", "d", "b"), [("c", "b")]),
        (("a", "d"), [("b", "d"), ("c", "b"), ("x", None)]),
        (("d", "c"), [("a", None), ("b", "d"), ("x", None)]),
    ]
    for hour, (names, expected) in enumerate(edits):
        folder.sequence(steps(*names))
        tick(folder, warehouse, hour)
        assert table(warehouse, "retired_steps", "step_id, stood_after") == expected
        positions = table(warehouse, "sequence_steps", "position, step_id")
        assert [step for _, step in positions] == list(names)


def test_a_broken_project_file_leaves_the_last_settings(folder: ProjectFolder, warehouse: Warehouse) -> None:
    bare = SEQUENCE.replace("sender: {name: Ada, email: ada@acme.example}\n", "")
    folder.sequence(bare)
    folder.write("sequences/project.yml", "max_per_tick: 5\nsender: {email: all@acme.example}\n")
    tick(folder, warehouse, 0)
    folder.write("sequences/project.yml", "max_per_tick: many\nsender: {email: new@acme.example}\n")
    assert tick(folder, warehouse, 1) == []
    assert table(warehouse, "project_settings", "max_per_tick") == [(5,)]
    folder.sequence(bare.replace("status: active", "status: paused"))
    tick(folder, warehouse, 2)
    assert live(warehouse, "status, sender_email") == ("paused", "all@acme.example")
    folder.write("sequences/project.yml", "max_per_tick: 6\nsender: {email: new@acme.example}\n")
    tick(folder, warehouse, 3)
    assert table(warehouse, "project_settings", "max_per_tick") == [(6,)]
    assert live(warehouse, "sender_email") == ("new@acme.example",)


def test_windows_of_attribution_are_seconds_and_none_where_nobody_said(
    folder: ProjectFolder, warehouse: Warehouse
) -> None:
    windows = "attribution_click_seconds, attribution_open_seconds, attribution_half_life_seconds"
    folder.sequence()
    for name in windows.split(", "):
        warehouse.execute(f"alter table raw.project_settings drop column {name}")  # as an older warehouse has it
    warehouse.prepare()
    tick(folder, warehouse, 0)
    assert table(warehouse, "project_settings", windows) == [(None, None, 604_800)]
    folder.write("sequences/project.yml", "attribution: {open_window: {days: 0}, half_life: {hours: 12}}\n")
    tick(folder, warehouse, 1)
    assert table(warehouse, "project_settings", windows) == [(None, 0, 43_200)]
    folder.write("sequences/project.yml", "attribution: {click_window: {days: 30}}\n")
    tick(folder, warehouse, 2)
    assert table(warehouse, "project_settings", windows) == [(2_592_000, None, 604_800)]


def test_a_project_file_broken_from_the_start_means_defaults(folder: ProjectFolder, warehouse: Warehouse) -> None:
    folder.sequence()
    folder.sequence(SEQUENCE.replace("sender: {name: Ada, email: ada@acme.example}\n", ""), "bare")
    folder.write("sequences/project.yml", "max_per_tick: many\nsender: {email: new@acme.example}\n")
    tick(folder, warehouse, 0)
    assert table(warehouse, "project_settings", "timezone, max_per_tick") == [("UTC", None)]
    assert live(warehouse) == ("active", "valid")
    assert live(warehouse, sequence_id="bare") == ()


def test_every_version_can_be_rebuilt_from_the_journal(folder: ProjectFolder, warehouse: Warehouse) -> None:
    folder.sequence()
    first = tick(folder, warehouse, 0)[0]
    source = read_catalog(folder.project, segments=segment_names(folder.project)).sources["welcome"]
    folder.write("sequences/welcome/welcome.html", "<p>new</p>")
    second = tick(folder, warehouse, 1)[0]
    assert load_version(warehouse, "welcome", first.version_id) == source
    assert live_version(warehouse, "welcome").version_id == second.version_id
    assert live_version(warehouse, "welcome").files["welcome.html"] == "<p>new</p>"
    assert Sequence.model_validate_json(first.definition) == source.sequence
    with pytest.raises(DripsError, match="has no version"):
        load_version(warehouse, "welcome", "unknown")


def test_one_tick_is_all_or_nothing(folder: ProjectFolder, warehouse: Warehouse) -> None:
    folder.sequence()
    warehouse.execute("drop table raw.retired_steps")
    with pytest.raises(Exception, match="retired_steps"):
        tick(folder, warehouse, 0)
    assert journal(warehouse) == []
    assert live(warehouse) == ()


def test_a_version_that_this_release_cannot_read_is_one_clear_error(
    folder: ProjectFolder, warehouse: Warehouse
) -> None:
    folder.sequence()
    version = tick(folder, warehouse, 0)[0]
    warehouse.execute("update journal.sequence_versions set definition = '{}' where sequence_id = 'welcome'")
    with pytest.raises(DripsError, match="sequence welcome: this release can't read"):
        load_version(warehouse, "welcome", version.version_id)


def test_leads_keep_the_types_of_the_last_valid_settings_while_project_yml_has_mistakes(
    folder: ProjectFolder, warehouse: Warehouse
) -> None:
    folder.sequence()
    leads = folder.project.landing / "leads"
    leads.mkdir(parents=True)
    pipeline = Pipeline(folder.project, Transform(folder.project), None)
    for day, (fields, age) in enumerate(
        [("age: integer", 3), ("age: integer\n  _drips_x: text", 4), ("age: intger", 5)]
    ):
        folder.write("sequences/project.yml", f"fields:\n  {fields}\n")
        (leads / f"{day}.csv").write_text(f"lead_id,created_at,age\nl{day},2026-01-01,{age}\n")
        set_clock(warehouse, datetime(2026, 3, 1 + day))
        pipeline.load_sequences(warehouse)
        pipeline.load_landing(warehouse, ("leads",))
    assert warehouse.rows("select age from raw.leads order by age") == [{"age": 3}, {"age": 4}, {"age": 5}]
