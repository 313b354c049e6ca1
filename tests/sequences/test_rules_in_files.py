"""Rules that are held where files become rows: defaults of F3 and M5, segments without a file (E5, S2), order (S3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from dagster_drips.pipeline.tick_journal import TickJournal
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.sequences.versions import Version, record_catalog
from dagster_drips.warehouse import Warehouse, open_warehouse

from .conftest import SEQUENCE, ProjectFolder

TICK = datetime(2026, 3, 1)
WINDOW = SEQUENCE[SEQUENCE.index("send_window:") : SEQUENCE.index("priority:")]


@pytest.fixture
def warehouse(folder: ProjectFolder) -> Iterator[Warehouse]:
    with open_warehouse(folder.root / "data" / "warehouse.duckdb") as opened:
        yield opened


def tick(folder: ProjectFolder, warehouse: Warehouse, as_of: datetime = TICK) -> list[Version]:
    return record_catalog(warehouse, read_catalog(folder.project, segments=segment_names(folder.project)), as_of=as_of)


def live(warehouse: Warehouse, columns: str) -> tuple[object, ...]:
    [row] = warehouse.rows(f"select {columns} from raw.sequences")
    return tuple(row.values())


@pytest.mark.parametrize(
    ("written", "priority"),
    [
        ("", 50),
        ("priority: 0", 0),
        ("transactional: true", 100),
        ("transactional: true\npriority: 50", 50),
        ("transactional: true\npriority: 0", 0),
        ("transactional: true\npriority:", 100),
    ],
)
def test_f3_a_number_that_the_file_gives_holds_and_100_is_the_default_of_transactional_ones(
    folder: ProjectFolder, warehouse: Warehouse, written: str, priority: int
) -> None:
    folder.sequence(SEQUENCE.replace("priority: 50", written))
    tick(folder, warehouse)
    assert live(warehouse, "priority") == (priority,)


def test_m5_a_transactional_sequence_has_no_window_but_its_own(folder: ProjectFolder, warehouse: Warehouse) -> None:
    columns = "window_days, window_start_minute, window_end_minute, window_timezone"
    folder.write("sequences/project.yml", "timezone: Asia/Tokyo\nsend_window: {start: 09:00, end: 17:00}\n")
    receipt = SEQUENCE.replace("topic: onboarding", "transactional: true")
    folder.sequence(receipt.replace(WINDOW, ""))
    tick(folder, warehouse)
    assert live(warehouse, columns) == ("1111111", 0, 1440, "Asia/Tokyo")
    folder.sequence(receipt.replace(WINDOW, "send_window: {start: 10:00}\n"))
    tick(folder, warehouse)
    assert live(warehouse, columns) == ("1111111", 600, 1440, "Asia/Tokyo")
    folder.sequence(SEQUENCE.replace(WINDOW, ""))
    tick(folder, warehouse)
    assert live(warehouse, columns) == ("1111111", 540, 1020, "Asia/Tokyo")


NAMING = {
    "trigger": ("  event: signup", "  segment_entered: lost"),
    "include": ("  include: [enterprise]", "  include: [enterprise, lost]"),
    "exclude": ("  include: [enterprise]", "  include: [enterprise]\n  exclude: [lost]"),
    "only_if": ("      opened: welcome", "      segment: lost"),
    "unless": ("    only_if:\n      opened: welcome", "    unless:\n      segment: [lost]"),
}


@pytest.mark.parametrize("place", NAMING)
def test_e5_a_file_that_names_a_segment_without_a_file_counts_and_is_a_mistake(
    folder: ProjectFolder, warehouse: Warehouse, place: str
) -> None:
    text = SEQUENCE.replace(*NAMING[place])
    folder.sequence(text)
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    [problem] = catalog.errors
    assert "unknown segment 'lost'" in problem.message
    assert text.splitlines()[(problem.line or 0) - 1].count("lost") == 1
    assert (set(catalog.sources), catalog.invalid, catalog.active_with_errors) == ({"welcome"}, set(), {"welcome"})
    for status in ("active", "paused", "archived"):
        folder.sequence(text.replace("status: active", f"status: {status}"))
        assert [version.status for version in tick(folder, warehouse)] == [status]
        assert live(warehouse, "status, file_state") == (status, "valid")


def test_s2_another_mistake_beside_it_keeps_the_file_from_being_taken(
    folder: ProjectFolder, warehouse: Warehouse
) -> None:
    folder.sequence()
    tick(folder, warehouse)
    folder.sequence(SEQUENCE.replace("[enterprise]", "[lost]").replace("holdout", "holdot"))
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    assert len(catalog.errors) == 2
    assert catalog.invalid == {"welcome"}
    assert tick(folder, warehouse) == []
    assert live(warehouse, "file_state") == ("invalid",)


@pytest.mark.parametrize(
    ("content", "is_active"),
    [
        ("status: active\nsteps: [", True),
        ("status: Active\n", True),
        ("status: active\n", True),
        ("status: draft\n", False),
        ("status: paused\n", False),
        ("steps: []\n", False),
    ],
)
def test_a_broken_file_is_known_to_be_active_or_not_as_far_as_it_can_be_read(
    folder: ProjectFolder, content: str, is_active: bool
) -> None:
    folder.sequence(content)
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    assert catalog.invalid == {"welcome"}
    assert (catalog.active_with_errors == {"welcome"}) == is_active


def _versions(warehouse: Warehouse) -> list[tuple[object, ...]]:
    rows = warehouse.rows("select status, version_number from journal.sequence_versions where sequence_id = 'welcome'")
    rows.sort(key=lambda row: row["version_number"])
    return [tuple(row.values()) for row in rows]


def test_s3_a_repeated_tick_whose_file_changed_keeps_both_versions_in_their_order(
    folder: ProjectFolder, warehouse: Warehouse, tmp_path: Path
) -> None:
    statuses = ["active", "draft", "active", "paused"]
    for status in statuses:
        folder.sequence(SEQUENCE.replace("status: active", f"status: {status}"))
        for _ in range(2):
            tick(folder, warehouse)
        assert live(warehouse, "status") == (status,)
    expected = [(status, number) for number, status in enumerate(statuses, start=1)]
    assert _versions(warehouse) == expected
    # the order of rows in a file or table says nothing
    journal = TickJournal(tmp_path / "ticks")
    shuffled = "select * from journal.sequence_versions order by version_number % 3, version_number desc"
    commit = journal.write(warehouse, as_of=TICK, phase="decided", selects={"sequence_versions": shuffled})
    warehouse.execute("delete from journal.sequence_versions")
    for _ in range(2):
        journal.ingest(warehouse, commit)
    assert _versions(warehouse) == expected
    assert tick(folder, warehouse) == []
    folder.sequence()
    assert [version.status for version in tick(folder, warehouse)] == ["active"]
    assert _versions(warehouse)[-1] == ("active", 5)
