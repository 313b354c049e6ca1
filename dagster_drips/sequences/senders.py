"""What may stand in `sequences/senders.yml`: email identities, their servers and limits, limits of recipient domains.

Here belong its shape, and what must fit together in it. Whether a server answers or a key is there is not a matter of
the file, as each environment has its own: `drips doctor` tells. Who waits for a limit is decided in dbt (warm-up) and
while sending (rates, connections).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from dagster_drips.addresses import address_of
from dagster_drips.sequences.fields import (
    Address,
    Duration,
    Flag,
    Identifier,
    Line,
    StrictModel,
    listed,
)
from dagster_drips.sequences.problems import nearest, suggestion
from dagster_drips.sequences.reading import Reading
from dagster_drips.sequences.schema import Sender

DEFAULT_SERVER = "default"
"""The server of `DRIPS_SMTP_URL`."""

_LONGEST_LOCAL_PART = 64
"""Characters before the @ (RFC 5321 4.5.3.1.1)."""
_VERP_LENGTH = 33
"""What VERP puts there: + and a message_id."""
_LABEL = r"[^\s@.,;:<>()\[\]\\\"_/][^\s@.,;:<>()\[\]\\\"/]*"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_SELECTOR = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*")


def _is_domain(value: str) -> str:
    if not _DOMAIN.fullmatch(value):
        raise ValueError(f"'{value}' is no domain; write it like acme.example")
    if value != value.lower():
        raise ValueError(f"domains are compared in lower case; write '{value.lower()}'")
    return value


def _is_selector(value: str) -> str:
    if not _SELECTOR.fullmatch(value):
        raise ValueError(f"'{value}' is no DKIM selector; use letters, digits and -, like drips or mail-2026")
    return value


Domain = Annotated[str, AfterValidator(_is_domain)]
"""A domain name in lower case."""
Selector = Annotated[str, AfterValidator(_is_selector)]
"""What stands before `._domainkey` (RFC 6376 3.1)."""
ServerNames = Annotated[
    list[Identifier],
    BeforeValidator(listed, json_schema_input_type=Identifier | list[Identifier]),
    Field(min_length=1),
]
"""One server's name or a list of them, in the order in which they are tried."""


class Dkim(StrictModel):
    """Where the public key is; `domain` None: that of the address. The private key is in the settings."""

    selector: Selector
    domain: Domain | None = None


class Rate(StrictModel):
    """At most so many messages in any span of that length."""

    messages: int = Field(ge=1)
    per: Duration

    @model_validator(mode="after")
    def _lasts(self) -> Rate:
        if not self.per.total_seconds:
            raise ValueError("per must last at least a second")
        return self


class WarmUp(StrictModel):
    """`start` messages on the address's first UTC day of sending, each day after `growth` times as many."""

    start: int = Field(ge=1)
    growth: float = Field(ge=1)


class Identity(StrictModel):
    """One sender of mail: who it says it is, by which servers it goes, and how fast."""

    name: Line | None = None
    email: Address
    reply_to: Address | None = None
    servers: ServerNames | None = None
    return_path: Address | None = None
    verp: Flag = True
    dkim: Dkim | None = None
    rate: Rate | None = None
    connections: int | None = Field(default=None, ge=1)
    warmup: WarmUp | None = None
    max_per_tick: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _leaves_room(self) -> Identity:
        room = _LONGEST_LOCAL_PART - _VERP_LENGTH
        if self.return_path and self.verp and len(self.return_path.partition("@")[0]) > room:
            raise ValueError(
                f"return_path may have {room} characters before the @, as VERP adds the message's id; or verp: false"
            )
        return self

    @property
    def sender(self) -> Sender:
        """What of it becomes part of a sequence's version."""
        return Sender(name=self.name, email=self.email, reply_to=self.reply_to, max_per_tick=self.max_per_tick)

    @property
    def address(self) -> str:
        """What it is found by (L3)."""
        return address_of(self.email)


class DomainLimits(StrictModel):
    """How fast mail goes to one recipient domain, whoever sends it."""

    rate: Rate | None = None
    connections: int | None = Field(default=None, ge=1)


class Senders(StrictModel):
    """The whole of `sequences/senders.yml`."""

    default: Identifier | None = None
    servers: ServerNames | None = None
    senders: dict[Identifier, Identity] = Field(default_factory=dict)
    domains: dict[Domain, DomainLimits] = Field(default_factory=dict)

    def resolved(self, sender: Sender | str | None, otherwise: Sender | str | None) -> Sender | None:
        """A sequence's sender, written out.

        Args:
            sender: the sequence's own; None: `default` stands for it.
            otherwise: the project's, where neither is given.

        Returns:
            None where nobody is named, or somebody whom this file doesn't have.
        """
        chosen = sender or self.default or otherwise
        if isinstance(chosen, str):
            identity = self.senders.get(chosen)
            return identity.sender if identity else None
        return chosen


def check_senders(reading: Reading) -> None:
    """Note every mistake across the keys of a `senders.yml`."""
    known = known_senders(reading)
    default = reading.data.get("default")
    if isinstance(default, str) and default not in known:
        reading.error(("default",), f"unknown sender '{default}'{suggestion(default, known)}")
    addresses: dict[str, str] = {}
    variables: dict[str, str] = {}
    for sender_id, identity in _identities(reading):
        variable = sender_id.replace("-", "_")
        if variable in variables:
            message = f"'{sender_id}' and '{variables[variable]}' share their settings: - and _ are the same there"
            reading.error(("senders", sender_id), message)
        variables.setdefault(variable, sender_id)
        email = identity.get("email")
        if isinstance(email, str):
            address = address_of(email)
            if address in addresses:
                first = addresses[address]
                line = reading.line_of(("senders", first, "email"))
                message = f"'{email}' is the address of '{first}' already (line {line}): an identity is found by it"
                reading.error(("senders", sender_id, "email"), message)
            addresses.setdefault(address, sender_id)
        if identity.get("verp") is not None and identity.get("return_path") is None:
            reading.warning(("senders", sender_id, "verp"), "verp has no effect without return_path")


def check_sender_name(reading: Reading, known: Collection[str] | None) -> None:
    """Note a `sender: name` that is no identity's.

    Args:
        reading: a `sequence.yml` or the `project.yml`.
        known: the names in `senders.yml`; None: nobody knows them, and none is judged.
    """
    name = reading.data.get("sender")
    if known is None or not isinstance(name, str) or name in known:
        return
    hint = suggestion(name, known) or "; name one of the identities in sequences/senders.yml"
    if nearest(name, known) is None:
        hint += f", or write it out: {{name: {name}, email: …}}"
    reading.error(("sender",), f"unknown sender '{name}'{hint}")


def known_senders(reading: Reading) -> list[str]:
    """The names of identities that the file has, right or wrong."""
    senders = reading.data.get("senders")
    return list(senders) if isinstance(senders, dict) else []


def _identities(reading: Reading) -> Iterator[tuple[str, dict[str, Any]]]:
    for sender_id in known_senders(reading):
        identity = reading.data["senders"][sender_id]
        if isinstance(identity, dict):
            yield sender_id, identity
