"""Where a file that a sequence names is found: in its own folder, else in `sequences/` for what several share.

The same for templates, attachments and images. Nothing outside of `sequences/` is ever found, through links neither.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from dagster_drips.project import Project

_LONGEST_NAME = 200
_LONGEST_PART = 255  # bytes, of most file systems
# Those that turn the direction of writing make `gpj.exe` of `exe.jpg`.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def path_of(project: Project, folder: Path, name: str) -> Path | None:
    """The file of that name; None where there is none, or where it must not be used."""
    if refusal("", name):
        return None
    home = project.sequences.resolve()
    for base in (folder, project.sequences):
        path = base / name
        if path.is_file() and path.resolve().is_relative_to(home):
            return path
    return None


def refusal(kind: str, name: str) -> str:
    """Why a file of that kind (`template`) can't have that name; empty where it can."""
    plain = posixpath.normpath(name)
    if len(name) > _LONGEST_NAME or any(len(part.encode()) > _LONGEST_PART for part in name.split("/")):
        return f"{kind} '{name[:30]}…' has a name longer than {_LONGEST_NAME} characters or {_LONGEST_PART} bytes"
    if _CONTROL.search(name):
        return f"{kind} {name!a} has control characters in its name: rename the file"
    if name.startswith(("/", "~")) or plain.startswith("..") or "\\" in name:
        return f"{kind} '{name}' lies outside of the sequence's folder: name a file in it, with / between folders"
    return f"{kind} '{name}' must be written plainly: '{plain}'" if plain != name else ""
