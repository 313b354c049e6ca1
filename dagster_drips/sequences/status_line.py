"""The `status:` of a sequence file changed in its text, so that comments and layout stay as somebody wrote them.

What belongs here is that one edit. What a status means is decided in SQL (S1), whether the file is right by `catalog`.
"""

from __future__ import annotations

import yaml

from dagster_drips.errors import DripsError

_KEY = "status"


def with_status(text: str, status: str, *, file: str) -> str:
    """The text of a sequence file with another status; what else stands in it is the same, byte by byte.

    Args:
        text: of the file, valid YAML.
        status: the new one.
        file: its name, for an error.

    Raises:
        DripsError: there is no mapping of keys on lines of their own in which it could stand.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode) or root.flow_style or not root.value:
        raise DripsError(
            f"write `{_KEY}: {status}` into it by hand: its keys don't stand on lines of their own", file=file
        )
    for key, value in root.value:
        if key.value == _KEY:
            start, end = value.start_mark.index, value.end_mark.index
            if not isinstance(value, yaml.ScalarNode) or "\n" in text[start:end] or start == end:
                line = key.start_mark.line + 1
                raise DripsError(f"write `{_KEY}: {status}` there by hand", file=file, line=line)
            return text[:start] + status + text[end:]
    # Beneath the name, where people look for it.
    first, _ = next((pair for pair in root.value if pair[0].value == "name"), root.value[0])
    is_name = first.value == "name"
    at = _line_start(text, first.start_mark.line + (1 if is_name else 0))
    ended = "" if at == 0 or text[at - 1] == "\n" else "\n"
    return f"{text[:at]}{ended}{_KEY}: {status}\n{text[at:]}"


def _line_start(text: str, line: int) -> int:
    """Where a line begins, counted from 0; the text's end where there are fewer."""
    at = 0
    for _ in range(line):
        found = text.find("\n", at)
        if found < 0:
            return len(text)
        at = found + 1
    return at
