"""Settings from the environment and the project's `.env` (the contract's table of `DRIPS_` names).

Here belongs what a deployment sets and git does not keep: servers, keys, schedules, limits of this machine. What a
marketer sets stands in the sequence files. Nothing is read at import; secrets never show in a repr or in an error's
words. One variable is no setting: DRIPS_PROJECT says whose `.env` is read, so the commands and the code location look
for it before.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values
from pydantic import Field, PlainValidator, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from dagster_drips.addresses import OnlyTo
from dagster_drips.buckets import Bucket
from dagster_drips.cron import Cron
from dagster_drips.errors import DripsError
from dagster_drips.mail_servers import ImapServer, MailServer, Security, SmtpServer
from dagster_drips.project import Project

SecretList = Annotated[tuple[SecretStr, ...], NoDecode]
Secrets = Annotated[dict[str, SecretStr], NoDecode]
InDoubt = Literal["hold", "resend"]
Schedule = Annotated[
    Cron, NoDecode, PlainValidator(lambda value: value if isinstance(value, Cron) else Cron.parse(value))
]
Recipients = Annotated[OnlyTo, NoDecode, PlainValidator(OnlyTo.of)]
BucketUrl = Annotated[Bucket, NoDecode, PlainValidator(lambda value: Bucket.parse(str(value)))]

SHORTEST_KEY = 8
"""Characters that a key or secret of our own has at least."""
DEFAULT_SERVER = "default"
"""The name of the server of `DRIPS_SMTP_URL`."""
DEFAULT_SCHEDULE = Cron.parse("*/5 * * * *")

_SCHEMES: dict[str, tuple[Security, int]] = {
    "smtp": ("plain", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}
_IMAP_SCHEMES: dict[str, tuple[Security, int]] = {
    "imap": ("plain", 143),
    "imap+starttls": ("starttls", 143),
    "imaps": ("tls", 993),
}
_MASK = "********"
_TOO_SHORT = f"a key of fewer than {SHORTEST_KEY} characters can be guessed; make one with `openssl rand -hex 32`"
_KINDS = ("SMTP_URL", "SMTP_PASSWORD", "DKIM_KEY", "WEBHOOK", "HOOK_SECRET", "ALERT_URL")
_NAMED = re.compile(rf"DRIPS_({'|'.join(_KINDS)})_([A-Z0-9_]+)", re.IGNORECASE)
_PEM = "-----BEGIN "


class Schedules(BaseSettings):
    """When ticks start and when Dagster reads the mailbox, apart, so that ticks go on where another setting is bad."""

    model_config = SettingsConfigDict(
        env_prefix="DRIPS_", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True, frozen=True
    )

    schedule: Schedule = DEFAULT_SCHEDULE
    """Of ticks."""
    inbox_schedule: Schedule = DEFAULT_SCHEDULE
    """Of reading the mailbox."""


class Settings(Schedules):
    """What the environment sets; `load_settings` reads a project's."""

    target: str = "duckdb"
    smtp_url: str | None = Field(default=None, repr=False)
    smtp_password: SecretStr | None = None
    smtp_connections: int = Field(default=8, ge=1, le=256)
    send_shards: int = Field(default=1, ge=1, le=64)
    smtp_urls: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict, repr=False)
    smtp_passwords: Secrets = Field(default_factory=dict)
    dkim_keys: Secrets = Field(default_factory=dict)
    webhooks: Secrets = Field(default_factory=dict)
    """What each mail provider's webhook proves itself with."""
    hook_secrets: Secrets = Field(default_factory=dict)
    """What requests to each hook of `hooks.yml` prove themselves with."""
    alert_urls: Secrets = Field(default_factory=dict)
    """Where each target of `alerts` in `project.yml` is told, as apprise writes it."""
    metrics_file: Path | None = None
    """Where each tick's metrics go, for node_exporter's textfile collector."""
    pushgateway_url: str | None = Field(default=None, repr=False)
    """Where else they go."""
    imap_url: str | None = Field(default=None, repr=False)
    imap_password: SecretStr | None = None
    object_store_url: BucketUrl | None = None
    in_doubt: InDoubt = "hold"
    only_to: Recipients = OnlyTo()
    compact: Literal["own", "all", "off"] = "own"
    """Which landed files of closed days are packed: what our processes wrote, or what others landed, too."""
    keep_runs_days: int = Field(default=3, ge=1)
    mart_tests_every: int = Field(default=12, ge=1)
    """Ticks: at one of so many dbt's data tests of marts run."""
    file_mode: Literal["0600", "0640"] = "0600"
    """Of new files; `file_modes` reads it by itself, before anything else is read or written."""
    public_url: str | None = None
    secret_keys: SecretList = ()
    write_keys: SecretList = ()
    """Of servers: their word is trusted."""
    page_keys: SecretList = ()
    """Of web pages: public."""
    identity_keys: SecretList = ()
    """What pages' calls prove a user's id with."""
    page_messages_per_hour: int = Field(default=100_000, ge=1)
    """Of each page's key, in each collector process."""

    @field_validator("secret_keys", "write_keys", "page_keys", "identity_keys", mode="before")
    @classmethod
    def _split_at_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return [key.strip() for key in value.split(",") if key.strip()]
        return value

    @field_validator("secret_keys", "write_keys", "page_keys", "identity_keys")
    @classmethod
    def _are_long(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < SHORTEST_KEY for key in keys):
            raise ValueError(_TOO_SHORT)
        return keys

    @field_validator(
        "smtp_urls", "smtp_passwords", "dkim_keys", "webhooks", "hook_secrets", "alert_urls", mode="before"
    )
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError("write one variable for each server, sender or provider, such as DRIPS_SMTP_URL_BACKUP")
        return {setting_name(name): one for name, one in value.items()}

    @field_validator("public_url", "pushgateway_url")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("not a web address; write it like https://mail.acme.example")
        return value.rstrip("/")

    @field_validator("metrics_file")
    @classmethod
    def _is_for_the_collector(cls, value: Path | None) -> Path | None:
        if value is not None and (value.suffix != ".prom" or not value.is_absolute()):
            raise ValueError("give the whole path of a file that ends in .prom: node_exporter reads no others")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        if DEFAULT_SERVER in self.smtp_urls:
            raise ValueError("DRIPS_SMTP_URL_DEFAULT: the server named default is that of DRIPS_SMTP_URL; set this one")
        for name, server in self.smtp_servers.items():
            if server.security == "plain" and server.password and not server.is_loopback:
                words = "smtp:// would send the password unprotected over the network; use smtp+starttls:// or smtps://"
                raise ValueError(f"{_server_variable('SMTP_URL', name)}: {words}")
        mailbox = self.imap_server
        if mailbox and mailbox.security == "plain" and not mailbox.is_loopback:
            words = "imap:// would send the password unprotected over the network; use imap+starttls:// or imaps://"
            raise ValueError(f"DRIPS_IMAP_URL: {words}")
        if self.public_url and not self.secret_keys:
            raise ValueError("DRIPS_PUBLIC_URL needs DRIPS_SECRET_KEYS: links in messages are signed")
        self._keeps_page_keys_apart()
        for hook, secret in self.hook_secrets.items():
            if len(secret.get_secret_value()) < SHORTEST_KEY:
                raise ValueError(f"{variable_of('HOOK_SECRET', hook)}: {_TOO_SHORT}")
        return self

    def _keeps_page_keys_apart(self) -> None:
        public = {key.get_secret_value() for key in self.page_keys}
        for name in ("write_keys", "identity_keys", "secret_keys"):
            if public & {key.get_secret_value() for key in getattr(self, name)}:
                raise ValueError(f"DRIPS_PAGE_KEYS has a key of DRIPS_{name.upper()}, too, and is public: make another")

    @property
    def smtp_server(self) -> SmtpServer | None:
        """The server of `DRIPS_SMTP_URL`; None where it is not set."""
        return None if self.smtp_url is None else _server_of(DEFAULT_SERVER, self.smtp_url, self.smtp_password)

    @property
    def imap_server(self) -> ImapServer | None:
        """The server of `DRIPS_IMAP_URL`; None where it is not set."""
        if self.imap_url is None:
            return None
        hint = "write it like imaps://user@mail.example, or with imap+starttls:// or imap://"
        given = _server_parts("DRIPS_IMAP_URL", self.imap_url, _IMAP_SCHEMES, hint, self.imap_password)
        if given[3] is None:
            raise ValueError(f"DRIPS_IMAP_URL: names no user; {hint}")
        return ImapServer(*given)

    @property
    def smtp_servers(self) -> dict[str, SmtpServer]:
        """Every server that is set, by name as `setting_name` has it; `default` first."""
        named = {
            name: _server_of(name, url, self.smtp_passwords.get(name)) for name, url in sorted(self.smtp_urls.items())
        }
        default = self.smtp_server
        return {DEFAULT_SERVER: default, **named} if default else named

    def smtp_server_named(self, name: str) -> SmtpServer | None:
        """The server of that name, written as in `senders.yml`; None where it is not set."""
        return self.smtp_servers.get(setting_name(name))

    def dkim_key_of(self, sender_id: str) -> SecretStr | None:
        """The private key of that identity as PEM text; None where it is not set."""
        return self.dkim_keys.get(setting_name(sender_id))

    def hook_secret_of(self, name: str) -> bytes | None:
        """The secret of that hook of `hooks.yml`; None where it is not set."""
        secret = self.hook_secrets.get(setting_name(name))
        return secret.get_secret_value().encode() if secret else None

    def shown(self) -> dict[str, str]:
        """Every setting by its environment name, safe to print: secrets are masked, unset is empty."""
        urls = {DEFAULT_SERVER: self.smtp_url, **dict(sorted(self.smtp_urls.items()))}
        passwords = {DEFAULT_SERVER: self.smtp_password, **dict(sorted(self.smtp_passwords.items()))}
        servers = self.smtp_servers
        return {
            "DRIPS_TARGET": self.target,
            "DRIPS_SCHEDULE": self.schedule.text,
            "DRIPS_INBOX_SCHEDULE": self.inbox_schedule.text,
            "DRIPS_KEEP_RUNS_DAYS": str(self.keep_runs_days),
            "DRIPS_MART_TESTS_EVERY": str(self.mart_tests_every),
            **{_server_variable("SMTP_URL", name): _shown_url(url, servers.get(name)) for name, url in urls.items()},
            **{_server_variable("SMTP_PASSWORD", name): _MASK if given else "" for name, given in passwords.items()},
            "DRIPS_SMTP_CONNECTIONS": str(self.smtp_connections),
            "DRIPS_SEND_SHARDS": str(self.send_shards),
            **{variable_of("DKIM_KEY", sender_id): _MASK for sender_id in sorted(self.dkim_keys)},
            "DRIPS_IMAP_URL": _shown_url(self.imap_url, self.imap_server),
            "DRIPS_IMAP_PASSWORD": _MASK if self.imap_password else "",
            **{variable_of("WEBHOOK", provider): _MASK for provider in sorted(self.webhooks)},
            **{variable_of("HOOK_SECRET", hook): _MASK for hook in sorted(self.hook_secrets)},
            **{variable_of("ALERT_URL", target): _MASK for target in sorted(self.alert_urls)},
            "DRIPS_METRICS_FILE": str(self.metrics_file or ""),
            "DRIPS_PUSHGATEWAY_URL": _without_login(self.pushgateway_url),
            "DRIPS_OBJECT_STORE_URL": str(self.object_store_url or ""),
            "DRIPS_IN_DOUBT": self.in_doubt,
            "DRIPS_ONLY_TO": str(self.only_to),
            "DRIPS_COMPACT": self.compact,
            "DRIPS_FILE_MODE": self.file_mode,
            "DRIPS_PUBLIC_URL": self.public_url or "",
            "DRIPS_SECRET_KEYS": ",".join(_MASK for _ in self.secret_keys),
            "DRIPS_WRITE_KEYS": ",".join(_MASK for _ in self.write_keys),
            "DRIPS_PAGE_KEYS": ",".join(_MASK for _ in self.page_keys),
            "DRIPS_IDENTITY_KEYS": ",".join(_MASK for _ in self.identity_keys),
            "DRIPS_PAGE_MESSAGES_PER_HOUR": str(self.page_messages_per_hour),
        }


