"""Which files count, and that each is loaded once, whole or not at all."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from datetime import datetime

import polars as pl
import pytest

from dagster_drips.landing.files import pending_files
from dagster_drips.landing.load import LoadReport, load_landing

from .landing_rows import event, lead


def test_files_load_in_the_order_of_names_and_rows_in_file_order(landing):
    landing.put_rows("events/b.jsonl", event(event_id="3"), event(event_id="2"))
    landing.put_rows("events/a.jsonl", event(event_id="1"))
    landing.put_rows("leads/z.jsonl", lead())
    landing.load()
    assert landing.rows("events", "event_id", "_load", "_line") == [("1", 2, 1), ("3", 3, 1), ("2", 3, 2)]
    assert landing.rows("leads", "_load") == [1]


def test_a_second_load_adds_nothing(landing):
    landing.put_rows("events/1.jsonl", event(), event(event_id="e2"), {"event_id": "bad"})
    assert landing.load()["events"] == LoadReport("events", files=1, rows=2, rejected=1, duplicates=0)
    assert landing.load()["events"] == LoadReport("events", files=0, rows=0, rejected=0, duplicates=0)
    assert len(landing.rows("events")) == 2
    assert len(landing.rejected()) == 1


def test_load_ids_go_on_from_the_last(landing):
    landing.put_rows("events/1.jsonl", event())
    landing.load()
    landing.put_rows("events/2.jsonl", event(event_id="e2"))
    landing.load()
    files = landing.warehouse.rows("from raw.loaded_files order by load_id")
    assert [(file["load_id"], file["path"], file["rows"]) for file in files] == [
        (1, "events/1.jsonl", 1),
        (2, "events/2.jsonl", 1),
    ]
    assert files[0]["size"] == landing.path("events/1.jsonl").stat().st_size
    assert files[0]["loaded_at"] == datetime(2026, 3, 1, 12)


def test_the_same_file_under_a_new_name_adds_nothing(landing):
    landing.put_rows("leads/1.jsonl", lead(), lead(email="other@b.example"), {"lead_id": "bad"})
    landing.load()
    landing.path("leads/2.jsonl").write_bytes(landing.path("leads/1.jsonl").read_bytes())
    landing.path("leads/3.jsonl").write_bytes(landing.path("leads/1.jsonl").read_bytes())
    assert landing.load()["leads"] == LoadReport("leads", files=2, rows=0, rejected=0, duplicates=6)
    assert landing.rows("leads", "email") == ["a@b.example", "other@b.example"]


def test_the_same_bytes_in_another_format_are_another_file(landing):
    landing.put_rows("events/1.csv", event())
    landing.put_rows("events/1.jsonl", event())
    assert landing.load()["events"].rows == 1


def test_a_file_still_being_written_is_left_alone(landing):
    names = (".1.jsonl", "1.jsonl.tmp", "1.jsonl.part", "~1", "notes.txt", ".gitkeep")
    for name in names:
        landing.put_rows(f"events/{name}", event())
    landing.path("events/sub.csv").mkdir()
    assert landing.load()["events"].files == 0
    assert pending_files(landing.project, []) == []
    landing.path("events/1.jsonl.tmp").rename(landing.path("events/1.jsonl"))
    assert landing.load()["events"].rows == 1


def test_pending_files_are_listed_without_the_warehouse(landing):
    landing.put_rows("events/2.jsonl", event())
    landing.put_rows("events/1.jsonl.gz", event())
    landing.put_rows("leads/1.csv", lead())
    listed = pending_files(landing.project, ["events/2.jsonl"])
    assert [file.path for file in listed] == ["leads/1.csv", "events/1.jsonl.gz"]


def test_missing_folders_are_empty_ones(landing):
    landing.path("events").rmdir()
    assert landing.load()["events"].files == 0


@pytest.mark.parametrize("name", ["1.jsonl", "1.csv", "1.jsonl.gz", "1.csv.gz"])
def test_empty_files_load_as_no_rows(landing, name):
    landing.put(f"events/{name}", "")
    assert landing.load()["events"] == LoadReport("events", files=1, rows=0, rejected=0, duplicates=0)


def test_a_truncated_gzip_gives_no_row_is_reported_once_and_does_not_block_others(landing):
    rows = "".join(
        f'{{"event_id": "e{n}", "lead_id": "L", "event": "x", "occurred_at": "2026-01-01"}}\n' for n in range(9)
    )
    whole = gzip.compress(rows.encode())
    landing.path("events/1.jsonl.gz").write_bytes(whole[:-12])
    landing.put_rows("events/2.jsonl", event(event_id="other"))
    assert landing.load()["events"] == LoadReport("events", files=1, rows=1, rejected=1, duplicates=0)
    assert landing.load()["events"] == LoadReport("events", files=0, rows=0, rejected=0, duplicates=0)
    [(line, reason)] = landing.rejected()
    assert line == 0
    assert reason.startswith("unreadable file: ")
    assert landing.rows("events", "event_id") == ["other"]
    landing.path("events/1.jsonl.gz").write_bytes(whole)
    assert landing.load()["events"] == LoadReport("events", files=1, rows=9, rejected=0, duplicates=0)


@pytest.mark.parametrize(
    "damage", [lambda whole: b"", lambda whole: b"PAR1 nonsense", lambda whole: whole[: len(whole) // 2]]
)
def test_a_broken_parquet_file_is_reported(landing, damage):
    frame = pl.DataFrame([event()])
    path = landing.path("events/1.parquet")
    frame.write_parquet(path)
    path.write_bytes(damage(path.read_bytes()))
    assert landing.load()["events"] == LoadReport("events", files=0, rows=0, rejected=1, duplicates=0)
    assert landing.rows("events") == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_loads_once_it_is_given(landing):
    path = landing.put_rows("events/1.jsonl", event())
    path.chmod(0)
    assert landing.load()["events"].rejected == 1
    path.chmod(0o600)
    assert landing.load()["events"].rows == 1


def test_a_dangling_link_is_no_file(landing):
    landing.path("events/1.jsonl").symlink_to(landing.path("events/nowhere"))
    assert landing.load()["events"] == LoadReport("events", files=0, rows=0, rejected=0, duplicates=0)


def test_a_file_that_changed_after_it_was_loaded_is_reported_once_and_not_loaded_again(landing):
    landing.put_rows("events/1.jsonl", event())
    landing.load()
    landing.put_rows("events/1.jsonl", event(), event(event_id="e2"))
    assert landing.load()["events"].rejected == 1
    assert landing.load()["events"].rejected == 0
    [(line, reason)] = landing.rejected()
    assert line == 0
    assert reason.startswith("changed after it was loaded")
    assert landing.rows("events", "event_id") == ["e1"]


def test_an_error_inside_the_transaction_leaves_nothing_and_is_tried_again(landing):
    landing.warehouse.execute("alter table raw.loaded_files rename to noted")
    landing.warehouse.execute("create table raw.loaded_files as from raw.noted")
    landing.warehouse.execute("drop table raw.loaded_files")
    landing.warehouse.execute(
        "create table raw.loaded_files (load_id bigint, kind varchar, path varchar, size bigint, sha256 varchar,"
        " rows bigint, rejected bigint, duplicates bigint, loaded_at timestamp, check (kind <> 'events'))"
    )
    landing.put_rows("events/1.jsonl", event(), {"event_id": "bad"})
    assert landing.load()["events"] == LoadReport("events", files=0, rows=0, rejected=1, duplicates=0)
    assert landing.load()["events"] == LoadReport("events", files=0, rows=0, rejected=0, duplicates=0)
    assert landing.rows("events") == []
    [(line, reason)] = landing.rejected()
    assert line == 0
    assert reason.startswith("its rows are refused: Constraint Error")
    landing.warehouse.execute("drop table raw.loaded_files")
    landing.warehouse.execute("alter table raw.noted rename to loaded_files")
    assert landing.load()["events"] == LoadReport("events", files=1, rows=1, rejected=1, duplicates=0)


def test_a_killed_load_leaves_nothing_and_the_next_one_takes_all(landing):
    landing.put_rows("leads/1.jsonl", lead())
    landing.put_rows("events/1.jsonl", *(event(event_id=str(number)) for number in range(50)))
    landing.put_rows("events/2.jsonl", event())
    killed_at_the_second_file = (
        "import os, sys; from datetime import datetime; from pathlib import Path\n"
        "from dagster_drips.landing.load import load_landing\n"
        "from dagster_drips.project import Project\n"
        "from dagster_drips.warehouse.port import open_warehouse\n"
        "project = Project(Path(sys.argv[1]))\n"
        "stop = lambda path, rows: os._exit(9) if path == 'events/2.jsonl' else None\n"
        "with open_warehouse(project.data / 'killed.duckdb') as warehouse:\n"
        "    load_landing(project, warehouse, loaded_at=datetime(2026, 1, 1), progress=stop)\n"
    )
    done = subprocess.run([sys.executable, "-c", killed_at_the_second_file, str(landing.project.root)], check=False)
    assert done.returncode == 9
    from dagster_drips.warehouse.port import open_warehouse

    with open_warehouse(landing.project.data / "killed.duckdb") as warehouse:
        assert warehouse.value("select count(*) from raw.leads") == 1
        assert warehouse.value("select count(*) from raw.events") == 0
        reports = load_landing(landing.project, warehouse, loaded_at=datetime(2026, 1, 1))
        assert reports["leads"].rows == 0
        assert reports["events"] == LoadReport("events", files=2, rows=51, rejected=0, duplicates=0)


def test_progress_tells_the_file_and_its_rows_so_far(landing):
    landing.put_rows("events/1.jsonl", event(), event(event_id="e2"), {"event_id": "bad"})
    told = []
    landing.load(progress=lambda path, rows: told.append((path, rows)))
    assert told == [("events/1.jsonl", 3)]


def test_only_the_kinds_asked_for_are_loaded(landing):
    landing.put_rows("events/1.jsonl", event())
    landing.put_rows("leads/1.jsonl", lead())
    assert list(landing.load(kinds=["events"])) == ["events"]
    assert landing.rows("leads") == []
