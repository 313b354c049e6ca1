"""Email identities: what senders.yml may say, who names them, and what is live while the file is broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dagster_drips.addresses import address_of
from dagster_drips.sequences.catalog import read_catalog
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.sequences.versions import restore_live
from dagster_drips.warehouse import Warehouse, open_warehouse

from .conftest import SEQUENCE, TEMPLATE, ProjectFolder
from .test_versions import live, table, tick

INLINE = "sender: {name: Ada, email: ada@acme.example}\n"
FILE = "sequences/senders.yml"
SENDERS = """\
default: acme
servers: [main, backup]
senders:
  acme:
    name: The Acme team
    email: Hello@Acme.example
    reply_to: help@acme.example
    servers: main
    return_path: bounces@mail.acme.example
    verp: false
    dkim: {selector: drips, domain: mail.acme.example}
    rate: {messages: 600, per: {minutes: 1}}
    connections: 4
    warmup: {start: 200, growth: 1.3}
    max_per_tick: 500
  ada:
    name: Ada
    email: ada@Acme.example
    dkim: {selector: s1}
domains:
  gmail.com: {rate: {messages: 100, per: {hours: 1}}, connections: 2}
  web.example:
    connections: 1
"""
"""Valid; line 1 is its default."""


@pytest.fixture
def warehouse(folder: ProjectFolder) -> Iterator[Warehouse]:
    with open_warehouse(folder.root / "data" / "warehouse.duckdb") as opened:
        yield opened


def errors_of(folder: ProjectFolder) -> list[tuple[str, int | None, str]]:
    catalog = read_catalog(folder.project, segments=segment_names(folder.project))
    return [(problem.file, problem.line, problem.message) for problem in catalog.errors]


def named(name: str) -> str:
    return SEQUENCE.replace(INLINE, f"sender: {name}\n")


def test_identities_and_domains_become_rows(folder: ProjectFolder, warehouse: Warehouse) -> None:
    folder.sequence()
    folder.write(FILE, SENDERS)
    assert errors_of(folder) == []
    tick(folder, warehouse, 0)
    acme, ada = warehouse.rows("select * from raw.sender_identities order by sender_id")
    assert acme == {
        "sender_id": "acme",
        "address": "hello@acme.example",
        "name": "The Acme team",
        "email": "Hello@Acme.example",
        "reply_to": "help@acme.example",
        "servers": ["main"],
        "return_path": "bounces@mail.acme.example",
        "verp": False,
        "dkim_domain": "mail.acme.example",
        "dkim_selector": "drips",
        "rate_messages": 600,
        "rate_per_seconds": 60,
        "connections": 4,
        "warmup_start": 200,
        "warmup_growth": 1.3,
        "max_per_tick": 500,
    }
    given = {
        "sender_id": "ada",
        "address": "ada@acme.example",
        "name": "Ada",
        "email": "ada@Acme.example",
        "servers": ["main", "backup"],
        "verp": True,
        "dkim_domain": "acme.example",
        "dkim_selector": "s1",
    }
    assert ada == dict.fromkeys(acme) | given
    assert table(warehouse, "recipient_domains", "*") == [("gmail.com", 100, 3600, 2), ("web.example", None, None, 1)]
    assert table(warehouse, "project_settings", "servers") == [(["main", "backup"],)]


def test_without_the_file_there_is_one_server_and_nothing_to_remember(
    folder: ProjectFolder, warehouse: Warehouse
) -> None:
    folder.sequence()
    tick(folder, warehouse, 0)
    assert table(warehouse, "project_settings", "servers") == [(["default"],)]
    assert table(warehouse, "sender_identities", "*") == []
    assert warehouse.value("select count(*) from journal.sequence_versions where sequence_id = 'senders.yml'") == 0


def test_servers_that_nobody_names_are_the_default_one(folder: ProjectFolder, warehouse: Warehouse) -> None:
    folder.sequence()
    folder.write(FILE, "senders: {ada: {email: ada@acme.example}}\n")
    tick(folder, warehouse, 0)
    assert table(warehouse, "sender_identities", "servers") == [(["default"],)]


def test_a_warehouse_from_before_there_were_several_servers_is_brought_up_to_date(folder: ProjectFolder) -> None:
    path = folder.root / "data" / "warehouse.duckdb"
    folder.sequence()
    with open_warehouse(path) as warehouse:
        tick(folder, warehouse, 0)
        warehouse.execute("alter table raw.project_settings drop column servers")
    with open_warehouse(path) as warehouse:
        assert table(warehouse, "project_settings", "servers") == [(["default"],)]
        folder.write(FILE, "servers: main\n")
        tick(folder, warehouse, 1)
        assert table(warehouse, "project_settings", "servers") == [(["main"],)]


SENDER_COLUMNS = "sender_name, sender_email, sender_reply_to, sender_max_per_tick"
ACME = ("The Acme team", "Hello@Acme.example", "help@acme.example", 500)


@pytest.mark.parametrize(
    ("written", "default", "project", "expected"),
    [
        ("sender: acme\n", "ada", "sender: {email: all@acme.example}", ACME),
        ("", "acme", "sender: {email: all@acme.example}", ACME),
        ("", None, "sender: acme", ACME),
        ("", None, "sender: {email: all@acme.example}", (None, "all@acme.example", None, None)),
        ("sender: {email: hello@acme.example}\n", "ada", "sender: ada", (None, "hello@acme.example", None, None)),
    ],
    ids=["its own", "the default", "the project's", "the project's, written out", "an identity's address written out"],
)
def test_the_nearest_sender_is_taken(
    folder: ProjectFolder,
    warehouse: Warehouse,
    written: str,
    default: str | None,
    project: str,
    expected: tuple[Any, ...],
) -> None:
    folder.sequence(SEQUENCE.replace(INLINE, written))
    folder.write(FILE, SENDERS.replace("default: acme", f"default: {default}" if default else "default:"))
    folder.write("sequences/project.yml", project)
    assert errors_of(folder) == []
    tick(folder, warehouse, 0)
    assert live(warehouse, SENDER_COLUMNS) == expected


def test_an_identity_and_the_same_sender_written_out_are_one_version(
    folder: ProjectFolder, warehouse: Warehouse
) -> None:
    folder.sequence()
    tick(folder, warehouse, 0)
    folder.sequence(named("ada"))
    folder.write(FILE, SENDERS.replace("ada@Acme", "ada@acme"))
    assert tick(folder, warehouse, 1) == []
    # What isn't the mail's own is no part of a version either.
    folder.write(FILE, SENDERS.replace("ada@Acme", "ada@acme").replace("selector: s1", "selector: s2"))
    assert tick(folder, warehouse, 2) == []
    assert table(warehouse, "sender_identities", "dkim_selector") == [("drips",), ("s2",)]
    folder.write(FILE, SENDERS.replace("name: Ada", "name: Ada L."))
    assert len(tick(folder, warehouse, 3)) == 1
    assert live(warehouse, "sender_name") == ("Ada L.",)


# (what is replaced, by what, the text that stands on the blamed line, words of the message)
MISTAKES = [
    ("default: acme", "default: acne", "default:", ["unknown sender 'acne'", "did you mean 'acme'"]),
    ("default: acme", "defalt: acme", "defalt", ["unknown key 'defalt'", "'default'"]),
    ("servers: [main, backup]", "servers: []", "servers: []", ["must not be empty"]),
    ("servers: [main, backup]", "servers: [Main]", "servers: [", ["'Main'", "a-z, 0-9, _ and -"]),
    ("  ada:", "  Ada L:", "Ada L", ["a-z, 0-9, _ and -"]),
    ("    email: ada@Acme.example\n", "", "ada:\n", ["missing key 'email' in senders.ada"]),
    ("    email: ada@Acme.example", "    email: ada", "email: ada", ["no mail address"]),
    ("ada@Acme.example", "HELLO@acme.EXAMPLE", "email: HELLO", ["is the address of 'acme' already", "line 6"]),
    ("    name: Ada\n", "    nam: Ada\n", "nam: Ada", ["unknown key 'nam' in senders.ada", "'name'"]),
    ("    reply_to: help@acme.example", "    reply_to: [a@b]", "reply_to: [", ["must be text"]),
    ("    servers: main", "    servers: {main: 1}", "servers: {", ["must be a list"]),
    ("return_path: bounces@", "return_path: nobody at ", "return_path: n", ["no mail address"]),
    (
        "bounces@mail.acme.example\n    verp: false",
        "bounces-of-messages-of-this-year@a.example",
        "acme:\n",
        ["31 characters", "verp: false"],
    ),
    ("verp: false", "verp: maybe", "verp:", ["true or false"]),
    ("{selector: drips, ", "{", "dkim: {domain", ["missing key 'selector'"]),
    ("selector: s1", "selector: s_1_", "selector: s_1_", ["no DKIM selector"]),
    ("domain: mail.acme.example", "domain: hello@acme.example", "dkim: {selector: drips", ["no domain"]),
    ("messages: 600", "messages: 0", "messages: 0", ["at least 1"]),
    ("per: {minutes: 1}", "per: {minutes: 0}", "messages: 600", ["at least a second"]),
    (", per: {minutes: 1}", "", "messages: 600", ["missing key 'per'"]),
    ("connections: 4", "connections: 0", "connections: 0", ["at least 1"]),
    ("growth: 1.3", "growth: 0.9", "growth: 0.9", ["growth must be at least 1"]),
    ("start: 200", "start: 0", "start: 0", ["start must be at least 1"]),
    (", growth: 1.3", "", "warmup:", ["missing key 'growth' in senders.acme.warmup"]),
    ("max_per_tick: 500", "max_per_tick: many", "max_per_tick:", ["whole number"]),
    ("  gmail.com:", "  Gmail.com:", "Gmail", ["write 'gmail.com'"]),
    ("  gmail.com:", "  '@gmail.com':", "@gmail", ["no domain"]),
    ("connections: 2", "conections: 2", "conections", ["unknown key 'conections'", "'connections'"]),
    ("  ada:\n", "  acme:\n", "acme:\n    name: Ada", ["duplicate key 'acme'"]),
    ("domains:", "  ad-a: {email: a@b}\n  ad_a: {email: c@d}\ndomains:", "  ad_a", ["'ad-a'", "share their settings"]),
    ("domains:", "\tdomains:", "\tdomains", ["not YAML"]),
]


@pytest.mark.parametrize(("old", "new", "marker", "words"), MISTAKES, ids=[mistake[1][:40] for mistake in MISTAKES])
def test_a_mistake_in_senders_yml_is_told_alone_with_its_line(
    folder: ProjectFolder, old: str, new: str, marker: str, words: list[str]
) -> None:
    assert old in SENDERS
    text = SENDERS.replace(old, new, 1)
    folder.sequence()
    folder.sequence(named("acme"), "second")
    folder.write("sequences/project.yml", "sender: ada\n" if "ada:" in text else "")
    folder.write(FILE, text)
    found = errors_of(folder)
    line = text[: text.index(marker)].count("\n") + 1
    assert {file for file, _, _ in found} == {FILE}
    assert [at for _, at, message in found if all(word in message for word in words)] == [line], found


def test_verp_without_a_return_path_is_a_warning(folder: ProjectFolder) -> None:
    folder.sequence()
    folder.write(FILE, "senders:\n  ada: {email: a@b.example, verp: true}\n")
    problems = read_catalog(folder.project, segments=segment_names(folder.project)).problems
    assert [(problem.severity, problem.line) for problem in problems] == [("warning", 2)]


def test_an_unknown_name_is_told_where_it_stands(folder: ProjectFolder) -> None:
    folder.sequence(named("acne"))
    folder.write("sequences/project.yml", "sender: nobody\n")
    folder.write(FILE, SENDERS)
    project, sequence = errors_of(folder)
    assert sequence == ("sequences/welcome/sequence.yml", 3, "unknown sender 'acne'; did you mean 'acme'?")
    assert project[:2] == ("sequences/project.yml", 1)
    assert "unknown sender 'nobody'; known: acme, ada, or write it out: {name: nobody, email: …}" in project[2]


def test_templates_are_judged_by_what_the_identity_gives(folder: ProjectFolder) -> None:
    folder.write("sequences/welcome/welcome.html", TEMPLATE.replace("Hi", "{{ sender.reply_to }}"))
    folder.write(FILE, SENDERS)
    folder.sequence(named("acme"))
    assert errors_of(folder) == []
    folder.sequence(named("ada"))
    (file, line, message), *_ = errors_of(folder)
    assert (file, line) == ("sequences/welcome/welcome.html", 3)
    assert "sender.reply_to has no value" in message


BROKEN = ["senders: [", "senders: {acme: {email: nobody}}\n", "default: nobody\n" + SENDERS.partition("\n")[2]]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_file_leaves_the_last_valid_one(folder: ProjectFolder, warehouse: Warehouse, broken: str) -> None:
    folder.sequence(SEQUENCE.replace(INLINE, ""))
    folder.sequence(named("acme"), "second")
    folder.write(FILE, SENDERS)
    tick(folder, warehouse, 0)
    before = table(warehouse, "sender_identities", "*")
    folder.write(FILE, broken)
    assert {file for file, _, _ in errors_of(folder)} == {FILE}
    assert tick(folder, warehouse, 1) == []
    assert table(warehouse, "sender_identities", "*") == before
    assert live(warehouse) == ("active", "valid")
    # Other edits count meanwhile, with the identities as they last were.
    folder.sequence(SEQUENCE.replace(INLINE, "").replace("status: active", "status: paused"))
    assert [version.status for version in tick(folder, warehouse, 2)] == ["paused"]
    assert live(warehouse, SENDER_COLUMNS) == ACME
    folder.write(FILE, SENDERS.replace("The Acme team", "Acme"))
    tick(folder, warehouse, 3)
    assert live(warehouse, "sender_name", "second") == ("Acme",)


def test_a_sequence_whose_sender_nobody_knows_stays_as_it_was(folder: ProjectFolder, warehouse: Warehouse) -> None:
    folder.sequence()
    folder.write(FILE, SENDERS)
    tick(folder, warehouse, 0)
    folder.write(FILE, SENDERS + "  bob: {email\n")
    folder.sequence(named("bob").replace("status: active", "status: paused"))
    folder.sequence(named("bob"), "new")
    assert tick(folder, warehouse, 1) == []
    assert live(warehouse) == ("active", "invalid")
    assert live(warehouse, sequence_id="new") == ()


def test_an_identity_that_is_gone_leaves_its_sequences_as_they_were(
    folder: ProjectFolder, warehouse: Warehouse
) -> None:
    folder.sequence(named("ada"))
    folder.sequence(SEQUENCE.replace(INLINE, ""), "second")
    folder.write("sequences/project.yml", "sender: ada\n")
    folder.write(FILE, SENDERS.replace("default: acme\n", ""))
    tick(folder, warehouse, 0)
    (folder.root / FILE).unlink()
    assert [file for file, _, _ in errors_of(folder)] == ["sequences/project.yml", "sequences/welcome/sequence.yml"]
    assert tick(folder, warehouse, 1) == []
    assert live(warehouse) == ("active", "invalid")
    assert live(warehouse, sequence_id="second") == ("active", "invalid")
    assert table(warehouse, "sender_identities", "*") == []


def test_the_journal_alone_makes_the_tables_again(folder: ProjectFolder, warehouse: Warehouse) -> None:
    folder.sequence(named("acme"))
    folder.write(FILE, SENDERS)
    tick(folder, warehouse, 0)
    folder.write(FILE, SENDERS.replace("connections: 4", "connections: 5"))
    tick(folder, warehouse, 1)
    tables = ("sender_identities", "recipient_domains", "project_settings", "sequences")
    before = [table(warehouse, name, "*") for name in tables]
    for name in tables:
        warehouse.execute(f"delete from raw.{name}")
    restore_live(warehouse)
    assert [table(warehouse, name, "*") for name in tables] == before


def test_addresses_are_compared_as_dbt_compares_them() -> None:
    assert address_of(" ÄDA@Acme.Example\u00a0") == "Äda@acme.example"
