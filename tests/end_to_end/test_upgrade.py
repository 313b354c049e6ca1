"""An installed version with other models takes over a project with history: its files stay, and nothing is lost.

The project has what a project may have of its own: a mart, and a second package, which a segment uses.
What is installed is `dbt_package.PACKAGE`. The earlier
version is a copy without a mart, and without a column of another.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from conftest import DBT_PACKAGE
from shop import START, Shop, counted, new_shop
from smtp.servers import ScriptedServer
from typer.testing import CliRunner

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.pipeline import dbt_package
from dagster_drips.pipeline.dbt_package import link_package
from dagster_drips.pipeline.publish import publish
from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

NEW_MART, NEW_COLUMN = "pipeline_latency", "enhanced_code"
# What of a tick is no history: which models it ran, and the wall clock.
TRANSIENT = {"tick", "prepared_models", "prepared_files", "gate_lineage", "completions", "next_watermark"}
TABLES = """
select table_schema, table_name
from information_schema.tables
where table_schema in ('raw', 'journal', 'marts') and table_type = 'BASE TABLE'
order by all
"""

Tables = dict[str, list[dict[str, Any]]]


def earlier_package(folder: Path) -> Path:
    """The installed package as it was before somebody added a mart, and a column to `messages`."""
    shutil.copytree(DBT_PACKAGE, folder)
    marts = folder / "models" / "marts"
    (marts / f"{NEW_MART}.sql").unlink()
    sql = (marts / "messages.sql").read_text()
    assert f"    messages.{NEW_COLUMN},\n" in sql
    (marts / "messages.sql").write_text(sql.replace(f"    messages.{NEW_COLUMN},\n", ""))
    for file in marts.glob("*.yml"):
        document = yaml.safe_load(file.read_text())
        models = [model for model in document.get("models", []) if model["name"] != NEW_MART]
        for model in models:
            if model["name"] == "messages":
                model["columns"] = [column for column in model["columns"] if column["name"] != NEW_COLUMN]
        exposures = [
            one | {"depends_on": [name for name in one["depends_on"] if NEW_MART not in name]}
            for one in document.get("exposures", [])
        ]
        changed = document | {"models": models, "exposures": exposures}
        file.write_text(yaml.safe_dump({key: value for key, value in changed.items() if value}, sort_keys=False))
    return folder.resolve()


def tables(shop: Shop) -> Tables:
    """Every table's rows, in an order of their own."""
    shop.measure()
    with open_warehouse(shop.project.warehouse, read_only=True) as warehouse:
        names = [(row["table_schema"], row["table_name"]) for row in warehouse.rows(TABLES)]
        return {
            f"{schema}.{name}": sorted(warehouse.rows(f'select * from {schema}."{name}"'), key=repr)
            for schema, name in names
            if name not in TRANSIENT
        }


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


SEGMENT = "select lead_id from {{ ref('stg_leads') }} where {{ shared.is_early('lead_id') }}\n"
OWN_MART = "select step_id, count(*) as mails from {{ ref('messages') }} group by step_id\n"


def add_own(shop: Shop) -> None:
    """A second package beside the project, a segment that uses it, a sequence of the segment, and a mart."""
    root, dbt = shop.project.root, shop.project.dbt
    (root / "shared" / "macros").mkdir(parents=True)
    (root / "shared" / "dbt_project.yml").write_text("name: shared\nversion: 1.0.0\n")
    (root / "shared" / "macros" / "is_early.sql").write_text(
        "{% macro is_early(lead_id) %} {{ lead_id }} < 'm' {% endmacro %}\n"
    )
    packages = dbt / "packages.yml"
    packages.write_text(f"{packages.read_text()}  - local: ../shared\n")
    assert ran_dbt(shop, "deps").returncode == 0
    (shop.project.segments / "early.sql").write_text(SEGMENT)
    (dbt / "models" / "marts").mkdir()
    (dbt / "models" / "marts" / "mails_per_step.sql").write_text(OWN_MART)
    shop.add_sequence("course", segments="early")
    draft = shop.add_sequence("draft", segments="early")
    draft.write_text(draft.read_text().replace("status: active", "status: draft"))


