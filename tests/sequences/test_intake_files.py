"""What is told of files in `models/intake` without running them."""

from __future__ import annotations

from pathlib import Path

from dagster_drips.project import Project
from dagster_drips.sequences.intake_files import IntakeFile, intake_files, intake_problems

FOLDER = "dbt_project/models/intake"


def project_with(root: Path, **files: str) -> Project:
    (root / "sequences").mkdir()
    (root / FOLDER).mkdir(parents=True)
    for name, sql in files.items():
        (root / FOLDER / f"{name}.sql").write_text(sql)
    return Project.at(root)


def test_each_kind_has_one_model(tmp_path: Path) -> None:
    sql = "{{ config(meta={'absent': 'forget', 'absent_at_most': 1, 'owner': 'crm'}) }} select 1"
    project = project_with(tmp_path, leads=sql, intake_events="select 1")
    assert intake_files(project) == {
        "leads": IntakeFile("leads", "leads", f"{FOLDER}/leads.sql", "forget", 1.0),
        "events": IntakeFile("events", "intake_events", f"{FOLDER}/intake_events.sql"),
    }
    assert intake_problems(project) == []


def test_mistakes_have_their_place(tmp_path: Path) -> None:
    project = project_with(
        tmp_path,
        lead="select 1",
        leads="\n{{ config(meta={'absent': 'delete', 'absent_at_most': '5%'}) }}\nselect 1",
        intake_leads="select 2",
        events="{{ config(meta={'absent': 'suppress'}) }} select 1",
        suppressions="{{ config(",
        engagement="{% set asked = {} %}{{ config(meta=asked) }}",
    )
    assert [str(problem) for problem in intake_problems(project)] == [
        f"{FOLDER}/engagement.sql:1: config(meta=…) must be written out, as {{'absent': 'suppress'}}",
        f"{FOLDER}/events.sql:1: absent is for leads: what else is there no more means nothing",
        f"{FOLDER}/lead.sql: 'lead' is no kind of landed rows, so nothing lands it; did you mean 'leads'?",
        f"{FOLDER}/leads.sql:2: absent is 'suppress' or 'forget', not 'delete'",
        f"{FOLDER}/leads.sql:2: absent_at_most is a share between 0 and 1, not '5%'",
        f"{FOLDER}/suppressions.sql:1: broken Jinja: unexpected 'end of template'",
        f"{FOLDER}/intake_leads.sql: leads.sql has the leads already, so nothing lands this one",
    ]
