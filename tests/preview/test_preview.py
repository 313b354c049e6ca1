"""`drips preview`: every step and variant of the working files, rendered as it would go out."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from conftest import REPOSITORY
from smtp.servers import ScriptedServer
from typer.testing import CliRunner, Result

from dagster_drips.cli import preview, send_test  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.preview.mails import GMAIL_CLIPS_AT, previewed, reader_of
from dagster_drips.preview.views import VIEWS
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

SEQUENCE = """\
name: Cart
sender: {email: ada@acme.example}
trigger: {event: cart}
steps:
  - id: first
    subject: "{{ event.properties.product | default('Your cart') }}"
    preview_text: "For {{ lead.first_name }}"
    template: first.html
  - id: second
    variants:
      - {id: a, subject: A, template: second.html}
      - {id: b, subject: "B {{ lead.plan | default('free') }}", template: second.html}
  - id: third
    subject: Third
    template: third.html
"""
PIXEL = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "dbt_project" / "models" / "segments").mkdir(parents=True)
    folder = tmp_path / "sequences" / "cart"
    folder.mkdir(parents=True)
    (folder / "sequence.yml").write_text(SEQUENCE)
    (folder / "first.html").write_text(
        "<p>Hi {{ lead.first_name }}</p><a href='https://acme.example/a?x=1&amp;y=2'>a</a><img src='logo.png' alt=''>"
    )
    (tmp_path / "sequences" / "project.yml").write_text("fields: {plan: text}\n")
    (folder / "logo.png").write_bytes(PIXEL)
    (folder / "second.html").write_text(f"<p>{'long ' * 30_000}</p>")
    (folder / "third.html").write_text("<p>{{ lead.plan }}</p>")
    return Project.at(tmp_path)


@pytest.fixture
def _no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take a second each."""
    monkeypatch.setenv("PATH", "")


def asked(project: Project, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["preview", *map(str, arguments), "--project", str(project.root)])


def test_each_step_and_variant_is_rendered_with_what_is_odd_about_it(project: Project) -> None:
    mails = {mail.name: mail for mail in previewed(project, "cart", reader_of(project, None))}
    assert list(mails) == ["first", "second-a", "second-b", "third"]
    first = mails["first"]
    assert (first.subject, first.preview_text, first.error) == ("Your cart", "For Ada", "")
    assert "Hi Ada" in first.html
    assert "data:image/png;base64," in first.html
    assert "cid:" not in first.html
    assert first.links == ["https://acme.example/a?x=1&y=2"]
    assert first.text.startswith("Hi Ada")
    assert mails["second-b"].subject == "B free"
    assert mails["second-b"].missing == ["plan"]
    assert mails["second-a"].size > GMAIL_CLIPS_AT
    assert mails["second-a"].is_clipped
    assert not first.is_clipped
    assert "plan" in mails["third"].error


def test_a_real_lead_and_its_latest_event_are_taken_from_the_warehouse(project: Project) -> None:
    with open_warehouse(project.warehouse) as warehouse:
        warehouse.execute("create schema staging")
        warehouse.execute(
            "create table staging.stg_leads as select 'L7' as lead_id, 'Grace@acme.example' as email,"
            " 'Grace' as first_name, 'gold' as plan"
        )
        warehouse.execute(
            "insert into raw.events (event_id, lead_id, event, occurred_at, properties, _load, _line) values"
            " ('e1', 'L7', 'cart', '2026-03-01', '{\"product\": \"Shoes\"}', 1, 1),"
            " ('e2', 'L7', 'cart', '2026-03-02', '{\"product\": \"Hat\"}', 1, 1),"
            " ('e3', 'L8', 'cart', '2026-03-03', '{\"product\": \"Coat\"}', 1, 1)"
        )
    for lead in ("L7", "grace@ACME.example"):
        mails = {mail.name: mail for mail in previewed(project, "cart", reader_of(project, lead))}
        assert mails["first"].subject == "Hat"
        assert mails["third"].text.strip() == "gold"
        assert mails["third"].missing == []
    result = asked(project, "cart", "--lead", "nobody", "--out", project.root / "out")
    assert (result.exit_code, "no lead 'nobody'" in result.output + str(result.exception)) == (1, True)


