"""No message goes twice, whichever way Dagster runs a send again: re-executed, retried, killed, doubled, backfilled.

One project with its real code location, its runs kept in a DAGSTER_HOME, and a mail server that counts what it took.
The tests go on from one another in time: each lands people of its own and decides a tick of its own; each ends by
holding what the server took against what is known of it.
"""

from __future__ import annotations

import base64
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest
from conftest import copy_project
from shop_runs import CONNECTIONS, PEOPLE, SECONDS, CountingServer, Shop, job_of, metadata_of
from smtp.servers import RawServer, SmtpSession, closed_port

from dagster_drips.delivery.batch import batches
from dagster_drips.delivery.delivery_journal import deliveries
from dagster_drips.delivery.sharing import LEAST_MESSAGES
from dagster_drips.orchestration.names import DELIVERY_LOG, DUE_STEPS
from dagster_drips.project import Project

pytestmark = pytest.mark.slow

SEQUENCE = """
name: Welcome
status: active
active_from: 2026-01-01
sender: {name: Ada, email: ada@acme.example}
trigger: {event: lead_created}
steps:
  - {id: hello, subject: Hello, template: mail.html}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("never_twice")
    (folder / "sequences" / "welcome").mkdir(parents=True)
    (folder / "sequences" / "welcome" / "sequence.yml").write_text(SEQUENCE)
    (folder / "sequences" / "welcome" / "mail.html").write_text("<html><body><p>Hello</p></body></html>")
    (folder / "segments").mkdir()
    project = copy_project(folder / "project", sequences=folder / "sequences", segments=folder / "segments")
    (project.landing / "leads").mkdir(parents=True)
    home = folder / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with pytest.MonkeyPatch.context() as patch, CountingServer() as server:
        patch.setenv("DAGSTER_HOME", str(home))
        with dg.DagsterInstance.get() as instance:
            shop = Shop(project, instance, server)
            shop.use(server.url)
            yield shop


def _checks(result: dg.ExecuteInProcessResult | dg.JobExecutionResult) -> dict[str, dg.AssetCheckEvaluation]:
    evaluations = result.get_asset_check_evaluations()
    return {evaluation.check_name: evaluation for evaluation in evaluations if evaluation.asset_key == DELIVERY_LOG}


# Finished runs and single assets, executed again ---------------------------------------------------------------------


def test_a_delivery_log_materialized_over_and_over_and_a_finished_send_executed_again_mail_each_once(
    shop: Shop,
) -> None:
    shop.decide()
    sent = [metadata_of(shop.materialize(DELIVERY_LOG), DELIVERY_LOG)["sent"] for _ in range(3)]
    assert sent == [PEOPLE, 0, 0]
    finished = shop.execute("send")
    again = shop.again(finished.run_id, "send")
    assert again.success
    alone = shop.materialize(DELIVERY_LOG)
    assert [metadata_of(run, DELIVERY_LOG)["due"] for run in (finished, again, alone)] == [0, 0, 0]
    assert shop.accepted().total() == len(shop.people)
    assert shop.new_doubts() == set()


def test_a_file_of_the_delivery_journal_that_was_shortened_is_named_by_a_failed_check(shop: Shop) -> None:
    file = max(deliveries(shop.project).glob("[!.]*.jsonl"), key=lambda path: path.stat().st_size)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    check = _checks(shop.materialize(DELIVERY_LOG))["delivery_journal_is_whole"]
    file.write_bytes(content)
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.ERROR
    assert f"{file.name} is shorter than it was ({len(content) // 2} of {len(content)} bytes)" in str(check.description)
    assert _checks(shop.materialize(DELIVERY_LOG))["delivery_journal_is_whole"].passed


def test_sending_that_stopped_early_is_a_failed_check_and_what_is_left_goes_with_the_next_tick_once(shop: Shop) -> None:
    shop.use(f"smtp://127.0.0.1:{closed_port()}")
    stopped = shop.execute("tick", shop.land())
    assert stopped.success
    assert metadata_of(stopped, DELIVERY_LOG)["left_due"] == PEOPLE
    assert "can't be reached" in metadata_of(stopped, DELIVERY_LOG)["stopped"]
    check = _checks(stopped)["sending_did_not_stop_early"]
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.ERROR
    assert check.metadata["left_due"].value == PEOPLE
    shop.use(shop.server.url)
    finished = shop.execute("tick", shop.land())
    assert metadata_of(finished, DELIVERY_LOG)["sent"] == 2 * PEOPLE
    assert _checks(finished)["sending_did_not_stop_early"].passed
    for old in (stopped, finished):
        again = shop.again(old.run_id, "tick")
        assert not again.success, "its instant is past"
        assert not shop.again(again.run_id, "tick", from_failure=True).success
    assert shop.accepted().total() == len(shop.people)
    assert shop.new_doubts() == set()


def test_what_is_due_and_not_committed_yet_is_not_mailed_whoever_materializes_the_delivery_log(shop: Shop) -> None:
    as_of = shop.land()
    total = shop.accepted().total()
    decide = job_of(str(shop.project.root), "decide").asset_layer.executable_asset_keys
    uncommitted = shop.execute("decide", as_of, asset_selection=[key for key in decide if key.path[0] != "journal"])
    assert metadata_of(uncommitted, DUE_STEPS)["due"] == PEOPLE
    assert metadata_of(shop.materialize(DELIVERY_LOG), DELIVERY_LOG)["due"] == 0
    assert shop.accepted().total() == total
    repeated = shop.execute("tick", as_of)
    assert metadata_of(repeated, DELIVERY_LOG)["sent"] == PEOPLE
    assert shop.new_doubts() == set()


# Runs that fail in the middle ----------------------------------------------------------------------------------------


def _fill_the_disk_under_the_journal(project: Project) -> None:
    """Every further write to the delivery journal that this process has open fails with `No space left on device`."""
    folder = deliveries(project)
    full = os.open("/dev/full", os.O_WRONLY)
    for opened in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if opened.readlink().is_relative_to(folder):
                os.dup2(full, int(opened.name))
    os.close(full)


def test_a_send_step_that_fails_in_mid_batch_and_is_retried_goes_on_where_it_was(shop: Shop) -> None:
    shop.decide()
    shop.server.at_message(3, lambda: _fill_the_disk_under_the_journal(shop.project))
    retried = shop.execute("send_with_retries")
    assert retried.success
    [retry] = [event for event in retried.all_events if event.is_step_up_for_retry]
    assert "No space left on device" in str(retry.event_specific_data)
    new = shop.new_doubts()
    assert 1 <= len(new) <= CONNECTIONS
    check = _checks(retried)["nothing_is_in_doubt"]
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.ERROR
    assert check.metadata["in_doubt"].value == len(shop.told)
    assert "drips resolve" in str(check.metadata["what_to_do"].value)


def test_a_killed_send_that_dagster_takes_up_again_goes_on_where_it_was(shop: Shop) -> None:
    shop.decide()
    with shop.dagster("send") as killed:
        shop.server.at_message(3, killed.kill)
        assert killed.end()[0] == -signal.SIGKILL
    [dead] = shop.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    shop.instance.report_run_failed(dead, "the run's process is gone")  # as Dagster's run monitoring says it
    assert shop.again(dead.run_id, "send", from_failure=True).success
    assert 1 <= len(shop.new_doubts()) <= CONNECTIONS


PASSWORD = "Tr0ub4dor-and-3"


def _refuse_logins(session: SmtpSession, _number: int) -> None:
    """Refuses every login and repeats its words, as some servers do."""
    session.say("220 rude.example")
    while heard := session.hear():
        if heard.upper().startswith("EHLO"):
            session.say("250-rude.example")
            session.say("250 AUTH PLAIN LOGIN")
        elif heard.upper().startswith("AUTH LOGIN"):
            session.say("334 UGFzc3dvcmQ6")
            session.say(f"535 5.7.8 no such login: {session.hear()} {PASSWORD}")
        else:
            session.say(f"535 5.7.8 no such login: {heard}")


def test_a_refused_login_claims_nothing_tells_no_password_and_is_taken_up_when_mended(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    shop.decide()
    with RawServer(_refuse_logins) as server:
        shop.use(server.url.replace("//", "//ada@"), DRIPS_SMTP_PASSWORD=PASSWORD)
        refused = shop.execute("send")
        assert server.connections == 1
    assert not refused.success
    [failure] = [event for event in refused.all_events if event.is_step_failure]
    told = failure.step_failure_data.error_display_string
    assert "refused the login of ada" in told
    assert "no such login" in told
    secrets = [PASSWORD, *(_base64(login) for login in (PASSWORD, f"\0ada\0{PASSWORD}", f"ada\0ada\0{PASSWORD}"))]
    output = "".join(capfd.readouterr())
    kept = [path.read_bytes() for path in Path(os.environ["DAGSTER_HOME"]).rglob("*") if path.is_file()]
    assert any(b"refused the login of ada" in content for content in kept), "this is where it would be"
    for secret in secrets:
        assert secret not in output
        assert [content for content in kept if secret.encode() in content] == []
    shop.use(shop.server.url)
    mended = shop.again(refused.run_id, "send", from_failure=True)
    assert metadata_of(mended, DELIVERY_LOG)["sent"] == PEOPLE
    again = shop.again(refused.run_id, "send", from_failure=True)
    assert metadata_of(again, DELIVERY_LOG)["due"] == 0
    assert shop.new_doubts() == set()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# Several processes ----------------------------------------------------------------------------------------------------


def test_a_killed_tick_that_is_repeated_by_two_and_sent_by_dagster_at_once_mails_each_message_once(shop: Shop) -> None:
    as_of = shop.land()
    with shop.drips("run", "--as-of", as_of) as killed:
        shop.server.at_message(3, killed.kill)
        assert killed.end()[0] == -signal.SIGKILL
    sending, go_on = threading.Event(), threading.Event()

    def wait_for_the_others() -> None:
        sending.set()
        go_on.wait(SECONDS)

    shop.server.at_message(1, wait_for_the_others)
    with shop.drips("run", "--as-of", as_of) as first:
        assert sending.wait(SECONDS)
        with shop.drips("run", "--as-of", as_of) as second, shop.dagster("send") as third:
            second.wait_until_it_waits()
            third.wait_until_it_waits()
            go_on.set()
            ended = [first.end(), second.end(), third.end()]
    assert [code for code, _, _ in ended] == [0, 1, 0]
    assert f"error: a tick at {as_of} is not later than the last finished one, {as_of}" in ended[1][2]
    new = shop.new_doubts()
    assert 1 <= len(new) <= CONNECTIONS
    told = f"raw/delivery_log nothing_is_in_doubt (in_doubt: {len(shop.told)}, what_to_do: `drips resolve`"
    assert told in ended[0][1]


def test_steps_of_a_run_send_shards_and_its_tick_is_finished_after_it(shop: Shop) -> None:
    people = 2 * LEAST_MESSAGES
    shop.decide(people)
    shop.use(shop.server.url, DRIPS_SEND_SHARDS="2")
    before = shop.accepted().total()
    with shop.dagster("send_in_shards") as run:
        code, _, told = run.end(3 * SECONDS)
    assert code == 0, told
    assert "send_shard[shard_1] - STEP_SUCCESS" in told
    assert shop.accepted().total() - before == people
    assert batches(shop.project) == []
    record = shop.instance.get_latest_materialization_event(DELIVERY_LOG)
    assert record is not None
    assert record.asset_materialization is not None
    metadata = {name: value.value for name, value in record.asset_materialization.metadata.items()}
    assert (metadata["due"], metadata["sent"], metadata["left_due"]) == (people, people, 0)
    assert shop.execute("measure").success
    assert shop.new_doubts() == set()
    shop.use(shop.server.url)


# What is told ---------------------------------------------------------------------------------------------------------


def test_what_a_rate_holds_back_is_counted_and_is_no_failed_check(shop: Shop) -> None:
    (shop.project.sequences / "senders.yml").write_text(
        "domains:\n  x.example: {rate: {messages: 1, per: {hours: 1}}}\n"
    )
    shop.decide()
    held = shop.materialize(DELIVERY_LOG)
    metadata = metadata_of(held, DELIVERY_LOG)
    assert metadata["sent"] >= 1
    assert metadata["held"] == PEOPLE - metadata["sent"] > 0
    assert metadata["left_due"] == 0
    assert _checks(held)["sending_did_not_stop_early"].passed
