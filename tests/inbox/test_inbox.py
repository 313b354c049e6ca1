"""Reading a mailbox of a real Dovecot: what lands, what is remembered, and what is left alone."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from smtp.servers import closed_port
from typer.testing import CliRunner

from dagster_drips.cli import commands
from dagster_drips.cli.app import app
from dagster_drips.errors import DripsError
from dagster_drips.inbox.bookmark import bookmark_file
from dagster_drips.inbox.inbox import InboxReport, read_inbox
from dagster_drips.inbox.kept_mails import to_look_at
from dagster_drips.project import Project
from dagster_drips.settings import ImapServer, Settings

from . import mails
from .dovecot import PASSWORD, Account
from .mails import MESSAGE_ID, answer, dsn, feedback, group

pytestmark = pytest.mark.slow

assert commands.inbox
ARRIVED = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
HARD, WAITING = dsn(group("5.1.1")), mails.POSTFIX_WARNING
SOFT = dsn(group("5.2.2")).replace(b"20260302090005.4F1", b"20260302090006.4F2")
WISH = answer("", subject=f"unsubscribe {MESSAGE_ID}")
AUTOMATIC = answer("I am away.", head="Auto-Submitted: auto-replied\n")
UNRELATED = answer("Lunch?", in_reply_to=None)


def imap(server: Account, scheme: str = "imap") -> ImapServer:
    found = Settings(imap_url=server.url(scheme)).imap_server
    assert found is not None
    return found


def read(project: Project, server: Account, **options: Any) -> InboxReport:
    return read_inbox(project, imap(server), **options)


def landed(project: Project, folder: str = "engagement") -> list[dict[str, Any]]:
    files = sorted((project.landing / folder).glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def types(project: Project) -> Counter[str]:
    return Counter(row["type"] for row in landed(project))


# What lands -----------------------------------------------------------------------------------------------------------


def test_each_mail_becomes_a_row_of_the_normal_form(project, server):
    contents = [HARD, SOFT, WAITING, feedback(), WISH, answer(), AUTOMATIC, UNRELATED]
    for content in contents:
        server.deliver(content, at=ARRIVED)
    report = read(project, server)
    assert report.as_dict() == {
        **{"mailbox": "INBOX", "read": 8, "landed": 6, "cut": 0},
        **{"hard_bounces": 1, "soft_bounces": 1, "deferred": 1, "complained": 1, "unsubscribed": 1, "replied": 1},
        **{"auto_replied": 1, "reported": 0, "unattributed": 0, "not_understood": 0, "unrelated": 1},
        **{"broken": 0},
    }
    rows = landed(project)
    assert [row["type"] for row in rows] == [
        *("bounced", "bounced", "deferred", "complained", "unsubscribed", "replied")
    ]
    assert {(row["message_id"], row["occurred_at"]) for row in rows} == {(MESSAGE_ID, "2026-03-02T10:30:00.000Z")}
    assert [row.get("bounce_class") for row in rows[:3]] == ["hard", "soft", None]
    assert rows[5]["detail"] == "Yes please, call me."
    assert len({row["engagement_id"] for row in rows}) == 6


def test_what_gives_no_fact_is_kept_as_it_came(project, server):
    lost = dsn(group("5.1.1"), to="bounces@acme.example", returned=None)
    for content in (AUTOMATIC, lost, dsn(group("2.0.0", action="delivered")), UNRELATED):
        server.deliver(content)
    report = read(project, server)
    assert (report.landed, report.counts["auto_replied"], report.counts["unattributed"]) == (0, 1, 1)
    kept = landed(project, "raw/inbox")
    assert [row["headers"]["counted"] for row in kept] == [*("auto_replied", "unattributed", "reported", "unrelated")]
    assert base64.b64decode(kept[0]["body"]).replace(b"\r\n", b"\n") == AUTOMATIC
    assert landed(project) == []


def test_a_mail_that_nobody_can_read_stops_nothing(project, server):
    server.deliver(HARD)
    server.deliver(b"From: " + b"(" * 100_000 + b"\n\nx\n")
    server.deliver(b"\xff\x00\n")
    server.deliver(SOFT)
    report = read(project, server)
    assert (report.read, report.landed, report.counts["broken"]) == (4, 2, 1)
    kept, stranger = landed(project, "raw/inbox")
    assert {name: kept["headers"][name] for name in ("mailbox", "uid", "counted")} == {
        **{"mailbox": "INBOX", "uid": "2", "counted": "broken"}
    }
    assert stranger["headers"]["counted"] == "unrelated"
    assert base64.b64decode(kept["body"]).startswith(b"From: ((((")


def test_what_no_landing_file_can_hold_is_replaced(project, server):
    text = base64.b64encode(b"caf\xe9 \0 ok").decode()
    server.deliver(answer(text, head="Content-Transfer-Encoding: base64\n"))
    read(project, server)
    [row] = landed(project)
    assert row["detail"] == "caf\ufffd  ok"


def test_of_a_huge_mail_the_beginning_is_read(project, server):
    server.deliver(dsn(group("5.1.1"), returned=mails.SENT + "x" * 70 + "\n" + ("y" * 70 + "\n") * 50_000))
    report = read(project, server)
    assert (report.cut, report.counts["hard_bounces"]) == (1, 1)


# What is remembered ---------------------------------------------------------------------------------------------------


def test_it_goes_on_where_it_stopped(project, server):
    server.deliver(HARD)
    assert read(project, server).read == 1
    assert read(project, server).read == 0
    server.deliver(SOFT)
    assert read(project, server).read == 1
    assert types(project) == {"bounced": 2}


def test_a_mail_read_twice_has_the_same_key(project, server):
    server.deliver(HARD)
    server.deliver(HARD.replace(b"Message-Id", b"X-No-Id"))
    read(project, server)
    bookmark_file(project, "INBOX").unlink()
    assert read(project, server).read == 2
    keys = Counter(row["engagement_id"] for row in landed(project))
    assert sorted(keys.values()) == [2, 2]


def test_other_uids_or_another_account_or_a_torn_bookmark_start_anew(project, server):
    server.deliver(HARD)
    read(project, server)
    file = bookmark_file(project, "INBOX")
    good = json.loads(file.read_text())
    for changed in ({**good, "uid_validity": 1}, {**good, "account": "eve@127.0.0.1:1"}):
        file.write_text(json.dumps(changed))
        assert read(project, server).read == 1
        assert json.loads(file.read_text()) == good
    file.write_text('{"account"')
    assert read(project, server).read == 1


def test_rows_are_on_disk_before_the_bookmark_moves(project, server, monkeypatch):
    server.deliver(HARD)
    full = OSError(28, "No space left on device")

    def refuse(*_: object) -> None:
        raise full

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(DripsError, match=r"can't be kept: .*No space left"):
        read(project, server)
    assert not bookmark_file(project, "INBOX").exists()
    monkeypatch.undo()
    assert read(project, server).landed == 1
    assert types(project)["bounced"] == 1


def test_rows_of_a_batch_before_a_lost_connection_stay(project, server):
    for _ in range(250):
        server.deliver(HARD)

    def lose(read: int) -> None:
        raise DripsError("the connection was lost")

    with pytest.raises(DripsError, match="connection was lost"):
        read(project, server, on_progress=lose)
    assert 0 < len(landed(project)) < 250
    before = len(landed(project))
    assert read(project, server).read == 250 - before
    assert len(landed(project)) == 250


def test_since_reads_again_and_never_skips_what_is_new(project, server):
    for days in (3, 2, 1):
        server.deliver(HARD, at=ARRIVED - timedelta(days=days))
    since = (ARRIVED - timedelta(days=2)).replace(tzinfo=None)
    assert read(project, server, since=since).read == 2
    assert read(project, server).read == 0
    assert read(project, server, since=since).read == 2
    server.deliver(SOFT, at=ARRIVED - timedelta(days=9))
    assert read(project, server, since=since).counts["soft_bounces"] == 1


def test_each_mailbox_has_its_own_bookmark(project, server):
    server.make_folder("Bounces")
    server.deliver(HARD)
    assert read(project, server, mailbox="Bounces").read == 0
    assert read(project, server, mailbox="inbox").read == 1
    assert read(project, server).read == 0
    names = sorted(path.name for path in (project.journal / "inbox").glob("*.json"))
    assert names == ["INBOX.json"]  # nothing was read in the other
    assert bookmark_file(project, "a/../../b").parent == project.journal / "inbox"
    assert len(bookmark_file(project, "ü" * 300).name) < 255


def test_two_at_once_are_refused(project, server):
    server.deliver(HARD)
    inner: list[str] = []

    def meddle(read_so_far: int) -> None:
        with pytest.raises(DripsError) as refused:
            read(project, server)
        inner.append(str(refused.value))

    read(project, server, on_progress=meddle)
    assert "another run" in inner[0]


def test_a_large_mailbox_takes_no_more_memory(project, server):
    """Read in a process of its own, with less memory to spare than the mails take together."""
    bulk = ("z" * 76 + "\n") * 10_000
    for number in range(60):
        content = dsn(group("5.1.1"), returned=mails.SENT + bulk)
        server.deliver(content.replace(b"20260302090005.4F1", f"m{number}".encode()))
    code = f"""
