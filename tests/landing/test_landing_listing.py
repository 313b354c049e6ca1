"""Which names count, what is ignored aloud, and files that change after they were loaded."""

from __future__ import annotations

import os

import polars as pl
import pytest

from dagster_drips.landing.files import LooseFiles, ignored_files, landing_files
from dagster_drips.landing.load import LoadReport, load_again
from dagster_drips.warehouse.port import open_warehouse

from .landing_rows import event, lead

ROWS = "lead_id,created_at\nL1,2026-01-01\n"


def put_below(landing, path, content):
    landing.path(path).parent.mkdir(parents=True, exist_ok=True)
    return landing.put(path, content)


@pytest.mark.parametrize("name", ["1.CSV", "1.Csv.gz", "1.JSONL", "1.ndjson", "1.Json", "1.TSV", "1.PARQUET"])
def test_endings_count_in_any_case(landing, name):
    if name.endswith("PARQUET"):
        pl.DataFrame([lead()]).write_parquet(landing.path(f"leads/{name}"))
    elif "sv" in name.lower():
        landing.put(f"leads/{name}", ROWS)
    else:
        landing.put_rows(f"leads/{name}", lead())
    assert landing.load()["leads"] == LoadReport("leads", files=1, rows=1, rejected=0, duplicates=0)


def test_folders_of_hive_are_looked_into_and_the_path_is_the_name(landing):
    put_below(landing, "leads/dt=2026-01-02/part-0.csv", ROWS.replace("L1", "L2") + "L3,never\n")
    put_below(landing, "leads/dt=2026-01-01/part-0.csv", ROWS)
    put_below(landing, "leads/dt=2026-01-01/hour=03/part-0.csv", ROWS.replace("L1", "L4"))
    landing.put("leads/z.csv", ROWS.replace("L1", "L5"))
    landing.load()
    assert landing.rows("leads", "lead_id") == ["L4", "L1", "L2", "L5"]
    [file] = landing.warehouse.rows("select file, line from raw.rejected_rows")
    assert file == {"file": "dt=2026-01-02/part-0.csv", "line": 3}
    paths = landing.warehouse.rows("select path from raw.loaded_files order by load_id")
    assert paths[0] == {"path": "leads/dt=2026-01-01/hour=03/part-0.csv"}
    assert landing.load()["leads"].files == 0


def test_known_columns_may_be_told_by_folders_alone(landing):
    rest = "event_id,lead_id,occurred_at\n{},L1,2026-01-01\n"
    put_below(landing, "events/dt=2026-01-01/event=sign%20up/1.csv", rest.format("e1"))
    put_below(landing, "events/event=other/1.csv", "event," + rest.format("own,e2"))
    put_below(landing, "leads/country=DE/1.csv", ROWS)
    put_below(landing, "leads/country=__HIVE_DEFAULT_PARTITION__/1.csv", ROWS.replace("L1", "L2"))
    landing.load()
    assert landing.rejected() == []
    assert landing.rows("events", "event", "properties") == [("sign up", None), ("own", None)]
    assert sorted(landing.rows("leads", "lead_id", "country")) == [("L1", "DE"), ("L2", None)]


def test_what_is_not_read_is_listed_but_for_what_says_so_by_its_name(landing):
    for name in ("book.xlsx", "notes.txt", "1.csv.zip", "archive/1.csv", "_delta/x"):
        put_below(landing, f"leads/{name}", ROWS)
    for name in (
        ".1.csv",
        "1.csv.tmp",
        "1.csv.part",
        "1.csv.crdownload",
        "~$book.xlsx",
        "_SUCCESS",
        "_temporary/0/1.csv",
    ):
        put_below(landing, f"leads/{name}", ROWS)
    put_below(landing, "leads.csv", ROWS)
    put_below(landing, "lead/1.csv", ROWS)
    put_below(landing, "raw/inbox/1.jsonl", "")
    landing.path("leads/link.csv").symlink_to(landing.path("leads/nowhere"))
    assert landing.load()["leads"] == LoadReport("leads", files=0, rows=0, rejected=0, duplicates=0)
    assert [(file.path, file.is_stray) for file in ignored_files(landing.project)] == [
        ("lead", True),
        ("leads.csv", True),
        ("leads/1.csv.zip", False),
        ("leads/archive", False),
        ("leads/book.xlsx", False),
        ("leads/link.csv", False),
        ("leads/notes.txt", False),
    ]
    assert str(ignored_files(landing.project)[4]) == (
        "data/landing/leads/book.xlsx: ignored: not .csv, .tsv, .jsonl, .ndjson, .json (each also .gz) or .parquet"
    )


