"""A real week of a real shop: figures of the replay against figures counted straight from the file."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import copy_project

pytestmark = pytest.mark.slow

FROM, TO, EVERY = datetime(2020, 4, 13), datetime(2020, 4, 20), timedelta(hours=2)
STEPS = {"reminder": timedelta(hours=1), "question": timedelta(days=1), "goodbye": timedelta(days=3)}

SEQUENCE = """
name: Abandoned cart
status: active
sender: {name: Shop, email: shop@shop.example}
trigger: {event: cart}
exit_on: {events: [payment_done]}
steps:
  - {id: reminder, delay: {hours: 1}, after: trigger, subject: Your cart is waiting, template: mail.html}
  - {id: question, delay: {days: 1}, after: trigger, subject: Can we help?, template: mail.html}
  - {id: goodbye, delay: {days: 3}, after: trigger, subject: We will clear it tomorrow, template: mail.html}
"""


@pytest.fixture(scope="module")
def sends(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    source = Path(__file__).parents[3] / "shared" / "data" / "onlineshop"
    if not source.is_dir():
        pytest.skip(f"the shop's data is not here: {source}")
    folder = tmp_path_factory.mktemp("shop")
    sequences = folder / "sequences" / "abandoned_cart"
    sequences.mkdir(parents=True)
    (sequences / "sequence.yml").write_text(SEQUENCE)
    (sequences / "mail.html").write_text("<html><body><p>Still there.</p></body></html>")
    project = copy_project(folder / "project", sequences=folder / "sequences")
    for kind, name in (("leads", "leads.csv"), ("events", "events.jsonl.gz")):
        place = project.landing / kind / name
        place.parent.mkdir(parents=True)
        place.write_bytes((source / name).read_bytes())
    out = folder / "sends.csv"
    subprocess.run(
        [
            *(sys.executable, "-m", "dagster_drips", "--project", project.root, "replay", "--out", out),
            *("--from", FROM.isoformat(), "--to", TO.isoformat(), "--every", "2h"),
        ],
        check=True,
    )
    with out.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def events() -> dict[str, dict[str, list[datetime]]]:
    """Times by event name and visitor, in order, read without the loader."""
    source = Path(__file__).parents[3] / "shared" / "data" / "onlineshop" / "events.jsonl.gz"
    if not source.is_file():
        pytest.skip(f"the shop's data is not here: {source}")
    found: dict[str, dict[str, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    with gzip.open(source, "rt") as stream:
        for row in map(json.loads, stream):
            moment = datetime.fromisoformat(row["occurred_at"]).astimezone(UTC).replace(tzinfo=None)
            found[row["event"]][row["lead_id"]].append(moment)
    return found


def _carts(events: dict[str, dict[str, list[datetime]]]) -> dict[str, datetime]:
    """Each visitor's first cart of the week: the one that enrolls, since nobody enters twice."""
    week = {lead: [moment for moment in times if FROM <= moment <= TO] for lead, times in events["cart"].items()}
    return {lead: min(times) for lead, times in week.items() if times}


def _expected(events: dict[str, dict[str, list[datetime]]]) -> Iterator[tuple[str, str, datetime]]:
    """Who gets which step at which tick: the first tick at or after its time, unless a payment was seen by then."""
    for lead, cart in _carts(events).items():
        seen = FROM + -(-(cart - FROM) // EVERY) * EVERY
        for step, delay in STEPS.items():
            tick = max(seen, FROM + -(-(cart + delay - FROM) // EVERY) * EVERY)
            paid = any(cart < moment <= tick for moment in events["payment_done"][lead])
            if tick > TO or paid:
                break
            yield lead, step, tick


def test_the_week_has_something_to_show(events: dict[str, dict[str, list[datetime]]]) -> None:
    carts = _carts(events)
    payers = [lead for lead, cart in carts.items() if any(moment > cart for moment in events["payment_done"][lead])]
    assert len(carts) > 300
    assert payers


def test_everybody_gets_exactly_the_steps_counted_from_the_file(
    sends: list[dict[str, str]], events: dict[str, dict[str, list[datetime]]]
) -> None:
    got = {(row["lead_id"], row["step_id"], datetime.fromisoformat(row["as_of"][:-1])) for row in sends}
    assert len(got) == len(sends)
    assert got == set(_expected(events))


def test_nobody_who_paid_before_a_step_gets_it(
    sends: list[dict[str, str]], events: dict[str, dict[str, list[datetime]]]
) -> None:
    carts = _carts(events)
    paid_in_time = 0
    for lead, cart in carts.items():
        payments = [moment for moment in events["payment_done"][lead] if moment > cart]
        mailed = [datetime.fromisoformat(row["as_of"][:-1]) for row in sends if row["lead_id"] == lead]
        assert not [moment for moment in mailed if payments and moment >= min(payments)]
        paid_in_time += bool(payments) and len(mailed) < len(STEPS)
    assert paid_in_time
