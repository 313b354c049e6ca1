"""The jobs themselves, in this process: `decide`, then `send`, against a real mail server; the lock between runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from code_location import CodeLocation, code_location_in, write_sequence

from dagster_drips.errors import DripsError
from dagster_drips.locks import exclusive
from dagster_drips.orchestration.resources import DripsResource, pipeline_of
from dagster_drips.smtp.sink import MailSink
from dagster_drips.warehouse import open_warehouse

pytestmark = pytest.mark.slow

AS_OF = "2026-03-02T08:00:00Z"
LEADS = [
    {"lead_id": f"l{number}", "email": f"l{number}@x.example", "created_at": "2026-03-01", "company": "Acme"}
    for number in range(3)
]
EVENTS = [
    {"event_id": f"{event}-{lead['lead_id']}", "lead_id": lead["lead_id"], "event": event, "occurred_at": "2026-03-02"}
    for lead in LEADS
    for event in ("signup", "unready")
]


@pytest.fixture(scope="module")
def location(tmp_path_factory: pytest.TempPathFactory) -> CodeLocation:
    return code_location_in(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def sink(location: CodeLocation) -> Iterator[MailSink]:
    with MailSink(location.project.outbox) as server:
        (location.project.root / ".env").write_text(f"DRIPS_SMTP_URL={server.url}\nDRIPS_SMTP_CONNECTIONS=1\n")
        yield server


@pytest.fixture(scope="module")
def decided(location: CodeLocation) -> dg.ExecuteInProcessResult:
    """A tick's first half: three who sign up, a row without a key, a sequence file and a segment that are broken."""
    project = location.project
    _land(project.landing / "leads" / "leads.jsonl", LEADS)
    _land(project.landing / "events" / "events.jsonl", [*EVENTS, {"event_id": "no lead"}])
    (project.landing / "leads" / "leads.xlsx").write_bytes(b"")
    (project.landing / "leads.csv").write_bytes(b"")
    broken = write_sequence(project, "broken")
    broken.write_text(broken.read_text().replace("steps:", "staps:"))
    return location.run("decide", AS_OF)


@pytest.fixture(scope="module")
def sent(location: CodeLocation, decided: dg.ExecuteInProcessResult, sink: MailSink) -> dg.ExecuteInProcessResult:
    return location.run("send")