def test_names_that_are_not_utf_8_are_shown(landing):
    place = os.fsencode(landing.path("leads/")) + b"/\xff.csv"
    with open(place, "wb") as stream:  # noqa: PTH123
        stream.write(ROWS.encode())
    assert [file.path for file in landing_files(landing.project)] == ["leads/\\xff.csv"]
    assert landing.load()["leads"].rows == 1


def mended(landing, path, content, at):
    place = landing.put(path, content)
    os.utime(place, ns=(at, at))


def test_a_file_mended_in_place_with_the_same_size_is_reported_once_for_each_content(landing):
    mended(landing, "leads/1.csv", ROWS, 1)
    landing.load()
    mended(landing, "leads/1.csv", ROWS.replace("L1", "L2"), 2)
    assert landing.load()["leads"] == LoadReport("leads", files=0, rows=0, rejected=1, duplicates=0)
    assert landing.load()["leads"].rejected == 0
    mended(landing, "leads/1.csv", ROWS.replace("L1", "L2"), 3)
    assert landing.load()["leads"].rejected == 0
    mended(landing, "leads/1.csv", ROWS.replace("L1", "L3"), 4)
    assert landing.load()["leads"].rejected == 1
    size = len(ROWS)
    assert set(landing.reasons()) == {
        f"changed after it was loaded: {size} bytes then, {size} now; land it under a new name"
    }
    assert landing.rows("leads", "lead_id") == ["L1"]


def test_a_file_that_was_only_touched_is_not_reported_and_read_once(landing, monkeypatch):
    mended(landing, "leads/1.csv", ROWS, 1)
    landing.load()
    mended(landing, "leads/1.csv", ROWS, 2)
    assert landing.load()["leads"].rejected == 0
    read = []
    monkeypatch.setattr("dagster_drips.landing.files.LandingFile.sha256", lambda file: read.append(file))
    assert landing.load()["leads"].rejected == 0
    assert read == []


def test_in_a_warehouse_that_knows_no_states_files_are_looked_at_once(landing):
    mended(landing, "leads/1.csv", ROWS, 1)
    landing.load()
    landing.warehouse.execute("delete from raw.file_states")
    mended(landing, "leads/1.csv", ROWS.replace("L1", "L2"), 1)
    assert landing.load()["leads"].rejected == 1
    assert landing.load()["leads"].rejected == 0


def test_a_file_of_which_no_row_is_taken_adds_no_column(landing):
    landing.put("leads/1.csv", "lead_id,created_at,junk\nL1,never,x\n")
    landing.put("leads/2.jsonl", '{"lead_id":1,"created_at":"2026-01-01","ok":1}\n{"lead_id":2,"bad":1}\n')
    landing.put("leads/3.csv", "lead_id,created_at,blank\nL3,2026-01-01,\n")
    landing.put("leads/4.jsonl.gz", '{"lead_id":4,"created_at":"2026-01-01","torn":1}\n')
    whole = landing.path("leads/4.jsonl.gz").read_bytes()
    landing.path("leads/4.jsonl.gz").write_bytes(whole[:-8])
    landing.load()
    columns = landing.warehouse.columns("raw.leads")
    assert {"ok", "blank"} <= columns.keys()
    assert not {"junk", "bad", "torn"} & columns.keys()
    landing.put("leads/5.csv", "lead_id,created_at,JUNK\nL5,2026-01-01,x\n")
    landing.load()
    assert "JUNK" in landing.warehouse.columns("raw.leads")


