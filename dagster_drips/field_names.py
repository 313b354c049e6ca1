"""What may be the name of a lead's custom field: said once, for landed columns and for `fields:` in project.yml.

A field becomes a column of tables that have columns of our own, and a name in SQL, in templates and in reports. Which
fields a project has, and of which types, is `landing`'s matter.
"""

from __future__ import annotations

import re
import string

from dagster_drips.json_limits import MAX_NAME_CHARACTERS

RESERVED_PREFIXES = ("_drips_", "_load", "_line")
"""What names of our own begin with wherever a lead's columns are, in A to Z of any case: no field can be called so."""
MAX_FIELDS = 2_000
"""Custom fields that landed files may bring in, a project; those that project.yml declares come beside them."""

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
# C0, DEL and C1, and the two line separators that Unicode has beside them.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def same_field(name: str) -> str:
    """The name with A to Z lower-cased: what two spellings of one field have in common."""
    return name.translate(_LOWER)


def field_name_problem(name: str) -> str | None:
    """Why that can't be the name of a field, in words that follow it; None: it can."""
    if not name.strip():
        return "is blank"
    if len(name) > MAX_NAME_CHARACTERS:
        return f"is longer than {MAX_NAME_CHARACTERS} characters"
    if _CONTROL.search(name):
        return "has a control character or line break in it"
    if not _is_unicode(name):
        return "is no Unicode text"
    if same_field(name).startswith(RESERVED_PREFIXES):
        return "is reserved: our own columns begin so"
    return None


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
