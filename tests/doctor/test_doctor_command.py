"""`drips doctor` as it is called: order, exit code, JSON, and what it says of a project's folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from dns_server import DnsServer
from smtp.servers import ScriptedServer
from typer.testing import CliRunner

from dagster_drips.cli import commands  # noqa: F401 - importing them registers them
from dagster_drips.cli.app import app
from dagster_drips.doctor.examination import check_links
from dagster_drips.doctor.place import check_warehouse, check_writable, disk_check
from dagster_drips.message.dkim import Signer
from dagster_drips.settings import Settings
from dagster_drips.warehouse import duckdb_file, open_warehouse

SENDERS = """
default: acme
servers: main
senders:
  acme:
    email: hello@acme.example
    return_path: bounces@mail.acme.example
    dkim: {selector: drips}
"""


def doctor(root: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["doctor", "--project", str(root), *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.stderr == ""
    return result.exit_code, result.stdout


def checks_of(root: Path, *arguments: str) -> dict[str, dict[str, str]]:
    code, out = doctor(root, "--json", *arguments)
    found = json.loads(out)
    states = [check["state"] for check in found["checks"]]
    assert (found["problems"], found["warnings"]) == (states.count("problem"), states.count("warning"))
    assert code == (1 if found["problems"] else 0)
    return {check["subject"]: check for check in found["checks"]}


def test_a_project_where_all_is_well_exits_0_and_no_secret_is_shown(shop, key, monkeypatch):
    shop.senders(SENDERS)
    shop.sequence("welcome")
    (shop.root / "drips.pem").write_text(key)
    zone = {
        ("mail.acme.example", "TXT"): ["v=spf1 mx -all"],
        ("mail.acme.example", "MX"): ["10 mx.acme.example"],
        ("acme.example", "MX"): ["10 mx.acme.example"],
        ("_dmarc.acme.example", "TXT"): ["v=DMARC1; p=none"],
        ("drips._domainkey.acme.example", "TXT"): [Signer("acme.example", "drips", key).record],
    }
    monkeypatch.setenv("DRIPS_SECRET_KEYS", "s3cret" * 4)
    monkeypatch.setenv("DRIPS_PUBLIC_URL", "https://mail.acme.example")
    monkeypatch.setenv("DRIPS_DKIM_KEY_ACME", "drips.pem")
    with ScriptedServer() as server, DnsServer(zone) as dns:
        monkeypatch.setenv("DRIPS_SMTP_URL_MAIN", server.url)
        code, out = doctor(shop.root, "--resolver", dns.address)
    lines = out.splitlines()
    assert (code, lines[-1]) == (0, "0 problems, 0 warnings")
    assert {line.split()[0] for line in lines[:-1]} == {"ok"}
    assert "s3cret" not in out
    assert not any(line in out for line in key.splitlines()[1:-1])
    assert "********" in out
    assert server.messages == []


def test_everything_is_looked_at_in_order(shop, monkeypatch):
    shop.senders(SENDERS)
    shop.sequence("welcome")
    monkeypatch.setenv("DRIPS_SMTP_URL_OTHER", "smtp://127.0.0.1:1")
    with DnsServer({}) as dns:
        checks = checks_of(shop.root, "--resolver", dns.address)
    subjects = list(checks)
    settings = [subject for subject in subjects if subject.startswith("DRIPS_")]
    assert settings == list(Settings(smtp_urls={"other": "smtp://127.0.0.1:1"}).shown())
    assert subjects == [
        *settings,
        "project", "sequences", "warehouse", "journal", "place", "journal age", "disk", "server other", "server main",
        "sender acme: SPF",
        "sender acme: DKIM", "sender acme: DMARC", "sender acme: alignment", "sender acme: replies",
        "sender acme: bounces", "links",
    ]  # fmt: skip


def test_senders_at_example_domains_are_one_line_unless_a_resolver_is_named(shop):
    shop.senders(SENDERS)
    shop.sequence("welcome", "sender: {name: Ada, email: ada@acme.example}\ntrigger: {event: e}\nsteps: []")
    checks = checks_of(shop.root)
    assert [name for name in checks if name.startswith("sender")] == ["senders at example domains"]
    check = checks["senders at example domains"]
    assert (check["state"], check["message"].partition(":")[0]) == ("warning", "acme")


def test_a_server_that_senders_use_and_nobody_set_makes_it_exit_1(shop):
    shop.senders(SENDERS)
    with DnsServer({}) as dns:
        check = checks_of(shop.root, "--resolver", dns.address)["server main"]
    assert (check["state"], "DRIPS_SMTP_URL_MAIN" in check["advice"]) == ("problem", True)


def test_a_bad_setting_is_a_problem_and_the_rest_is_looked_at_all_the_same(shop, monkeypatch):
    monkeypatch.setenv("DRIPS_SMTP_URL", "mail.example")
    checks = checks_of(shop.root)
    assert checks["settings"]["state"] == "problem"
    assert checks["settings"]["message"].startswith("DRIPS_SMTP_URL: not a server's address")
    assert checks["warehouse"]["state"] == "ok"


def test_a_key_of_nobody_is_a_warning(shop, key, monkeypatch):
    monkeypatch.setenv("DRIPS_DKIM_KEY_ACMEE", key)
    code, out = doctor(shop.root)
    assert code == 0
    assert "warning  DRIPS_DKIM_KEY_ACMEE: no identity" in out


def test_mistakes_in_sequence_files_are_counted(shop):
    shop.sequence("welcome", "sender: {name: Ada, email: ada@acme.example}\nnam: x\nstat: y")
    check = checks_of(shop.root)["sequences"]
    assert (check["state"], check["message"]) == ("problem", "1 sequence, 2 errors, 0 warnings")


def test_a_bad_resolver_is_told_in_one_line(shop):
    result = CliRunner().invoke(app, ["doctor", "--project", str(shop.root), "--resolver", "nowhere"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: not a resolver's address: 'nowhere'; write it like 127.0.0.1:53\n"


# The folder ----------------------------------------------------------------------------------------------------------


def test_looking_leaves_the_project_as_it_was(shop):
    before = sorted(shop.root.rglob("*"))
    doctor(shop.root)
    made = set(shop.root.rglob("*")) - set(before)
    # As every command, it lists for dbt the project's segments.
    assert not [path for path in made if "dbt_project" not in path.parts]


def test_a_warehouse_opens_or_is_none_yet_or_is_broken(shop):
    path = shop.project.warehouse
    assert check_warehouse(path).state == "ok"
    assert not path.exists()
    with open_warehouse(path):
        pass
    assert check_warehouse(path).message.endswith("opens")
    path.write_bytes(b"not a database" * 1000)
    assert check_warehouse(path).state == "problem"
    assert "drips rebuild" in check_warehouse(path).advice


def test_a_warehouse_that_a_run_is_writing_is_fine(shop, monkeypatch):
    monkeypatch.setattr(duckdb_file, "_PATIENCE_SECONDS", 0.2)
    path = shop.project.warehouse
    with open_warehouse(path):
        pass
    script = "import duckdb, sys; kept = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        check = check_warehouse(path)
        process.communicate()
    assert (check.state, "another process is writing it" in check.message) == ("ok", True)


def test_a_journal_that_cant_be_written_is_a_problem(shop):
    shop.project.data.mkdir()
    assert check_writable("journal", shop.project.journal).state == "ok"
    shop.project.journal.write_text("a file where the folder should be")
    check = check_writable("journal", shop.project.journal)
    assert (check.state, "can't be written to" in check.message) == ("problem", True)


@pytest.mark.parametrize(
    ("free", "warehouse", "state"),
    [(10**7, 0, "problem"), (5 * 10**8, 0, "warning"), (2 * 10**9, 10**6, "ok"), (2 * 10**9, 10**9, "warning")],
)
def test_free_space_is_held_against_the_warehouse(free, warehouse, state):
    assert disk_check(free, warehouse).state == state


# Links ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "key", "state", "words"),
    [
        (None, None, "warning", "unsubscribing takes a mail"),
        ("https://mail.acme.example", "k" * 32, "ok", "signed"),
        ("http://127.0.0.1:8000", "k" * 32, "ok", "signed"),
        ("http://mail.acme.example", "k" * 32, "problem", "not https"),
    ],
)
def test_links_want_https_and_keys(url, key, state, words):
    check = check_links(Settings(public_url=url, secret_keys=(key,) if key else ()))
    assert (check.state, words in check.message) == (state, True)
    assert key is None or key not in str(check)


def test_hooks_without_a_secret_and_secrets_without_a_hook_are_found(tmp_path, monkeypatch):
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    rules = "{event: e, lead_id: a}"
    secret = "secret: {header: X-Key}"
    (tmp_path / "sequences" / "hooks.yml").write_text(
        f"hooks:\n  shop-eu: {{{secret}, events: [{rules}]}}\n  cart: {{{secret}, events: [{rules}]}}\n"
        f"  anybody: {{open: true, events: [{rules}]}}\n"
    )
    monkeypatch.setenv("DRIPS_HOOK_SECRET_CART", "a-secret-of-carts")
    monkeypatch.setenv("DRIPS_HOOK_SECRET_CARD", "a-secret-of-cards")
    checks = {subject: check for subject, check in checks_of(tmp_path).items() if "HOOK_SECRET" in subject}
    assert {subject: (check["state"], check["message"]) for subject, check in checks.items()} == {
        "DRIPS_HOOK_SECRET_CART": ("ok", "********"),
        "DRIPS_HOOK_SECRET_CARD": ("warning", "no hook in sequences/hooks.yml has this name"),
        "DRIPS_HOOK_SECRET_SHOP_EU": ("warning", "not set"),
    }


def test_targets_of_alerts_without_an_address_and_addresses_without_a_target_are_found(tmp_path, monkeypatch):
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    (tmp_path / "sequences" / "project.yml").write_text("alerts: {targets: {on-call: {}, ops: {}}}\n")
    monkeypatch.setenv("DRIPS_ALERT_URL_OPS", "json://127.0.0.1/s3cret")
    monkeypatch.setenv("DRIPS_ALERT_URL_OPPS", "json://127.0.0.1/s3cret")
    checks = {subject: check for subject, check in checks_of(tmp_path).items() if "ALERT_URL" in subject}
    assert {subject: (check["state"], check["message"]) for subject, check in checks.items()} == {
        "DRIPS_ALERT_URL_OPS": ("ok", "********"),
        "DRIPS_ALERT_URL_OPPS": ("warning", "no target of alerts in sequences/project.yml has this name"),
        "DRIPS_ALERT_URL_ON_CALL": ("warning", "not set"),
    }
    assert "s3cret" not in str(checks)
