"""Parquet: every type that it has, and what becomes of those that JSON has no word for."""

from __future__ import annotations

import json
import uuid
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from dagster_drips.landing.load import LoadReport

AT = datetime(2026, 1, 1)
EVENTS = {"event_id": ["e1", "e2"], "lead_id": ["L1", "L2"], "event": ["x", "y"], "occurred_at": [AT, AT]}


def written_by_duckdb(landing, path, select):
    with duckdb.connect() as connection:
        connection.execute(f"copy ({select}) to '{landing.path(path)}' (format parquet)")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"a": b"x"}, {"a": b"\xff"}),
        ({"a": {"b": [b"x"]}}, {"a": {"b": [b"\xff"]}}),
        ({"a": [{"b": b"x"}]}, {"a": [{"b": None}, {"b": b"\xff"}]}),
    ],
)
def test_bytes_inside_of_a_struct_are_text_or_cost_their_row(landing, good, bad):
    pl.DataFrame(EVENTS | {"properties": [good, bad]}).write_parquet(landing.path("events/1.parquet"))
    assert landing.load()["events"] == LoadReport("events", files=1, rows=1, rejected=1, duplicates=0)
    [properties] = landing.rows("events", "properties")
    assert json.loads(properties) == json.loads(json.dumps(good, default=bytes.decode))
    assert landing.rejected() == [(2, "malformed row: properties has bytes in it that are not UTF-8")]


TYPES = [
    (pl.Series([Decimal("1.50"), None], dtype=pl.Decimal(10, 2)), "1.50"),
    (pl.Series([Decimal(7), None], dtype=pl.Decimal(38, 0)), "7"),
    (pl.Series([timedelta(seconds=5), None]), "PT5S"),
    (pl.Series([time(10), None]), "10:00:00"),
    (pl.Series([date(2026, 1, 1), None]), "2026-01-01"),
    (pl.Series([AT, None], dtype=pl.Datetime("ns")), "2026-01-01 00:00:00"),
    (pl.Series([AT, None], dtype=pl.Datetime("ms", "UTC")), "2026-01-01T00:00:00+00:00"),
    (pl.Series(["a", None], dtype=pl.Categorical), "a"),
    (pl.Series(["a", None], dtype=pl.Enum(["a"])), "a"),
    (pl.Series([2**64 - 1, None], dtype=pl.UInt64), str(2**64 - 1)),
    (pl.Series([2**100, None], dtype=pl.Int128), str(2**100)),
    (pl.Series([True, None]), "true"),
    (pl.Series([None, None]), None),
    (pl.Series([1.0, None]), "1"),
    (pl.Series([1.0, 2.5]), "1"),
    (pl.Series([0.5, None], dtype=pl.Float32), "0.5"),
    (pl.Series([float("nan"), None]), None),
    (pl.Series([float("-inf"), 1.0]), "-inf"),
    (pl.Series([1e300, None]), "1e+300"),
    (pl.Series([[1, 2], None], dtype=pl.Array(pl.Int64, 2)), "[1,2]"),
    (pl.Series([[{"a": 1, "b": None}], None]), '[{"a":1,"b":null}]'),
    (pl.Series([[b"x", None], None]), '["x", null]'),
    (pl.Series([{"a": 1.5, "b": AT}, None]), '{"a":1.5,"b":"2026-01-01 00:00:00"}'),
    (pl.Series([b"text", None]), "text"),
]


@pytest.mark.parametrize(("series", "text"), TYPES, ids=lambda value: str(getattr(value, "dtype", "")))
def test_a_custom_field_of_any_type_is_its_text(landing, series, text):
    frame = pl.DataFrame({"lead_id": ["1", "2"], "created_at": [AT, AT], "field": series})
    frame.write_parquet(landing.path("leads/1.parquet"))
    landing.load()
    assert landing.rejected() == []
    assert landing.rows("leads", "field")[0] == text


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("map {'plan': 'pro'}", '{"plan":"pro"}'),
        ("map {1: 2.5::double}", '{"1": 2.5}'),
        ("{'a': map {'b': 'c'::blob}}", '{"a": {"b": "c"}}'),
        ("'{\"a\": 1.50}'::json", '{"a": 1.50}'),
    ],
)
def test_maps_and_json_are_properties(landing, expression, text):
    written_by_duckdb(
        landing,
        "events/1.parquet",
        "select 'e' as event_id, 'L' as lead_id, 'x' as event, date '2026-01-01' as occurred_at,"
        f" {expression} as properties",
    )
    landing.load()
    assert landing.rejected() == []
    assert landing.rows("events", "properties") == [text]


