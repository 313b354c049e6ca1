"""What mail addresses are compared by, for the few places that must compare them outside of the warehouse, and which
of them are nobody's.

The rule of comparing is L3's and lives in SQL, as the macro `address`; this is its one copy, for identities found by
their address and for erasing a person from files.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase

_RESERVED_TOP = frozenset({"example", "invalid", "localhost", "test"})
_RESERVED_DOMAINS = ("example.com", "example.net", "example.org")
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
