"""The site of the documentation is built from `mkdocs.yml`: no broken link, and a reference of all that there is."""

from __future__ import annotations

import html
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import DBT_PACKAGE, REPOSITORY

from dagster_drips.landing.columns import REQUIRED_COLUMNS
from dagster_drips.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder


def shown(page: Path) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8")))


def test_every_page_is_in_the_navigation(site: Path) -> None:
    contents = re.sub(r"!!python/name:\S+", "''", (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"))
    named = set(re.findall(r"[\w/-]+\.md", str(yaml.safe_load(contents)["nav"])))
    docs = REPOSITORY / "docs"
    assert {page.relative_to(docs).as_posix() for page in docs.rglob("*.md")} - named == set()
    assert all((site / name).with_suffix(".html").exists() for name in named)


def test_the_reference_has_every_command_with_its_options(site: Path) -> None:
    from dagster_drips.cli import commands
    from dagster_drips.cli.app import app

    text = shown(site / "reference" / "commands.html")
    assert commands and len(app.registered_commands) > 15
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        assert f"drips {name}" in text
    assert "--no-send" in text and "--markdown" in text


def test_the_reference_has_every_setting_and_landing_column(site: Path) -> None:
    settings, landing = (shown(site / "reference" / f"{name}.html") for name in ("settings", "landing"))
    plain = [name for name in Settings.model_fields if not name.endswith("s") or name in ("write_keys", "secret_keys")]
    assert [name for name in plain if f"DRIPS_{name.upper()}" not in settings] == []
    assert all(column in landing for columns in REQUIRED_COLUMNS.values() for column in columns)


def test_the_reference_has_every_key_with_its_values(site: Path) -> None:
    keys = shown(site / "reference" / "keys.html")
    assert "steps.expires_after" in keys and "trigger.trigger_max_age" in keys and "senders.warmup.growth" in keys
    table = (site / "reference" / "keys.html").read_text(encoding="utf-8")
    row = re.search(r"<tr>\s*<td><code>steps.expires_after</code></td>\s*<td>(.*?)</td>", table, re.DOTALL)
    assert row and row[1] == "duration"


def test_the_reference_has_every_mart_with_every_column(site: Path) -> None:
    tables = shown(site / "reference" / "tables.html")
    files = [yaml.safe_load(file.read_text()) for file in (DBT_PACKAGE / "models" / "marts").glob("*.yml")]
    marts = [mart for file in files for mart in file.get("models") or []]
    assert len(marts) > 30
    assert [mart["name"] for mart in marts if f"marts.{mart['name']}" not in tables] == []
    assert [c["name"] for mart in marts for c in mart["columns"] if c["name"] not in tables] == []


def test_pictures_are_as_their_script_draws_them() -> None:
    images = REPOSITORY / "docs" / "images"
    drawn = runpy.run_path(str(images / "make.py"))["pictures"]()
    assert {path.name for path in images.glob("*.svg")} == drawn.keys()
    assert [name for name, text in drawn.items() if (images / name).read_text(encoding="utf-8") != text] == []