def setting_name(name: str) -> str:
    """How settings call a server or an identity of `senders.yml`: lower case, with _ for -."""
    return name.lower().replace("-", "_")


def variable_of(kind: str, name: str) -> str:
    """The variable for one server, identity, provider or hook: `DRIPS_DKIM_KEY_ACME` for `DKIM_KEY` and `acme`."""
    return f"DRIPS_{kind}_{setting_name(name).upper()}"


def load_settings(project: Project) -> Settings:
    """A project's settings: the environment, and its `.env` for what the environment leaves out.

    Raises:
        DripsError: a value is bad; the message names it and never shows a secret.
    """
    env_file = project.root / ".env"
    with _one_line_errors(env_file):
        named = _named_settings(env_file)
        return Settings(
            _env_file=env_file,
            _env_file_encoding="utf-8",
            smtp_urls=named["SMTP_URL"],
            smtp_passwords=_secrets(named["SMTP_PASSWORD"]),
            dkim_keys=_secrets({name: _key_text(project, name, key) for name, key in named["DKIM_KEY"].items()}),
            webhooks=_secrets(named["WEBHOOK"]),
            hook_secrets=_secrets(named["HOOK_SECRET"]),
            alert_urls=_secrets(named["ALERT_URL"]),
        )


def load_alert_urls(project: Project) -> dict[str, SecretStr]:
    """Where targets of alerts are told, by name as `setting_name` has it, whatever is wrong with other settings.

    Raises:
        DripsError: `.env` can't be read.
    """
    env_file = project.root / ".env"
    with _one_line_errors(env_file):
        return _secrets(_named_settings(env_file)["ALERT_URL"])


