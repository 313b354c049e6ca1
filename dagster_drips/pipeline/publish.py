"""What BI reads: a set of copies of the marts that is never locked, never half-written and of one tick.

    published/
      current -> versions/20260302T120003.518204Z    what to read; swapped in one rename
      versions/<version>/                            a set each; never changed once it has this name
        manifest.json                                its version, the tick's `as_of`, rows by table, files
        drips.duckdb                                 all tables and views, in schema `marts`
        <table>.parquet                              one for each table; a hard link where it holds what it held
        status.duckdb, fields.json                   for `drips status` and the collector
      drips.duckdb, <table>.parquet                  links through `current`, for who reads one file

Here belong a set's versions, swapping and pruning. What is written of its tables, and what is taken over from the set
before, is `publish_tables`'s; which tables there are is dbt's. Readers go by `Project.published_set`, and whoever reads
several files resolves that link once. A set that was superseded stays for as long as somebody may be reading it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from dagster_drips.clock import format_instant
from dagster_drips.files import sync
from dagster_drips.pipeline.descriptions import Description
from dagster_drips.pipeline.publish_tables import DATABASE, Contents, SetBefore, write_tables
from dagster_drips.pipeline.status import publish_facts
from dagster_drips.project import CURRENT_SET, FIELDS
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

MANIFEST = "manifest.json"
VERSIONS = "versions"
READABLE_FOR = timedelta(minutes=10)
"""How long a set stays after another took its place, for who has just resolved the link to it."""

_STATEMENTS = named_statements(Path(__file__).with_name("publish.sql"))
_IS_VERSION = re.compile(r"\d{8}T\d{6}\.\d{6}Z")
_VERSION = "%Y%m%dT%H%M%S.%fZ"
_REPLACED = ("marts.duckdb", "status.duckdb", FIELDS)
"""Files that stood in the folder itself before there were sets; people's data is in them."""


def publish(
    warehouse: Warehouse,
    folder: Path,
    descriptions: Mapping[str, Description] | None = None,
    *,
    readable_for: timedelta = READABLE_FOR,
) -> dict[str, int]:
    """Write a set of the marts as they are now, and make it the current one; of an engine that BI reads itself, a set
    of no tables, with what others than BI read.

    Killed on the way, the set before stays current; what was begun is one of `temporaries`.

    Args:
        warehouse: with the marts built.
        folder: the project's `data/published`.
        descriptions: by table, the comments of `drips.duckdb`; a table that it lacks gets none.
        readable_for: superseded sets go after this long; zero, where somebody is erased, takes all of them at once,
            and nothing is taken over from them.

    Returns:
        Rows by mart.
    """
    versions = folder / VERSIONS
    versions.mkdir(parents=True, exist_ok=True)
    version = _next_version(versions)
    scratch = versions / f".{version}.{os.getpid()}"
    scratch.mkdir()
    try:
        # What a set before takes along may have to do with somebody who is erased.
        before = _set_before(folder) if readable_for else None
        counts = _write_set(warehouse, scratch, version, descriptions or {}, before)
        scratch.replace(versions / version)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)  # the disk may be full
        raise
    sync(versions)
    _link(folder / CURRENT_SET, f"{VERSIONS}/{version}")
    _link_files(folder, [DATABASE, *(f"{table}.parquet" for table in counts)] if warehouse.is_published else [])
    sync(folder)
    _prune(versions, version, readable_for)
    return counts


def _write_set(
    warehouse: Warehouse,
    folder: Path,
    version: str,
    descriptions: Mapping[str, Description],
    before: SetBefore | None,
) -> dict[str, int]:
    if warehouse.is_published:
        with _one_thread(warehouse):
            written = write_tables(warehouse, folder, descriptions, before)
            publish_facts(warehouse, folder)
    else:  # BI and `drips status` read beside a tick
        written = Contents({}, {}, "", "")
    as_of = warehouse.value(_STATEMENTS["as_of"])
    told = {"version": version, "as_of": as_of and format_instant(as_of)}
    manifest = told | msgspec.to_builtins(written)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    fields = list(warehouse.columns("marts.lead_profiles"))
    (folder / FIELDS).write_text(json.dumps(fields), encoding="utf-8")
    for path in (*folder.iterdir(), folder):
        sync(path)
    return written.tables


@contextmanager
def _one_thread(warehouse: Warehouse) -> Generator[None]:
    """Inside it statements take one thread. A second one takes two fifths more of the processors (200,000 messages, 1 %
    of them new), which mail that goes out meanwhile has a better use for."""
    threads = warehouse.value(_STATEMENTS["threads"])
    warehouse.execute("set threads = 1")
    try:
        yield
    finally:
        warehouse.execute("set threads = ?", [threads])


def _set_before(folder: Path) -> SetBefore | None:
    """The set that is current, where its manifest says what is in it."""
    place = (folder / CURRENT_SET).resolve()
    with suppress(OSError, msgspec.DecodeError):
        return SetBefore(place, msgspec.json.decode((place / MANIFEST).read_bytes(), type=Contents))
    return None


# Versions and links --------------------------------------------------------------------------------------------------


def _next_version(versions: Path) -> str:
    """The wall clock to the microsecond: no name that was there before, or a reader could take one set for another."""
    while (versions / (version := datetime.now(UTC).strftime(_VERSION))).exists():
        pass
    return version


def _link(link: Path, target: str) -> None:
    """Let a link lead there, in one step."""
    if link.is_symlink() and str(link.readlink()) == target:
        return
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)  # a copy of the project that followed links
    scratch = link.with_name(f".{link.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    scratch.symlink_to(target)
    scratch.replace(link)


def _link_files(folder: Path, names: list[str]) -> None:
    """Links by which one file is read; those of tables that are no more, and files that stood here, are taken away."""
    for name in names:
        _link(folder / name, f"{CURRENT_SET}/{name}")
    gone = [path for path in folder.iterdir() if path.is_symlink() and not path.exists()]
    for path in (*gone, *(folder / name for name in _REPLACED)):
        path.unlink(missing_ok=True)


def _prune(versions: Path, current: str, readable_for: timedelta) -> None:
    """Delete sets that were superseded that long ago, and those of a clock that ran ahead."""
    now = datetime.now(UTC)
    made = sorted((_instant(path.name), path) for path in versions.iterdir() if _IS_VERSION.fullmatch(path.name))
    for (_, path), (superseded_at, _) in zip(made, [*made[1:], (None, None)], strict=True):
        is_readable = superseded_at is not None and timedelta(0) <= now - superseded_at < readable_for
        if path.name != current and not is_readable:
            shutil.rmtree(path, ignore_errors=True)


def _instant(version: str) -> datetime:
    return datetime.strptime(version, _VERSION).replace(tzinfo=UTC)
