"""What follows from a world's inputs at each tick, computed a second time in plain Python, from the rules' text alone.

Here belong questions about inputs: what is visible, who is suppressed, where a step stands. Whether a run's outcome
agrees is asked in `invariants`. Ticks are known by their number.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from dagster_drips.time_zones import zone_names
from properties.world import SEGMENTS, Definition, Event, History, LeadVersion, span

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_ZONES = zone_names()


def md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode()).hexdigest()


def bucket(salt: str) -> float:
    """E7"""
    return int(md5(salt)[:8], 16) / 2**32


def address(email: str | None) -> str | None:
    """L3, E3"""
    return email.strip().translate(_LOWER) if email and "@" in email else None


@dataclass(frozen=True)
class Occurrence:
    sequence_id: str
    lead_id: str
    occurrence_id: str
    occurred_at: datetime


class Facts:
    """Answers about one history's inputs."""

    def __init__(self, history: History):
        self.history = history
        self.world = history.world
        self.instants = [tick.as_of for tick in self.world.ticks]
        self.number_of = {instant: number for number, instant in enumerate(self.instants)}
        self.definitions = self._definitions()
        self.members = [self._members(number) for number in range(len(self.instants))]

    # Sequences -------------------------------------------------------------------------------------------------------
    def _definitions(self) -> list[dict[str, Definition]]:
        """The live definition of each sequence at each tick: S1, S2."""
        live: list[dict[str, Definition]] = []
        for files in self.world.files:
            before = live[-1] if live else {}
            now = {name: before[name] if isinstance(file, str) else file for name, file in files.items()}
            gone = {name: one for name, one in before.items() if name not in files}
            now |= {
                name: one if one["status"] == "archived" else {**one, "status": "paused"} for name, one in gone.items()
            }
            live.append(now)
        return live

    def opens_at(self, sequence_id: str, number: int) -> datetime | None:
        """E2"""
        stated = self.definitions[number][sequence_id].get("active_from")
        if stated:
            return stated
        active = (n for n in range(number + 1) if self.definitions[n][sequence_id]["status"] == "active")
        return next((self.instants[n] for n in active), None)

    def standing(self, sequence_id: str, step_id: str, number: int) -> int:
        """Where a step stands at a tick, in whole steps of the file; a retired one where its predecessor does (M1)."""
        order = [step["id"] for step in self.definitions[number][sequence_id]["steps"]]
        if step_id in order:
            return order.index(step_id) + 1
        for earlier in reversed(range(number)):
            before = [step["id"] for step in self.definitions[earlier][sequence_id]["steps"]]
            if step_id in before:
                place = before.index(step_id)
                return self.standing(sequence_id, before[place - 1], number) if place else 0
        raise LookupError(step_id)

    # People ----------------------------------------------------------------------------------------------------------
    def lead(self, lead_id: str, number: int) -> tuple[LeadVersion, datetime] | None:
        """The version of a lead that counts at a tick, and when the lead was created (T2); None: not visible."""
        as_of = self.instants[number]
        # Loaded file by file; a later one wins among equals.
        landed = sorted(
            (one for one in self.world.leads if one.lead_id == lead_id and one.lands <= number),
            key=lambda one: one.lands,
        )
        created_at = min((one.created_at for one in landed), default=None)
        if created_at is None or created_at > as_of:
            return None
        dated = [(one.updated_at or one.created_at, place, one) for place, one in enumerate(landed)]
        visible = [one for one in dated if one[0] <= as_of]
        if visible:
            return max(visible, key=lambda one: one[:2])[2], created_at
        return min(dated, key=lambda one: (one[0], -one[1]))[2], created_at

    def address_of(self, lead_id: str, number: int) -> str | None:
        found = self.lead(lead_id, number)
        return address(found[0].email) if found else None

    def events(self, number: int) -> list[Event]:
        """Events that are visible at a tick (T2), the first of each id."""
        as_of = self.instants[number]
        first: dict[str, Event] = {}
        for one in sorted(self.world.events, key=lambda one: one.lands):
            if one.lands <= number:
                first.setdefault(one.event_id, one)
        return [one for one in first.values() if one.occurred_at <= as_of and (one.received_at or as_of) <= as_of]

    def lead_ids(self) -> list[str]:
        return sorted({one.lead_id for one in self.world.leads})

    def _members(self, number: int) -> dict[str, set[str]]:
        """Who is in which of `world.SEGMENTS` at a tick."""
        as_of = self.instants[number]
        seen = {lead_id: found for lead_id in self.lead_ids() if (found := self.lead(lead_id, number))}
        events = self.events(number)
        busy = {one.lead_id for one in events if one.occurred_at > as_of - timedelta(days=1)}
        members = {
            "everyone": set(seen),
            "vips": {lead_id for lead_id, (lead, _) in seen.items() if "vip" in lead.tags},
            "buyers": {one.lead_id for one in events if one.event == "purchase"} & set(seen),
            "fresh": {lead_id for lead_id, (_, created_at) in seen.items() if created_at > as_of - timedelta(days=2)},
            "quiet": set(seen) - busy,
        }
        assert set(members) == set(SEGMENTS)
        return members

    def outside(self, definition: Definition, lead_id: str, number: int) -> bool:
        """E5"""
        segments, members = definition["segments"], self.members[number]
        return any(lead_id not in members[name] for name in segments.get("include", ())) or any(
            lead_id in members[name] for name in segments.get("exclude", ())
        )

    # Suppression -----------------------------------------------------------------------------------------------------
    def wishes(self, number: int) -> list[tuple[str, str, str | None, datetime]]:
        """(address, reason, topic, instant) of all suppressions that count at a tick (L3)."""
        messages = {row["message_id"]: row for row in self.history.sends}
        told = [
            (address(one.email), one.reason, one.topic, one.occurred_at)
            for one in self.world.suppressions
            if one.lands <= number
        ]
        for one in self.history.engagement:
            message = messages[one.message_id]
            wished = one.type in ("unsubscribed", "resubscribed", "complained")
            hard = one.type == "bounced" and one.bounce_class != "soft"
            if one.lands <= number and (wished or hard):
                at = max(one.occurred_at or message["as_of"], message["as_of"])
                told.append((address(message["recipient"]), one.type, one.topic, at))
        known = ("unsubscribed", "resubscribed", "bounced", "complained")
        return [
            (where, reason if reason in known else "manual", topic if reason in known[:2] else None, at or datetime.min)
            for where, reason, topic, at in told
            if where and (at or datetime.min) <= self.instants[number]
        ]

    def suppressed(self, definition: Definition, where: str | None, number: int) -> set[str]:
        """Reasons for which a sequence may not mail an address at a tick."""
        wishes = [wish for wish in self.wishes(number) if wish[0] == where]
        reasons = {reason for _, reason, _, _ in wishes} - {"unsubscribed", "resubscribed"}
        for _, reason, topic, at in wishes:
            lifted = any(
                other == "resubscribed" and lifted_at > at and (lifted_topic is None or lifted_topic == topic)
                for _, other, lifted_topic, lifted_at in wishes
            )
            concerns = topic is None or topic == definition.get("topic")
            if reason == "unsubscribed" and concerns and not lifted and not definition["transactional"]:
                reasons.add(reason)
        return reasons

    # Entering --------------------------------------------------------------------------------------------------------
    def occurrences(self, sequence_id: str, number: int) -> list[Occurrence]:
        """Occurrences that count (E2) and are visible at a tick, judged or not."""
        trigger = self.definitions[number][sequence_id]["trigger"]
        opens_at = self.opens_at(sequence_id, number)
        if opens_at is None:
            return []
        if "segment_entered" in trigger:
            return self._entries(sequence_id, trigger, number, opens_at)
        since = opens_at - span(trigger.get("lookback", {}))
        if trigger["event"] == "lead_created":
            created = [(name, self.lead(name, number)) for name in self.lead_ids()]
            found = [(name, f"lead_created:{name}", lead[1]) for name, lead in created if lead]
        else:
            matching = (one for one in self.events(number) if matches(one, trigger))
            found = [(one.lead_id, one.event_id, one.occurred_at) for one in matching]
        return [Occurrence(sequence_id, *one) for one in found if one[2] >= since]

    def _entries(self, sequence_id: str, trigger: Definition, number: int, opens_at: datetime) -> list[Occurrence]:
        segment = trigger["segment_entered"]
        active = [n for n in range(number + 1) if self.definitions[n][sequence_id]["status"] == "active"]
        start = next((n for n in active if self.instants[n] >= opens_at), None)
        if start is None:
            return []
        entered = [(n, self.members[n][segment] - self.members[n - 1][segment]) for n in range(start + 1, number + 1)]
        if trigger["include_existing"]:
            entered.append((start, self.members[start][segment]))
        return [
            Occurrence(sequence_id, lead_id, f"{segment}@{self.instants[n]:%Y-%m-%dT%H:%M:%SZ}", self.instants[n])
            for n, lead_ids in entered
            for lead_id in lead_ids
        ]

    def converted(self, definition: Definition, lead_id: str, triggered_at: datetime, number: int) -> bool:
        """By the goal of the version that enrolled (L2)."""
        goal = definition.get("goal")
        return bool(goal) and any(
            one.lead_id == lead_id
            and matches(one, goal)
            and one.occurred_at > triggered_at
            and ("within" not in goal or one.occurred_at <= triggered_at + span(goal["within"]))
            for one in self.events(number)
        )

    # Time ------------------------------------------------------------------------------------------------------------
    def window_is_open(self, definition: Definition, lead_id: str, number: int) -> bool:
        """By the local wall clock at the tick (M5)."""
        window = definition.get("send_window")
        if window is None:
            return True
        project_zone = self.world.settings["timezone"]
        name = window.get("timezone", project_zone)
        if name == "lead":
            found = self.lead(lead_id, number)
            own = (found[0].timezone or "").strip() if found else ""
            name = own if own in _ZONES else project_zone
        local = self.instants[number].replace(tzinfo=_zone("UTC")).astimezone(_zone(name))
        clock = f"{local:%H:%M}"
        start, end = window.get("start", "00:00"), window.get("end", "24:00")
        days = window.get("days", WEEKDAYS)
        today, yesterday = (WEEKDAYS[(local.weekday() - back) % 7] in days for back in (0, 1))
        if end > start:
            return today and start <= clock < end
        return (today and clock >= start) or (yesterday and clock < end)


def matches(event: Event, wanted: Definition) -> bool:
    """Whether an event is the one that a trigger or goal names, `where` included (E1)."""
    return event.event == wanted["event"] and all(event.plan == value for value in wanted.get("where", {}).values())


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
