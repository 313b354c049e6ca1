"""Each thing is told once to each target until it is over, whatever restarts or fails in between."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from smtp.servers import ScriptedServer
from typer.testing import CliRunner

from dagster_drips.alerts.looking import RunEnd, look, look_after
from dagster_drips.cli import alert as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.status import publish_facts
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

from .chat import Chat
from .conftest import TICK, change, finish_tick

STOP = (
    "insert into raw.sending_stops"
    " values ('the mail server mx:25', 'the mail server mx:25 refused 10 messages', {left})"
)
GATES = "create schema decide; create table decide.sequence_gates as {rows}"
GATE = (
    "select 'welcome' as sequence_id, 'bounce_rate' as gate, 'bounce_rate' as kind, '{level}' as level,"
    " '9 % of 500 bounced' as reason, {holds} as is_holding, cast({waived} as timestamp) as waived_until,"
    " 'ada' as waived_by, 'known' as waived_because"
)
DOUBT = (
    "create schema kept; create table kept.current_message_states as"
    " select 'm' || n as message_id, 'welcome' as sequence_id, 'hello' as step_id, 'ada@acme.example' as recipient,"
    " timestamp '2026-03-02 12:00' + if(n < 2, interval 0 hour, interval 1 hour) as sent_as_of, 'lost' as detail,"
    " 'in_doubt' as status from range(3) as numbers (n);"
    " create schema after_sending;"
    " create view after_sending.kept_message_states_after_sending as from kept.current_message_states"
)


def looked(project: Project, minutes: float = 0, ended: RunEnd | None = None) -> list[str]:
    """What a look so many minutes after the tick could not tell."""
    return look(project, ended=ended, now=TICK + timedelta(minutes=minutes)).problems


def test_a_stop_is_told_once_though_its_numbers_change_and_its_end_once(project: Project, chat: Chat) -> None:
    assert looked(project, 1) == []
    assert chat.taken() == []
    change(project, STOP.format(left=7))
    looked(project, 2)
    assert chat.taken() == [
        "stopped sending\nsending stopped, 7 messages stay due: the mail server mx:25 refused 10 messages"
    ]
    change(project, "update raw.sending_stops set left_due = 9")
    looked(project, 3)
    assert chat.taken() == []
    change(project, "delete from raw.sending_stops")
    looked(project, 4)
    [over] = chat.taken()
    assert over.startswith("stopped sending, over\nover since 2026-03-02T12:04:00Z: sending stopped, 9 messages")
    looked(project, 5)
    assert chat.taken() == []
    change(project, STOP.format(left=1))
    looked(project, 6)
    assert len(chat.taken()) == 1


def test_what_does_not_get_through_is_told_at_the_next_look_and_no_secret_is_shown(
    project: Project, chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    change(project, STOP.format(left=7))
    chat.status = 500
    [problem] = looked(project, 2)
    assert problem.startswith("target ops was not told, and will be at the next look: ")
    assert "500" in problem
    assert not {"s3cret-word", "hidden-path"} & set(caplog.text.replace("/", " ").replace(":", " ").split())
    chat.status = 200
    assert looked(project, 3) == []
    assert len(chat.taken()) == 1
    assert looked(project, 4) == []
    assert chat.taken() == []


def test_a_server_that_is_not_there_ends_no_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    change(project, STOP.format(left=7))
    monkeypatch.setenv("DRIPS_ALERT_URL_OPS", "json://127.0.0.1:1/")
    assert len(look_after(project, RunEnd("tick"))) == 1
    monkeypatch.delenv("DRIPS_ALERT_URL_OPS")
    [problem] = look_after(project, RunEnd("tick"))
    assert "DRIPS_ALERT_URL_OPS is not set" in problem
    monkeypatch.setenv("DRIPS_ALERT_URL_OPS", "nothing://known")
    [problem] = look_after(project, RunEnd("tick"))
    assert "no address that apprise knows" in problem
    (project.journal / "alerts.json").write_text("{")
    [problem] = look_after(project, RunEnd("tick"))
    assert "alerts.json" in problem


def test_several_at_once_are_one_message_and_gates_by_what_they_do(project: Project, chat: Chat) -> None:
    change(project, GATES.format(rows=GATE.format(level="warn", holds="false", waived="null")))
    change(project, DOUBT)
    looked(project, 1)
    [told] = chat.taken()
    assert told.splitlines()[0] == "3 things want a look"
    assert "sequence welcome is warned: 9 % of 500 bounced" in told
    assert "2 messages of the tick of 2026-03-02T12:00:00Z are in doubt" in told
    assert "acme.example" not in told + (project.journal / "alerts.json").read_text()
    change(project, "update decide.sequence_gates set is_holding = true, level = 'stop'")
    looked(project, 2)
    began, over = chat.taken()
    assert "sequence welcome is held: 9 % of 500 bounced" in began
    assert "sequence welcome is warned" in over
    change(project, "update decide.sequence_gates set waived_until = timestamp '2026-04-01'")
    looked(project, 3)
    [over] = chat.taken()
    assert "over since" in over


def test_targets_hear_what_they_want_to(project: Project, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.sequences / "project.yml").write_text(
        "alerts:\n  targets:\n    errors: {}\n    gates: {kinds: gates, level: warning}\n"
        "    sends: {kinds: [stopped_sending]}\n"
    )
    for name in ("ERRORS", "GATES", "SENDS"):
        monkeypatch.setenv(f"DRIPS_ALERT_URL_{name}", f"{chat.url}?:to={name}")
    change(project, GATES.format(rows=GATE.format(level="warn", holds="false", waived="null")))
    looked(project, 1)
    assert [one["to"] for one in chat.told] == ["GATES"]
    chat.told.clear()
    change(project, STOP.format(left=1))
    looked(project, 2)
    assert [one["to"] for one in chat.told] == ["ERRORS", "SENDS"]
    chat.told.clear()
    change(project, "delete from raw.sending_stops")
    looked(project, 3)
    assert chat.told == [], "nobody asked to hear that it is over"


def test_a_failed_run_is_over_when_one_of_its_job_ends_well(project: Project, chat: Chat) -> None:
    failed = RunEnd("decide", "Could not convert 'Ada Lovelace' of ada@acme.example\nmore", "r1")
    looked(project, 1, failed)
    [told] = chat.taken()
    assert told.endswith("run r1 of decide failed at 2026-03-02T12:01:00Z: Could not convert '…' of (address)")
    looked(project, 2, RunEnd("decide", "again", "r2"))
    looked(project, 3, RunEnd("inbox"))
    looked(project, 4)
    assert chat.taken() == []
    looked(project, 5, RunEnd("inbox", "no mailbox", "r3"))
    assert len(chat.taken()) == 1
    looked(project, 6, RunEnd("decide"))
    [over] = chat.taken()
    assert "over since" in over
    assert "decide" in over
    assert "Lovelace" not in (project.journal / "alerts.json").read_text()


def test_stopped_ticks_are_told_without_the_warehouse_and_before_the_first_tick(project: Project, chat: Chat) -> None:
    looked(project, 59)
    assert chat.taken() == []
    project.warehouse.unlink()
    looked(project, 61)
    assert chat.taken() == [
        "stopped ticks\nno tick has finished since 2026-03-02T12:00:00Z, and one was due within 1:00:00"
    ]
    looked(project, 600)
    assert chat.taken() == []
    finish_tick(project, TICK + timedelta(minutes=610))
    looked(project, 611)
    [over] = chat.taken()
    assert over.startswith("stopped ticks, over")


def test_before_the_first_tick_time_counts_from_the_first_look(project: Project, chat: Chat) -> None:
    for folder in (project.journal / "ticks").iterdir():
        folder.rename(project.root / folder.name)
    looked(project, 0)
    looked(project, 50)
    assert chat.taken() == []
    looked(project, 70)
    assert len(chat.taken()) == 1


def test_older_facts_change_nothing(project: Project, chat: Chat) -> None:
    folder = project.published / "versions" / "v1"
    folder.mkdir(parents=True)
    with open_warehouse(project.warehouse) as warehouse:
        publish_facts(warehouse, folder)
    (project.published / "current").symlink_to("versions/v1")
    later = datetime.now() + timedelta(days=1)
    finish_tick(project, later)
    change(project, STOP.format(left=1))
    look(project, now=later)
    assert len(chat.taken()) == 1
    look(project, only_published=True, now=later + timedelta(minutes=1))
    assert chat.taken() == [], "what was published before knows nothing of the stop"


def test_a_mail_is_a_target_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    change(project, STOP.format(left=1))
    with ScriptedServer() as server:
        port = server.url.rpartition(":")[2]
        address = f"mailto://127.0.0.1:{port}/?mode=insecure&from=drips@acme.example&to=ops@acme.example&smtp=127.0.0.1"
        monkeypatch.setenv("DRIPS_ALERT_URL_OPS", address)
        assert looked(project, 1) == []
        assert looked(project, 2) == []
    [mail] = server.messages
    assert mail["To"] == "ops@acme.example"
    assert "stopped sending" in mail["Subject"]
    assert "the mail server mx:25 refused 10 messages" in mail.get_body(("plain", "html")).get_content()


def test_a_project_without_alerts_is_left_alone(project: Project, chat: Chat) -> None:
    (project.sequences / "project.yml").write_text("timezone: UTC\n")
    change(project, STOP.format(left=1))
    assert look(project).messages == 0
    assert not (project.journal / "alerts.json").exists()


# The command ----------------------------------------------------------------------------------------------------------


def asked(project: Project, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["alert", "--project", str(project.root), *arguments])
    return result.exit_code, result.output


def test_the_command_tells_and_says_what_it_told(project: Project, chat: Chat) -> None:
    code, out = asked(project)
    assert (code, "stopped ticks" in chat.taken()[0], "no tick has finished since" in out) == (0, True, True)
    code, out = asked(project, "--json")
    found = json.loads(out)
    assert (code, found["messages"], found["problems"]) == (0, 0, [])
    assert [(one["kind"], one["told"]) for one in found["incidents"]] == [("stopped_ticks", ["ops"])]
    assert chat.taken() == []
    assert asked(project, "--test", "ops") == (0, "told ops\n")
    assert chat.taken() == ["a test\nMessages of dagster-drips arrive here."]


def test_the_command_says_what_is_missing(project: Project, chat: Chat) -> None:
    chat.status = 404
    code, out = asked(project)
    assert (code, "target ops was not told" in out) == (1, True)
    code, out = asked(project, "--test", "ops")
    assert (code, "target ops was not reached" in out) == (1, True)
    code, out = asked(project, "--test", "opps")
    assert (code, "there is no target 'opps'" in out) == (1, True)
    (project.sequences / "project.yml").write_text("timezone: UTC\n")
    code, out = asked(project)
    assert (code, out.count("\n"), "project.yml: has no alerts" in out) == (1, 1, True)


def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path: Path, project: Project) -> None:
    from dagster_drips.sequences.catalog import read_catalog

    (project.sequences / "project.yml").write_text(
        "alerts:\n  targets:\n    ops:\n      kinds: [gates, bounces]\n      url: json://x\n"
    )
    problems = {(one.line, one.message) for one in read_catalog(project, segments=()).problems}
    assert {line for line, _ in problems} == {4, 5}
    with pytest.raises(DripsError, match="no target"):
        from dagster_drips.alerts.looking import tell_of_test

        tell_of_test(project, "nobody")
