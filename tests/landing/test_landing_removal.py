"""A file without some of its rows, in every format: what is left is read as before."""

from __future__ import annotations

import codecs
import gzip
import json

import polars as pl
import pytest

from dagster_drips.landing.files import landing_files
from dagster_drips.landing.readers import read_batches
from dagster_drips.landing.removal import write_without

LEADS = [{"lead_id": f"L{n}", "created_at": "2026-01-01"} for n in range(1, 5)]
CSV = 'lead_id,created_at\nL1,2026-01-01\n\nL2,"2026-01-01\n"\nL3,2026-01-01\nL4,2026-01-01'
LINES = "".join(json.dumps(row) + "\n" for row in LEADS)
FILES = {
    "1.csv": CSV.encode(),
    "1.TSV": CSV.replace(",", "\t").encode(),
    "2.csv": codecs.BOM_UTF8 + CSV.replace("\n", "\r\n").encode(),
    "3.csv": codecs.BOM_UTF16_LE + CSV.encode("utf-16-le"),
    "4.csv": CSV.replace("\n", "\r").encode(),
    "5.csv.gz": gzip.compress(CSV.encode()),
    "6.csv": (CSV + "\xff").encode("latin-1"),
    "1.jsonl": LINES.encode(),
    "1.json": json.dumps(LEADS).encode(),
    "2.json": json.dumps(LEADS, indent=2).encode(),
    "3.json.gz": gzip.compress(LINES.encode()),
    "4.json": codecs.BOM_UTF16_BE + json.dumps(LEADS).encode("utf-16-be"),
}


def ids_and_lines(landing):
    [file] = landing_files(landing.project)
    return file, {
        lead_id: line
        for batch in read_batches(file)
        for lead_id, line in zip(batch.column("lead_id").text, batch.lines, strict=True)
    }


@pytest.mark.parametrize("name", [*FILES, "1.parquet"])
def test_what_is_left_is_read_as_before(landing, tmp_path, name):
    place = landing.path(f"leads/{name}")
    if name.endswith("parquet"):
        pl.DataFrame(LEADS).write_parquet(place)
    else:
        place.write_bytes(FILES[name])
    before = place.read_bytes()
    file, lines = ids_and_lines(landing)
    gone = {lines["L2"], lines["L3"]}
    if "sv" in name.lower():
        gone.add(lines["L2"] + 1)
    write_without(file, set(), tmp_path / f"whole{name}")
    write_without(file, gone, tmp_path / f"less{name}")
    if name.endswith((".csv", ".TSV", ".jsonl")):
        assert (tmp_path / f"whole{name}").read_bytes() == before
    place.write_bytes((tmp_path / f"less{name}").read_bytes())
    _, left = ids_and_lines(landing)
    assert [lead_id for lead_id in left if lead_id] == [lead_id for lead_id in lines if lead_id in ("L1", "L4")]
