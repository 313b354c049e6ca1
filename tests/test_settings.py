"""Settings: the environment, the project's .env, and values that are refused."""

import pytest

from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.settings import SmtpServer, load_settings


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in ("TARGET", "SMTP_URL", "SMTP_PASSWORD", "SMTP_CONNECTIONS", "PUBLIC_URL", "SECRET_KEYS", "WRITE_KEYS"):
        monkeypatch.delenv(f"DRIPS_{name}", raising=False)
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
        ({"PUBLIC_URL": "https://mail.acme.example"}, "DRIPS_PUBLIC_URL needs DRIPS_SECRET_KEYS"),
        ({"PUBLIC_URL": "mail.acme.example", "SECRET_KEYS": "s3cret"}, "DRIPS_PUBLIC_URL: not a web address"),
    ],
)
def test_a_bad_value_is_one_line_that_names_it_and_shows_no_secret(project, monkeypatch, values, words):
    for name, value in values.items():
        monkeypatch.setenv(f"DRIPS_{name}", value)
    with pytest.raises(DripsError) as refused:
        load_settings(project)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_secrets_show_in_no_repr_and_in_no_listing(project, monkeypatch):
    monkeypatch.setenv("DRIPS_SMTP_URL", "smtps://ada:s3cret@mail.example")
    monkeypatch.setenv("DRIPS_SMTP_PASSWORD", "s3cret")
    monkeypatch.setenv("DRIPS_SECRET_KEYS", "s3cret, s3cret2")
    monkeypatch.setenv("DRIPS_WRITE_KEYS", "s3cret")
    settings = load_settings(project)
    assert [key.get_secret_value() for key in settings.secret_keys] == ["s3cret", "s3cret2"]
    assert "s3cret" not in f"{settings!r} {settings} {settings.shown()} {settings.smtp_server!r}"
    assert settings.shown()["DRIPS_SMTP_URL"] == "smtps://ada:********@mail.example:465"
