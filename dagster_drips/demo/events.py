"""What made-up leads do: the events of each story, then everyday use until the wanted number is reached.

Names of events are those that the example sequences and segments ask for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from dagster_drips.demo.leads import Lead, Story
from dagster_drips.demo.names import FEATURES, PAGES, PRODUCTS

_CURRENCY = "EUR"
# How much of the everyday use a lead of each story makes up.
_ACTIVITY = {Story.ARRIVING: 1.0, Story.CURIOUS: 0.25, Story.QUIET: 0.0, Story.ACTIVE: 1.0, Story.CUSTOMER: 1.3}
_SHARE_WITH_A_CART = 0.11
_FILL_ANOTHER_CART = 0.1
_QUIET_WHO_RETURN = 0.12


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a lead did; times are naive UTC."""

    occurred_at: datetime
    received_at: datetime
    lead_id: str
    name: str
    properties: dict[str, Any]
    value: float | None = None


@dataclass(frozen=True)
class Period:
    """The days that the sample tells of, and when its ticks begin."""

    start: datetime
    first_tick: datetime
    end: datetime


def make_events(random: Random, leads: Sequence[Lead], count: int, period: Period) -> list[Event]:
    """`count` events in order of receipt, all but the quiet leads' last visits within the period.

    Where the stories alone need more than `count`, the last ones are left out.
    """
    told = [event for lead in leads for event in _story(random, lead, period)]
    # What a story would put after the end of the sample has not happened yet.
    events = [event for event in told if event.occurred_at < period.end][:count]
    events += _everyday(random, leads, count - len(events), period)
    return sorted(events, key=lambda event: (event.received_at, event.lead_id, event.name))


def _story(random: Random, lead: Lead, period: Period) -> Iterator[Event]:
    if lead.story is Story.ARRIVING:
        yield from _arrival(random, lead, period)
    elif lead.story is Story.QUIET:
        yield from _silence(random, lead, period)
    elif lead.story is Story.CUSTOMER:
        yield from _payments(random, lead, period)
    if lead.story in (Story.ARRIVING, Story.ACTIVE, Story.CUSTOMER) and random.random() < _SHARE_WITH_A_CART:
        yield from _cart(random, lead, period)
        if random.random() < _FILL_ANOTHER_CART:
            yield from _cart(random, lead, period)


def _arrival(random: Random, lead: Lead, period: Period) -> Iterator[Event]:
    start = lead.created_at
    yield _event(random, lead, start + timedelta(seconds=2), "signup", period, {"source": _one(random, ("web", "app"))})
    if random.random() < 0.65:
        start += timedelta(minutes=3 + 60 * 40 * random.random() ** 3)
        yield _event(random, lead, start, "login", period)
        if random.random() < 0.6:
            yield _event(random, lead, start + timedelta(minutes=9), "trial_started", period, {"days": 30})
            use = {"feature": _one(random, FEATURES)}
            yield _event(random, lead, start + timedelta(hours=5 * random.random()), "feature_used", period, use)
    fate = random.random()
    if fate < 0.12:
        yield _sale(random, lead, start + timedelta(days=2 + 9 * random.random()), "purchase", period)
    elif fate < 0.18 and lead.kind == "enterprise":
        asked = start + timedelta(days=1 + 6 * random.random())
        yield _event(random, lead, asked, "demo_requested", period, {"seats": lead.row["employees"]})


def _silence(random: Random, lead: Lead, period: Period) -> Iterator[Event]:
    last = period.first_tick - timedelta(days=24 + 60 * random.random())
    last = min(last, period.start - timedelta(hours=1))
    yield _event(random, lead, last - timedelta(hours=1), "login", period)
    yield _event(random, lead, last, "feature_used", period, {"feature": _one(random, FEATURES)})
    if random.random() < _QUIET_WHO_RETURN:
        span = period.end - period.first_tick
        yield _event(random, lead, period.first_tick + span * random.random(), "login", period)


