"""A run done again without dbt is the run that dbt does, and what could come out otherwise is left to dbt."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import SCENARIOS, copy_project

from dagster_drips.clock import parse_instant
from dagster_drips.pipeline.compiled_runs import FOLDER, CompiledNode, CompiledRuns
from dagster_drips.pipeline.dbt_runner import DECIDE, MEASURE, SEEDS, Transform
from dagster_drips.pipeline.own_models import write_segment_list
from dagster_drips.pipeline.run_compiled import run_compiled
from dagster_drips.pipeline.segments import parse_readable
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

TICKS = ("2026-03-28T00:00:00Z", "2026-03-29T12:00:00Z", "2026-03-30T12:00:00Z")
MADE = """
select schema_name || '.' || table_name as name, sql from duckdb_tables()
where schema_name in ('staging', 'kept', 'segments', 'decide', 'intermediate', 'marts')
union all
select schema_name || '.' || view_name, 'view' from duckdb_views()
where not internal and schema_name in ('staging', 'segments', 'decide', 'after_sending', 'marts')
order by name
"""
"""What dbt makes, each table with its columns and types."""

WALL_CLOCK = ("loaded_at",)
BY_WALL_CLOCK = ("marts.pipeline_latency", "marts.latency_histogram")


def a_project(folder: Path) -> Project:
    scenario = SCENARIOS / "spring"
    segments = scenario / "dbt_project" / "models" / "segments"
    return copy_project(folder, sequences=scenario / "sequences", segments=segments, data=scenario / "data")


def lived(project: Project, *, by_dbt: bool) -> tuple[dict[str, str], dict[str, list[Any]], list[tuple[Any, ...]]]:
    """What two ticks make: tables and views, the rows of each, and what became of data tests."""
    transform = Transform(project)
    pipeline = Pipeline(project, transform, journal=None)
    tests: list[tuple[Any, ...]] = []
    with open_warehouse(project.warehouse) as warehouse:
        for instant in TICKS:
            if by_dbt:
                shutil.rmtree(transform.target_path / FOLDER, ignore_errors=True)
                transform.forget()
            pipeline.tick(warehouse, parse_instant(instant), settings=None)
            results = [*pipeline.check(DECIDE), *pipeline.check(MEASURE)]
            tests += sorted((one.unique_id, one.status, one.message, one.failures) for one in results)
        made = {row["name"]: row["sql"] for row in warehouse.rows(MADE)}
        rows = {name: sorted(map(_without_wall_clock, warehouse.rows(f"from {name}"))) for name in made}
    return made, rows, tests


def _without_wall_clock(row: dict[str, Any]) -> str:
    return repr({name: value for name, value in row.items() if name not in WALL_CLOCK})


def test_ticks_from_compiled_sql_are_those_that_dbt_runs(tmp_path: Path) -> None:
    by_dbt = lived(a_project(tmp_path / "by_dbt"), by_dbt=True)
    twice = a_project(tmp_path / "twice")
    lived(twice, by_dbt=False)
    shutil.rmtree(twice.data / "journal", ignore_errors=True)
    twice.warehouse.unlink()
    again = lived(twice, by_dbt=False)
    made, rows, tests = by_dbt
    assert made["marts.messages"].startswith("CREATE TABLE")
    assert sum(len(of_one) for of_one in rows.values()) > 500
    assert tests
    assert [name for name in made if rows[name] != again[1][name] and name not in BY_WALL_CLOCK] == []
    assert again[0] == made
    assert again[2] == tests


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Transform]:
    """A project with its models made, and dbt's parse of some odd segments in it."""
    project = copy_project(tmp_path_factory.mktemp("odd") / "project")
    (project.dbt / "macros" / "asking.sql").write_text(
        "{% macro asking() %}{{ run_query('select 1').columns[0].values()[0] }}{% endmacro %}\n"
        "{% macro default__told() %}{{ env_var('HOME') }}{% endmacro %}\n"
        "{% macro told() %}{{ adapter.dispatch('told')() }}{% endmacro %}\n"
    )
    for name, text in {**LEFT_TO_DBT, **KEPT}.items():
        (project.dbt / "models" / "segments" / f"{name}.sql").write_text(text)
    transform = Transform(project)
    with open_warehouse(project.warehouse) as warehouse:
        pipeline = Pipeline(project, transform, journal=None)
        pipeline.begin(warehouse, parse_instant(TICKS[0]))
        pipeline.load_sequences(warehouse)
        parse_readable(project, transform)
        transform.run("seed", [SEEDS], full_refresh=True)
        transform.run("run", ["fqn:drips.staging", "fqn:drips.kept"])
    return project, transform