import re
from dagster_drips.inbox.inbox import read_inbox
from dagster_drips.project import Project
from dagster_drips.settings import Settings
def peak(): return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024
before = peak()
report = read_inbox(Project.at({str(project.root)!r}), Settings(imap_url={server.url()!r}).imap_server)
print(report.counts["hard_bounces"], peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, megabytes = map(int, done.stdout.split())
    assert count == 60
    assert megabytes < 40  # of 46 MB; a batch of 8 MB, some copies of it, and one mail taken apart


# What is left alone ---------------------------------------------------------------------------------------------------


def test_nothing_in_the_mailbox_changes_unless_told(project, server):
    for content in (HARD, answer(), UNRELATED):
        server.deliver(content)
    before = server.files()
    read(project, server)
    assert server.files() == before
    assert all(name.startswith("new/") for name in before)


def test_what_was_dealt_with_is_marked_or_moved_and_answers_stay_for_people(project, server):
    server.make_folder("Done")
    for content in (HARD, AUTOMATIC, answer(), UNRELATED):
        server.deliver(content)
    # Somebody else has marked one as deleted and thinks again: only they may expunge it.
    place = server.maildir / "new"
    last = max(place.iterdir())
    last.rename(server.maildir / "cur" / f"{last.name}:2,T")
    read(project, server, mark_seen=True)
    assert sorted(name.partition(":2,")[2] for name in server.files()) == ["", "S", "S", "T"]
    bookmark_file(project, "INBOX").unlink()
    read(project, server, move_to="Done")
    assert (len(server.files()), len(server.files("Done"))) == (2, 2)
    assert any(name.endswith(":2,T") for name in server.files())


def test_a_folder_that_is_not_there_is_told_before_anything_is_read(project, server):
    server.deliver(HARD)
    with pytest.raises(DripsError, match="no folder Nowhere"):
        read(project, server, move_to="Nowhere")
    assert landed(project) == []


# Connections and the command ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
def test_a_secured_connection_is_verified(project, server, monkeypatch, scheme):
    server.deliver(HARD)
    with pytest.raises(DripsError, match=r"no secure connection .*DRIPS_IMAP_URL"):
        read_inbox(project, imap(server, scheme))
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    assert read_inbox(project, imap(server, scheme)).read == 1


def test_what_goes_wrong_is_told_in_a_line_without_the_password(project, server):
    good = imap(server)
    wrong = ImapServer("plain", good.host, good.port, server.user, "wr0ng")
    with pytest.raises(DripsError, match=f"refused the login of {server.user}") as refused:
        read_inbox(project, wrong)
    assert "wr0ng" not in str(refused.value)
    with pytest.raises(DripsError, match="has no mailbox Nowhere"):
        read_inbox(project, good, mailbox="Nowhere")
    with pytest.raises(DripsError, match="can't be reached"):
        read_inbox(project, ImapServer("plain", "127.0.0.1", closed_port(), server.user, PASSWORD))


def test_the_command_tells_what_it_did(project, server, monkeypatch):
    server.deliver(HARD)
    server.deliver(AUTOMATIC)
    monkeypatch.setenv("DRIPS_IMAP_URL", server.url())
    result = CliRunner().invoke(app, ["inbox", "--project", str(project.root)])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:3] == ["INBOX: 2 read, 1 landed", "  hard bounces 1", "  auto replied 1"]
    again = CliRunner().invoke(app, ["inbox", "--project", str(project.root), "--since", "2020-01-01", "--json"])
    assert (json.loads(again.stdout)["read"], json.loads(again.stdout)["hard_bounces"]) == (2, 1)


