"""`drips plan` as somebody types it: what its page shows, thresholds, and what can't be planned."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from conftest import REPOSITORY
from typer.testing import CliRunner

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.warehouse import open_warehouse
from plan.world import SPAN, World

pytestmark = pytest.mark.slow

PAGE = (REPOSITORY / "docs" / "plan.md").read_text(encoding="utf-8")
SNIPPETS = [
    shlex.split(line, comments=True)[1:]
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
FROM = ["--from", f"{SPAN.start:%Y-%m-%dT%H:%M:%SZ}"]
SHORT = ["--days", "1", "--every", "8h"]


def git(world: World, *arguments: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@acme.example"]
    subprocess.run(["git", *identity, *arguments], cwd=world.project.root, check=True, capture_output=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A project in git, one edit away from its commit."""
    world = World(tmp_path_factory.mktemp("command"))
    git(world, "init", "--quiet", "--initial-branch", "main")
    (world.project.root / ".gitignore").write_text("data/\ntarget/\nlogs/\n")
    git(world, "add", ".")
    git(world, "commit", "--quiet", "--message", "as it is live")
    world.live()
    file = world.project.sequences / "welcome" / "sequence.yml"
    file.write_text(file.read_text().replace("delay: {hours: 8}", "delay: {hours: 16}"))
    settings = world.project.sequences / "project.yml"
    settings.write_text(settings.read_text() + "plan: {max_new_enrollments: 0, max_change: 0.01}\n")
    return world


