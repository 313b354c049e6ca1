"""A clock that ran ahead and sent mail: the way back keeps what was sent, and nobody gets a message twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import copy_project
from end_to_end.shop import SEGMENT, Shop, lead, write_sequence
from smtp.servers import ScriptedServer

from dagster_drips.delivery.delivery_journal import deliveries
from dagster_drips.errors import DripsError
from dagster_drips.pipeline import tick_journal
from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.pipeline.tick_journal import TickJournal
from dagster_drips.privacy.forget import forget
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

AHEAD = timedelta(days=3650)
CLUB = """
name: Club
status: active
active_from: 2026-01-01T00:00:00Z
sender: {name: Ada, email: ada@acme.example}
trigger: {segment_entered: acme}
reentry: never
steps:
  - {id: hello, subject: In the club, template: mail.html}
  - {id: later, delay: {days: 300}, subject: Still in the club, template: mail.html}
"""
ORPHANS = """
select message_id
from marts.messages
left join marts.enrollments using (enrollment_id, sequence_id, lead_id)
where marts.enrollments.enrollment_id is null
"""
SENT = "select lead_id, sequence_id, step_id, sent_as_of, status, detail from marts.messages order by all"
TABLES = """
select table_schema, table_name
from information_schema.tables
where table_schema in ('raw', 'journal', 'marts', 'staging')
    and table_name not in ('tick', 'prepared_models', 'gate_lineage', 'completions', 'next_watermark')
    and table_name not in ('changed_leads', 'changed_identities', 'new_identity_links')
