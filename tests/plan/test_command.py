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


def test_a_plan_tells_the_same_in_every_form(world: World, tmp_path: Path) -> None:
    code, out, _ = drips(
        world, "plan", *FROM, *SHORT, "--json", "--markdown", tmp_path / "plan.md", "--out", tmp_path / "out"
    )
    found: dict[str, Any] = json.loads(out)
    assert code == 1
    [words] = found["exceeded"]
    assert words.endswith("and max_change is 1.0%")
    assert found["edits"] == [
        {"kind": "sequence", "name": "welcome", "change": "changed", "what": ["steps"]},
        {"kind": "file", "name": "sequences/project.yml", "change": "changed", "what": ["plan"]},
    ]
    assert not found["is_empty"]
    assert found["span"]["ticks"] == 4
    mails = pl.read_parquet(tmp_path / "out" / "mails.parquet")
    assert mails.height == found["totals"]["differing"] > 0
    assert set(mails["sequence_id"]) >= {"welcome"}
    assert pl.read_parquet(tmp_path / "out" / "sends.parquet").height == found["totals"]["working_mails"]
    told = (tmp_path / "plan.md").read_text()
    assert "### Plan against live: 4 ticks from 2026-03-03 00:00 to 2026-03-04 00:00 UTC" in told
    assert f"> **Exceeded:** {words}" in told
    for sample in found["samples"]:
        assert f"| {sample['lead_id']} | " in told
    # Nothing that a reader sees has an address in it.
    assert "@x.example" not in told + out
    assert "&#64;x.example" not in told


def test_live_and_the_commit_of_what_is_live_are_the_same_base(world: World) -> None:
    against_live = drips(world, "plan", *FROM, *SHORT, "--json")[1]
    against_commit = drips(world, "plan", *FROM, *SHORT, "--json", "--base", "HEAD")[1]
    live, commit = (json.loads(out) for out in (against_live, against_commit))
    assert live.pop("base") == "live"
    assert commit.pop("base") == "HEAD"
    assert live == commit


@pytest.mark.parametrize("arguments", SNIPPETS, ids=" ".join)
def test_what_the_page_shows_runs(
    world: World, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # The page speaks of now and of weeks; here it is March, and a day is enough.
    given = [*arguments, *FROM, *SHORT] if arguments[0] == "plan" else arguments
    code, out, err = drips(world, *given)
    assert code == (1 if arguments[0] == "plan" else 0), err
    assert out
    for option in ("--out", "--markdown", "--warehouse"):
        if option in arguments:
            assert (tmp_path / arguments[arguments.index(option) + 1]).exists()


def test_the_page_has_snippets_of_both_commands() -> None:
    assert {arguments[0] for arguments in SNIPPETS} == {"plan", "replay"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--base", "mian"], "--base mian: git knows no such commit"),
        (["--base", "-x"], "--base -x: git knows no such commit"),
        (["--every", "often"], "not a duration: 'often'"),
        (["--from", "soon"], "not an instant: 'soon'"),
        (["--from", "2026-03-01T00:00:00Z"], "is not later than the last finished one"),
        (["--out", __file__], "--out takes a folder"),
        (["--base", "broken"], "sequences/welcome/sequence.yml:4: unknown key 'triger'"),
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
        file.write_text(file.read_text().replace("trigger:", "triger:"))
    else:
        file = world.project.dbt / "models" / "staging" / "stg_leads.sql"
        file.write_text(file.read_text() + "{{ torn")
    git(world, "commit", "--quiet", "--all", "--message", name)
    git(world, "checkout", "--quiet", "main")
    git(world, "stash", "pop")
