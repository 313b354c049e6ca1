"""Which version of each sequence is live at a tick, and the journal of every version that ever was (S1, S2, S3).

Here belong the comparison with the journal and the rows that dbt reads. Reading files is `catalog`'s, the form of the
rows is `rows`'. Edits count from the tick that first sees them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from dagster_drips.blob_store import BlobStore, FileFacts
from dagster_drips.errors import DripsError
from dagster_drips.sequences.catalog import SENDERS_FILE, SETTINGS_FILE, Catalog, SequenceSource, canonical_json
from dagster_drips.sequences.rows import TABLES, LiveSequence, Rows, rows_of
from dagster_drips.sequences.schema import ProjectSettings, Sequence
from dagster_drips.sequences.senders import Senders
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import whole_statement

_STATUS = {SETTINGS_FILE: "settings", SENDERS_FILE: "senders"}
"""Files that hold for all sequences, and what stands for a status in their rows of the journal."""
SharedFile = TypeVar("SharedFile", ProjectSettings, Senders)
_FOLDER = Path(__file__).parent
_LATEST = whole_statement(_FOLDER / "latest_versions.sql")
_VERSION = whole_statement(_FOLDER / "version.sql")
_LIVE = whole_statement(_FOLDER / "live_versions.sql")
_HISTORY = whole_statement(_FOLDER / "version_history.sql")


@dataclass(frozen=True)
class Version:
    """A row of `journal.sequence_versions`, but for when it was seen and its number.

    The project's settings and senders are kept there too, under the ids `project.yml` and `senders.yml`, which no
    sequence can have.
    """

    sequence_id: str
    version_id: str
    status: str
    file_state: str
    definition: str
    files: str
    attached_files: str | None = None


def record_catalog(
    warehouse: Warehouse, catalog: Catalog, *, as_of: datetime, keep: BlobStore | None = None
) -> list[Version]:
    """Settle what is live at this tick: journal what is new, and bring the `raw` tables of sequences up to date.

    A valid file is live as it stands. Where it is invalid, the sequence stays as the journal has it last (S2); where it
    is gone, its last version is paused, or archived if it was (S1). A repeated tick adds nothing twice, and a second
    version with a higher number where a file changed in between (S3); nothing is written where nothing changed.

    Args:
        warehouse: open for writing.
        catalog: what the files say now.
        as_of: the tick's instant.
        keep: where attachments and images of what is live are kept for good, before their version is; None: nobody
            will send them.

    Returns:
        The new versions of sequences, sorted by id.

    Raises:
        DripsError: a file can't be kept.
    """
    latest = {row["sequence_id"]: row for row in warehouse.rows(_LATEST)}
    settings = catalog.settings if catalog.settings_valid else _last(warehouse, latest, SETTINGS_FILE, ProjectSettings)
    senders = catalog.senders if catalog.senders_valid else _last(warehouse, latest, SENDERS_FILE, Senders)
    sources = _sources(catalog, settings, senders)
    if keep is not None:
        for sequence_id in sources:
            for file in catalog.written[sequence_id].attached_files.values():
                keep.keep(file.path, file.facts.sha256)
    new: list[Version] = []
    live: list[LiveSequence] = []
    for sequence_id in sorted({*sources, *latest} - _STATUS.keys()):
        before = latest.get(sequence_id)
        if sequence_id in sources:
            version = _valid_version(sources[sequence_id])
            live.append(_live(sources[sequence_id], version.status, "valid"))
            if before is None or not _same(version, before):
                new.append(version)
            continue
        source = load_version(warehouse, sequence_id, latest[sequence_id]["version_id"])
        if _is_invalid(catalog, sequence_id):
            live.append(_live(source, latest[sequence_id]["status"], "invalid"))
            continue
        version = _deleted_version(source, latest[sequence_id]["status"])
        live.append(_live(source, version.status, "deleted"))
        if not _same(version, latest[sequence_id]):
            new.append(version)
    shared: list[Version] = []
    if catalog.settings_valid:
        shared.append(_shared_version(SETTINGS_FILE, settings))
    # A project that never had a senders.yml has none to remember.
    if catalog.senders_valid and (SENDERS_FILE in latest or senders != Senders()):
        shared.append(_shared_version(SENDERS_FILE, senders))
    kept = [one for one in shared if one.sequence_id not in latest or not _same(one, latest[one.sequence_id])]
    journaled = [
        {**asdict(one), "seen_at": as_of, "version_number": _versions(latest, one.sequence_id) + 1}
        for one in (*new, *kept)
    ]
    _write(warehouse, journaled, rows_of(live, settings, senders), live)
    return new


def restore_live(warehouse: Warehouse, *, invalid: Collection[str] = ()) -> None:
    """Bring the `raw` tables of sequences to what the journal has last, without looking at the files.

    For a rebuild: the journal knows every version, but not whether a file was invalid since; `invalid` says that.
    """
    latest = {row["sequence_id"]: row for row in warehouse.rows(_LATEST)}
    live = [
        _live(
            load_version(warehouse, sequence_id, row["version_id"]),
            row["status"],
            "invalid" if sequence_id in invalid else row["file_state"],
        )
        for sequence_id, row in sorted(latest.items())
        if sequence_id not in _STATUS
    ]
    settings = _last(warehouse, latest, SETTINGS_FILE, ProjectSettings)
    senders = _last(warehouse, latest, SENDERS_FILE, Senders)
    _write(warehouse, [], rows_of(live, settings, senders), live)


def live_settings(warehouse: Warehouse, catalog: Catalog) -> ProjectSettings:
    """What counts of `project.yml`: the file, or where it has mistakes what it validly was last (S2).

    Where it never was valid, what is right in it.
    """
    if catalog.settings_valid:
        return catalog.settings
    latest = {row["sequence_id"]: row for row in warehouse.rows(_LATEST)}
    if SETTINGS_FILE not in latest:
        return catalog.settings
    return _last(warehouse, latest, SETTINGS_FILE, ProjectSettings)


def last_settings(warehouse: Warehouse) -> ProjectSettings:
    """What the last tick took `project.yml` to say; the defaults where none was ever seen."""
    latest = {row["sequence_id"]: row for row in warehouse.rows(_LATEST)}
    return _last(warehouse, latest, SETTINGS_FILE, ProjectSettings)


def load_version(warehouse: Warehouse, sequence_id: str, version_id: str) -> SequenceSource:
    """A version as it was seen, rebuilt from the journal.

    Raises:
        DripsError: the journal has no such version, or this release can't read it.
    """
    rows = warehouse.rows(_VERSION, [sequence_id, version_id])
    if not rows:
        raise DripsError(f"sequence {sequence_id}: the journal has no version {version_id}")
    try:
        sequence = Sequence.model_validate_json(rows[0]["definition"])
    except ValidationError as error:
        reason = f"this release can't read its version {version_id} any more ({error.errors()[0]['msg']})"
        raise DripsError(f"sequence {sequence_id}: {reason}; put a valid file in its place") from error
    attached = json.loads(rows[0]["attached_files"] or "{}")
    facts = {name: FileFacts(**known) for name, known in attached.items()}
    return SequenceSource(sequence_id, sequence, json.loads(rows[0]["files"]), version_id, facts)


def live_version(warehouse: Warehouse, sequence_id: str) -> SequenceSource:
    """The version that the last tick had live.

    Raises:
        DripsError: no tick has seen a valid version of that sequence.
    """
    live = {row["sequence_id"]: row["version_id"] for row in warehouse.rows(_LIVE)}
    if sequence_id not in live:
        raise DripsError(f"no tick has seen a valid sequence '{sequence_id}'; known: {', '.join(live) or 'none'}")
    return load_version(warehouse, sequence_id, live[sequence_id])


def _live(source: SequenceSource, status: str, file_state: str) -> LiveSequence:
    return LiveSequence(source.sequence_id, source.version_id, status, file_state, source.sequence, source.files)


def _sources(catalog: Catalog, settings: ProjectSettings, senders: Senders) -> dict[str, SequenceSource]:
    if catalog.settings_valid and catalog.senders_valid:
        return catalog.sources
    return {
        name: source for name, written in catalog.written.items() if (source := written.resolved(settings, senders))
    }


def _is_invalid(catalog: Catalog, sequence_id: str) -> bool:
    # A written one that isn't among the sources lacks a sender as long as project.yml or senders.yml is broken.
    return sequence_id in catalog.invalid or sequence_id in catalog.written


def _last(warehouse: Warehouse, latest: dict[str, dict[str, Any]], file: str, model: type[SharedFile]) -> SharedFile:
    """What the journal has last of a file that holds for all sequences."""
    if file not in latest:
        return model()
    definition = warehouse.rows(_VERSION, [file, latest[file]["version_id"]])[0]["definition"]
    return model.model_validate_json(definition)


def _shared_version(file: str, content: ProjectSettings | Senders) -> Version:
    definition = canonical_json(content)
    version_id = hashlib.md5(definition.encode(), usedforsecurity=False).hexdigest()
    return Version(file, version_id, _STATUS[file], "valid", definition, "{}")


def _valid_version(source: SequenceSource) -> Version:
    return _version(source, source.sequence.status, "valid")


def _deleted_version(source: SequenceSource, status: str) -> Version:
    kept = status if status == "archived" else "paused"
    return _version(source, kept, "deleted")


def _version(source: SequenceSource, status: str, file_state: str) -> Version:
    texts, attached = source.files_json, source.attached_files_json
    return Version(source.sequence_id, source.version_id, status, file_state, source.definition, texts, attached)


def _same(version: Version, row: dict[str, Any]) -> bool:
    return (version.version_id, version.status, version.file_state) == (
        row["version_id"],
        row["status"],
        row["file_state"],
    )


def _versions(latest: dict[str, dict[str, Any]], sequence_id: str) -> int:
    return latest[sequence_id]["versions"] if sequence_id in latest else 0


def _write(warehouse: Warehouse, new: list[dict[str, Any]], rows: Rows, live: list[LiveSequence]) -> None:
    stale = [
        table for table in TABLES if _comparable(rows[table]) != _comparable(warehouse.rows(f"select * from {table}"))
    ]
    if not new and not stale:
        return
    with warehouse.transaction():
        warehouse.append_rows("journal.sequence_versions", new)
        retired = _retired_steps(warehouse, live)
        for table, content in [*((table, rows[table]) for table in stale), ("raw.retired_steps", retired)]:
            warehouse.execute(f"delete from {table}")
            warehouse.append_rows(table, content)


def _comparable(rows: Iterable[dict[str, Any]]) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)


def _retired_steps(warehouse: Warehouse, live: list[LiveSequence]) -> list[dict[str, Any]]:
    """Steps that only earlier versions had, with the step before them in the last version that had them (M1)."""
    stood_after: dict[tuple[str, str], str | None] = {}
    for row in warehouse.rows(_HISTORY):
        before = None
        for step in json.loads(row["definition"]).get("steps", ()):
            stood_after[row["sequence_id"], step["id"]] = before
            before = step["id"]
    present = {(one.sequence_id, step.id) for one in live for step in one.sequence.steps}
    known = {one.sequence_id for one in live}
    return [
        {"sequence_id": sequence_id, "step_id": step_id, "stood_after": before}
        for (sequence_id, step_id), before in sorted(stood_after.items())
        if sequence_id in known and (sequence_id, step_id) not in present
    ]