def test_loading_again_brings_only_columns_that_taken_rows_have(landing, tmp_path):
    landing.put("leads/1.csv", "lead_id,created_at,junk\nL1,never,x\n")
    landing.put("leads/2.csv", "lead_id,created_at,plan\nL2,2026-01-01,pro\n")
    landing.load()
    landing.warehouse.execute("alter table raw.leads add column junk varchar")
    loaded = landing.warehouse.rows("from raw.loaded_files")
    with open_warehouse(tmp_path / "again.duckdb") as again:
        load_again(landing.project, again, loaded)
        assert landing.warehouse.columns("raw.leads").keys() - again.columns("raw.leads").keys() == {"junk"}


def test_addresses_lose_the_invisible_around_them_and_are_refused_with_it_inside(landing):
    landing.put_rows(
        "leads/1.jsonl",
        lead(email="\u00a0a@b.example\u200b"),
        lead(lead_id="L2", email="a\u200b@b.example"),
        lead(lead_id="L3", email="j\u00fc@b.example"),
        lead(lead_id="L4", email="a\u00a0b@b.example"),
    )
    landing.put_rows("suppressions/1.jsonl", {"email": "\ufeffa\u200b@b.example"})
    landing.load()
    assert landing.rows("leads", "email") == ["a@b.example", "j\u00fc@b.example"]
    assert landing.rejected() == [
        (2, "email: the invisible character U+200B stands in 'a\\u200b@b.example'"),
        (4, "email: the invisible character U+00A0 stands in 'a\\xa0b@b.example'"),
    ]
    assert landing.rows("suppressions", "email") == ["a@b.example"]


def test_the_first_of_two_events_counts_across_formats(landing):
    landing.put_rows("events/1.json", event(event="first"))
    landing.put("events/2.tsv", "event_id\tlead_id\tevent\toccurred_at\ne1\tL1\tsecond\t2026-01-01\n")
    assert landing.load()["events"].duplicates == 1
    assert landing.rows("events", "event") == ["first"]


def test_of_many_loaded_files_some_are_looked_at_in_each_load(landing, monkeypatch):
    for number in range(5):
        mended(landing, f"leads/{number}.csv", ROWS.replace("L1", f"L{number}"), 1)
    landing.load()
    monkeypatch.setattr("dagster_drips.landing.kind_load.LOOKED_AT", 2)
    asked = []
    written = LooseFiles.written
    monkeypatch.setattr(LooseFiles, "written", lambda files, name: asked.append(name) or written(files, name))
    mended(landing, "leads/3.csv", ROWS, 2)
    loads = next(number for number in range(1, 100) if landing.load()["leads"].rejected)
    assert len(asked) == 2 * loads
    assert "changed after it was loaded" in landing.reasons()[0]


def test_a_folder_that_nobody_changes_is_read_once(landing, monkeypatch):
    landing.put("leads/1.csv", ROWS)
    folder = landing.path("leads")
    os.utime(folder, ns=(10**18, 10**18))
    read = []
    scandir = os.scandir
    monkeypatch.setattr("os.scandir", lambda place: read.append(str(place)) or scandir(place))
    listed = [landing_files(landing.project, ["leads"]) for _ in range(3)]
    assert [[file.name for file in files] for files in listed] == [["1.csv"]] * 3
    assert read == [str(folder)]
    landing.put("leads/2.csv", ROWS)
    landing.put("leads/1.csv", ROWS + "L2,2026-01-01\n")
    assert [(file.name, file.size) for file in landing_files(landing.project, ["leads"])] == [
        ("1.csv", len(ROWS) + 14),
        ("2.csv", len(ROWS)),
    ]
    # It has changed a moment ago: what comes within the same tick of the clock would not be seen.
    assert len(read) == 2
    landing_files(landing.project, ["leads"])
    assert len(read) == 3