def drips(world: World, *arguments: str | Path) -> tuple[int, str, str]:
    here = [str(argument) for argument in arguments]
    result = CliRunner().invoke(app, [*here, "--project", str(world.project.root)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def snippet(*options: str) -> list[str]:
    """The page's one call of `plan` with these options and no other; it speaks of now and weeks, here it is March."""
    [found] = [
        line for line in SNIPPETS if line[0] == "plan" and {part for part in line if part[:2] == "--"} == {*options}
    ]
    return [*found, *FROM, *SHORT]


@pytest.fixture(scope="module")
def against_live(world: World) -> dict[str, Any]:
    code, out, _ = drips(world, *snippet(), "--json")
    assert code == 1
    return json.loads(out)


def test_a_plan_as_json_tells_what_is_edited_and_exceeded(against_live: dict[str, Any]) -> None:
    [words] = against_live["exceeded"]
    assert words.endswith("and max_change is 1.0%")
    assert against_live["edits"] == [
        {"kind": "sequence", "name": "welcome", "change": "changed", "what": ["steps"]},
        {"kind": "file", "name": "sequences/project.yml", "change": "changed", "what": ["plan"]},
    ]
    assert not against_live["is_empty"]
    assert against_live["span"]["ticks"] == 4
    assert against_live["totals"]["later"] > 0
    people = [sample["lead_id"] for sample in against_live["samples"]]
    assert len(set(people)) == len(people) == min(10, against_live["totals"]["people"])
    assert "@x.example" not in json.dumps(against_live)


def test_live_and_the_commit_of_what_is_live_are_the_same_base(world: World, against_live: dict[str, Any]) -> None:
    code, out, _ = drips(world, *snippet("--base", "--days"), "--json")
    assert code == 1
    assert {**json.loads(out), "base": "live"} == against_live


def test_a_plan_is_text_markdown_and_parquet(
    world: World, against_live: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = drips(world, *snippet("--base", "--every", "--markdown", "--out"))
    assert code == 1, err
    totals = against_live["totals"]
    assert "  before: the files of HEAD\n" in out
    assert "both lived from 2026-03-03 00:00 to 2026-03-04 00:00 UTC, a tick every 8 h" in out
    assert f"Mails {totals['base_mails']} → {totals['working_mails']}: " in out
    told = (tmp_path / "plan.md").read_text()
    assert f"> **Exceeded:** {against_live['exceeded'][0].replace('_', chr(92) + '_')}" in told
    for sample in against_live["samples"]:
        assert f"| {sample['lead_id']} | " in told
    for text in (out, told):
        assert "x.example" not in text, "an address"
    mails = pl.read_parquet(tmp_path / "differing" / "mails.parquet")
    assert mails.height == totals["differing"]
    assert set(mails["sequence_id"]) >= {"welcome"}
    assert pl.read_parquet(tmp_path / "differing" / "sends.parquet").height == totals["working_mails"]
    assert pl.read_parquet(tmp_path / "differing" / "enrollments.parquet").height == 0
    assert pl.read_parquet(tmp_path / "differing" / "segment_members.parquet").height == 0


@pytest.mark.parametrize("arguments", [line for line in SNIPPETS if line[0] == "replay"], ids=" ".join)
def test_what_the_page_shows_of_replays_runs(
    world: World, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = drips(world, *arguments)
    assert code == 0, err
    assert "4 ticks, " in out
    for option in ("--out", "--warehouse"):
        if option in arguments:
            assert (tmp_path / arguments[arguments.index(option) + 1]).exists()


def test_the_page_shows_no_other_calls_than_these() -> None:
    assert [line[0] for line in SNIPPETS] == ["plan"] * 3 + ["replay"] * 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--base", "mian"], "--base mian: git knows no such commit"),
        (["--base", "-x"], "--base -x: git knows no such commit"),
        (["--every", "often"], "not a duration: 'often'"),
        (["--from", "soon"], "not an instant: 'soon'"),
        (["--from", "2026-03-01T00:00:00Z"], "is not later than the last finished one"),
        (["--out", __file__], "--out takes a folder"),
        (["--base", "broken"], "sequences/welcome/sequence.yml:8: unknown key 'hour'"),
        (["--base", "unreadable"], "(base unreadable)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cant_be_planned_is_told_in_one_line(world: World, arguments: list[str], words: str) -> None:
    if arguments[1] in ("broken", "unreadable"):
        _commit_mistake(world, arguments[1])
    given = arguments if "--from" in arguments else [*arguments, *FROM]
    code, out, err = drips(world, "plan", *SHORT, *given)
    assert (code, out) == (1, "")
    lines = [line for line in err.splitlines() if not line.startswith("plan ")]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert words in lines[0]


@pytest.mark.parametrize(
    "earlier",
    [
        "delete from raw.prepared_files",
        # The product's models were copied into a project, and are no package.
        "update raw.prepared_files set content = replace(content, 'name: project', 'name: drips')",
    ],
)
def test_a_warehouse_of_an_earlier_release_keeps_no_models_to_compare_with(world: World, earlier: str) -> None:
    with open_warehouse(world.project.warehouse) as warehouse:
        kept = warehouse.frame("select * from raw.prepared_files")
        warehouse.execute(earlier)
    code, out, err = drips(world, "plan", *FROM, *SHORT)
    with open_warehouse(world.project.warehouse) as warehouse:
        warehouse.execute("delete from raw.prepared_files")
        warehouse.append("raw.prepared_files", kept)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert "nobody knows what is live: the next tick will" in err
    assert {"dbt_project.yml", "models/segments/germans.sql"} <= set(kept["path"])


def test_before_the_first_tick_nothing_is_live_and_everything_is_new(tmp_path: Path) -> None:
    world = World(tmp_path)
    code, out, err = drips(world, "plan", *FROM, *SHORT, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["totals"]["base_mails"] == 0
    assert found["totals"]["working_mails"] == found["totals"]["gains"] > 0
    assert {(edit["name"], edit["change"]) for edit in found["edits"] if edit["kind"] == "sequence"} == {
        (name, "added") for name in ("cart", "news", "vips", "welcome")
    }
    assert not world.project.warehouse.exists()


@pytest.mark.parametrize("arguments", [["--days", "0"], ["--days", "few"], ["--bsae", "live"]], ids=" ".join)
def test_wrong_usage_exits_2(world: World, arguments: list[str]) -> None:
    code, out, err = drips(world, "plan", *arguments)
    assert (code, out) == (2, "")
    assert "Error" in err


def _commit_mistake(world: World, name: str) -> None:
    """On a branch of that name: a key that is none, or a model that dbt can't read."""
    git(world, "stash")
    git(world, "checkout", "--quiet", "-b", name)
    if name == "broken":
        file = world.project.sequences / "welcome" / "sequence.yml"
        file.write_text(file.read_text().replace("hours: 8", "hour: 8"))
    else:
        file = world.project.dbt / "macros" / "short_names.sql"
        file.write_text(file.read_text() + "{% macro torn")
    git(world, "commit", "--quiet", "--all", "--message", name)
    git(world, "checkout", "--quiet", "main")
    git(world, "stash", "pop")
