"""Messages in doubt: held or sent again, listed, and resolved by hand, so that files alone still tell it all."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from conftest import copy_project
from dbt_models import view_of
from smtp.servers import RawServer, ScriptedServer
from typer.testing import CliRunner

from dagster_drips.cli import commands as _registered  # noqa: F401
from dagster_drips.cli.app import app
from dagster_drips.cli.status import read_status
from dagster_drips.delivery.delivery_journal import INTERRUPTED, DeliveryJournal, Result, Sending, deliveries
from dagster_drips.delivery.dispatch import DispatchReport, dispatch
from dagster_drips.delivery.ingestion import ingest_deliveries
from dagster_drips.delivery.resolve import doubts, doubts_named, resolve
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.pipeline.tick import Pipeline
from dagster_drips.project import Project
from dagster_drips.settings import InDoubt, Settings
from dagster_drips.warehouse.port import Warehouse, open_warehouse

from .conftest import AS_OF, WALL, World
from .test_delivery_journal import claim_of

pytestmark = pytest.mark.slow

NOTED = WALL + timedelta(seconds=1)
STATES = "after_sending.message_states_after_sending"


def add_states(world: World) -> None:
    """`after_sending.message_states_after_sending` as dbt would make it, from the model itself."""
    world.warehouse.execute("create schema if not exists after_sending")
    world.warehouse.execute(view_of("message_states_after_sending"))
    # What `drips status` asks: the same rows, of which a tick has kept some.
    world.warehouse.execute("create schema if not exists kept")
    world.warehouse.execute("create table if not exists kept.current_message_states (message_id varchar)")
    world.warehouse.execute(f"create or replace view after_sending.kept_message_states_after_sending as from {STATES}")


@pytest.fixture
def doubtful(world: World) -> World:
    """m1 and m2 in doubt, m3 sent."""
    add_states(world)
    with DeliveryJournal(world.project, now=lambda: NOTED) as journal:
        journal.claim([claim_of("m1"), claim_of("m2"), claim_of("m3")])
        journal.write([Sending("m1", 1), Sending("m2", 1), Result("m3", 1, "sent", WALL, 250)])
        journal.write([Result("m1", 1, "in_doubt", NOTED, detail="the connection was lost")])
    ingest_deliveries(world.project, world.warehouse)
    return world


def states(world: World) -> dict[str, str]:
    return {
        row["message_id"]: row["status"] for row in world.warehouse.rows(f"select * from {STATES}")
    }  # fmt: skip


def drop_after_data(session, number) -> None:
    """A server that takes a whole message and is gone."""
    session.greet()
    session.until_data()
    session.hear_body()


def run(world: World, url: str, in_doubt: InDoubt) -> DispatchReport:
    settings = Settings(smtp_url=url, smtp_connections=1, in_doubt=in_doubt)
    return dispatch(world.project, world.warehouse, settings, as_of=AS_OF, now=lambda: WALL)


def test_a_message_dropped_after_its_data_is_held(world):
    add_states(world)
    world.add_version()
    message_id = world.add_lead(1)
    with RawServer(drop_after_data) as server:
        report = run(world, server.url, "hold")
    assert (report.in_doubt, states(world)) == (1, {message_id: "in_doubt"})
    world.warehouse.execute("update decide.due_steps set attempt = 2")
    with ScriptedServer() as after:
        assert run(world, after.url, "hold").due == 0
    assert after.messages == []


def test_a_message_dropped_after_its_data_goes_again_under_the_same_message_id_where_that_is_asked_for(world):
    add_states(world)
    world.add_version()
    message_id = world.add_lead(1)
    bodies: list[bytes] = []

    def drop(session, number) -> None:
        session.greet()
        session.until_data()
        bodies.append(session.hear_body())

    with RawServer(drop) as server:
        run(world, server.url, "resend")
        assert states(world) == {message_id: "deferred"}
        assert run(world, server.url, "resend").due == 0  # not twice in one tick
    world.warehouse.execute("update decide.due_steps set attempt = 2")
    with ScriptedServer() as after:
        report = run(world, after.url, "resend")
    assert (report.sent, after.accepted, len(bodies)) == (1, [message_id], 1)
    assert f"Message-ID: {after.messages[0]['Message-ID']}".encode() in bodies[0]
    assert sorted((row["attempt"], row["outcome"]) for row in world.log()) == [
        (1, "deferred"),
        (1, "in_doubt"),
        (2, "sent"),
    ]
    assert states(world) == {message_id: "sent"}


def test_all_in_doubt_are_listed_with_the_last_words_about_them(doubtful):
    first, second = doubts(doubtful.warehouse)
    assert (first.claim.message_id, first.detail) == ("m1", "the connection was lost")
    assert (second.claim.message_id, second.detail, second.recorded_at) == ("m2", INTERRUPTED, NOTED)
    assert doubts(doubtful.warehouse, sequence_id="welcome") == [first, second]
    assert doubts(doubtful.warehouse, sequence_id="other") == []


@pytest.mark.parametrize(("resolution", "status"), [("sent", "sent"), ("failed", "failed"), ("resend", "deferred")])
def test_a_resolution_counts_as_of_the_tick_that_tried_and_files_alone_tell_it(doubtful, resolution, status):
    resolve(doubtful.project, doubtful.warehouse, doubts_named(doubtful.warehouse, ["m1"]), resolution)
    assert states(doubtful) == {"m1": status, "m2": "in_doubt", "m3": "sent"}
    [row] = doubtful.warehouse.rows(f"select * from {STATES} where message_id = 'm1'")
    assert (row["sent_as_of"], row["recorded_at"], row["attempts"], row["was_in_doubt"]) == (AS_OF, NOTED, 1, True)
    assert row["detail"].startswith("resolved as ")
    assert row["retry_at"] == (AS_OF if resolution == "resend" else None)
    log = doubtful.log()
    doubtful.warehouse.execute("delete from raw.delivery_log; delete from journal.folded_deliveries")
    ingest_deliveries(doubtful.project, doubtful.warehouse)
    assert sorted(map(str, doubtful.log())) == sorted(map(str, log))


@pytest.mark.parametrize(
    ("message_id", "reason"), [("m3", "it is sent"), ("m9", "no such message was ever tried"), ("m1", "it is failed")]
)
def test_a_message_that_is_not_in_doubt_resolves_nothing(doubtful, message_id, reason):
    resolve(doubtful.project, doubtful.warehouse, doubts_named(doubtful.warehouse, ["m1"]), "failed")
    files = sorted(deliveries(doubtful.project).iterdir())
    with pytest.raises(DripsError, match=f"message {message_id} is not in doubt: {reason}; nothing was resolved"):
        doubts_named(doubtful.warehouse, ["m2", message_id])
    assert sorted(deliveries(doubtful.project).iterdir()) == files


def drips(project: Project, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["resolve", "--project", str(project.root), *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def left(doubtful: World) -> Project:
    """The same project, its warehouse closed, with one more message in doubt by a run that was killed."""
    with DeliveryJournal(doubtful.project, now=lambda: NOTED) as journal:
        journal.claim([claim_of("m4")])
        journal.write([Sending("m4", 1)])
        content = journal.path.read_bytes()
    journal.path.write_bytes(content)
    doubtful.warehouse.close()
    return doubtful.project


def test_the_command_lists_what_is_in_doubt_also_of_a_run_that_was_killed(left):
    code, out, err = drips(left)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == (
        "m1 2026-03-02T09:00:08Z welcome/hello to lead@example.org: the connection was lost"
    )  # fmt: skip
    assert out.splitlines()[3] == "3 messages in doubt; see `drips resolve --help`"
    listed = json.loads(drips(left, "--json")[1])
    assert [row["message_id"] for row in listed] == ["m1", "m2", "m4"]
    assert (listed[0]["recipient"], listed[0]["as_of"]) == ("lead@example.org", "2026-03-02T09:00:00Z")


def test_the_command_resolves_some_and_then_all_the_rest(left):
    code, out, err = drips(left, "m4", "m1", "--sent")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "2 messages resolved; the marts show it after the next `drips run`"
    assert json.loads(drips(left, "--all", "--sequence", "other", "--failed", "--json")[1])["messages"] == []
    code, out, err = drips(left, "--all", "--sequence", "welcome", "--resend")
    assert out.splitlines()[0].endswith("to lead@example.org: due again at the next tick")
    assert drips(left) == (0, "no messages in doubt\n", "")


def test_status_names_the_command_that_resolves(left):
    *_, first, second, hint = read_status(left).problems
    assert first.startswith("message m1 (welcome/hello to lead@example.org) is in doubt: the connection was lost")
    assert second.startswith("message m2")
    assert hint.endswith("`drips resolve`")


def test_a_wrong_id_is_one_clear_line(left):
    code, out, err = drips(left, "m1", "m9", "--failed")
    assert (code, out) == (1, "")
    assert err == "error: message m9 is not in doubt: no such message was ever tried; nothing was resolved\n"


@pytest.mark.parametrize(
    "arguments", [["m1"], ["--all"], ["--sent"], ["m1", "--sent", "--failed"], ["m1", "--all", "--sent"]]
)
def test_half_an_instruction_is_wrong_usage_and_resolves_nothing(left, arguments):
    assert drips(left, *arguments)[0] == 2
    assert len(json.loads(drips(left, "--json")[1])) == 3


def test_before_the_first_tick_it_names_the_command_that_makes_one(project):
    code, out, err = drips(project)
    assert (code, out, err.count("\n"), "`drips run`" in err) == (1, "", 1, True)
    with open_warehouse(project.warehouse):
        pass
    assert drips(project)[0] == 1


SEQUENCE = """
name: Welcome
status: active
active_from: 2026-01-01
sender: {name: Ada, email: ada@acme.example}
trigger: {event: lead_created}
steps:
  - {id: hello, subject: Hello, template: mail.html}
  - {id: more, delay: {hours: 1}, subject: More, template: mail.html}
