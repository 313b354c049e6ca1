"""`drips replay` beyond the span of life: drafts, what was really sent, and what late data has cost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import copy_project
from typer.testing import CliRunner

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.pipeline.dbt_runner import Transform
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.pipeline.tick_journal import TickJournal
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 1)
HOURS = 12
SEQUENCE = """
status: {status}
sender: {{name: Ada, email: ada@acme.example}}
trigger: {{event: {trigger}, trigger_max_age: {{hours: 6}}}}
steps:
  - {{id: hello, subject: Hello, template: mail.html}}
  - {{id: follow, delay: {{hours: 3}}, unless: {{event: bought}}, subject: Again, template: mail.html}}
"""
LEADS = [f"L{number}" for number in range(1, 8)]


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


class Life:
    """A project that ticks once an hour, and whose mail is taken to be sent."""

    def __init__(self, project: Project):
        self.project = project
        self.transform = Transform(project)

    def write(self, name: str, status: str = "active", trigger: str = "signup") -> None:
        folder = self.project.sequences / name
        folder.mkdir(exist_ok=True)
        (folder / "mail.html").write_text("<html><body>Hello</body></html>")
        (folder / "sequence.yml").write_text(SEQUENCE.format(status=status, trigger=trigger))

    def land(self, kind: str, name: str, *rows: dict[str, Any]) -> None:
        (self.project.landing / kind / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def live(self, landing: dict[int, Callable[[], None]], hours: int = HOURS) -> None:
        journal = TickJournal(self.project.journal / "ticks")
        pipeline = Pipeline(self.project, self.transform, journal)
        with open_warehouse(self.project.warehouse) as warehouse:
            for number in range(hours + 1):
                landing.get(number, lambda: None)()
                pipeline.tick(warehouse, hour(number), settings=None, measure=False)

    def replay(self, *arguments: str, every: str = "1h", first: float = 0, last: float = HOURS) -> dict[str, Any]:
        """From how things stood before, which is nothing where `first` is 0: the views are there already."""
        span = ["--from", f"{hour(first):%Y-%m-%dT%H:%M:%SZ}", "--to", f"{hour(last):%Y-%m-%dT%H:%M:%SZ}"]
        command = ["replay", *span, "--every", every, "--json", "--continue", *arguments]
        result = CliRunner().invoke(app, [*command, "--project", str(self.project.root)])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


def event(lead: str, name: str, at: float, received: float | None = None) -> dict[str, Any]:
    given = {"received_at": hour(received).isoformat()} if received is not None else {}
    return {"event_id": f"{lead}-{name}", "lead_id": lead, "event": name, "occurred_at": hour(at).isoformat(), **given}


def new_life(folder: Path) -> Life:
    for name in ("sequences", "segments"):
        (folder / name).mkdir()
    project = copy_project(folder / "project", sequences=folder / "sequences", segments=folder / "segments")
    for kind in LANDING_KINDS:
        (project.landing / kind).mkdir(parents=True)
    life = Life(project)
    created = (START - timedelta(days=30)).isoformat()
    life.land(
        "leads",
        "leads",
        *({"lead_id": lead, "email": f"{lead.lower()}@x.example", "created_at": created} for lead in LEADS),
    )
    life.write("welcome")
    return life


@pytest.fixture(scope="module")
def in_time(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """Everybody signed up at the first hour, and it was known at once."""
    life = new_life(tmp_path_factory.mktemp("in_time"))
    life.live({1: lambda: life.land("events", "0001", *(event(lead, "signup", 1) for lead in LEADS))})
    return life


@pytest.fixture
def again(in_time: Life) -> Iterator[Life]:
    """The same, with sequence files that a test may change."""
    kept = {path: path.read_bytes() for path in in_time.project.sequences.rglob("*") if path.is_file()}
    yield in_time
    shutil.rmtree(in_time.project.sequences)
    for path, content in kept.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def differing(file: Path, table: str, *columns: str) -> list[tuple[Any, ...]]:
    with open_warehouse(file, read_only=True) as warehouse:
        rows = warehouse.rows(f"select {', '.join(columns)} from comparison.{table} order by all")
    return [tuple(row.values()) for row in rows]


def test_known_delays_are_told_exactly_and_nothing_else(tmp_path: Path) -> None:
    life = new_life(tmp_path)
    at_once = [event(lead, "signup", 1) for lead in ("L1", "L3", "L4")]
    opted_out = {"email": "L4@x.example", "reason": "unsubscribed", "occurred_at": hour(2.5).isoformat()}
    late_file = [event("L2", "signup", 2), event("L5", "signup", 1)]
    bought = [event("L3", "bought", 3, received=6)]
    life.live(
        {
            1: lambda: life.land("events", "0001", *at_once),
            # received late, though its file was loaded in time
            3: lambda: life.land("events", "0002", *bought),
            # occurred between two ticks, and the next one had it: that is not late
            5: lambda: life.land("events", "0003", event("L6", "signup", 4.5)),
            7: lambda: life.land("events", "0004", *late_file),
            8: lambda: life.land("events", "0005", event("L7", "signup", 1)),
            9: lambda: life.land("suppressions", "0006", opted_out),
        }
    )
    kept = tmp_path / "replayed.duckdb"
    told = life.replay("--compare", "--as-happened", "--warehouse", str(kept))
    columns = ("effect", "lead_id", "step_id", "as_happened_as_of", "as_known_as_of", "file", "line", "delay_seconds")
    hours = 3600
    assert differing(kept, "late_sends", *columns) == [
        ("missed", "L7", "follow", hour(4), None, "events/0005.jsonl", 1, 7 * hours),
        ("missed", "L7", "hello", hour(1), None, "events/0005.jsonl", 1, 7 * hours),
        ("other_time", "L2", "follow", hour(5), hour(10), "events/0004.jsonl", 1, 5 * hours),
        ("other_time", "L2", "hello", hour(2), hour(7), "events/0004.jsonl", 1, 5 * hours),
        ("other_time", "L5", "follow", hour(4), hour(10), "events/0004.jsonl", 2, 6 * hours),
        ("other_time", "L5", "hello", hour(1), hour(7), "events/0004.jsonl", 2, 6 * hours),
        ("wrongly_sent", "L3", "follow", None, hour(4), "events/0002.jsonl", 1, 3 * hours),
        ("wrongly_sent", "L4", "follow", None, hour(4), "suppressions/0006.jsonl", 1, 6.5 * hours),
    ]
    assert [(row["file"], row["late_rows"], row["missed"], row["wrongly_sent"]) for row in told["late"]] == [
        ("events/0002.jsonl", 1, 0, 1),
        ("events/0004.jsonl", 2, 0, 0),
        ("events/0005.jsonl", 1, 2, 0),
        ("suppressions/0006.jsonl", 1, 0, 1),
    ]
    # The same against what was really sent: life is the replay that knew what it knew.
    against_life = differing(kept, "sends", "lead_id", "step_id", "here_as_of", "there_as_of")
    assert sorted(against_life, key=str) == sorted(differing(kept, "late_sends", *columns[1:5]), key=str)


def test_without_delays_there_is_nothing_to_tell(in_time: Life) -> None:
    told = in_time.replay("--compare", "--as-happened")
    assert told["late"] == []
    assert told["compared"] == {"same": 2 * len(LEADS), "differences": []}


def test_ticks_of_life_may_be_finer_than_those_of_the_replay(in_time: Life) -> None:
    # hello was sent at 1 and follow at 4, which are both the replay's 4; it has hello at 4 and follow at 8
    assert in_time.replay("--compare", every="4h")["compared"] == {
        "same": 7,
        "differences": [{"difference": "other_time", "sequence_id": "welcome", "mails": 7}],
    }


def test_a_replay_of_other_files_is_compared_with_what_was_really_sent(again: Life, tmp_path: Path) -> None:
    file = again.project.sequences / "welcome" / "sequence.yml"
    file.write_text(file.read_text().replace("hours: 3", "hours: 5").replace("id: hello", "id: hi"))
    again.write("draft", status="draft")
    kept = tmp_path / "replayed.duckdb"
    told = again.replay("--compare", "--activate", "draft", "--warehouse", str(kept))
    assert told["compared"] == {
        "same": 0,
        "differences": [
            {"difference": "only_here", "sequence_id": "draft", "mails": 14},
            {"difference": "only_here", "sequence_id": "welcome", "mails": 7},
            {"difference": "only_there", "sequence_id": "welcome", "mails": 7},
            {"difference": "other_time", "sequence_id": "welcome", "mails": 7},
        ],
    }
    assert set(differing(kept, "sends", "difference", "step_id", "here_as_of", "there_as_of")) == {
        ("only_here", "hello", hour(1), None),
        ("only_here", "follow", hour(4), None),
        ("only_here", "hi", hour(1), None),
        ("only_there", "hello", None, hour(1)),
        ("other_time", "follow", hour(6), hour(4)),
    }


def test_a_continued_replay_of_the_past_starts_from_how_things_stood_then(in_time: Life) -> None:
    before = in_time.project.warehouse.read_bytes()
    assert in_time.replay("--compare", first=3, last=6)["compared"] == {"same": 7, "differences": []}
    assert in_time.project.warehouse.read_bytes() == before


def test_drafts_are_replayed_and_stay_drafts(again: Life) -> None:
    again.write("one", status="draft")
    again.write("two", status="paused")
    sends = [{"sequence_id": name, "sends": 7} for name in ("one", "two", "welcome")]
    assert again.replay("--drafts", last=2)["by_sequence"] == [sends[0], sends[2]]
    assert again.replay("--activate", "one", "--activate", "two", last=2)["by_sequence"] == sends
    assert "status: draft" in (again.project.sequences / "one" / "sequence.yml").read_text()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("welcom", "there is no sequence 'welcom' to activate; did you mean 'welcome'?"),
        ("torn", "sequences/torn/sequence.yml:6: "),
    ],
)
def test_what_cant_be_activated_is_told_in_one_line(again: Life, name: str, words: str) -> None:
    again.write("torn", status="draft")
    file = again.project.sequences / "torn" / "sequence.yml"
    file.write_text(file.read_text().replace("id: hello", "idd: hello"))
    command = ["replay", "--from", "2026-03-01", "--to", "2026-03-01", "--activate", name]
    result = CliRunner().invoke(app, [*command, "--project", str(again.project.root)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: {words}")
    assert result.stderr.count("\n") == 1