def ran_dbt(shop: Shop, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Plain dbt, as somebody runs it inside `dbt_project/`."""
    command = [Path(sys.executable).with_name("dbt"), *arguments]
    return subprocess.run(command, cwd=shop.project.dbt, capture_output=True, text=True, check=False)


class Upgrade:
    """A shop that lived with the earlier version, and what it had before and after a tick with this one."""

    def __init__(self, folder: Path, server: ScriptedServer, patch: pytest.MonkeyPatch):
        self.server = server
        self.shop = new_shop(folder)
        patch.setattr(dbt_package, "PACKAGE", earlier_package(folder / "earlier"))
        link_package(self.shop.project.dbt)
        self._live()
        self.own_files = self._own_files()
        self.journal = files(self.shop.project.journal)
        self.before = tables(self.shop)
        patch.undo()
        self.shop._pipeline = Pipeline.of(self.shop.project)  # as in a process of its own
        self.mails = len(server.messages)
        self.shop.tick(server.url)
        self.after = tables(self.shop)

    def _live(self) -> None:
        add_own(self.shop)
        self.shop.sign_up("ada", "bob", "cyd")
        self.shop.tick(self.server.url)
        self.shop.sign_up("dan", "zoe", to="course")
        self.shop.tick(self.server.url)
        # Some time passes for a tick that finds nothing to do.
        self.shop.tick(self.server.url)

    def _own_files(self) -> dict[str, bytes]:
        left = (".drips/", "dbt_packages/", "target/", "logs/")
        return {name: text for name, text in files(self.shop.project.dbt).items() if not name.startswith(left)}

    def has_same_files(self) -> bool:
        return self._own_files() == self.own_files


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgrade]:
    with pytest.MonkeyPatch.context() as patch, ScriptedServer() as server:
        yield Upgrade(tmp_path_factory.mktemp("upgrade"), server, patch)


def test_the_earlier_version_had_a_history_and_neither_the_mart_nor_the_column(upgrade: Upgrade) -> None:
    assert counted([mail["To"] for mail in upgrade.server.messages], "ada", "bob", "cyd", "dan") == [1, 1, 1, 1]
    assert len(upgrade.before["marts.messages"]) == len(upgrade.before["marts.enrollments"]) == 4
    assert f"marts.{NEW_MART}" not in upgrade.before
    assert NEW_COLUMN not in upgrade.before["marts.messages"][0]


def test_the_next_tick_has_both_and_the_projects_files_are_as_they_were(upgrade: Upgrade) -> None:
    assert upgrade.after[f"marts.{NEW_MART}"]
    # Also of mails that were sent before.
    assert {row[NEW_COLUMN] for row in upgrade.after["marts.messages"]} == {"2.0.0"}
    assert (upgrade.shop.project.dbt / ".drips").resolve() == DBT_PACKAGE
    assert upgrade.has_same_files()


def test_no_row_of_a_mart_and_no_commit_of_the_journal_is_lost_or_other(upgrade: Upgrade) -> None:
    assert set(upgrade.before) <= set(upgrade.after)
    for mart in ("messages", "enrollments", "enrollment_decisions", "events", "message_attempts"):
        was, now = upgrade.before[f"marts.{mart}"], upgrade.after[f"marts.{mart}"]
        known = [{column: row[column] for column in was[0]} for row in now]
        assert sorted(known, key=repr) == was, mart
    for table in (name for name in upgrade.before if name.startswith("journal.")):
        assert [row for row in upgrade.before[table] if row not in upgrade.after[table]] == [], table
    now = files(upgrade.shop.project.journal)
    # Files of a month grow at their end.
    assert [name for name, text in upgrade.journal.items() if not now[name].startswith(text)] == []


def test_nobody_is_mailed_again_and_who_is_new_is_mailed(upgrade: Upgrade) -> None:
    assert len(upgrade.server.messages) == upgrade.mails
    upgrade.shop.sign_up("eve")
    upgrade.shop.tick(upgrade.server.url)
    assert [mail["To"] for mail in upgrade.server.messages[upgrade.mails :]] == ["eve@x.example"]
    upgrade.after = tables(upgrade.shop)


def test_what_is_published_has_the_mart_and_the_column_and_the_projects_own_mart(upgrade: Upgrade) -> None:
    shop = upgrade.shop
    shop.measure()
    with open_warehouse(shop.project.warehouse) as warehouse:
        publish(warehouse, shop.project.published, shop._pipeline.transform.descriptions())
    with duckdb.connect(str(shop.project.published / "drips.duckdb"), read_only=True) as published:
        assert published.sql(f"select count({NEW_COLUMN}), count(*) from marts.messages").fetchone() == (5, 5)
        assert published.sql(f"select count(*) > 0 from marts.{NEW_MART}").fetchone() == (True,)
        assert published.sql("from marts.mails_per_step").fetchall() == [("hello", 5)]


def test_a_rebuild_of_a_history_with_two_versions_gives_the_same_tables(upgrade: Upgrade) -> None:
    upgrade.shop.project.warehouse.unlink()
    rebuild(upgrade.shop.project)
    rebuilt = tables(upgrade.shop)
    assert rebuilt.keys() == upgrade.after.keys()
    assert [name for name, rows in upgrade.after.items() if rebuilt[name] != rows] == []


def test_plain_dbt_builds_with_its_data_tests(upgrade: Upgrade) -> None:
    done = ran_dbt(
        upgrade.shop,
        "build",
        "--select",
        "messages",
        NEW_MART,
        "mails_per_step",
        "--exclude-resource-type",
        "unit_test",
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert f"marts.{NEW_MART}" in done.stdout


def test_the_past_is_explained_and_the_future_planned_with_the_second_package(upgrade: Upgrade) -> None:
    def drips(*arguments: str) -> str:
        told = CliRunner().invoke(app, [*arguments, "--project", str(upgrade.shop.project.root)])
        assert told.exit_code == 0, f"{told.output}{told.exception}"
        return told.output

    decided = upgrade.before["marts.enrollment_decisions"]
    assert {row["lead_id"]: row["decision"] for row in decided if row["sequence_id"] == "course"} == {
        "dan": "enrolled",
        "zoe": "outside_segments",
    }
    assert "dan" in drips("explain", "dan", "--at", (START + timedelta(hours=2)).isoformat())
    assert "Nothing changes for anybody" in drips("plan", "--days", "1", "--every", "12h")
    drips("activate", "draft", "--yes", "--no-plan")
    assert "status: active" in (upgrade.shop.project.sequences / "draft" / "sequence.yml").read_text()
