"""Packs: small landed files of closed days in one file, and nothing that anybody could tell but that."""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import sys
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_drips.errors import DripsError
from dagster_drips.landing.compaction import CompactReport, Which, closed_files, pack_files
from dagster_drips.landing.files import ignored_files, landing_files, loose_files
from dagster_drips.landing.load import load_again, load_landing
from dagster_drips.landing.packs import members_of, packs
from dagster_drips.project import Project
from dagster_drips.warehouse.port import Warehouse

from .conftest import Landing
from .landing_rows import event, fact, lead

FIRST_DAY = datetime(2026, 3, 1, 12)
LATER = datetime(2026, 4, 1)
OWN = "collected-20260301T{:06d}.123456Z-1f0a3c5d.jsonl"
TABLES = ("leads", "events", "suppressions", "engagement", "loaded_files", "rejected_rows")


def load(landing, day: int = 0) -> None:
    """Loads what is there, `day` days after the first, and journals it as a tick does."""
    load_landing(landing.project, landing.warehouse, loaded_at=FIRST_DAY + timedelta(days=day))
    landing.warehouse.execute(
        "insert into journal.ticks select ?, 'decided', ?, coalesce(max(load_id), 0) from raw.loaded_files",
        [FIRST_DAY + timedelta(days=day)] * 2,
    )


def compact(landing, which: Which = "own", today: datetime = LATER) -> CompactReport:
    return pack_files(landing.project, closed_files(landing.project, landing.warehouse, which, today))


def tables(warehouse: Warehouse) -> dict[str, list[dict[str, Any]]]:
    return {name: warehouse.rows(f"from raw.{name} order by all") for name in TABLES}


def fresh(landing, empty_warehouse: Path) -> Warehouse:
    place = landing.project.data / f"fresh-{random.random()}.duckdb"
    shutil.copy(empty_warehouse, place)
    return Warehouse(duckdb.connect(str(place)))


def rebuilt(landing, empty_warehouse: Path) -> dict[str, list[dict[str, Any]]]:
    """The raw tables as `drips rebuild` makes them of the files."""
    warehouse = fresh(landing, empty_warehouse)
    load_again(landing.project, warehouse, landing.warehouse.rows("from raw.loaded_files"))
    return tables(warehouse)


def replayed(landing, empty_warehouse: Path) -> dict[str, list[dict[str, Any]]]:
    """The raw tables as a replay loads them: all at once, in the order of names."""
    warehouse = fresh(landing, empty_warehouse)
    load_landing(landing.project, warehouse, loaded_at=LATER)
    return tables(warehouse)


def three_days(landing) -> None:
    for day in range(3):
        for number in range(3):
            name = OWN.format(day * 10_000 + number)
            landing.put_rows(f"events/{name}", event(event_id=f"e{day}-{number}"), event(event_id="same"), {"no": 1})
        landing.put_rows(f"engagement/{OWN.format(day)}", fact(engagement_id=f"g{day}"))
        load(landing, day)


def lying(landing, kind: str = "events") -> list[str]:
    return sorted(loose_files(landing.project, kind).names)


def test_files_of_closed_days_are_packed_by_kind_and_day_and_nobody_can_tell(landing, empty_warehouse):
    three_days(landing)
    before = rebuilt(landing, empty_warehouse), replayed(landing, empty_warehouse), tables(landing.warehouse)
    assert before[0] == before[2]
    listed = [(file.path, file.size, file.sha256()) for file in landing_files(landing.project)]
    report = compact(landing, today=datetime(2026, 3, 3))
    assert (report.files, report.packs) == (6, 2)
    # The third day is not closed; one file of engagement a day is not worth a pack.
    assert lying(landing) == [OWN.format(20_000 + number) for number in range(3)]
    assert len(lying(landing, "engagement")) == 3
    assert [pack.name for pack in packs(landing.project, "events")] == ["2026-03-01-1.zip", "2026-03-02-1.zip"]
    assert [(file.path, file.size, file.sha256()) for file in landing_files(landing.project)] == listed
    assert (rebuilt(landing, empty_warehouse), replayed(landing, empty_warehouse)) == before[:2]
    assert compact(landing, today=datetime(2026, 3, 3)) == CompactReport()
    assert compact(landing).files == 3


def test_a_tick_loads_nothing_of_a_pack_again_and_looks_into_it_once(landing, monkeypatch):
    three_days(landing)
    before = tables(landing.warehouse)
    compact(landing)
    load(landing, 4)
    assert tables(landing.warehouse) == before
    monkeypatch.setattr("dagster_drips.landing.packs.zipfile.ZipFile", None)
    monkeypatch.setattr("dagster_drips.landing.kind_load.packed_files", None)
    load(landing, 5)
    assert tables(landing.warehouse) == before


