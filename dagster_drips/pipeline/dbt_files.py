"""Which files dbt reads of its project: those that are there.

dbt stops at a link that leads nowhere, in whichever folder: one segment without its file must not stop the ticks (E5).
What belongs here is listing them, for dbt and for keeping them. What does not: which segments there are
(`sequences.segment_files`).
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import os
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dagster_drips.pipeline.dbt_package import LINK


@contextmanager
def existing_files_only() -> Generator[None]:
    """Inside it dbt, in this process, lists no file that is not there."""
    from dbt.parser import search

    original = search.find_matching
    search.find_matching = _find_matching
    try:
        yield
    finally:
        search.find_matching = original


def _find_matching(
    root_path: str, relative_paths_to_search: Sequence[str], file_pattern: str, ignore_spec: Any = None
) -> list[dict[str, Any]]:
    """As dbt's function of this name, which asks for the time of a file before it asks whether the file is ignored."""
    matches = re.compile(fnmatch.translate(file_pattern), re.IGNORECASE).match
    root = Path(os.path.normpath(root_path))
    paths = [
        (searched, Path(folder, name))
        for searched in relative_paths_to_search
        for folder, _, names in os.walk(root / searched)
        for name in names
        if matches(name)
    ]
    return [
        {
            "searched_path": searched,
            "absolute_path": str(path),
            "relative_path": str(path.relative_to(root / searched)),
            "modification_time": path.stat().st_mtime,
        }
        for searched, path in paths
        if path.is_file() and not (ignore_spec and ignore_spec.match_file(path.relative_to(root)))
    ]


def source_files(folder: Path) -> dict[str, str]:
    """What somebody wrote of a dbt project: path below it → text; not what dbt made or fetched, nor what is no text."""
    found = {}
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not (name in MADE or name.startswith(".")))
        for name in sorted(names):
            path = Path(place, name)
            if name in _UNREAD or not path.is_file():
                continue
            with contextlib.suppress(UnicodeDecodeError, OSError):
                found[path.relative_to(folder).as_posix()] = path.read_bytes().decode()
    return found


@dataclass(frozen=True)
class Fingerprint:
    """Of the state of a dbt project.

    Args:
        whole: what dbt makes of it depends on this and nothing else.
        of_rules: the same without settings and the project's segments, content and intake: what the product decides by.
    """

    whole: str
    of_rules: str


def fingerprint_of(
    folder: Path, settings: Sequence[str], is_own_model: Callable[[str], bool] = lambda path: False
) -> Fingerprint:
    """Its files and packages, dbt itself, and settings, read once.

    Where YAML of the project asks the environment, as for a schema's name, the values of now count, too.

    Args:
        folder: the dbt project.
        settings: what else its SQL depends on.
        is_own_model: whether a file of the project, by its path below it, is of a segment, of content or of intake.
    """
    whole, rules = hashlib.sha256(), hashlib.sha256()
    # A rebuild makes in another file what ticks go on from: rules are the same, SQL names the file.
    for setting in settings:
        _add(f"{setting}\0".encode(), whole)
    for engine in _ENGINES:
        _add(f"{version(engine)}\0".encode(), whole, rules)
    for root in (folder, *_packages(folder)):
        _add(f"{root.name if root != folder else ''}\0".encode(), whole, rules)
        for path in _inputs(root):
            name, content = path.relative_to(root).as_posix(), path.read_bytes()
            digests = (whole,) if root == folder and is_own_model(name) else (whole, rules)
            _add(f"{name}\0{len(content)}\0".encode() + content, *digests)
            if path.suffix in (".yml", ".yaml"):
                for variable in _ENVIRONMENT.findall(content):
                    _add(variable + b"\0" + os.environb.get(variable, b"") + b"\0", *digests)
    return Fingerprint(whole.hexdigest(), rules.hexdigest())


def _add(part: bytes, *digests: Any) -> None:
    for digest in digests:
        digest.update(part)


def _packages(folder: Path) -> list[Path]:
    """The packages of a dbt project, links followed: the product's own is one, and so is any local one."""
    return sorted(path for name in PACKAGES for path in (folder / name).glob("*") if path.is_dir())


def _inputs(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not (name in MADE or name.startswith(".")))
        yield from (path for name in sorted(names) if name not in _UNREAD and (path := Path(place, name)).is_file())


PACKAGES = ("dbt_packages", "dbt_modules")
"""Folders of packages."""
MADE = frozenset({"target", "logs", *PACKAGES, "__pycache__", LINK})
"""What the tools of a dbt project put into it: folders, and links to such."""
_ENVIRONMENT = re.compile(rb"""env_var\(\s*['"](?!DRIPS_WAREHOUSE|DRIPS_TARGET|PG)(\w+)['"]""")
"""Of our own two, and libpq's, dbt is told for each run; what they decide is among the settings."""
_ENGINES = ("dbt-core", "dbt-adapters", "dbt-duckdb", "dagster-drips")
_UNREAD = frozenset({".user.yml", ".DS_Store"})
