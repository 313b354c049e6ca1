"""The seeded sample: which landing files there are, when each one arrives and what is in it.

Equal seeds and sizes give equal bytes. Among the good rows lie a few that can't be taken, and some that come twice, so
that quarantine and idempotency have something to show.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from random import Random
from typing import Any

import msgspec

from dagster_drips.demo.events import Event, Period, event_row, make_events
from dagster_drips.demo.leads import Lead, make_leads, make_updates
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDED_COLUMNS, LEAD_COLUMNS

_REPEATED_EVENTS = 25
_BROKEN_EVENTS = (
    b'{"event_id": "evt_cut_off", "lead_id": "lead_00007", "event": "lo',
    b'{"lead_id": "lead_00011", "event": "login", "occurred_at": "2026-02-13T09:00:00Z"}',
    b'{"event_id": "evt_no_time", "lead_id": "lead_00012", "event": "login", "occurred_at": "yesterday"}',
    b'{"event_id": "evt_reserved", "lead_id": "lead_00013", "event": "lead_created", "occurred_at": "2026-02-13"}',
    b'{"event_id": "evt_list", "lead_id": "lead_00014", "event": "login", "occurred_at": "2026-02-13T09:00Z",'
    b' "properties": ["not", "an", "object"]}',
)
_BROKEN_LEADS = (
    {"lead_id": "lead_from_a_spreadsheet", "created_at": "31/02/2026", "email": "first.of@no-such-day.example"},
    {"lead_id": "", "created_at": "2026-01-09T10:00:00Z", "email": "nobody@without-an-id.example"},
)
_BROKEN_SUPPRESSIONS = ({"email": "", "reason": "unsubscribed", "occurred_at": "2026-02-20T08:00:00Z"},)
_LEAD_COLUMNS = (
    *LEAD_COLUMNS,
    *("plan", "employees", "industry", "lifetime_value"),
)


@dataclass(frozen=True)
class Arrival:
    """A landing file and the instant at which it is there."""

    at: datetime
    kind: str
    name: str
    content: bytes


@dataclass(frozen=True)
class Sample:
    """All landing files of a demo in the order of their arrival, and how many good rows they hold."""

    arrivals: tuple[Arrival, ...]
    leads: int
    events: int
    rejected: int
    """Rows that can't be taken."""

    def land(self, project: Project, after: datetime | None, until: datetime) -> int:
        """Land the files that arrive later than `after` and no later than `until`; returns how many."""
        files = [file for file in self.arrivals if (after is None or file.at > after) and file.at <= until]
        for file in files:
            folder = project.landing / file.kind
            hidden = folder / f".{file.name}"
            hidden.write_bytes(file.content)
            hidden.replace(folder / file.name)
        return len(files)


def make_sample(seed: int, *, leads: int, events: int, start: datetime, ticks: Sequence[datetime]) -> Sample:
    """The sample of a demo.

    Args:
        seed: equal seeds give equal samples.
        leads: how many leads.
        events: how many events, repeated and broken ones not counted.
        start: the first day that events tell of; the last tick is the end.
        ticks: the instants of the demo's ticks, in order; files arrive in time for them.
    """
    random = Random(seed)
    period = Period(start, ticks[0], ticks[-1])
    people = make_leads(random, leads, first_tick=ticks[0], end=ticks[-1])
    made = make_events(random, people, events, period)
    updates = make_updates(random, people, first_tick=ticks[0], end=ticks[-1])
    midnights = [start + timedelta(days=day) for day in range(1, (ticks[0] - start).days + 1)]
    boundaries = [instant for instant in midnights if instant < ticks[0]] + list(ticks)
    arrivals = [
        *_lead_files(people, updates, ticks),
        *_event_files(random, made, start, boundaries),
        _suppression_file(random, people, ticks[0]),
    ]
    rejected = len(_BROKEN_EVENTS) + len(_BROKEN_LEADS) + len(_BROKEN_SUPPRESSIONS)
    return Sample(tuple(sorted(arrivals, key=lambda file: (file.at, file.kind, file.name))), leads, len(made), rejected)


