"""Every shell snippet of the documentation: the shell can read it, and it calls what there is with what that takes.

Whole pages that a reader follows are run by tests of their own; here each line of every other one is checked, without
running it: commands and options of `drips` by its own parser, files and extras by looking, settings by reading them.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from conftest import REPOSITORY

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.settings import load_settings

PAGES = [
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`((?:uv run )?drips(?: [^`\n]+)?)`(?!`)")
HEREDOC = re.compile(r"(<<'(\w+)'.*)\n(?:.*\n)*?\2\n")
SETTING = re.compile(r"[A-Z][A-Z0-9_]*=\S*")
EXTRAS = set(tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"])
CLI = typer.main.get_command(app)
OTHERS = {
    *("cat", "cd", "cp", "echo", "export", "ln", "mkdir", "rsync", "."),  # a shell's own
    *("pip", "uv", "duckdb", "dbt", "mf", "dagster", "pytest", "python", "python3", ".ci/run"),
    *("chown", "createdb", "docker", "git", "helm", "install", "kubectl", "runuser", "systemctl", "useradd"),
}
"""Programs beside `drips` that the pages call."""
COMPOSE = re.compile(r"docker compose (?:\S+ )*?(?:exec|run)(?: -\S+)* \w+ (drips .+)")
"""What a service is made to run."""


def _snippets() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for number, (language, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), start=1):
            calls = [line.removeprefix("$ ") for line in text.splitlines() if re.match(r"(\$ )?drips ", line)]
            if language == "sh":
                yield f"{page.stem}-{number}", text
            elif language == "cron":
                yield f"{page.stem}-{number}", "\n".join(line.split(None, 5)[5] for line in text.splitlines())
            elif not language and calls:  # a drawing of folders has none
                yield f"{page.stem}-{number}", "\n".join(calls)


SNIPPETS = dict(_snippets())
SPANS = sorted({span for page in PAGES for span in INLINE.findall(page.read_text(encoding="utf-8"))})


def _calls(text: str) -> Iterator[list[str]]:
    """The simple commands of a snippet, as words."""
    for line in HEREDOC.sub(r"\1\n", text).splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in lexer:
            if word in ("&&", "||", "|", ";"):
                yield words
                words = []
            else:
                words.append(word)
        if words:
            yield words


def _parsed(arguments: list[str]) -> None:
    """Let the command's own parser read it; nothing is run."""
    name, *rest = arguments[2:] if arguments[0] == "--project" else arguments
    command = CLI.commands[name]  # ty: ignore[unresolved-attribute]
    try:
        command.make_context(name, rest)
    except Exception as error:  # typer has a click of its own
        raise AssertionError(f"{shlex.join(arguments)}: {error}") from error


def _check(words: list[str]) -> None:
    for sign in (">", ">>", "<<"):
        words = words[: words.index(sign)] if sign in words else words
    settings = {}
    while words and SETTING.fullmatch(words[0]):
        name, _, value = words.pop(0).partition("=")
        settings[name] = value
    for name in settings:
        assert name in ("DAGSTER_HOME", "DBT_PROFILES_DIR") or name.startswith(("DRIPS_", "AWS_")), name
    if words[:2] == ["uv", "run"]:
        words = words[2:]
        while words and words[0].startswith("-"):
            words = words[1 if words[0] in ("--no-project",) else 2 :]
    if not words:
        return
    program, *arguments = words
    if Path(program).name == "drips":
        _parsed(arguments)
        return
    assert program in OTHERS or Path(program).name in OTHERS, program
    if program in ("kubectl", "runuser") and "--" in words:
        _check(words[words.index("--") + 1 :])
    elif within := COMPOSE.fullmatch(" ".join(words)):
        _parsed(within[1].split()[1:])
    if program in ("pytest", "python"):
        for argument in arguments:
            assert not argument.endswith(".py") or (REPOSITORY / argument).is_file(), argument
            assert not argument.startswith("tests/") or (REPOSITORY / argument).exists(), argument
    if program == ".ci/run":
        assert (REPOSITORY / program).is_file()
    for extras in re.findall(r"dagster-drips\[([^\]]+)\]", " ".join(arguments)):
        assert {*extras.split(",")} <= EXTRAS


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_can_be_read_and_calls_what_there_is(name: str) -> None:
    text = SNIPPETS[name]
    read = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")
    for words in _calls(text):
        _check(list(words))


@pytest.mark.parametrize("span", SPANS)
def test_a_call_within_a_sentence_names_a_command_and_its_options(span: str) -> None:
    _, *words = shlex.split(span.removeprefix("uv run "), comments=True)
    if not words or not re.match("[a-z]", words[0]):
        return
    known = CLI.commands  # ty: ignore[unresolved-attribute]
    # `drips activate|pause|archive`, and `drips x` where a sentence speaks of any of them.
    for name in words[0].split("|"):
        assert name in known, span
        options = {one for parameter in known[name].params for one in (*parameter.opts, *parameter.secondary_opts)}
        named = {word.partition("=")[0] for word in words[1:] if word.startswith("--")}
        assert named <= options | {"--help"}, span


@pytest.mark.parametrize("name", [name for name, text in SNIPPETS.items() if re.search(r"^DRIPS_", text, re.MULTILINE)])
def test_settings_that_are_shown_are_settings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dagster_drips.project import Project

    for folder in ("sequences", "dbt_project"):
        (tmp_path / folder).mkdir()
    lines = [line for line in SNIPPETS[name].splitlines() if re.match(r"DRIPS_\w+=", line)]
    (tmp_path / ".env").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shown = load_settings(Project.at(tmp_path)).shown()
    for line in lines:
        assert shown.get(line.partition("=")[0]), line


def test_each_extra_that_is_named_is_there() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = {name for extras in re.findall(r"dagster-drips\[([^\]]+)\]", text) for name in extras.split(",")}
    assert named and named <= EXTRAS


def test_the_checks_would_notice(tmp_path: Path) -> None:
    within = "docker compose --file deploy/compose.yaml exec -T watch"
    _check(f"{within} drips inbox".split())
    assert COMPOSE.fullmatch(f"{within} drips inbox")
    for wrong in (f"{within} drips inbocks", "kubectl exec drips-0 -- drips runn", "runuser -u drips -- drips runn"):
        with pytest.raises((KeyError, AssertionError)):
            _check(shlex.split(wrong))
    for wrong in ("drips runn", "drips run --as-off 2026-01-01", "drips explain", "pytest tests/nowhere", "frobnicate"):
        with pytest.raises((KeyError, AssertionError)):
            _check(shlex.split(wrong))
    assert shutil.which("bash"), "without it nothing is read"