"""


def test_a_doubt_holds_its_enrollment_over_ticks_until_it_is_resolved_and_a_rebuild_knows_it_all(tmp_path: Path):
    sequences = tmp_path / "sequences"
    (sequences / "welcome").mkdir(parents=True)
    (sequences / "welcome" / "sequence.yml").write_text(SEQUENCE)
    (sequences / "welcome" / "mail.html").write_text("<html><body><p>Hello</p></body></html>")
    (tmp_path / "segments").mkdir()
    project = copy_project(tmp_path / "project", sequences=sequences, segments=tmp_path / "segments")
    (project.landing / "leads").mkdir(parents=True)
    rows = "".join(f"l{n},2026-03-01,l{n}@x.example\n" for n in range(3))
    (project.landing / "leads" / "leads.csv").write_text("lead_id,created_at,email\n" + rows)
    start = datetime(2026, 3, 2, 8)

    def tick(hour: int, url: str) -> None:
        pipeline = Pipeline.of(project)
        with open_warehouse(project.warehouse) as warehouse:
            pipeline.tick(
                warehouse,
                start + timedelta(hours=hour),
                settings=Settings(smtp_url=url, smtp_connections=1),
                measure=False,
            )

    with RawServer(drop_after_data) as rude:
        tick(0, rude.url)
    listed = {row["recipient"]: row["message_id"] for row in json.loads(drips(project, "--json")[1])}
    assert len(listed) == 3
    with ScriptedServer() as server:
        tick(2, server.url)
        assert server.messages == []  # held
        assert drips(project, listed["l0@x.example"], "--sent")[0] == 0
        assert drips(project, listed["l1@x.example"], "--resend")[0] == 0
        assert drips(project, listed["l2@x.example"], "--failed")[0] == 0
        tick(4, server.url)
    assert sorted((message["To"], message["X-Drips-Step"]) for message in server.messages) == [
        ("l0@x.example", "more"),
        ("l1@x.example", "hello"),
        ("l2@x.example", "more"),
    ]
    assert listed["l1@x.example"] in server.accepted

    def log(warehouse: Warehouse) -> list[str]:
        return sorted(map(str, warehouse.rows("select * from raw.delivery_log")))

    with open_warehouse(project.warehouse) as warehouse:
        before = log(warehouse)
    project.warehouse.unlink()
    rebuild(project)
    with open_warehouse(project.warehouse) as warehouse:
        assert log(warehouse) == before
        reasons = warehouse.rows("select lead_id, reason from marts.step_decisions where state = 'failed'")
        assert reasons == [{"lead_id": "l2", "reason": "resolved_by_hand"}]
