"""Settings: the environment, the project's .env, and values that are refused."""

import os
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from dagster_drips.addresses import OnlyTo
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.settings import ImapServer, Settings, SmtpServer, load_alert_urls, load_schedules, load_settings

PEM = "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("DRIPS_")]:
        monkeypatch.delenv(name)
    return Project(tmp_path)


def test_what_nobody_set_has_its_default(project):
    settings = load_settings(project)
    assert (settings.smtp_server, settings.smtp_connections, settings.target) == (None, 8, "duckdb")


def test_the_environment_wins_over_the_env_file(project, monkeypatch):
    (project.root / ".env").write_text("DRIPS_TARGET=postgres\nDRIPS_SMTP_CONNECTIONS=3\nDRIPS_UNKNOWN=1\n")
    monkeypatch.setenv("DRIPS_TARGET", "spark")
    settings = load_settings(project)
    assert (settings.target, settings.smtp_connections) == ("spark", 3)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://127.0.0.1:1025", SmtpServer("plain", "127.0.0.1", 1025)),
        ("smtp://mail.example", SmtpServer("plain", "mail.example", 25)),
        ("smtp://ada:pw@localhost", SmtpServer("plain", "localhost", 25, "ada", "pw")),
        ("smtp+starttls://ada:p%40w@mail.example", SmtpServer("starttls", "mail.example", 587, "ada", "p@w")),
        (
            "smtps://ada%40acme.example:pw@mail.example",
            SmtpServer("tls", "mail.example", 465, "ada@acme.example", "pw"),
        ),
    ],
)
def test_the_servers_address_is_taken_apart(project, monkeypatch, url, server):
    monkeypatch.setenv("DRIPS_SMTP_URL", url)
    assert load_settings(project).smtp_server == server