def test_what_a_warehouse_went_back_behind_is_loaded_out_of_its_pack(landing, empty_warehouse):
    three_days(landing)
    compact(landing)
    whole = tables(landing.warehouse)
    landing.warehouse.close()
    # As `drips rebuild --until` leaves it: files of later ticks were never loaded.
    kept = [row for row in whole["loaded_files"] if row["loaded_at"] < datetime(2026, 3, 2)]
    landing.warehouse = fresh(landing, empty_warehouse)
    assert load_again(landing.project, landing.warehouse, kept) == 4
    load(landing, 1)
    assert len(landing.rows("events")) == len(whole["events"])
    assert {row["path"] for row in tables(landing.warehouse)["loaded_files"]} == {
        row["path"] for row in whole["loaded_files"]
    }


def test_files_of_others_are_packed_only_where_that_is_asked_for_and_parquet_never(landing, empty_warehouse):
    landing.path("leads/dt=2026-01-01").mkdir()
    landing.put("leads/1.csv", "lead_id,created_at\nL1,2026-01-01\nL2,never\n")
    landing.put("leads/2.csv.gz", "lead_id,created_at\nL3,2026-01-01\n")
    landing.put_rows("leads/dt=2026-01-01/ü 1.jsonl", lead(lead_id="L4"))
    landing.put("leads/3.json", '[{"lead_id": "L5", "created_at": "2026-01-01"}]')
    shutil.copy(landing.path("leads/1.csv"), landing.path("leads/4.csv"))
    duckdb.sql("select 'L6' as lead_id, timestamp '2026-01-01' as created_at").write_parquet(
        str(landing.path("leads/5.parquet"))
    )
    landing.path("leads/6.csv").symlink_to(landing.path("leads/1.csv"))
    load(landing)
    before = rebuilt(landing, empty_warehouse), replayed(landing, empty_warehouse)
    assert compact(landing) == CompactReport()
    assert compact(landing, "all").files == 4
    # What a link leads to stays, as the link would lead to nothing.
    assert lying(landing, "leads") == ["1.csv", "5.parquet", "6.csv"]
    assert (rebuilt(landing, empty_warehouse), replayed(landing, empty_warehouse)) == before


def test_what_is_not_loaded_not_journaled_or_has_changed_stays(landing):
    three_days(landing)
    changed = OWN.format(1)
    landing.put_rows(f"events/{changed}", event(event_id="other"))
    landing.warehouse.execute("delete from journal.ticks where as_of > ?", [FIRST_DAY + timedelta(days=1)])
    landing.put_rows(f"events/{OWN.format(99)}", event(event_id="new"))
    assert compact(landing).files == 5
    assert lying(landing) == [changed, OWN.format(99), *[OWN.format(20_000 + number) for number in range(3)]]
    load(landing, 4)
    assert "changed after it was loaded" in landing.reasons()[0]


def test_a_name_that_was_packed_can_not_be_landed_again_and_the_pack_is_what_counts(landing, empty_warehouse):
    three_days(landing)
    compact(landing)
    load(landing, 3)
    before = rebuilt(landing, empty_warehouse)
    landing.put_rows(f"events/{OWN.format(1)}", event(event_id="other"))
    load(landing, 4)
    assert [reason.partition(":")[0] for reason in landing.reasons() if "changed" in reason] == [
        "changed after it was loaded"
    ]
    assert landing.warehouse.value("select count(*) from raw.events where event_id = 'other'") == 0
    assert rebuilt(landing, empty_warehouse) == before
    assert len(landing_files(landing.project, ["events"])) == 9
    assert len(landing_files(landing.project, ["events"], copies=True)) == 10


def test_a_damaged_pack_is_told_and_rebuilds_nothing(landing, empty_warehouse):
    three_days(landing)
    compact(landing)
    [pack, *_] = packs(landing.project, "events")
    whole = pack.read_bytes()
    pack.write_bytes(whole[:-30])
    assert [file.path for file in ignored_files(landing.project)] == [f"packed/events/{pack.name}"]
    with pytest.raises(DripsError, match="this landed file is gone"):
        rebuilt(landing, empty_warehouse)
    inside = 30 + len(OWN.format(0)) + 5
    pack.write_bytes(whole[:inside] + bytes([whole[inside] ^ 255]) + whole[inside + 1 :])
    with pytest.raises(DripsError, match=rf"this landed file can't be read: {OWN.format(0)} in this pack is damaged"):
        rebuilt(landing, empty_warehouse)
    # A file that has come back from a backup is the better copy of the one that is damaged.
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        archive.extractall(landing.path("events"))
    compact(landing)
    assert lying(landing) == [OWN.format(0)]
    with zipfile.ZipFile(pack, "w") as other:
        other.writestr("1.jsonl", "{}")
    assert "was not packed by `drips compact`" in ignored_files(landing.project)[0].reason


