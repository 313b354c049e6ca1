"""Every command: its help, wrong usage, users' mistakes, JSON. In this process, where a command allows it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from dagster_drips.cli import commands
from dagster_drips.cli.app import app
from dagster_drips.warehouse import open_warehouse

GROUP = typer.main.get_command(app)
assert isinstance(GROUP, TyperGroup)
COMMANDS = sorted(GROUP.commands)
# What a command can't do without.
REQUIRED = {
    "replay": ["--from", "2026-03-01", "--to", "2026-03-02"],
    "forget": ["L1"],
    "explain": ["L1"],
    "waive": ["x", "--sequence", "s", "--until", "2040-01-01", "--why", "known"],
    "export": ["L1"],
    "suppressions": ["export"],
    "new": ["sequence", "welcome"],
    "init": ["shop"],
    "send-test": ["cart", "first", "--to", "me@acme.example"],
    **{name: ["welcome"] for name in ("activate", "pause", "archive")},
}
SPAN = REQUIRED["replay"]


def invoke(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def run_drips(*arguments: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "dagster_drips", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def the_error(*arguments: str | Path) -> str:
    """What a user's mistake is answered with: exit 1, nothing on stdout, and this one line."""
    code, out, err = invoke(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project."""
    for name in ("sequences", "dbt_project"):
        (tmp_path / name).mkdir()
    return tmp_path


# Help ----------------------------------------------------------------------------------------------------------------


def test_every_file_with_a_command_is_in_the_list_of_commands() -> None:
    folder = Path(commands.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if "@app.command" in path.read_text(encoding="utf-8")}
    assert files == set(commands.__all__)
    assert len(files) == len(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_help_and_an_example_that_names_it(name: str) -> None:
    command = GROUP.commands[name]
    assert command.help
    assert f"drips {name}" in (command.epilog or "")
    assert [parameter.name for parameter in command.params if not getattr(parameter, "help", None)] == []
    code, out, err = invoke(name, "--help")
    assert (code, err) == (0, "")
    assert command.help.split(".")[0].split()[0] in out
    assert "Example" in out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_options_of_an_example_exist(name: str) -> None:
    command = GROUP.commands[name]
    known = {option for parameter in command.params for option in parameter.opts}
    [example, *_] = re.findall(rf"drips {name}([^`]*)", command.epilog or "")
    assert set(re.findall(r"--[a-z-]+", example)) <= known


def test_the_command_itself_has_help() -> None:
    code, out, _ = invoke("--help")
    assert code == 0
    assert [name for name in COMMANDS if name not in out] == []


# Wrong usage and mistakes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["--no-such-option"],
        *([name, "--no-such-option"] for name in COMMANDS),
        *([name, *REQUIRED.get(name, []), "one", "word", "too", "many"] for name in COMMANDS),
        ["replay", "--from", "2026-03-01"],
        ["run", "--as-of"],
        ["demo", "--seed", "many"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    code, out, err = invoke(*arguments)
    assert (code, out) == (2, "")
    assert "Error" in err


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "init"])
def test_where_no_project_is_every_command_says_so(name: str, tmp_path: Path) -> None:
    error = the_error(name, *REQUIRED.get(name, []), "--project", tmp_path)
    assert f"{tmp_path}: no project here" in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--as-of", "yesterday"], "not an instant: 'yesterday'"),
        (["replay", *SPAN, "--out", "sends.txt"], "sends.txt: --out takes a name that ends in .csv or .parquet"),
        (["replay", "--from", "2026-03-02", "--to", "2026-03-01"], "is before --from"),
        (["replay", *SPAN, "--every", "soon"], "not a duration: 'soon'"),
        (["replay", *SPAN, "--every", "0h"], "not a duration: '0h'"),
        (["replay", "--from", "2026-03-01", "--to", "later"], "not an instant: 'later'"),
        (["replay", *SPAN, "--warehouse", __file__], "is there already"),
        (["status"], "there is no warehouse yet"),
        (["rebuild"], "no journal to rebuild from"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_told_in_one_line(arguments: list[str], words: str, project: Path) -> None:
    assert words in the_error(*arguments, "--project", project)


@contextmanager
def held(code: str, path: Path) -> Iterator[None]:
    """Another process that holds something on to `path` as long as this lasts."""
    script = f"import duckdb, fcntl, sys; {code}; print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.communicate()


@pytest.mark.slow
def test_a_warehouse_that_is_being_written_is_told_in_one_line(project: Path) -> None:
    with open_warehouse(project / "data" / "warehouse.duckdb"):
        pass
    with held("kept = duckdb.connect(sys.argv[1])", project / "data" / "warehouse.duckdb"):
        error = the_error("status", "--project", project)
        assert "warehouse.duckdb: another process has it open" in error
        error = the_error("replay", *SPAN, "--continue", "--project", project)
        assert "warehouse.duckdb: another process has it open" in error


@pytest.mark.slow
def test_a_rebuild_while_a_run_is_going_on_is_refused_in_one_line(project: Path) -> None:
    (project / "data" / "journal" / "ticks" / "2026-03-01" / "000000-decided-1").mkdir(parents=True)
    with held("kept = open(sys.argv[1], 'a'); fcntl.flock(kept, fcntl.LOCK_EX)", project / "data" / "run.lock"):
        assert "another run of this project is going on" in the_error("rebuild", "--project", project)


# Output ------------------------------------------------------------------------------------------------------------


def test_status_as_json_can_be_parsed(project: Path) -> None:
    with open_warehouse(project / "data" / "warehouse.duckdb"):
        pass
    code, out, err = invoke("status", "--json", "--project", project)
    assert (code, err) == (0, "")
    assert json.loads(out)["last_tick"] is None


def test_mistakes_in_sequence_files_exit_1_with_a_line_each_or_as_json(project: Path) -> None:
    (project / "sequences" / "odd").mkdir()
    (project / "sequences" / "odd" / "sequence.yml").write_text("nam: Odd\nstatus: active\n")
    code, _, err = invoke("validate", "--project", project)
    assert code == 1
    assert "odd/sequence.yml:1: unknown key 'nam'" in err
    assert "Traceback" not in err
    code, out, err = invoke("validate", "--json", "--project", project)
    assert (code, err) == (1, "")
    problems = json.loads(out)["problems"]
    assert {"file", "line", "message", "severity"} == set(problems[0])


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["status"], ["status", "--json"], ["validate"], ["validate", "--json"]])
def test_a_reader_that_goes_away_is_no_error(arguments: list[str], project: Path) -> None:
    with open_warehouse(project / "data" / "warehouse.duckdb"):
        pass
    reading, writing = os.pipe()
    os.close(reading)
    process = run_drips(*arguments, "--project", str(project), stdout=writing)
    os.close(writing)
    assert (process.returncode, process.stderr) == (0, "")