def _payments(random: Random, lead: Lead, period: Period) -> Iterator[Event]:
    before = (period.first_tick - period.start) * random.random()
    yield _sale(random, lead, period.start + before, "payment_done", period)
    if random.random() < 0.04:
        left = period.start + before + (period.end - period.start - before) * random.random()
        reason = {"reason": _one(random, ("price", "missing feature", "project ended"))}
        yield _event(random, lead, left, "subscription_cancelled", period, reason)


def _cart(random: Random, lead: Lead, period: Period) -> Iterator[Event]:
    earliest = max(period.first_tick - timedelta(days=1), lead.created_at)
    filled = earliest + (period.end - earliest) * random.random()
    product, price = _one(random, PRODUCTS)
    items = 1 + int(12 * random.random() ** 2)
    total = round(items * price, 2)
    yield _event(random, lead, filled, "cart", period, {"product": product, "items": items, "total": total})
    if random.random() < 0.35:
        paid = filled + timedelta(hours=0.2 + 90 * random.random() ** 2)
        yield _event(random, lead, paid, "payment_done", period, {"product": product, "items": items}, value=total)


def _everyday(random: Random, leads: Sequence[Lead], count: int, period: Period) -> list[Event]:
    cumulative, users, total = [], [], 0.0
    for lead in leads:
        if activity := _ACTIVITY[lead.story]:
            total += activity
            cumulative.append(total)
            users.append(lead)
    return [_visit(random, lead, period) for lead in random.choices(users, cum_weights=cumulative, k=max(count, 0))]


def _visit(random: Random, lead: Lead, period: Period) -> Event:
    earliest = max(period.start, lead.created_at)
    moment = earliest + (period.end - earliest) * random.random()
    if moment.weekday() >= 5 and random.random() < 0.6:  # week-ends are quiet
        moment = earliest + (period.end - earliest) * random.random()
    kind = random.random()
    if lead.story is Story.CURIOUS or kind < 0.45:
        return _event(random, lead, moment, "page_viewed", period, {"name": _one(random, PAGES)})
    if kind < 0.75:
        return _event(random, lead, moment, "feature_used", period, {"feature": _one(random, FEATURES)})
    return _event(random, lead, moment, "login", period, {"device": _one(random, ("web", "ios", "android"))})


def _sale(random: Random, lead: Lead, moment: datetime, name: str, period: Period) -> Event:
    product, price = _one(random, PRODUCTS[:3])
    seats = max(1, min(int(lead.row["employees"]) // 3, 400))
    properties = {"product": product, "seats": seats}
    return _event(random, lead, moment, name, period, properties, value=round(seats * price, 2))


def _event(
    random: Random,
    lead: Lead,
    moment: datetime,
    name: str,
    period: Period,
    properties: dict[str, Any] | None = None,
    value: float | None = None,
) -> Event:
    occurred_at = moment.replace(microsecond=0)
    # Most arrive at once; a telephone without a network keeps its own for hours.
    late = (
        timedelta(hours=7 * random.random()) if random.random() < 0.02 else timedelta(seconds=1 + 5 * random.random())
    )
    received_at = min(occurred_at + late, max(period.end, occurred_at)).replace(microsecond=0)
    return Event(occurred_at, received_at, lead.lead_id, name, properties or {}, value)


def event_row(event_id: str, event: Event) -> dict[str, Any]:
    """The event as it is landed."""
    row: dict[str, Any] = {
        "event_id": event_id,
        "lead_id": event.lead_id,
        "event": event.name,
        "occurred_at": f"{event.occurred_at.isoformat()}Z",
        "received_at": f"{event.received_at.isoformat()}Z",
        "properties": event.properties,
    }
    if event.value is not None or event.name == "cart":
        row["currency"] = _CURRENCY
    if event.value is not None:
        row["value"] = event.value
    return row


def _one(random: Random, choices: Sequence[Any]) -> Any:
    return choices[int(random.random() * len(choices))]
