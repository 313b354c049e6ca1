"""A set takes over from the set before what did not change, and holds all the same what the marts hold."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from dagster_drips.pipeline import publish_tables
from dagster_drips.pipeline.descriptions import Description
from dagster_drips.pipeline.parquet_files import footer_begins_at
from dagster_drips.pipeline.publish import publish
from dagster_drips.warehouse import Warehouse, open_warehouse

NOW = datetime(2026, 4, 15, 12)
LARGE = 1_000
"""Rows from which on a table is large here."""
DESCRIPTIONS = {
    "messages": Description("Mails.", {"message_id": "Which."}, parts_by="sent_at"),
    "leads": Description("People.", {"lead_id": "Who."}),
}

FILL = f"""
create schema marts;
create table marts.messages as
select
    'm' || i as message_id,
    case when i % 1000 <> 7 then timestamp '2026-01-20' + interval (i * 100) minutes end as sent_at,
    case i % 3 when 0 then [i] when 1 then [] end as answers,
    {{'opens': i % 5, 'note': nullif(i % 7, 0)}} as counts,
    i / 7 as share
from range({LARGE} + 200) as rows (i);
create table marts.leads as
select 'L' || i as lead_id, i % 10 as score, i % 3 as row_hash, i % 5 as key_hash, 0 as rowid
from range({LARGE} + 5) as rows (i);
create table marts.lead_profiles as select 'L' || i as lead_id, 'before' as word from range(3) as rows (i);
insert into journal.ticks values ('{NOW}', 'decided', '{NOW}', 1);
"""


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    monkeypatch.setattr(publish_tables, "LARGE", LARGE)
    with open_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        for statement in FILL.split(";\n"):
            if statement.strip():
                warehouse.execute(statement)
        yield warehouse


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "published"


def published(warehouse: Warehouse, folder: Path, **options: timedelta) -> Path:
    """The folder of the set that was published just now."""
    publish(warehouse, folder, DESCRIPTIONS, **options)
    return (folder / "current").resolve()


def inodes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in folder.glob("*.parquet")}


def differing_rows(warehouse: Warehouse, folder: Path) -> dict[str, int]:
    """How many rows the files of a set have too much or too little, by table and kind of file."""
    counts = {}
    warehouse.execute(f"attach '{folder / 'drips.duckdb'}' as looked_at (read_only)")
    try:
        for table in ("messages", "leads", "lead_profiles"):
            parquet = f"read_parquet('{folder / table}.parquet')"
            for kind, relation in (("duckdb", f"looked_at.marts.{table}"), ("parquet", parquet)):
                ours, theirs = f"select * from marts.{table}", f"select * from {relation}"
                both = f"(({ours}) except all ({theirs})) union all (({theirs}) except all ({ours}))"
                counts[f"{table} {kind}"] = warehouse.value(f"select count(*) from ({both})")
    finally:
        warehouse.execute("detach looked_at")
    return {name: count for name, count in counts.items() if count}


EDITS = (
    "update marts.messages set answers = [] where answers is null and message_id like '%{0}'",
    "update marts.messages set counts = {{'opens': 0, 'note': null}} where message_id like '%{0}1'",
    "update marts.messages set sent_at = sent_at + interval 40 days where message_id like '%{0}2'",
    "update marts.messages set sent_at = null where message_id like '%{0}3'",
    "update marts.messages set sent_at = 'infinity' where message_id = 'm{0}'",
    "delete from marts.messages where message_id like '%{0}4'",
    "delete from marts.messages where sent_at >= '2026-02-01' and sent_at < '2026-03-01'",
    "insert into marts.messages select * from marts.messages where message_id like '%{0}5'",
    "insert into marts.messages select 'n' || i, timestamp '2026-04-{1}', null, null, i from range({0}) as rows (i)",
    "update marts.leads set score = score + 1 where lead_id like '%{0}'",
    "insert into marts.leads select * from marts.leads where lead_id like '%{0}'",
    "insert into marts.lead_profiles values ('L{0}', 'later')",
    "insert into journal.ticks select max(as_of) + interval 20 days, 'decided', max(as_of), 1 from journal.ticks",
)


@pytest.mark.parametrize("seed", range(2))
def test_a_set_holds_what_the_marts_hold_whatever_changed(warehouse: Warehouse, folder: Path, seed: int) -> None:
    chosen = random.Random(seed)
    published(warehouse, folder)
    for _ in range(5):
        for edit in chosen.sample(EDITS, chosen.randint(0, 3)):
            warehouse.execute(edit.format(chosen.randint(10, 99), f"{chosen.randint(1, 15):02}"))
        assert differing_rows(warehouse, published(warehouse, folder)) == {}


def test_what_did_not_change_is_the_same_file(warehouse: Warehouse, folder: Path) -> None:
    first = inodes(published(warehouse, folder))
    assert first.keys() == {"messages.parquet", "leads.parquet", "lead_profiles.parquet"}
    # dbt makes each table anew, in whatever order.
    warehouse.execute("create or replace table marts.messages as select * from marts.messages order by message_id desc")
    assert inodes(published(warehouse, folder)) == first
    warehouse.execute("insert into marts.lead_profiles values ('L3', 'after')")
    second = inodes(published(warehouse, folder))
    assert {name for name in second if second[name] != first[name]} == {"lead_profiles.parquet"}


def test_days_that_changed_stand_behind_the_others_that_are_not_written_again(
    warehouse: Warehouse, folder: Path
) -> None:
    edit = "update marts.messages set share = share + 1 where cast(sent_at as date) = '2026-04-{:02}'"
    published(warehouse, folder)
    warehouse.execute(edit.format(2))
    before = published(warehouse, folder) / "messages.parquet"
    row_groups = before.read_bytes()[: footer_begins_at(before)]
    warehouse.execute(edit.format(3))
    warehouse.execute("delete from marts.messages where cast(sent_at as date) = '2026-04-04'")
    after = published(warehouse, folder)
    assert (after / "messages.parquet").read_bytes().startswith(row_groups)
    assert differing_rows(warehouse, after) == {}
    # Nothing is left of a part but dead space, and nothing comes in its place.
    warehouse.execute("delete from marts.messages where cast(sent_at as date) = '2026-04-05'")
    assert differing_rows(warehouse, published(warehouse, folder)) == {}


def test_dead_space_stays_less_than_half(warehouse: Warehouse, folder: Path) -> None:
    sizes = []
    for month in (1, 2, 3, 4) * 4:
        warehouse.execute(f"update marts.messages set share = share + 1 where month(sent_at) = {month}")
        file = published(warehouse, folder) / "messages.parquet"
        sizes.append(footer_begins_at(file))
    assert len(set(sizes)) > 4
    # The first is written as a whole, without parts.
    assert max(sizes[1:]) < 2.5 * sizes[1]


def test_the_manifest_tells_size_and_content_of_each_file(warehouse: Warehouse, folder: Path) -> None:
    def files() -> dict[str, dict[str, int | str]]:
        current = published(warehouse, folder)
        files = json.loads((current / "manifest.json").read_text())["files"]
        assert {name: (current / name).stat().st_size for name in files} == {
            name: file["bytes"] for name, file in files.items()
        }
        return {name: file.get("content") for name, file in files.items()}

    first = files()
    assert first.keys() == {"messages.parquet", "leads.parquet", "lead_profiles.parquet", "drips.duckdb"}
    warehouse.execute("update marts.leads set score = score + 1 where lead_id = 'L7'")
    second = files()
    assert {name for name in first if first[name] != second[name]} == {"leads.parquet"}


@pytest.mark.parametrize(("one_in", "at_most"), [(2, 2.0), (10, 2.5)])  # made anew; exchanged, which leaves gaps
def test_a_database_that_changes_again_and_again_stays_small(
    warehouse: Warehouse, folder: Path, one_in: int, at_most: float
) -> None:
    warehouse.execute("create table marts.many as select i, md5(i::varchar) as text from range(100_000) as rows (i)")
    sizes = []
    for turn in range(15):
        warehouse.execute(f"update marts.many set text = md5(text) where i % {one_in} = {turn % one_in}")
        sizes.append((published(warehouse, folder) / "drips.duckdb").stat().st_size)
    assert max(sizes) < at_most * sizes[0]


def test_tables_views_and_comments_follow(warehouse: Warehouse, folder: Path) -> None:
    warehouse.execute("create table marts.gone as select 1 as n")
    warehouse.execute("create view marts.told as select lead_id from marts.lead_profiles where word = 'before'")
    published(warehouse, folder)
    warehouse.execute("drop table marts.gone")
    warehouse.execute("drop view marts.told")
    warehouse.execute("create view marts.newly_told as select count(*) as n from marts.lead_profiles")
    warehouse.execute("alter table marts.leads add column added integer")
    warehouse.execute("insert into marts.lead_profiles values ('L3', 'after')")
    told = DESCRIPTIONS | {"newly_told": Description("A view."), "leads": Description("Others.")}
    publish(warehouse, folder, told)
    with duckdb.connect(folder / "drips.duckdb", read_only=True) as database:
        names = "select distinct table_name from information_schema.tables where table_schema = 'marts' order by 1"
        assert [name for (name,) in database.execute(names).fetchall()] == [
            *("lead_profiles", "leads", "messages", "newly_told")
        ]
        assert database.execute("select n from marts.newly_told").fetchall() == [(4,)]
        assert database.execute("select distinct added from marts.leads").fetchall() == [(None,)]
        comments = "select table_name, comment from duckdb_tables() where schema_name = 'marts' and comment is not null"
        assert dict(database.execute(comments).fetchall()) == {"messages": "Mails.", "leads": "Others."}


def test_of_an_erased_person_nothing_is_taken_over(warehouse: Warehouse, folder: Path) -> None:
    warehouse.execute("insert into marts.leads (lead_id) values ('ada@acme.example')")
    before = inodes(published(warehouse, folder))
    warehouse.execute("delete from marts.leads where lead_id = 'ada@acme.example'")
    current = published(warehouse, folder, readable_for=timedelta(0))
    assert not set(before.values()) & set(inodes(current).values())
    assert [path.name for path in folder.rglob("*") if path.is_file() and b"ada@acme" in path.read_bytes()] == []


VALUES = {
    "varchar[]": ("null", "[]", "[null]", "['']", "['a', 'b']", "['a, b']", "['b', 'a']"),
    "integer[][]": ("null", "[]", "[[1], [2]]", "[[1, 2]]", "[[], [1]]", "[[1], []]"),
    "struct(a integer, b integer[])": ("null", "{'a': null, 'b': null}", "{'a': null, 'b': []}", "{'a': 1, 'b': null}"),
    "map(varchar, integer)": ("null", "map {}", "map {'a': null}", "map {'a': 1}"),
    "varchar": ("null", "''", "'null'", "'[]'"),
    "json": ("null", "'null'", "'[]'", "'{}'"),
    "timestamp": ("null", "timestamp '2026-01-01'", "'infinity'"),
    "decimal(38, 4)": ("null", "0", "0.0001"),
    "double": ("null", "0", "'nan'", "'infinity'"),
    "boolean": ("null", "false", "true"),
}


def test_another_value_is_another_content_whatever_its_type(warehouse: Warehouse, folder: Path) -> None:
    for number, (type_, values) in enumerate(VALUES.items()):
        for place, value in enumerate(values):
            select = f"select cast(case i when 0 then {value} end as {type_}) as one from range(2) as rows (i)"
            warehouse.execute(f"create table marts.t{number}_{place} as {select}")
    files = json.loads((published(warehouse, folder) / "manifest.json").read_text())["files"]
    for number, (type_, values) in enumerate(VALUES.items()):
        contents = {files[f"t{number}_{place}.parquet"]["content"] for place in range(len(values))}
        assert len(contents) == len(values), type_


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _overwrite(path: Path) -> None:
    size = path.stat().st_size
    path.write_bytes(b"x" * size)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("leads.parquet", _cut),
        ("messages.parquet", Path.unlink),
        ("drips.duckdb", _cut),
        ("drips.duckdb", _overwrite),
        ("manifest.json", _cut),
        ("manifest.json", lambda path: path.write_text('{"version": "of an earlier release", "tables": {}}')),
    ],
)
def test_what_is_damaged_is_not_handed_on(warehouse: Warehouse, folder: Path, name: str, damage: object) -> None:
    before = published(warehouse, folder)
    # A copy, since a file of two names has one content.
    damage(before / name)  # type: ignore[operator]
    warehouse.execute("insert into marts.lead_profiles values ('L3', 'after')")
    assert differing_rows(warehouse, published(warehouse, folder)) == {}


def test_who_may_read_a_file_is_as_of_new_ones(warehouse: Warehouse, folder: Path) -> None:
    before = os.umask(0o027)
    try:
        first = inodes(published(warehouse, folder))
        os.umask(0o077)
        current = published(warehouse, folder)
    finally:
        os.umask(before)
    assert not set(first.values()) & set(inodes(current).values())
    assert {path.stat().st_mode & 0o077 for path in current.rglob("*")} == {0}


def test_a_set_on_another_file_system_is_written_anew(warehouse: Warehouse, folder: Path) -> None:
    before = published(warehouse, folder)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        if Path(elsewhere).stat().st_dev == folder.stat().st_dev:
            pytest.skip("there is no other file system")
        place = Path(shutil.copytree(before, Path(elsewhere, before.name)))
        (folder / "current").unlink()
        (folder / "current").symlink_to(place)
        assert differing_rows(warehouse, published(warehouse, folder)) == {}


def _row_groups(file: Path) -> int:
    with duckdb.connect() as connection:
        counted = connection.execute(f"select max(row_group_id) + 1 from parquet_metadata('{file}')").fetchone()
        return int(counted[0]) if counted else 0


def test_the_last_days_have_row_groups_of_their_own_from_the_first_set_on(warehouse: Warehouse, folder: Path) -> None:
    warehouse.execute("update marts.messages set sent_at = sent_at + interval 2 days")  # up to the day of the tick
    first = published(warehouse, folder) / "messages.parquet"
    assert _row_groups(first) == 5
    row_groups = first.read_bytes()[: footer_begins_at(first)]
    warehouse.execute("update marts.messages set share = 9 where cast(sent_at as date) = '2026-04-14'")
    warehouse.execute("insert into marts.messages values ('new', '2026-04-15 11:00', null, null, null)")
    current = published(warehouse, folder)
    second = current / "messages.parquet"
    assert second.read_bytes().startswith(row_groups)
    assert _row_groups(second) == 5
    assert differing_rows(warehouse, current) == {}


def test_dead_space_goes_without_writing_what_is_taken_over(warehouse: Warehouse, folder: Path) -> None:
    warehouse.execute("update marts.messages set sent_at = '2026-04-15 01:00' where message_id not like '%7'")
    published(warehouse, folder)
    sizes = []
    for share in range(4):
        warehouse.execute(f"update marts.messages set share = {share} where sent_at >= '2026-04-15'")
        current = published(warehouse, folder)
        sizes.append(footer_begins_at(current / "messages.parquet"))
        assert differing_rows(warehouse, current) == {}
    files = json.loads((current / "manifest.json").read_text())["files"]
    old = [part for part in files["messages.parquet"]["parts"].values() if part["groups"] == 0]
    assert old, "the rest is in one, as at first"
    assert max(sizes) < 2.5 * min(sizes)


def test_a_month_that_becomes_old_is_exchanged_whole(warehouse: Warehouse, folder: Path) -> None:
    warehouse.execute("update marts.messages set share = 1 where cast(sent_at as date) = '2026-04-02'")
    published(warehouse, folder)
    warehouse.execute(
        "insert into journal.ticks select max(as_of) + interval 20 days, 'decided', max(as_of), 1 from journal.ticks"
    )
    for share in (2, 3):
        warehouse.execute(f"update marts.messages set share = {share} where cast(sent_at as date) = '2026-04-03'")
        assert differing_rows(warehouse, published(warehouse, folder)) == {}


def test_its_database_is_written_as_duckdb_1_3_reads_it(warehouse: Warehouse, folder: Path) -> None:
    threads = "select current_setting('threads')"
    before = warehouse.value(threads)
    with duckdb.connect(published(warehouse, folder) / "drips.duckdb", read_only=True) as database:
        told = database.execute("select tags['storage_version'] from duckdb_databases() where not internal").fetchone()
    assert told == ("v1.3.0+",)
    assert warehouse.value(threads) == before
