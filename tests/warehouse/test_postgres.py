"""The port's verbs on a PostgreSQL server: what is written is what is read; errors are those that rooms above know."""

from __future__ import annotations

import os
from collections.abc import Generator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from postgres_server import PostgresServer, postgres_server

from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.warehouse import PostgresDatabase, Warehouse, WarehouseBusy, engine_error, open_warehouse
from dagster_drips.warehouse.copies import copy_of_warehouse, copy_tables
from dagster_drips.warehouse.engine_errors import rows_refused
from dagster_drips.warehouse.statements import Statement, named_statements

pytestmark = pytest.mark.slow

AT = datetime(2026, 3, 29, 1, 30, 0, 123456)
ODD = [
    "",
    "\\N",
    "a\tb",
    "line\nline\r\nline",
    "back\\slash",
    "quote\" and 'quote'",
    "{},NULL",
    "ä€😀",
    "%s ? $x",
    None,
]


@pytest.fixture(scope="module")
def server() -> Generator[PostgresServer]:
    with postgres_server() as server:
        server.execute("create database drips")
        yield server


@pytest.fixture(autouse=True)
def _of_the_test(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.variables("drips").items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def warehouse(server: PostgresServer) -> Generator[Warehouse]:
    with open_warehouse(PostgresDatabase()) as warehouse:
        yield warehouse


def test_every_value_that_is_appended_is_read_again(warehouse: Warehouse) -> None:
    warehouse.execute(
        "create or replace temp table odd (text varchar, list varchar[], at timestamp, day date, number double,"
        " whole bigint, money decimal(18, 4), flag boolean)"
    )
    frame = pl.DataFrame(
        {
            "text": ODD,
            "list": [[text, "x"] for text in ODD[:-1]] + [None],
            "at": [AT] * len(ODD),
            "day": [AT.date()] * len(ODD),
            "number": [0.1, 1e300, -5.0, float("inf"), 1e-9, 3.0, 0.30000000000000004, 1.0, 2.0, None],
            "whole": [2**62] * len(ODD),
            "flag": [True, False] * 5,
        }
    )
    assert warehouse.append("odd", frame) == len(ODD)
    assert warehouse.append_rows("odd", [{"text": "a row", "money": Decimal("1.5"), "list": []}]) == 1
    *rows, last = warehouse.rows("select * from odd")
    assert [{name: row[name] for name in frame.columns} for row in rows] == frame.to_dicts()
    assert (last["text"], last["money"], last["list"], last["at"]) == ("a row", Decimal("1.5000"), [], None)
    assert warehouse.columns("odd") == {
        "text": "VARCHAR",
        "list": "VARCHAR[]",
        "at": "TIMESTAMP",
        "day": "DATE",
        "number": "DOUBLE",
        "whole": "BIGINT",
        "money": "DECIMAL(18,4)",
        "flag": "BOOLEAN",
    }
    read = warehouse.frame(
        "select text, list, at, day, number, whole, flag from odd where text <> 'a row' or text is null"
    )
    assert read.equals(frame)
    batched = [
        row["text"] for rows in warehouse.batches("select unnest(?::varchar[]) as text", [ODD], size=3) for row in rows
    ]
    assert batched == ODD


def test_parameters_stand_for_themselves(warehouse: Warehouse) -> None:
    text = "100 % ? $name 'x'"
    assert warehouse.value("select ? || '%? $name'", [text]) == f"{text}%? $name"
    [row] = warehouse.rows("select $a::varchar as a, $b::bigint as b -- a ? here", {"a": text, "b": 7})
    assert row == {"a": text, "b": 7}
    assert warehouse.value("select '50%'") == "50%"
    assert warehouse.value("select count(*) from (select unnest(?::varchar[])) as none", [[]]) == 0
    assert warehouse.value("select sum(n) from (values (1::bigint), (2)) as numbers (n)") == 3


def test_a_result_goes_into_parquet_and_comes_back_by_name(warehouse: Warehouse, tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    warehouse.write_parquet("select 'a' as name, timestamp '2026-01-02 03:04:05' as at, 5::bigint as number", file)
    assert pl.read_parquet_schema(file) == {"name": pl.String, "at": pl.Datetime("us"), "number": pl.Int64}
    warehouse.execute("create or replace temp table taken (number bigint, at timestamp, name varchar, more varchar)")
    warehouse.execute("insert into taken by name (select * from read_parquet(?))", [str(file)])
    assert warehouse.rows("select * from taken") == [
        {"number": 5, "at": datetime(2026, 1, 2, 3, 4, 5), "name": "a", "more": None}
    ]


def test_a_value_that_is_none_of_a_type_is_null(warehouse: Warehouse) -> None:
    fitting = warehouse.fitting("value", "DOUBLE")
    rows = warehouse.rows(f"select {fitting} as number from (values ('1.5'), ('x'), (null)) as texts (value)")
    assert [row["number"] for row in rows] == [1.5, None, None]


def test_all_of_a_transaction_counts_or_nothing(warehouse: Warehouse) -> None:
    warehouse.execute("create or replace temp table counted (n bigint not null)")
    with pytest.raises(rows_refused()), warehouse.transaction():
        warehouse.execute("insert into counted values (1)")
        warehouse.execute("insert into counted values (null)")
    assert warehouse.value("select count(*) from counted") == 0
    with warehouse.transaction():
        warehouse.execute("insert into counted values (1)")
    assert warehouse.value("select count(*) from counted") == 1
    with pytest.raises(rows_refused()):
        warehouse.value("select ?", ["a NUL \x00"])
    with pytest.raises(engine_error()):
        warehouse.value("select 1 from raw.no_such_table")
    assert warehouse.columns("raw.no_such_table") == {}


def test_a_second_writer_is_told_and_a_reader_is_not(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, server: PostgresServer
) -> None:
    monkeypatch.setattr("dagster_drips.warehouse.postgres._PATIENCE_SECONDS", 0)
    told = f"^PostgreSQL 127.0.0.1:{server.port}/drips: another run is writing"
    with pytest.raises(WarehouseBusy, match=told), open_warehouse(PostgresDatabase()):
        pytest.fail("two of them")
    with open_warehouse(PostgresDatabase(), read_only=True) as reader:
        assert reader.value("select count(*) from journal.ticks") == 0
        with pytest.raises(engine_error()):
            reader.execute("delete from journal.ticks")


@pytest.mark.parametrize("case", ["away", "password", "rights", "order", "missing"])
def test_what_is_wrong_with_a_database_is_told_in_one_line(
    case: str, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "not-the-password"
    expected = {
        "away": "refused",
        "password": "password authentication failed",
        "rights": "permission denied .* must be allowed",
        "order": "don't compare by code point",
        "missing": "does not exist",
    }[case]
    if case == "away":
        monkeypatch.setenv("PGPORT", "1")
    elif case == "password":
        monkeypatch.setenv("PGPASSWORD", secret)
    elif case == "rights":
        server.execute("create database kept_shut")
        server.execute(f"create role guest login password '{secret}'")
        monkeypatch.setenv("PGUSER", "guest")
        monkeypatch.setenv("PGPASSWORD", secret)
        monkeypatch.setenv("PGDATABASE", "kept_shut")
    elif case == "order":
        server.execute("create database by_language template template0 locale_provider icu icu_locale 'en'")
        monkeypatch.setenv("PGDATABASE", "by_language")
    else:
        monkeypatch.setenv("PGDATABASE", "no_such_database")
    with pytest.raises(DripsError, match=expected) as told, open_warehouse(PostgresDatabase()):
        pytest.fail("it opens")
    assert "\n" not in str(told.value)
    assert secret not in str(told.value)


def test_a_projects_env_file_names_the_server_where_the_environment_does_not(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = server.variables("drips")
    for name in written:
        monkeypatch.delenv(name)
    with open_warehouse(PostgresDatabase(written), read_only=True) as warehouse:
        assert warehouse.value("select current_database()") == "drips"
    assert "PGPASSWORD" not in os.environ
    assert server.password not in repr(PostgresDatabase(written))
    monkeypatch.setenv("PGDATABASE", "postgres")
    with open_warehouse(PostgresDatabase(written), read_only=True) as warehouse:
        assert warehouse.value("select current_database()") == "postgres"


def test_an_engine_takes_its_own_variant_of_a_statement(warehouse: Warehouse, tmp_path: Path) -> None:
    file = tmp_path / "some.sql"
    file.write_text(
        """-- name: one
select 'every ${what}'

-- name: two
select 'duckdb ${what}'

-- name: two for postgres
select 'postgres ${what}';
"""
    )
    found = named_statements(file)
    assert list(found) == ["one", "two"]
    assert found["two"] == "select 'duckdb ${what}'"
    assert [warehouse.value(found[name].substitute(what="row")) for name in found] == ["every row", "postgres row"]
    assert warehouse.value(Statement("select 1", postgres="select 2")) == 2


def test_schemas_of_others_are_left_alone(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    psycopg2 = pytest.importorskip("psycopg2")
    server.execute("create database shop")
    monkeypatch.setenv("PGDATABASE", "shop")
    with psycopg2.connect("") as theirs, theirs.cursor() as cursor:
        cursor.execute("create schema marts; create schema staging; create table staging.orders as select 1 as id")
    with (
        pytest.raises(DripsError, match=r"others in schemas that are ours \(staging\)"),
        open_warehouse(PostgresDatabase()),
    ):
        pass
    with psycopg2.connect("") as theirs, theirs.cursor() as cursor:
        cursor.execute("select (select count(*) from staging.orders), to_regnamespace('raw')")
        assert cursor.fetchone() == (1, None)


def test_sessions_plan_for_queries_within_queries(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ("jit", "enable_nestloop")
    assert [warehouse.value(f"show {name}") for name in settings] == ["off", "off"]
    monkeypatch.setenv("PGOPTIONS", "-c jit=on")
    with open_warehouse(PostgresDatabase(), read_only=True) as other:
        assert [other.value(f"show {name}") for name in settings] == ["on", "on"]


def test_a_copy_as_a_duckdb_file_has_every_value(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dagster_drips.warehouse.copies._SHORT_LINE", 1000)
    long = "line\n" * 1000
    tags = [[text, "x", None] for text in ODD[:-1]] + [None]
    for nth, (text, list_) in enumerate(zip([*ODD[:-1], long], tags, strict=True)):
        lead = {"lead_id": str(nth), "created_at": AT, "company": text, "tags": list_, "_load": 2**62, "_line": nth}
        warehouse.append_rows("raw.leads", [lead])
    warehouse.execute("alter table raw.leads add column \"plan 'A', ordered\" decimal(18, 4)")
    warehouse.execute("update raw.leads set \"plan 'A', ordered\" = 1.5 where lead_id = '1'")
    file = tmp_path / "warehouse.duckdb"
    assert copy_tables(warehouse, file)
    asked = "select * from raw.leads order by lead_id"
    with open_warehouse(file) as copied:
        assert copied.rows(asked) == warehouse.rows(asked)
        assert copied.columns("raw.leads") == warehouse.columns("raw.leads")
        assert copied.columns("journal.ticks")["recorded_at"] == "TIMESTAMP"
        warehouse.execute("delete from raw.leads")
        warehouse.execute("alter table raw.leads drop column \"plan 'A', ordered\"")
        copied.write_csv("select '' as a, null as b, 'x, \"y\"' as c", tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text() == '"",,"x, ""y"""\n'


def test_a_copy_is_taken_between_ticks_and_the_next_one_waits_for_no_more(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_warehouse(PostgresDatabase(), read_only=True) as reader:
        with monkeypatch.context() as impatient:
            impatient.setattr("dagster_drips.warehouse.postgres._PATIENCE_SECONDS", 0)
            with pytest.raises(WarehouseBusy), reader.between_ticks():
                pytest.fail("within a tick")
        # The server ends a session a moment after it was closed.
        warehouse.close()
        with reader.between_ticks():
            before = reader.value("select count(*) from journal.ticks")
            with open_warehouse(PostgresDatabase()) as writer:
                writer.execute("insert into journal.ticks values (?, 'decided', ?, 1)", [AT, AT])
                assert reader.value("select count(*) from journal.ticks") == before
                writer.execute("delete from journal.ticks where as_of = ?", [AT])
    monkeypatch.setenv("DRIPS_TARGET", "postgres")
    monkeypatch.setenv("PGDATABASE", "postgres")
    assert not copy_of_warehouse(Project(tmp_path), tmp_path / "none.duckdb")