def test_ids_that_pandas_made_floats_are_the_integers_they_were(landing):
    pl.DataFrame(
        {"lead_id": [1.0, 2.5, None], "created_at": [AT] * 3, "phone": [49301234567.0, None, 1.0]}
    ).write_parquet(landing.path("leads/1.parquet"))
    pl.DataFrame(
        EVENTS | {"event_id": [7.0, 8.0], "lead_id": [1.0, 1.0], "value": [2.0, 0.5], "n": [1.0, 2.0]}
    ).write_parquet(landing.path("events/1.parquet"))
    landing.load()
    assert landing.rows("leads", "lead_id", "phone") == [("1", "49301234567"), ("2.5", None)]
    assert landing.rejected() == [(3, "lead_id missing")]
    assert landing.rows("events", "event_id", "lead_id", "value", "properties") == [
        ("7", "1", Decimal("2.0000"), '{"n":1.0}'),
        ("8", "1", Decimal("0.5000"), '{"n":2.0}'),
    ]


def test_epochs_that_pandas_made_floats_are_times(landing):
    pl.DataFrame(
        {"lead_id": ["1", "2"], "created_at": [1769853600000.0] * 2, "updated_at": [1.7698536e18, None]}
    ).write_parquet(landing.path("leads/1.parquet"))
    landing.load()
    assert landing.rejected() == []
    assert landing.rows("leads", "created_at", "updated_at")[0] == (datetime(2026, 1, 31, 10),) * 2


def test_uuids_are_their_text(landing):
    key = uuid.uuid4()
    written_by_duckdb(
        landing,
        "leads/1.parquet",
        f"select '{key}'::uuid as lead_id, timestamp '2026-01-01' as created_at, 'x'::blob as b",
    )
    landing.load()
    assert landing.rows("leads", "lead_id", "b") == [(str(key), "x")]


def test_times_and_numbers_that_nothing_can_say_cost_their_row(landing):
    written_by_duckdb(
        landing,
        "events/1.parquet",
        "select i as event_id, 'L' as lead_id, 'x' as event,"
        " if(i = 1, timestamp '2026-01-01', 'infinity'::timestamp) as occurred_at,"
        " {'a': if(i = 2, 1, 'inf'::double), 'b': [timestamp '2026-01-01']} as properties"
        " from range(1, 4) as rows (i)",
    )
    landing.load()
    assert landing.rejected() == [
        (1, "malformed row: properties has an infinite number in it"),
        (2, "malformed row: occurred_at is a time out of range"),
        (3, "malformed row: occurred_at is a time out of range"),
    ]


def test_a_type_that_nothing_reads_is_named_with_its_column(landing):
    written_by_duckdb(landing, "leads/1.parquet", "select '1' as lead_id, now() as created_at, interval 1 day as trial")
    landing.load()
    assert landing.rejected() == [
        (0, "unreadable file: column trial is of type INTERVAL, which nothing here reads; land it as text")
    ]


def test_a_file_without_what_is_required_is_one_reason(landing):
    pl.DataFrame({"id": [1, 2], "Created_At": [AT, AT]}).write_parquet(landing.path("leads/1.parquet"))
    assert landing.load()["leads"] == LoadReport("leads", files=1, rows=0, rejected=1, duplicates=0)
    assert landing.reasons() == ["no column lead_id; the columns are id, Created_At; no row of this file is taken"]


def test_a_file_without_rows_is_no_rows(landing):
    pl.DataFrame(schema={"lead_id": pl.String, "created_at": pl.Datetime}).write_parquet(
        landing.path("leads/1.parquet")
    )
    pl.DataFrame(schema={"id": pl.String}).write_parquet(landing.path("leads/2.parquet"))
    assert landing.load()["leads"] == LoadReport("leads", files=2, rows=0, rejected=0, duplicates=0)


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "lz4", "brotli", "uncompressed"])
def test_row_groups_and_compressions(landing, compression):
    frame = pl.DataFrame({"lead_id": map(str, range(100)), "created_at": [AT] * 100})
    frame.write_parquet(landing.path(f"leads/1.{compression}.parquet"), compression=compression, row_group_size=7)
    assert landing.load()["leads"].rows == 100
    assert landing.rows("leads", "_line") == list(range(1, 101))
