"""A project whose warehouse is a PostgreSQL database lives as on DuckDB: the same mails, decisions, enrollments (T3).

Ticks of a golden scenario on both, with mail that is really sent; then what people do there with such a project.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import SCENARIOS, copy_project
from postgres_server import PostgresServer, postgres_server
from typer.testing import CliRunner

from dagster_drips.cli import commands  # noqa: F401 - importing them registers them
from dagster_drips.cli.app import app
from dagster_drips.cli.status import read_status
from dagster_drips.clock import parse_instant
from dagster_drips.demo.sink_process import mail_sink
from dagster_drips.explain.asking import ask
from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.privacy.export import export
from dagster_drips.privacy.forget import forget
from dagster_drips.project import Project
from dagster_drips.runs.one_tick import run_tick
from dagster_drips.warehouse import Warehouse, open_warehouse, warehouse_of

pytestmark = pytest.mark.slow

TICKS = tuple(f"2026-03-{day}T{hour}:00:00Z" for day in (28, 30) for hour in ("01", "13"))
SAME = {
    "sends": "select message_id, as_of, enrollment_id, sequence_id, step_id, variant_id, lead_id, recipient, outcome"
    " from raw.delivery_log",
    "decisions": "select * from marts.enrollment_decisions",
    "enrollments": "select * from marts.enrollments",
    "skips": "select * from journal.skipped_steps",
    "segments": "select * from journal.segment_changes",
    "loaded": "select kind, path, size, sha256, rows, rejected, duplicates from raw.loaded_files",
    "rejected": "select * from raw.rejected_rows",
    "leads": "select * from staging.stg_leads",
}


@dataclass(frozen=True)
class Lived:
    """The same project on each engine, after the same ticks."""

    duckdb: Project
    postgres: Project
    server: PostgresServer

    def told(self, *command: str) -> tuple[int, str]:
        """Exit of a command on the one on PostgreSQL, and the last line that it says."""
        done = CliRunner().invoke(app, [*command, "--project", str(self.postgres.root)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output.splitlines()[-1]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Generator[Lived]:
    folder = tmp_path_factory.mktemp("engines")
    with postgres_server() as server:
        server.execute("create database drips")
        database = {
            "DRIPS_TARGET": "postgres",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "PGUSER": server.user,
            "PGPASSWORD": server.password,
            "PGDATABASE": "drips",
        }
        yield Lived(_lived(folder / "duckdb", {}), _lived(folder / "postgres", database), server)


def _lived(folder: Path, settings: dict[str, str]) -> Project:
    scenario = SCENARIOS / "spring"
    project = copy_project(
        folder,
        sequences=scenario / "sequences",
        segments=scenario / "dbt_project" / "models" / "segments",
        data=scenario / "data",
    )
    with mail_sink(project.outbox) as url:
        written = {**settings, "DRIPS_SMTP_URL": url}
        (project.root / ".env").write_text("".join(f"{name}={value}\n" for name, value in written.items()))
        pipeline = Pipeline.of(project)
        for tick in TICKS:
            run_tick(pipeline, as_of=parse_instant(tick))
    return project


def rows(project: Project) -> dict[str, list[str]]:
    with opened(project) as warehouse:
        return {name: sorted(map(_row, warehouse.rows(sql))) for name, sql in SAME.items()}


@contextmanager
def opened(project: Project) -> Iterator[Warehouse]:
    with open_warehouse(warehouse_of(project), read_only=True) as warehouse:
        yield warehouse


def _row(row: dict[str, Any]) -> str:
    return repr(sorted((name, float(value) if isinstance(value, float) else value) for name, value in row.items()))


def test_both_engines_send_decide_and_enroll_the_same(lived: Lived) -> None:
    there, here = rows(lived.postgres), rows(lived.duckdb)
    for name in SAME:
        assert there[name] == here[name], name
        assert there[name], name
    assert len(there["sends"]) > 8


def test_every_mail_of_the_log_went_out_once(lived: Lived) -> None:
    mails = {project: len([*project.outbox.rglob("*.eml")]) for project in (lived.postgres, lived.duckdb)}
    with opened(lived.postgres) as warehouse:
        sent = warehouse.value("select count(*) from raw.delivery_log where outcome = 'sent'")
    assert mails == {lived.postgres: sent, lived.duckdb: sent}


def test_the_journal_is_the_same_on_both(lived: Lived) -> None:
    def files(project: Project) -> list[str]:
        ticks = project.journal / "ticks"
        return sorted(str(path.relative_to(ticks)) for path in ticks.rglob("*.parquet"))

    assert files(lived.postgres) == files(lived.duckdb)


def test_status_tells_the_same(lived: Lived) -> None:
    there, here = (asdict(read_status(project)) for project in (lived.postgres, lived.duckdb))
    for found in (there, here):
        assert found["last_tick"].pop("recorded_at") > found["last_tick"].pop("decided_at")
    assert there == here


def test_explain_tells_the_same(lived: Lived) -> None:
    with opened(lived.duckdb) as warehouse:
        people = [row["lead_id"] for row in warehouse.rows("select lead_id from marts.lead_profiles order by lead_id")]
        address = warehouse.value("select email from marts.lead_profiles where email is not null order by lead_id")
    for asked in (*people[:6], address):
        there, here = (asdict(ask(project, asked)) for project in (lived.postgres, lived.duckdb))
        assert there == here
        assert there["leads"][0]["explanations"]


def test_an_export_has_the_same_rows(lived: Lived) -> None:
    lead = mailed(lived)
    there, here = (export(project, lead) for project in (lived.postgres, lived.duckdb))
    counts = [{name: len(rows) for name, rows in found["tables"].items()} for found in (there, here)]
    assert counts[0] == counts[1]
    folders = [sorted(str(Path(name).parent) for name in found["files"]) for found in (there, here)]
    assert folders[0] == folders[1]
    assert {"raw.leads", "raw.delivery_log", "marts.messages"} <= counts[0].keys()


def mailed(lived: Lived) -> str:
    with opened(lived.duckdb) as warehouse:
        return warehouse.value("select min(lead_id) from raw.delivery_log where outcome = 'sent'")


def test_nothing_is_published_but_what_others_than_bi_read(lived: Lived) -> None:
    current = lived.postgres.published_set.resolve()
    assert {path.name for path in current.iterdir()} == {"manifest.json", "fields.json"}
    assert json.loads((current / "fields.json").read_text())[:2] == ["lead_id", "email"]


@pytest.mark.parametrize(
    "command",
    [
        ("explain", "L001", "--at", TICKS[0]),
        ("plan",),
        ("rebuild", "--until", TICKS[0]),
    ],
)
def test_what_does_not_run_there_says_so_in_one_line(command: tuple[str, ...], lived: Lived) -> None:
    code, line = lived.told(*command)
    assert code == 1
    assert "on DuckDB alone so far (docs/postgres.md)" in line
    assert lived.server.password not in line


@pytest.mark.parametrize("command", ["run", "status", "rebuild"])
def test_a_server_that_is_away_is_told_in_one_line(command: str, lived: Lived, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    code, line = lived.told(command)
    assert code == 1
    assert line.startswith("error: PostgreSQL 127.0.0.1:1/drips: ")


def test_a_model_that_does_not_run_there_is_told_before_anything_is_done(lived: Lived) -> None:
    model = lived.postgres.intake / "leads.sql"
    model.parent.mkdir()
    model.write_text("select 1 as lead_id")
    try:
        code, line = lived.told("run")
    finally:
        model.unlink()
    assert code == 1
    assert line == f"error: {model}: intake models run on DuckDB alone so far (docs/postgres.md)"


def test_a_rebuild_makes_the_same_again_and_one_that_fails_leaves_what_was_there(lived: Lived) -> None:
    before = rows(lived.postgres)
    lost = next((lived.postgres.landing / "leads").glob("0001*"))
    text = lost.read_bytes()
    lost.write_bytes(text + b" ")
    with pytest.raises(Exception, match="has changed since it was loaded"):
        rebuild(lived.postgres)
    lost.write_bytes(text)
    assert rows(lived.postgres) == before
    rebuild(lived.postgres)
    assert rows(lived.postgres) == before
    with opened(lived.postgres) as warehouse:
        asked = "select schema_name from information_schema.schemata where schema_name like '%before'"
        assert warehouse.rows(asked) == []


def test_a_rebuild_that_was_killed_lets_no_tick_begin_and_is_repeated(lived: Lived) -> None:
    before = rows(lived.postgres)
    lived.server.execute("alter schema raw rename to raw_before", database="drips")
    code, line = lived.told("run")
    assert (code, line) == (1, "error: a rebuild of this warehouse has not ended: run `drips rebuild` again")
    rebuild(lived.postgres)
    assert rows(lived.postgres) == before


def test_a_new_field_and_an_edit_of_a_segment_count_from_the_next_tick_on(lived: Lived) -> None:
    lead = {"lead_id": "L-new", "created_at": TICKS[-1], "email": "new@example.com", "plan ordered": "gold"}
    (lived.postgres.landing / "leads" / "9900_new.jsonl").write_text(json.dumps(lead) + "\n")
    segment = lived.postgres.segments / "fans.sql"
    segment.write_text("""select lead_id from {{ ref('stg_leads') }} where "plan ordered" = 'gold'\n""")
    report = run_tick(Pipeline.of(lived.postgres), as_of=parse_instant("2026-03-31T13:00:00Z"), send=False)
    assert {node.status for node in report.tick.measured} == {"success"}
    with opened(lived.postgres) as warehouse:
        assert warehouse.rows(
            """select lead_id, "plan ordered" from marts.lead_profiles where lead_id = 'L-new'"""
        ) == [{"lead_id": "L-new", "plan ordered": "gold"}]
        changes = (
            "select lead_id from journal.segment_changes where segment = 'fans' and change = 'entered' and as_of = ?"
        )
        assert [row["lead_id"] for row in warehouse.rows(changes, [parse_instant("2026-03-31T13:00:00Z")])] == ["L-new"]


def test_who_is_forgotten_is_in_no_table(lived: Lived) -> None:
    lead = mailed(lived)
    [address] = export(lived.postgres, lead)["addresses"]
    report = forget(lived.postgres, lead)
    assert report.is_complete
    assert [name.split(":")[0] for name in report.out_of_reach] == ["PostgreSQL 127.0.0.1"]
    columns = """
        select table_schema || '."' || table_name || '"' as relation, column_name
        from information_schema.columns
        where data_type in ('character varying', 'text') and table_schema not in ('information_schema', 'pg_catalog')
    """
    with opened(lived.postgres) as warehouse:
        asked = [(row["relation"], row["column_name"]) for row in warehouse.rows(columns)]
        found = [
            (relation, column)
            for relation, column in asked
            for word in (lead, address)
            if warehouse.value(f'select count(*) from {relation} where position(? in "{column}") > 0', [word])
        ]
    assert len(asked) > 100
    assert found == []
