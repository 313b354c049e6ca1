"""docs/content.md does what it says: its files validate, its test passes, its order is added up, and its warning."""

from __future__ import annotations

import json
import re
import shutil
from datetime import datetime
from pathlib import Path

import pytest
from conftest import REPOSITORY, copy_project
from typer.testing import CliRunner

from dagster_drips.cli import commands  # noqa: F401  (registers them)
from dagster_drips.cli.app import app
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.preview.mails import previewed, reader_of
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

PAGE = (REPOSITORY / "docs" / "content.md").read_text(encoding="utf-8")
FILES = re.findall(r"^```\w+\n(?:--|<!--|#) ([\w./]+)(?: -->)?\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
TEXTS = re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
SEQUENCE = """
status: active
active_from: 2026-01-01
sender: {name: Ada, email: ada@acme.example}
trigger: {event: looked_around}
steps: [{id: picks, subject: Still thinking, template: picks.html}]
"""
ORDERS = """
status: active
active_from: 2026-01-01
sender: {name: Ada, email: ada@acme.example}
trigger: {event: order_placed}
steps: [{id: thanks, subject: "{{ content.ordered.total | default('–') }}", template: thanks.html}]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("page") / "project"
    sequences = root.with_name("sequences")
    for name, text in (("looked_around", SEQUENCE), ("orders", ORDERS)):
        (sequences / name).mkdir(parents=True)
        (sequences / name / "sequence.yml").write_text(text)
    (sequences / "orders" / "thanks.html").write_text("<p>{{ content.ordered.lines | default(0) }} lines</p>")
    project = copy_project(root, sequences=sequences)
    assert len(FILES) == 4
    for path, text in FILES:
        (project.root / path).parent.mkdir(parents=True, exist_ok=True)
        (project.root / path).write_text(text)
    shutil.rmtree(project.segments)
    leads = [{"lead_id": name, "email": f"{name}@x.example", "created_at": "2026-03-01"} for name in ("ada", "bob")]
    land(project, "leads", leads)
    viewed = [("Lamp", 9.9), ("Chair", 49.5), ("Rug", 20), ("Bin", 5)]
    rows = [
        event("ada", "product_viewed", minute, product=name, price=price) for minute, (name, price) in enumerate(viewed)
    ]
    rows += [event("ada", "order_line", 10 + number, order_id=7, amount=2.25) for number in range(2)]
    land(project, "events", [*rows, event("ada", "order_placed", 20, order_id=7), event("bob", "looked_around", 20)])
    with open_warehouse(project.warehouse) as warehouse:
        Pipeline.of(project).tick(warehouse, datetime(2026, 3, 2), settings=None, measure=False)
    return project


def land(project: Project, kind: str, rows: list[dict[str, object]]) -> None:
    (project.landing / kind).mkdir(parents=True)
    (project.landing / kind / "1.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def event(lead_id: str, name: str, minute: int, **properties: object) -> dict[str, object]:
    at = f"2026-03-01T09:{minute:02}:00Z"
    row = {"event_id": f"{name} {minute}", "lead_id": lead_id, "event": name, "occurred_at": at}
    return row | {"properties": properties}


def drips(project: Project, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*arguments, "--project", str(project.root)], env={"COLUMNS": "400"})
    return result.exit_code, result.stdout, result.stderr


def test_the_page_s_test_passes(project: Project) -> None:
    code, out, _ = drips(project, "test")
    assert (code, out.splitlines()[-1]) == (0, "1 passed, 0 failed"), out


def test_the_warehouse_is_asked_for_whom_rows_lack(project: Project) -> None:
    code, out, err = drips(project, "validate", "--warehouse")
    assert (code, err) == (0, "")
    assert TEXTS[0] in out
    assert "content.ordered has no row" not in out


def test_a_column_that_a_template_asks_for_in_vain_is_told(project: Project) -> None:
    file = project.sequences / "orders" / "sequence.yml"
    written = file.read_text()
    assert "content.ordered.total" in written
    file.write_text(written.replace("content.ordered.total", "content.ordered.totl"))
    try:
        code, _, err = drips(project, "validate", "--warehouse")
    finally:
        file.write_text(written)
    assert code == 1
    said = "content.ordered has no column 'totl'; did you mean 'total'?"
    assert [
        line for line in err.splitlines() if said in line and line.startswith("sequences/orders/sequence.yml: step ")
    ]


def test_a_preview_shows_what_the_models_say(project: Project) -> None:
    mails = {mail.sequence_id: mail for mail in previewed(project, None, reader_of(project, "ada"))}
    assert mails["orders"].subject == "4.50"
    assert "2 lines" in mails["orders"].html
    assert re.findall(r"<li>(.*?)</li>", mails["looked_around"].html) == ["Bin, €5.00", "Rug, €20.00", "Chair, €49.50"]
    declined = {mail.sequence_id: mail for mail in previewed(project, None, reader_of(project, "bob"))}
    assert declined["looked_around"].error == "the template declined it: fewer than two products"
    made_up = {mail.sequence_id: mail for mail in previewed(project, None, reader_of(project, None))}
    assert "Bin, €5.00" in made_up["looked_around"].html


def test_what_validate_refuses_has_its_line(project: Project, tmp_path: Path) -> None:
    copy = Project.at(shutil.copytree(project.root, tmp_path / "copy", ignore=shutil.ignore_patterns("data", "target")))
    (copy.content / "ordered.sql").write_text(
        "\n{{ config(meta={'rows': 'several', 'key': 'value'}) }}\nselect now() as order_id\n"
    )
    (copy.content / "2nd.sql").write_text("select 1")
    (copy.sequences / "looked_around" / "picks.html").write_text(
        "<p>{{ content.recomended }}\n{{ content.recommended.name }}{{ content }}\n{{ content.ordered.total }}</p>"
    )
    code, _, err = drips(copy, "validate")
    assert code == 1
    page, content = "sequences/looked_around/picks.html", "dbt_project/models/content"
    assert err.splitlines() == [
        f"{page}:1: unknown content model 'recomended': the sequence is held until it has a file (M9);"
        " did you mean 'recommended'?",
        f"{page}:2: content as a whole is no value: name a model, as in content.recommended",
        f"{page}:2: content.recommended is a list of rows: write {{% for row in content.recommended %}}",
        f"{content}/ordered.sql:3: 'now()' is the wall clock; write {{{{ as_of() }}}}, the tick's instant (T1)",
        f"{content}/2nd.sql: '2nd' can't be named in a template: a content model's name has letters, digits and _,"
        " no digit first",
        f"{content}/ordered.sql:2: rows is 'one' or 'many', not 'several'",
        f"{content}/ordered.sql:2: key is lead_id, event_id or a property of the trigger's event, not 'value'",
    ]