def test_anybody_can_take_a_pack_apart(landing, empty_warehouse):
    three_days(landing)
    before = rebuilt(landing, empty_warehouse)
    compact(landing)
    for pack in packs(landing.project, "events"):
        with zipfile.ZipFile(pack) as archive:
            archive.extractall(landing.path("events"))
        pack.unlink()
    load(landing, 3)
    assert rebuilt(landing, empty_warehouse) == before


# Killed at any moment -------------------------------------------------------------------------------------------------

_STEPS = {"os.rename", "os.remove", "os.mkdir", "open"}


def _killed_at(landing, loaded, number: int) -> bool:
    """Compacts in a process that is killed just before its n-th step on disk; whether it came that far."""
    child = os.fork()
    if child == 0:
        left = number

        def audit(name: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            if name in _STEPS and str(landing.project.landing) in str(arguments[0]):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(audit)
        pack_files(landing.project, loaded)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_killed_at_any_step_nothing_is_lost_and_the_next_compaction_ends_it(landing, empty_warehouse, tmp_path):
    for number in range(3):
        landing.put_rows(f"events/{OWN.format(number)}", event(event_id=f"e{number}"), {"no": number})
        landing.put_rows(f"engagement/{OWN.format(number)}", fact(engagement_id=f"g{number}"))
    load(landing)
    before = rebuilt(landing, empty_warehouse), replayed(landing, empty_warehouse)
    loaded = closed_files(landing.project, landing.warehouse, "own", LATER)
    shutil.copytree(landing.project.landing, tmp_path / "as it was")
    number, seen_twice = 1, 0
    while _killed_at(landing, loaded, number):
        both = len(landing_files(landing.project, copies=True)) > len(loaded)
        if both and not seen_twice:
            assert (rebuilt(landing, empty_warehouse), replayed(landing, empty_warehouse)) == before
        seen_twice += both
        listed = {file.path: file.sha256() for file in landing_files(landing.project)}
        assert listed == {f"{one.kind}/{one.name}": one.sha256 for one in loaded}
        pack_files(landing.project, loaded)
        assert lying(landing) == lying(landing, "engagement") == []
        members = [one.name for pack in packs(landing.project, "events") for one in members_of(pack)]
        assert sorted(members) == [OWN.format(one) for one in range(3)]
        shutil.rmtree(landing.project.landing)
        shutil.copytree(tmp_path / "as it was", landing.project.landing)
        number += 1
    assert (number > 20, seen_twice > 3) == (True, True)
    assert (rebuilt(landing, empty_warehouse), replayed(landing, empty_warehouse)) == before


def test_a_disk_that_is_full_loses_nothing(landing, monkeypatch, empty_warehouse):
    three_days(landing)
    before = rebuilt(landing, empty_warehouse)

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("dagster_drips.landing.packs.sync", full)
        with pytest.raises(OSError, match="No space"):
            compact(landing)
    assert rebuilt(landing, empty_warehouse) == before
    assert compact(landing).files == 9
    assert rebuilt(landing, empty_warehouse) == before


# Whatever is landed ---------------------------------------------------------------------------------------------------

_ROWS = st.lists(
    st.builds(
        lambda key, bad: event(event_id=key, lead_id=None if bad else "L1"),
        st.sampled_from("abcdef"),
        st.booleans(),
    ),
    max_size=3,
)


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(
    days=st.lists(st.lists(_ROWS, max_size=4), min_size=1, max_size=4),
    which=st.sampled_from(["own", "all"]),
    seed=st.integers(0, 2**32),
)
def test_random_files_packed_in_any_order_make_the_same_tables(
    days: list[list[list[dict]]],
    which: Which,
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
    empty_warehouse: Path,
) -> None:
    chance = random.Random(seed)
    project = Project(tmp_path_factory.mktemp("random"))
    (project.landing / "events").mkdir(parents=True)
    shutil.copy(empty_warehouse, project.warehouse)
    landing = Landing(project, Warehouse(duckdb.connect(str(project.warehouse))))
    names = [OWN.format(number) for number in range(99)] + [f"{number}.jsonl" for number in range(99)]
    chance.shuffle(names)
    for day, files in enumerate(days):
        for rows in files:
            landing.put_rows(f"events/{names.pop()}", *rows)
        load(landing, day)
    before = rebuilt(landing, empty_warehouse), replayed(landing, empty_warehouse)
    assert before[0] == tables(landing.warehouse)
    loaded = closed_files(project, landing.warehouse, which, LATER)
    for _ in range(3):
        some = [one for one in loaded if chance.random() < 0.6]
        chance.shuffle(some)
        pack_files(project, some)
    load(landing, 9)
    assert (rebuilt(landing, empty_warehouse), replayed(landing, empty_warehouse)) == before
    landing.warehouse.close()
