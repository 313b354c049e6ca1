"""Whose mailboxes recipients' domains are: asked of a DNS server, kept in a file, known to the warehouse."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from dns_server import DnsServer, silent_address
from typer.testing import CliRunner

from dagster_drips.cli import commands  # noqa: F401 - importing them registers them
from dagster_drips.cli.app import app
from dagster_drips.doctor.mail_exchangers import GOOD_FOR, Asked, ask_exchangers
from dagster_drips.doctor.resolver import Resolver
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.mail_exchangers import (
    MailExchanger,
    exchangers_file,
    forget_domains,
    load_exchangers,
    read_exchangers,
)
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

NOW = datetime(2026, 3, 1, 12)
ZONE = {
    ("acme.example", "MX"): ["20 other.example", "10 ACME.mail.host.example"],
    ("void.example", "MX"): ["0 ."],
    ("xn--mller-kva.example", "MX"): ["10 mx.example"],
}
MAILED = {
    "acme.example": "acme.example",
    "bare.example": "bare.example",
    "gmail.com": "Gmail",
    "müller.example": "müller.example",
    "void.example": "void.example",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("sequences", "dbt_project", "data/published/current"):
        (tmp_path / name).mkdir(parents=True)
    project = Project.at(tmp_path)
    _publish(project, MAILED)
    return project


def _publish(project: Project, providers: dict[str, str]) -> None:
    with duckdb.connect(project.published_set / "drips.duckdb") as marts:
        marts.execute("create schema if not exists marts")
        marts.execute("create or replace table marts.deliverability (recipient_domain text, mailbox_provider text)")
        marts.executemany("insert into marts.deliverability values (?, ?)", list(providers.items()))


def _hosts(project: Project) -> dict[str, str | None]:
    return {one.domain: one.exchanger for one in read_exchangers(project)}


def test_domains_that_no_seed_names_are_asked_and_not_again_for_a_month(project: Project) -> None:
    with DnsServer(ZONE) as server:

        def ask(at: datetime, *, again: bool = False) -> Asked:
            return ask_exchangers(project, lambda: Resolver(server.address), at, again=again)

        assert ask(NOW) == Asked(4, 4, 4, None)
        assert _hosts(project) == {
            "acme.example": "acme.mail.host.example",
            "bare.example": None,
            "müller.example": "mx.example",
            "void.example": None,
        }
        # The marts know it by its MX now; it stays in the file, and one that is mailed no more does not.
        _publish(project, MAILED | {"acme.example": "Host"})
        assert ask(NOW + GOOD_FOR - timedelta(seconds=1)) == Asked(4, 0, 0, None)
        _publish(project, {"acme.example": "Host"})
        assert ask(NOW + GOOD_FOR) == Asked(1, 1, 1, None)
        assert read_exchangers(project) == [MailExchanger("acme.example", "acme.mail.host.example", NOW + GOOD_FOR)]
        assert ask(NOW + GOOD_FOR, again=True).asked == 1


def test_what_nobody_answers_stays_as_it_was(project: Project) -> None:
    with DnsServer(ZONE) as server:
        ask_exchangers(project, lambda: Resolver(server.address), NOW)
    with DnsServer({}, broken=["acme.example"]) as server:
        asked = ask_exchangers(project, lambda: Resolver(server.address), NOW + GOOD_FOR)
    assert (asked.asked, asked.answered) == (4, 3)
    assert asked.silence == "the resolver answered SERVFAIL"
    known = {one.domain: one for one in read_exchangers(project)}
    assert known["acme.example"] == MailExchanger("acme.example", "acme.mail.host.example", NOW)
    assert known["void.example"].asked_at == NOW + GOOD_FOR


def test_a_tick_knows_what_the_file_says(project: Project) -> None:
    with open_warehouse(project.warehouse) as warehouse:
        assert load_exchangers(project, warehouse) == []
        assert warehouse.rows("select * from raw.mail_exchangers") == []
        with DnsServer(ZONE) as server:
            ask_exchangers(project, lambda: Resolver(server.address), NOW)
        for _ in range(2):
            load_exchangers(project, warehouse)
        rows = warehouse.rows("select * from raw.mail_exchangers order by domain")
        assert [(row["domain"], row["exchanger"]) for row in rows] == sorted(_hosts(project).items())
        assert {row["asked_at"] for row in rows} == {NOW}
        exchangers_file(project).write_text("domain,exchanger,asked_at\na,b,never\n")
        problems = load_exchangers(project, warehouse)
        assert [str(one) for one in problems] == [
            "data/mail_exchangers.csv: can't be read; delete it and run `drips mx` again"
        ]
        assert warehouse.rows("select * from raw.mail_exchangers order by domain") == rows
        with pytest.raises(DripsError, match="can't be read"):
            read_exchangers(project)


def test_the_domain_of_whom_is_erased_is_taken_out(project: Project) -> None:
    forget_domains(project, ["ann@acme.example"])
    assert not exchangers_file(project).exists()
    with DnsServer(ZONE) as server:
        ask_exchangers(project, lambda: Resolver(server.address), NOW)
    forget_domains(project, ["ann@acme.example"])
    assert "acme" not in exchangers_file(project).read_text()
    assert len(read_exchangers(project)) == 3


def test_the_command_says_what_it_asked(project: Project) -> None:
    with DnsServer(ZONE) as server:
        ran = CliRunner().invoke(app, ["mx", "--project", str(project.root), "--resolver", server.address])
        assert (ran.exit_code, ran.output) == (0, "4 domains that no seed names; 4 asked, 4 answered\n")
        ran = CliRunner().invoke(app, ["mx", "--project", str(project.root), "--resolver", server.address, "--json"])
        assert json.loads(ran.output) == {"domains": 4, "asked": 0, "answered": 0, "silence": None}


def test_without_marts_there_is_nobody_to_ask_for(project: Project) -> None:
    (project.published_set / "drips.duckdb").unlink()
    with pytest.raises(DripsError, match="nothing was published yet"):
        ask_exchangers(project, lambda: Resolver(silent_address()), NOW)