def load_schedules(project: Project) -> Schedules:
    """A project's schedules, whatever is wrong with its other settings.

    Raises:
        DripsError: one is no cron expression.
    """
    env_file = project.root / ".env"
    with _one_line_errors(env_file):
        return Schedules(_env_file=env_file, _env_file_encoding="utf-8")


@contextlib.contextmanager
def _one_line_errors(env_file: Path) -> Generator[None]:
    try:
        yield
    except ValidationError as error:
        raise DripsError("; ".join(_message_of(problem) for problem in error.errors(include_input=False))) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DripsError(f"can't be read: {error}", file=env_file) from error


def _named_settings(env_file: Path) -> dict[str, dict[str, str]]:
    """Kind of setting → name of a server or identity → value: pydantic knows no variables with a part that is free."""
    found: dict[str, dict[str, str]] = {kind: {} for kind in _KINDS}
    for source in (dotenv_values(env_file, encoding="utf-8"), os.environ):
        for variable, value in source.items():
            match = _NAMED.fullmatch(variable)
            if match and value:
                found[match[1].upper()][setting_name(match[2])] = value
    return found


def _secrets(values: dict[str, str]) -> dict[str, SecretStr]:
    return {name: SecretStr(value) for name, value in values.items()}


def _key_text(project: Project, name: str, value: str) -> str:
    """A private key as PEM text, which the variable holds or names the file of."""
    variable = f"DRIPS_DKIM_KEY_{name.upper()}"
    if _PEM in value:
        return value.replace("\\n", "\n")  # on one line, as many keepers of secrets want it
    # No words of the system: they could repeat what may be a key that was cut.
    try:
        text = (project.root / Path(value).expanduser()).read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError):
        raise DripsError(f"{variable}: neither a key (PEM text) nor a file that can be read") from None
    if _PEM not in text:
        raise DripsError(f"{variable}: the file it names holds no key (PEM text)")
    return text


