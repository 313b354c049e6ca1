"""Landed files made to take long, to take memory, or to be read from elsewhere."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from landing.conftest import Landing

from dagster_drips.json_limits import MAX_BYTES, MAX_DEPTH, MAX_DIGITS, MAX_KEYS, json_problem, raw_json_problem
from dagster_drips.landing import blocks, csv_reader
from dagster_drips.landing.batches import CELLS_A_BATCH
from dagster_drips.landing.files import landing_files
from dagster_drips.landing.load import LoadReport
from dagster_drips.landing.readers import read_batches

from .landing_folder import landing_in

LEAD = {"lead_id": "L1", "created_at": "2026-01-01"}
EVENT = {"event_id": "e1", "lead_id": "L1", "event": "x", "occurred_at": "2026-01-01"}


@pytest.fixture
def landing(tmp_path: Path) -> Iterator[Landing]:
    with landing_in(tmp_path) as folder:
        yield folder


def deep(levels: int) -> str:
    """JSON of so many levels, as text: `json.dumps` has no such depth."""
    return '{"a":' * levels + "1" + "}" * levels


TOO_MUCH = {
    "depth": (deep(MAX_DEPTH + 1), "more than 32 objects or lists inside one another"),
    "depth without end": ("[" * 100_000, "more than 32 objects or lists inside one another"),
    "digits": (json.dumps({"n": 10**MAX_DIGITS}), "a number of more than 400 digits"),
    "digits beyond Python's": ('{"n": ' + "9" * 5_000 + "}", "a number of more than 400 digits"),
    "keys": (json.dumps({"o": {str(n): 0 for n in range(MAX_KEYS + 1)}}), "more than 2,000 keys"),
    "size": (json.dumps({"s": "x" * MAX_BYTES}), "more than 256 KiB"),
}


@pytest.mark.parametrize("case", TOO_MUCH)
@pytest.mark.parametrize("kind", ["events", "leads", "engagement"])
def test_json_beyond_a_limit_costs_its_row_whatever_it_is_a_row_of(landing, kind, case):
    value, reason = TOO_MUCH[case]
    row = {"events": EVENT, "leads": LEAD, "engagement": {"message_id": "m", "type": "opened"} | EVENT}[kind]
    spoiled = json.dumps(row)[:-1] + f', "more": {value}}}\n'
    landing.put(f"{kind}/1.jsonl", spoiled + json.dumps(row | {"event_id": "e2"}) + "\n")
    assert landing.load()[kind] == LoadReport(kind, files=1, rows=1, rejected=1, duplicates=0)
    assert landing.rejected() == [(1, f"malformed line: {reason}")]


@pytest.mark.parametrize("case", [name for name in TOO_MUCH if name not in ("keys", "size")])
def test_json_in_a_text_has_the_same_limits(landing, case):
    value, reason = TOO_MUCH[case]
    cell = '"' + value.replace('"', '""') + '"'
    landing.put(
        "events/1.csv",
        f"event_id,lead_id,event,occurred_at,properties\ne1,L1,x,2026-01-01,{cell}\ne2,L1,x,2026-01-01,{{}}\n",
    )
    landing.put_rows("events/2.jsonl", EVENT | {"event_id": "e3", "properties": value})
    landing.load()
    assert landing.rows("events", "event_id") == ["e2"]
    assert landing.rejected() == [(2, f"properties: {reason}"), (1, f"properties: {reason}")]


@pytest.mark.parametrize(
    "value",
    [deep(MAX_DEPTH - 1), json.dumps({"n": 10**MAX_DIGITS - 1}), '{"s": "' + "[{1" * 500 + '"}', '{"s": "\\"[\\\\"}'],
)
def test_what_is_within_the_limits_is_kept_as_it_was_written(landing, value):
    landing.put("events/1.jsonl", json.dumps(EVENT)[:-1] + f', "properties": {value}}}\n')
    landing.load()
    assert landing.reasons() == []
    assert landing.rows("events", "properties") == [value]
    assert raw_json_problem(value) is None
    assert json_problem(json.loads(value)) is None


@pytest.mark.slow
def test_a_row_has_as_many_keys_as_fields_may_be(landing):
    wide = LEAD | {f"k{number}": 1 for number in range(2_000)}
    landing.put_rows("leads/1.jsonl", wide, wide | {"lead_id": "L2"} | {f"m{number}": 1 for number in range(200)})
    landing.load()
    assert landing.rows("leads", "lead_id") == ["L1"]
    assert landing.rejected() == [(2, "malformed line: more than 2,100 columns")]


def test_a_csv_row_beyond_the_size_is_one_row_and_none_of_its_lines_is_another(landing):
    cell = "x" * 200 + "\nL9,2026-01-01,mallory@x.example\n"
    landing.put("leads/1.csv", f'lead_id,created_at,email\nL1,2026-01-01,"{cell * 2_000}"\nL2,2026-01-01,\n')
    landing.load()
    assert landing.rows("leads", "lead_id") == ["L2"]
    assert landing.rejected() == [(2, "malformed line: more than 256 KiB")]


def test_a_cell_too_long_to_tell_where_it_ends_costs_the_file(landing, monkeypatch):
    monkeypatch.setattr(csv_reader, "CELL_LIMIT_CHARACTERS", 200_000)
    csv_reader.csv.field_size_limit(200_000)
    cell = "x" * 50 + "\nL9,2026-01-01,mallory@x.example\n"
    landing.put("leads/1.csv", f'lead_id,created_at,email\nL1,2026-01-01,"{cell * 9_000}"\nL2,2026-01-01,\n')
    landing.load()
    assert landing.rows("leads") == []
    [(line, reason)] = landing.rejected()
    assert line == 0 and reason.startswith("unreadable file: line 2: a cell of more than")


def test_a_header_of_too_many_columns_costs_the_file(landing):
    landing.put("leads/1.csv", "lead_id,created_at," + ",".join(f"c{n}" for n in range(5_000)) + "\nL1,2026-01-01\n")
    frame = pl.DataFrame(LEAD | {f"c{number}": 1 for number in range(5_000)})
    frame.write_parquet(landing.path("leads/2.parquet"))
    landing.load()
    assert landing.rows("leads") == []
    assert landing.reasons() == [
        "unreadable file: 5,002 columns; at most 2,100",
        "header: 5,002 columns, at most 2,100; no row of this file is taken",
    ]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_batches_of_wide_files_are_short(landing, form):
    names = [f"c{number}" for number in range(2_000)]
    if form == "csv":
        rows = "".join(f"L{number},2026-01-01\n" for number in range(3_000))
        landing.put("leads/1.csv", f"lead_id,created_at,{','.join(names)}\n{rows}")
    elif form == "jsonl":
        wide = LEAD | dict.fromkeys(names, 1)
        landing.put_rows("leads/1.jsonl", wide, *(LEAD | {"lead_id": f"L{n}"} for n in range(2_999)))
    else:
        frame = pl.DataFrame({"lead_id": [f"L{n}" for n in range(3_000)], "created_at": ["2026-01-01"] * 3_000})
        frame.with_columns([pl.lit(None, pl.String).alias(name) for name in names]).write_parquet(
            landing.path("leads/1.parquet")
        )
    [file] = landing_files(landing.project, ["leads"])
    batches = [(len(batch.lines), len(batch.columns)) for batch in read_batches(file)]
    assert sum(rows for rows, _ in batches) == 3_000
    assert max(rows * columns for rows, columns in batches) <= CELLS_A_BATCH
    assert len(batches) <= 10


@pytest.mark.slow
def test_blank_lines_by_the_million_are_passed_over_and_counted(landing):
    blank = b"\n" * 20_000_000
    event = json.dumps(EVENT).encode()
    landing.put("events/1.jsonl.gz", blank + event + blank + b"nope" + blank)
    landing.put("events/2.csv.gz", b"event_id,lead_id,event,occurred_at\n" + blank + b"e2,L1,x,2026-01-01\n" + blank)
    landing.load()
    assert landing.rows("events", "event_id", "_line") == [("e1", 20_000_001), ("e2", 20_000_002)]
    assert [line for line, _ in landing.rejected()] == [40_000_001]


@pytest.mark.parametrize("name", ["1.jsonl.gz", "1.csv.gz", "1.parquet"])
def test_a_file_that_unpacks_beyond_its_size_costs_the_file(landing, monkeypatch, name):
    monkeypatch.setattr(blocks, "UNPACKED_BYTES", 8 << 20)
    if name.endswith("parquet"):
        large = {"lead_id": ["x" * 10_000] * 10_000, "created_at": ["2026-01-01"] * 10_000}
        pl.DataFrame(large).write_parquet(landing.path(f"leads/{name}"))
    else:
        landing.put(f"leads/{name}", b"\n" * (32 << 20))
    landing.put_rows("leads/2.jsonl", LEAD)
    landing.load()
    assert landing.rows("leads", "lead_id") == ["L1"]
    assert landing.rejected() == [(0, "unreadable file: unpacks to more than 8 MiB, which is too much for its size")]


def test_a_gzip_of_two_members_is_read_whole(landing):
    first, second = (json.dumps(EVENT | {"event_id": name}).encode() + b"\n" for name in ("e1", "e2"))
    landing.path("events/1.jsonl.gz").write_bytes(gzip.compress(first) + gzip.compress(second))
    landing.load()
    assert landing.rows("events", "event_id") == ["e1", "e2"]


def test_links_out_of_the_landing_folders_are_told_and_not_followed(landing, tmp_path):
    secret = tmp_path / ".env"
    secret.write_text("lead_id,created_at\nDRIPS_SECRET_KEYS=abc,2026-01-01\n")
    outside = tmp_path / "other.jsonl"
    outside.write_text(json.dumps(EVENT) + "\n")
    landing.path("leads/1.csv").symlink_to(secret)
    landing.path("events/1.jsonl").symlink_to("../../../other.jsonl")
    landing.put_rows("leads/2.jsonl", LEAD)
    landing.path("leads/3.jsonl").symlink_to("2.jsonl")
    report = landing.load()
    assert landing.rows("leads", "lead_id") == ["L1"]
    assert landing.rows("events") == []
    assert (report["leads"].files, report["leads"].duplicates) == (2, 1)
    reason = "unreadable file: a symbolic link that leads out of data/landing; put the file itself there"
    assert landing.rejected() == [(0, reason)] * 2
    assert "SECRET" not in str(landing.warehouse.rows("from raw.rejected_rows"))
    assert landing.load()["leads"].rejected == 0


def test_landing_folders_themselves_may_lie_elsewhere(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "leads").mkdir(parents=True)
    (elsewhere / "leads" / "1.jsonl").write_text(json.dumps(LEAD) + "\n")
    (tmp_path / "project" / "data").mkdir(parents=True)
    (tmp_path / "project" / "data" / "landing").symlink_to(elsewhere)
    with landing_in(tmp_path / "project") as landing:
        landing.load()
        assert landing.rows("leads", "lead_id") == ["L1"]
