"""Encodings, line numbers and malformed lines, format by format."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import polars as pl
import pytest

from dagster_drips.landing import blocks
from dagster_drips.landing.load import LoadReport

from .landing_rows import event

HEADER = "event_id,lead_id,event,occurred_at,properties\n"


def test_a_byte_order_mark_is_no_part_of_the_first_name(landing):
    landing.put("events/1.csv", b"\xef\xbb\xbfevent_id,lead_id,event,occurred_at\ne1,L1,x,2026-01-01\n")
    landing.put("events/2.jsonl", b"\xef\xbb\xbf" + json.dumps(event(event_id="e2")).encode())
    assert landing.load()["events"] == LoadReport("events", files=2, rows=2, rejected=0, duplicates=0)


def test_blank_lines_are_counted_and_skipped(landing):
    landing.put("events/1.jsonl", f"\n{json.dumps(event())}\n   \n\r\nnope\n")
    landing.put("events/2.csv", HEADER + "\ne2,L1,x,2026-01-01\n\n,L1,x,2026-01-01\n")
    landing.load()
    assert landing.rows("events", "event_id", "_line") == [("e1", 2), ("e2", 3)]
    assert [line for line, _ in landing.rejected()] == [5, 5]


def test_quoted_cells_may_hold_newlines_and_lines_stay_physical(landing):
    landing.put(
        "leads/1.csv", 'lead_id,created_at,company\nL1,2026-01-01,"A\r\nB ""C"", D"\nL2,never,x\nL3,2026-01-01,y\n'
    )
    landing.load()
    assert landing.rows("leads", "lead_id", "company", "_line") == [("L1", 'A\r\nB "C", D', 2), ("L3", "y", 5)]
    assert landing.rejected() == [(4, "created_at: not a time: 'never'")]


def test_windows_line_ends_are_line_ends(landing):
    landing.put("events/1.csv", "event_id,lead_id,event,occurred_at\r\ne1,L1,x,2026-01-01\r\n")
    landing.put("events/2.jsonl", json.dumps(event(event_id="e2")) + "\r\n")
    assert landing.load()["events"].rows == 2


def test_missing_cells_are_null_and_surplus_ones_malformed(landing):
    landing.put("leads/1.csv", "lead_id,created_at,email,company\nL1,2026-01-01\nL2,2026-01-01,,,\nL3,2026-01-01,,\n")
    landing.load()
    assert landing.rows("leads", "lead_id", "email") == [("L1", None), ("L3", None)]
    assert landing.rejected() == [(3, "malformed line: 5 cells for 4 columns")]


def test_a_stray_quote_costs_its_line_and_not_the_rest(landing):
    landing.put(
        "leads/1.csv",
        'lead_id,created_at,company\nL1,2026-01-01,"open\nL2,2026-01-01,x\nL3,2026-01-01,"y"z\nL4,2026-01-01,\n',
    )
    landing.load()
    assert landing.rows("leads", "lead_id", "_line") == [("L2", 3), ("L4", 5)]
    assert [line for line, _ in landing.rejected()] == [2, 4]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("event_id,lead_id,lead_id\n1,2,3\n", "header: 'lead_id' is there twice; no row of this file is taken"),
        (b"event_id,\xff\n1,2\n", "header: malformed line: not UTF-8; no row of this file is taken"),
    ],
)
def test_a_header_that_can_not_be_used_costs_the_file(landing, content, reason):
    landing.put("events/1.csv", content)
    assert landing.load()["events"] == LoadReport("events", files=1, rows=0, rejected=1, duplicates=0)
    assert landing.rejected() == [(1, reason)]


def test_columns_without_a_name_must_be_empty(landing):
    landing.put("leads/1.csv", "lead_id,created_at,,\nL1,2026-01-01,,\nL2,2026-01-01,,x\n")
    landing.load()
    assert landing.rows("leads", "lead_id") == ["L1"]
    assert landing.rejected() == [(3, "malformed line: a cell in a column without a name")]


def test_bad_bytes_cost_their_row(landing):
    good = json.dumps(event(event_id="é"), ensure_ascii=False).encode()
    landing.put(
        "events/1.jsonl",
        good + b'\n{"event_id": "\xff", "lead_id": "L", "event": "x"}\n' + good.replace(b"\xc3\xa9", b"2"),
    )
    landing.put("events/2.csv", HEADER.encode() + b"\xc3\xbc,L1,x,2026-01-01\n\xfc,L1,x,2026-01-01\n")
    landing.load()
    assert landing.rows("events", "event_id") == ["é", "2", "ü"]
    assert landing.rejected() == [(2, "malformed line: not UTF-8"), (3, "malformed line: not UTF-8")]
    rows = landing.warehouse.rows("select row from raw.rejected_rows order by _load")
    assert rows[1]["row"] == "\\xfc,L1,x,2026-01-01"


def test_lines_that_are_no_json_object_are_malformed(landing):
    lines = ["{not json", "[1, 2]", '"text"', "nope", "}{", "null", '{"a": 1} {"a": 2}', '{"a": NaN}', "[" * 100_000]
    landing.put("events/1.jsonl", "\n".join([*lines, json.dumps(event())]))
    assert landing.load()["events"] == LoadReport("events", files=1, rows=1, rejected=len(lines), duplicates=0)
    assert [line for line, _ in landing.rejected()] == list(range(1, len(lines) + 1))
    assert all(reason.startswith("malformed line: ") for reason in landing.reasons())


def test_a_rejected_row_is_kept_as_it_came_up_to_a_limit(landing):
    landing.put("events/1.jsonl", '{"event_id":  "e1"}\r\n' + "x" * 20_000 + "\n")
    landing.put("events/2.csv", HEADER + 'e1,,"a\nb",,\n')
    landing.load()
    rows = [row["row"] for row in landing.warehouse.rows("select row from raw.rejected_rows order by _load, line")]
    assert rows == ['{"event_id":  "e1"}', "x" * 10_000, 'e1,,"a\nb",,']


def test_strings_in_json_are_unescaped(landing):
    text = 'a "quoted" \\ line\nbreak \u00fc \U0001f600 \t'
    landing.put_rows("events/1.jsonl", event(event_id=text))
    landing.load()
    assert landing.rows("events", "event_id") == [text]


def test_lines_across_block_boundaries_are_whole(landing, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 64)
    landing.put_rows("events/1.jsonl", *(event(event_id=f"é{number}") for number in range(20)), {"bad": 1})
    lines = "".join(f'c{number},L1,"new\nline",2026-01-01,\n' for number in range(20))
    landing.put("events/2.csv", HEADER + lines + "c,,,,\n")
    landing.load()
    assert landing.rows("events", "_line") == [*range(1, 21), *range(2, 42, 2)]
    assert [line for line, _ in landing.rejected()] == [21, 42]


def test_parquet_rows_load_with_their_types(landing):
    pl.DataFrame(
        {
            "event_id": [1, 2, 3],
            "lead_id": ["L1", "L2", None],
            "event": pl.Series(["a", "b", "c"], dtype=pl.Categorical),
            "occurred_at": [datetime(2026, 1, 1, 12, 30, 0, 250_000)] * 3,
            "received_at": [datetime(2026, 1, 2, tzinfo=UTC)] * 3,
            "properties": [{"plan": "pro", "seats": 5, "trial": True}, None, None],
            "value": [1.5, None, 2.0],
            "day": [date(2026, 1, 1), None, None],
        },
        strict=False,
    ).with_columns(pl.col("received_at").dt.convert_time_zone("Asia/Tokyo")).write_parquet(
        landing.path("events/1.parquet")
    )
    assert landing.load()["events"] == LoadReport("events", files=1, rows=2, rejected=1, duplicates=0)
    first, second = landing.rows("events")
    assert (first["event_id"], first["event"]) == ("1", "a")
    assert first["occurred_at"] == datetime(2026, 1, 1, 12, 30, 0, 250_000)
    assert first["received_at"] == datetime(2026, 1, 2)
    assert json.loads(first["properties"]) == {"plan": "pro", "seats": 5, "trial": True, "day": "2026-01-01"}
    assert float(first["value"]) == 1.5
    assert (second["properties"], second["value"]) == (None, None)
    assert landing.rejected() == [(3, "lead_id missing")]
    assert json.loads(landing.warehouse.value("select row from raw.rejected_rows"))["event_id"] == 3


def test_parquet_properties_may_be_json_text(landing):
    pl.DataFrame([event(properties='{"price": 1.50}'), event(event_id="e2", properties="[1]")]).write_parquet(
        landing.path("events/1.parquet")
    )
    landing.load()
    assert landing.rows("events", "properties", "number_texts") == [('{"price": 1.50}', '{"price":"1.50"}')]
    assert landing.rejected() == [(2, "properties: not a JSON object: '[1]'")]


def test_parquet_bytes_are_text_and_infinity_is_no_number(landing):
    rows = pl.DataFrame([event(event_id="e1"), event(event_id="e2"), event(event_id="e3")]).with_columns(
        lead_id=pl.Series([b"L1", b"\xff", b"L3"]), value=pl.Series([float("nan"), 1.0, float("inf")])
    )
    rows.write_parquet(landing.path("events/1.parquet"))
    landing.load()
    assert landing.rows("events", "lead_id", "value") == [("L1", None)]
    assert landing.rejected() == [(2, "malformed row: lead_id is not UTF-8"), (3, "value: not a number: 'inf'")]


def test_parquet_lists_are_tags_and_nested_fields_json_text(landing):
    pl.DataFrame(
        {
            "lead_id": ["L1"],
            "created_at": [date(2026, 1, 1)],
            "tags": [[" a", "b", ""]],
            "scores": [[1, 2]],
        }
    ).write_parquet(landing.path("leads/1.parquet"))
    landing.load()
    assert landing.rows("leads", "tags", "scores", "created_at") == [(["a", "b"], "[1,2]", datetime(2026, 1, 1))]
