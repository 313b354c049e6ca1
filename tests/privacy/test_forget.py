"""A person erased: nowhere a trace, everybody else as before, and never mailed again."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from life import NAMES, ZEB, dump, land, lived_in, message_id, new_project, tick, traces

from dagster_drips.clock import utc_now
from dagster_drips.delivery.place import adopt, misplaced
from dagster_drips.errors import DripsError
from dagster_drips.landing.compaction import closed_files, pack_files
from dagster_drips.locks import exclusive
from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.privacy.forget import ForgetReport, forget
from dagster_drips.project import Project
from dagster_drips.smtp.sink import MailSink
from dagster_drips.vocabulary import LANDING_KINDS
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

OTHERS = "select lead_id, step_id, status, human_opens from marts.messages where lead_id <> ? order by all"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return lived_in(tmp_path_factory.getbasetemp())


def _copy(project: Project, to: Path) -> Project:
    shutil.copytree(project.root, to)
    copied = Project.at(to)
    adopt(copied, now=utc_now())  # or it would mail nobody
    return copied


@pytest.fixture(scope="module")
def forgotten(lived: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, ForgetReport]:
    project = _copy(lived, tmp_path_factory.mktemp("forgotten") / "project")
    report = forget(project, ZEB)
    assert misplaced(project) is None  # who has forgotten somebody still mails the others
    return project, report


def _rows(project: Project, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with open_warehouse(project.warehouse, read_only=True) as warehouse:
        return [tuple(row.values()) for row in warehouse.rows(sql, parameters)]


def test_there_was_something_to_forget(lived: Project) -> None:
    found = "\n".join(traces(lived))
    assert [name for name in NAMES if name not in found] == []
    assert len(_rows(lived, OTHERS, "")) == 3
    assert [path.name for path in lived.outbox.glob(f"{message_id(ZEB, f'e-{ZEB}')}*")]


def test_nothing_of_the_person_is_left_anywhere_in_the_data_folder(forgotten: tuple[Project, ForgetReport]) -> None:
    project, report = forgotten
    # Of another lead's event that names the id nobody knows what it means; no address, no name.
    assert [trace for trace in traces(project) if not trace.endswith(": l-77")] == []
    assert (report.remaining, report.unread, report.is_complete) == ([], [], True)
    assert {name: report.counts[name] for name in ("leads", "events", "suppressions", "engagement", "messages")} == {
        "leads": 3, "events": 5, "suppressions": 1, "engagement": 1, "messages": 1,
    }  # fmt: skip
    assert (report.counts["kept_requests"], report.counts["caught_mails"]) == (1, 1)


def test_what_is_others_is_as_it_was(forgotten: tuple[Project, ForgetReport], lived: Project) -> None:
    project, _ = forgotten
    assert _rows(project, OTHERS, ZEB) == _rows(lived, OTHERS, ZEB) != []
    assert (project.landing / "leads" / "a.csv").read_text().count("\n\n") == 1
    assert '"L-1"' in (project.landing / "events" / "a.jsonl").read_text()
    assert b"body" in (project.landing / "raw" / "mailgun" / "a.jsonl").read_bytes()
    assert len(list(project.outbox.glob("*.eml"))) == 2
    members = "select members from marts.segment_sizes order by day desc limit 1"
    assert (_rows(lived, members), _rows(project, members)) == ([(3,)], [(2,)])


def test_a_rebuild_after_it_gives_the_same_tables(forgotten: tuple[Project, ForgetReport], tmp_path: Path) -> None:
    project = _copy(forgotten[0], tmp_path / "project")
    before = dump(project.warehouse)
    project.warehouse.unlink()
    rebuild(project)
    assert dump(project.warehouse) == before


def test_landed_anew_under_the_address_or_the_id_nobody_is_mailed_and_no_file_is_loaded_again(
    forgotten: tuple[Project, ForgetReport], tmp_path: Path
) -> None:
    project = _copy(forgotten[0], tmp_path / "project")
    rejected = _rows(project, "select * from raw.rejected_rows order by all")
    loaded = _rows(project, "select path from raw.loaded_files")
    lead = {"company": "Quarry", "created_at": "2026-01-01T00:00:00Z"}
    land(
        project,
        "leads/anew.jsonl",
        [
            lead | {"lead_id": "L-99", "email": "\u00a0ZEB.quill@forget.EXAMPLE "},
            lead | {"lead_id": ZEB, "email": "third@forget.example"},
            lead | {"lead_id": "L-98", "email": "someone@else.example"},
        ],
    )
    signup = {"event": "signup", "occurred_at": "2026-03-02T10:00:00Z"}
    land(
        project,
        "events/anew.jsonl",
        [signup | {"event_id": f"n-{lead}", "lead_id": lead} for lead in ("L-99", ZEB, "L-98")],
    )
    with MailSink(project.outbox) as sink:
        tick(project, 4, sink.url)
    decisions = _rows(
        project, "select lead_id, decision from marts.enrollment_decisions where occurrence_id like 'n-%'"
    )
    assert dict(decisions) == {"L-99": "suppressed", ZEB: "suppressed", "L-98": "enrolled"}
    assert sorted(path.stem for path in project.outbox.glob("*.eml")) == sorted(
        [message_id("L-1", "e-L-1"), message_id("L-7", "e-L-7"), message_id("L-98", "n-L-98")]
    )
    assert _rows(project, "select * from raw.rejected_rows order by all") == rejected
    assert {path for (path,) in _rows(project, "select path from raw.loaded_files")} - {path for (path,) in loaded} == {
        "leads/anew.jsonl", "events/anew.jsonl",
    }  # fmt: skip


class Crash(BaseException):
    """The process ends here."""


_renames: list[int] = []


def _on_audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "os.rename" and _renames:
        _renames[0] -= 1
        if _renames[0] == 0:
            raise Crash


@contextmanager
def crash_at_rename(number: int) -> Iterator[None]:
    """As if the process died just before it puts a file into its place for that time."""
    _renames[:] = [number]
    try:
        with pytest.raises(Crash):
            yield
    finally:
        _renames.clear()


def _packed(project: Project) -> Project:
    """With half of its landed text files in packs."""
    with open_warehouse(project.warehouse) as warehouse:
        texts = closed_files(project, warehouse, "all", utc_now() + timedelta(days=1))
    packed = [one for kind in LANDING_KINDS for one in [text for text in texts if text.kind == kind][:2]]
    assert pack_files(project, packed).packs == 2
    return project


def test_a_crash_at_any_file_packed_or_not_is_mended_by_doing_it_again(
    lived: Project, forgotten: tuple[Project, ForgetReport], tmp_path: Path
) -> None:
    sys.addaudithook(_on_audit)
    project = _packed(_copy(lived, tmp_path / "project"))
    for number in range(1, 9):
        with crash_at_rename(number):
            forget(project, ZEB)
    with pytest.raises(DripsError, match=f"has not ended: run `drips forget {ZEB}` again first"):
        forget(project, "L-1")
    forget(project, ZEB)
    assert [trace for trace in traces(project) if not trace.endswith(": l-77")] == []
    whole = dump(forgotten[0].warehouse)
    crashed = dump(project.warehouse)
    # The pepper is random, so the hashes differ; and files in packs have no state of their own.
    others = {'raw."forgotten"', 'raw."file_states"'}
    differing = {table for table in whole.keys() | crashed.keys() if whole.get(table) != crashed.get(table)}
    assert differing - others == set()


def test_a_lead_whom_nobody_knows_is_told(forgotten: tuple[Project, ForgetReport]) -> None:
    with pytest.raises(DripsError, match="nobody knows a lead 'L-7777'"):
        forget(forgotten[0], "L-7777")
    with pytest.raises(DripsError, match="'L-77' was forgotten before"):
        forget(forgotten[0], ZEB)


def test_while_a_run_is_going_on_nothing_is_erased(lived: Project) -> None:
    with exclusive(lived.data / "run.lock"), pytest.raises(DripsError, match="another run of this project is going on"):
        forget(lived, ZEB)


def test_without_a_landed_file_nothing_is_erased(lived: Project, tmp_path: Path) -> None:
    project = _copy(lived, tmp_path / "project")
    (project.landing / "leads" / "c.parquet").unlink()
    before = (project.landing / "leads" / "a.csv").read_bytes()
    with pytest.raises(DripsError, match=r"c\.parquet: this landed file is gone"):
        forget(project, ZEB)
    assert (project.landing / "leads" / "a.csv").read_bytes() == before


def test_before_the_first_tick_landing_files_are_all_there_is(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    land(
        project,
        "leads/a.jsonl",
        [{"lead_id": ZEB, "email": "zeb@old.example"}, {"lead_id": "L-1", "email": "Zeb@old.example"}],
    )
    report = forget(project, ZEB)
    assert (report.counts["leads"], report.sharing, report.remaining) == (1, ["L-1"], ["data/landing/leads/a.jsonl"])
    assert '"L-1"' in (project.landing / "leads" / "a.jsonl").read_text()


def test_an_event_that_names_another_lead_as_its_own_past_claims_nothing(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    land(
        project,
        "leads/a.jsonl",
        [{"lead_id": ZEB, "email": "zeb@old.example"}, {"lead_id": "L-1", "email": "ann@x.example"}],
    )
    joined = {"lead_id": ZEB, "event": "identified", "occurred_at": "2026-03-01T02:00:00.000Z"}
    visit = {"event": "visit", "occurred_at": "2026-03-01T01:00:00.000Z"}
    land(
        project,
        "events/a.jsonl",
        [
            joined | {"event_id": "1", "properties": {"anonymous_id": "L-1"}},
            joined | {"event_id": "2", "properties": {"anonymous_id": "anon-a"}},
            joined | {"event_id": "3", "properties": {"anonymous_id": "anon-b"}},
            joined
            | {
                "event_id": "4",
                "properties": {"anonymous_id": "anon-b"},
                "lead_id": "L-1",
                "occurred_at": "2026-03-01T01:59:59.000Z",
            },
            *(visit | {"event_id": f"v-{lead}", "lead_id": lead} for lead in ("L-1", "anon-a", "anon-b")),
        ],
    )
    assert forget(project, ZEB).counts["events"] == 4
    left = (project.landing / "events" / "a.jsonl").read_text()
    assert [name for name in ("v-L-1", "v-anon-a", "v-anon-b") if name in left] == ["v-L-1", "v-anon-b"]
    assert '"L-1", "email"' in (project.landing / "leads" / "a.jsonl").read_text()


def test_who_identified_first_is_told_by_instants_and_not_by_their_spelling(tmp_path: Path) -> None:
    """10:00+02:00 is before 09:00Z: the visitor is the other lead's, and so are their events."""
    project = new_project(tmp_path)
    land(
        project,
        "leads/a.jsonl",
        [{"lead_id": ZEB, "email": "zeb@old.example"}, {"lead_id": "L-1", "email": "ann@x.example"}],
    )
    joined = {"event": "identified", "properties": {"anonymous_id": "anon-a"}}
    land(
        project,
        "events/a.jsonl",
        [
            joined | {"event_id": "1", "lead_id": ZEB, "occurred_at": "2026-03-01T09:00:00Z"},
            joined | {"event_id": "2", "lead_id": "L-1", "occurred_at": "2026-03-01T10:00:00+02:00"},
            {"event_id": "v", "lead_id": "anon-a", "event": "visit", "occurred_at": "2026-03-01T01:00:00Z"},
        ],
    )
    assert forget(project, ZEB).counts["events"] == 1
    left = (project.landing / "events" / "a.jsonl").read_text()
    assert [name for name in ('"1"', '"2"', '"v"') if name in left] == ['"2"', '"v"']