_LEADS = "select lead_id from {{ ref('stg_leads') }}"
LEFT_TO_DBT = {
    "by_environment": f"{_LEADS} where '{{{{ env_var('HOME') }}}}' <> ''",
    "by_start": f"{_LEADS} where '{{{{ run_started_at }}}}' <> ''",
    "by_clock": f"{_LEADS} where '{{{{ modules.datetime.datetime.now() }}}}' <> ''",
    "by_rows": f"{_LEADS} where {{{{ run_query('select 1').columns[0].values()[0] if execute else 1 }}}} = 1",
    "by_columns": f"{_LEADS} where {{{{ adapter.get_columns_in_relation(ref('stg_leads')) | length }}}} >= 0",
    "by_a_macro": f"{_LEADS} where {{{{ asking() if execute else 1 }}}} = 1",
    "by_a_dispatched_macro": f"{_LEADS} where '{{{{ told() }}}}' <> ''",
    "with_hook": "{{ config(post_hook='select 1') }}" + _LEADS,
    "incremental": "{{ config(materialized='incremental') }}" + _LEADS,
}
KEPT = {
    "plain": _LEADS,
    "as_table": "{{ config(materialized='table') }}" + _LEADS,
    "with_comment": f"{_LEADS} -- the last line is a comment",
    "with_semicolon": f"{_LEADS};",
}


@pytest.mark.parametrize("segment", [*LEFT_TO_DBT, *KEPT])
def test_what_depends_on_more_than_the_files_is_left_to_dbt(built: tuple[Project, Transform], segment: str) -> None:
    project, transform = built
    arguments = ["run", "--select", segment]
    (result,) = transform.run("run", [segment])
    kept = CompiledRuns(transform.target_path / FOLDER, transform.fingerprint).find(arguments)
    assert result.status == "success", result.message
    assert (kept is not None) == (segment in KEPT)
    (again,) = transform.run("run", [segment])
    assert again.status == "success", again.message
    with open_warehouse(project.warehouse) as warehouse:
        assert warehouse.value(f"select count(*) from segments.{segment}") == 0


