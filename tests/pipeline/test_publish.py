"""What is published is a set of one tick: whole for whoever reads it, whatever is published or killed meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from conftest import copy_project

from dagster_drips.pipeline.publish import publish
from dagster_drips.project import Project
from dagster_drips.temporaries import clear, found
from dagster_drips.warehouse import Warehouse, open_warehouse

TABLES = ("lead_profiles", "messages", "step_decisions")
START = datetime(2026, 3, 1)

READER = """
import json, sys
from pathlib import Path
import duckdb, polars as pl
folder, sets, mixed = Path(sys.argv[1]), set(), 0
print("reading", flush=True)
while not (folder / "stop").exists():
    current = (folder / "current").resolve()
    manifest = json.loads((current / "manifest.json").read_text())
    ticks = {pl.read_parquet(current / f"{name}.parquet")["tick"][0] for name in manifest["tables"]}
    with duckdb.connect(current / "drips.duckdb", read_only=True) as database:
        ticks |= {database.execute(f"select tick from marts.{name}").fetchone()[0] for name in manifest["tables"]}
    assert manifest["version"] == current.name
    mixed += len(ticks) > 1
    sets.add(current.name)
print(json.dumps({"mixed": mixed, "sets": len(sets)}))
"""
"""Reads all files of one set again and again, until it is told to stop."""

PUBLISHER = """
import sys
from pathlib import Path
from test_publish import fill
from dagster_drips.pipeline.publish import publish
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse
project, number = Project.at(sys.argv[1]), int(sys.argv[2])
with open_warehouse(project.warehouse) as warehouse:
    print("publishing", flush=True)
    while True:
        number += 1
        fill(warehouse, number)
        publish(warehouse, project.published)
