"""Small files that are read in one go give the rows that each gives by itself."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dagster_drips.landing import joined
from dagster_drips.landing.files import LandingFile
from dagster_drips.landing.joined import Content, in_groups
from dagster_drips.landing.load import load_landing
from dagster_drips.project import Project
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse.port import Warehouse

from .landing_rows import event, lead

LINES = st.sampled_from(
    [
        b'{"lead_id": "L1", "created_at": "2026-01-01", "email": "a@b.example"}',
        b'{"lead_id": "L1", "created_at": "2026-01-01", "email": "a@b.example", "plan": "pro"}',
        b'{"lead_id": "L2", "plan": "refused"}',
        b'{"lead_id": 3, "created_at": 1767225600, "tags": ["x"], "PLAN": "x", "Plan": "y"}',
        b'{"event_id": "e1", "lead_id": "L1", "event": "x", "occurred_at": "2026-01-01", "extra": {"a": 1.50}}',
        b'{"EVENT_ID": "e2", "lead_id": "L1", "event": "x", "occurred_at": "2026-01-01", "value": 5}',
        b'{"message_id": "m", "type": "opened", "occurred_at": "2026-01-01", "other": true}',
        b'{"message_id": "m", "type": "unsubscribed"}',
        b'{"email": "A@b.example", "reason": "manual"}',
        *(b"", b"  ", b"{", b"[]", b"\xff", b'[{"email": "a@b.example"}]', b'{"a": "\\ud800"}', b"\xef\xbb\xbf{}"),
        b'{"email": "c@b.example"}\r',
    ]
)
FILES = st.lists(st.tuples(st.lists(LINES, max_size=4), st.booleans()), min_size=2, max_size=7)


def loaded(folder: Path, empty_warehouse: Path, kind: str, files: list[tuple[list[bytes], bool]]) -> dict[str, Any]:
    project = Project(folder)
    (project.landing / kind).mkdir(parents=True)
    for number, (lines, is_ended) in enumerate(files):
        (project.landing / kind / f"{number}.jsonl").write_bytes(b"\n".join(lines) + b"\n" * is_ended)
    shutil.copy(empty_warehouse, project.warehouse)
    warehouse = Warehouse(duckdb.connect(str(project.warehouse)))
    report = load_landing(project, warehouse, loaded_at=datetime(2026, 3, 1))[kind]
    names = (kind, "loaded_files", "rejected_rows")
    tables = {name: warehouse.rows(f"from raw.{name} order by all") for name in names}
    warehouse.close()
    return tables | {"report": report}


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(kind=st.sampled_from(LANDING_KINDS), files=FILES)
@example(kind="leads", files=[([], False), ([b'[{"email": "a@b.example"}]', b'{"lead_id": "L"}'], False)])
@example(
    kind="leads", files=[([b'{"lead_id": "L2", "plan": "x"}'], True), ([b'{"lead_id": "L", "created_at": 0}'], False)]
)
def test_files_read_in_one_go_make_the_tables_that_they_make_one_by_one(
    kind: str,
    files: list[tuple[list[bytes], bool]],
    tmp_path_factory: pytest.TempPathFactory,
    empty_warehouse: Path,
) -> None:
    together = loaded(tmp_path_factory.mktemp("together"), empty_warehouse, kind, files)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(joined, "SMALL_BYTES", -1)
        assert loaded(tmp_path_factory.mktemp("alone"), empty_warehouse, kind, files) == together


def test_each_row_says_which_file_and_line_it_is_from(landing):
    landing.put("events/a.jsonl", "\n")
    landing.put_rows("events/b.jsonl", event(), {"bad": 1})
    landing.put("events/c.jsonl", '\n\n{"event_id": "e2", "lead_id": "L", "event": "x", "occurred_at": "2026-01-01"}')
    landing.put("events/d.jsonl", "{")
    landing.put_rows("events/e.jsonl", event(), {"bad": 1})
    landing.load()
    assert landing.rows("events", "event_id", "_load", "_line") == [("e1", 2, 1), ("e2", 3, 3)]
    rejected = landing.warehouse.rows("select file, line, _load from raw.rejected_rows order by all")
    assert [tuple(row.values()) for row in rejected] == [("b.jsonl", 2, 2), ("d.jsonl", 1, 4)]
    counts = landing.warehouse.rows("select rows, rejected, duplicates from raw.loaded_files order by load_id")
    assert [tuple(row.values()) for row in counts] == [(0, 0, 0), (1, 1, 0), (1, 0, 0), (0, 1, 0), (0, 0, 2)]


def test_files_that_bring_fields_are_taken_one_by_one(landing):
    landing.put_rows("leads/a.jsonl", lead(plan="pro"))
    landing.put_rows("leads/b.jsonl", lead(lead_id="L2", plan="free", colour="red"))
    landing.put_rows("leads/c.jsonl", {"lead_id": "L3", "junk": 1})
    landing.load()
    assert landing.rows("leads", "lead_id", "plan", "colour") == [("L1", "pro", None), ("L2", "free", "red")]
    assert "junk" not in landing.warehouse.columns("raw.leads")


def test_groups_hold_neighbours_that_differ_and_are_not_too_many(monkeypatch):
    def content(name: str, lines: bytes | None) -> Content:
        file = LandingFile("events", name, Path(name), ".jsonl", 0, "", "")
        return Content(file, str(lines), lines)

    monkeypatch.setattr(joined, "FILES_AT_ONCE", 2)
    given = [
        content(name, lines) for name, lines in zip("abcdefg", [b"1", b"1", b"2", b"3", None, b"4", b"5"], strict=True)
    ]
    assert [[one.file.name for one in group] for group in in_groups(given)] == [
        ["a"],
        ["b", "c"],
        ["d"],
        ["e"],
        ["f", "g"],
    ]