def test_what_was_not_understood_is_listed_for_whoever_looks(project, server, monkeypatch):
    lost = dsn(group("5.1.1"), to="bounces@acme.example", returned=None)
    request = answer("Please unsubscribe me", in_reply_to=None, subject="Newsletter")
    for content in (lost, request, UNRELATED, AUTOMATIC):
        server.deliver(content, at=ARRIVED)
    read(project, server)
    bookmark_file(project, "INBOX").unlink()
    read(project, server)
    monkeypatch.chdir(project.root)
    result = CliRunner().invoke(app, ["inbox", "--kept"])
    assert result.exit_code == 0
    assert [line.split("  ")[1].strip() for line in result.stdout.splitlines()] == [
        *("unattributed", "unattributed", "unrelated", "auto replied")
    ]
    assert "Grace <lead1@example.org> | Newsletter | answered: Please unsubscribe me" in result.stdout
    assert "(data/landing/raw/inbox/" in result.stdout
    listed = json.loads(CliRunner().invoke(app, ["inbox", "--kept", "--json"]).stdout)
    assert [mail["counted"] for mail in listed][:2] == ["unattributed", "unattributed"]
    now = ARRIVED.replace(tzinfo=None)
    assert to_look_at(project, now=now + timedelta(days=1)) == {"unattributed": 2}
    assert to_look_at(project, now=now + timedelta(days=8)) == {}


def test_without_a_mailbox_the_command_says_what_to_set(project):
    result = CliRunner().invoke(app, ["inbox", "--project", str(project.root)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "DRIPS_IMAP_URL" in result.stderr