"""
"""Publishes one tick after another until it is killed."""


def fill(warehouse: Warehouse, number: int, tables: tuple[str, ...] = TABLES) -> None:
    """The marts as the tick of that number leaves them."""
    warehouse.execute("create schema if not exists marts")
    for table in tables:
        select = f"select {number} as tick, 'L' || i as lead_id from range({number % 3 + 1}) as rows (i)"
        warehouse.execute(f"create or replace table marts.{table} as {select}")
    as_of = START + timedelta(hours=number)
    warehouse.execute("insert into journal.ticks values (?, 'decided', ?, 1)", [as_of, as_of])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = copy_project(tmp_path / "project")
    project.data.mkdir(exist_ok=True)
    return project


@contextmanager
def warehouse_of(project: Project) -> Iterator[Warehouse]:
    with open_warehouse(project.warehouse) as warehouse:
        yield warehouse


def _versions(project: Project) -> list[str]:
    return sorted(path.name for path in (project.published / "versions").iterdir())


def _ticks(folder: Path) -> set[int]:
    return {pl.read_parquet(folder / f"{name}.parquet")["tick"][0] for name in TABLES}


def test_the_database_has_a_schema_marts_and_no_other_meaning_of_it(project: Project) -> None:
    with warehouse_of(project) as warehouse:
        fill(warehouse, 1)
        assert publish(warehouse, project.published) == dict.fromkeys(TABLES, 2)
    for file in (project.published / "drips.duckdb", project.published_set / "drips.duckdb"):
        with duckdb.connect(file, read_only=True) as database:
            assert database.execute("select count(*), max(tick) from marts.messages").fetchall() == [(2, 1)]
    with duckdb.connect() as database:
        database.execute(f"attach '{project.published / 'drips.duckdb'}' (read_only)")
        assert database.execute("select count(*) from drips.marts.messages").fetchall() == [(2,)]


def test_a_view_comes_along_and_reads_what_is_published(project: Project) -> None:
    with warehouse_of(project) as warehouse:
        fill(warehouse, 1)
        warehouse.execute("create view marts.told as select tick, lead_id from marts.messages where lead_id = 'L0'")
        assert publish(warehouse, project.published) == dict.fromkeys(TABLES, 2)
        place = warehouse.value("select current_database() || '.' || current_schema()")
        assert place == "warehouse.main"
        fill(warehouse, 2)
        assert warehouse.rows("select tick from marts.told") == [{"tick": 2}]
    with duckdb.connect(project.published / "drips.duckdb", read_only=True) as database:
        assert database.execute("select * from marts.told").fetchall() == [(1, "L0")]
    with duckdb.connect() as database:
        database.execute("create schema marts")
        database.execute("create table marts.messages as select 9 as tick, 'L0' as lead_id")
        database.execute(f"attach '{project.published / 'drips.duckdb'}' as other (read_only)")
        assert database.execute("select * from other.marts.told").fetchall() == [(1, "L0")]
    assert not (project.published / "told.parquet").exists()


def test_a_view_of_what_is_not_published_is_copied(project: Project) -> None:
    with warehouse_of(project) as warehouse:
        fill(warehouse, 1)
        warehouse.execute("create view marts.ticks as select count(*) as number from warehouse.journal.ticks")
        assert publish(warehouse, project.published) == {**dict.fromkeys(TABLES, 2), "ticks": 1}
    with duckdb.connect(project.published / "drips.duckdb", read_only=True) as database:
        assert database.execute("select number from marts.ticks").fetchall() == [(1,)]
    assert pl.read_parquet(project.published / "ticks.parquet")["number"].to_list() == [1]


def test_the_manifest_names_version_tick_and_tables(project: Project) -> None:
    with warehouse_of(project) as warehouse:
        fill(warehouse, 1)
        publish(warehouse, project.published)
    manifest = json.loads((project.published_set / "manifest.json").read_text())
    told = {key: manifest[key] for key in ("version", "as_of", "tables")}
    assert told == {
        "version": project.published_set.resolve().name,
        "as_of": "2026-03-01T01:00:00Z",
        "tables": dict.fromkeys(TABLES, 2),
    }
    assert json.loads(project.published_fields.read_text()) == ["tick", "lead_id"]


def test_files_by_their_own_names_are_those_of_the_current_set(project: Project) -> None:
    with warehouse_of(project) as warehouse:
        fill(warehouse, 1, (*TABLES, "dropped"))
        publish(warehouse, project.published)
        assert (project.published / "dropped.parquet").exists()
        warehouse.execute("drop table marts.dropped")
        fill(warehouse, 2)
        publish(warehouse, project.published)
    assert _ticks(project.published) == _ticks(project.published_set) == {2}
    names = ["current", "drips.duckdb", *(f"{name}.parquet" for name in TABLES), "versions"]
    assert sorted(path.name for path in project.published.iterdir()) == names


def test_what_an_earlier_release_published_and_copies_that_followed_links_give_way(project: Project) -> None:
    project.published.mkdir(parents=True)
    for name in ("marts.duckdb", "status.duckdb", "fields.json", "messages.parquet"):
        (project.published / name).write_text("of an earlier release")
    with warehouse_of(project) as warehouse:
        fill(warehouse, 1)
        publish(warehouse, project.published)
    copy = Project.at(shutil.copytree(project.root, project.root.with_name("copy")))
    assert copy.published_set.is_dir() and not copy.published_set.is_symlink()
    with warehouse_of(copy) as warehouse:
        fill(warehouse, 2)
        publish(warehouse, copy.published)
    for one, number in ((project, 1), (copy, 2)):
        assert _ticks(one.published) == _ticks(one.published_set) == {number}
        assert one.published_set.is_symlink()
        assert not {"marts.duckdb", "status.duckdb", "fields.json"} & {path.name for path in one.published.iterdir()}


def test_a_set_stays_for_who_reads_it_and_goes_later(project: Project) -> None:
    versions = project.published / "versions"
    with warehouse_of(project) as warehouse:
        fill(warehouse, 1)
        publish(warehouse, project.published)
        first = project.published_set.resolve()
        fill(warehouse, 2)
        publish(warehouse, project.published)
        assert _ticks(first) == {1}
        # As if both had been published long ago; one of a clock that ran ahead has nobody after it.
        for number, name in enumerate(_versions(project)):
            (versions / name).rename(versions / f"20260101T00000{number}.000000Z")
        (versions / "29990101T000000.000000Z").mkdir()
        (versions / "notes").mkdir()
        fill(warehouse, 3)
        publish(warehouse, project.published)
        # The first was superseded by the second long ago; the second is read until now.
        current = project.published_set.resolve().name
        assert _versions(project) == ["20260101T000001.000000Z", current, "notes"]
        publish(warehouse, project.published, readable_for=timedelta(0))
    assert _versions(project) == [project.published_set.resolve().name, "notes"]


def test_a_publish_that_fails_leaves_the_set_before_and_no_leftovers(project: Project) -> None:
    with warehouse_of(project) as warehouse:
        fill(warehouse, 1)
        publish(warehouse, project.published)
        before = _versions(project)
        warehouse.execute("create view marts.broken as select cast(phase as integer) as n from warehouse.journal.ticks")
        with pytest.raises(duckdb.Error, match="Could not convert"):
            publish(warehouse, project.published)
    assert (_versions(project), _ticks(project.published_set)) == (before, {1})


@pytest.mark.slow
def test_who_resolves_the_link_once_never_reads_two_ticks(project: Project) -> None:
    with warehouse_of(project) as warehouse:
        fill(warehouse, 1)
        publish(warehouse, project.published)
        command = [sys.executable, "-c", READER, project.published]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
            assert reader.stdout and reader.stdout.readline() == "reading\n"
            for number in range(2, 60):
                fill(warehouse, number)
                publish(warehouse, project.published)
            (project.published / "stop").touch()
            report = json.loads(reader.stdout.read())
    assert reader.returncode == 0
    assert report["mixed"] == 0
    assert report["sets"] > 1, "it read while others were published"


@pytest.mark.slow
def test_a_killed_publish_leaves_the_last_set_readable_and_its_leftovers_are_cleared(project: Project) -> None:
    places = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    left = 0
    for number in range(6):
        before = len(_versions(project)) if project.published.exists() else 0
        command = [sys.executable, "-c", PUBLISHER, project.root, str(number * 1000)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": places}
        ) as publisher:
            assert publisher.stdout and publisher.stdout.readline() == "publishing\n"
            while not (
                project.published_set.exists() and len(names := _versions(project)) > before + 1 and names[0][0] == "."
            ):
                assert publisher.poll() is None
            publisher.send_signal(signal.SIGKILL)
        assert len(_ticks(project.published_set)) == 1
        assert set(json.loads((project.published_set / "manifest.json").read_text())["tables"]) == set(TABLES)
        left += len(list(found(project)))
        clear(project)
        assert list(found(project)) == []
        assert not list(project.published.rglob(".*"))
    assert left, "some were killed in the middle"