def test_the_password_may_stand_apart(project, monkeypatch):
    monkeypatch.setenv("DRIPS_SMTP_URL", "smtps://ada@mail.example")
    monkeypatch.setenv("DRIPS_SMTP_PASSWORD", "pw")
    assert load_settings(project).smtp_server == SmtpServer("tls", "mail.example", 465, "ada", "pw")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"SMTP_URL": "smtp://ada:s3cret@mail.example"}, "DRIPS_SMTP_URL: smtp:// would send the password unprotected"),
        ({"SMTP_URL": "smtp://ada@mail.example", "SMTP_PASSWORD": "s3cret"}, "would send the password unprotected"),
        ({"SMTP_URL": "smtps://ada@mail.example"}, "there is no password"),
        ({"SMTP_URL": "http://ada:s3cret@mail.example"}, "DRIPS_SMTP_URL: not a server's address"),
        ({"SMTP_URL": "smtp://host:port"}, "DRIPS_SMTP_URL: not a server's address"),
        ({"SMTP_CONNECTIONS": "many"}, "DRIPS_SMTP_CONNECTIONS: "),
        ({"SMTP_CONNECTIONS": "0"}, "DRIPS_SMTP_CONNECTIONS: "),
        ({"KEEP_RUNS_DAYS": "0"}, "DRIPS_KEEP_RUNS_DAYS: "),
        ({"SMTP_URL_BACKUP": "smtp://ada:s3cret@mail.example"}, "DRIPS_SMTP_URL_BACKUP: smtp:// would send the pass"),
        ({"SMTP_URL_BACKUP": "smtps://ada@mail.example", "SMTP_PASSWORD": "s3cret"}, "set DRIPS_SMTP_PASSWORD_BACKUP"),
        (
            {"SMTP_URL_BACKUP": "smtps://ada:s3cret@mail.example:s3cret"},
            "DRIPS_SMTP_URL_BACKUP: not a server's address",
        ),
        ({"SMTP_URL_DEFAULT": "smtps://ada:s3cret@mail.example"}, "DRIPS_SMTP_URL_DEFAULT: the server named default"),
        ({"DKIM_KEY_ACME": "s3cret"}, "DRIPS_DKIM_KEY_ACME: neither a key (PEM text) nor a file"),
        ({"DKIM_KEY_ACME": "~s3cret/x"}, "DRIPS_DKIM_KEY_ACME: neither a key (PEM text) nor a file"),
        ({"DKIM_KEY_ACME": "s3cret" * 2000}, "DRIPS_DKIM_KEY_ACME: neither a key (PEM text) nor a file"),
        ({"DKIM_KEY_ACME": ".env"}, "DRIPS_DKIM_KEY_ACME: the file it names holds no key"),
        ({"IMAP_URL": "imap://ada:s3cret@mail.example"}, "DRIPS_IMAP_URL: imap:// would send the password unprotected"),
        ({"IMAP_URL": "imaps://ada@mail.example"}, "set DRIPS_IMAP_PASSWORD"),
        ({"IMAP_URL": "imaps://mail.example", "IMAP_PASSWORD": "s3cret"}, "DRIPS_IMAP_URL: names no user"),
        ({"IMAP_URL": "smtps://ada:s3cret@mail.example"}, "DRIPS_IMAP_URL: not a server's address"),
        ({"IN_DOUBT": "s3cret"}, "DRIPS_IN_DOUBT: "),
        ({"PUBLIC_URL": "https://mail.acme.example"}, "DRIPS_PUBLIC_URL needs DRIPS_SECRET_KEYS"),
        ({"SECRET_KEYS": f"{'s3cret' * 3},s3cret"}, "DRIPS_SECRET_KEYS: a key of fewer than 8 characters"),
        ({"WRITE_KEYS": "s"}, "DRIPS_WRITE_KEYS: a key of fewer than 8 characters"),
        ({"HOOK_SECRET_CART": "s"}, "DRIPS_HOOK_SECRET_CART: a key of fewer than 8 characters"),
        ({"SCHEDULE": "s3cret"}, "DRIPS_SCHEDULE: not a cron expression; write five fields"),
        (
            {"INBOX_SCHEDULE": "61 * * * *"},
            "DRIPS_INBOX_SCHEDULE: not a cron expression: [61 * * * *] is not acceptable",
        ),
        ({"PUBLIC_URL": "mail.acme.example", "SECRET_KEYS": "s3cret" * 3}, "DRIPS_PUBLIC_URL: not a web address"),
    ],
)
def test_a_bad_value_is_one_line_that_names_it_and_shows_no_secret(project, monkeypatch, values, words):
    (project.root / ".env").write_text("# s3cret\n")
    for name, value in values.items():
        monkeypatch.setenv(f"DRIPS_{name}", value)
    with pytest.raises(DripsError) as refused:
        load_settings(project)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_servers_are_named_by_their_variables_in_the_environment_and_the_env_file_alike(project, monkeypatch):
    (project.root / ".env").write_text(
        "DRIPS_SMTP_URL=smtp://127.0.0.1:1025\n"
        "DRIPS_SMTP_URL_BACKUP=smtps://ada@old.example\n"
        "DRIPS_SMTP_PASSWORD_BACKUP='p w'\n"
        "DRIPS_SMTP_URL_UNUSED=\n"
    )
    monkeypatch.setenv("DRIPS_SMTP_URL_BACKUP", "smtps://ada@backup.example")
    monkeypatch.setenv("DRIPS_SMTP_URL_MAIN_EU", "smtp+starttls://bob:pw@eu.example")
    settings = load_settings(project)
    assert settings.smtp_servers == {
        "default": SmtpServer("plain", "127.0.0.1", 1025),
        "backup": SmtpServer("tls", "backup.example", 465, "ada", "p w"),
        "main_eu": SmtpServer("starttls", "eu.example", 587, "bob", "pw"),
    }
    assert settings.smtp_server_named("main-eu") == settings.smtp_servers["main_eu"]
    assert settings.smtp_server_named("default") == settings.smtp_server
    assert settings.smtp_server_named("unused") is None


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("imap://ada@localhost", ImapServer("plain", "localhost", 143, "ada", "s3cret")),
        ("imap+starttls://ada@mail.example", ImapServer("starttls", "mail.example", 143, "ada", "s3cret")),
        (
            "imaps://ada%40acme.example@mail.example",
            ImapServer("tls", "mail.example", 993, "ada@acme.example", "s3cret"),
        ),
        ("imaps://ada:p%40w@mail.example:1993", ImapServer("tls", "mail.example", 1993, "ada", "p@w")),
    ],
)
def test_the_mailboxes_server_is_written_like_a_mail_server(project, monkeypatch, url, server):
    assert load_settings(project).imap_server is None
    monkeypatch.setenv("DRIPS_IMAP_URL", url)
    monkeypatch.setenv("DRIPS_IMAP_PASSWORD", "s3cret")
    settings = load_settings(project)
    assert settings.imap_server == server
    assert "s3cret" not in f"{settings!r} {settings.shown()} {settings.imap_server!r}"
    assert settings.shown()["DRIPS_IMAP_PASSWORD"] == "********"


