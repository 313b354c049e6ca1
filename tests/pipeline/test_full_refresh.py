"""`dbt build --full-refresh` makes every table anew from what was landed and decided, and loses nothing of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from properties.workbench import Workbench
from properties.world import Event, History, LeadVersion, Reaction, Suppression, Tick, World, moment

from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

REACTIONS = ["opened", "clicked", "unsubscribed", "opened", "bounced", "replied", *["opened"] * 9]
TABLES = """
select table_schema || '.' || table_name as name from information_schema.tables
where table_schema in ('journal', 'marts', 'raw') order by name
"""


@dataclass(frozen=True)
class Refresh:
    """A run, its tables before and after a full refresh, and what failed of it."""

    history: History
    before: dict[str, list[tuple[str, ...]]]
    after: dict[str, list[tuple[str, ...]]]
    failed: list[str]


@pytest.fixture(scope="module")
def refresh(tmp_path_factory: pytest.TempPathFactory) -> Refresh:
    workbench = Workbench(tmp_path_factory.mktemp("refreshed"))
    history = workbench.play(small_world())
    Pipeline(workbench.project, workbench.transform, journal=None).measure()
    before = tables(workbench.transform.warehouse)
    results = workbench.transform.run("build", ["*"], full_refresh=True)
    failed = [result.name for result in results if result.status not in ("success", "pass", "no-op")]
    return Refresh(history, before, tables(workbench.transform.warehouse), failed)


def test_a_full_refresh_gives_the_same_tables_and_loses_no_verdict_and_no_send(refresh: Refresh) -> None:
    assert refresh.failed == []
    assert refresh.after.keys() == refresh.before.keys()
    for name, rows in refresh.before.items():
        assert refresh.after[name] == rows, name
    assert len(refresh.after["journal.enrollment_decisions"]) == len(refresh.history.enrollment_decisions)
    assert len(refresh.after["raw.delivery_log"]) == len(refresh.history.sends)


def test_the_refreshed_tables_hold_something_of_every_kind(refresh: Refresh) -> None:
    history = refresh.history
    assert {row["decision"] for row in history.enrollment_decisions} >= {"enrolled", "suppressed", "already_enrolled"}
    assert {row["arm"] for row in history.enrollment_decisions} >= {"treatment", "control"}
    assert {row["exit_reason"] for row in history.enrollment_closings} >= {None, "unsubscribed", "converted"}
    assert {row["reason"] for row in history.skipped_steps} >= {"condition"}
    assert {row["reason"] for row in history.states[-1]} >= {"not_yet", "frequency_cap"}
    assert [name for name, rows in refresh.before.items() if name.startswith("marts.") and not rows] == []


def tables(warehouse: Path) -> dict[str, list[tuple[str, ...]]]:
    """All rows of all tables that a refresh may touch or must leave alone, in an order that doesn't matter."""
    with open_warehouse(warehouse) as opened:
        names = [row["name"] for row in opened.rows(TABLES)]
        return {
            name: sorted(tuple(map(repr, row.values())) for row in opened.rows(f"select * from {name}"))
            for name in names
        }


def small_world() -> World:
    """Two sequences over three days, with something of everything that is kept."""
    steps = [
        {"id": "hello", "subject": "Hello", "template": "mail.html"},
        {"id": "fans", "only_if": {"opened": "hello"}, "subject": "Hello", "template": "mail.html"},
        {"id": "later", "delay": {"days": 9}, "subject": "Hello", "template": "mail.html"},
    ]
    common = {
        "status": "active",
        "sender": {"email": "ada@acme.example"},
        "active_from": moment(-96),
        "goal": {"event": "purchase", "within": {"days": 3}},
    }
    sequences: dict[str, Any] = {
        "signed": {**common, "name": "Signed up", "trigger": {"event": "signup"}, "holdout": 0.3, "steps": steps},
        "entered": {
            **common,
            "name": "Entered",
            "trigger": {"segment_entered": "vips", "include_existing": True},
            "steps": [*steps[:1], {**steps[1], "only_if": {"segment": "vips"}}],
        },
    }
    leads = [
        LeadVersion(f"l{n}", moment(-90), None, f"l{n}@one.example", None, ("vip",) if n % 2 else (), lands=n % 3)
        for n in range(12)
    ]
    events = [Event(f"e{n}", f"l{n % 12}", "signup", moment(n - 20), None, None, lands=n % 4) for n in range(18)]
    events += [Event(f"p{n}", f"l{n}", "purchase", moment(60), None, None, lands=3, value=9.5) for n in range(0, 12, 2)]
    return World(
        settings={"frequency_cap": {"messages": 1, "per": {"days": 1}}},
        ticks=[Tick(moment(places)) for places in (0, 24, 48, 96, 120)],
        files=[sequences] * 5,
        leads=leads,
        events=events,
        suppressions=[Suppression("L2@one.example", "unsubscribed", moment(-50), None, 0)],
        reactions=[
            Reaction(choice, kind, 1, None, None, lands=1 + choice % 3) for choice, kind in enumerate(REACTIONS)
        ],
    )
