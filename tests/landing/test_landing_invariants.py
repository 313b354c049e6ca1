"""What holds for whatever is landed."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dagster_drips.landing.conversion import shown
from dagster_drips.landing.load import load_landing
from dagster_drips.landing.times import parse_time, parse_times
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse.port import open_warehouse

pytestmark = pytest.mark.slow

COLUMNS = [
    *("lead_id", "created_at", "updated_at", "tags", "plan"),
    *("event_id", "event", "occurred_at", "properties", "value"),
    *("email", "reason", "topic"),
    *("message_id", "type", "engagement_id", "bounce_class"),
]
# Few values, so that rows that can be taken, keys that repeat and every kind of mistake all come up.
VALUES = st.sampled_from(
    [
        None,
        "",
        " ",
        "a",
        "b",
        "a;b",
        "bounced",
        "soft",
        "2026-01-01",
        "2026-01-01T00:00:00+01:00",
        "2026-02-30",
        "{}",
        "1.50",
    ]
)
JSON_VALUES = VALUES | st.sampled_from([True, 5, 1.5, [], ["a"], {}, {"x": 1.5}])
RUBBISH = st.sampled_from(["{", "[]", "\x00", "null", '"', "\\", '{"a": 1'])


def rows_of(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(st.dictionaries(st.sampled_from(COLUMNS), values, max_size=len(COLUMNS)), max_size=8)


def as_csv(rows: list[dict]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


@settings(max_examples=15, deadline=None)
@given(
    kind=st.sampled_from(LANDING_KINDS),
    json_rows=st.lists(rows_of(JSON_VALUES), min_size=1, max_size=3),
    csv_rows=rows_of(VALUES),
    rubbish=st.lists(RUBBISH, max_size=3),
)
def test_every_row_is_taken_rejected_or_a_duplicate(kind, json_rows, csv_rows, rubbish):
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        (project.landing / kind).mkdir(parents=True)
        landed = len(csv_rows)
        (project.landing / kind / "a.csv").write_text(as_csv(csv_rows), encoding="utf-8")
        for number, rows in enumerate(json_rows):
            lines = [*map(json.dumps, rows), *rubbish]
            landed += len(lines)
            (project.landing / kind / f"{number}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        with open_warehouse(project.warehouse) as warehouse:
            report = load_landing(project, warehouse, loaded_at=datetime(2026, 1, 1))[kind]
            assert report.rows + report.rejected + report.duplicates == landed
            assert report.rows == warehouse.value(f"select count(*) from raw.{kind}")
            assert report.rejected == warehouse.value("select count(*) from raw.rejected_rows")
            noted = warehouse.value("select sum(rows + rejected + duplicates) from raw.loaded_files")
            assert noted == landed


def as_text(rows: list[dict], ending: str, separator: str, line_end: str, indent: int | None) -> str:
    if ending == "json":
        return json.dumps(rows, indent=indent)
    if ending == "jsonl":
        return line_end.join(map(json.dumps, rows))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [name.upper() for name in COLUMNS], delimiter=separator, lineterminator=line_end)
    writer.writeheader()
    # A row of nothing but tabs is a blank line.
    writer.writerows({name.upper(): value for name, value in {"type": "?", **row}.items()} for row in rows)
    return stream.getvalue()


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(LANDING_KINDS),
    rows=rows_of(VALUES),
    ending=st.sampled_from(["csv", "tsv", "jsonl", "json"]),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    indent=st.sampled_from([None, 2]),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    packed=st.booleans(),
    cut=st.sampled_from([0, 0, 1, 7]),
)
@example("leads", [], "json", ",", "\n", None, "utf-8", False, 1)
def test_no_shape_of_file_loses_a_row_silently(kind, rows, ending, separator, line_end, indent, codec, packed, cut):
    text = as_text(rows, ending, separator, line_end, indent)
    data = text.encode(codec)
    data = gzip.compress(data) if packed else data
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        place = project.landing / kind / "dt=2026-01-01" / f"1.{ending}{'.gz' if packed else ''}"
        place.parent.mkdir(parents=True)
        place.write_bytes(data[: len(data) - cut])
        with open_warehouse(project.warehouse) as warehouse:
            report = load_landing(project, warehouse, loaded_at=datetime(2026, 1, 1))[kind]
            told = warehouse.value("select count(*) from raw.rejected_rows where line = 0")
        counted = report.rows + report.rejected + report.duplicates
        # What is cut off a text leaves no trace; what is packed or a list has an end of its own. What is left of a
        # list of nothing is a rejected row of its line.
        cut_is_fine = cut and (counted > len(rows) or (not packed and ending != "json"))
        assert counted == len(rows) or told or cut_is_fine


TWO_DIGITS = st.integers(0, 99).map("{:02}".format)
TIMES = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", " "]),
        st.sampled_from(["0000", "0001", "1969", "2024", "2026", "9999", "26"]),
        st.just("-"),
        st.sampled_from(["01", "02", "12", "13", "2"]),
        st.just("-"),
        st.sampled_from(["01", "28", "29", "31", "32"]),
        st.sampled_from(["", "T", " ", "t"]),
        st.sampled_from(["", "00:00:00", "23:59:59", "24:00:00", "12:30", "23:59:60"]),
        st.sampled_from(["", ".", ".5", ".123456", ".999999999"]),
        st.sampled_from(
            [
                "",
                "Z",
                "z",
                " UTC",
                " GMT",
                " +0000",
                "+00:00",
                "-00:00",
                "+0530",
                "-05",
                "+23:59",
                "-23:59",
                "+24:00",
                "+5",
            ]
        ),
    ),
)


EPOCHS = st.integers(0, 5 * 10**9).flatmap(
    lambda seconds: st.sampled_from([1, 10**3, 10**6, 10**9]).map(lambda units: str(seconds * units))
)


@given(texts=st.lists(TIMES | EPOCHS | st.text(max_size=12) | st.none(), max_size=20))
@settings(max_examples=200, deadline=None)
def test_times_of_a_column_are_what_each_is_alone(texts):
    converted = parse_times(pl.Series(texts, dtype=pl.String))
    for index, text in enumerate(texts):
        alone, problem = None, None
        try:
            alone = parse_time(text) if text is not None else None
        except ValueError as error:
            problem = str(error)
        assert (converted.values[index], converted.problems.get(index)) == (alone, problem)


@pytest.mark.parametrize(
    "text", ["2026-01-01T00:00:00 Z", "2026-1-1", "20260101", "2026-W01-1", "٢٠٢٦-01-01", "now", "0"]
)
def test_other_spellings_are_no_times(text):
    with pytest.raises(ValueError, match="not a time"):
        parse_time(text)


def test_long_values_are_cut_in_reasons():
    assert len(shown("x" * 10_000)) == 82