def test_without_a_default_server_the_others_stand(project, monkeypatch):
    monkeypatch.setenv("DRIPS_SMTP_URL_BACKUP", "smtp://localhost")
    settings = load_settings(project)
    assert (settings.smtp_server, list(settings.smtp_servers)) == (None, ["backup"])


def test_servers_and_keys_can_be_given_in_code():
    settings = Settings(
        smtp_url="smtp://127.0.0.1:1025",
        smtp_urls={"back-up": "smtps://ada@mail.example"},
        smtp_passwords={"back-up": SecretStr("pw")},
        dkim_keys={"acme-eu": SecretStr(PEM)},
    )
    assert settings.smtp_servers["back_up"] == SmtpServer("tls", "mail.example", 465, "ada", "pw")
    key = settings.dkim_key_of("acme-eu")
    assert key is not None
    assert key.get_secret_value() == PEM


@pytest.mark.parametrize("absolute", [True, False])
def test_a_dkim_key_is_pem_text_or_the_path_of_its_file(project, monkeypatch, absolute):
    file = project.root / "keys" / "acme.pem"
    file.parent.mkdir()
    file.write_text(PEM)
    monkeypatch.setenv("DRIPS_DKIM_KEY_ACME", str(file) if absolute else "keys/acme.pem")
    monkeypatch.setenv("DRIPS_DKIM_KEY_BOB", PEM)
    monkeypatch.setenv("DRIPS_DKIM_KEY_EVE", PEM.replace("\n", "\\n"))
    keys = load_settings(project).dkim_keys
    assert {name: key.get_secret_value() for name, key in keys.items()} == {"acme": PEM, "bob": PEM, "eve": PEM}


def test_whom_mail_may_go_to_is_set(project, monkeypatch):
    assert not load_settings(project).only_to
    monkeypatch.setenv("DRIPS_ONLY_TO", " Ada@Acme.example,, @acme.example,team.example")
    only_to = load_settings(project).only_to
    assert only_to == OnlyTo(frozenset({"ada@acme.example"}), frozenset({"acme.example", "team.example"}))
    assert load_settings(project).shown()["DRIPS_ONLY_TO"] == "ada@acme.example,acme.example,team.example"


@pytest.mark.parametrize("value", [",", "ada@", "not a domain", "a@b@c.example", "acme.example;team.example", "*"])
def test_a_list_of_recipients_with_something_else_in_it_is_one_line(project, monkeypatch, value):
    monkeypatch.setenv("DRIPS_ONLY_TO", value)
    with pytest.raises(DripsError, match=r"DRIPS_ONLY_TO: .* is neither an address nor a domain"):
        load_settings(project)


@pytest.mark.parametrize("written", ["hold", "resend"])
def test_what_becomes_of_a_message_in_doubt_is_set(project, monkeypatch, written):
    assert load_settings(project).in_doubt == "hold"
    monkeypatch.setenv("DRIPS_IN_DOUBT", written)
    assert load_settings(project).in_doubt == written


def test_secrets_show_in_no_repr_and_in_no_listing(project, monkeypatch):
    monkeypatch.setenv("DRIPS_SMTP_URL", "smtps://ada:s3cret@mail.example")
    monkeypatch.setenv("DRIPS_SMTP_PASSWORD", "s3cret")
    monkeypatch.setenv("DRIPS_SECRET_KEYS", "s3cret-of-links-1, s3cret-of-links-2")
    monkeypatch.setenv("DRIPS_WRITE_KEYS", "s3cret-of-events-1")
    monkeypatch.setenv("DRIPS_SMTP_URL_BACKUP", "smtps://ada:s3cret@backup.example")
    monkeypatch.setenv("DRIPS_SMTP_PASSWORD_BACKUP", "s3cret")
    monkeypatch.setenv("DRIPS_DKIM_KEY_ACME", PEM)
    settings = load_settings(project)
    assert [key.get_secret_value() for key in settings.secret_keys] == ["s3cret-of-links-1", "s3cret-of-links-2"]
    assert (
        "s3cret" not in f"{settings!r} {settings} {settings.shown()} {settings.smtp_server!r} {settings.smtp_servers}"
    )
    assert settings.shown()["DRIPS_SMTP_URL"] == "smtps://ada:********@mail.example:465"
    assert settings.shown()["DRIPS_SMTP_URL_BACKUP"] == "smtps://ada:********@backup.example:465"
    assert settings.shown()["DRIPS_SMTP_PASSWORD_BACKUP"] == "********"
    assert settings.shown()["DRIPS_DKIM_KEY_ACME"] == "********"
    assert settings.shown()["DRIPS_IN_DOUBT"] == "hold"