def test_an_id_that_was_joined_in_two_spellings_of_the_time_is_erased_with_its_lead(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    land(project, "leads/a.jsonl", [{"lead_id": lead, "email": f"{lead}@x.example"} for lead in (ZEB, "L-1")])
    joined = {"event": "identified", "properties": {"anonymous_id": "anon-a"}}
    land(
        project,
        "events/a.jsonl",
        [
            joined | {"event_id": "1", "lead_id": "L-1", "occurred_at": "2026-03-01T09:00:00Z"},
            joined | {"event_id": "2", "lead_id": ZEB, "occurred_at": "2026-03-01T10:00:00+02:00"},
            {"event_id": "v", "lead_id": "anon-a", "event": "visit", "occurred_at": "2026-03-01T01:00:00Z"},
        ],
    )
    assert forget(project, ZEB).counts["events"] == 2
    left = (project.landing / "events" / "a.jsonl").read_text()
    assert [name for name in ('"1"', '"2"', '"v"') if name in left] == ['"1"']


def test_what_a_page_says_of_somebody_is_erased_with_them_and_suppresses_nobody(tmp_path: Path) -> None:
    """A page's key is public: with it anybody could have a stranger's address, or another's rows, forgotten."""
    project = new_project(tmp_path)
    land(
        project,
        "leads/a.jsonl",
        [
            {"lead_id": ZEB, "email": "zeb@old.example"},
            {"lead_id": ZEB, "email": "stranger@x.example", "_drips_source": "page"},
        ],
    )
    joined = {"lead_id": ZEB, "event": "identified", "occurred_at": "2026-03-01T02:00:00.000Z"}
    visit = {"event": "visit", "occurred_at": "2026-03-01T01:00:00.000Z"}
    land(
        project,
        "events/a.jsonl",
        [
            joined | {"event_id": "1", "properties": {"anonymous_id": "L-9"}, "_drips_source": "page"},
            joined | {"event_id": "2", "properties": {"anonymous_id": "L-8"}, "_drips_source": "verified"},
            joined | {"event_id": "3", "properties": {"anonymous_id": "anonymous:a"}, "_drips_source": "page"},
            *(visit | {"event_id": f"v-{lead}", "lead_id": lead} for lead in ("L-9", "L-8", "anonymous:a")),
        ],
    )
    report = forget(project, ZEB)
    assert (report.counts["leads"], report.counts["events"]) == (2, 4)
    left = (project.landing / "events" / "a.jsonl").read_text()
    assert [name for name in ("v-L-9", "v-L-8", "v-anonymous:a") if name in left] == ["v-L-9", "v-L-8"]
    hashes = (project.journal / "forgotten.jsonl").read_text().splitlines()
    assert sum('"address"' in line for line in hashes) == 1, "the stranger's is not among them"
