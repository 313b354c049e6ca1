"""Intake: rows of tables that changed become files, and everything that holds for files holds for them.

One project with real ticks, whose sources are Parquet files beside it; what a tick leaves is looked at, and the source
changed for the next one.
"""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from conftest import copy_project
from typer.testing import CliRunner

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.errors import DripsError
from dagster_drips.landing.intake_names import next_name
from dagster_drips.orchestration.build import build_code_location
from dagster_drips.pipeline.intake import IntakeReport
from dagster_drips.pipeline.intake_rows import note_landed
from dagster_drips.pipeline.landing_news import LandingWatch
from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.privacy.absent import absent_leads
from dagster_drips.privacy.forget import forget
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import Warehouse, open_warehouse

pytestmark = pytest.mark.slow

MODELS = ("leads", "events", "suppressions", "intake_engagement")
FIRST = datetime(2026, 3, 1)
LEADS = "{{ config(meta={'absent': 'forget', 'absent_at_most': 0.5}) }}\nselect * from {{ ref('crm_customers') }}\n"
SETTINGS = "fields: {seats: integer, paid: boolean, since: date, seen_at: timestamp}\n"
CUSTOMERS = [
    "'ada' as lead_id, timestamptz '2026-02-01 10:00:00+01' as created_at, 'ada@x.example' as email, 3 as seats,"
    " true as paid, date '2026-01-31' as since, timestamp '2026-02-02 03:04:05' as seen_at, ['a', 'b'] as tags,"
    " 7 as age",
    "'robert', timestamptz '2026-02-02 00:00:00+00', 'robert@tables.example', null, false, null, null, null, null",
    "'cyd', timestamptz '2026-02-03 00:00:00+00', null, 1, null, null, null, [], 1",
]


class Life:
    """A project with intake models, and how it goes on; all copies of it read the same sources.

    So that models are the same files, and dbt need not read them again.
    """

    def __init__(self, project: Project, sources: Path, at: datetime = FIRST):
        self.project = project
        self.sources = sources
        self.at = at

    def source(self, name: str, *rows: str) -> None:
        """Put rows, as select lists, into a source table."""
        file = self.sources / f"{name}.parquet"
        union = " union all ".join(f"select {row}" for row in rows)
        with duckdb.connect() as connection:
            connection.execute(f"copy ({union}) to '{file}' (format parquet)")

    def tick(self) -> IntakeReport:
        self.at += timedelta(hours=1)
        with open_warehouse(self.project.warehouse) as warehouse:
            tick = Pipeline.of(self.project).tick(warehouse, self.at, settings=None, measure=False)
        return tick.intake

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with open_warehouse(self.project.warehouse) as warehouse:
            return [tuple(row.values()) for row in warehouse.rows(sql)]

    def files(self, kind: str) -> list[str]:
        return sorted(path.name for path in (self.project.landing / kind).glob("*"))

    def copy(self, to: Path) -> Life:
        shutil.copytree(self.project.root, to, symlinks=True)
        return Life(Project.at(to), self.sources, self.at)

    def begin(self) -> None:
        """Have the sources say what the first tick saw."""
        self.source("customers", *CUSTOMERS)
        self.source(
            "events",
            "1 as event_id, 'ada' as lead_id, 'signup' as event, '2026-02-05' as occurred_at,"
            " {'plan': 'pro', 'n': 1} as properties",
            "2, 'robert', 'signup', '2026-02-06', null",
        )
        self.source("suppressions", "'eve@x.example' as email, 'manual' as reason, 'from the old tool' as note")
        self.source("engagement", "'m-1' as message_id, 'opened' as type, timestamp '2026-02-07' as occurred_at")

    def go_on(self) -> None:
        """One lead has changed, one came; an event was written over, and one is gone."""
        self.begin()
        self.source("customers", ADA, *CUSTOMERS[1:], DAN)
        self.source(
            "events",
            "1 as event_id, 'ada' as lead_id, 'rewritten' as event, '2026-02-05' as occurred_at",
            "3, 'robert', 'login', '2026-02-07'",
        )


ADA = CUSTOMERS[0].replace("3 as seats", "4 as seats")
DAN = CUSTOMERS[1].replace("robert", "dan")


CHANGED = "select lead_id, seats, updated_at from staging.stg_leads where lead_id in ('ada', 'dan') order by lead_id"


