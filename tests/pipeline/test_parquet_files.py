"""Files put together of row groups of others are Parquet files like any other, to whoever reads them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

from dagster_drips.pipeline.parquet_files import (
    NotParquet,
    RowGroups,
    copy_row_groups,
    moved,
    read_footer,
    write_footer,
)

ROWS = """
select
    i,
    'text ' || i as word,
    case when i % 3 > 0 then timestamp '2026-01-01' + interval (i) hours end as at,
    case i % 3 when 0 then [i, null] when 1 then [] end as numbers,
    {'opens': i % 5, 'note': nullif(i % 7, 0)} as counts,
    i % 2 = 0 as is_even,
    i / 7 as share,
    cast(i as decimal(18, 4)) as price
from range(20000) as rows (i)
"""


def written(file: Path, since: int, until: int) -> Path:
    """A file of several row groups."""
    rows = f"{ROWS} where i >= {since} and i < {until}"
    duckdb.execute(f"copy ({rows}) to '{file}' (format parquet, row_group_size 2048, dictionary_size_limit 1000)")
    return file


def joined(file: Path, *sources: Path) -> list[RowGroups]:
    """One file of all row groups of others; where its footer tells of each of them is right."""
    footers = [read_footer(source) for source in sources]
    file.write_bytes(b"PAR1")
    with file.open("r+b") as target:
        target.seek(4)
        groups = [
            moved(footer.row_groups, copy_row_groups(source, footer.begins_at, target))
            for source, footer in zip(sources, footers, strict=True)
        ]
        places = write_footer(target, footers[0], groups)
    content = file.read_bytes()
    assert [content[at : at + len(one.told)] for at, one in zip(places, groups, strict=True)] == [
        one.told for one in groups
    ]
    return groups


def numbers(file: Path) -> list[int]:
    """The first column of a file, in which DuckDB and Polars both find what `ROWS` says of these rows."""
    read = f"read_parquet('{file}')"
    expected = f"select * from ({ROWS}) as rows where i in (select i from {read})"
    for one, other in ((f"select * from {read}", expected), (expected, f"select * from {read}")):
        assert duckdb.sql(f"({one}) except all ({other})").fetchall() == []
    in_order = duckdb.sql(f"select * from {read} order by i").fetchall()
    assert [tuple(row.values()) for row in pl.read_parquet(file).sort("i").to_dicts()] == in_order
    return [row[0] for row in in_order]


def test_two_files_are_one(tmp_path: Path) -> None:
    first, second = written(tmp_path / "1", 0, 5_000), written(tmp_path / "2", 9_000, 9_010)
    joined(tmp_path / "both", first, second)
    assert numbers(tmp_path / "both") == [*range(5_000), *range(9_000, 9_010)]


def test_row_groups_are_taken_over_and_others_left_out(tmp_path: Path) -> None:
    first, second, third = (written(tmp_path / str(n), n * 1_000, n * 1_000 + 3) for n in (1, 2, 3))
    kept, _, also = joined(tmp_path / "before", first, second, third)
    last, added = read_footer(tmp_path / "before"), written(tmp_path / "4", 4_000, 9_000)
    footer = read_footer(added)
    after = tmp_path / "after"
    after.write_bytes((tmp_path / "before").read_bytes()[: last.begins_at])
    with after.open("r+b") as target:
        target.seek(0, 2)
        groups = moved(footer.row_groups, copy_row_groups(added, footer.begins_at, target))
        write_footer(target, footer, [also, groups, kept])
    assert numbers(after) == [1_000, 1_001, 1_002, 3_000, 3_001, 3_002, *range(4_000, 9_000)]


def test_a_filter_finds_its_rows_by_statistics(tmp_path: Path) -> None:
    joined(tmp_path / "both", written(tmp_path / "1", 0, 5_000), written(tmp_path / "2", 5_000, 10_000))
    found = duckdb.sql(f"select i from read_parquet('{tmp_path / 'both'}') where word = 'text 7777'").fetchall()
    assert found == [(7_777,)]
    assert pl.scan_parquet(tmp_path / "both").filter(pl.col("i") == 7_777).collect().height == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"PAR1", b"PAR1PAR1", b"PAR1" + b"\0" * 8 + b"PAR2", b"PAR1\xff\xff\xff\xffPAR1", b"PAR1\x1d\x01\0\0\0PAR1"],
    ids=["empty", "a magic number", "no length", "another end", "a length beyond it", "half a field"],
)
def test_what_is_no_parquet_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(NotParquet):
        read_footer(file)


def test_a_footer_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = written(tmp_path / "1", 0, 10).read_bytes()
    length = int.from_bytes(content[-8:-4], "little")
    footer = content[-8 - length : -8]
    for cut in range(0, footer.rfind(b"word"), 7):
        told = footer[:cut]
        (tmp_path / "cut").write_bytes(b"PAR1" + told + len(told).to_bytes(4, "little") + b"PAR1")
        with pytest.raises(NotParquet):
            read_footer(tmp_path / "cut")
