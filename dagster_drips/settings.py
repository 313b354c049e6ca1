"""Settings from the environment and the project's `.env` (the contract's table of `DRIPS_` names).

Here belongs what a deployment sets and git does not keep: servers, keys, limits of this machine. What a marketer sets
stands in the sequence files. Nothing is read at import; secrets never show in a repr or in an error's words.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from dagster_drips.errors import DripsError
from dagster_drips.project import Project

Security = Literal["plain", "starttls", "tls"]
SecretList = Annotated[tuple[SecretStr, ...], NoDecode]

_SCHEMES: dict[str, tuple[Security, int]] = {
    "smtp": ("plain", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}
_MASK = "********"


@dataclass(frozen=True)
class SmtpServer:
    """One mail server to hand messages to.

    `user` and `password` are None where the server wants no login.
    """

    security: Security
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """`host:port`, for messages to people."""
        return f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is this machine, so that nothing crosses a network."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class Settings(BaseSettings):
    """What the environment sets; `load_settings` reads a project's."""

    model_config = SettingsConfigDict(
        env_prefix="DRIPS_", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True, frozen=True
    )

    target: str = "duckdb"
    smtp_url: str | None = Field(default=None, repr=False)
    smtp_password: SecretStr | None = None
    smtp_connections: int = Field(default=8, ge=1, le=256)
    public_url: str | None = None
    secret_keys: SecretList = ()
    write_keys: SecretList = ()

    @field_validator("secret_keys", "write_keys", mode="before")
    @classmethod
    def _split_at_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return [key.strip() for key in value.split(",") if key.strip()]
        return value

    @field_validator("public_url")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("not a web address; write it like https://mail.acme.example")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        server = self.smtp_server
        if server and server.security == "plain" and server.password and not server.is_loopback:
            raise ValueError(
                "DRIPS_SMTP_URL: smtp:// would send the password unprotected over the network; use smtp+starttls:// or smtps://"
            )
        if self.public_url and not self.secret_keys:
            raise ValueError("DRIPS_PUBLIC_URL needs DRIPS_SECRET_KEYS: links in messages are signed")
        return self

    @property
    def smtp_server(self) -> SmtpServer | None:
        """The server of `DRIPS_SMTP_URL`; None where it is not set."""
        if self.smtp_url is None:
            return None
        return _server_of(self.smtp_url, self.smtp_password.get_secret_value() if self.smtp_password else None)

    def shown(self) -> dict[str, str]:
        """Every setting by its environment name, safe to print: secrets are masked, unset is empty."""
        server = self.smtp_server
        user = f"{server.user}:{_MASK}@" if server and server.user else ""
        scheme = self.smtp_url.split(":", 1)[0] if self.smtp_url else ""
        return {
            "DRIPS_TARGET": self.target,
            "DRIPS_SMTP_URL": f"{scheme}://{user}{server.address}" if server else "",
            "DRIPS_SMTP_PASSWORD": _MASK if self.smtp_password else "",
            "DRIPS_SMTP_CONNECTIONS": str(self.smtp_connections),
            "DRIPS_PUBLIC_URL": self.public_url or "",
            "DRIPS_SECRET_KEYS": ",".join(_MASK for _ in self.secret_keys),
            "DRIPS_WRITE_KEYS": ",".join(_MASK for _ in self.write_keys),
        }


def load_settings(project: Project) -> Settings:
    """A project's settings: the environment, and its `.env` for what the environment leaves out.

    Raises:
        DripsError: a value is bad; the message names it and never shows a secret.
    """
    env_file = project.root / ".env"
    try:
        return Settings(_env_file=env_file, _env_file_encoding="utf-8")
    except ValidationError as error:
        raise DripsError("; ".join(_told(problem) for problem in error.errors(include_input=False))) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DripsError(f"can't be read: {error}", file=env_file) from error


def _told(problem: Any) -> str:
    words = problem["msg"].removeprefix("Value error, ")
    name = f"DRIPS_{str(problem['loc'][0]).upper()}: " if problem["loc"] else ""
    return name + words


def _server_of(url: str, password: str | None) -> SmtpServer:
    """The parts of a server's URL; a password in the URL goes before the one given apart."""
    hint = "write it like smtp+starttls://user@mail.example:587, or with smtp:// or smtps://"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"DRIPS_SMTP_URL: not a server's address; {hint}") from error
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"DRIPS_SMTP_URL: not a server's address; {hint}")
    security, default_port = _SCHEMES[parts.scheme]
    user = unquote(parts.username) if parts.username else None
    secret = unquote(parts.password) if parts.password else password
    if user and not secret:
        raise ValueError("DRIPS_SMTP_URL names a user but there is no password; set DRIPS_SMTP_PASSWORD")
    return SmtpServer(security, parts.hostname, port or default_port, user, secret if user else None)
