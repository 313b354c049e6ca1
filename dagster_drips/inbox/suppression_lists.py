"""Lists of whom not to mail, as other tools export them, read into a landing file of suppressions.

Here belong the forms that such lists have. Who is suppressed, since when and for which topics is decided in dbt (L3).
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from dagster_drips.addresses import address_in
from dagster_drips.clock import format_instant, parse_instant, utc_now
from dagster_drips.errors import DripsError
from dagster_drips.files import atomic_write
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDED_COLUMNS, SuppressionReason

COLUMNS = LANDED_COLUMNS["suppressions"]


DATED = (SuppressionReason.UNSUBSCRIBED, SuppressionReason.RESUBSCRIBED)
"""A later request lifts an earlier one, so without a time these two are as of now; the others hold from the start."""

_EMAIL_NAMES = frozenset(
    {"email", "e-mail", "e_mail", "mail", "address", "email address", "email_address", "emailaddress"}
)
_SEPARATORS = ",;\t"
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_DOMAIN = re.compile(r"[@*]+@?[^\s@<>,;]+\.[^\s@<>,;]+")
_MOST_WARNINGS = 10


@dataclass
class Imported:
    """What an import landed: the file below `data/landing`, how many rows it has, and what was taken otherwise."""

    path: str
    rows: int
    warnings: list[str] = field(default_factory=list)


@dataclass
class _List:
    """A list while it is read: rows, mistakes that keep it from being landed, and warnings, each with its line."""

    file: Path
    rows: list[dict[str, str]] = field(default_factory=list)
    mistakes: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)


def import_list(project: Project, file: Path, *, reason: SuppressionReason, topic: str | None) -> Imported:
    """Land a list as a file of suppressions.

    Args:
        project: where to land it.
        file: CSV (comma, semicolon or tab) with a column `email` (and `reason`, `occurred_at`, `topic`), or one address
            a line without a header; an address may stand as `Name <a@x.example>` or `mailto:a@x.example`.
        reason: of rows that give none.
        topic: of rows that give none.

    Raises:
        DripsError: a row has no address, or a time that is needed can't be read: nothing is landed then.
    """
    found = _List(file)
    numbered = _numbered_cells(file)
    names, rows = _columns(file, numbered)
    for line, cells in rows:
        _take(found, line, dict(zip(names, (cell.strip() for cell in cells), strict=False)), reason, topic)
    if found.mistakes:
        line, words = found.mistakes[0]
        others = len(found.mistakes) - 1
        more = f" (and {others} more {'line' if others == 1 else 'lines'})" if others else ""
        raise DripsError(f"{words}; nothing was imported{more}", file=file, line=line)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(found.rows)
    content = text.getvalue().encode()
    folder = project.landing / "suppressions"
    folder.mkdir(parents=True, exist_ok=True)
    # The same list has the same name: landing it twice adds nothing.
    target = folder / f"imported-{hashlib.sha256(content).hexdigest()[:16]}.csv"
    if not target.exists():
        atomic_write(target, content)
    return Imported(f"suppressions/{target.name}", len(found.rows), _told(found))


def _numbered_cells(file: Path) -> list[tuple[int, list[str]]]:
    text = _text_of(file)
    # Excel says in front which separator it means.
    declared = re.match(r"sep=(.)\r?\n", text)
    separator = declared[1] if declared else _separator(text)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        numbered = [(lines.line_num, cells) for cells in lines if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        # `"Lee, Ann" <ann@x.example>` is an address as mail programs write it, and no CSV.
        numbered = [(number, [line]) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        if not all(address_in(cells[0]) for _, cells in numbered):
            raise DripsError(f"not CSV: {error}", file=file) from error
    numbered = numbered[1:] if declared else numbered
    if not numbered:
        raise DripsError("there is nothing in it", file=file)
    return numbered


def _text_of(file: Path) -> str:
    try:
        content = file.read_bytes()
        return content.decode(_BYTE_ORDER_MARKS.get(content[:2], "utf-8-sig"))
    except OSError as error:
        raise DripsError(f"can't be read: {error.strerror}", file=file) from error
    except UnicodeDecodeError as error:
        raise DripsError("not UTF-8", file=file) from error


def _separator(text: str) -> str:
    """What stands most often in the first line, outside of quotes."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"|<[^<>]*>', "", first)
    return max(_SEPARATORS, key=lambda one: (bare.count(one), one == ","))


def _columns(file: Path, numbered: list[tuple[int, list[str]]]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and the rows below them; without a header the column of addresses is found."""
    line, first = numbered[0]
    names = [cell.strip().lower() for cell in first]
    named = [name for name in names if name in _EMAIL_NAMES]
    if named:
        return ["email" if name == named[0] else name for name in names], numbered[1:]
    places = [place for place, cell in enumerate(first) if "@" in cell]
    if len(places) != 1:
        raise DripsError("no column `email`", file=file, line=line)
    return ["email" if place == places[0] else f"column {place}" for place in range(len(first))], numbered


def _take(found: _List, line: int, row: dict[str, str], reason: SuppressionReason, topic: str | None) -> None:
    given = row.get("email", "")
    is_domain = _DOMAIN.fullmatch(given) is not None
    address = None if is_domain else address_in(given)
    if address is None:
        words = "a whole domain can't be suppressed, only addresses" if is_domain else "not an address"
        found.mistakes.append((line, f"{words}: {given!r}"))
        return
    own, own_reason = reason, row.get("reason", "")
    if own_reason:
        known = own_reason.lower() in list(SuppressionReason)
        own = SuppressionReason(own_reason.lower()) if known else SuppressionReason.MANUAL
        if not known:
            found.warnings.append((line, f"not a known reason: {own_reason!r}; taken as manual (L3)"))
    occurred_at = row.get("occurred_at", "")
    if occurred_at and not _is_time(occurred_at):
        if own is SuppressionReason.RESUBSCRIBED:
            found.mistakes.append((line, f"not an instant: {occurred_at!r}, and what it lifts depends on it"))
            return
        found.warnings.append((line, f"not an instant: {occurred_at!r}; it holds from the start (L3)"))
    elif not occurred_at and own in DATED:
        occurred_at = format_instant(utc_now())
    own_topic = (row.get("topic") or topic or "") if own in DATED else ""
    found.rows.append({"email": address, "reason": own, "occurred_at": occurred_at, "topic": own_topic})


def _is_time(text: str) -> bool:
    try:
        parse_instant(text)
    except DripsError:
        return False
    return True


def _told(found: _List) -> list[str]:
    lines = [f"{found.file}:{line}: {words}" for line, words in found.warnings[:_MOST_WARNINGS]]
    if len(found.warnings) > _MOST_WARNINGS:
        lines.append(f"{found.file}: {len(found.warnings) - _MOST_WARNINGS} more such lines")
    return lines