def test_schedules_are_read_whatever_is_wrong_with_the_rest(project, monkeypatch):
    monkeypatch.setenv("DRIPS_SMTP_URL", "nonsense")
    monkeypatch.setenv("DRIPS_SCHEDULE", "@hourly")
    assert (load_schedules(project).schedule.text, load_schedules(project).inbox_schedule.text) == (
        "@hourly",
        "*/5 * * * *",
    )


def test_a_hooks_secret_is_found_by_the_hooks_name(project, monkeypatch):
    monkeypatch.setenv("DRIPS_HOOK_SECRET_MY_CART", "s3cret-of-carts")
    settings = load_settings(project)
    assert (settings.hook_secret_of("my-cart"), settings.hook_secret_of("cart")) == (b"s3cret-of-carts", None)
    assert "s3cret" not in f"{settings!r} {settings.shown()}"


def test_alerts_addresses_are_read_whatever_is_wrong_with_the_rest(project, monkeypatch):
    monkeypatch.setenv("DRIPS_SMTP_URL", "nonsense")
    (project.root / ".env").write_text("DRIPS_ALERT_URL_ON_CALL=json://here\n")
    assert load_alert_urls(project)["on_call"].get_secret_value() == "json://here"


@pytest.mark.parametrize("value", ["metrics.prom", "/var/lib/metrics.txt"])
def test_metrics_go_where_node_exporter_reads_them(project, monkeypatch, value):
    monkeypatch.setenv("DRIPS_METRICS_FILE", value)
    with pytest.raises(DripsError, match="DRIPS_METRICS_FILE: give the whole path"):
        load_settings(project)


PACKAGE = Path(__file__).parents[1] / "dagster_drips"
DBT_PROJECT = PACKAGE.parent / "dbt_project"
NAMED = {
    "DRIPS_SMTP_URL": "smtp_urls",
    "DRIPS_SMTP_PASSWORD": "smtp_passwords",
    "DRIPS_DKIM_KEY": "dkim_keys",
    "DRIPS_WEBHOOK": "webhooks",
    "DRIPS_HOOK_SECRET": "hook_secrets",
    "DRIPS_ALERT_URL": "alert_urls",
}
"""Variables with a name behind them, and the field that holds all of a kind."""
NO_SETTINGS = {
    "DRIPS_PROJECT": "says whose settings are read, so it is read before them",
    "DRIPS_WAREHOUSE": "set by a tick for the dbt that runs in it",
    "DRIPS_COLLECT_PROJECT": "set by the collector for its workers",
    "DRIPS_COLLECT_PROXIES": "set by the collector for its workers",
}


def variables_in_code() -> set[str]:
    files = [*PACKAGE.rglob("*.py"), *DBT_PROJECT.glob("*.yml"), *DBT_PROJECT.glob("m*/**/*.sql")]
    assert len(files) > 200
    texts = [file.read_text(encoding="utf-8") for file in files]
    return {found.rstrip("_") for text in texts for found in re.findall(r"\bDRIPS_[A-Z0-9]\w*", text)}


def test_every_variable_in_the_code_is_a_field_of_the_settings():
    fields = {f"DRIPS_{name.upper()}" for name in Settings.model_fields}
    unknown = {
        variable
        for variable in variables_in_code() - fields - set(NO_SETTINGS)
        if not any(variable == prefix or variable.startswith(f"{prefix}_") for prefix in NAMED)
    }
    assert unknown == set()
    assert set(NO_SETTINGS) <= variables_in_code()


def test_every_setting_is_listed_and_secrets_are_masked(project, monkeypatch):
    (project.root / "key.pem").write_text(PEM)
    values = {"DRIPS_SMTP_URL_X": "smtp://localhost", "DRIPS_DKIM_KEY_X": "key.pem", "DRIPS_SMTP_PASSWORD_X": "s3cret"}
    values |= {"DRIPS_WEBHOOK_X": "s3cret", "DRIPS_HOOK_SECRET_X": "s3cret-long", "DRIPS_ALERT_URL_X": "json://s3cret"}
    values |= {"DRIPS_PUSHGATEWAY_URL": "https://ada:s3cret@push.example/path"}
    for variable, value in values.items():
        monkeypatch.setenv(variable, value)
    shown = load_settings(project).shown()
    fields = set(Settings.model_fields) - set(NAMED.values())
    assert set(shown) == {f"DRIPS_{name.upper()}" for name in fields} | {f"{prefix}_X" for prefix in NAMED}
    assert "s3cret" not in str(shown)
