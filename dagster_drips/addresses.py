"""What mail addresses are compared by, for the few places that must compare them outside of the warehouse, which of
them are nobody's, which a project may write to, and how to find the one that a text holds.

The rule of comparing is L3's and lives in SQL, as the macro `address`; this is its one copy, for identities found by
their address and for erasing a person from files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parseaddr
from string import ascii_lowercase, ascii_uppercase
from urllib.parse import unquote

_RESERVED_TOP = frozenset({"example", "invalid", "localhost", "test"})
_RESERVED_DOMAINS = ("example.com", "example.net", "example.org")
# RFC 5321 4.1.2 without what nobody has; a name in other letters (RFC 6531) is one, too.
_ADDRESS = re.compile(r"""(?:[^\s@<>()\[\],;:\\"]+|"[^"\r\n]+")@[^\s@<>()\[\],;:\\"']*[^\s@<>()\[\],;:\\"'.]""")
_ADDRESS_OR_DOMAIN = re.compile(r"(?:[^\s@,]+@)?[\w-]+(?:\.[\w-]+)*")
_LOWER_CASE = str.maketrans(ascii_uppercase, ascii_lowercase)


def address_of(email: str) -> str:
    """The address trimmed of white space, A to Z lower-cased, other letters as they are (L3)."""
    return email.strip().translate(_LOWER_CASE)


def is_reserved(email: str) -> bool:
    """Whether the address, or the domain alone, is at a name that nobody can own (RFC 2606, RFC 6761 6.2 to 6.5)."""
    domain = address_of(email).rpartition("@")[2].rstrip(".")
    if domain.rpartition(".")[2] in _RESERVED_TOP:
        return True
    return any(domain == reserved or domain.endswith(f".{reserved}") for reserved in _RESERVED_DOMAINS)


@dataclass(frozen=True)
class OnlyTo:
    """Whom mail may go to where not everybody: addresses as L3 compares them, and whole domains (not those below them).

    Empty: everybody.
    """

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.addresses or self.domains)

    def __str__(self) -> str:
        return ",".join([*sorted(self.addresses), *sorted(self.domains)])

    def allows(self, email: str) -> bool:
        """Whether mail may go to that address."""
        address = address_of(email)
        return not self or address in self.addresses or address.rpartition("@")[2] in self.domains

    @classmethod
    def of(cls, text: str | OnlyTo) -> OnlyTo:
        """Addresses and domains with commas between them; what is read already stays as it is.

        Raises:
            ValueError: nothing is named, or something that is neither.
        """
        if isinstance(text, OnlyTo):
            return text
        entries = [address_of(entry).removeprefix("@") for entry in text.split(",") if entry.strip()]
        wrong = [entry for entry in entries if not _ADDRESS_OR_DOMAIN.fullmatch(entry)]
        if wrong or not entries:
            raise ValueError(f"{wrong[0] if wrong else text!r} is neither an address nor a domain")
        return cls(
            frozenset(entry for entry in entries if "@" in entry),
            frozenset(entry for entry in entries if "@" not in entry),
        )


def without_addresses(text: str) -> str:
    """A text in which a person's address may be quoted, without it."""
    return _ADDRESS.sub("(address)", text)


def address_in(text: str) -> str | None:
    """The one address that a cell holds: bare, in `<>` behind a name, or behind `mailto:`; None where it is none."""
    plain = text.strip().strip("'\u200b\ufeff")
    if plain.lower().startswith("mailto:"):
        plain = unquote(plain[len("mailto:") :].partition("?")[0])
    if plain.endswith(">") and "<" in plain:
        plain = parseaddr(plain)[1] or plain[plain.rindex("<") + 1 : -1]
        plain = plain.removeprefix("mailto:")
    plain = plain.strip().rstrip(",;")
    return plain if _ADDRESS.fullmatch(plain) else None
