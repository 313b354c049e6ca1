"""Everything that is known of a person, in one document; and both commands as a user calls them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from life import ZEB, land, lived_in, message_id, new_project
from typer.testing import CliRunner

from dagster_drips.cli import commands
from dagster_drips.cli.app import app
from dagster_drips.project import Project

pytestmark = pytest.mark.slow

assert commands.__all__


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return lived_in(tmp_path_factory.getbasetemp())


def _drips(project: Project, *arguments: str, answer: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*arguments, "--project", str(project.root)], input=answer)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def document(lived: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("export") / "zeb.json"
    code, said, _ = _drips(lived, "export", ZEB, "--out", str(out))
    assert code == 0
    assert str(out) in said
    return json.loads(out.read_text())


def test_an_export_has_the_rows_of_every_table(document: dict[str, Any]) -> None:
    tables = document["tables"]
    assert {row["lead_id"] for row in tables["raw.leads"]} == {ZEB}
    assert len(tables["raw.leads"]) == 3
    assert {"raw.events", "raw.engagement", "raw.suppressions", "raw.rejected_rows", "raw.delivery_log"} <= set(tables)
    assert {"journal.enrollment_decisions", "journal.segment_changes", "marts.messages", "marts.lead_profiles"} <= set(
        tables
    )
    assert tables["marts.messages"][0]["message_id"] == message_id(ZEB, f"e-{ZEB}")
    assert tables["marts.messages"][0]["sent_as_of"] == "2026-03-02T08:00:00Z"
    assert "zeb.quill@forget.example" in {row["address"] for row in tables["marts.consent"]}, "by a message or not"
    assert document["known_as"] == ["anon-oldnick", "anonymous:anon-oldnick"], "and as pages call the same visitor"
    assert document["addresses"] == ["zeb.quill@forget.example", "zeb@old.example"]


def test_an_export_has_the_rows_of_every_file_and_nobody_elses(document: dict[str, Any]) -> None:
    files = document["files"]
    assert [row["line"] for row in files["landing/leads/a.csv"]] == [3]
    assert {"landing/leads/b.jsonl.gz", "landing/leads/c.parquet", "landing/raw/mailgun/a.jsonl"} <= set(files)
    assert [name for name in files if name.startswith("journal/deliveries/")]
    assert [name for name in files if name.startswith("journal/ticks/")]
    assert "Hello Zebedee" in files[f"outbox/{message_id(ZEB, f'e-{ZEB}')}.eml"][0]
    whole = json.dumps(document)
    assert [other for other in ("ann@x.example", "bob@x.example", "Ann", "Bob") if other in whole] == []


def test_an_export_without_a_place_goes_to_stdout(lived: Project, document: dict[str, Any]) -> None:
    code, out, err = _drips(lived, "export", ZEB)
    assert (code, err) == (0, "")
    assert json.loads(out)["tables"] == document["tables"]


@pytest.mark.parametrize("command", [["export"], ["forget"], ["forget", "--yes"]], ids=" ".join)
def test_nobody_of_that_name_is_told_in_one_line(command: list[str], lived: Project) -> None:
    assert _drips(lived, *command, "L-8") == (
        1,
        "",
        "error: nobody knows a lead 'L-8': not in the landing files, not in the journal\n",
    )


def test_forget_asks_first_and_takes_no_for_an_answer(lived: Project, tmp_path: Path) -> None:
    project = new_project(tmp_path)
    land(project, "leads/a.jsonl", [{"lead_id": ZEB, "email": "zeb@old.example"}])
    before = (project.landing / "leads" / "a.jsonl").read_bytes()
    code, out, err = _drips(project, "forget", ZEB, answer="n\n")
    assert (code, out.strip()) == (1, "n")
    assert "zeb@old.example: 1 leads" in err
    assert (project.landing / "leads" / "a.jsonl").read_bytes() == before
    code, out, _ = _drips(project, "forget", ZEB, "--json", answer="y\n")
    assert code == 0
    assert json.loads(out[out.index("{") :])["counts"]["leads"] == 1
    assert (project.landing / "leads" / "a.jsonl").read_bytes() == b""


def test_forget_warns_of_what_it_can_not_take_away(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    land(project, "leads/a.jsonl", [{"lead_id": ZEB, "email": "zeb@old.example"}])
    (project.data / "notes.txt").write_text("call ZEB@old.example")
    code, _, err = _drips(project, "forget", ZEB, "--yes")
    assert code == 1
    assert "still names the person: data/notes.txt\n" in err


def test_a_damaged_file_stops_it_before_anything_is_erased(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    land(project, "leads/a.jsonl", [{"lead_id": ZEB, "email": "zeb@old.example"}])
    (project.landing / "leads" / "b.csv.gz").write_bytes(b"no gzip")
    code, _, err = _drips(project, "forget", ZEB, "--yes")
    assert code == 1
    assert "b.csv.gz: can't be read" in err
    assert b"zeb@old.example" in (project.landing / "leads" / "a.jsonl").read_bytes()
    shutil.rmtree(project.landing)