def _land(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    [event] = [
        event.step_materialization_data.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(asset.split("/"))
    ]
    return {name: value.value for name, value in event.metadata.items()}


def _counts(result: dg.ExecuteInProcessResult, asset: str, *names: str) -> list[int]:
    values = [_metadata(result, asset)[name] for name in names]
    assert [type(value) for value in values] == [int] * len(names), "Dagster plots numbers only"
    return values


def _materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    return {"/".join(event.asset_key.path) for event in result.get_asset_materialization_events() if event.asset_key}


def _checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {evaluation.check_name: evaluation.passed for evaluation in result.get_asset_check_evaluations()}


def test_decide_counts_what_it_loaded_rejected_and_decided(decided: dg.ExecuteInProcessResult) -> None:
    assert decided.success
    assert _counts(decided, "raw/leads", "loaded", "rejected", "duplicates") == [3, 0, 0]
    assert _counts(decided, "raw/events", "loaded", "rejected", "duplicates") == [6, 1, 0]
    assert _counts(decided, "decide/due_steps", "judged", "enrolled", "exited", "skipped", "due") == [3, 3, 0, 0, 3]
    assert _metadata(decided, "raw/tick")["as_of"] == AS_OF


def test_a_rejected_row_a_broken_sequence_and_a_broken_segment_are_failed_checks(
    decided: dg.ExecuteInProcessResult,
) -> None:
    checks = {
        f"{evaluation.asset_key.path[-1]}:{evaluation.check_name}": evaluation
        for evaluation in decided.get_asset_check_evaluations()
    }
    assert not checks["events:nothing_rejected"].passed
    assert checks["leads:nothing_rejected"].passed
    assert checks["events:nothing_ignored"].passed
    assert not checks["leads:nothing_ignored"].passed
    assert checks["leads:nothing_ignored"].metadata["ignored"].value == 2
    assert not checks["sequences:files_are_valid"].passed
    assert "broken/sequence.yml:" in checks["sequences:files_are_valid"].metadata["first"].value
    assert not checks["segment_members:segments_have_results"].passed
    assert "unready" in checks["segment_members:segments_have_results"].metadata["first"].value


def test_data_tests_are_evaluated_as_checks(
    decided: dg.ExecuteInProcessResult, sent: dg.ExecuteInProcessResult
) -> None:
    assert _checks(decided)["assert_due_steps_may_be_sent"]
    assert _checks(sent)["assert_enrollments_add_up"]


def test_a_segment_without_a_result_is_not_shown_as_made(decided: dg.ExecuteInProcessResult) -> None:
    assert "segments/everybody" in _materialized(decided)
    assert "segments/unreadable" not in _materialized(decided)


def test_send_mails_what_is_due_and_counts_it(location: CodeLocation, sent: dg.ExecuteInProcessResult) -> None:
    assert sent.success
    names = ("due", "sent", "failed", "bounced", "deferred", "in_doubt", "refused")
    assert _counts(sent, "raw/delivery_log", *names) == [3, 3, 0, 0, 0, 0, 0]
    assert _counts(sent, "journal/enrollment_closings", "completed") == [3]
    assert len(list(location.project.outbox.glob("*.eml"))) == 3
    assert {"marts/messages", "marts/enrollments", "published/marts"} <= _materialized(sent)
    with open_warehouse(location.project.published / "drips.duckdb", read_only=True) as published:
        assert published.value("select count(*) from marts.messages where status = 'sent'") == 3


def test_a_second_send_of_the_same_tick_mails_nothing_more(
    location: CodeLocation, sent: dg.ExecuteInProcessResult
) -> None:
    again = location.run("send")
    assert again.success
    assert _counts(again, "raw/delivery_log", "sent") == [0]
    assert len(list(location.project.outbox.glob("*.eml"))) == 3


def test_a_run_keeps_others_out_as_long_as_it_lasts(location: CodeLocation) -> None:
    lock = location.project.data / "run.lock"
    resource = DripsResource(project_root=str(location.project.root))
    with (
        resource.yield_for_execution(dg.build_init_resource_context()),
        pytest.raises(DripsError, match="another run of this project is going on"),
        exclusive(lock),
    ):
        pass
    with exclusive(lock):
        pass


def test_steps_of_a_run_share_the_warehouse_and_one_that_fails_leaves_it(location: CodeLocation) -> None:
    resource = DripsResource(project_root=str(location.project.root))
    with resource.yield_for_execution(dg.build_init_resource_context()) as drips:
        with drips.warehouse() as first:
            pass
        with drips.warehouse() as second:
            assert second is first
        with pytest.raises(DripsError, match=r"warehouse\.duckdb.*no_such_table"), drips.warehouse() as failing:
            failing.execute("select * from no_such_table")
        with drips.warehouse() as anew:
            assert anew is not first
            assert anew.value("select count(*) from raw.leads") == 3
    with pytest.raises(duckdb.ConnectionException):
        anew.value("select 1")


def test_a_run_waits_for_the_one_before_it(tmp_path: Path) -> None:
    lock = tmp_path / "data" / "run.lock"
    waits = 0
    with ExitStack() as before:
        before.enter_context(exclusive(lock))

        def end_the_one_before() -> None:
            nonlocal waits
            waits += 1
            before.close()

        with exclusive(lock, wait_seconds=60, on_wait=end_the_one_before):
            assert waits == 1


def test_where_dbt_can_not_read_its_project_nothing_of_it_is_shown_as_made(location: CodeLocation) -> None:
    project = location.project
    broken = project.dbt / "models" / "staging" / "broken.sql"
    broken.parent.mkdir()
    broken.write_text("select {{ no_such( }}\n")
    pipeline_of(str(project.root)).transform.forget()
    try:
        unread = location.run("decide", "2026-03-03T08:00:00Z")
    finally:
        shutil.rmtree(broken.parent)
        pipeline_of(str(project.root)).transform.forget()
    assert not unread.success
    assert "raw/leads" in _materialized(unread)
    made = {name.partition("/")[0] for name in _materialized(unread)}
    assert not made & {"staging", "segments", "decide", "after_sending", "marts"}