def test_what_reads_a_failed_model_is_skipped_and_nothing_else(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    for name, text in {
        "first": "{{ config(materialized='table') }}select lead_id from raw.own",
        "second": "{{ config(materialized='table') }}select lead_id from {{ ref('first') }}",
        "third": "{{ config(materialized='table') }}select 'x' as lead_id",
    }.items():
        (project.dbt / "models" / "segments" / f"{name}.sql").write_text(text)
    transform = Transform(project)
    with open_warehouse(project.warehouse) as warehouse:
        warehouse.execute("create table raw.own (lead_id varchar)")
        parse_readable(project, transform)
        by_dbt = transform.run("run", ["first", "second", "third"])
        assert [result.status for result in by_dbt] == ["success"] * 3
        warehouse.execute("alter table raw.own rename column lead_id to lead")
        again = {result.name: result for result in transform.run("run", ["first", "second", "third"])}
    assert {name: result.status for name, result in again.items()} == {
        "first": "error",
        "second": "skipped",
        "third": "success",
    }
    assert "lead_id" in again["first"].message


def test_a_table_takes_the_place_of_a_view_and_the_other_way_round(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    segment = project.dbt / "models" / "segments" / "one.sql"
    transform = Transform(project)
    texts = [f"{{{{ config(materialized='{kind}') }}}}select 'x' as lead_id" for kind in ("view", "table")]
    with open_warehouse(project.warehouse) as warehouse:
        for text in [*texts, *texts]:
            segment.write_text(text)
            transform.forget()
            parse_readable(project, transform)
            assert [result.status for result in transform.run("run", ["one"])] == ["success"]
            assert warehouse.value("select lead_id from segments.one") == "x"


def test_data_tests_fail_and_warn_as_dbt_says_it(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    (project.dbt / "models" / "segments" / "one.sql").write_text("select lead_id from raw.own")
    (project.dbt / "models" / "segments" / "_one.yml").write_text(
        "models:\n  - name: one\n    columns:\n      - name: lead_id\n        data_tests:\n"
        "          - unique\n          - not_null: {config: {severity: warn}}\n"
        "          - accepted_values: {arguments: {values: [a]}, config: {error_if: '>5', warn_if: '>0'}}\n"
    )
    transform = Transform(project)
    with open_warehouse(project.warehouse) as warehouse:
        warehouse.execute("create table raw.own (lead_id varchar)")
        parse_readable(project, transform)
        transform.run("run", ["one"])
        assert {result.status for result in transform.run("test", ["one"])} == {"pass"}
        warehouse.execute("insert into raw.own values ('b'), ('b'), (null)")
        kept = transform.run("test", ["one"])
        shutil.rmtree(transform.target_path / FOLDER)
        transform.forget()
        by_dbt = transform.run("test", ["one"])
    told = [sorted((one.name, one.status, one.message, one.failures) for one in results) for results in (kept, by_dbt)]
    assert sorted(one.status for one in kept) == ["fail", "warn", "warn"]
    assert told[0] == told[1]


def test_half_a_file_is_none(tmp_path: Path) -> None:
    runs = CompiledRuns(tmp_path, "state")
    runs.keep(["run"], [], {})
    assert CompiledRuns(tmp_path, "state").find(["run"]) == []
    assert not CompiledRuns(tmp_path, "another").is_known
    file = tmp_path / "state.msgpack"
    file.write_bytes(file.read_bytes()[:-3])
    assert not CompiledRuns(tmp_path, "state").is_known


def test_a_value_that_yaml_takes_from_the_environment_is_another_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_project(tmp_path)
    (project.dbt / "dbt_project.yml").open("a").write("vars: {level: \"{{ env_var('LEVEL', 'low') }}\"}\n")
    without = Transform(project).fingerprint
    monkeypatch.setenv("LEVEL", "high")
    high = Transform(project).fingerprint
    monkeypatch.setenv("LEVEL", "higher")
    assert len({without, high, Transform(project).fingerprint}) == 3
    # Which file is the warehouse is told to dbt for each run.
    monkeypatch.setenv("DRIPS_WAREHOUSE", "anything")
    monkeypatch.setenv("LEVEL", "high")
    assert Transform(project).fingerprint == high


def test_what_stays_broken_takes_no_dbt_until_it_works_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = copy_project(tmp_path)
    # The tests' projects share what dbt compiled; this one begins with nothing.
    shutil.rmtree(project.dbt_target / FOLDER)
    (project.segments / "vips.sql").write_text("select lead_id from shop.vips\n")
    (project.dbt / "models" / "content").mkdir(exist_ok=True)
    (project.dbt / "models" / "content" / "offers.sql").write_text("select lead_id from shop.offers\n")
    asked: list[list[str]] = []
    invoke = Transform._invoke

    def noted(self: Transform, arguments: list[str], manifest: Any) -> Any:
        asked.append(arguments)
        return invoke(self, arguments, manifest)

    monkeypatch.setattr(Transform, "_invoke", noted)

    def tick(instant: str) -> list[str]:
        asked.clear()
        pipeline = Pipeline(project, Transform(project), journal=None)
        report = pipeline.tick(warehouse, parse_instant(instant), settings=None, measure=False)
        return [f"{one.segment}: {one.reason}" for one in report.decided.broken_segments]

    with open_warehouse(project.warehouse) as warehouse:
        [first] = tick("2026-03-28T00:00:00Z")
        assert first.startswith("vips: ") and "vips" in first.removeprefix("vips: ")
        assert asked
        assert tick("2026-03-28T00:05:00Z") == [first]
        assert asked == []
        warehouse.execute("create schema shop")
        warehouse.execute("create table shop.vips as select 1 as customer")
        [other] = tick("2026-03-28T00:10:00Z")
        assert "lead_id" in other
        assert asked == []
        warehouse.execute("create or replace table shop.vips as select 'l' as lead_id")
        assert tick("2026-03-28T00:15:00Z") == []
        assert asked
        assert tick("2026-03-28T00:20:00Z") == []
        assert asked == []


def test_a_file_that_a_model_names_is_looked_for_from_the_dbt_project(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "vips.csv").write_text("lead_id\nl\n")
    file = tmp_path / "warehouse.duckdb"
    with open_warehouse(file) as warehouse:
        node = CompiledNode(
            unique_id="model.shop.vips",
            kind="table",
            relation='"warehouse"."main"."vips"',
            sql="select lead_id from read_csv('files/vips.csv')",
        )
        assert [result.message for result in run_compiled([node], file, tmp_path)] == [""]
        assert warehouse.rows("from main.vips") == [{"lead_id": "l"}]


def test_a_segment_is_no_rule_that_the_product_s_own_models_decide_by(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    before = fingerprints(project)
    (project.segments / "dormant.sql").write_text("select lead_id from {{ ref('stg_leads') }}\n")
    (project.dbt / "models" / "content").mkdir(exist_ok=True)
    (project.dbt / "models" / "content" / "offers.sql").write_text("select lead_id from {{ ref('stg_leads') }}\n")
    write_segment_list(project, ["dormant"])
    edited = fingerprints(project)
    assert edited[0] != before[0]
    assert edited[1] == before[1]
    (project.dbt / "macros" / "sha256_hex.sql").write_text("{% macro duckdb__sha256_hex(text) %}'x'{% endmacro %}\n")
    assert fingerprints(project)[1] != before[1]


def fingerprints(project: Project) -> tuple[str, str]:
    transform = Transform(project)
    return transform.fingerprint, transform.fingerprint_of_rules


def test_a_changed_file_is_another_state(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    before = Transform(project).fingerprint
    (project.dbt / "models" / "segments" / "_segments.yml").open("a").write("# a comment\n")
    assert Transform(project).fingerprint != before
    assert Transform(project, warehouse=Path("other.duckdb")).fingerprint != Transform(project).fingerprint
    (project.dbt / "target" / "anything").write_text("made by dbt")
    assert Transform(project).fingerprint == Transform(project).fingerprint


def test_what_a_projects_own_model_has_in_its_meta_is_its_own(tmp_path: Path) -> None:
    project = a_project(tmp_path / "project")
    segment = project.segments / "everybody.sql"
    segment.write_text(
        "{{ config(meta={'empty_without': ['nothing']}) }}\nselect lead_id from {{ ref('stg_leads') }}\n"
    )
    pipeline = Pipeline(project, Transform(project), journal=None)
    with open_warehouse(project.warehouse) as warehouse:
        for instant in TICKS[:2]:
            pipeline.tick(warehouse, parse_instant(instant), settings=None, measure=False)
        assert warehouse.value("select count(*) from segments.everybody") > 0