@pytest.mark.usefixtures("_no_browser")
def test_before_any_data_content_is_made_up_as_tests_have_it_and_says_so(project: Project) -> None:
    folder, models = project.sequences / "cart", project.content
    models.mkdir()
    (models / "offers.sql").write_text("{{ config(meta={'rows': 'many'}) }} select 'L1' as lead_id, 1 as place")
    (models / "account.sql").write_text("select 'L1' as lead_id, 5 as points")
    (folder / "third.html").write_text(
        "<p>{{ content.account.points | default('no points') }}"
        "{% for offer in content.offers %}, {{ offer.name }} till {{ offer.until | date }}{% endfor %}.</p>"
    )
    mails = {mail.name: mail for mail in previewed(project, "cart", reader_of(project, None))}
    assert mails["third"].text.strip() == "no points."
    assert mails["third"].missing == ["content.account (no row)", "content.offers (no row)"]
    (folder / "tests.yml").write_text(
        "tests:\n  - name: offers\n    start: 2026-03-02T09:00:00Z\n    given:\n      leads: [{lead_id: L1}]\n"
        "      content:\n        account: [{lead_id: L1, points: null}]\n        offers:\n"
        "          - {lead_id: L1, place: 2, name: Chair, until: 2026-03-09}\n"
        "          - {lead_id: L1, place: 1, name: Lamp, until: 2026-03-08}\n"
        "          - {lead_id: L2, place: 1, name: Table, until: 2026-03-10}\n"
        "    expect: {mails: []}\n"
    )
    (third,) = [mail for mail in previewed(project, "cart", reader_of(project, None)) if mail.name == "third"]
    assert third.text.strip() == "no points, Lamp till Mar 8, 2026, Chair till Mar 9, 2026."
    assert third.made_up_content == ("account", "offers")
    assert third.missing == ["content.account.points (NULL in its row)"]
    (folder / "third.html").write_text("<p>{{ content.account.points }}</p>")
    result = asked(project, "cart", "--out", project.root / "out")
    assert "cart/third: third.html: content.account.points is NULL in its row" in result.stderr
    assert "made up, as tests.yml gives it: content.account" in result.stderr
    assert "for a reader who is made up, as there is no data yet" in result.stdout
    assert "are made up: those that the sequence's tests.yml gives" in (project.root / "out/index.html").read_text()


@pytest.mark.usefixtures("_no_browser")
def test_the_page_and_the_files_are_written_and_what_cannot_be_made_is_told(project: Project) -> None:
    out = project.root / "out"
    result = asked(project, "cart", "--out", out)
    assert result.exit_code == 1
    assert "cart/third: " in result.output
    assert "cart/second-a: Gmail clips it at 102 KB" in result.output
    assert {path.name for path in (out / "cart").glob("*.html")} == {"first.html", "second-a.html", "second-b.html"}
    page = (out / "index.html").read_text()
    assert page.count("<article") == 4
    # Three that can be made, in four views, whose documents are in the page.
    assert page.count("srcdoc=") == 3 * len(VIEWS)
    assert "can&#39;t be made for this reader" in page or "can't be made for this reader" in page


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="Chromium is not installed")
def test_with_chromium_each_mail_is_a_picture_too(project: Project) -> None:
    out = project.root / "out"
    asked(project, "cart", "--out", out)
    for view in ("desktop", "phone", "dark", "images-off"):
        assert (out / "cart" / f"first.{view}.png").read_bytes().startswith(b"\x89PNG")


def test_the_examples_can_all_be_made_for_somebody_made_up() -> None:
    project = Project.at(REPOSITORY)
    mails = previewed(project, None, reader_of(project, None))
    assert len(mails) > 20
    assert [f"{mail.name}: {mail.error}" for mail in mails if mail.error or mail.is_clipped] == []


def test_an_unknown_sequence_and_one_with_mistakes_are_one_line(project: Project) -> None:
    result = asked(project, "card", "--out", project.root / "out")
    assert result.exit_code == 1
    assert "did you mean 'cart'" in result.output + str(result.exception)
    (project.sequences / "cart" / "sequence.yml").write_text(SEQUENCE.replace("first.html", "gone.html"))
    result = asked(project, "cart", "--out", project.root / "out")
    assert result.exit_code == 1
    assert "gone.html" in result.output + str(result.exception)


@pytest.mark.usefixtures("_no_browser")
def test_the_commands_of_the_page_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(REPOSITORY / "sequences", tmp_path / "sequences")
    (tmp_path / "dbt_project" / "models" / "segments").mkdir(parents=True)
    for segment in (REPOSITORY / "dbt_project" / "models" / "segments").glob("*.sql"):
        shutil.copy(segment, tmp_path / "dbt_project" / "models" / "segments")
    with open_warehouse(tmp_path / "data" / "warehouse.duckdb") as warehouse:
        warehouse.execute("create schema staging")
        warehouse.execute(
            "create table staging.stg_leads as select 'L7' as lead_id, 'ada@acme.example' as email, 'Ada' as first_name"
        )
    monkeypatch.chdir(tmp_path)
    page = (REPOSITORY / "docs" / "preview.md").read_text()
    commands = re.findall(r"^drips (.+?)(?:\s+#.*)?$", page, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["preview", "preview", "preview", "send-test"]
    with ScriptedServer() as server:
        monkeypatch.setenv("DRIPS_SMTP_URL", server.url)
        for command in commands:
            result = CliRunner().invoke(app, [*shlex.split(command), "--project", str(tmp_path)])
            assert result.exit_code == 0, result.output
    assert (tmp_path / "preview" / "index.html").exists()
    assert len(server.accepted) == 1
