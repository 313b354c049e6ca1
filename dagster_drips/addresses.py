"""What mail addresses are compared by, for the few places that must compare them outside of the warehouse.

The rule is L3's and lives in SQL, as the macro `address`; this is its one copy, for identities found by their address
and for erasing a person from files.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase

_LOWER_CASE = str.maketrans(ascii_uppercase, ascii_lowercase)


def address_of(email: str) -> str:
    """The address trimmed of white space, A to Z lower-cased, other letters as they are (L3)."""
    return email.strip().translate(_LOWER_CASE)