def model_of(sources: Path, name: str) -> str:
    return f"select * from read_parquet('{sources}/{name}.parquet')\n"


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """After its first tick, and one at which nothing had changed."""
    root = tmp_path_factory.mktemp("intake") / "project"
    sources = root.with_name("sources")
    sources.mkdir()
    sequences = root.with_name("sequences")
    sequences.mkdir()
    (sequences / "project.yml").write_text(SETTINGS)
    project = copy_project(root, sequences=sequences)
    shutil.rmtree(project.segments)
    project.intake.mkdir()
    (project.intake / "leads.sql").write_text(LEADS)
    (project.dbt / "models" / "crm").mkdir()
    # A table: the model of leads stands on a model that nobody else makes.
    config = "{{ config(materialized='table') }}\n"
    (project.dbt / "models" / "crm" / "crm_customers.sql").write_text(config + model_of(sources, "customers"))
    for kind in ("events", "suppressions"):
        (project.intake / f"{kind}.sql").write_text(model_of(sources, kind))
    (project.intake / "intake_engagement.sql").write_text(model_of(sources, "engagement"))
    life = Life(project, sources)
    life.begin()
    with open_warehouse(project.warehouse) as warehouse:
        tick = Pipeline.of(project).tick(warehouse, FIRST, settings=None, measure=False)
    assert tick.intake.problems == []
    assert tick.intake.landed == {"leads": 3, "events": 2, "suppressions": 1, "engagement": 1}
    assert {name: tick.loaded[name].rows for name in tick.loaded} == tick.intake.landed
    assert sum(tick.loaded[name].rejected for name in tick.loaded) == 0
    return life


def test_types_are_kept_and_declared_fields_have_theirs(life: Life) -> None:
    leads = life.rows(
        "select lead_id, created_at, updated_at, email, seats, paid, since, seen_at, tags, age from staging.stg_leads"
        " order by lead_id"
    )
    assert leads[0] == (
        "ada", datetime(2026, 2, 1, 9), FIRST, "ada@x.example", 3, True, datetime(2026, 1, 31).date(),
        datetime(2026, 2, 2, 3, 4, 5), ["a", "b"], "7",
    )  # fmt: skip
    [file] = (life.project.landing / "leads").glob("intake-*.parquet")
    with duckdb.connect() as connection:
        landed = connection.execute(f"describe select * from '{file}'").fetchall()
    types = {row[0]: row[1] for row in landed}
    assert (types["seats"], types["paid"], types["since"], types["tags"]) == ("INTEGER", "BOOLEAN", "DATE", "VARCHAR[]")
    assert life.rows("select event_id, properties from raw.events order by event_id") == [
        ("1", '{"plan":"pro","n":1}'), ("2", None),
    ]  # fmt: skip


def test_where_nothing_has_changed_nothing_is_landed(life: Life) -> None:
    before = {kind: life.files(kind) for kind in ("leads", "events", "suppressions", "engagement")}
    life.begin()
    report = life.tick()
    assert (report.landed, report.problems) == ({"leads": 0, "events": 0, "suppressions": 0, "engagement": 0}, [])
    assert {kind: life.files(kind) for kind in before} == before
    assert [len(names) for names in before.values()] == [1, 1, 1, 1]
    assert before["leads"] == ["intake-20260301T000000Z-0001.parquet"]


def test_what_intake_lands_starts_no_tick(life: Life) -> None:
    watch = LandingWatch(life.project)
    digest = watch.look(None).digest
    (life.project.landing / "leads" / next_name(FIRST, life.files("leads"))).write_bytes(b"")
    assert not watch.look(digest).is_urgent
    (life.project.landing / "leads" / next_name(FIRST, [])).with_name("intake-20260301T000000Z-0002.parquet").unlink()
    (life.project.landing / "leads" / "others.csv").write_text("lead_id,created_at\n")
    assert watch.look(digest).is_urgent
    (life.project.landing / "leads" / "others.csv").unlink()


@pytest.fixture(scope="module")
def changed(life: Life, tmp_path_factory: pytest.TempPathFactory) -> Life:
    """A copy in which one lead changed, one came, and an event was written over."""
    copy = life.copy(tmp_path_factory.mktemp("changed") / "project")
    copy.go_on()
    report = copy.tick()
    assert report.problems == []
    assert report.landed == {"leads": 2, "events": 1, "suppressions": 0, "engagement": 0}
    return copy