def _server_variable(kind: str, server: str) -> str:
    return f"DRIPS_{kind}" if server == DEFAULT_SERVER else variable_of(kind, server)


def _shown_url(url: str | None, server: MailServer | None) -> str:
    if not url or not server:
        return ""
    user = f"{server.user}:{_MASK}@" if server.user else ""
    return f"{url.split(':', 1)[0]}://{user}{server.address}"


def _without_login(url: str | None) -> str:
    parts = urlsplit(url or "")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _message_of(problem: Any) -> str:
    words = problem["msg"].removeprefix("Value error, ")
    name = f"DRIPS_{str(problem['loc'][0]).upper()}: " if problem["loc"] else ""
    return name + words


def _server_of(name: str, url: str, given: SecretStr | None) -> SmtpServer:
    hint = "write it like smtp+starttls://user@mail.example:587, or with smtp:// or smtps://"
    return SmtpServer(*_server_parts(_server_variable("SMTP_URL", name), url, _SCHEMES, hint, given))


def _server_parts(
    variable: str, url: str, schemes: dict[str, tuple[Security, int]], hint: str, given: SecretStr | None
) -> tuple[Security, str, int, str | None, str | None]:
    """A `MailServer`'s fields from a URL; a password in the URL goes before the one given apart."""
    bad = f"{variable}: not a server's address; {hint}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # `from None`, as the cause repeats what may hold a password.
        raise ValueError(bad) from None
    if parts.scheme not in schemes or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(bad)
    security, default_port = schemes[parts.scheme]
    user = unquote(parts.username) if parts.username else None
    secret = unquote(parts.password) if parts.password else given.get_secret_value() if given else None
    if user and not secret:
        password = variable.replace("_URL", "_PASSWORD", 1)
        raise ValueError(f"{variable} names a user but there is no password; set {password}")
    return security, parts.hostname, port or default_port, user, secret if user else None