def _lead_files(leads: Sequence[Lead], updates: Sequence[dict[str, Any]], ticks: Sequence[datetime]) -> list[Arrival]:
    first = ticks[0]
    old = [lead.row for lead in leads if lead.created_at <= first]
    # Two systems export what they have, each in its own format.
    csv_rows = [{**row, "tags": ";".join(row["tags"])} for row in old[0::2]] + [_BROKEN_LEADS[0]]
    files = [
        Arrival(first, "leads", f"{first:%Y-%m-%d}-crm.csv", _csv(_LEAD_COLUMNS, csv_rows)),
        Arrival(first, "leads", f"{first:%Y-%m-%d}-newsletter.jsonl", _jsonl([*old[1::2], _BROKEN_LEADS[1]])),
    ]
    new = [(f"{lead.created_at.isoformat()}Z", lead.row) for lead in leads if lead.created_at > first]
    rows = sorted(
        [*new, *((row["updated_at"], row) for row in updates)], key=lambda pair: (pair[0], pair[1]["lead_id"])
    )
    for before, tick in pairwise(ticks):
        part = [row for at, row in rows if f"{before.isoformat()}Z" < at <= f"{tick.isoformat()}Z"]
        if part:
            files.append(Arrival(tick, "leads", f"{tick:%Y-%m-%dT%H%M}-signups.jsonl", _jsonl(part)))
    return files


def _event_files(
    random: Random, events: Sequence[Event], start: datetime, boundaries: Sequence[datetime]
) -> Iterable[Arrival]:
    numbered = [(f"evt_{number:06d}", event) for number, event in enumerate(events, start=1)]
    rows = [(event.received_at, event_row(event_id, event)) for event_id, event in numbered]
    repeated = {int(random.random() * len(rows)) for _ in range(min(_REPEATED_EVENTS, len(rows)))}
    limits = iter(boundaries)
    limit = next(limits)
    placed = []
    for number, (received_at, row) in enumerate(rows):
        while received_at > limit:
            limit = next(limits)
        placed.append((start if received_at < start else limit, row))
        if number in repeated:
            placed.append((placed[-1][0], row))
    for at, part in groupby(placed, key=lambda pair: pair[0]):
        imported = at == start
        name = f"{at:%Y-%m-%dT%H%M}{'-import' if imported else ''}.jsonl.gz"
        broken = _BROKEN_EVENTS if at == boundaries[0] else ()
        content = _jsonl([row for _, row in part]) + b"".join(line + b"\n" for line in broken)
        yield Arrival(at, "events", name, gzip.compress(content, compresslevel=6, mtime=0))


def _suppression_file(random: Random, leads: Sequence[Lead], first_tick: datetime) -> Arrival:
    rows: list[dict[str, Any]] = []
    for lead in leads:
        if lead.row["email"] and random.random() < 0.008:
            reason = random.choices(("unsubscribed", "bounced", "complained", "manual"), weights=(60, 25, 5, 10))[0]
            at = first_tick - timedelta(seconds=int(random.random() * 20 * 86400))
            topic = "news" if reason == "unsubscribed" and random.random() < 0.4 else None
            # Lists from elsewhere write addresses as they please; an address is compared in small letters (L3).
            address = lead.row["email"].title() if random.random() < 0.2 else lead.row["email"]
            rows.append({"email": address, "reason": reason, "occurred_at": f"{at.isoformat()}Z", "topic": topic})
    content = _csv(LANDED_COLUMNS["suppressions"], [*rows, *_BROKEN_SUPPRESSIONS])
    return Arrival(first_tick, "suppressions", f"{first_tick:%Y-%m-%d}-old-provider.csv", content)


def _jsonl(rows: Iterable[dict[str, Any]]) -> bytes:
    encoder = msgspec.json.Encoder()
    return b"".join(encoder.encode(row) + b"\n" for row in rows)


def _csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