order by all
"""


class Jumped:
    """A shop with a tick at the right time, one far ahead that mailed three people, and the way back from it."""

    def __init__(self, folder: Path, server: ScriptedServer):
        (folder / "segments").mkdir()
        (folder / "segments" / "acme.sql").write_text(SEGMENT)
        write_sequence(folder / "sequences", "welcome")
        club = write_sequence(folder / "sequences", "club")
        club.write_text(CLUB)
        self.server = server
        self.shop = Shop(copy_project(folder / "project", sequences=folder / "sequences", segments=folder / "segments"))
        self.shop.sign_up("first")
        self.shop.land("leads", [lead("outsider", company="Other")])
        self.shop.tick(server.url)
        self.right = self.shop.now
        self.ahead = self.right + AHEAD
        self.shop.sign_up("second")
        self.shop.land("leads", [lead("clubber-7", company="Acme")])
        self.jump()

    @property
    def mails(self) -> Counter[tuple[str, str]]:
        return Counter((message["To"], message["Subject"]) for message in self.server.messages)

    def jump(self) -> None:
        """A tick ten years too late, and the clock is right again."""
        self.shop.now = self.right
        self.shop.tick(self.server.url, hours=24 * AHEAD.days)
        self.shop.now = self.right

    def dump(self) -> dict[str, list[Any]]:
        with open_warehouse(self.shop.project.warehouse, read_only=True) as warehouse:
            names = [f'{row["table_schema"]}."{row["table_name"]}"' for row in warehouse.rows(TABLES)]
            return {name: sorted(map(repr, warehouse.rows(f"select * from {name}"))) for name in names}


@pytest.fixture
def jumped(tmp_path: Path) -> Iterator[Jumped]:
    with ScriptedServer() as server:
        yield Jumped(tmp_path, server)


def commits(shop: Shop) -> list[str]:
    return [f"{commit.parent.name}/{commit.name}" for commit in TickJournal(shop.project.journal / "ticks").commits()]


def test_what_was_sent_ahead_stays_known_and_everything_else_goes_on(jumped: Jumped) -> None:
    shop, server = jumped.shop, jumped.server
    # `first` got its later step ten months too early, the other two were enrolled ahead of their time.
    ahead = {("first@x.example", "Later"), ("second@x.example", "Hello"), ("clubber-7@x.example", "In the club")}
    sent = {("first@x.example", "Hello"), *ahead}
    assert set(jumped.mails) == sent

    report = rebuild(shop.project, until=jumped.right)
    assert (report.sent_later, report.set_aside, report.lost) == (3, 2, 0)
    assert shop.rows(ORPHANS) == []
    rows = shop.rows(SENT)
    assert {row["sent_as_of"] for row in rows} == {jumped.right}
    assert {(row["lead_id"], row["step_id"]) for row in rows if "set aside" in (row["detail"] or "")} == {
        ("first", "later"),
        ("second", "hello"),
        ("clubber-7", "hello"),
    }
    assert f"; by the tick of {jumped.ahead:%Y-%m-%dT%H:%M:%SZ}, which was set aside" in str(rows)

    shop.sign_up("third")
    shop.land("leads", [lead("outsider", company="Acme", updated_at=shop.now.isoformat())])
    shop.tick(server.url)
    sent |= {("third@x.example", "Hello"), ("outsider@x.example", "In the club")}
    assert set(jumped.mails) == sent
    # The member enters the segment a second time, and is in the sequence already.
    assert shop.decisions("clubber-7") == [("club", "already_enrolled"), ("club", "enrolled")]
    assert shop.enrollments("first")[0]["status"] == "completed"
    assert shop.enrollments("second")[0]["next_step_id"] == "later"

    shop.tick(server.url, hours=24 * 301)
    sent |= {
        (f"{name}@x.example", subject)
        for names, subject in ((("second", "third"), "Later"), (("clubber-7", "outsider"), "Still in the club"))
        for name in names
    }
    assert set(jumped.mails) == sent

    # Time reaches the instant that was set aside, to the second.
    jumped.jump()
    assert jumped.mails == dict.fromkeys(sent, 1)
    shop.measure()
    lived = jumped.dump()
    shop.project.warehouse.unlink()
    rebuild(shop.project)
    rebuilt = jumped.dump()
    assert rebuilt.keys() == lived.keys()
    assert {table for table, rows in lived.items() if rebuilt[table] != rows} == set()


def test_a_clock_that_jumps_again_to_the_same_instant_is_brought_back_again(jumped: Jumped) -> None:
    shop = jumped.shop
    rebuild(shop.project, until=jumped.right)
    shop.sign_up("third")
    jumped.jump()
    rebuild(shop.project, until=jumped.right)
    shop.tick(jumped.server.url)
    # Back before that one as well, to the first.
    jumped.jump()
    rebuild(shop.project, until=jumped.right)
    shop.tick(jumped.server.url)
    assert len(jumped.mails) == 8
    assert set(jumped.mails.values()) == {1}
    assert shop.rows(ORPHANS) == []


def test_a_process_that_is_killed_on_the_way_back_leaves_a_journal_that_the_next_rebuild_ends(
    jumped: Jumped, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, put_aside = jumped.shop, tick_journal._put_aside

    def killed(commit: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tick_journal, "_put_aside", killed)
    with pytest.raises(KeyboardInterrupt):
        rebuild(shop.project, until=jumped.right)
    monkeypatch.setattr(tick_journal, "_put_aside", put_aside)
    with pytest.raises(DripsError, match="run `drips rebuild`"):
        shop.tick(jumped.server.url)
    shop.now = jumped.right
    rebuild(shop.project)
    assert max(commits(shop)) < f"{jumped.right + timedelta(days=1):%Y-%m-%d}"
    shop.tick(jumped.server.url)
    assert len(jumped.mails) == 4
    assert set(jumped.mails.values()) == {1}
    assert shop.rows(ORPHANS) == []


def test_a_delivery_journal_that_lost_what_was_sent_ahead_is_named_or_held(jumped: Jumped) -> None:
    shop = jumped.shop
    # The warehouse and the commit of the tick ahead know what this file knew.
    max(deliveries(shop.project).glob("*.jsonl")).unlink()
    report = rebuild(shop.project, until=jumped.right)
    assert (report.sent_later, report.lost) == (3, 3)
    shop.tick(jumped.server.url)
    assert set(jumped.mails.values()) == {1}
    assert shop.statuses("second", "clubber-7") == {"second": ["in_doubt"], "clubber-7": ["in_doubt"]}


def test_who_was_mailed_ahead_can_be_forgotten(jumped: Jumped) -> None:
    shop = jumped.shop
    rebuild(shop.project, until=jumped.right)
    report = forget(shop.project, "clubber-7")
    assert (report.remaining, report.unread) == ([], [])
    rebuild(shop.project)
    assert shop.messages("clubber-7") == []
    shop.tick(jumped.server.url)
    assert set(jumped.mails.values()) == {1}


def test_a_file_that_a_killed_send_left_too_short_is_told_before_anything_is_set_aside(jumped: Jumped) -> None:
    shop = jumped.shop
    shop.sign_up("unfinished")
    kept = commits(shop)
    with pytest.MonkeyPatch.context() as patch:
        # The tick ends before its end is committed: then only the length of its file tells what it had.
        patch.setattr(type(shop._pipeline), "settle", lambda self, warehouse: 0)
        shop.now = jumped.ahead
        shop.tick(jumped.server.url)
    last = max(deliveries(shop.project).glob("*.jsonl"))
    last.write_bytes(last.read_bytes()[:200])
    shop.project.warehouse.unlink()
    with pytest.raises(DripsError, match="was longer, so nobody knows whom a later tick mailed"):
        rebuild(shop.project, until=jumped.right)
    assert commits(shop)[: len(kept)] == kept
