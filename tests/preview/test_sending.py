"""`drips send-test`: what arrives is what a lead would get, marked as a test, and nobody else gets anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from smtp.servers import ScriptedServer
from typer.testing import CliRunner, Result

from dagster_drips.cli import send_test as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.project import Project

SEQUENCE = """\
name: Cart
sender: shop
trigger: {event: cart}
steps:
  - id: first
    subject: "Hi {{ lead.first_name }}"
    template: first.html
    attachments: [terms.txt]
  - id: second
    variants:
      - {id: a, subject: A, template: second.html}
      - {id: b, subject: B, template: second.html}
"""
PIXEL = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "dbt_project" / "models" / "segments").mkdir(parents=True)
    folder = tmp_path / "sequences" / "cart"
    folder.mkdir(parents=True)
    (tmp_path / "sequences" / "senders.yml").write_text(
        "senders:\n  shop: {name: Shop, email: shop@acme.example, reply_to: help@acme.example,"
        " return_path: bounces@acme.example}\n"
    )
    (folder / "sequence.yml").write_text(SEQUENCE)
    (folder / "first.html").write_text("<p>Hi {{ lead.first_name }}</p><img src='logo.png' alt=''>")
    (folder / "second.html").write_text("<p>{{ event.event }}</p>")
    (folder / "logo.png").write_bytes(PIXEL)
    (folder / "terms.txt").write_text("small print")
    return Project.at(tmp_path)


def asked(project: Project, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["send-test", *arguments, "--project", str(project.root)])


def test_the_mail_arrives_whole_and_marked_and_is_in_no_journal(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer() as server:
        monkeypatch.setenv("DRIPS_SMTP_URL", server.url)
        result = asked(project, "cart", "first", "--to", "Me@acme.example")
        assert result.exit_code == 0, result.output
        assert asked(project, "cart", "second", "--to", "me@acme.example", "--variant", "b").exit_code == 0
    first, second = server.messages
    assert (first["Subject"], first["To"], first["X-Drips-Test"]) == ("[Test] Hi Ada", "Me@acme.example", "yes")
    assert (first["From"], first["Reply-To"]) == ("Shop <shop@acme.example>", "help@acme.example")
    assert first["X-Drips-Message-Id"].startswith("test-")
    parts = {part.get_content_type() for part in first.walk()}
    assert parts >= {"text/plain", "text/html", "image/png", "multipart/alternative"}
    assert [part.get_filename() for part in first.walk() if part.get_filename() == "terms.txt"] == ["terms.txt"]
    assert second["Subject"] == "[Test] B"
    assert not (project.data / "journal").exists()
    assert not project.warehouse.exists()


def test_only_whom_the_setting_allows_is_written_to(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIPS_ONLY_TO", "acme.example,ada@else.example")
    with ScriptedServer() as server:
        monkeypatch.setenv("DRIPS_SMTP_URL", server.url)
        refused = asked(project, "cart", "first", "--to", "grace@else.example")
        assert (refused.exit_code, "DRIPS_ONLY_TO" in refused.output + str(refused.exception)) == (1, True)
        assert server.accepted == []
        assert asked(project, "cart", "first", "--to", "ADA@else.example").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["card", "first", "--to", "me@acme.example"], "did you mean 'cart'"),
        (["cart", "frist", "--to", "me@acme.example"], "did you mean 'first'"),
        (["cart", "second", "--to", "me@acme.example", "--variant", "c"], "no variant 'c'"),
        (["cart", "first", "--to", "nobody"], "not a mail address"),
        (["cart", "first", "--to", "me@real.com"], "refused it by its words"),
    ],
)
def test_what_cannot_go_is_one_line(
    project: Project, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    with ScriptedServer(on_rcpt=lambda _: "550 5.1.1 refused it by its words") as server:
        monkeypatch.setenv("DRIPS_SMTP_URL", server.url)
        result = asked(project, *arguments)
    assert result.exit_code == 1
    assert told in result.output + str(result.exception)
    assert "Traceback" not in result.output


def test_without_a_server_it_says_which_setting(project: Project) -> None:
    result = asked(project, "cart", "first", "--to", "me@acme.example")
    assert result.exit_code == 1
    assert "DRIPS_SMTP_URL" in result.output + str(result.exception)
