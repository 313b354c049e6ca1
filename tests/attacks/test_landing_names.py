"""Names of landed columns and keys: data, whatever they say, and quarantined where they can't be a column's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from landing.conftest import Landing

from dagster_drips.landing import fields as lead_fields
from dagster_drips.landing import json_reader
from dagster_drips.vocabulary import LANDED_COLUMNS

from .landing_folder import landing_in

LEAD = {"lead_id": "L1", "created_at": "2026-01-01", "email": "a@b.example"}
OTHER = {"lead_id": "L2", "created_at": "2026-01-01"}


@pytest.fixture
def landing(tmp_path: Path) -> Iterator[Landing]:
    with landing_in(tmp_path) as folder:
        yield folder


def put(landing: Landing, form: str, name: str) -> None:
    """Land a lead with a field of that name, and one without."""
    if form == "csv":
        cell = '"' + name.replace('"', '""') + '"'
        landing.put("leads/1.csv", f"lead_id,created_at,{cell}\nL1,2026-01-01,x\nL2,2026-01-01,\n")
    elif form == "jsonl":
        landing.put_rows("leads/1.jsonl", LEAD | {name: "x"}, OTHER)
    else:
        pl.DataFrame([LEAD | {name: "x"}, OTHER | {name: None}]).write_parquet(landing.path("leads/1.parquet"))


FORMS = ("csv", "jsonl", "parquet")
INJECTIONS = (
    "x\ndrop table raw.events; --",
    "x\ncopy (select 1) to '/tmp/out'; --",
    "x\r\n); delete from raw.leads; --",
    "x\u2028; drop schema raw cascade",
    "x\x00y",
    "x\x1b[2J",
    "n" * 201,
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", INJECTIONS)
def test_a_name_that_could_be_no_columns_is_quarantined_with_the_reason(landing, form, name):
    put(landing, form, name)
    landing.load()
    [reason] = landing.reasons()
    if form == "csv" and "\x00" in name:
        # A NUL in the header is no CSV at all: one reason for the file.
        assert (landing.rows("leads", "lead_id"), reason.startswith("header: malformed line: ")) == ([], True)
        return
    assert landing.rows("leads", "lead_id") == ["L2"]
    assert reason.startswith("field ") and ("control character" in reason or "longer than 200" in reason)
    assert len(reason) < 300 and reason.isprintable()
    assert landing.warehouse.value("select count(*) from raw.events") == 0


HONEST = (
    'a"b', "a'b", "x); drop table raw.leads; --", "-- x", "/* x", "a;b", "$1", "${content}", "{{ x }}", "a\\b", "größe",
    "名前", "a b", "?", "%s", "content", "content_before", "is_loaded", "leads", "events", "staged", "loaded", "rowid",
    "lead", "key", "select", "main", "raw", "columns", "alias", "name", "_drip", "drips_x",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_any_other_name_is_a_columns_and_nothing_else(landing, form):
    columns = {name: f"value {number}" for number, name in enumerate(HONEST)}
    if form == "csv":
        header = ",".join('"' + name.replace('"', '""') + '"' for name in HONEST)
        landing.put("leads/1.csv", f"lead_id,created_at,{header}\nL1,2026-01-01,{','.join(columns.values())}\n")
    elif form == "jsonl":
        landing.put_rows("leads/1.jsonl", LEAD | columns)
    else:
        pl.DataFrame([LEAD | columns]).write_parquet(landing.path("leads/1.parquet"))
    landing.load()
    assert landing.reasons() == []
    [row] = landing.rows("leads")
    assert {name: row[name] for name in HONEST} == columns
    landing.put_rows("leads/2.jsonl", LEAD | columns, LEAD | columns | {"leads": "new"})
    assert landing.load()["leads"].rows == (1 if form != "csv" else 2)


@pytest.mark.parametrize("name", ["_drips_x", "_DRIPS_content", "_load", "_Line_"])
def test_our_own_names_are_reserved(landing, name):
    landing.put_rows("leads/1.jsonl", LEAD | {name: "x"}, OTHER)
    landing.load()
    assert landing.rows("leads", "lead_id") == ["L2"]
    assert landing.reasons() == [f"field {name!r}: the name is reserved: our own columns begin so"]


def test_names_of_events_and_engagement_are_keys_of_json(landing):
    names = [*INJECTIONS[:-1], *HONEST]
    extra = dict.fromkeys(names, "x")
    event = {"event_id": "e", "lead_id": "L1", "event": "x", "occurred_at": "2026-01-01"}
    fact = {"message_id": "m", "type": "opened", "occurred_at": "2026-01-01"}
    landing.put_rows("events/1.jsonl", event | extra)
    landing.put_rows("engagement/1.jsonl", fact | extra)
    landing.load()
    assert landing.reasons() == []
    assert json.loads(landing.rows("events", "properties")[0]) == extra
    assert json.loads(landing.rows("engagement", "detail")[0]) == extra


def test_a_file_whose_rows_are_refused_stops_no_other_and_leaves_no_column(landing, monkeypatch):
    # As if a name had come through that nobody thought of.
    judge = lead_fields.field_name_problem
    monkeypatch.setattr(lead_fields, "field_name_problem", lambda name: None if "\x00" in name else judge(name))
    landing.put_rows("leads/1.jsonl", LEAD | {"fine": 1})
    landing.put_rows("leads/2.jsonl", LEAD | {"a\x00b": "x", "later": 2})
    landing.put_rows("leads/3.jsonl", OTHER)
    for _ in range(2):
        landing.load()
        assert landing.rows("leads", "lead_id") == ["L1", "L2"]
        assert landing.reasons() == ["its rows are refused: can't stand in SQL: 'a\\x00b'"]
    monkeypatch.undo()
    landing.path("leads/2.jsonl").unlink()
    landing.put_rows("leads/4.jsonl", LEAD | {"lead_id": "L4"})
    landing.load()
    assert landing.rows("leads", "lead_id") == ["L1", "L2", "L4"]


def test_new_fields_beyond_what_a_project_may_have_are_left_out_and_told(landing, monkeypatch):
    monkeypatch.setattr(lead_fields, "MAX_FIELDS", 3)
    landing.put_rows(
        "leads/1.jsonl",
        LEAD | {"a": 1, "b": 2},
        {"lead_id": "L2", "created_at": "2026-01-01", "b": 3, "c": 4, "d": 5, "e": 6},
        {"lead_id": "L3", "created_at": "2026-01-01", "d": 7, "declared": "x"},
    )
    landing.put_rows("leads/2.jsonl", {"lead_id": "L4", "created_at": "2026-01-01", "f": 7, "a": 8})
    report = landing.load(fields={"declared": "text"})["leads"]
    assert (report.rows, report.rejected) == (4, 2)
    assert landing.rows("leads", "a", "b", "c", "declared") == [
        ("1", "2", None, None), (None, "3", "4", None), (None, None, None, "x"), ("8", None, None, None),
    ]  # fmt: skip
    assert landing.rejected() == [
        (2, "fields left out from this line on, as there are 3 already: 'd', 'e'; the rows are taken"),
        (1, "fields left out from this line on, as there are 3 already: 'f'; the rows are taken"),
    ]
    assert landing.warehouse.value("select sum(rejected) from raw.loaded_files") == 0


@pytest.mark.slow
def test_a_field_of_its_own_in_each_row_takes_as_many_statements_as_one_in_all(landing, monkeypatch):
    monkeypatch.setattr(json_reader, "CELLS_A_BATCH", 10_000)
    monkeypatch.setattr(lead_fields, "MAX_FIELDS", 200)
    statements = []
    execute = landing.warehouse.execute
    monkeypatch.setattr(landing.warehouse, "execute", lambda *args: (statements.append(args[0]), execute(*args)))
    rows = [{"lead_id": f"L{number}", "created_at": "2026-01-01", f"k{number}": "x"} for number in range(2_000)]
    landing.put_rows("leads/1.jsonl", *rows)
    report = landing.load()["leads"]
    assert (report.rows, report.rejected) == (2_000, 1)
    ours = ("_load", "_line")
    assert len(landing.warehouse.columns("raw.leads")) == len((*LANDED_COLUMNS["leads"], *ours)) + 200
    assert len(statements) < 40


@pytest.mark.slow
def test_two_thousand_fields_of_a_declared_type_are_added_with_their_rows(landing):
    fields = {f"field {number}": "integer" for number in range(2_000)}
    landing.put_rows("leads/1.jsonl", LEAD | {name: number for number, name in enumerate(fields)})
    landing.load(fields=fields)
    assert landing.reasons() == []
    [row] = landing.rows("leads")
    assert [row[name] for name in fields] == list(range(2_000))
    nullable = landing.warehouse.rows(
        "select column_name from information_schema.columns where table_schema = 'raw' and table_name = 'leads'"
        " and is_nullable = 'NO' order by ordinal_position"
    )
    assert [row["column_name"] for row in nullable] == ["lead_id", "created_at", "_load", "_line"]
