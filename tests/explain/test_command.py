"""`drips explain` as somebody types it: what its page shows, earlier ticks, while one runs, and what nobody knows."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from conftest import REPOSITORY
from typer.testing import CliRunner

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.cli.status import read_status
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse
from explain.company import NOW, TICKS, Company

pytestmark = pytest.mark.slow

PAGE = (REPOSITORY / "docs" / "explain.md").read_text(encoding="utf-8")
SNIPPETS = [
    shlex.split(line, comments=True)[1:]
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
QUERIES = re.findall(r"^```sql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def drips(project: Project, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*arguments, "--project", str(project.root)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@contextmanager
def held(project: Project) -> Generator[None]:
    """Another process writes the warehouse."""
    holder = "import sys, duckdb; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", holder, str(project.warehouse)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.communicate("")


def state_of(project: Project) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in project.root.rglob("*") if path.is_file()}


def test_an_address_is_told_every_sequence_in_both_times(company: Company) -> None:
    before = state_of(company.project)
    code, out, err = drips(company.project, *SNIPPETS[0])
    assert (code, err) == (0, "")
    assert state_of(company.project) == before
    lines = out.splitlines()
    assert lines[0] == (
        "lead ann as of the tick 2026-03-28T06:00:00Z (Sat 28 Mar 07:00),"
        " times in parentheses are those of Europe/Berlin"
    )
    for name in (path.parent.name for path in company.project.sequences.glob("*/sequence.yml")):
        assert any(line.startswith(f"{name}: ") for line in lines), name
    # Clocks go forward in between.
    assert "it is skipped at the first tick from 2026-03-29T12:00:00Z (Sun 29 Mar 14:00) on" in out
    assert "    hello: sent (M4)" in lines
    assert "  exclude staff: no member" in lines
    assert "      only_if opened hello: no" in lines
    assert "      cap 1 of 2: welcome/hello 2026-03-27T12:00:00Z (Fri 27 Mar 13:00)" in lines
    assert "  rollout 0.0: not let in" in lines


def test_one_sequence_is_told_alone(company: Company) -> None:
    code, out, _ = drips(company.project, *SNIPPETS[1])
    assert code == 0
    assert [line for line in out.splitlines() if re.match(r"\w+: ", line)] == ["welcome: active"]


def test_an_earlier_tick_is_told_as_it_was(company: Company) -> None:
    before = state_of(company.project)
    code, out, err = drips(company.project, *SNIPPETS[2])
    assert (code, err) == (0, "")
    assert {path: text for path, text in state_of(company.project).items() if before.get(path) != text} == {}
    answer = json.loads(out)
    assert answer["as_of"] == "2026-03-27T18:00:00Z"
    [lead] = answer["leads"]
    assert (lead["lead_id"], lead["timezone"]) == ("ann", "Europe/Berlin")
    by_step = {(one["sequence_id"], one["step_id"]): one for one in lead["explanations"]}
    hello, tips = by_step["welcome", "hello"], by_step["welcome", "tips"]
    assert (hello["state"], hello["decided_at"]) == ("sent", "2026-03-27T12:00:00Z")
    assert hello["decided_at_local"] == "2026-03-27T13:00:00+01:00"
    assert (tips["state"], tips["as_of"]) == ("waiting", "2026-03-27T18:00:00Z")
    assert tips["next_at_local"] == "2026-03-29T14:00:00+02:00"
    # Paused later, and not landed by then.
    assert by_step["paused", "only"]["reason"] == "never_triggered"
    code, _, err = drips(company.project, "explain", "slow3", "--at", "2026-03-28T05:59:59Z")
    assert (code, err) == (
        1,
        "error: no lead 'slow3' was known at 2026-03-28T00:00:00Z; give a lead_id or an address\n",
    )


def test_occurrences_that_wait_are_told(company: Company) -> None:
    code, out, _ = drips(company.project, "explain", "ann", "--sequence", "rolled", "--json")
    assert code == 0
    [occurrence] = json.loads(out)["leads"][0]["occurrences"]
    assert (occurrence["decision"], occurrence["occurred_at"]) == ("waiting", "2026-03-27T11:00:00Z")


def test_rows_that_were_rejected_are_told_to_whom_they_name(company: Company) -> None:
    code, out, err = drips(company.project, "explain", "typo")
    assert (code, out) == (1, "")
    assert re.fullmatch(
        r"error: no lead 'typo' was known at \S+, but a landed row names it:"
        r" leads/0002.jsonl, line 2, rejected: .*created_at.*\n",
        err,
    )
    code, out, _ = drips(company.project, "explain", "never")
    assert code == 0
    assert re.fullmatch(r"  events/\d+.jsonl, line 1, rejected: event_id missing", out.splitlines()[1])
    answer = json.loads(drips(company.project, "explain", "never", "--json")[1])
    assert [(row["kind"], row["line"]) for row in answer["leads"][0]["rejected"]] == [("events", 1)]
    assert json.loads(drips(company.project, "explain", "ann", "--json")[1])["leads"][0]["rejected"] == []


def test_status_tells_when_a_window_lets_the_next_step_out(company: Company) -> None:
    due = {row["sequence_id"]: row for row in read_status(company.project).due_next}
    # Sunday 02:30 in Berlin, which clocks jump over; the schedule came on Friday.
    assert due["windowed"]["next_at"] == datetime(2026, 3, 29, 1)
    assert due["expiring"]["next_at"] == datetime(2026, 3, 31, 22)
    assert due["windowed"]["waiting"] == 2


def test_while_a_tick_runs_what_was_published_is_told(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dagster_drips.warehouse.duckdb_file._PATIENCE_SECONDS", 0)
    code, at_rest, _ = drips(company.project, *SNIPPETS[1])
    assert code == 0
    with held(company.project):
        code, out, _ = drips(company.project, *SNIPPETS[1])
        assert code == 0
        first, _, rest = out.partition("\n\n")
        assert first == "a tick is running; as published after the one before:"
        assert rest == at_rest
        code, _, err = drips(company.project, *SNIPPETS[2])
        assert code == 1
        assert err.startswith("error: ") and "another process has it open" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["explain", "zoe"], "no lead 'zoe' was known at 2026-03-28T06:00:00Z"),
        (["explain", "zoe@x.example"], "no lead 'zoe@x.example' was known at"),
        (["explain", "ann", "--sequence", "wellcome"], "no sequence 'wellcome' was live at 2026-03-28T06:00:00Z"),
        (
            ["explain", "ann", "--at", "2026-03-01"],
            "no tick is as early as 2026-03-01T00:00:00Z: the first was at 2026-03-27T12:00:00Z",
        ),
        (["explain", "ann", "--at", "soon"], "not an instant: 'soon'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_nobody_knows_is_one_line(company: Company, arguments: list[str], words: str) -> None:
    code, out, err = drips(company.project, *arguments)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {words}")
    assert err.count("\n") == 1


def test_before_the_first_tick_there_is_nothing_to_explain(tmp_path: Path, company: Company) -> None:
    for part in ("sequences", "dbt_project"):
        shutil.copytree(company.project.root / part, tmp_path / part)
    project = Project.at(tmp_path)
    assert drips(project, "explain", "ann")[2] == (
        f"error: {project.warehouse}: there is no warehouse yet; make it with `drips run`\n"
    )
    with open_warehouse(project.warehouse):
        pass
    assert drips(project, "explain", "ann")[2] == (
        f"error: {project.warehouse}: this warehouse has seen no tick yet; start with `drips run`\n"
    )


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_queries_of_the_page_run_where_bi_reads(company: Company, query: str) -> None:
    with duckdb.connect(company.project.published / "drips.duckdb", read_only=True) as published:
        assert published.execute(query).fetchall() != []


def test_the_page_shows_no_other_calls_than_these() -> None:
    assert [line[0] for line in SNIPPETS] == ["explain"] * 3
    assert len(QUERIES) == 2
    assert TICKS[-1] == NOW
