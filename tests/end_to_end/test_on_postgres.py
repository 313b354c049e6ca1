"""A project whose warehouse is a PostgreSQL database lives as on DuckDB: the same mails, decisions, enrollments (T3).

Ticks of a golden scenario on both, with mail that is really sent; then what people do there with such a project.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import SCENARIOS, copy_project
from postgres_server import PostgresServer, postgres_server
from prometheus_client import generate_latest
from typer.testing import CliRunner

from dagster_drips.cli import commands  # noqa: F401 - importing them registers them
from dagster_drips.cli.app import app
from dagster_drips.cli.status import read_status
from dagster_drips.clock import parse_instant
from dagster_drips.collector.links.sent_message import sent_message
from dagster_drips.console import screens
from dagster_drips.console.published import published_set
from dagster_drips.demo.sink_process import mail_sink
from dagster_drips.explain.asking import ask
from dagster_drips.metrics import registry_of
from dagster_drips.pipeline.comparison import compare, sends_of_life
from dagster_drips.pipeline.mail_exchangers import domains_unknown_to_seeds
from dagster_drips.pipeline.published import facts_as_published
from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.pipeline.replay import Span, replayed, sends
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.plan.plan import plan
from dagster_drips.preview.findings import findings_on
from dagster_drips.preview.mails import previewed, reader_of
from dagster_drips.privacy.export import export
from dagster_drips.privacy.forget import forget
from dagster_drips.project import Project
from dagster_drips.report.numbers import read_numbers
from dagster_drips.report.weeks import Week
from dagster_drips.runs.one_tick import run_tick
from dagster_drips.warehouse import Warehouse, open_warehouse, warehouse_of
from dagster_drips.warehouse.statements import named_statements

pytestmark = pytest.mark.slow

TICKS = tuple(f"2026-03-{day}T{hour}:00:00Z" for day in (28, 30) for hour in ("01", "13"))
HOUR = timedelta(hours=1)
PEOPLE = Path(screens.__file__).with_name("people.sql")
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
        database = server.settings("drips")
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


def test_explain_tells_the_same_of_an_earlier_tick(lived: Lived) -> None:
    at = parse_instant(TICKS[2])
    there, here = (asdict(ask(project, mailed(lived), at=at)) for project in (lived.postgres, lived.duckdb))
    assert there == here
    assert (there["as_of"], bool(there["leads"][0]["explanations"])) == (at, True)


def test_a_replay_that_begins_with_the_warehouse_and_what_it_is_compared_with_are_the_same(lived: Lived) -> None:
    span = Span(parse_instant(TICKS[2]), parse_instant(TICKS[3]), timedelta(hours=12))
    found = []
    for project in (lived.postgres, lived.duckdb):
        sent = sends_of_life(project, span)
        with replayed(project, span, continued=True) as (warehouse, _):
            found.append((sent.to_dicts(), sends(warehouse, span).to_dicts(), compare(warehouse, span, sent)))
    assert found[0] == found[1]
    assert found[0][0]
    assert found[0][1]


def test_plan_tells_the_same(lived: Lived) -> None:
    found = []
    for project in (lived.postgres, lived.duckdb):
        sequence = project.sequences / "s01_lead_created" / "sequence.yml"
        text = sequence.read_text()
        sequence.write_text(text.replace("status: active", "status: paused"))
        try:
            found.append(asdict(plan(project, days=1, every=timedelta(hours=12), start=parse_instant(TICKS[3]) + HOUR)))
        finally:
            sequence.write_text(text)
    assert found[0] == found[1]
    assert [edit["name"] for edit in found[0]["edits"]] == ["s01_lead_created"]


def test_what_reads_what_was_published_tells_the_same(lived: Lived) -> None:
    lead, week = mailed(lived), Week.parse("2026-W13")
    found = []
    for project in (lived.postgres, lived.duckdb):
        read = published_set(project)
        assert read is not None
        asked = {
            name: read.frame(sql, {"lead": lead, "most": 100} if "$most" in sql else {"lead": lead}).to_dicts()
            for name, sql in named_statements(PEOPLE).items()
        }
        reader = reader_of(project, lead)
        mails = previewed(project, None, reader)
        facts = facts_as_published(project)
        assert facts is not None
        registry = registry_of(project)
        assert registry is not None
        metrics = generate_latest(registry).decode().replace(project.root.name, "project").splitlines()
        found.append(
            {
                "console": asked,
                "report": asdict(read_numbers(project, week)),
                "mails": [asdict(mail) for mail in mails],
                "missing": findings_on(project, mails, reader).missing,
                "facts": sorted(facts[0]),
                "metrics": [line for line in metrics if "seconds" not in line],
                "shown": sent_message(project, message_of(lived)).html,
                "domains": domains_unknown_to_seeds(project, []),
            }
        )
    for name in found[0]:
        assert found[0][name] == found[1][name], name
        assert found[0][name], name


def message_of(lived: Lived) -> str:
    with opened(lived.duckdb) as warehouse:
        return warehouse.value("select min(message_id) from marts.messages where status = 'sent'")


@pytest.mark.parametrize("command", ["run", "status", "rebuild"])
def test_a_server_that_is_away_is_told_in_one_line(command: str, lived: Lived, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    code, line = lived.told(command)
    assert code == 1
    assert line.startswith("error: PostgreSQL 127.0.0.1:1/drips: ")


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


def test_going_back_to_an_earlier_tick_leaves_the_same(lived: Lived) -> None:
    reports = [rebuild(project, until=parse_instant(TICKS[1])) for project in (lived.postgres, lived.duckdb)]
    assert reports[0] == reports[1]
    assert reports[0].set_aside > 0
    there, here = rows(lived.postgres), rows(lived.duckdb)
    for name in SAME:
        assert there[name] == here[name], name
    for project in (lived.postgres, lived.duckdb):
        run_tick(Pipeline.of(project), as_of=parse_instant(TICKS[3]) + HOUR, send=False)
    there, here = rows(lived.postgres), rows(lived.duckdb)
    for name in SAME:
        assert there[name] == here[name], name


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
