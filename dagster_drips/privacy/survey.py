"""What is kept of one person, file by file: the one look that export shows and forget acts on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from dagster_drips.landing.files import LandingFile, landing_files
from dagster_drips.landing.forgotten import normalized_address
from dagster_drips.landing.readers import read_batches
from dagster_drips.privacy.journal_rows import delivery_files, gather_from_journals, own_decisions, own_deliveries
from dagster_drips.privacy.landing_rows import OwnRow, gather_from_landing, own_raw_rows, own_rows, raw_files
from dagster_drips.privacy.person import Person
from dagster_drips.privacy.traces import Traces
from dagster_drips.project import Project


@dataclass
class Survey:
    """A person's rows by file; files without any are left out.

    `sharing` are other leads that have one of the addresses, now or before.
    """

    person: Person
    landing: list[tuple[LandingFile, list[OwnRow]]] = field(default_factory=list)
    raw: dict[Path, list[OwnRow]] = field(default_factory=dict)
    deliveries: dict[Path, list[bytes]] = field(default_factory=dict)
    decisions: dict[Path, pl.DataFrame] = field(default_factory=dict)
    mails: list[Path] = field(default_factory=list)
    sharing: set[str] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known of them."""
        return not (self.landing or self.raw or self.deliveries or self.decisions or self.mails)

    def counts(self) -> dict[str, int]:
        """Rows by what they are, for people."""
        kinds = {"leads": 0, "events": 0, "suppressions": 0, "engagement": 0}
        for file, rows in self.landing:
            kinds[file.kind] += len(rows)
        return {
            **kinds,
            "kept_requests": sum(map(len, self.raw.values())),
            "messages": len(self.person.message_ids),
            "decisions": sum(frame.height for frame in self.decisions.values()),
            "caught_mails": len(self.mails),
        }


def survey(project: Project, lead_id: str, known: Person | None = None) -> Survey:
    """Look through all landing files, the journals and the outbox.

    Args:
        project: whose.
        lead_id: whom to look for.
        known: what an earlier look found and may be gone from the files by now.

    Raises:
        DripsError: a file can't be read.
    """
    person = known or Person(lead_id)
    gather_from_landing(project, person)
    gather_from_journals(project, person)
    found = Survey(person)
    for file in landing_files(project, copies=True):
        if rows := own_rows(file, person):
            found.landing.append((file, rows))
    found.raw = {file: rows for file in raw_files(project) if (rows := own_raw_rows(file, person))}
    found.deliveries = {file: rows for file in delivery_files(project) if (rows := own_deliveries(file, person))}
    found.decisions = own_decisions(project, person)
    found.mails = _own_mails(project, person)
    found.sharing = _sharing(project, person)
    return found


def _own_mails(project: Project, person: Person) -> list[Path]:
    """Mails that the local sink caught: those to the person, and whatever else names them."""
    if not project.outbox.is_dir():
        return []
    traces = Traces(person)
    return [
        path
        for path in sorted(project.outbox.iterdir())
        if path.is_file() and (path.name.split(".")[0] in person.message_ids or traces.found_in(path.read_bytes()))
    ]


def _sharing(project: Project, person: Person) -> set[str]:
    others: set[str] = set()
    for file in landing_files(project, ["leads"]):
        for batch in read_batches(file):
            emails, ids = batch.column("email").text.to_list(), batch.column("lead_id").text.to_list()
            others |= {
                lead_id
                for lead_id, email in zip(ids, emails, strict=True)
                if lead_id and lead_id not in person.lead_ids and normalized_address(email) in person.addresses
            }
    return others