def test_a_changed_lead_is_as_of_the_tick_and_an_event_stays_what_it_was(changed: Life) -> None:
    assert changed.rows(CHANGED) == [
        ("ada", 4, changed.at),
        ("dan", None, changed.at),
    ]
    assert changed.rows("select event_id, event from raw.events order by event_id") == [
        ("1", "signup"),
        ("2", "signup"),
        ("3", "login"),
    ]


STATE = (
    "select * from raw.intake_rows order by kind, key",
    "select * from raw.leads order by all",
    "select * from raw.events order by all",
    "select * from raw.suppressions order by all",
    "select * from raw.intake_files order by all",
)


def test_a_tick_that_died_between_landing_and_noting_lands_nothing_twice(
    life: Life, changed: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = life.copy(tmp_path / "project")
    copy.go_on()
    calls: list[int] = []

    def killed(project: Project, warehouse: Warehouse) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        note_landed(project, warehouse)

    with monkeypatch.context() as patched:
        patched.setattr("dagster_drips.pipeline.intake.note_landed", killed)
        with pytest.raises(KeyboardInterrupt):
            copy.tick()
    died_at, files = copy.at, copy.files("leads")
    assert len(files) == 2
    assert not any(copy.tick().landed.values())
    assert copy.files("leads") == files
    assert copy.rows(CHANGED) == [("ada", 4, died_at), ("dan", None, died_at)]
    events = "select event_id, event from raw.events order by event_id"
    assert copy.rows(events) == changed.rows(events)


@pytest.fixture(scope="module")
def left(changed: Life, tmp_path_factory: pytest.TempPathFactory) -> Life:
    """A copy in which somebody is in the model of leads no more."""
    copy = changed.copy(tmp_path_factory.mktemp("left") / "project")
    copy.go_on()
    copy.source("customers", ADA, CUSTOMERS[2], DAN)
    report = copy.tick()
    assert (report.suppressed, report.problems) == (1, [])
    return copy


def test_who_is_gone_is_suppressed_once_but_never_many_at_once(left: Life) -> None:
    gone = "select email, reason, occurred_at from raw.suppressions where email <> 'eve@x.example'"
    assert left.rows(gone) == [("robert@tables.example", "manual", left.at)]
    assert left.tick().suppressed == 0
    left.source("customers", ADA)
    report = left.tick()
    assert [str(problem) for problem in report.problems] == [
        "dbt_project/models/intake/leads.sql: 2 of 3 leads (66.7%) are gone at once, more than absent_at_most (0.5):"
        " none of them is taken to be absent"
    ]
    left.source("customers", f"* from (select {ADA}) where false")
    [problem] = left.tick().problems
    assert "3 of 3 leads (100.0%) are gone at once, all of them" in problem.message
    assert len(left.rows(gone)) == 1
    left.source("customers", ADA, CUSTOMERS[2], DAN)
    assert left.tick().problems == []


STATE = (
    "select * from raw.intake_rows order by kind, key",
    "select * from raw.intake_files order by all",
    *(f"select * from raw.{kind} order by all" for kind in LANDING_KINDS),
)


def test_a_rebuilt_warehouse_knows_the_same_and_an_erased_person_does_not_come_back(left: Life) -> None:
    before = [left.rows(sql) for sql in STATE]
    assert len(before[0]) == 4 + 3 + 1 + 1
    left.project.warehouse.unlink()
    rebuild(left.project)
    assert [left.rows(sql) for sql in STATE] == before

    # Who waits to be erased, and somebody whom the source still has.
    assert absent_leads(left.project) == ["robert"]
    done = CliRunner().invoke(app, ["forget", "--absent", "--yes", "--json", "--project", str(left.project.root)])
    [told] = json.loads(done.stdout)["forgotten"]
    assert (done.exit_code, told["counts"]["leads"], told["counts"]["suppressions"], told["remaining"]) == (0, 1, 1, [])
    assert absent_leads(left.project) == []
    assert forget(left.project, "ada").counts["leads"] == 2
    assert not any(left.tick().landed.values())
    assert left.rows("select lead_id from raw.leads order by all") == [("cyd",), ("dan",)]
    assert left.rows("select count(*) from raw.intake_rows where kind = 'leads'") == [(2,)]


def test_a_model_that_fails_lands_nothing_and_stops_nothing_else(changed: Life, tmp_path: Path) -> None:
    copy = changed.copy(tmp_path / "project")
    copy.go_on()
    copy.source("customers", *CUSTOMERS, ADA)
    copy.source("events", "4 as event_id, 'ada' as lead_id, 'login' as event")
    copy.source("engagement", "null as message_id, 'opened' as type, 'e-1' as engagement_id", "'m', 'opened', 'e-1'")
    copy.source("suppressions", "'new@x.example' as email", "null")
    report = copy.tick()
    of = "dbt_project/models/intake"
    assert sorted(map(str, report.problems)) == [
        f"{of}/events.sql: no column occurred_at; the columns are event_id, lead_id, event; nothing of it is landed",
        f"{of}/intake_engagement.sql: 2 rows of one engagement_id; nothing of it is landed; the first is 'e-1'",
        f"{of}/leads.sql: 2 rows of one lead_id; nothing of it is landed; the first is 'ada'",
        f"{of}/suppressions.sql: 1 row without email; the others are landed",
    ]
    assert report.landed == {"leads": 0, "events": 0, "engagement": 0, "suppressions": 1}
    assert ("dbt_project/models/intake/leads.sql", "2 rows of one lead_id; nothing of it is landed") in copy.rows(
        "select file, reason from raw.intake_problems"
    )
    copy.source("customers", *CUSTOMERS, CUSTOMERS[0].replace("'ada'", "null"))
    (copy.sources / "events.parquet").unlink()
    report = copy.tick()
    told = {problem.file: problem.message for problem in report.problems}
    assert told[f"{of}/leads.sql"] == "1 row without lead_id; nothing of it is landed"
    assert "No files found" in told[f"{of}/events.sql"]
    assert all("\n" not in message for message in told.values())


def test_dagster_shows_where_rows_come_from_and_asks_at_each_tick(changed: Life, tmp_path: Path) -> None:
    copy = changed.copy(tmp_path / "project")
    copy.go_on()
    copy.source("customers", ADA, *CUSTOMERS[1:], DAN, CUSTOMERS[1].replace("robert", "eli"))
    definitions = build_code_location(copy.project)
    graph = definitions.resolve_asset_graph()
    above = {key.to_user_string() for key in graph.get_ancestor_asset_keys(dg.AssetKey(["raw", "leads"]))}
    # The schema of a model that stands elsewhere is the profile's.
    assert {"landing/intake", "intake/leads", "intake/intake_engagement", "crm_customers"} <= above
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    done = definitions.resolve_job_def("decide").execute_in_process(run_config=quiet)
    [landed] = done.asset_materializations_for_node("intake")[-1:]
    assert (landed.asset_key.path, landed.metadata["leads"].value) == (["landing", "intake"], 1)
    made = {one.asset_key.to_user_string() for one in done.asset_materializations_for_node("intake")}
    assert made == {"landing/intake", "crm_customers", *(f"intake/{name}" for name in MODELS)}
    assert copy.rows("select count(*) from raw.leads where lead_id = 'eli'") == [(1,)]


def test_a_model_reads_nothing_that_the_tick_makes_later(changed: Life, tmp_path: Path) -> None:
    copy = changed.copy(tmp_path / "project")
    copy.go_on()
    (copy.project.intake / "events.sql").write_text(
        "select lead_id as event_id, lead_id, 'x' as event, created_at as occurred_at from {{ ref('stg_leads') }}\n"
    )
    (copy.project.intake / "suppressions.sql").write_text("select email from {{ ref('no_such_model') }}\n")
    report = copy.tick()
    told = {problem.file: problem.message for problem in report.problems}
    assert told["dbt_project/models/intake/events.sql"] == (
        "it reads stg_leads, which the product makes later in a tick: read your own sources and models; nothing of it"
        " is landed"
    )
    assert "no_such_model" in told["dbt_project/models/intake/suppressions.sql"]
    assert report.landed["leads"] == 0
    assert len(report.problems) == 2
    mart = copy.project.dbt / "models" / "marts" / "mine.sql"
    mart.parent.mkdir(exist_ok=True)
    mart.write_text("select event_id from {{ ref('events') }}\n")
    with pytest.raises(DripsError, match=r"marts/mine.sql: ref\('events'\) may be .* write ref\('drips', 'events'\)"):
        copy.tick()
