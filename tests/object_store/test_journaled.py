"""The journal in the bucket: claims before mail, one place that writes it, and what another machine makes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from s3_server import S3Server

from dagster_drips.clock import utc_now
from dagster_drips.delivery.delivery_journal import Claim, DeliveryJournal, Result, Sending, deliveries, read_records
from dagster_drips.delivery.place import adopt, mark_place
from dagster_drips.errors import DripsError
from dagster_drips.object_store.mirror import ObjectMirror
from dagster_drips.pipeline.in_bucket import adopt_with_bucket, begin_with_bucket
from dagster_drips.project import Project

from .conftest import keys_of, mirror_of, write_env

pytestmark = pytest.mark.slow

Make = Callable[..., Project]
AS_OF = datetime(2026, 3, 2, 9)


@pytest.fixture
def project(make_project: Make) -> Project:
    """A project whose journal is in the bucket."""
    project = make_project("here")
    mark_place(project)
    begin_with_bucket(project)
    return project


@pytest.fixture
def mirror(project: Project) -> ObjectMirror:
    return mirror_of(project)


def claim(number: int) -> Claim:
    message = f"{number:032x}"
    return Claim(message, 1, AS_OF, "e", "s", None, "hello", None, "l", "a@acme.example", "b@c.example", AS_OF, False)


def commit(project: Project, name: str, *files: str) -> Path:
    folder = project.journal / "ticks" / "2026-03-02" / name
    folder.mkdir(parents=True)
    for file in (*files, "ticks.parquet"):
        (folder / file).write_bytes(file.encode())
    return folder


def outcomes(project: Project) -> dict[str, str]:
    """What the delivery journal says of each message in the end."""
    found: dict[str, str] = {}
    for path in deliveries(project).glob("[!.]*.jsonl"):
        with path.open("rb") as file:
            for record in (one for records in read_records(file) for one in records):
                if isinstance(record, Claim):
                    found[record.message_id] = "claimed"
                elif isinstance(record, Result):
                    found[record.message_id] = record.outcome
                elif record is not None and hasattr(record, "message_id") and not isinstance(record, Sending):
                    found[record.message_id] = "released"
    return found


def test_claims_are_there_before_they_may_be_begun_and_outcomes_with_the_next(
    project: Project, mirror: ObjectMirror
) -> None:
    with DeliveryJournal(project, now=utc_now) as journal:
        journal.claim([claim(1), claim(2)])
        journal.write([Sending(claim(1).message_id, 1), Result(claim(1).message_id, 1, "sent", AS_OF)])
        [first] = keys_of(mirror, "journal/delivery_pieces")
        assert mirror.store.get(first)[0].count(b'"claimed"') == 2
        journal.claim([claim(3)])
        pieces = keys_of(mirror, "journal/delivery_pieces")
        content = b"".join(mirror.store.get(key)[0] for key in pieces)
        assert (len(pieces), content) == (2, journal.path.read_bytes())
        mirror.keep()
        assert keys_of(mirror, "journal/delivery_pieces") == pieces, "a run that goes on keeps its pieces"
    mirror.keep()
    assert keys_of(mirror, "journal/delivery_pieces") == []
    assert mirror.store.get(f"journal/deliveries/{journal.path.name}")[0] == journal.path.read_bytes()


def test_what_another_machine_knows_as_claimed_is_in_doubt(project: Project, make_project: Make) -> None:
    journal = DeliveryJournal(project, now=utc_now)
    journal.claim([claim(1), claim(2)])
    # What follows is on the disk that is lost.
    journal.write([Sending(claim(1).message_id, 1), Result(claim(1).message_id, 1, "sent", AS_OF)])
    there = make_project("there")
    assert adopt_with_bucket(there).is_new
    assert outcomes(there) == {claim(1).message_id: "in_doubt", claim(2).message_id: "in_doubt"}
    begin_with_bucket(there)
    with pytest.raises(DripsError, match="written at another place"):
        journal.claim([claim(3)])
    with pytest.raises(DripsError, match="written at another place"):
        begin_with_bucket(project)
    journal.close()
    assert outcomes(project)[claim(3).message_id] == "released"


def test_what_the_bucket_does_not_take_is_not_begun(project: Project, server: S3Server, prefix: str) -> None:
    write_env(project.root, server.variables(prefix, key=server.reader))
    journal = DeliveryJournal(project, now=utc_now)
    with pytest.raises(DripsError, match="may not write"):
        journal.claim([claim(1)])
    journal.close()
    assert outcomes(project) == {claim(1).message_id: "released"}


def test_all_of_the_journal_comes_back(project: Project, mirror: ObjectMirror, make_project: Make) -> None:
    commit(project, "090000-decided-1", "enrollment_decisions.parquet")
    (project.journal / "waivers.jsonl").write_text("{}\n")
    (project.journal / "files").mkdir()
    (project.journal / "files" / "abc").write_bytes(b"attachment")
    (project.journal / "forgetting.json").write_text("{}")
    (project.journal / "dispatch.lock").touch()
    mirror.keep()
    before = keys_of(mirror, "journal")
    assert not [key for key in before if "forgetting" in key or "lock" in key]
    mirror.keep()
    there = make_project("there")
    adopt_with_bucket(there)
    held = {path.relative_to(there.data).as_posix() for path in there.journal.rglob("*") if path.is_file()}
    assert {*before} <= held
    for key in before:
        if key != "journal/place.json":
            assert (there.data / key).read_bytes() == (project.data / key).read_bytes()


def test_half_a_commit_is_none(project: Project, mirror: ObjectMirror, make_project: Make) -> None:
    mirror.store.put("journal/ticks/2026-03-02/090000-decided-1/enrollment_decisions.parquet", b"half")
    there = make_project("there")
    adopt_with_bucket(there)
    assert not (there.journal / "ticks" / "2026-03-02" / "090000-decided-1").exists()


def test_what_is_set_aside_is_so_there_and_on_a_copy(
    project: Project, mirror: ObjectMirror, make_project: Make, tmp_path: Path
) -> None:
    kept = commit(project, "090000-decided-1", "enrollment_decisions.parquet")
    mirror.keep()
    old = make_project("old")
    shutil.rmtree(old.data)
    shutil.copytree(project.data, old.data)
    kept.rename(kept.with_name(f"set-aside-{kept.name}"))
    mirror.keep()
    day = "journal/ticks/2026-03-02"
    assert keys_of(mirror, day) == [
        f"{day}/set-aside-090000-decided-1/{name}" for name in ("enrollment_decisions.parquet", "ticks.parquet")
    ]
    adopt_with_bucket(old)
    assert [path.name for path in (old.data / day).iterdir()] == ["set-aside-090000-decided-1"]


def test_a_rewritten_file_takes_the_old_ones_place(project: Project, mirror: ObjectMirror) -> None:
    folder = commit(project, "090000-decided-1", "enrollment_decisions.parquet", "skipped_steps.parquet")
    (project.landing / "leads" / "1.csv").write_text("ada")
    mirror.keep()
    (folder / "skipped_steps.parquet").unlink()
    for path in (folder / "enrollment_decisions.parquet", project.landing / "leads" / "1.csv"):
        path.with_name("new").write_bytes(b"nobody")
        path.with_name("new").replace(path)
    mirror.keep(thorough=True)
    day = "journal/ticks/2026-03-02/090000-decided-1"
    assert keys_of(mirror, day) == [f"{day}/enrollment_decisions.parquet", f"{day}/ticks.parquet"]
    assert mirror.store.get(f"{day}/enrollment_decisions.parquet")[0] == b"nobody"
    assert mirror.store.get("landing/leads/1.csv")[0] == b"nobody"


def test_the_buckets_form_of_a_file_counts_over_that_of_an_older_copy(
    project: Project, mirror: ObjectMirror, make_project: Make
) -> None:
    """Somebody was erased since the copy was made, and a file of it was lost."""
    folder = commit(project, "090000-decided-1", "enrollment_decisions.parquet", "skipped_steps.parquet")
    delivery = deliveries(project) / "20260302T090000.000000Z_1_0000000a.jsonl"
    delivery.parent.mkdir()
    delivery.write_text('{"record":"claimed by ada"}\n{"record":"closed"}\n')
    landed = project.landing / "leads" / "1.csv"
    landed.write_text("ada,ben")
    (project.landing / "leads" / "2.csv").write_text("cem")
    mirror.keep()
    old = make_project("old")
    shutil.rmtree(old.data)
    shutil.copytree(project.data, old.data)
    (old.landing / "leads" / "2.csv").unlink()
    (folder / "skipped_steps.parquet").unlink()
    (folder / "enrollment_decisions.parquet").write_bytes(b"ben")
    landed.write_text("ben")
    delivery.write_text('{"record":"closed"}\n')
    mirror.keep(thorough=True)
    adopt_with_bucket(old)
    for place in (landed, delivery, project.landing / "leads" / "2.csv"):
        assert (old.data / place.relative_to(project.data)).read_bytes() == place.read_bytes()
    brought = old.data / folder.relative_to(project.data)
    assert {path.name: path.read_bytes() for path in brought.iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }


# One place -----------------------------------------------------------------------------------------------------------


def test_a_copy_neither_loads_nor_writes(project: Project, tmp_path: Path) -> None:
    shutil.copytree(project.root, tmp_path / "copy")
    with pytest.raises(DripsError, match="must not write to the bucket of its original"):
        begin_with_bucket(Project.at(tmp_path / "copy"))


def test_a_fresh_machine_says_what_to_do(project: Project, make_project: Make) -> None:
    there = make_project("there")
    mark_place(there)
    with pytest.raises(DripsError, match="drips adopt"):
        begin_with_bucket(there)


def test_a_journal_of_its_own_is_not_joined_with_the_buckets(project: Project, make_project: Make) -> None:
    other = make_project("other")
    mark_place(other)
    commit(other, "090000-decided-1")
    with pytest.raises(DripsError, match="this journal is not the one in"):
        adopt_with_bucket(other)
    assert json.loads(mirror_of(other).store.get("journal/place.json")[0])["id"] == (
        (project.data / "place").read_text().strip()
    )


def test_a_moved_folder_adopts_its_own_journal(project: Project, tmp_path: Path) -> None:
    commit(project, "090000-decided-1")
    mirror_of(project).keep()
    shutil.copytree(project.root, tmp_path / "moved")
    moved = Project.at(tmp_path / "moved")
    assert adopt_with_bucket(moved).is_new
    begin_with_bucket(moved)
    with pytest.raises(DripsError, match="written at another place"):
        begin_with_bucket(project)


def test_an_adoption_that_was_cut_short_can_be_repeated(project: Project, tmp_path: Path) -> None:
    commit(project, "090000-decided-1")
    mirror_of(project).keep()
    shutil.copytree(project.root, tmp_path / "moved")
    moved = Project.at(tmp_path / "moved")
    adopt(moved, now=utc_now())  # and then the machine stopped
    assert adopt_with_bucket(moved).is_new
    begin_with_bucket(moved)
