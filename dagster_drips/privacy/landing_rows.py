"""One person's rows in landing files: which they are, and the file without them.

Files are read by the loader's own readers, so a row is the person's exactly where the loader would take it for theirs.
A row that can't be taken as it is (malformed, without a key) is theirs where it names them. What the collector keeps
as it came (`data/landing/raw`) is read here, too.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dagster_drips.errors import DripsError
from dagster_drips.landing.batches import Batch
from dagster_drips.landing.files import LandingFile, UnreadableFile, landing_files
from dagster_drips.landing.forgotten import normalized_address
from dagster_drips.landing.packs import write_changed
from dagster_drips.landing.readers import read_batches
from dagster_drips.landing.removal import write_without
from dagster_drips.privacy.identities import leads_of_anonymous_ids
from dagster_drips.privacy.person import Person
from dagster_drips.privacy.rewriting import replacing
from dagster_drips.privacy.traces import Traces, forms_of
from dagster_drips.project import Project

_TRUSTED = (None, "verified")
"""Sources whose word about a lead counts, the most trusted first."""
_KEYS = {"leads": "lead_id", "events": "lead_id", "suppressions": "email", "engagement": "message_id"}


@dataclass(frozen=True)
class OwnRow:
    """A row of the person: `line` is where it starts (row number for Parquet), `lines` how many lines it takes."""

    line: int
    lines: int
    text: str


def gather_from_landing(project: Project, person: Person) -> None:
    """Add the addresses of the lead's rows, and the anonymous ids that count for this lead.

    Which ids count is the model `stg_identities`' word, so that nobody's rows can be claimed by an event that names
    them. What a page calls the address of somebody whom it can't know is none of theirs (`stg_leads`): else it would be
    suppressed with them.
    """
    identities = leads_of_anonymous_ids(project)
    joined = {anonymous for anonymous, lead_id in identities.items() if lead_id in person.lead_ids}
    known: set[str] = set()
    of_visitors: dict[str, set[str]] = {}
    for file in landing_files(project, ["leads"], copies=True):
        for batch in _batches(file):
            lead_ids, sources = _column(batch, "lead_id").text.to_list(), _sources(batch)
            # Of rows that the loader rejected the model knows nothing, and they are somebody's all the same.
            joined -= {lead_id for lead_id, source in zip(lead_ids, sources, strict=True) if source != "page"}
            for row in _of_lead(batch, person):
                email = _column(batch, "email").text[row]
                if sources[row] in _TRUSTED:
                    known.add(lead_ids[row])
                    person.add_address(email)
                elif sources[row] == "anonymous" and email:
                    of_visitors.setdefault(lead_ids[row], set()).add(email)
    for email in {email for lead_id, emails in of_visitors.items() if lead_id not in known for email in emails}:
        person.add_address(email)
    person.lead_ids |= joined
    person.seal()


def _sources(batch: Batch) -> list[str | None]:
    return [source or None for source in _column(batch, "_drips_source").text.to_list()]


def own_rows(file: LandingFile, person: Person) -> list[OwnRow]:
    """The person's rows of a landing file, in its order.

    Raises:
        DripsError: the file can't be read to its end.
    """
    found = []
    for batch in _batches(file):
        for row in sorted(_matching(file.kind, batch, person)):
            text = batch.rows[row]
            lines = text.count("\n") + (not text.endswith("\n")) if isinstance(text, str) else 1
            found.append(OwnRow(batch.lines[row], lines, batch.row_as_it_came(row)))
    return found


def without_rows(found: Sequence[tuple[LandingFile, list[OwnRow]]]) -> None:
    """Put landing files without these rows in the place of the old ones; the others stay as they were written.

    A pack is written once, whatever is taken out of it.
    """
    of_pack: dict[Path, list[tuple[LandingFile, list[OwnRow]]]] = defaultdict(list)
    for file, rows in found:
        if file.member is not None:
            of_pack[file.location].append((file, rows))
            continue
        with replacing(file.location) as scratch:
            write_without(file, _lines(rows), scratch)
    for pack, packed in of_pack.items():
        with replacing(pack) as scratch:
            write_changed(pack, {file.name: _rest(file, rows, scratch) for file, rows in packed}, scratch)


def _rest(file: LandingFile, rows: list[OwnRow], scratch: Path) -> bytes:
    """A packed file's bytes without these rows, by way of the scratch file."""
    write_without(file, _lines(rows), scratch)
    return scratch.read_bytes()


def _lines(rows: list[OwnRow]) -> set[int]:
    return {row.line + offset for row in rows for offset in range(row.lines)}


def raw_files(project: Project) -> list[Path]:
    """What the collector and the mailbox keep as it came, complete files only."""
    folder = project.landing / "raw"
    return sorted(path for path in folder.rglob("*.jsonl*") if path.is_file() and not path.name.startswith("."))


def own_raw_rows(file: Path, person: Person) -> list[OwnRow]:
    """Kept requests and mails that name the person, also among others: a body is kept whole or not at all."""
    traces = Traces(person)
    quoted = {
        json.dumps(lead_id, ensure_ascii=ascii).encode() for lead_id in person.lead_ids for ascii in (True, False)
    }
    with _opened(file) as lines:
        return [
            OwnRow(number, 1, line.decode("utf-8", "backslashreplace").rstrip("\r\n"))
            for number, line in enumerate(lines, start=1)
            if traces.found_in(line) or any(one in form for form in forms_of(line) for one in quoted)
        ]


def raw_without_rows(file: Path, rows: list[OwnRow]) -> None:
    """Put such a file without these rows in the place of the old one."""
    gone = {row.line for row in rows}
    with replacing(file) as scratch, _opened(file) as source, _created(scratch) as target:
        for number, line in enumerate(source, start=1):
            if number not in gone:
                target.write(line)


def _batches(file: LandingFile) -> Iterator[Batch]:
    try:
        yield from read_batches(file)
    except UnreadableFile as error:
        raise DripsError(
            f"can't be read ({error}), so nobody knows whose rows are in it; fix or delete it", file=file.location
        ) from error


def _column(batch: Batch, name: str) -> Any:
    """The column of that name in any case: the loader takes names of a lead's columns so, too."""
    return batch.column(next((one for one in batch.columns if one.lower() == name), name))


def _of_lead(batch: Batch, person: Person) -> list[int]:
    ids = _column(batch, "lead_id").text
    return ids.is_in(list(person.lead_ids)).fill_null(False).arg_true().to_list()


def _matching(kind: str, batch: Batch, person: Person) -> set[int]:
    keys = _column(batch, _KEYS[kind]).text
    if kind in ("leads", "events"):
        found = set(_of_lead(batch, person))
    elif kind == "engagement":
        found = set(keys.is_in(list(person.message_ids)).fill_null(False).arg_true().to_list())
    else:
        found = {row for row, email in enumerate(keys.to_list()) if normalized_address(email) in person.addresses}
        found = {row for row in found if keys[row]}
    unusable = {*batch.spoiled, *keys.is_null().arg_true().to_list()}
    return found | {row for row in unusable if person.is_mentioned(batch.row_as_it_came(row))}


@contextmanager
def _opened(path: Path) -> Generator[IO[bytes]]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        yield stream  # ty: ignore[invalid-yield]


@contextmanager
def _created(path: Path) -> Generator[IO[bytes]]:
    with path.open("wb") as stream:
        if path.suffix != ".gz":
            yield stream
            return
        # No time and no name in it: files that were equal stay equal.
        with gzip.GzipFile("", "wb", fileobj=stream, mtime=0) as packed:
            yield packed  # ty: ignore[invalid-yield]
