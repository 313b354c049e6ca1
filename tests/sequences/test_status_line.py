"""A status is changed in the text of a file, and nothing else of it."""

from __future__ import annotations

import pytest

from dagster_drips.errors import DripsError
from dagster_drips.sequences.status_line import with_status

FILE = "sequences/welcome/sequence.yml"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: A\nstatus: draft  # not yet\nsteps: []\n", "name: A\nstatus: active  # not yet\nsteps: []\n"),
        ('# on top\nstatus: "draft"\nname: A\n', "# on top\nstatus: active\nname: A\n"),
        ("name: A\nsteps:\n  - {status: draft}\n", "name: A\nstatus: active\nsteps:\n  - {status: draft}\n"),
        ("# on top\ntrigger:\n  event: x\nname: A", "# on top\ntrigger:\n  event: x\nname: A\nstatus: active\n"),
        ("# on top\ntrigger: {event: x}\n", "# on top\nstatus: active\ntrigger: {event: x}\n"),
        ("name: Ä — ü\r\nstatus: draft\r\n", "name: Ä — ü\r\nstatus: active\r\n"),
        ("---\nname: A\nstatus:   paused\n...\n", "---\nname: A\nstatus:   active\n...\n"),
    ],
)
def test_the_status_changes_and_nothing_else(text: str, expected: str) -> None:
    assert with_status(text, "active", file=FILE) == expected
    assert with_status(expected, "active", file=FILE) == expected


@pytest.mark.parametrize("text", ["{name: A, status: draft}\n", "- a\n", "", "name: A\nstatus:\n", "status: [a]\n"])
def test_where_it_cannot_be_edited_somebody_is_told_to(text: str) -> None:
    with pytest.raises(DripsError, match=r"sequences/welcome/sequence\.yml.*`status: active`"):
        with_status(text, "active", file=FILE)
