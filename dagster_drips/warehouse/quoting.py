"""Names and texts in SQL, where a parameter can't stand.

A value goes in as a parameter. What can't be one (a column's name, the file of `copy` or `attach`) goes through here,
and nothing else from outside is ever put into a statement: `tests/attacks/test_spliced_sql.py` looks at every one.
"""

from __future__ import annotations


class UnquotableError(ValueError):
    """A text that can't stand in SQL, however it is quoted."""


def quoted_name(name: str) -> str:
    """An identifier, whatever characters it has.

    Raises:
        UnquotableError: it has a NUL, which the engine takes for the end of the statement, or it is empty.
    """
    return _quoted(name, '"')


def quoted_text(text: str) -> str:
    """A string literal.

    Raises:
        UnquotableError: it has a NUL.
    """
    return _quoted(text, "'") if text else "''"


def _quoted(text: str, mark: str) -> str:
    if not text or "\x00" in text:
        raise UnquotableError(f"can't stand in SQL: {text!r}")
    return mark + text.replace(mark, mark * 2) + mark
