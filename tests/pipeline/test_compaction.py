"""`drips compact`: holds the lock of a run, heeds DRIPS_COMPACT, and says what it did."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dagster_drips.cli.app import app
from dagster_drips.cli.commands import __all__ as registered
from dagster_drips.clock import utc_now
from dagster_drips.landing.files import landing_files, loose_files
from dagster_drips.landing.load import load_landing
from dagster_drips.locks import exclusive
from dagster_drips.project import Project
from dagster_drips.temporaries import RUN_LOCK, clear
from dagster_drips.warehouse import open_warehouse

ROW = '{{"event_id": "e{}", "lead_id": "L", "event": "x", "occurred_at": "2026-01-01"}}\n'
OWN = "collected-20260301T00000{}.123456Z-1f0a3c5d.jsonl"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("sequences", "dbt_project", "data/landing/events"):
        (tmp_path / name).mkdir(parents=True)
    project = Project.at(tmp_path)
    for number, name in enumerate([OWN.format(0), OWN.format(1), "1.jsonl", "2.jsonl"]):
        (project.landing / "events" / name).write_text(ROW.format(number))
    yesterday = utc_now() - timedelta(days=1)
    with open_warehouse(project.warehouse) as warehouse:
        load_landing(project, warehouse, loaded_at=yesterday)
        warehouse.execute("insert into journal.ticks values (?, 'decided', ?, 4)", [yesterday, yesterday])
    return project


def said(project: Project, *arguments: str, exits: int = 0) -> str:
    assert "compact" in registered
    result = CliRunner().invoke(app, ["compact", "--project", str(project.root), *arguments])
    assert result.exit_code == exits, result.output
    return result.output


def test_what_was_packed_is_told(project):
    told = json.loads(said(project, "--json"))
    assert told == {"files": 2, "packs": 1}
    assert len(landing_files(project)) == 4
    assert said(project) == "nothing to pack: no small files of closed days\n"


@pytest.mark.parametrize(("which", "left"), [("all", 0), ("off", 4)])
def test_the_setting_says_whose_files(project, monkeypatch, which, left):
    monkeypatch.setenv("DRIPS_COMPACT", which)
    assert ("DRIPS_COMPACT is off" in said(project)) == (which == "off")
    assert len(loose_files(project, "events").names) == left


def test_it_waits_for_no_run_but_says_so(project):
    with exclusive(project.data / RUN_LOCK):
        assert "another run of this project is going on" in said(project, exits=1)
    assert len(loose_files(project, "events").names) == 4


def test_what_a_killed_one_was_writing_is_cleared(project):
    said(project)
    scratch = project.landing / "packed" / "events" / ".packing.2026-03-01"
    scratch.write_bytes(b"PK")
    assert clear(project) == [scratch]


def test_without_a_warehouse_there_is_nothing_to_pack(project):
    project.warehouse.unlink()
    assert "nothing to pack" in said(project)
