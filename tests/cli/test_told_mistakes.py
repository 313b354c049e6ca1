"""Mistakes in sequence files and segments, as `run`, `status`, `validate --warehouse` and `replay` tell them.

One project in processes of its own, as a person would start them; each takes the seconds that dagster and dbt take.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import copy_project

from dagster_drips.project import Project

pytestmark = pytest.mark.slow

MAIL = "<html><body><p>Hello</p></body></html>"
SEQUENCE = """
status: {status}
active_from: 2026-01-01
sender: {{name: Ada, email: ada@acme.example}}
trigger: {{event: lead_created}}
segments: {{include: [{segments}]}}
steps: [{{id: hello, subject: Hello, template: mail.html}}]
"""
SEGMENTS = {
    # what a person leaves at the end of a statement
    "semi": "select lead_id from {{ ref('stg_leads') }};\n",
    "nocol": "select lead_id as id from {{ ref('stg_leads') }}\n",
    "typo": "select lead_id form {{ ref('stg_leads') }}\n",
    "braces": "select lead_id from {{ ref('stg_leads') }\n",
}
NOCOL = 'dbt_project/models/segments/nocol.sql: Binder Error: Referenced column "lead_id" not found'
TYPO = "dbt_project/models/segments/typo.sql: Parser Error: syntax error at or near"
BRACES = "dbt_project/models/segments/braces.sql: "
SPAN = ["--from", "2026-03-01", "--to", "2026-03-02", "--every", "1d"]


def write(project: Project, name: str, segments: str, status: str = "active") -> None:
    folder = project.sequences / name
    folder.mkdir(exist_ok=True)
    (folder / "mail.html").write_text(MAIL)
    (folder / "sequence.yml").write_text(SEQUENCE.format(status=status, segments=segments))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "sequences").mkdir()
    (folder / "segments").mkdir()
    for name, sql in SEGMENTS.items():
        (folder / "segments" / f"{name}.sql").write_text(sql)
    project = copy_project(folder / "project", sequences=folder / "sequences", segments=folder / "segments")
    for name in SEGMENTS:
        write(project, name, name)
    write(project, "lost", "lost")
    write(project, "misspelled", "semi")
    file = project.sequences / "misspelled" / "sequence.yml"
    file.write_text(file.read_text().replace("trigger", "triger"))
    (project.landing / "leads").mkdir(parents=True)
    (project.landing / "leads" / "leads.csv").write_text("lead_id,created_at,email\nl1,2026-03-01,l1@x.example\n")
    return project


def drips(project: Project, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "dagster_drips", *arguments, "--project", str(project.root)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def ran(project: Project) -> tuple[int, str, str]:
    return drips(project, "run", "--as-of", "2026-03-02T08:00:00Z", "--no-send")


def test_run_goes_on_with_the_others_and_tells_every_mistake_and_their_number_last(ran: tuple[int, str, str]) -> None:
    code, out, _ = ran
    assert code == 0
    assert "1 enrolled" in out, "the segment that ends with a semicolon is one"
    errors = [line.removeprefix("error    ") for line in out.splitlines() if line.startswith("error ")]
    for words in (NOCOL, TYPO, BRACES, "sequences/lost/sequence.yml:6: unknown segment 'lost'"):
        assert [line for line in errors if line.startswith(words)], words
    assert [line for line in errors if "misspelled/sequence.yml" in line and "'triger'" in line]
    assert out.splitlines()[-1].startswith(f"errors   {len(errors)} in sequence files and segments")


def test_status_tells_why_a_sequence_is_paused(project: Project, ran: tuple[int, str, str]) -> None:
    problems = json.loads(drips(project, "status", "--json")[1])["problems"]
    for words in (NOCOL, TYPO, BRACES, "sequence lost is paused: segment lost has no result"):
        assert [line for line in problems if line.startswith(words)], words


def test_validate_tries_segments_on_the_warehouse(project: Project, ran: tuple[int, str, str]) -> None:
    before = project.warehouse.read_bytes()
    code, _, err = drips(project, "validate", "--warehouse")
    assert code == 1
    for words in (NOCOL, TYPO, BRACES, "sequences/lost/sequence.yml:6: unknown segment 'lost'"):
        assert [line for line in err.splitlines() if line.startswith(words)], words
    assert "segments/semi.sql" not in err
    assert "LINE" not in err, "lines of SQL that nobody wrote"
    assert project.warehouse.read_bytes() == before


def test_a_replay_tells_every_mistake_and_fails_by_those_of_active_files_alone(
    project: Project, ran: tuple[int, str, str], tmp_path: Path
) -> None:
    code, out, err = drips(project, "replay", *SPAN, "--out", str(tmp_path / "sends.csv"))
    assert code == 1
    errors = [line.removeprefix("error: ") for line in err.splitlines() if line.startswith("error: ")]
    for words in (NOCOL, TYPO, BRACES, "sequences/lost/sequence.yml:6: unknown segment 'lost'"):
        assert [line for line in errors if line.startswith(words)], words
    assert out.splitlines()[-1].endswith(f"; {len(errors)} errors in sequence files and segments")
    assert (tmp_path / "sends.csv").read_text().count("semi") == 1, "the others' mail is written all the same"
    for name in ("lost", "misspelled"):
        file = project.sequences / name / "sequence.yml"
        file.write_text(file.read_text().replace("status: active", "status: draft"))
    code, out, _ = drips(project, "replay", *SPAN, "--json")
    assert code == 0
    assert [line for line in json.loads(out)["errors"] if "misspelled/sequence.yml" in line]


def test_without_a_warehouse_validate_names_the_command_that_makes_one(tmp_path: Path) -> None:
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    code, _, err = drips(Project.at(tmp_path), "validate", "--warehouse")
    assert code == 1
    assert err.startswith("error: ")
    assert "`drips run`" in err
    assert err.count("\n") == 1
