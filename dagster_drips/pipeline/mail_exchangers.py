"""Which hosts take the mail of recipients' domains: `data/mail_exchangers.csv`, and its way into `raw.mail_exchangers`.

`drips mx` asks the DNS and writes the file; a tick reads it and asks nobody, or it would hang on the network and be
another one when it is repeated (T3). It is no part of the journal: what it holds can be asked again. Whose host it is,
is dbt's (`int_mailbox_providers`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from dagster_drips.clock import format_instant, parse_instant
from dagster_drips.errors import DripsError
from dagster_drips.files import atomic_write
from dagster_drips.pipeline.published import opened_published
from dagster_drips.project import Project
from dagster_drips.sequences.problems import Problem
from dagster_drips.warehouse import Warehouse, engine_error
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).with_suffix(".sql"))
_COLUMNS = ("domain", "exchanger", "asked_at")
_UNREADABLE = "can't be read; delete it and run `drips mx` again"


@dataclass(frozen=True)
class MailExchanger:
    """The host that a domain's MX record prefers; None where it has none, or takes no mail. `asked_at`: wall clock."""

    domain: str
    exchanger: str | None
    asked_at: datetime


def exchangers_file(project: Project) -> Path:
    """Where they stand."""
    return project.data / "mail_exchangers.csv"


def read_exchangers(project: Project) -> list[MailExchanger]:
    """What was found out so far; nothing where nobody asked yet.

    Raises:
        DripsError: the file can't be read.
    """
    file = exchangers_file(project)
    if not file.exists():
        return []
    try:
        rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
        return [MailExchanger(row["domain"], row["exchanger"] or None, parse_instant(row["asked_at"])) for row in rows]
    except (OSError, ValueError, KeyError, csv.Error, DripsError) as error:
        raise _unreadable(file) from error


def write_exchangers(project: Project, known: Iterable[MailExchanger]) -> None:
    """Replace the file by these, by domain."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in sorted(known, key=lambda one: one.domain):
        writer.writerow([one.domain, one.exchanger or "", format_instant(one.asked_at)])
    file = exchangers_file(project)
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(file, text.getvalue().encode())


def forget_domains(project: Project, addresses: Iterable[str]) -> None:
    """Take out the domains of somebody who is erased: one may be theirs alone, and can be asked for again.

    Raises:
        DripsError: the file can't be read.
    """
    gone = {address.rpartition("@")[2] for address in addresses}
    known = read_exchangers(project)
    if any(one.domain in gone for one in known):
        write_exchangers(project, [one for one in known if one.domain not in gone])


def load_exchangers(project: Project, warehouse: Warehouse) -> list[Problem]:
    """Have the marts know what the file says.

    Returns:
        What is wrong with a file that can't be read: the marts know what they knew, and nothing else waits for it.
    """
    file = exchangers_file(project)
    try:
        with warehouse.transaction():
            warehouse.execute(_STATEMENTS["forget"])
            if file.exists():
                if warehouse.reads_files:
                    warehouse.execute(_STATEMENTS["load"], [str(file)])
                else:
                    warehouse.append_rows("raw.mail_exchangers", [asdict(one) for one in read_exchangers(project)])
    except (DripsError, engine_error()):
        return [Problem(file.relative_to(project.root).as_posix(), None, _UNREADABLE)]
    return []


def domains_unknown_to_seeds(project: Project, known: Iterable[MailExchanger]) -> list[str]:
    """Recipients' domains, as last published, of which only an MX record tells whose mailboxes they are.

    Raises:
        DripsError: nothing was published yet.
    """
    asked = {one.domain for one in known}
    with opened_published(project) as marts:
        if marts is None:
            raise DripsError(
                "nothing was published yet, so nobody's domain is known: run `drips run` once", file=project.published
            )
        rows = marts.rows(_STATEMENTS["domains"])
    return [row["domain"] for row in rows if row["is_unnamed"] or row["domain"] in asked]


def _unreadable(file: Path) -> DripsError:
    return DripsError(_UNREADABLE, file=file)
