"""Made-up leads, each with a story that its events will tell. Who is mailed what is not known here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from random import Random
from typing import Any

from dagster_drips.demo.names import COMPANY_WORDS, FIRST_NAMES, LAST_NAMES, PLACES, TRADES, Place


class Story(Enum):
    """What a lead is up to in the weeks of the demo."""

    ARRIVING = "arriving"
    """Signs up shortly before or during the ticks."""
    CURIOUS = "curious"
    """Reads pages now and then, and uses nothing."""
    QUIET = "quiet"
    """Used the product once, and fell silent before the sample begins."""
    ACTIVE = "active"
    """Uses the product without paying."""
    CUSTOMER = "customer"
    """Pays."""


# Shares of all leads, chosen so that two weeks of the example sequences come to some three to four thousand messages.
_SHARES = {
    Story.ARRIVING: 0.14,
    Story.CURIOUS: 0.20,
    Story.QUIET: 0.07,
    Story.ACTIVE: 0.30,
    Story.CUSTOMER: 0.29,
}
_SIZES = {"enterprise": (400, 9000), "small_business": (2, 49), None: (20, 300)}
_MORE_TAGS = ("webinar", "newsletter", "partner", "trade_fair", "referral")


@dataclass
class Lead:
    """A lead's first version; `row` is what is landed."""

    lead_id: str
    story: Story
    kind: str | None
    """`enterprise`, `small_business` or neither."""
    created_at: datetime
    place: Place
    row: dict[str, Any] = field(repr=False)


def make_leads(random: Random, count: int, *, first_tick: datetime, end: datetime) -> list[Lead]:
    """`count` leads in the order of their creation.

    Args:
        random: the only source of chance.
        count: how many.
        first_tick: most are older than this.
        end: the newest are no newer than this.
    """
    stories = _stories(random, count)
    created = sorted(
        ((_created_at(random, story, first_tick, end), story) for story in stories), key=lambda pair: pair[0]
    )
    taken: set[str] = set()
    return [_lead(random, number, story, moment, taken) for number, (moment, story) in enumerate(created, start=1)]


def _stories(random: Random, count: int) -> list[Story]:
    stories = [story for story, share in _SHARES.items() for _ in range(int(share * count))]
    stories += [Story.ACTIVE] * (count - len(stories))
    random.shuffle(stories)
    return stories


def _created_at(random: Random, story: Story, first_tick: datetime, end: datetime) -> datetime:
    if story is Story.ARRIVING:
        earliest, latest = first_tick - timedelta(days=3), end - timedelta(hours=6)
    elif story is Story.CURIOUS:
        # The youngest of them come of age for the nurture segment (21 days) while the ticks go by.
        earliest, latest = first_tick - timedelta(days=150), first_tick - timedelta(days=9)
    else:
        earliest, latest = first_tick - timedelta(days=400), first_tick - timedelta(days=50)
    return earliest + timedelta(seconds=int(random.random() * (latest - earliest).total_seconds()))


def _lead(random: Random, number: int, story: Story, created_at: datetime, taken: set[str]) -> Lead:
    place = random.choices(PLACES, weights=[place.weight for place in PLACES])[0]
    kind = random.choices(("enterprise", "small_business", None), weights=(35, 47, 18))[0]
    first, last = random.choice(FIRST_NAMES[place.names]), random.choice(LAST_NAMES[place.names])
    industry, forms = random.choice(TRADES)
    company = f"{random.choice(COMPANY_WORDS)} {random.choice(forms)}"
    smallest, largest = _SIZES[kind]
    plan = "trial" if story is Story.ARRIVING else "business" if story is Story.CUSTOMER else "free"
    row: dict[str, Any] = {
        "lead_id": f"lead_{number:05d}",
        "created_at": f"{created_at.isoformat()}Z",
        "email": _address(first, last, company, taken),
        "first_name": first if random.random() > 0.04 else None,
        "last_name": last,
        "company": company,
        "country": place.country,
        "locale": place.locale,
        "timezone": place.timezone if random.random() > 0.03 else None,
        "phone": _phone(random, place),
        "tags": _tags(random, kind),
        "plan": plan,
        "employees": int(smallest * (largest / smallest) ** random.random()),
        "industry": industry,
        "lifetime_value": round(300 + 9000 * random.random() ** 3, 2) if story is Story.CUSTOMER else None,
    }
    if random.random() < 0.004:
        row["email"] = None  # the lead waits until somebody enters it (E3)
    return Lead(row["lead_id"], story, kind, created_at, place, row)


def _tags(random: Random, kind: str | None) -> list[str]:
    more = [tag for tag in _MORE_TAGS if random.random() < 0.12]
    return [kind, *more] if kind else more


def _address(first: str, last: str, company: str, taken: set[str]) -> str:
    local, domain = f"{_plain(first)}.{_plain(last)}", f"{_plain(company)}.example"
    address, number = f"{local}@{domain}", 1
    while address in taken:
        number += 1
        address = f"{local}{number}@{domain}"
    taken.add(address)
    return address


def _plain(text: str) -> str:
    for letter, spelled in (("ø", "o"), ("ł", "l"), ("ß", "ss")):
        text = text.lower().replace(letter, spelled)
    decomposed = unicodedata.normalize("NFKD", text)
    return re.sub("[^a-z]", "", decomposed.lower())


def _phone(random: Random, place: Place) -> str | None:
    """Where there are numbers kept free for fiction, one of them."""
    number = int(random.random() * 100)
    if random.random() < 0.5:
        return None
    return {"US": f"+120255501{number:02d}", "CA": f"+161355501{number:02d}", "GB": f"+4420794609{number:02d}"}.get(
        place.country
    )


def make_updates(random: Random, leads: Sequence[Lead], *, first_tick: datetime, end: datetime) -> list[dict[str, Any]]:
    """Later versions of some leads, whole rows (T2): a plan that changed while the ticks went by; in order of time."""
    rows = []
    for lead in leads:
        if lead.story is not Story.ACTIVE or random.random() > 0.1:
            continue
        seconds = int(random.random() * (end - first_tick).total_seconds())
        updated_at = first_tick + timedelta(seconds=seconds)
        rows.append({**lead.row, "plan": "team", "updated_at": f"{updated_at.isoformat()}Z"})
    return sorted(rows, key=lambda row: (row["updated_at"], row["lead_id"]))
